"""Several ranks compute what one does: gradients, steps, metrics, weights. Gloo on a CPU."""

import contextlib
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.distributed.tensor import DTensor

from envs.alfworld.generator import generate
from envs.alfworld.panel import make_panel, write_panel
from opd import distill
from opd.optimizer import update
from opd.parallel import ranks, sharding
from opd.parallel.share import divide
from opd.spec import DistillSpec, MemorySpec, TaskSpec
from tests.json_lines import read_lines
from tests.opd.doctored import interrupt, save_favouring
from tests.opd.parallel.processes import on_ranks
from tests.opd.runs import accumulate, started, train
from tests.opd.specs import distill_spec

GROUPED = {
    "log_ratio_weight": 0.5,
    "outcome_weight": 1.0,
    "gamma": 0.5,
    "baseline": True,
    "credit": {"baseline": "group"},
}
OBJECTIVES = {
    "lsm": {},
    "unnormalised": {"outside": "ignored"},
    "policy_gradient": {
        "name": "policy_gradient",
        "support": "sampled",
        "outside": "ignored",
        "advantage": GROUPED,
    },
    "jsd": {"name": "jensen_shannon", "support": "vocabulary", "outside": "ignored"},
}


@pytest.fixture(scope="module")
def ragged(folders, tokenizer, student, tmp_path_factory):
    """(student, teacher) folders; this student's responses end after very different numbers of tokens."""
    folder = tmp_path_factory.mktemp("ragged")
    save_favouring(student, tokenizer.eos_token_id, 25, tokenizer, folder)
    return folder, folders[1]


def spec_of(**changes) -> DistillSpec:
    rollout = {"prompts": 6, "samples_per_prompt": 3, "minibatch_size": 9, "max_new_tokens": 16}
    return distill_spec(rollout=rollout | changes.pop("rollout", {}), **changes)


def whole(tensor):
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def gradients(folders, variants) -> dict[str, torch.Tensor]:
    """Per variant the whole gradient of one minibatch of 18 responses, from any number of ranks."""
    found = {}
    for name, (changes, tokens) in variants.items():
        run = started(spec_of(tokens_per_forward=tokens, **changes), folders)
        experience = distill.collect(run, run.tasks[0], 0)
        lengths = experience.batch.lengths
        assert lengths.min() <= 3, lengths
        assert lengths.max() == 16, lengths
        share = divide(18, 18, experience.finished.device)
        batch = experience.batch.rows(share.rows)
        with sharding.gathered(run.student.root):
            comparison = distill.compare(
                run.student.model, run.tasks[0].teacher, batch, 8, 64, "teacher_top_k"
            )
        # Positions count differently, and the longest responses not at all.
        mask = (batch.sampled % 3 > 0).float() * (batch.lengths < 16)[batch.sequence]
        accumulate(run, batch, comparison, torch.zeros(len(mask)), mask)
        parameters = list(run.student.model.parameters())
        assert all(isinstance(p, DTensor) == (ranks.count() > 1) for p in parameters)
        found[name] = torch.cat([whole(p.grad).flatten() for p in parameters if p.grad is not None])
    return found


@pytest.mark.parametrize("count", [2, 4])
def test_gradient_does_not_depend_on_ranks_and_micro_batches(ragged, tmp_path, count):
    """1, 2, 4 ranks; all of a rank's sequences in one pass, a few, or each in its own."""
    variants = {
        f"{reduction} {tokens}": ({"objective": {"reduction": reduction}}, tokens)
        for reduction in ("token_mean", "sequence_mean")
        for tokens in (10_000, 60, 1)
    }
    alone = gradients(ragged, variants)
    for of_rank in on_ranks(tmp_path, count, gradients, ragged, variants):
        for name, expected in alone.items():
            torch.testing.assert_close(of_rank[name], expected, rtol=1e-4, atol=1e-7)
    different = (alone["token_mean 1"] - alone["sequence_mean 1"]).abs().max()
    assert different > 0.05 * alone["token_mean 1"].abs().max()


def trained(folders, variants, out: Path) -> None:
    """A run of each spec."""
    for name, spec in variants.items():
        train(spec, folders, out / name)


