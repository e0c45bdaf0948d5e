"""The command line of `eval.alfworld`."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from envs.alfworld.game import SPLITS
from envs.alfworld.policies import POLICIES
from envs.alfworld.protocols import NAMES as PROTOCOLS
from envs.alfworld.protocols import Protocol, React
from envs.alfworld.protocols import load as load_protocol
from envs.alfworld.sources import GENERATED
from eval.alfworld.react_examples import with_examples
from eval.alfworld.records import read_episodes
from eval.alfworld.spec import GRAMMARS, PlaySpec
from opd.rollout import ENGINES
from opd.spec import SamplingSpec
from programs.command_line import json_of, spec_or_options
from programs.errors import UserError

_GENERATED_PER_TYPE = 10


def arguments(
    description: str | None, argv: Sequence[str] | None = None
) -> tuple[PlaySpec, Path | None, Path, float, Path | None]:
    """(spec, model, out, max_errors, against) from the command line, `sys.argv` by default."""
    parser = command_line(description)
    given = parser.parse_args(argv)
    beside = frozenset({"model", "out", "against", "max_errors"})
    spec = spec_or_options(parser, given, PlaySpec, spec_by_hand, beside)
    if (given.model is None) == (spec.policy is None):
        parser.error("say who plays: --model FOLDER or --policy NAME")
    return spec, given.model, given.out, given.max_errors, given.against


def command_line(description: str | None) -> argparse.ArgumentParser:
    """The options of this program."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.alfworld",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder to write")
    parser.add_argument("--model", type=Path, metavar="FOLDER", help="model to ask")
    parser.add_argument("--spec", help="PlaySpec as JSON text, or a file of it, for all that follows")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="earlier run to compare with")
    parser.add_argument("--max-errors", type=float, default=0.01, metavar="SHARE", help="(%(default)s)")
    option = parser.add_argument_group("who plays").add_argument
    option("--policy", choices=POLICIES, help="expert reads what a model reads; walkthrough knows the way")
    option("--protocol", default="verl_agent", help=f"{', '.join(PROTOCOLS)}, or JSON (%(default)s)")
    option("--examples", type=Path, metavar="FOLDER", help="react: show won episodes of this run on train")
    option("--temperature", type=float, default=0.4, metavar="T", help="0: greedy (%(default)s)")
    option("--top-p", type=float, default=1.0, metavar="P", help="mass of the nucleus (%(default)s)")
    option("--max-new-tokens", type=int, default=512, metavar="N", help="cap on a turn (%(default)s)")
    option("--engine", choices=ENGINES, default="torch", help="vllm is an optional extra (%(default)s)")
    option = parser.add_argument_group("what is played").add_argument
    option("--panel", default="valid_unseen", help=f"{', '.join(SPLITS)}, or a panel file (%(default)s)")
    option("--games", metavar="SOURCE", help="ALFWorld's data: its tree, or a file or folder of compact rows")
    option("--generated", metavar="SIZE", help="generate games instead: tiny, small, full")
    option("--per-type", type=int, metavar="N", help="games per task type (generated: 10, else all)")
    option("--seed", type=int, metavar="N", help="seed of the generated games (0)")
    option("--grammar", choices=GRAMMARS, default="standard", help="terse: few words (%(default)s)")
    option("--repeats", type=int, default=1, metavar="K", help="episodes per game (%(default)s)")
    option("--max-steps", type=int, default=50, metavar="N", help="step limit (%(default)s)")
    option("--run", default="evaluation", help="name of the random streams (%(default)s)")
    option = parser.add_argument_group("how fast").add_argument
    option("--slots", type=int, default=16, metavar="N", help="games at once (%(default)s)")
    option("--processes", type=int, default=2, metavar="N", help="engine processes (%(default)s)")
    option("--stock", action="store_true", help="play on the stock engine, which says the same, slower")
    return parser


def spec_by_hand(given: argparse.Namespace) -> PlaySpec:
    """The spec that the options describe; UserError if they contradict each other."""
    source = given.games
    if given.generated:
        if given.games:
            raise UserError("--games and --generated are two sources; name one")
        per_type = _GENERATED_PER_TYPE if given.per_type is None else given.per_type
        source = f"{GENERATED}:{given.generated}:{per_type}:{given.seed or 0}"
    elif given.seed is not None:
        raise UserError("--seed is that of --generated games; remove it")
    of_model: dict[str, Any] = {}
    if given.model is not None:
        sampling = {name: getattr(given, name) for name in SamplingSpec.model_fields}
        of_model = {"protocol": protocol_of(given.protocol, given.examples), "sampling": sampling}
    return PlaySpec(
        games=source,
        per_type=None if given.generated else given.per_type,
        **{name: getattr(given, name) for name in ("panel", "grammar", "policy", "engine", "run")},
        **{name: getattr(given, name) for name in ("repeats", "max_steps", "slots", "processes")},
        accelerated=not given.stock,
        **of_model,
    )


def protocol_of(text: str, examples: Path | None) -> Protocol:
    """The protocol of `--protocol`, a name, JSON or a file of JSON, with the examples of `--examples`."""
    try:
        config = {"name": text} if text in PROTOCOLS else json.loads(json_of(text))
    except json.JSONDecodeError as error:
        raise UserError(f"--protocol is no JSON: {error}") from error
    protocol = load_protocol(config)
    if examples is None:
        return protocol
    if not isinstance(protocol, React):
        raise UserError("--examples are for --protocol react")
    return with_examples(protocol, read_episodes(examples))
