"""Each lack is found, says what mends it, and is gone once it is mended."""

import json
from dataclasses import replace
from types import SimpleNamespace

import httpx2
import pytest
from huggingface_hub.errors import GatedRepoError, HTTPError

from workflows.needs import lacks, sources
from workflows.needs.job import Job
from workflows.needs.jobs import jobs
from workflows.plan import merge
from workflows.scale import CONFIG, plan, read

GIB = 2**30


@pytest.fixture(scope="module")
def paper():
    return plan(read([CONFIG / "paper.yaml"]))


@pytest.fixture
def unreachable(monkeypatch, tmp_path):
    """A hub that cannot be reached, empty caches, and a folder of results of its own."""

    def refuse(*arguments, **options):
        raise HTTPError("no route")

    for question in ("auth_check", "dataset_info"):
        monkeypatch.setattr(sources.HfApi, question, refuse)
    monkeypatch.setenv("OPD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OPD_MATH_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_games_want_their_data(paper, monkeypatch, tmp_path):
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)
    panel = [Job("panel train", "panel", "train")]
    (lack,) = sources.games(paper, panel)
    assert "alfworld-download" in lack.mend
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path / "missing"))
    assert "does not exist" in next(sources.games(paper, panel)).what
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    assert list(sources.games(paper, panel)) == []


def test_generated_games_want_nothing(monkeypatch):
    mini = plan(read([CONFIG / "mini.yaml"]))
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)
    assert list(sources.games(mini, jobs(mini, "full"))) == []


def test_the_engine_wants_to_be_installed(paper, monkeypatch):
    monkeypatch.setattr(lacks.importlib.util, "find_spec", lambda name: None)
    (lack,) = lacks.engine(jobs(paper, "all"))
    assert lack.mend in ("make vllm", "pip install -c constraints.txt '.[vllm]'")
    assert list(lacks.engine(jobs(plan(read([CONFIG / "mini.yaml"])), "full"))) == []


@pytest.mark.parametrize(
    ("place", "rule"),
    [
        ((), "lsm"),
        (("experiments", "multitask"), "lsm"),
        (("models", "rlvr_teacher", "reinforce"), "reinforce"),
    ],
)
def test_the_engine_of_training_counts_wherever_it_is_named(monkeypatch, place, rule):
    monkeypatch.setattr(lacks.importlib.util, "find_spec", lambda name: None)
    change = {"distill": {"engine": {"name": "vllm"}}}
    for name in reversed(place):
        change = {name: change}
    needed = jobs(plan(merge(read([CONFIG / "mini.yaml"]), change)), "full")
    assert len(list(lacks.engine(needed))) == 1
    trained = {job.of: job.engine for job in needed if job.rule == rule}
    assert trained[place[1] if place else "single_task"] == "vllm"
    assert {job.engine for job in needed if job.rule == "generate"} == {"torch"}


def test_the_largest_job_must_fit_the_largest_card(paper):
    needed = [Job("small", "a", memory={"x": {"y": GIB}}), Job("large", "b", memory={"x": {"y": 90 * GIB}})]
    (lack,) = lacks.cards(paper, needed, [("A card", 40.0), ("H100", 80.0)])
    assert lack.what.startswith("large needs 90 GiB per device; H100 has 80 GiB")
    assert list(lacks.cards(paper, needed, [("H200", 139.8)])) == []
    assert (
        "there is no GPU"
        in next(lacks.cards(paper, [Job("c", "c", memory={"x": {"y": 10**6 * GIB}})], [])).what
    )


def test_a_plan_for_another_card_is_laid_over_with_the_one_that_is_there():
    """On an H100, half of the card is less than the half of an H200 that the overlay plans for."""
    config = read([CONFIG / "paper.yaml", CONFIG / "paper_1gpu.yaml"])
    for gpu, name, mend in [
        ("h200", "NVIDIA H100 80GB HBM3", "snakemake ... --config gpu=h100   # planned for h200"),
        ("h100", "NVIDIA H100 80GB HBM3", "python -m opd.plan"),
        ("h200", "NVIDIA L40S", "python -m opd.plan"),
    ]:
        made = plan(config | {"gpu": gpu})
        too_large = [Job("large", "a", memory={"x": {"y": 90 * GIB}})]
        (lack,) = lacks.cards(made, too_large, [(name, 79.6)])
        assert lack.mend.startswith(mend)


