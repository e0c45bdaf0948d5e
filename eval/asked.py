"""Which copy of a suite responses answer: the manifest beside them says it, and no other grades them.

Copies of a suite share problem ids where their questions or golds differ, so the ids cannot tell.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import envs
from programs.errors import UserError


def asked_sha256(problems: Iterable[envs.Problem]) -> str:
    """sha256 of the ids, questions and golds of problems; one that is there again counts once."""
    rows = {problem.id: [problem.question, problem.answer] for problem in problems}
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def environment_of(responses: Path, suite: str) -> str:
    """The name of the environment that asked the suite; without a manifest, of the one that has it."""
    made = _manifest(responses)
    return made["spec"]["environment"] if suite in made["suites"] else envs.environment_of(suite)


def refuse_other_copies(responses: Path, environment: envs.Environment, suites: Iterable[str]) -> None:
    """UserError where a suite is not what its responses answer. Without a manifest nobody knows."""
    asked = _manifest(responses)["suites"]
    for suite in suites:
        if suite not in asked:
            continue
        here = asked_sha256(environment.suite_problems(suite, asked[suite]["asked"]))
        if here != asked[suite]["asked_sha256"]:
            raise UserError(
                f"{responses} answers another copy of {suite}: asked was "
                f"{_named(asked[suite], asked[suite]['asked_sha256'])}, and here is "
                f"{_named(environment.describe(suite), here)}; name the folder of the copy that was asked in "
                f"OPD_MATH_DATA, or remove {responses}, so that the model is asked again"
            )


def _named(suite: Mapping[str, Any], sha256: str) -> str:
    """How a message names a copy: its source, or the suite if it has none, its status and hash."""
    return f"{suite.get('source', suite['suite'])} ({suite['status']}, {sha256[:16]})"


def _manifest(responses: Path) -> dict[str, Any]:
    """What `eval.generate` wrote beside its responses; no suites where there is no such file."""
    path = responses.with_suffix(".json")
    if path == responses or not path.exists():
        return {"suites": {}}
    try:
        found = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is no JSON, and should say how {responses} was made") from error
    return found if isinstance(found, dict) and "suites" in found else {"suites": {}}
