"""Play ALFWorld with a model or a policy, and say how often it succeeds.

    python -m eval.alfworld --model FOLDER --panel valid_unseen --games SOURCE --out FOLDER
    python -m eval.alfworld --policy expert --generated tiny --per-type 2 --out FOLDER
    python -m eval.alfworld --model FOLDER --spec SPEC --out FOLDER

The first two ask by hand; the third is the workflow's, SPEC a `PlaySpec` as JSON.

A model is any folder in the Hugging Face format. It is asked once per turn, under one of three protocols:
  verl_agent  a fresh prompt with the task, the last two turns and the admissible commands; it thinks inside
              <think> and acts inside <action>. The form of arXiv 2603.25562's table 2, in our own words.
  react       one growing transcript, a command or a `think:` line at a time. For base models. It needs
              examples: those in its config, or two won episodes per task type of an earlier run, say of
              --policy expert --panel train --per-type 2, named with --examples. Only the first line of a
              response counts, so keep --max-new-tokens small: 50 will do.
  compact     a short page of notes, answered by the command alone. For small models trained from scratch;
              the notes do part of the work, so it is not comparable with the others.
--protocol takes a name, or JSON with the fields to change, as text or in a file:
  {"name": "verl_agent", "first_turn": "... {current_observation} ...", "later_turn": "..."}

Games come from ALFWorld's own data (--games, else $ALFWORLD_DATA), or are generated (--generated). Each game
of the panel is played --repeats times; success is what the engine says, never what the text says. Killed
and started again with the same arguments, the program continues after the last episode that ended.

The folder --out receives
  episodes.jsonl   a record per episode: suite (the panel), protocol, problem (the game), sample, split,
                   task_type, run, seed, max_steps, outcome, steps, error, MD5 of domain and grammar,
                   opening, and per turn: prompt_sha256, response, tokens, cut_off (it reached
                   --max-new-tokens), command, valid_format, admissible (null for a thought), observation
  episodes.json    how they were made: spec, panel, model, versions of engine, code and libraries; `faults`:
                   failures of the engine since the program was last started, mended by a replay or not
  problems.csv     per game: episodes won, lost and error, with counts of its turns
  table.csv        success with 95 % intervals, overall, as mean of the types, per type; rates
  table.md         the same as printed
An episode ends in one of three ways: won; lost, at the step limit; error, when the engine failed twice.
Errors are no losses: they are left out of success, and more than --max-errors of them fail the program. Then
the episodes stay in episodes.partial, and started again it plays those that ended in an error once more.

With some 20 games per type and one episode each, an interval spans 30 to 40 points. To compare two runs, pair
them by game: --against FOLDER prints the difference from an earlier run on the same panel.

arXiv 2603.25562 and its code train and evaluate with --temperature 1 --top-p 0.9 --max-steps 30; only the
code's script for the teacher alone has --temperature 0.4 --max-steps 50, the defaults here. GiGPO's
validation: --temperature 0.4. Their 128 games are draws with replacement from valid_seen; make that panel
with `python -m envs.alfworld.panel --split valid_seen --legacy-128`.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from envs.alfworld import rules
from envs.alfworld.game import SPLITS
from envs.alfworld.panel import Panel, make_panel, read_panel
from envs.alfworld.play import Episode, Played, Player, episodes, play
from envs.alfworld.policies import POLICIES, witness_of
from envs.alfworld.policies.player import PolicyPlayer
from envs.alfworld.sources import GENERATED, load_games
from envs.alfworld.vector import AlfWorld
from eval.alfworld.options import arguments
from eval.alfworld.records import EPISODES
from eval.alfworld.records import record as episode_record
from eval.alfworld.scores import paired, problems, render, table
from eval.alfworld.spec import GRAMMARS, PlaySpec
from eval.responses import Request, request_of
from programs.command_line import launch
from programs.journal import Journal
from programs.progress import progress
from programs.provenance import provenance

_PROBLEMS = "problems.csv"


def main(spec: PlaySpec, model: Path | None, out: Path, max_errors: float, against: Path | None) -> None:
    """Play all episodes, write the records and scores into `out` and print the table."""
    panel = load_panel(spec)
    player, player_statement = load_player(spec, model, panel)
    asked = episodes(panel, spec.repeats, spec.run)
    origin = {
        "spec": spec.recipe(),
        "panel": panel.statement(),
        "rules": rules.statement(GRAMMARS[spec.grammar]),
        **player_statement,
    }
    out.mkdir(parents=True, exist_ok=True)
    journal = Journal(out / EPISODES, origin, request_of)
    faults = play_all(spec, asked, player, journal)
    order = [request(spec, episode) for episode in asked]
    # Until all is well the journal keeps its file, from which the program would go on.
    counted = report([journal.records[each] for each in order], out)
    refuse_errors(counted, max_errors, journal.partial)
    journal.finish(order, {**origin, "folder": str(model), "faults": faults, **provenance()})
    if against is not None:
        print(difference(counted, pd.read_csv(against / _PROBLEMS), against))


def load_panel(spec: PlaySpec) -> Panel:
    """The games that are played. FileNotFoundError says how to get them if there are none."""
    if spec.panel not in SPLITS:
        return read_panel(Path(spec.panel))
    generated = spec.games is not None and spec.games.startswith(GENERATED)
    name = f"{spec.games} {spec.panel}" if generated else spec.panel
    return make_panel(name, load_games(spec.games, spec.panel), spec.per_type)


def load_player(spec: PlaySpec, folder: Path | None, panel: Panel) -> tuple[Player, dict[str, Any]]:
    """Who plays, and what the manifest says of it; UserError if it cannot play a game of the panel."""
    if spec.policy is not None:
        if spec.policy == "walkthrough":
            for game in panel.games:
                witness_of(game)
        return PolicyPlayer(POLICIES[spec.policy]), {"policy": spec.policy}
    # A policy needs no torch, which takes seconds to load.
    from opd import models
    from opd.rollout.engine import load
    from opd.rollout.game_player import ModelPlayer

    assert folder is not None
    assert spec.protocol is not None
    assert spec.sampling is not None
    engine = load(spec.engine, folder, spec.slots)
    origin = {
        "engine": engine.version,
        "model": models.fingerprint(folder),
        "tokenizer": models.tokenizer_sha256(engine.tokenizer),
        "end_tokens": engine.tokenizer.convert_ids_to_tokens(engine.end_ids),
    }
    return ModelPlayer(engine, spec.protocol, spec.sampling), origin


def play_all(spec: PlaySpec, asked: Sequence[Episode], player: Player, journal: Journal) -> list[str]:
    """Play what the journal does not hold yet, or as an error of the engine, which may not come again.

    Returns the failures of the engine, those that a replay mended too.
    """
    ended = {each: record["outcome"] for each, record in journal.records.items()}
    waiting = [episode for episode in asked if ended.get(request(spec, episode), "error") == "error"]
    outcomes = Counter(outcome for outcome in ended.values() if outcome != "error")
    with (
        AlfWorld(
            spec.slots, spec.processes, spec.max_steps, spec.accelerated, GRAMMARS[spec.grammar]
        ) as world,
        progress(total=len(asked), initial=len(asked) - len(waiting), unit="episode") as bar,
    ):
        for played in play(world, spec.slots, waiting, player):
            journal.add(record(spec, played))
            outcomes[played.outcome] += 1
            bar.set_postfix(outcomes, refresh=False)  # else each episode writes a line into a log
            bar.update()
        return world.faults


def request(spec: PlaySpec, episode: Episode) -> Request:
    """The episode's name in the episodes file."""
    return spec.protocol_name, episode.panel, episode.game.id, episode.sample


