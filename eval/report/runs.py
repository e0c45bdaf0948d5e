"""How the models of a table were trained, as the run.json beside each says."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from opd.run.code import code_hash
from opd.spec import DistillSpec, SftSpec
from programs.errors import UserError

_SPECS: TypeAdapter[DistillSpec | SftSpec] = TypeAdapter(DistillSpec | SftSpec)


def manifests(runs: Mapping[str, str]) -> list[dict[str, Any]]:
    """What every run.json says; UserError if one is not of the recipe whose hash `runs` has for it."""
    found = {path: json.loads(Path(path).read_text()) for path in runs}
    for path, manifest in found.items():
        if recipe_of(manifest["spec"]) != runs[path]:
            raise UserError(
                f"{path} is of another recipe than this table's row: delete it, and Snakemake makes the run "
                "again, or go back to the settings in its `spec`"
            )
    return list(found.values())


def recipe_of(spec: dict[str, Any]) -> str | None:
    """The hash of a stored spec's recipe; None if today's programs would not take that spec."""
    try:
        return _SPECS.validate_python(spec).recipe_sha256()
    except ValidationError:
        return None


def code_versions(trained: Iterable[Mapping[str, Any]]) -> str:
    """Which code made the models of these manifests, in words: says so if they differ; "" for none.

    Code is the same where its hash is, whatever else a commit changed. A resumed run may have several.
    """
    commits: dict[str, set[str]] = {}
    earlier: set[str] = set()
    for manifest in trained:
        commits.setdefault(manifest["source_sha256"], set()).add(manifest["commit"])
        earlier |= set(manifest.get("resumed_from_source_sha256", ()))
    versions = sorted(f"{', '.join(sorted(of))} (source {source})" for source, of in commits.items())
    versions += [f"before a run was resumed (source {source})" for source in sorted(earlier - set(commits))]
    return ("different code: " if len(versions) > 1 else "") + "; ".join(versions)


def outdated(trained: Sequence[Mapping[str, Any]]) -> str:
    """How many of these models the code of training as it is now has not made, in words; "" for none.

    Of earlier versions, whose manifests have no hash of that code, nothing is said.
    """
    now = {code_hash(program) for program in ("opd.distill", "opd.sft")}
    stated = [each["training_code_sha256"] for each in trained if "training_code_sha256" in each]
    others = [code for code in stated if code not in now]
    if not others:
        return ""
    return f"{len(others)} of {len(trained)} runs by other training code than this tree's (-R trains again)"
