"""What is asked of a cluster."""

import json

import pytest

from tests.workflows.needs.scales import scale
from workflows.needs import requests
from workflows.needs.requests import Requests


def test_paper_asks_for_a_gpu_and_room_for_the_models():
    paper = Requests(scale("paper"))
    assert (paper.gpus, paper.training_gpus) == (1, 8)
    assert paper.cards == [("H100 80 GB", 79.1)]
    # A model of 7.6 B parameters in bfloat16, once or in each of eight processes.
    assert 14 * 1024 < paper.mib < 32 * 1024
    asked = paper.run_mib("single_task", "lsm")
    assert 8 * 14 * 1024 < asked < 256 * 1024
    nodes = Requests(scale("paper", training_nodes=2))
    assert nodes.run_mib("single_task", "lsm") == pytest.approx(asked / 2, rel=0.05)


def test_a_teacher_that_is_larger_than_the_student_is_loaded_and_not_trained():
    small, alike = (
        Requests(scale("small", distill={"memory": {"offload": offload}})).run_mib("single_task", "lsm")
        for offload in (True, False)
    )
    assert small - alike < 26 * 1024  # of 1.5 B weights, not of 7.6 B


def test_host_memory_is_that_of_the_job_s_own_recipe():
    """Memory and adapters of a model, an experiment, a method or a variant, and not the config's alone."""
    on_card = {"distill": {"memory": {"offload": False, "hold_gradients": False}}}
    on_host = {"distill": {"memory": {"offload": True}}}
    models = {"rlvr_teacher": {"reinforce": on_host}}
    made = scale("paper", "paper_1gpu", **on_card, models=models, experiments={"multitask": on_host})
    made.method("offloaded", **made.methods["lsm"], memory={"offload": True})
    asked, shipped = Requests(made), Requests(scale("paper", "paper_1gpu"))
    low, high = 30_904, 199_451  # with the 7B student on the card and on the host
    assert shipped.run_mib("single_task", "lsm") == high
    assert (shipped.model_mib("rlvr_teacher"), shipped.model_mib("student_sft")) == (high, high)
    assert (asked.model_mib("rlvr_teacher"), asked.model_mib("student_sft")) == (high, low)
    assert [asked.run_mib("single_task", name) for name in ("lsm", "offloaded")] == [low, high]
    assert (
        asked.run_mib("multitask", "lsm") == asked.run_mib("single_task", "lsm@memory.offload=true") == high
    )
    adapted = asked.run_mib("multitask", "lsm@lora.rank=16")
    assert low < adapted < high / 2  # weights rest there, but no gradients and moments of them


def test_host_memory_is_that_of_the_models_in_the_job():
    """Where small's student is its own teacher, a run loads no model of 7.6 B."""
    asked = Requests(scale("small"))
    alone = {"experiments": {"single_task": {"teachers": {"math": "student"}}}}
    taught, by_itself = asked.run_mib("single_task", "lsm"), Requests(scale("small", **alone))
    assert taught - by_itself.run_mib("single_task", "lsm") == pytest.approx(6.07e9 * 2 / 2**20, rel=0.01)


def test_time_is_twice_the_estimate_and_half_an_hour():
    hours = 12  # of a single-task run, most of them decoding, from the planner's table
    assert 2 * hours * 60 < Requests(scale("paper")).run_minutes("single_task", "lsm") < 6 * hours * 60
    twice = scale("paper", distill={"steps": 800})
    first, second = (
        Requests(plan).run_minutes("single_task", "lsm") - 30 for plan in (scale("paper"), twice)
    )
    assert second == pytest.approx(2 * first, abs=1)


def test_the_time_of_a_run_is_that_of_its_own_recipe(monkeypatch, tmp_path):
    """Of a variant that takes more steps, and of what the run itself has measured."""
    monkeypatch.chdir(tmp_path)
    paper = Requests(scale("paper"))
    alone, longer = (paper.run_minutes("single_task", m) - 30 for m in ("lsm", "lsm@steps=800"))
    assert longer == pytest.approx(2 * alone, abs=1)
    before = paper.run_minutes("single_task", "lsm")
    folder = tmp_path / "results/paper/runs/single_task/lsm/seed0"
    folder.mkdir(parents=True)
    machine = {f"{phase}_tokens_per_s": 1000.0 for phase in ("rollout", "scoring", "training")}
    machine |= {"processes": 8, "device": "NVIDIA H100 80GB HBM3", "device_gib": 79.1}
    line = {"task": "math", "machine": machine, "response_length": 8192.0}
    (folder / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    paper = Requests(scale("paper"))
    assert paper.run_minutes("single_task", "lsm") == 30 + 2 * 400 * 128 * 8192 * 3 // 1000 // 60
    assert paper.run_minutes("single_task", "sampled_token") == pytest.approx(before, rel=0.01)


def test_traces_and_warm_starts_have_times_of_their_own():
    paper = Requests(scale("paper"))
    assert (
        paper.traces_minutes("student_sft")
        == paper.traces_minutes("rlvr_sft")
        > paper.model_minutes("student_sft")
        > 30
    )


def test_the_signal_study_has_a_time_of_its_own():
    responses = {"signal": {"responses": 512}}
    assert 30 < Requests(scale("paper")).signal_minutes < Requests(scale("paper", **responses)).signal_minutes
    assert Requests(scale("mini")).signal_minutes == 120


def test_slower_cards_get_more_time():
    slow = Requests(scale("paper", gpu="a100-80"))
    assert slow.generation_minutes > Requests(scale("paper")).generation_minutes
    assert slow.play_minutes("valid_seen") >= 30


def test_scales_for_cpus_ask_for_little():
    mini = Requests(scale("mini"))
    assert (
        mini.gpus,
        mini.mib,
        mini.run_minutes("single_task", "lsm"),
        mini.model_minutes("student_sft"),
    ) == (0, 4096, 120, 120)
    assert mini.run_mib("single_task", "lsm") == mini.model_mib("student_sft") == 4096


@pytest.mark.parametrize(("cores", "gpus", "threads"), [(128, 8, 8), (16, 4, 4), (4, 8, 1), (6, 0, 6)])
def test_all_gpus_of_a_machine_have_cores(monkeypatch, cores, gpus, threads):
    monkeypatch.setattr(requests.os, "sched_getaffinity", lambda process: range(cores))
    paper = Requests(scale("paper"))
    assert (paper.threads(1, gpus), paper.threads(8, gpus)) == (threads, 8 * threads)
    assert (paper.cores(1), paper.cores(8)) == (8, 64)


def test_a_job_on_a_cpu_has_one_thread():
    mini = Requests(scale("mini"))
    assert (mini.threads(1, 8), mini.threads(2, 8), mini.cores(2)) == (1, 1, 2)


def test_a_dry_run_does_not_need_the_shape():
    unknown = Requests(scale("small", models={"student": {"hub": {"hub_id": "nobody/nothing"}}}))
    assert unknown.run_minutes("single_task", "lsm") == 24 * 60
    assert unknown.mib == unknown.run_mib("single_task", "lsm") == 128 * 1024
