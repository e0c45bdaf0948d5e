"""Jobs on GPUs and clusters, as far as a machine without either can tell."""

import re
from collections import Counter
from importlib.util import find_spec

import pytest
import yaml

from opd.plan import devices
from programs.provenance import ROOT
from tests.workflows.command import SMOKE, configfiles, planned, snakemake
from tests.workflows.needs.scales import scale
from workflows.needs.jobs import jobs
from workflows.needs.requests import Requests
from workflows.scale import CONFIG, plan, read

PAPER = configfiles("paper")
PAGE = (ROOT / "docs/clusters.md").read_text()


@pytest.fixture
def no_games(monkeypatch):
    """A machine that surely lacks something for the paper's multi-task table."""
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)


def test_the_paper_s_scale_stops_at_a_lack_before_any_job(tmp_path, no_games):
    printed = snakemake(tmp_path, "table_multitask", *PAPER, fails=True)
    assert "To mend it:\n    " in printed
    assert not list(tmp_path.glob("results/paper/models/*"))


def test_a_dry_run_does_not_care(tmp_path, no_games):
    assert "lsm" in planned(snakemake(tmp_path, "table_multitask", "--dry-run", *PAPER))


def test_a_lack_that_no_job_meets_stops_nothing(tmp_path, no_games):
    printed = snakemake(tmp_path, "results/paper/alfworld/train.jsonl", *PAPER, fails=True)
    assert "ALFWORLD_DATA is not set" in printed
    (tmp_path / "results/paper/alfworld").mkdir(parents=True)
    (tmp_path / "results/paper/alfworld/train.jsonl").touch()
    assert "Nothing to be done" in snakemake(tmp_path, "results/paper/alfworld/train.jsonl", *PAPER)


def test_jobs_that_run_a_model_say_what_they_ask_for(tmp_path):
    variant = "results/paper/runs/multitask/lsm@memory.offload=true/seed0/run.json"
    printed = snakemake(tmp_path, "table_multitask", variant, "--dry-run", *PAPER)
    asked = re.findall(r"^rule (\w+):.*?resources: (.*?)$", printed, re.M | re.S)
    with_gpu = {rule: re.search(r"gpu=(\d+)", resources) for rule, resources in asked}
    gpus = {rule: int(found[1]) for rule, found in with_gpu.items() if found}
    assert gpus == {
        "distill": 8,
        "lsm": 8,
        "lsm_mask": 8,
        "sampled_token": 8,
        "sampled_token_mask": 8,
        "generate": 1,
        "play": 1,
    }
    (minutes,) = {re.search(r"runtime=(\d+)", resources)[1] for rule, resources in asked if rule == "lsm"}
    assert int(minutes) > 24 * 60
    host = {rule: int(re.search(r"mem_mb=(\d+)", r)[1]) for rule, r in asked if gpus.get(rule) == 8}
    planned_by = Requests(scale("paper"))
    assert host.pop("distill") == planned_by.run_mib("multitask", "lsm@memory.offload=true") > 300_000
    assert set(host.values()) == {planned_by.run_mib("multitask", "lsm")}


def test_jobs_at_once_share_the_memory_of_this_machine(tmp_path):
    """Snakemake cuts what a job asks for to what there is; what a cluster is asked for stays."""
    for here in (None, 123):
        given = () if here is None else ("--resources", f"host_mib={here}")
        printed = snakemake(tmp_path, "table_single_task", "--dry-run", *given, *PAPER)
        asked = re.findall(r"resources: .*gpu=[1-9].* host_mib=(\d+), .*mem_mb=(\d+)", printed)
        bound = here or int(devices.host_memory_gib() * 1024)
        assert len(asked) == 12 + 14
        assert all(int(host) == min(int(wanted), bound) for host, wanted in asked)


def test_fewer_gpus_than_a_training_takes_are_refused(tmp_path):
    printed = snakemake(tmp_path, "table_single_task", "-n", "--resources", "gpu=4", *PAPER, fails=True)
    assert "--config training_processes=4" in printed