def metrics(folder: Path) -> list[dict]:
    """Metrics lines without the machine's and those of rounding itself."""
    records = read_lines(folder / "metrics.jsonl")
    for record in records:
        assert record.pop("machine")["peak_memory_mib"] > 0
        assert record.pop("mismatch_mean") < 1e-5
        assert record.pop("mismatch_max") < 1e-4
    return records


def numbers(record: dict) -> list[float]:
    """All numbers of a metrics line in order; nan is for null."""
    values = [value for entry in record.values() for value in (entry if isinstance(entry, list) else [entry])]
    return [math.nan if value is None else value for value in values if not isinstance(value, str)]


def assert_alike(first: Path, second: Path) -> None:
    """The same metrics and weights up to float32 rounding, which Adam's division makes larger."""
    assert (second / "run.json").exists()
    for mine, theirs in zip(metrics(first), metrics(second), strict=True):
        assert mine.keys() == theirs.keys()
        assert numbers(theirs) == pytest.approx(numbers(mine), rel=1e-3, abs=1e-5, nan_ok=True)
    mine, theirs = (load_file(folder / "model/model.safetensors") for folder in (first, second))
    assert mine.keys() == theirs.keys()
    for name, weight in mine.items():
        torch.testing.assert_close(theirs[name], weight, rtol=0, atol=2e-5)


@pytest.mark.slow  # over twenty runs of three steps, some by four processes
@pytest.mark.parametrize("count", [2, 4])
def test_steps_of_several_ranks_are_those_of_one(ragged, tmp_path, count):
    """Every kind of objective, and every way to save memory that changes no arithmetic."""
    variants = {
        name: spec_of(steps=3, objective={**objective, "reduction": reduction})
        for (name, objective), reduction in zip(
            OBJECTIVES.items(), ["sequence_mean", "token_mean"] * 2, strict=True
        )
    }
    mask = {"kind": "every_occurrence", "markers": [str(number) for number in range(20)]}
    variants["masked"] = spec_of(steps=3, mask=mask)
    variants["adapted"] = spec_of(steps=3, lora={"rank": 2})
    prompt = "values {solution} ; {question}"
    variants["told"] = spec_of(steps=3, tasks={"chain_arithmetic": {"teacher_prompt": prompt}})
    saving = MemorySpec(recompute_layers=True, offload=True, shard_teachers=True, pack_sequences=True)
    cheap = {name: variants[name].model_copy(update={"memory": saving}) for name in ("lsm", "jsd", "told")}
    trained(ragged, variants, tmp_path / "alone")
    on_ranks(tmp_path, count, trained, ragged, variants, tmp_path / "shared")
    on_ranks(tmp_path, count, trained, ragged, cheap, tmp_path / "cheap")
    for name in variants:
        assert metrics(tmp_path / "alone" / name)[0]["loss"] != 0
        assert_alike(tmp_path / "alone" / name, tmp_path / "shared" / name)
    for name in cheap:
        assert_alike(tmp_path / "alone" / name, tmp_path / "cheap" / name)


def rewarded(folders, spec: DistillSpec, out: Path) -> None:
    """A run whose responses are worth something by their length, so that groups differ within."""
    collect = distill.collect

    def collected(*arguments):
        experience = collect(*arguments)
        return replace(experience, reward=(experience.batch.lengths % 3).float())

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(distill, "collect", collected)
        train(spec, folders, out)


def test_groups_are_compared_across_ranks(ragged, tmp_path):
    """Samples of one prompt lie on two ranks, and each is worth what it is above the group's mean."""
    spec = spec_of(steps=2, objective={**OBJECTIVES["policy_gradient"], "reduction": "token_mean"})
    rewarded(ragged, spec, tmp_path / "alone")
    on_ranks(tmp_path, 2, rewarded, ragged, spec, tmp_path / "shared")
    assert metrics(tmp_path / "shared")[0]["groups_without_signal"] < 0.5
    assert_alike(tmp_path / "alone", tmp_path / "shared")


