"""A suite from the first place that has it: a folder of the user's, the cache, the hub.

`$OPD_MATH_DATA` (or an argument) names the folder. It holds, per suite, one of `<suite>.jsonl`,
`<suite>.json`, `<suite>.parquet` or a folder `<suite>/` that is a clone of the hub's repository.
`$OPD_CACHE` (default `~/.cache/opd-benchmark/suites`) is what `python -m eval.suites fetch` fills.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eval.suites import content, rows
from eval.suites.cleaning import clean
from eval.suites.suite import Copy, Hub, Item, Suite
from programs.errors import UserError


class SuiteNotFoundError(FileNotFoundError):
    """No place has the suite."""


class SuiteContentError(UserError):
    """What was found is not the suite: wrong count, or problems without a gold."""


@dataclass(frozen=True)
class LoadedSuite:
    """The problems of a suite, and what a result must state of them.

    `sha256` is of the copy as it was found; `copy` what is known of it. `removed` counts what the
    cleaning of training prompts took out of `items`, by reason.
    """

    suite: Suite
    items: tuple[Item, ...]
    sha256: str
    copy: Copy | None
    source: str
    removed: Mapping[str, int] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """`verified`: a known copy without a flaw; else `unverified`."""
        return "verified" if self.copy and not self.copy.flaw else "unverified"

    def statement(self) -> dict[str, str | int]:
        """What every result computed from the suite carries."""
        return {
            "suite": self.suite.name,
            "version": self.suite.version,
            "problems": len(self.items),
            "status": self.status,
            "sha256": self.sha256,
            "copy": self.copy.description if self.copy else "not a known copy",
            "source": self.source,
        }


def load(suite: Suite, folder: Path | None = None) -> LoadedSuite:
    """The suite, its count enforced, its checksum compared with those of known copies.

    Raises SuiteNotFoundError with the places looked at and the command to run, or SuiteContentError.
    """
    found, source = find(suite, folder)
    items = checked(suite, rows.items(suite, found), source)
    digest = content.sha256(items)
    published = tuple(content.with_published_ids(suite.name, items))
    loaded = LoadedSuite(suite, published, digest, suite.copy(digest), source)
    if suite.role == "training":
        kept, removed = clean(items, suite.conflicting)
        return replace(loaded, items=tuple(kept), removed=removed)
    return loaded


def checked(suite: Suite, items: list[Item], source: str) -> list[Item]:
    """The items, if their number is one of the suite's and no evaluation problem lacks its gold."""
    if len(items) not in suite.counts:
        expected = " or ".join(str(count) for count in suite.counts)
        raise SuiteContentError(f"{suite.name} has {expected} rows, but {source} has {len(items)}")
    missing = [item.id for item in items if not item.answer]
    if missing and suite.role == "evaluation":
        raise SuiteContentError(f"{suite.name} from {source} has no answer for {', '.join(missing)}")
    return items


def find(suite: Suite, folder: Path | None = None) -> tuple[list[dict[str, Any]], str]:
    """The raw rows and where they came from; the first place that has the suite wins."""
    local = at_hand(suite, folder)
    if local:
        return read(local, suite.hub), str(local)
    try:
        return _hub_rows(suite), f"hub {suite.hub}"
    except SuiteNotFoundError as error:
        looked = [
            f"{kind} {place}" + ("" if place.is_dir() else ", which is no folder")
            for kind, place in _folders(folder)
        ]
        raise SuiteNotFoundError(
            "\n  ".join([f"{suite.name} was not found. Looked in:", *looked, str(error)])
            + f"\nTo get it, {how_to_get(suite)}."
        ) from error


def how_to_get(suite: Suite) -> str:
    """What to do where no copy is at hand."""
    named = f"name a folder that holds {suite.name}.jsonl in OPD_MATH_DATA"
    if suite.hub is None:
        return named
    return f"where the hub can be reached, `python -m eval.suites fetch {suite.name}` gets it; or {named}"


def at_hand(suite: Suite, folder: Path | None = None) -> Path | None:
    """The file or folder that `find` would read, without asking the hub."""
    candidates = (path for _, place in _folders(folder) for path in _candidates(place, suite))
    return next((path for path in candidates if path.exists()), None)


def fetch(suite: Suite) -> Path:
    """Read the suite from the hub into the cache; returns the file.

    Raises SuiteNotFoundError if the hub cannot be read, SuiteContentError for a wrong count; then nothing
    is stored.
    """
    items = checked(suite, rows.items(suite, _hub_rows(suite)), f"hub {suite.hub}")
    path = cache() / f"{suite.name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    lines = (
        json.dumps({"id": item.id, "problem": item.problem, "answer": item.answer}, ensure_ascii=False)
        for item in items
    )
    partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
    partial.replace(path)
    return path


def cache() -> Path:
    """The folder that `fetch` fills."""
    return Path(os.environ.get("OPD_CACHE", "~/.cache/opd-benchmark/suites")).expanduser()


def read(path: Path, hub: Hub | None) -> list[dict[str, Any]]:
    """The rows of a file, or of a folder that is a clone of the hub's repository."""
    if path.is_dir():
        if hub is None:
            raise UserError(f"{path} is a folder, and the suite names no hub that it could be a clone of")
        return read_hub(Hub(str(path), hub.split, None, hub.configs))
    if path.suffix == ".parquet":
        from pyarrow import parquet

        return parquet.read_table(path).to_pylist()
    text = path.read_text(encoding="utf-8")
    # Not splitlines: texts may hold line separators other than \n.
    return json.loads(text) if path.suffix == ".json" else [json.loads(x) for x in text.split("\n") if x]


def read_hub(hub: Hub) -> list[dict[str, Any]]:
    """The rows of every configuration, through the `datasets` library."""
    from datasets import load_dataset

    return [
        row
        for config in hub.configs
        for row in load_dataset(hub.repository, config, split=hub.split, revision=hub.revision)
    ]


def _hub_rows(suite: Suite) -> list[dict[str, Any]]:
    if suite.hub is None:
        raise SuiteNotFoundError("no hub, as the suite names none")
    try:
        return read_hub(suite.hub)
    except OSError as error:  # no connection, no such repository, no access
        raise SuiteNotFoundError(f"hub {suite.hub} ({type(error).__name__}: {error})") from error


def _folders(folder: Path | None) -> Iterator[tuple[str, Path]]:
    named = folder or os.environ.get("OPD_MATH_DATA")
    if named:
        yield "folder", Path(named)
    yield "cache", cache()


def _candidates(place: Path, suite: Suite) -> Iterator[Path]:
    for stem in (suite.name, *suite.aliases):
        for suffix in (".jsonl", ".json", ".parquet", ""):
            yield place / f"{stem}{suffix}"
