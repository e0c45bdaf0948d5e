"""Which files of this repository a program is made of, read from its import statements.

The rules that report list them as input, so that what other code computed is computed again. Reading takes
milliseconds where importing takes seconds. What is imported by a function, or by a name in a variable, is
not seen: rules name such modules themselves, and tests/workflows/test_imports.py finds those they forget.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
_IMPORT = re.compile(r"^(?:from ([\w.]+) import (\([^)]*\)|.*)|import ([\w.]+))", re.M)
_PACKAGES = frozenset(path.parent.name for path in ROOT.glob("*/__init__.py"))


def sources(*modules: str) -> list[str]:
    """Sorted paths, from the repository's root, of the modules and of all that they import there.

    A module is named as in `python -m`, the program of a package as `eval.claims.__main__`.
    ModuleNotFoundError if the repository has no such module.
    """
    if unknown := [name for name in modules if _file(name) is None]:
        raise ModuleNotFoundError(f"{ROOT} has no module {', '.join(unknown)}")
    waiting, found = list(modules), dict[str, Path]()
    while waiting:
        name = waiting.pop()
        if name not in found and (file := _file(name)):
            found[name] = file
            waiting += [*_imported(file), name.rpartition(".")[0]]  # a module's packages are run before it
    return sorted(str(file.relative_to(ROOT)) for file in found.values())


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