def test_a_run_needs_all_its_cards(paper, monkeypatch):
    memory = {"x": {"y": GIB}}
    needed = [Job("a", "a", memory=memory), Job("b", "b", gpus=8, memory=memory)]
    monkeypatch.setattr(lacks.devices, "visible", lambda: [("H100", 80.0)] * 2)
    (lack,) = lacks.enough_cards(paper, needed)
    assert lack.what == "a training run takes 8 GPUs, this machine has 2"
    assert "training_processes=2" in lack.mend
    monkeypatch.setattr(lacks.devices, "visible", list)
    (lack,) = lacks.enough_cards(paper, needed)
    assert lack.what == "gpu is h100, and this machine has no GPU"
    assert lack.mend.startswith("go to a machine where")
    assert list(lacks.enough_cards(paper, needed, found=[("H100", 80.0)])) == []
    assert list(lacks.enough_cards(paper, [Job("a", "a")])) == []
    monkeypatch.setattr(lacks.devices, "visible", lambda: [("H100", 80.0)] * 2)
    assert list(lacks.enough_cards(paper, [Job("a", "a", gpus=2, memory=memory)])) == []


def test_a_job_must_fit_the_host_s_memory_beside_the_gpus(monkeypatch):
    """A job of `small` takes 56 GiB with the student on the host, and 30 with it on the card."""

    def found(gib, gpus=1, **changes):
        monkeypatch.setattr(lacks.devices, "visible", lambda: [("H100", 79.1)] * gpus)
        monkeypatch.setattr(lacks.devices, "host_memory_gib", lambda: gib)
        return list(lacks.host_memory(jobs(plan(merge(read([CONFIG / "small.yaml"]), changes)), "all")))

    (lack,) = found(40.0)
    assert lack.what.endswith("takes 56 GiB of the host's memory, this machine has 40")
    assert "offload: false" in lack.mend
    assert found(60.0) == found(40.0, gpus=0) == []
    assert found(40.0, distill={"memory": {"offload": False}}) == []


def test_the_engine_s_share_must_hold_the_weights_and_a_response():
    def found(share, ranks=1, cards=()):
        engine = {"name": "vllm", "memory_share": share, "tensor_parallel": ranks}
        shared = {"training_processes": ranks, "distill": {"engine": engine}}
        changed = merge(read([CONFIG / "small.yaml"]), shared)
        return list(lacks.engine_share(plan(changed), jobs(plan(changed), "all"), cards))

    (lack,) = found(0.1)  # of 24 GiB; 1.5 B weights of two bytes are 2.9, and a GiB is vLLM's own
    assert "leaves vLLM 2.4 GiB; weights, one response and its own needs are 4.4" in lack.what
    assert "or an engine.tensor_parallel that divides the processes of a node" in lack.mend
    assert found(0.15, ranks=2) == found(0.2) == []
    (lack,) = found(0.1, cards=[("NVIDIA H100 80GB HBM3", 79.6)])
    assert lack.mend.startswith("snakemake ... --config gpu=h100   # planned for rtx4090")


