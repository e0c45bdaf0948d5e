"""The suites and training sets: what they are, how to get them, and whether a copy is the known one.

    python -m eval.suites list                          every suite and whether it is at hand
    python -m eval.suites show math500                  version, licence, known copies and defects
    python -m eval.suites fetch math500 aime24          from the hub into the cache
    python -m eval.suites diff aime25 --data FOLDER     the rows that differ from the reference copy
    python -m eval.suites contamination --training dapo_math_17k --suite math500 olympiadbench

Data is looked for in --data (default: $OPD_MATH_DATA), then in the cache ($OPD_CACHE, default
~/.cache/opd-benchmark/suites, which `fetch` fills), then on the hub.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from eval import suites
from eval.suites import content, rows
from eval.suites.contamination import overlaps
from eval.suites.diff import differences
from eval.suites.load import LoadedSuite, at_hand, checked, fetch, find, how_to_get, load, read
from eval.suites.suite import Copy
from programs.errors import UserError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; exits with a sentence where it cannot."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except (UserError, suites.SuiteNotFoundError) as error:
        raise SystemExit(str(error)) from error


def list_suites(options: argparse.Namespace) -> None:
    """One line per suite."""
    for name in (*suites.evaluation_suites(), *suites.training_sets()):
        suite = suites.get(name)
        place = at_hand(suite, options.data) or "not at hand"
        print(f"{name:18} {suite.version:6} {'/'.join(map(str, suite.counts)):>17} rows  {place}")


def show(options: argparse.Namespace) -> None:
    """What is known of a suite, and of the copy at hand."""
    suite = suites.get(options.suite)
    print(f"{suite.name}, version {suite.version}: {suite.description}")
    print(f"rows      {' or '.join(map(str, suite.counts))}")
    print(f"answers   {suite.answer_type}")
    print(f"licence   {suite.licence}")
    print(f"hub       {suite.hub or 'none'}")
    for copy in suite.copies:
        print(
            f"copy      {copy.sha256[:16]}  {copy.description}{f'. FLAW: {copy.flaw}' if copy.flaw else ''}"
        )
    for defect in suite.defects:
        print(f"defect    {defect.what}\n          {len(defect.ids)}: {' '.join(defect.ids)}")
    if at_hand(suite, options.data):
        print(f"at hand   {described(load(suite, options.data))}")
    else:
        print(f"at hand   no; {how_to_get(suite)}")


def described(loaded: LoadedSuite) -> str:
    """A copy in a few lines."""
    lines = [f"{loaded.status}: {known_as(loaded.copy)}", f"{loaded.source}, sha256 {loaded.sha256}"]
    if loaded.suite.role == "training":
        removed = ", ".join(f"{count} {reason}" for reason, count in loaded.removed.items())
        lines.append(f"{len(loaded.items)} prompts after removing {removed}")
    return "\n          ".join(lines)


def known_as(copy: Copy | None) -> str:
    """What is known of a copy."""
    if copy is None:
        return "not a known copy"
    return f"{copy.description}. FLAW: {copy.flaw}" if copy.flaw else copy.description


def fetch_suites(options: argparse.Namespace) -> None:
    """Fetch each suite and say what came."""
    for name in options.suites:
        suite = suites.get(name)
        print(f"{name} -> {fetch(suite)}")
        print(f"          {described(load(suite, options.data))}")


def diff(options: argparse.Namespace) -> None:
    """The differing rows of the copy at hand."""
    suite = suites.get(options.suite)
    if not content.published(suite.name):
        raise SystemExit(f"no row hashes are published for {suite.name}, only checksums of whole copies")
    found, source = find(suite, options.data)
    items = rows.items(suite, found)
    digest = content.sha256(items)
    print(f"{suite.name} from {source}: {len(items)} rows, sha256 {digest}")
    print(known_as(suite.copy(digest)))
    differing = differences(suite.name, items)
    for difference in differing:
        print(f"{difference.id:30} {difference.what}")
    print(f"{len(differing)} differences from the reference copy")


def hashes(options: argparse.Namespace) -> None:
    """The hash list of the copy at hand, which makes it the suite's reference copy."""
    suite = suites.get(options.suite)
    found, source = find(suite, options.data)
    items = checked(suite, rows.items(suite, found), source)
    print(content.dumps([content.row_hash(item) for item in items]), end="")


def contamination(options: argparse.Namespace) -> None:
    """Per suite how many problems a training set holds, and which; as JSON with --out."""
    training = _training_texts(options.training, options.data)
    report = {}
    print(f"{'suite':18} problems  exact  >= half of 13-grams  either")
    for name in options.suite:
        loaded = load(suites.get(name), options.data)
        found = [overlap for overlap in overlaps(training, loaded.items) if overlap.contaminated]
        report[name] = {"suite": loaded.statement(), "contaminated": [asdict(overlap) for overlap in found]}
        exact = sum(overlap.exact for overlap in found)
        shared = sum(overlap.mostly_shared for overlap in found)
        print(f"{name:18} {len(loaded.items):8}  {exact:5}  {shared:19}  {len(found):6}")
        for overlap in found:
            print(f"    {overlap.id:42} {'exact, ' if overlap.exact else ''}{overlap.shared:.0%} of 13-grams")
    if options.out:
        options.out.write_text(json.dumps({"training": options.training, "suites": report}, indent=1) + "\n")


def _training_texts(name: str, data: Path | None) -> list[str]:
    if Path(name).is_file():
        generic = suites.get("math_train")  # any file with a column of problems
        return [item.problem for item in rows.items(generic, read(Path(name), generic.hub))]
    return [item.problem for item in load(suites.get(name), data).items]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m eval.suites",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function, meaning: str) -> argparse.ArgumentParser:  # type: ignore[no-untyped-def]
        added = commands.add_parser(name, help=meaning, description=meaning)
        added.add_argument("--data", type=Path, help="folder with the data (default: $OPD_MATH_DATA)")
        added.set_defaults(command=function)
        return added

    command("list", list_suites, "every suite and whether it is at hand")
    command("show", show, "what is known of a suite and of the copy at hand").add_argument("suite")
    command("fetch", fetch_suites, "get suites from the hub into the cache").add_argument("suites", nargs="+")
    command("diff", diff, "rows of the copy at hand that differ from the reference").add_argument("suite")
    command("hashes", hashes, "print the hash list of a new suite's copy at hand").add_argument("suite")
    overlap = command("contamination", contamination, "problems of suites that a training set holds")
    overlap.add_argument("--training", required=True, help="a training set's name, or a file of problems")
    overlap.add_argument("--suite", nargs="+", required=True, help="suites to compare with it")
    overlap.add_argument("--out", type=Path, help="JSON file with the ids, for the clean-subset column")
    return parser


if __name__ == "__main__":
    main()