def test_two_ranks_play_games_as_one_does(folders, tmp_path):
    """One rank has the games' engine; turns are not a multiple of anything."""
    panel = tmp_path / "tiny.jsonl"
    write_panel(panel, make_panel("tiny", generate("tiny", 1, 0, "train")))
    rollout = {"prompts": 3, "samples_per_prompt": 1, "minibatch_size": 4, "temperature": 1.0, "top_p": 1.0}
    games = {"panel": str(panel), "protocol": {"name": "compact"}, "max_steps": 3}
    task = TaskSpec.model_validate({"games": games, "rollout": {**rollout, "max_new_tokens": 4}})
    runs = {"games": distill_spec(steps=2).model_copy(update={"tasks": {"alfworld": task}})}
    trained(folders, runs, tmp_path / "alone")
    on_ranks(tmp_path, 2, trained, folders, runs, tmp_path / "shared")
    assert metrics(tmp_path / "shared/games")[0]["turns"] == 3
    assert_alike(tmp_path / "alone/games", tmp_path / "shared/games")


def interrupted(folders, spec: DistillSpec, out: Path) -> None:
    """A run that ends after three steps, with a checkpoint of the first two."""
    with pytest.MonkeyPatch.context() as patched:
        interrupt(patched, distill, "distill_step", at=3)
        with contextlib.suppress(KeyboardInterrupt):
            trained(folders, {"run": spec}, out)
    if ranks.first():
        assert [path.name for path in (out / "run/checkpoint").iterdir()] == ["step000002"]


@pytest.mark.parametrize(("before", "after", "decay"), [(2, 1, 1.0), (1, 2, 0.5), (2, 3, 1.0), (2, 1, 0.5)])
def test_a_run_resumes_on_another_number_of_ranks(ragged, tmp_path, before, after, decay):
    """Below 1, the teacher averages the students, who are on the host, and is told more than they are."""
    prompt = {"teacher_prompt": "values {solution} ; {question}"} if decay < 1 else {}
    spec = spec_of(steps=4, checkpoint_every=2, teacher_decay=decay, tasks={"chain_arithmetic": prompt})
    folders = ragged if decay == 1 else (ragged[0], ragged[0])
    trained(folders, {"run": spec}, tmp_path / "whole")
    spec = spec.model_copy(update={"memory": MemorySpec(offload=decay < 1)})
    on_ranks(tmp_path, before, interrupted, folders, spec, tmp_path / "resumed")
    (progress,) = (tmp_path / "resumed/run/checkpoint").glob("*/progress.json")
    done = json.loads(progress.read_text())["metrics"]
    on_ranks(tmp_path, after, trained, folders, {"run": spec}, tmp_path / "resumed")
    assert_alike(tmp_path / "whole/run", tmp_path / "resumed/run")
    lines = (tmp_path / "resumed/run/metrics.jsonl").read_text()
    assert lines.startswith("".join(done))
    assert not (tmp_path / "resumed/run/checkpoint").exists()


def test_a_run_that_died_resumes_with_smaller_passes(ragged, tmp_path):
    spec = spec_of(steps=4, checkpoint_every=2)
    smaller = spec_of(
        **{"steps": 4, "checkpoint_every": 1, "tokens_per_forward": 60},
        memory={"recompute_layers": True, "offload": True, "pack_sequences": True},
    )
    trained(ragged, {"run": spec}, tmp_path / "whole")
    interrupted(ragged, spec, tmp_path / "resumed")
    (progress,) = (tmp_path / "resumed/run/checkpoint").glob("*/progress.json")
    done = json.loads(progress.read_text())["metrics"]
    on_ranks(tmp_path, 1, trained, ragged, {"run": smaller}, tmp_path / "resumed")
    assert_alike(tmp_path / "whole/run", tmp_path / "resumed/run")
    assert (tmp_path / "resumed/run/metrics.jsonl").read_text().startswith("".join(done))


