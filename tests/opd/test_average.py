"""Teachers that follow: the recursion written down, in every precision, with adapters, resumed, on ranks."""

import copy
import re
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from opd import distill, lora, models
from opd.average import MovingAverage
from programs.errors import UserError
from tests.json_lines import read_lines
from tests.opd.doctored import adapted, interrupt, written_down
from tests.opd.runs import started, train
from tests.opd.specs import METHODS, distill_spec

OUTCOMES = {"log_ratio_weight": 0.0, "outcome_weight": 1.0}
TOLD = {"chain_arithmetic": {"teacher_prompt": "values {solution} ; {question}"}}


def moved(model, by: float):
    """A copy with other weights."""
    other = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in other.parameters():
            weight += by * torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
    return other


def states(model) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in model.parameters()]


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.95])
def test_three_steps_of_the_recursion(student, decay):
    teacher, students = copy.deepcopy(student), [moved(student, 0.1 * step) for step in range(3)]
    expected = [weight.double() for weight in states(teacher)]
    average = MovingAverage(teacher, decay)
    for each in students:
        average.follow(each)
        expected = [decay * a + (1 - decay) * b for a, b in zip(expected, states(each), strict=True)]
    for mine, theirs in zip(teacher.parameters(), expected, strict=True):
        torch.testing.assert_close(mine.double(), theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.95])
def test_of_a_student_that_stands_still_nothing_changes(student, decay):
    """To the bit, so that the first step of any decay is that of a frozen teacher."""
    teacher = copy.deepcopy(student)
    MovingAverage(teacher, decay).follow(student)
    assert all(torch.equal(a, b) for a, b in zip(teacher.parameters(), student.parameters(), strict=True))


def test_in_16_bits_small_moves_add_up(student):
    """A hundredth of a move is less than rounding: averaged in bfloat16, the teacher would never leave."""
    teacher = copy.deepcopy(student).bfloat16()
    there = moved(teacher, 0.02)
    average = MovingAverage(teacher, 0.99)
    for _ in range(1000):
        average.follow(there)
    assert all(value.dtype == torch.float32 for value in average.tensors.values())
    for mine, theirs in zip(teacher.parameters(), there.parameters(), strict=True):
        assert mine.dtype == torch.bfloat16
        torch.testing.assert_close(mine, theirs, rtol=0.01, atol=1e-4)


def test_a_tied_head_is_averaged_once(student):
    student = copy.deepcopy(student)
    student.config.tie_word_embeddings = True
    student.lm_head.weight = student.model.embed_tokens.weight
    teacher, there = copy.deepcopy(student), moved(student, 0.1)
    MovingAverage(teacher, 0.75).follow(there)
    half = 0.75 * student.lm_head.weight + 0.25 * there.lm_head.weight
    torch.testing.assert_close(teacher.lm_head.weight, half)


def test_adapters_are_followed(folders):
    student = adapted(folders)
    teacher = models.load(folders[0])
    MovingAverage(teacher, 0.0).follow(student)
    for mine, theirs in zip(teacher.parameters(), written_down(folders, student).parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_of_adapters_in_16_bits_small_moves_add_up_too(folders):
    """The sums are averaged, not what bfloat16 keeps of each: most of this adapter is less than that."""
    student = adapted(folders, dtype=torch.bfloat16)
    with torch.no_grad():
        for _, layer in lora.layers(student):
            layer.lora_B["default"].weight *= 1e-3
    average = MovingAverage(models.load(folders[0]).bfloat16(), 0.5)
    for _ in range(40):
        average.follow(student)
    for name, layer in lora.layers(student):
        moved_by = average.tensors[f"{name}.weight"] - layer.base_layer.weight.float()
        torch.testing.assert_close(moved_by, layer.get_delta_weight("default"), rtol=0, atol=1e-6)


def test_a_student_with_other_weights_cannot_be_followed(student):
    other = copy.deepcopy(student)
    other.model.layers = other.model.layers[:1]
    with pytest.raises(KeyError, match=r"the student has no model\.layers\.1\."):
        MovingAverage(student, 0.5).follow(other)


def test_a_live_teacher_that_is_told_nothing_teaches_nothing(folders, tmp_path):
    """Asked the question alone it is the student: losses and gradients are nothing but rounding."""
    student, same = folders[0], {"chain_arithmetic": {"teacher_prompt": "{question}"}}
    spec = distill_spec(teacher_decay=0.0, tasks=same, rollout={"minibatch_size": 4})
    train(spec, (student, student), tmp_path)
    records = read_lines(tmp_path / "metrics.jsonl")
    assert all(abs(record["loss"]) < 1e-6 and record["gradient_norm"] < 1e-5 for record in records)


def test_the_loop_s_teacher_is_the_average_of_its_students(folders):
    run = started(distill_spec(tasks=TOLD, teacher_decay=0.5), (folders[0], folders[0]))
    expected = start = states(run.student.model)
    for step in range(3):
        now = states(run.student.model)
        expected = [0.5 * a + 0.5 * b for a, b in zip(expected, now, strict=True)]
        distill.distill_step(run, step)
    assert any(not torch.equal(a, b) for a, b in zip(start, now, strict=True))
    for mine, theirs in zip(run.tasks[0].teacher.parameters(), expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-6)


def numbers(folder: Path) -> list[dict]:
    return [{**record, "machine": None} for record in read_lines(folder / "metrics.jsonl")]


@pytest.mark.parametrize(
    ("decay", "dtype"), [(0.0, torch.float32), (0.5, torch.float32), (0.5, torch.bfloat16)]
)
def test_a_resumed_run_ends_with_the_same_numbers(student, tokenizer, tmp_path, monkeypatch, decay, dtype):
    """In bfloat16 the average is beside the teacher, and the checkpoint has it, too."""
    alike = (tmp_path / "start", tmp_path / "start")
    models.save(copy.deepcopy(student).to(dtype), tokenizer, alike[0])
    spec = distill_spec(tasks=TOLD, teacher_decay=decay)
    train(spec, alike, tmp_path / "whole")
    interrupt(monkeypatch, distill, "distill_step", at=3)
    with pytest.raises(KeyboardInterrupt):
        train(spec, alike, tmp_path / "resumed")
    monkeypatch.undo()
    assert list((tmp_path / "resumed/checkpoint").iterdir())
    train(spec, alike, tmp_path / "resumed")
    assert numbers(tmp_path / "resumed") == numbers(tmp_path / "whole")
    ends = [models.fingerprint(tmp_path / name / "model") for name in ("whole", "resumed")]
    assert ends[0] == ends[1]
    train(distill_spec(tasks=TOLD), alike, tmp_path / "frozen")
    assert numbers(tmp_path / "frozen")[0] == numbers(tmp_path / "whole")[0]
    assert numbers(tmp_path / "frozen")[-1] != numbers(tmp_path / "whole")[-1]


def test_another_model_cannot_follow(folders):
    with pytest.raises(UserError, match=re.escape(f"for each of --teachers write {folders[0]}")):
        started(distill_spec(tasks=TOLD, teacher_decay=0.5), folders)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"teacher_decay": 1.5}, "less than or equal to 1"),
        ({}, "told nothing more, so there is nothing to learn"),
        ({"objective": METHODS["sampled"] | {"advantage": OUTCOMES}}, "log_ratio_weight 0 ignores them"),
        ({"memory": {"shard_teachers": True}}, "write memory.shard_teachers: false"),
    ],
)
def test_what_cannot_be_is_refused(changes, sentence):
    with pytest.raises(ValidationError, match=sentence):
        distill_spec(**{"teacher_decay": 0.5} | changes)