@pytest.fixture
def disks(monkeypatch, tmp_path):
    """GiB that are free beside the results and in the hub's cache, on two file systems or on one."""

    def free(of_results, of_cache, one=False):
        monkeypatch.setattr(lacks, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setattr(
            lacks.shutil,
            "disk_usage",
            lambda place: SimpleNamespace(free=(of_cache if place.name == "hub" else of_results) * GIB),
        )
        stat = SimpleNamespace(st_dev=0) if one else None
        monkeypatch.setattr(lacks, "_on_disk", lambda folder: Place(folder, stat))

    return free


class Place:
    """A folder on a file system of its own name, or on a given one."""

    def __init__(self, folder, stat):
        self.name, self._stat = folder.name, stat

    def stat(self):
        return self._stat or SimpleNamespace(st_dev=self.name)


RUNS = [Job("a", "a", count=3, disk=GIB), Job("b", "b", count=5, scratch=5 * GIB, gpus=2)]


@pytest.mark.parametrize(("gpus", "need"), [(0, 13), (1, 13), (2, 13), (4, 23), (7, 33), (99, 53)])
def test_the_disk_must_hold_what_stays_and_two_checkpoints_of_each_run_at_once(
    disks, tmp_path, monkeypatch, gpus, need
):
    monkeypatch.setattr(lacks.devices, "visible", lambda: [("H100", 80.0)] * gpus)
    disks(need, 0)
    assert list(lacks.disk(tmp_path / "results/paper", RUNS)) == []
    disks(need - 1, 0)
    (lack,) = lacks.disk(tmp_path / "results/paper", RUNS)
    assert f"results/paper needs {need} GiB more, {need - 1} are free" in lack.what
    assert "ln -s" in lack.mend


def test_what_comes_from_the_hub_lies_in_its_cache(disks, tmp_path):
    fetched = [*RUNS, Job("fetch c", "fetch", "c", disk=7 * GIB)]
    disks(13, 7)
    assert list(lacks.disk(tmp_path / "results/paper", fetched)) == []
    disks(13, 6)
    (lack,) = lacks.disk(tmp_path / "results/paper", fetched)
    assert "hub needs 7 GiB more, 6 are free" in lack.what
    disks(19, 19, one=True)
    (lack,) = lacks.disk(tmp_path / "results/paper", fetched)
    assert "results/paper needs 20 GiB more, 19 are free" in lack.what


def test_data_comes_from_a_folder_or_a_hub_that_answers(paper, unreachable, monkeypatch):
    needed = jobs(paper, "all")
    (lack,) = sources.data(needed)
    assert "python -m eval.suites fetch aime24 aime25 dapo_math_17k math500 " in lack.mend
    for name in ("dapo_math_17k", *paper.suites):
        (unreachable / f"{name}.jsonl").touch()
    monkeypatch.setenv("OPD_MATH_DATA", str(unreachable))
    assert list(sources.data(needed)) == []
    monkeypatch.delenv("OPD_MATH_DATA")
    monkeypatch.setattr(sources.HfApi, "dataset_info", lambda self, repo_id: None)
    assert list(sources.data(needed)) == []


def test_a_suite_without_a_hub_needs_a_folder(unreachable, monkeypatch):
    named = sources.suite_named
    monkeypatch.setattr(sources, "suite_named", lambda name: replace(named(name), hub=None))
    small = jobs(plan(read([CONFIG / "small.yaml"])), "all")
    lacks = [(lack.what, lack.mend) for lack in sources.data(small)]
    for name in ("aime24", "math500"):
        assert (f"no data for {name}", f"export OPD_MATH_DATA=FOLDER   # one with {name}.jsonl") in lacks


def test_small_trains_on_other_problems(unreachable):
    small = jobs(plan(read([CONFIG / "small.yaml"])), "all")
    assert "aime24, aime25, math500, math_train, minerva_math" in next(sources.data(small)).what


def test_weights_come_from_the_results_the_cache_or_the_hub(paper, unreachable, monkeypatch):
    needed = jobs(paper, "all")
    assert len(list(sources.weights(paper, needed))) == 3
    cache = unreachable / "cache"
    cache.mkdir()
    (cache / "model.safetensors").touch()
    monkeypatch.setattr(
        sources,
        "try_to_load_from_cache",
        lambda hub_id, *a, **k: str(cache / "config.json") if "Think" in hub_id else None,
    )
    assert len(list(sources.weights(paper, needed))) == 2
    folder = unreachable / paper.model_folder("student")
    folder.mkdir(parents=True)
    (folder / "model.safetensors").touch()
    (lack,) = sources.weights(paper, needed)
    assert "GiGPO" in lack.what
    assert lack.mend.startswith("hf download langfeng01/GiGPO")


def test_weights_in_a_folder_are_there_or_not(folders, tmp_path):
    small = read([CONFIG / "small.yaml"])
    small["models"]["student"]["hub"] = {"hub_id": str(folders[0]), "revision": None}
    small["models"]["teacher"]["hub"] = {"hub_id": str(tmp_path), "revision": None}
    fetched = [Job(f"fetch {name}", "fetch", name) for name in ("student", "teacher")]
    (lack,) = sources.weights(plan(small), fetched)
    assert lack.what == f"{tmp_path} holds no weights"


def test_half_a_download_is_no_model(tmp_path):
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / "one.safetensors").touch()
    assert not sources.complete(tmp_path)
    (tmp_path / "two.safetensors").touch()
    assert sources.complete(tmp_path)


def test_a_licence_is_accepted_by_hand(paper, unreachable, monkeypatch):
    def gated(self, repo_id):
        raise GatedRepoError(
            "gated", response=httpx2.Response(403, request=httpx2.Request("GET", "https://x"))
        )

    monkeypatch.setattr(sources.HfApi, "auth_check", gated)
    lack = next(sources.weights(paper, jobs(paper, "all")))
    assert "wants its licence accepted" in lack.what
    assert "https://huggingface.co/Qwen/Qwen2.5-7B-Instruct" in lack.mend


def test_only_what_jobs_need_is_checked(paper, unreachable, monkeypatch):
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)

    def found(*of):
        return [lack.what for lack in lacks.lacks(paper, [Job(name, *name.split()) for name in of])]

    assert found("table", "curves") == []
    assert found("panel train") == ["ALFWORLD_DATA is not set"]
    (teacher,) = found("fetch teacher")
    assert "OpenThinker3" in teacher
    assert len(list(lacks.lacks(paper, jobs(paper, "all")))) >= 5