def test_a_model_of_another_architecture_is_run_without_being_planned(tmp_path, no_games):
    """The check goes on with what needs no shape."""
    folder = tmp_path / "gemma"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "gemma2"}')
    own = tmp_path / "mine.yaml"
    teacher = f"models: {{teacher: {{hub: {{hub_id: {folder}, revision: null}}}}}}"
    own.write_text(f"{{scale: mine, base: small, description: other, {teacher}}}")
    run = "results/mine/runs/single_task/lsm/seed0/run.json"
    planned_so = snakemake(tmp_path, run, "--dry-run", "--configfile", str(own))
    assert f"runtime={24 * 60}" in planned_so
    printed = snakemake(tmp_path, run, "--configfile", str(own), fails=True)
    assert "Not checked whether lsm fits: model_type 'gemma2' is not planned for" in printed
    assert "To mend it:" in printed


def test_trainings_go_before_jobs_that_want_one_gpu(tmp_path):
    printed = snakemake(tmp_path, "table_recipe", "table_markers", "--dry-run", *PAPER)
    found = re.findall(r"^rule (\w+):\n((?: .*\n)+)", printed, re.M)
    first = {rule for rule, asked in found if "    priority: 1\n" in asked}
    assert first == {"reinforce", "sft", "distill", "lsm", "lsm_mask", "sampled_token", "sampled_token_mask"}


def test_models_that_nothing_trains_are_evaluated_before_the_trainings(tmp_path):
    printed = snakemake(tmp_path, "table_multitask", "signal", "--dry-run", *PAPER)
    found = re.findall(r"^rule (\w+):\n((?: .*\n)+)", printed, re.M)
    subjects = re.compile(r"subject=(\S+?)(?:,|$)", re.M)
    asked = {
        (rule, subjects.search(job)[1]): "    priority: 2\n" in job
        for rule, job in found
        if "subject=" in job
    }
    fetched = {f"models/{name}" for name in ("student", "teacher", "game_teacher")}
    assert {subject for (_, subject), first in asked.items() if first} == fetched
    assert {rule for (rule, _), first in asked.items() if first} == {"generate", "play", "score_signal"}
    assert not any(first for (_, subject), first in asked.items() if subject.startswith("runs/"))


@pytest.mark.parametrize("name", ["paper", "small"])
@pytest.mark.parametrize("target", ["all", "full"])
def test_the_planner_counts_every_job_that_wants_a_gpu(tmp_path, name, target):
    printed = snakemake(tmp_path, target, "--dry-run", *configfiles(name))
    there = Counter(re.findall(r"^rule (\w+):\n(?: .*\n)*    resources: .*gpu=[1-9]", printed, re.M))
    counted = Counter[str]()
    for job in jobs(scale(name), target):
        counted[job.rule] += job.count
    without = {rule: counted.pop(rule, 0) for rule in ("fetch", "panel", "contamination")}
    assert counted == there
    assert without == {rule: planned(printed).get(rule, 0) for rule in without}


def test_scales_for_cpus_ask_for_no_gpu(tmp_path):
    printed = snakemake(tmp_path, "table_ablation", "--dry-run", *SMOKE)
    assert "gpu=0" in printed
    assert "gpu=1" not in printed
    assert "threads: " not in printed  # one each, so that as many jobs run as there are cores


@pytest.mark.skipif(
    find_spec("snakemake_executor_plugin_slurm") is None, reason="needs pip install '.[slurm]'"
)
def test_the_slurm_profile_plans_the_same_jobs(tmp_path):
    through = snakemake(
        tmp_path, "table_ablation", "--dry-run", "--profile", str(ROOT / "profiles/slurm"), *SMOKE
    )
    assert planned(through) == planned(snakemake(tmp_path, "table_ablation", "--dry-run", *SMOKE))


def test_the_page_repeats_the_profile_s_defaults_where_it_replaces_them():
    defaults = yaml.safe_load((ROOT / "profiles/slurm/profile.yaml").read_text())["default-resources"]
    (given,) = re.findall(r"--default-resources (.*?) slurm_partition=gpu", PAGE)
    assert given.split() == [f"{name}={value}" for name, value in defaults.items()]


def test_the_page_fetches_all_data_of_the_paper_s_scale():
    made = plan(read([CONFIG / "paper.yaml"]))
    (named,) = re.findall(r"python -m eval\.suites fetch (.*)", PAGE)
    assert named.split() == [*made.suites, made.config.evaluation.contamination]
