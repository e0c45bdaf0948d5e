"""What is asked of a cluster."""

import pytest

from opd.plan import requests
from opd.plan.requests import Requests
from tests.opd.plan.scales import scale


def test_paper_asks_for_a_gpu_and_room_for_the_models():
    paper = Requests(scale("paper"))
    assert (paper.gpus, paper.training_gpus) == (1, 8)
    assert paper.cards == [("H100 80 GB", 79.1)]
    # A model of 7.6 B parameters in bfloat16, once or in each of eight processes.
    assert 14 * 1024 < paper.mib < 32 * 1024
    assert 8 * 14 * 1024 < paper.training_mib < 256 * 1024
    nodes = Requests(scale("paper", training_nodes=2))
    assert nodes.training_mib == pytest.approx(paper.training_mib / 2, rel=0.05)


def test_a_teacher_that_is_larger_than_the_student_is_loaded_and_not_trained():
    small, alike = (
        Requests(scale("small", distill={"memory": {"offload": offload}})) for offload in (True, False)
    )
    assert small.training_mib - alike.training_mib < 26 * 1024  # of 1.5 B weights, not of 7.6 B


def test_time_is_twice_the_estimate_and_half_an_hour():
    hours = 12  # of a single-task run, most of them decoding, from the planner's table
    assert 2 * hours * 60 < Requests(scale("paper")).run("single_task") < 6 * hours * 60
    twice = scale("paper", distill={"steps": 800})
    first, second = (Requests(plan).run("single_task") - 30 for plan in (scale("paper"), twice))
    assert second == pytest.approx(2 * first, abs=1)


def test_traces_and_warm_starts_have_times_of_their_own():
    paper = Requests(scale("paper"))
    assert paper.traces("student_sft") == paper.traces("rlvr_sft") > paper.model("student_sft") > 30


def test_slower_cards_get_more_time():
    slow = Requests(scale("paper", gpu="a100-80"))
    assert slow.generation() > Requests(scale("paper")).generation()
    assert slow.play("valid_seen") >= 30


def test_scales_for_cpus_ask_for_little():
    mini = Requests(scale("mini"))
    assert (mini.gpus, mini.mib, mini.training_mib, mini.run("single_task"), mini.model("student_sft")) == (
        *(0, 4096, 4096, 120, 120),
    )


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
    assert unknown.run("single_task") == 24 * 60
    assert unknown.mib == unknown.training_mib == 128 * 1024