def gradient_of_passes(folders, offload: bool) -> tuple[torch.Tensor, list[bool], bool | None]:
    """The gradient of some passes, whether any of it was at its place before each, and if AdamW is fused."""
    memory = {"offload": True, "hold_gradients": True} if offload else {}
    run = started(spec_of(memory=memory, tokens_per_forward=150), folders)
    batch = distill.collect(run, run.tasks[0], 0).batch
    teacher, root, parameters = run.tasks[0].teacher, run.student.root, list(run.student.model.parameters())
    with sharding.gathered(root):
        comparison = distill.compare(run.student.model, teacher, batch, 8, 64, "teacher_top_k")
    before_pass, there = root.before_pass, []

    def watched(last: bool) -> None:
        there.append(any(p.grad is not None for p in parameters))
        before_pass(last)

    root.before_pass = watched  # type: ignore[method-assign]
    ones = torch.ones(len(batch.sampled))
    accumulate(run, batch, comparison, 0 * ones, ones)
    gradient = torch.cat([whole(p.grad).flatten() for p in parameters])
    return gradient, there, run.student.optimizer.defaults["fused"]


def test_held_gradients_move_once_an_update(ragged, tmp_path):
    expected, there, fused = gradient_of_passes(ragged, offload=False)
    assert (there, fused) == ([False, *[True] * (len(there) - 1)], None)
    ((gradient, there, fused),) = on_ranks(tmp_path, 1, gradient_of_passes, ragged, True)
    assert (there, fused) == ([False] * len(there), True)
    assert len(there) > 2
    torch.testing.assert_close(gradient, expected)


def in_half_precision(folders) -> dict[str, torch.Tensor | bool]:
    """What a student with master weights is made of, its gradient, and what a tiny update leaves."""
    spec = spec_of(memory={"master_weights": True}, tokens_per_forward=60)
    ranks.join(alone=True)
    run = started(spec, folders)
    experience = distill.collect(run, run.tasks[0], 0)
    share = divide(18, 18, experience.finished.device)
    batch = experience.batch.rows(share.rows)
    with sharding.gathered(run.student.root):
        gathered = {parameter.dtype for parameter in run.student.model.parameters()}
        comparison = distill.compare(run.student.model, run.tasks[0].teacher, batch, 8, 64, "teacher_top_k")
    ones = torch.ones(len(batch.sampled))
    accumulate(run, batch, comparison, 0 * ones, ones)
    parameters = list(run.student.model.parameters())
    kinds = {(p.dtype, p.grad.dtype) for p in parameters if p.grad is not None}
    gradient = torch.cat([whole(p.grad).flatten() for p in parameters if p.grad is not None])
    before = [whole(p.detach()).clone() for p in parameters]
    run.student.optimizer.param_groups[0]["lr"] = 1e-6
    update(run.student.model, [run.student.optimizer])
    moved = [(whole(p.detach()) - old).abs().max() for p, old in zip(parameters, before, strict=True)]
    with sharding.gathered(run.student.root):
        exported = {tensor.dtype for tensor in sharding.gathered_weights(run.student.model).values()}
    return {
        "gathered": gathered,
        "kinds": kinds,
        "gradient": gradient,
        "moved": torch.stack(moved),
        "exported": exported,
        "fused": run.student.optimizer.defaults["fused"],
        "tokens": batch.sampled,
    }


def test_master_weights_are_float32_and_everything_else_bfloat16(ragged, tmp_path):
    """On one device, and on two: same arithmetic; an update too small for bfloat16 is kept."""
    try:
        alone = in_half_precision(ragged)
    finally:
        torch.distributed.destroy_process_group()
    shared = on_ranks(tmp_path, 2, in_half_precision, ragged)
    for found in (alone, *shared):
        assert found["fused"]  # as torch has no foreach for shards
        assert found["gathered"] == found["exported"] == {torch.bfloat16}
        assert found["kinds"] == {(torch.float32, torch.float32)}
        assert ((found["moved"] > 5e-7) & (found["moved"] < 2e-6)).all()
    assert not torch.equal(alone["gradient"], alone["gradient"].bfloat16().float())  # summed in float32
    for found in shared:
        torch.testing.assert_close(found["gradient"], shared[0]["gradient"], rtol=0, atol=0)
        cosine = torch.nn.functional.cosine_similarity(found["gradient"], alone["gradient"], dim=0)
        assert cosine > 0.999
