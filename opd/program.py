"""The command line shared by the programs: one spec and some named paths."""

import argparse
from pathlib import Path

from pydantic import ValidationError

from opd.spec import Spec


def arguments(description: str | None, spec: type[Spec], **paths: str) -> tuple:
    """Parse `--spec` and one option per entry of `paths` (name -> help); returns their values."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spec", required=True, help=f"{spec.__name__} as JSON text, or a file of it")
    for name, meaning in paths.items():
        parser.add_argument(f"--{name}", required=True, type=Path, help=meaning)
    given = vars(parser.parse_args())
    text = given.pop("spec")
    return spec.model_validate_json(json_of(text)), *given.values()


def json_of(text: str) -> str:
    """What an option says that takes JSON text or the name of a file of it."""
    return text if text.lstrip().startswith("{") else Path(text).read_text()


def in_words(error: ValidationError) -> str:
    """What is wrong with a spec, in one line for the command line."""
    return "; ".join(f"{'.'.join(map(str, e['loc']))} {e['msg']}".strip() for e in error.errors())