def record(spec: PlaySpec, played: Played) -> dict[str, Any]:
    """One line of the episodes file; the fields are explained in the module's docstring."""
    stated = rules.statement(GRAMMARS[spec.grammar])
    return {
        "protocol": spec.protocol_name,
        "run": spec.run,
        "max_steps": spec.max_steps,
        **{name: stated[name] for name in ("domain_md5", "grammar_md5")},
        **episode_record(played),
    }


def report(records: Iterable[dict[str, Any]], out: Path) -> pd.DataFrame:
    """Score the episodes, write the tables into `out` and print the last; returns the counts per game."""
    counted = problems(records)
    counted.to_csv(out / _PROBLEMS, index=False)
    scores = table(counted)
    scores.to_csv(out / "table.csv", index=False)
    text = render(scores)
    (out / "table.md").write_text(text + "\n")
    print(text)
    return counted


def refuse_errors(counted: pd.DataFrame, max_errors: float, episodes: Path) -> None:
    """Exit with a message, which names the file of the episodes, if too many are errors."""
    errors = counted.error.sum() / counted.samples.sum()
    if errors > max_errors:
        sys.exit(
            f"{errors:.1%} of the episodes are errors of the engine: see `error` in {episodes}; "
            "start the program again to play just these once more"
        )


def difference(counted: pd.DataFrame, other: pd.DataFrame, name: Path) -> str:
    """The paired difference from another run, in a sentence."""
    found = paired(counted, other)
    mcnemar = "" if pd.isna(found["p_mcnemar"]) else f", McNemar's p {found['p_mcnemar']:.3f}"
    points = 100 * found["detectable"]
    detectable = "" if pd.isna(points) else f"; {points:.1f} points would be found in 80 % of cases"
    return (
        f"\nDifference from {name}: {100 * found['difference']:+.1f} points "
        f"[{100 * found['low']:+.1f}, {100 * found['high']:+.1f}], p {found['p']:.3f}{mcnemar}; "
        f"paired on {found['games']} games ({found['dropped']} dropped for errors){detectable}"
    )


if __name__ == "__main__":
    launch(main, *arguments(__doc__))
