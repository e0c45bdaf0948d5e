"""The loop as users run it: same bytes twice, killed and resumed, stopped on NaN, every objective."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from envs.alfworld.generator import generate
from envs.alfworld.panel import make_panel, write_panel
from opd import distill, models, training
from opd.diagnostics.metrics import CHECK_METRICS, MACHINE_METRICS, METRICS
from opd.experience import Experience
from opd.learner import Learner
from opd.run import checkpoint, loop
from opd.run.machine import Stopwatch
from opd.spec import TaskSpec
from tests.json_lines import read_lines
from tests.opd.doctored import interrupt
from tests.opd.runs import accumulate, started, train
from tests.opd.specs import METHODS, distill_spec

GAME_METRICS = {"turns", "invalid_format", "inadmissible", "episode_errors"}


def reproducible(path) -> list[dict]:
    """Metrics lines without what depends on the machine's speed."""
    records = read_lines(path)
    for record in records:
        assert record.pop("machine").keys() == MACHINE_METRICS.keys()
    return records


def command(spec, folders, out) -> list[str]:
    student, teacher = map(str, folders)
    text = spec.model_dump_json()
    program = [sys.executable, "-m", "opd.distill", "--spec", text, "--student", student]
    return [*program, "--teachers", f"chain_arithmetic={teacher}", "--out", str(out)]


def sampled(run) -> Experience:
    return run.tasks[0].task.collect(run.engine, 0, 0).shortest_first()


@pytest.mark.parametrize("objective", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("reduction", ["token_mean", "sequence_mean"])
def test_every_objective_trains_and_logs_every_metric(folders, tmp_path, objective, reduction):
    spec = distill_spec(steps=2, objective={**objective, "reduction": reduction})
    train(spec, folders, tmp_path)
    records = reproducible(tmp_path / "metrics.jsonl")
    assert [record.pop("step") for record in records] == [0, 1]
    assert {record.pop("task") for record in records} == {"chain_arithmetic"}
    for record in records:
        assert METRICS.keys() - record.keys() == GAME_METRICS
        assert record.keys() - METRICS.keys() == CHECK_METRICS.keys()
        assert 0 < record["mismatch_mean"] < 1e-5
        assert record["gradient_norm"] > 0
    manifest = json.loads((tmp_path / "run.json").read_text())
    assert manifest["spec"]["objective"]["name"] == spec.objective.name
    assert manifest["model"] == models.fingerprint(tmp_path / "model")
    assert manifest["engine"] == f"torch {torch.__version__}"
    assert manifest["model"] != models.fingerprint(folders[0])


def test_same_spec_and_seed_give_the_same_bytes(folders, tmp_path):
    for name in ("first", "second"):
        train(distill_spec(), folders, tmp_path / name)
    first, second = (reproducible(tmp_path / name / "metrics.jsonl") for name in ("first", "second"))
    assert json.dumps(first) == json.dumps(second)
    weights = [models.fingerprint(tmp_path / name / "model") for name in ("first", "second")]
    assert weights[0] == weights[1]
    train(distill_spec(seed=1), folders, tmp_path / "other")
    assert reproducible(tmp_path / "other" / "metrics.jsonl") != first


def test_a_teacher_that_is_told_more_changes_its_scores_alone(folders, tmp_path):
    """Told the question alone, nothing changes; told the answer, the rollouts of the first step do not."""
    prompts = {"none": None, "same": "{question}", "told": "hint {answer} ; {question}"}
    found = {}
    for name, prompt in prompts.items():
        task = {"chain_arithmetic": {"teacher_prompt": prompt}}
        train(distill_spec(tasks=task), folders, tmp_path / name)
        found[name] = reproducible(tmp_path / name / "metrics.jsonl")
    assert found["none"] == found["same"]
    first, told = found["none"][0], found["told"][0]
    assert told["entropy"] == first["entropy"]
    assert told["gap"] != first["gap"]
    fingerprints = {models.fingerprint(tmp_path / name / "model") for name in prompts}
    assert len(fingerprints) == 2


def test_killed_run_continues_to_the_same_numbers(folders, tmp_path):
    spec = distill_spec(steps=120, checkpoint_every=7)
    train(spec, folders, tmp_path / "whole")

    out = tmp_path / "killed"
    log = out / "metrics.jsonl"
    process = subprocess.Popen(command(spec, folders, out), stdout=subprocess.DEVNULL)
    while not log.exists() or len(log.read_text().splitlines()) < 17:
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "run.json").exists()
    assert (out / "checkpoint").exists()
    log.unlink()  # Snakemake deletes declared outputs before it starts a job again

    again = subprocess.run(command(spec, folders, out), capture_output=True, text=True, check=True)
    assert "resuming after step" in again.stdout
    assert reproducible(log) == reproducible(tmp_path / "whole" / "metrics.jsonl")
    assert models.fingerprint(out / "model") == models.fingerprint(tmp_path / "whole" / "model")
    assert not (out / "checkpoint").exists()


