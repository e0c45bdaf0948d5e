"""Hand-made folders of episodes, as `eval.alfworld` writes them, and a study's frame of their outcomes."""

import json
from pathlib import Path

import pandas as pd

PLAYED = {
    "panel": "panel.jsonl",
    "protocol": {"name": "compact"},
    "sampling": {"temperature": 1, "top_p": 0.9, "max_new_tokens": 8},
    "repeats": 2,
    "max_steps": 20,
}
RULES = {"alfworld": "0.4.2", "grammar_md5": "g"}


def turn(tokens=4, valid=True, admissible=True) -> dict:
    return {"tokens": tokens, "valid_format": valid, "admissible": admissible, "cut_off": False}


def episode(problem: str, sample: int, outcome: str, turns: list[dict]) -> dict:
    identity = {"suite": "name in the panel's file", "protocol": "compact avg@2", "task_type": "pick"}
    played = {"problem": problem, "sample": sample, "outcome": outcome, "steps": len(turns), "turns": turns}
    return identity | played


def write_folder(folder: Path, records: list[dict], official: bool = False, **played) -> str:
    """A folder of episodes; `played` changes how they were played."""
    games = len({record["problem"] for record in records})
    panel = {"panel": "p", "games": games, "sha256": "0123456789abcdef", "official": official}
    folder.mkdir(parents=True)
    manifest = {"panel": panel, "spec": PLAYED | played, "rules": RULES}
    (folder / "episodes.json").write_text(json.dumps(manifest))
    (folder / "episodes.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(folder)


def long_table(outcomes: dict, panel: str = "unseen") -> pd.DataFrame:
    """The lines of (row, seed) -> game -> (won, lost, errors); each episode two turns, one of them bad."""
    lines = []
    for (row, seed), games in outcomes.items():
        for game, (won, lost, error) in games.items():
            samples = won + lost + error
            verdicts = {"correct": won, "wrong": lost, "truncated": 0, "ungraded": error}
            about = {"row": row, "seed": seed, "suite": panel, "protocol": "compact avg@2", "problem": game}
            lines.append(
                {
                    **about,
                    "samples": samples,
                    **verdicts,
                    "strict": won,
                    "lenient": won,
                    "majority": float("nan"),
                    "suite_version": "0123456789ab",
                    "suite_status": "generated",
                    "mean_tokens": 3.0,
                    "task_type": "pick",
                    "conditions": "protocol compact avg@2, at most 20 steps",
                    "turns": 2 * samples,
                    "commands": 2 * samples,
                    "invalid_format": samples,
                    "inadmissible": 0,
                }
            )
    return pd.DataFrame(lines)
