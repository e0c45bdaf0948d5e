"""Which files of this repository a program is made of, read from its import statements.

The rules that report have a hash of them as param, so that what other code computed is computed again. Models
are trained, asked and played once, whatever becomes of the code; an interrupted training goes on with the
code that it began with, or starts over. Reading takes milliseconds where importing takes seconds. What is
imported by a function, or by a name in a variable, is not seen: `_NAMED` lists it, and
tests/programs/test_imports.py finds what is forgotten there.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from programs.provenance import ROOT, hash_of

_IMPORT = re.compile(r"^(?:from ([\w.]+) import (\([^)]*\)|.*)|import ([\w.]+))", re.M)
_PACKAGES = frozenset(path.parent.name for path in ROOT.glob("*/__init__.py"))
_SUITES = ("eval/suites/*/*.py", "eval/suites/hashes/*.json")
# What a program loads or starts without an import statement that can be seen.
_NAMED = {
    "opd.distill": (
        "opd/lm_head/fused.py",
        "opd/rollout/vllm_engine.py",
        "opd/rollout/following_engine.py",
        "eval/suites/training/*.py",
        *(f"envs/alfworld/{name}.py" for name in ("worker", "engine", "acceleration", "self_check")),
    ),
    "eval.score": _SUITES,
    "eval.suites.__main__": _SUITES,
    "eval.lm_eval.crosscheck": (*_SUITES, "eval/lm_eval/tasks/task.py", "eval/lm_eval/tasks/*.yaml"),
}


def digest(program: str) -> str:
    """A hash of all files that a program is made of, by their paths and contents."""
    return hash_of(ROOT, (ROOT / path for path in sources(program)))


def sources(program: str) -> list[str]:
    """Sorted paths, from the repository's root, of a program and of all that it imports there.

    It is named as in `python -m`, the program of a package as `eval.claims.__main__`.
    ModuleNotFoundError if the repository has no such module.
    """
    if _file(program) is None:
        raise ModuleNotFoundError(f"{ROOT} has no module {program}")
    named = [file.relative_to(ROOT) for pattern in _NAMED.get(program, ()) for file in ROOT.glob(pattern)]
    waiting = [program, *(".".join(file.with_suffix("").parts) for file in named)]
    found = dict[str, Path]()
    while waiting:
        name = waiting.pop()
        if name not in found and (file := _file(name)):
            found[name] = file
            waiting += [*_imported(file), name.rpartition(".")[0]]  # a module's packages are run before it
    return sorted({*map(str, named), *(str(file.relative_to(ROOT)) for file in found.values())})


@cache
def _file(module: str) -> Path | None:
    """The file of a module or package of this repository; None for any other name."""
    first, *rest = module.split(".")
    if first not in _PACKAGES:
        return None
    path = ROOT.joinpath(first, *rest)
    return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if file.exists()), None)


@cache
def _imported(file: Path) -> tuple[str, ...]:
    return tuple(_names(file.read_text()))


def _names(text: str) -> Iterator[str]:
    """What unindented statements import: modules, and names that may be modules."""
    for package, names, module in _IMPORT.findall(text):
        yield package or module
        yield from (f"{package}.{name}" for name in re.findall(r"\w+", names))