def test_a_changed_knob_does_not_resume(folders, tmp_path):
    """An interrupted run of another recipe left a checkpoint of a step that saves: start from scratch."""
    spec = distill_spec()
    run = started(spec, folders)
    lines = ["line\n"] * spec.checkpoint_every
    checkpoint.save(
        tmp_path / "checkpoint", "something else", lines, run.student.model, run.student.optimizer
    )
    train(spec, folders, tmp_path)
    assert len(reproducible(tmp_path / "metrics.jsonl")) == spec.steps


def test_another_panel_under_the_same_name_does_not_resume(folders, two_tasks, tmp_path, monkeypatch, capsys):
    student, teacher = folders
    teachers = {"alfworld": student, "chain_arithmetic": teacher}
    interrupt(monkeypatch, distill, "distill_step", at=3)
    with pytest.raises(KeyboardInterrupt):
        distill.main(two_tasks, student, teachers, tmp_path)
    monkeypatch.undo()
    assert list((tmp_path / "checkpoint").iterdir())
    panel = Path(two_tasks.tasks["alfworld"].games.panel)
    kept = panel.read_bytes()
    write_panel(panel, make_panel("tiny", generate("tiny", 1, 1, "train")))
    try:
        distill.main(two_tasks, student, teachers, tmp_path)
    finally:
        panel.write_bytes(kept)
    assert "belongs to another spec or other input" in capsys.readouterr().out


def test_another_teacher_does_not_resume(folders, tmp_path, monkeypatch, capsys):
    spec = distill_spec(steps=4, checkpoint_every=2)
    interrupt(monkeypatch, distill, "distill_step", at=3)
    with pytest.raises(KeyboardInterrupt):
        train(spec, folders, tmp_path)
    monkeypatch.undo()
    train(spec, (folders[0], folders[0]), tmp_path)
    assert "belongs to another spec or other input" in capsys.readouterr().out


def test_another_chat_template_does_not_resume(folders, tmp_path, monkeypatch, capsys):
    """Nor do other end tokens: the weights are the same, prompts and responses are not."""
    student, spec = tmp_path / "student", distill_spec(steps=4, checkpoint_every=2)
    shutil.copytree(folders[0], student)
    interrupt(monkeypatch, distill, "distill_step", at=3)
    with pytest.raises(KeyboardInterrupt):
        train(spec, (student, folders[1]), tmp_path / "out")
    monkeypatch.undo()
    template = student / "chat_template.jinja"
    template.write_text(template.read_text() + " ")
    train(spec, (student, folders[1]), tmp_path / "out")
    assert "belongs to another spec or other input" in capsys.readouterr().out


def test_an_update_is_clipped_as_the_spec_says(folders):
    spec = distill_spec(optimizer={"clip_norm": 0.01})
    run = started(spec, folders)
    for parameter in run.student.model.parameters():
        parameter.grad = torch.ones_like(parameter)
    sizes = sum(parameter.numel() for parameter in run.student.model.parameters())
    (first, *_) = run.student.model.parameters()
    assert run.student.update(1.0) == pytest.approx(sizes**0.5, rel=1e-4)
    # AdamW's first moment is a tenth of the gradient that it was given.
    moment = run.student.optimizer.state[first]["exp_avg"]
    torch.testing.assert_close(moment, torch.full_like(moment, 0.1 * 0.01 / sizes**0.5), rtol=1e-3, atol=0)


