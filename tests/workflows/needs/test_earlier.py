"""Rates and lengths of earlier steps, task by task, by hand."""

import json

import pytest

from opd.plan.work import Phase
from workflows.needs.earlier import Earlier, earlier, overall_rate


def line(task, factor, turns=None) -> str:
    rates = {"rollout_tokens_per_s": 10.0, "scoring_tokens_per_s": 40.0, "training_tokens_per_s": 20.0}
    machine = {name: rate * factor for name, rate in rates.items()}
    return json.dumps({"task": task, "machine": machine, "response_length": 30.0 * factor, "turns": turns})


def test_tasks_and_seeds_of_a_run(tmp_path):
    for seed, factor in ((0, 1), (1, 3)):
        folder = tmp_path / f"seed{seed}"
        folder.mkdir()
        lines = [line("math", factor), line("games", 10 * factor, turns=4.0 * factor)]
        (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    assert earlier(tmp_path) == {
        "math": Earlier({"rollout": 20.0, "scoring": 80.0, "training": 40.0}, 60.0, None),
        "games": Earlier({"rollout": 200.0, "scoring": 800.0, "training": 400.0}, 600.0, 8.0),
    }
    assert earlier(tmp_path / "nowhere") == {}


def test_rates_of_two_tasks_weigh_by_their_seconds():
    """8,192 tokens at 20,000 a second and 150 at 5,000: 0.4096 + 0.03 seconds."""
    long, short = Phase(8192, 0, 0), Phase(150, 0, 0)
    assert overall_rate([long, short], [20000, 5000]) == pytest.approx(8342 / 0.4396)
