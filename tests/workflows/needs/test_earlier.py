"""Rates and lengths of earlier steps, task by task, by hand."""

import json

import pytest

from opd.plan.work import Phase
from workflows.needs.earlier import Earlier, earlier, overall_rate, overall_rates

CPU = {"processes": 1, "device": "cpu", "device_gib": None}
H100 = {"processes": 8, "device": "NVIDIA H100 80GB HBM3", "device_gib": 79.1}


def line(task, factor, turns=None, machine=CPU) -> str:
    rates = {"rollout_tokens_per_s": 10.0, "scoring_tokens_per_s": 40.0, "training_tokens_per_s": 20.0}
    machine = {name: rate * factor for name, rate in rates.items()} | machine
    return json.dumps({"task": task, "machine": machine, "response_length": 30.0 * factor, "turns": turns})


def test_tasks_and_seeds_of_a_run(tmp_path):
    for seed, factor in ((0, 1), (1, 3)):
        folder = tmp_path / f"seed{seed}"
        folder.mkdir()
        lines = [line("math", factor), line("games", 10 * factor, turns=4.0 * factor)]
        (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    assert earlier(tmp_path, 1, None) == {
        "math": Earlier({"rollout": 20.0, "scoring": 80.0, "training": 40.0}, 60.0, None),
        "games": Earlier({"rollout": 200.0, "scoring": 800.0, "training": 400.0}, 600.0, 8.0),
    }
    assert earlier(tmp_path / "nowhere", 1, None) == {}


@pytest.mark.parametrize(
    ("processes", "gpu", "rollout"),
    [(8, "h100", 20.0), (1, None, 10.0), (4, "h100", None), (8, "h200", None)],
)
def test_rates_are_those_of_the_planned_hardware_and_lengths_are_of_any(tmp_path, processes, gpu, rollout):
    unsaid = line("math", 9, machine={})
    (tmp_path / "metrics.jsonl").write_text(
        "\n".join([line("math", 1), line("math", 2, machine=H100), unsaid])
    )
    found = earlier(tmp_path, processes, gpu)["math"]
    assert (found.rates.get("rollout"), found.length) == (rollout, 120.0)
    assert len(found.rates) == (3 if rollout else 0)
    assert bool(overall_rates({"rollout": [Phase(100, 0, 0)]}, [found])) == bool(rollout)


def test_rates_of_two_tasks_weigh_by_their_seconds():
    """8,192 tokens at 20,000 a second and 150 at 5,000: 0.4096 + 0.03 seconds."""
    long, short = Phase(8192, 0, 0), Phase(150, 0, 0)
    assert overall_rate([long, short], [20000, 5000]) == pytest.approx(8342 / 0.4396)


def test_lines_without_rates_say_nothing(tmp_path):
    """One that a full disk cut off, one of a step too short to be timed, one without a machine."""
    still, bare = json.loads(line("math", 0)), {"task": "math", "response_length": 1.0}
    lines = [line("math", 1), json.dumps(still), json.dumps(bare), line("math", 5)[:-20]]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    assert earlier(tmp_path, 1, None)["math"].rates == {"rollout": 10.0, "scoring": 40.0, "training": 20.0}


def test_there_are_no_rates_of_all_tasks_until_each_has_some():
    known = Earlier({"rollout": 10.0}, 30.0, None)
    phases = {"rollout": [Phase(100, 0, 0), Phase(100, 0, 0)]}
    assert overall_rates(phases, [known, None]) == {}
    assert overall_rates(phases, [known, known]) == {"rollout": 10.0}