def test_other_code_does_not_resume(folders, tmp_path, monkeypatch, capsys):
    interrupt(monkeypatch, distill, "distill_step", at=3)
    with pytest.raises(KeyboardInterrupt):
        train(distill_spec(steps=4, checkpoint_every=2), folders, tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(loop, "code_hash", lambda program: f"other {program}")
    train(distill_spec(steps=4, checkpoint_every=2), folders, tmp_path)
    assert "starting over" in capsys.readouterr().out


def test_not_finite_stops_with_step_method_and_last_values(folders, tmp_path, monkeypatch):
    position_losses, calls = training.position_losses, []

    def poisoned(*arguments):
        calls.append(1)
        losses, log_p = position_losses(*arguments)
        return (losses * torch.nan if len(calls) == 5 else losses), log_p

    monkeypatch.setattr(training, "position_losses", poisoned)
    spec = distill_spec(tokens_per_forward=10_000)  # two calls per step
    with pytest.raises(
        FloatingPointError, match=r'step 2, lsm seed 0: the loss is nan, .* \{"step": 1, "task"'
    ):
        train(spec, folders, tmp_path)
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 2


def drifted(run, monkeypatch, by) -> None:
    """Let the engine report log-probabilities that are lower by `by` than those of the trainer's weights."""
    collect = run.tasks[0].task.collect

    def reported(*arguments):
        experience = collect(*arguments)
        return replace(experience, rollout_log_prob=experience.rollout_log_prob - by)

    monkeypatch.setattr(run.tasks[0].task, "collect", reported)


def test_an_engine_with_other_weights_stops_the_run(folders, tmp_path, monkeypatch):
    run = started(distill_spec(), folders)
    drifted(run, monkeypatch, 0.02)
    with pytest.raises(FloatingPointError, match=r"step 0, lsm seed 0: .* differ from .* by 0\.02 nats"):
        distill.loop_of(run.spec, tmp_path).run("recipe", run.student, partial(distill.distill_step, run))
    lenient = started(distill_spec(engine={"mismatch_limit": 0.03}), folders)
    drifted(lenient, monkeypatch, 0.02)
    record = distill.distill_step(lenient, 0)
    assert record["mismatch_mean"] == pytest.approx(0.02, rel=1e-3)
    assert record["mismatch_ratio"] == pytest.approx(torch.tensor(0.02).exp().item(), rel=1e-4)


def test_truncated_importance_weights_scale_the_loss(folders, monkeypatch):
    """By e^0.2 where the cap allows it, by the cap where not; gradients are never clipped here."""
    losses = {}
    for cap in (None, 2.0, 1.1):
        advantage = {"importance_cap": cap}
        objective = {**METHODS["sampled"], "advantage": advantage}
        run = started(distill_spec(objective=objective, engine={"mismatch_limit": 0.3}), folders)
        drifted(run, monkeypatch, 0.2)
        losses[cap] = distill.distill_step(run, 0)["loss"]
    assert losses[2.0] / losses[None] == pytest.approx(torch.tensor(0.2).exp().item(), rel=1e-3)
    assert losses[1.1] / losses[None] == pytest.approx(1.1, rel=1e-3)


def test_scores_that_belong_to_other_tokens_stop_the_first_step_of_each_task(folders, monkeypatch):
    run = started(distill_spec(), folders)
    compare = distill.compare

    def shifted(*arguments, **options):
        found = compare(*arguments, **options)
        teacher = replace(found.teacher, sampled_log_prob=found.teacher.sampled_log_prob.roll(1))
        return replace(found, teacher=teacher)

    monkeypatch.setattr(distill, "compare", shifted)
    with pytest.raises(FloatingPointError, match="8 tokens scored one by one differ"):
        distill.distill_step(run, 0)


def test_a_teacher_without_weights_is_an_alarm_or_the_end(folders, tmp_path, tokenizer):
    empty = models.load(folders[1])
    with torch.no_grad():
        empty.get_output_embeddings().weight.zero_()
    models.save(empty, tokenizer, tmp_path / "empty")
    pair = folders[0], tmp_path / "empty"
    with pytest.warns(RuntimeWarning, match="as if its weights had not been loaded"):
        distill.distill_step(started(distill_spec(), pair), 0)
    with pytest.raises(FloatingPointError, match="near -ln V"):
        distill.distill_step(started(distill_spec(uniform_teacher="stop"), pair), 0)
    # A run that resumes: its student may write by now what the teacher finds improbable.
    assert distill.distill_step(started(distill_spec(uniform_teacher="stop"), pair), 2)["step"] == 2


def test_wrong_vocabulary_is_refused(folders):
    with pytest.raises(ValueError, match="has 256 token ids, the spec says 300"):
        started(distill_spec(vocabulary_size=300), folders)


def test_teacher_is_never_changed(folders, tmp_path):
    before = models.fingerprint(folders[1])
    run = started(distill_spec(), folders)
    weights = [parameter.clone() for parameter in run.tasks[0].teacher.parameters()]
    distill.distill_step(run, 0)
    assert all(torch.equal(a, b) for a, b in zip(weights, run.tasks[0].teacher.parameters(), strict=True))
    assert all(parameter.grad is None for parameter in run.tasks[0].teacher.parameters())
    assert models.fingerprint(folders[1]) == before


def gradient(run, rollouts, mask=None, **changes) -> torch.Tensor:
    """The gradient that one update would use, flattened, for changed spec fields."""
    run.spec = run.spec.model_copy(update=changes)
    comparison = distill.compare(
        run.student.model, run.tasks[0].teacher, rollouts.batch, 8, 64, "teacher_top_k"
    )
    run.student.model.zero_grad()
    count = len(rollouts.batch.sampled)
    mask = torch.ones(count) if mask is None else mask
    accumulate(run, rollouts.batch, comparison, torch.zeros(count), mask)
    return torch.cat([p.grad.flatten() for p in run.student.model.parameters() if p.grad is not None])


@pytest.mark.parametrize("reduction", ["token_mean", "sequence_mean"])
def test_gradient_does_not_depend_on_the_split(folders, reduction):
    spec = distill_spec(rollout={"prompts": 8}, objective={"reduction": reduction})
    run = started(spec, folders)
    rollouts = sampled(run)
    whole = gradient(run, rollouts, tokens_per_forward=10_000)
    for tokens in (1, 100, 250):
        assert len(list(rollouts.batch.split(tokens))) > 1
        torch.testing.assert_close(gradient(run, rollouts, tokens_per_forward=tokens), whole)


@pytest.mark.parametrize("tokens", [10_000, 60])
def test_gradient_does_not_depend_on_packing(folders, tokens):
    run = started(distill_spec(rollout={"prompts": 8}), folders)
    rollouts = sampled(run)
    packed = replace(rollouts, batch=replace(rollouts.batch, packed=True))
    found = gradient(run, packed, tokens_per_forward=tokens)
    torch.testing.assert_close(found, gradient(run, rollouts, tokens_per_forward=10_000))


def test_gradient_does_not_depend_on_the_order_of_sequences(folders):
    run = started(distill_spec(rollout={"prompts": 8}), folders)
    rollouts = sampled(run)
    shuffled = rollouts.rows(torch.tensor([3, 7, 0, 5, 1, 6, 2, 4]))
    torch.testing.assert_close(gradient(run, shuffled), gradient(run, rollouts))


def test_masked_positions_reach_nothing_even_if_infinite(folders, monkeypatch):
    """-inf teacher rows behind the mask, and other positions in their place, change no gradient."""
    run = started(distill_spec(), folders)
    rollouts = sampled(run)
    mask = (torch.arange(len(rollouts.batch.sampled)) % 3 > 0).float()
    plain = gradient(run, rollouts, mask)
    compare = distill.compare

    def poisoned(*arguments, **options):
        comparison = compare(*arguments, **options)
        comparison.support_log_q[mask == 0] = -torch.inf
        comparison.support_log_q[0] = torch.nan
        return comparison

    monkeypatch.setattr(distill, "compare", poisoned)
    torch.testing.assert_close(gradient(run, rollouts, mask), plain, rtol=0, atol=0)


def logits(model, batch) -> torch.Tensor:
    """(N, V) in float64, from one plain forward pass over the whole padded batch."""
    inputs = {"attention_mask": batch.attention.long(), "position_ids": batch.positions}
    return model(input_ids=batch.tokens, **inputs).logits[:, :-1][batch.generated[:, 1:]].double()


def plain_gradient(run, batch, kept) -> torch.Tensor:
    """The gradient of LSM written down once more, averaged over the positions kept (N,) bool."""
    ids = distill.compare(run.student.model, run.tasks[0].teacher, batch, 8, 64, "teacher_top_k").support
    p, q = (
        logits(model, batch).gather(-1, ids).softmax(-1)
        for model in (run.student.model, run.tasks[0].teacher)
    )
    run.student.model.zero_grad()
    (p * (p.log() - q.log())).sum(-1)[kept].mean().backward()
    return torch.cat([x.grad.flatten() for x in run.student.model.parameters() if x.grad is not None])


def test_gradient_is_that_of_a_plain_forward_pass(folders):
    run = started(distill_spec(), folders)
    rollouts = sampled(run)
    everything = torch.ones(len(rollouts.batch.sampled), dtype=torch.bool)
    expected = plain_gradient(run, rollouts.batch, everything)
    torch.testing.assert_close(gradient(run, rollouts), expected, rtol=1e-3, atol=1e-6)


def plain_losses(objective: str, p: torch.Tensor, q: torch.Tensor, sampled: torch.Tensor) -> torch.Tensor:
    """(N,) a loss written down once more, from log-probabilities (N, V) of student p and teacher q."""
    if objective == "full":
        return (p.exp() * (p - q)).sum(-1)
    if objective == "lsm":
        p, q = (each.gather(-1, q.topk(8).indices).log_softmax(-1) for each in (p, q))
        return (p.exp() * (p - q)).sum(-1)
    if objective == "nucleus":  # of 8 tokens those whose better ones hold less than half; the rest is one
        ordered, order = (each[:, :8] for each in q.exp().sort(-1, descending=True))
        kept = torch.zeros_like(q, dtype=torch.bool).scatter(-1, order, ordered.cumsum(-1) - ordered < 0.5)
        inside = (p.exp() * (p - q)).where(kept, 0).sum(-1)
        rest_p, rest_q = ((each.exp() * ~kept).sum(-1) for each in (p, q))
        return inside + rest_p * (rest_p.log() - rest_q.log())
    p, q = (each.gather(-1, sampled[:, None])[:, 0] for each in (p, q))
    return -(q - p).detach() * p


@pytest.mark.parametrize("objective", ["sampled", "lsm", "full", "nucleus"])
def test_a_step_learns_from_the_teacher_at_its_temperature(folders, monkeypatch, objective):
    spec = distill_spec(objective=METHODS[objective], teacher_temperature=0.3, rollout={"minibatch_size": 4})
    run = started(spec, folders)
    batch = sampled(run).batch
    p = logits(run.student.model, batch).log_softmax(-1)
    q = (logits(run.tasks[0].teacher, batch) / 0.3).log_softmax(-1).detach()
    run.student.model.zero_grad()
    plain_losses(objective, p, q, batch.sampled).mean().backward()
    expected = torch.cat([x.grad.flatten() for x in run.student.model.parameters() if x.grad is not None])
    found = gradients_of_updates(monkeypatch)
    run.student.model.zero_grad()
    distill.distill_step(run, 0)
    torch.testing.assert_close(*found, expected, rtol=1e-3, atol=1e-6)


def gradients_of_updates(monkeypatch) -> list[torch.Tensor]:
    """Filled with the whole gradient at every optimiser step, which then is not made."""
    found = []

    def remember(learner, _):
        found.append(torch.cat([x.grad.flatten() for x in learner.model.parameters() if x.grad is not None]))
        return 1.0

    monkeypatch.setattr(Learner, "update", remember)
    return found


@pytest.mark.parametrize(("kind", "threshold"), [("every_occurrence", None), ("none", 0.17), ("span", 0.17)])
def test_a_step_learns_from_unmasked_positions_alone(folders, monkeypatch, kind, threshold):
    """Each position counts in full or not at all, and the loss is the mean over those that count."""
    words = [str(number) for number in range(20)] + list("abcdefghijklmnopqrstuvwx")
    if kind == "span":  # by text: words that are no part of another
        known = [word for word in models.load_tokenizer(folders[0]).get_vocab() if word.isalpha()]
        words = [word for word in sorted(known) if sum(word in other for other in known) == 1][-44:]
    mask = {"kind": kind, "markers": words, "teacher_mass": threshold}
    run = started(distill_spec(rollout={"minibatch_size": 4}, mask=mask), folders)
    batch, ids = sampled(run).batch, torch.tensor(run.student.tokenizer.convert_tokens_to_ids(words))
    kept = torch.ones(len(batch.sampled), dtype=torch.bool)
    if kind != "none":
        kept &= ~torch.isin(batch.sampled, ids)
    if threshold is not None:
        kept &= logits(run.tasks[0].teacher, batch).softmax(-1)[:, ids].sum(-1) <= threshold
    assert 0 < kept.sum() < len(kept)
    expected, found = plain_gradient(run, batch, kept), gradients_of_updates(monkeypatch)
    run.student.model.zero_grad()
    record = distill.distill_step(run, 0)
    torch.testing.assert_close(*found, expected, rtol=1e-3, atol=1e-6)
    assert record["masked_share"] == pytest.approx(1 - kept.double().mean().item())


@pytest.mark.parametrize("objective", ["sampled", "lsm", "jsd"])
def test_a_step_with_nothing_left_changes_nothing(folders, objective):
    """Every token is in a marker: loss and gradient are zero, not NaN."""
    words = models.load_tokenizer(folders[0]).get_vocab()
    mask = {"kind": "every_occurrence", "markers": [word for word in words if word != "<|unknown|>"]}
    run = started(distill_spec(objective=METHODS[objective], mask=mask), folders)
    before = [parameter.clone() for parameter in run.student.model.parameters()]
    record = distill.distill_step(run, 0)
    assert (record["masked_share"], record["loss"], record["gradient_norm"]) == (1, 0, 0)
    assert all(torch.equal(a, b) for a, b in zip(before, run.student.model.parameters(), strict=True))


def test_groups_without_signal_are_left_out_of_the_mean(folders, monkeypatch):
    """The step's gradient is that of its first group alone, as if the others had not been sampled."""
    advantage = {
        "log_ratio_weight": 0.0,
        "outcome_weight": 1.0,
        "credit": {"baseline": "group", "only_groups_with_signal": True},
    }
    objective = METHODS["sampled"] | {"advantage": advantage}
    rollout = {"samples_per_prompt": 4, "minibatch_size": 16}  # of four prompts
    run = started(distill_spec(objective=objective, rollout=rollout), folders)
    collect, seen, found = run.tasks[0].task.collect, [], gradients_of_updates(monkeypatch)

    def one_group_differs(*arguments):
        experience = collect(*arguments)
        seen.append(
            replace(experience, reward=torch.where(experience.group == 0, experience.episode % 2, 1.0))
        )
        return seen[-1]

    monkeypatch.setattr(run.tasks[0].task, "collect", one_group_differs)
    record = distill.distill_step(run, 0)

    (experience,) = seen
    batch, kept = experience.batch, experience.group[experience.batch.sequence] == 0
    assert 0 < kept.sum() < len(kept)
    run.student.model.zero_grad()
    log_p = logits(run.student.model, batch).log_softmax(-1).gather(-1, batch.sampled[:, None])[:, 0]
    above = experience.episode[batch.sequence] % 2 - 0.5  # two of the four succeed
    (-(above * log_p)[kept].mean()).backward()
    expected = torch.cat([x.grad.flatten() for x in run.student.model.parameters() if x.grad is not None])
    torch.testing.assert_close(*found, expected, rtol=1e-3, atol=1e-6)
    assert record["groups_without_signal"] == 1 - 1 / len(experience.group.unique())
    assert record["masked_share"] == pytest.approx(1 - kept.double().mean().item())


def test_an_unknown_marker_stops_before_the_first_step(folders):
    mask = {"kind": "span", "markers": ["<think>", "<thought>"]}
    with pytest.raises(ValueError, match=r"mask\.markers has '<thought>', which the student's tokenizer"):
        started(distill_spec(mask=mask), folders)
    assert started(distill_spec(mask={**mask, "kind": "none"}), folders).marker_ids == []


@pytest.fixture(scope="module")
def two_tasks(tmp_path_factory):
    """Arithmetic and games by turns: three steps of the one, two of the other."""
    panel = tmp_path_factory.mktemp("panel") / "tiny.jsonl"
    write_panel(panel, make_panel("tiny", generate("tiny", 1, 0, "train")))
    spec = distill_spec(steps=5)
    arithmetic = spec.tasks["chain_arithmetic"]
    rollout = arithmetic.rollout.model_copy(
        update={"prompts": 2, "samples_per_prompt": 2, "max_new_tokens": 4}
    )
    games = {"panel": str(panel), "protocol": {"name": "compact"}, "max_steps": 3}
    alfworld = TaskSpec.model_validate({"games": games, "rollout": rollout.model_dump()})
    return spec.model_copy(update={"tasks": {"chain_arithmetic": arithmetic, "alfworld": alfworld}})


def test_tasks_take_turns_each_with_its_own_teacher(folders, two_tasks, tmp_path, monkeypatch):
    student, teacher = folders
    taught, compare = [], distill.compare

    def remembered(learner, guide, *arguments, **options):
        taught.append(guide)
        return compare(learner, guide, *arguments, **options)

    monkeypatch.setattr(distill, "compare", remembered)
    teachers = {"alfworld": student, "chain_arithmetic": teacher}  # named, in any order
    distill.main(two_tasks, student, teachers, tmp_path / "both")
    records = reproducible(tmp_path / "both" / "metrics.jsonl")
    assert [record["task"] for record in records] == [*two_tasks.tasks, *two_tasks.tasks, "chain_arithmetic"]
    assert taught[0] is taught[2] is taught[4] is not taught[1] is taught[3]
    for guide, folder in zip(taught[:2], (teacher, student), strict=True):
        weights = models.load(folder).state_dict()
        assert all(torch.equal(value, weights[name]) for name, value in guide.state_dict().items())
    assert [record.get("turns") for record in records] == [None, 3, None, 3, None]


def test_a_task_of_several_asks_what_it_asks_alone(folders, two_tasks, tmp_path):
    """The first step of each task does not depend on which others there are."""
    arithmetic, alfworld = (two_tasks.tasks[name] for name in ("chain_arithmetic", "alfworld"))
    alone = two_tasks.model_copy(update={"steps": 1, "tasks": {"alfworld": alfworld}})
    tasks_of_both = {"alfworld": alfworld, "chain_arithmetic": arithmetic}
    both = two_tasks.model_copy(update={"steps": 2, "tasks": tasks_of_both})
    train(alone, folders, tmp_path / "alone")
    train(both, folders, tmp_path / "both")
    (first,) = reproducible(tmp_path / "alone" / "metrics.jsonl")
    assert reproducible(tmp_path / "both" / "metrics.jsonl")[0] == first


def test_the_teacher_of_every_task_is_checked(folders, two_tasks):
    """Step 1 is the first of the second task."""
    run = started(two_tasks.model_copy(update={"uniform_teacher": "stop"}), folders)
    run.tasks[1].teacher.lm_head.weight.data.zero_()
    with pytest.raises(FloatingPointError, match="near -ln V"):
        distill.distill_step(run, 1)


def test_every_task_needs_its_teacher(folders, two_tasks, tmp_path):
    student, teacher = folders
    with pytest.raises(ValueError, match="must name chain_arithmetic, alfworld, and names alfworld"):
        distill.main(two_tasks, student, {"alfworld": teacher}, tmp_path)


def test_what_a_sleeping_engine_has_given_back_is_no_memory_of_training():
    """Readings of an H200: 41 GiB of vLLM's, counted on by torch's allocator while they were unmapped."""

    class Asleep:
        def given_back_mib(self):
            return 41656.0

    watch = Stopwatch()
    watch.peak_mib = {"rollout": 45220.0, "scoring": 52000.0, "training": 67745.0}
    assert distill.peak_memory(watch, Asleep()) == 45220
    watch.peak_mib["training"] = 90000.0
    assert distill.peak_memory(watch, Asleep()) == 90000 - 41656


def test_minibatches_hold_every_sequence_once(folders, monkeypatch):
    run = started(distill_spec(rollout={"prompts": 6}), folders)
    rollouts = sampled(run)
    batch, seen = rollouts.batch, []
    comparison = distill.compare(run.student.model, run.tasks[0].teacher, batch, 8, 64, "teacher_top_k")
    monkeypatch.setattr(training, "accumulate", lambda *given: (seen.append(given[3]), (0.0, 0.0))[1])
    advantage, mask = torch.zeros(len(batch.sampled)), torch.ones(len(batch.sampled))
    share = distill.divide(len(batch.tokens), 2, batch.tokens.device)
    list(
        training.train(run.spec, run.student, run.tasks[0].teacher, share, batch, comparison, advantage, mask)
    )
    responses = sorted(part.tokens[i][part.generated[i]].tolist() for part in seen for i in range(2))
    assert len(seen) == 3
    assert responses == sorted(batch.tokens[i][batch.generated[i]].tolist() for i in range(6))
