"""What the programs share: a command line of one spec and some named paths, and how they end."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from programs.errors import UserError
from programs.provenance import code
from programs.spec import Spec, distinct
from programs.start import begun

AnySpec = TypeVar("AnySpec", bound=Spec)


def launch(program: Callable[..., Any], *given: Any) -> None:
    """Run a program's main; what its user can mend ends it with the message alone, and status 1.

    That is a UserError, a package that is not installed, and what the system says of files, disks and
    networks. Everything else is an error of the program and keeps its traceback.
    """
    begun()
    try:
        code()  # before the tree can be edited under a long job, which states it at its end
        program(*given)
    except (UserError, ModuleNotFoundError, OSError) as error:
        sys.exit(str(error))


def arguments(
    description: str | None, spec: type[Spec], named: frozenset[str] = frozenset(), **paths: str
) -> tuple:
    """Parse `--spec` and one option per entry of `paths` (name -> help); returns their values.

    An option in `named` takes NAME=PATH, once or more, and gives a dictionary. What cannot be parsed, or
    names something twice, is a usage error.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spec", required=True, help=f"{spec.__name__} as JSON text, or a file of it")
    for name, meaning in paths.items():
        if name in named:
            parser.add_argument(
                f"--{name}",
                required=True,
                type=_named,
                nargs="+",
                action="extend",
                metavar="NAME=PATH",
                help=meaning,
            )
        else:
            parser.add_argument(f"--{name}", required=True, type=Path, help=meaning)
    given = vars(parser.parse_args())
    given |= {name: _by_name(parser, name, given[name]) for name in named}
    text = given.pop("spec")
    with _usage_errors(parser):
        return spec.model_validate_json(json_of(text)), *given.values()


def spec_or_options(
    parser: argparse.ArgumentParser,
    given: argparse.Namespace,
    spec: type[AnySpec],
    by_hand: Callable[[argparse.Namespace], AnySpec],
    beside: frozenset[str],
) -> AnySpec:
    """The spec of `--spec`, or without it what `by_hand` makes of the options; ends in a usage error.

    `--spec` stands for all options but those in `beside`, which go with either.
    """
    with _usage_errors(parser):
        found = spec.model_validate_json(json_of(given.spec)) if given.spec else by_hand(given)
    said = {name for name, value in vars(given).items() if value != parser.get_default(name)}
    if given.spec and said - beside - {"spec"}:
        parser.error("--spec says all of it; leave out the options that say it by hand")
    return found


@contextmanager
def _usage_errors(parser: argparse.ArgumentParser) -> Iterator[None]:
    """What is wrong with a spec or its file is the command line's fault."""
    try:
        yield
    except ValidationError as error:
        parser.error(_in_words(error))
    except (UserError, OSError) as error:
        parser.error(str(error))


def _named(text: str) -> tuple[str, Path]:
    name, _, path = text.partition("=")
    if not name or not path:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PATH")
    return name, Path(path)


def _by_name(
    parser: argparse.ArgumentParser, option: str, pairs: Sequence[tuple[str, Path]]
) -> dict[str, Path]:
    try:
        distinct(name for name, _ in pairs)
    except ValueError as error:
        parser.error(f"--{option}: {error}")
    return dict(pairs)


def json_of(text: str) -> str:
    """What an option says that takes JSON text or the name of a file of it."""
    return text if text.lstrip().startswith("{") else Path(text).read_text()


def _in_words(error: ValidationError) -> str:
    """What is wrong with a spec, in one line for the command line."""
    problems = ((".".join(map(str, each["loc"])), each["msg"]) for each in error.errors())
    return "; ".join(
        ": ".join(filter(None, (place, said.removeprefix("Value error, ")))) for place, said in problems
    )
