"""Which code made a result: the commit, and a hash of the packages as they are on disk."""

import hashlib
import subprocess
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent
_PACKAGES = ("envs", "eval", "opd", "programs", "studies")  # not workflows, which makes no number
_LIBRARIES = ("torch", "transformers", "numpy", "math-verify", "datasets")


def provenance() -> dict[str, str]:
    """Commit (with `-dirty` if the tree differs), source hash and versions of the main libraries."""
    return {**code(), **{library: version(library) for library in _LIBRARIES}}


@cache
def code() -> dict[str, str]:
    """Commit and source hash as they are at the first call: a program is what lay there when it started.

    `programs.command_line.launch` makes that call. Whoever edits the tree during a long run changes nothing.
    """
    return {"commit": _commit() or "unknown", "source_sha256": source_hash()}


def sessions(earlier: Iterable[str]) -> list[str]:
    """The source hashes of a job's sessions, each once: those of earlier ones, then this one's."""
    return [*dict.fromkeys([*earlier, code()["source_sha256"]])]


def resumed_from(earlier: Iterable[str]) -> dict[str, list[str]]:
    """What a manifest states of sessions that a job resumed from, if other code than today's ran them."""
    others = [source for source in earlier if source != code()["source_sha256"]]
    return {"resumed_from_source_sha256": others} if others else {}


def _commit() -> str:
    """What git calls the tree; "" where there is no repository or no git."""
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        return subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return ""


def source_hash() -> str:
    """The hash of all Python files of the packages that make numbers."""
    return hash_of(ROOT, (path for name in _PACKAGES for path in sorted((ROOT / name).rglob("*.py"))))


def hash_of(root: Path, files: Iterable[Path]) -> str:
    """16 hex digits of sha256 over the files' paths below `root` and their contents, in the order given."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
