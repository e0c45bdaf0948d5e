"""Scores against a token-by-token forward pass, and their independence of padding and splitting."""

from dataclasses import is_dataclass, replace

import pytest
import torch

from opd.batch import TokenBatch, aligned, from_pairs
from opd.run.machine import peak_bytes, storages
from opd.scoring.compare import compare, hidden_states, join, select
from opd.supervised.losses import cross_entropy
from opd.support import gather

PAIRS = [([1, 10, 20, 30], [40, 50, 60]), ([2, 11], [41]), ([3, 12, 22], [42, 52, 62, 72, 2])]
SAMPLED = torch.tensor([token for _, response in PAIRS for token in response])


@pytest.fixture
def batch():
    return from_pairs(PAIRS, pad_id=0)


def brute_force(model, pairs=PAIRS) -> torch.Tensor:
    """(N, V) log-probabilities, one unpadded prefix at a time."""
    rows = []
    for prompt, response in pairs:
        for count in range(len(response)):
            prefix = torch.tensor([prompt + response[:count]])
            rows.append(model(input_ids=prefix).logits[0, -1].double().log_softmax(-1))
    return torch.stack(rows).detach()


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5, check_dtype=False)


def test_compare_equals_one_prefix_at_a_time(student, teacher, batch):
    found = compare(student, teacher, batch, 5, 64, "union", expected_log_ratio=True)
    log_p, log_q = brute_force(student), brute_force(teacher)
    for scores, expected in ((found.student, log_p), (found.teacher, log_q)):
        close(scores.sampled_log_prob, expected.gather(-1, SAMPLED[:, None])[:, 0])
        close(scores.entropy, -(expected.exp() * expected).sum(-1))
        close(scores.top_log_probs, expected.topk(5, -1).values)
        assert torch.equal(scores.top_ids, expected.topk(5, -1).indices)
    close(found.student_on_teacher_top, log_p.gather(-1, found.teacher.top_ids))
    close(found.expected_log_ratio, (log_p.exp() * (log_q - log_p)).sum(-1))
    tops = torch.cat([found.teacher.top_ids, found.student.top_ids], -1)
    assert [set(row) - {-1} for row in found.support.tolist()] == [set(row) for row in tops.tolist()]
    close(found.support_log_q, gather(log_q, found.support))


@pytest.mark.parametrize("packed", [False, True])
def test_a_teacher_that_is_told_more(student, teacher, batch, packed):
    """The teacher's numbers are those after its own prompts, the student's those after the student's."""
    told = [([9] * (3 + row), response) for row, (_, response) in enumerate(PAIRS)]
    batch = replace(batch, packed=packed, privileged=aligned(told, pad_id=0))
    for tokens in (12, 64):
        found = compare(student, teacher, batch, 5, tokens, "teacher_top_k")
        log_p, log_q = brute_force(student), brute_force(teacher, told)
        close(found.student.sampled_log_prob, log_p.gather(-1, SAMPLED[:, None])[:, 0])
        close(found.teacher.sampled_log_prob, log_q.gather(-1, SAMPLED[:, None])[:, 0])
        close(found.student_on_teacher_top, log_p.gather(-1, found.teacher.top_ids))
        close(found.support_log_q, log_q.gather(-1, found.support))
    assert (brute_force(teacher) - log_q).abs().max() > 0.1


def test_a_teacher_at_a_temperature(student, teacher, batch):
    """Logits divided by 2: log-probabilities halved, and normalised again."""
    found = compare(student, teacher, batch, 5, 64, "union", teacher_temperature=2.0)
    log_p, log_q = brute_force(student), (brute_force(teacher) / 2).log_softmax(-1)
    close(found.student.sampled_log_prob, log_p.gather(-1, SAMPLED[:, None])[:, 0])
    close(found.teacher.sampled_log_prob, log_q.gather(-1, SAMPLED[:, None])[:, 0])
    close(found.teacher.entropy, -(log_q.exp() * log_q).sum(-1))
    close(found.support_log_q, gather(log_q, found.support))


def test_nucleus_and_markers_of_a_teacher_at_a_temperature(student, teacher, batch):
    """A sharper teacher's nucleus is smaller: of its top 64, those whose betters hold less than half."""
    options = {"nucleus_mass": 0.5, "marker_ids": [7, 200, 3]}
    found = compare(student, teacher, batch, 64, 64, "teacher_nucleus", **options, teacher_temperature=0.1)
    log_q = (brute_force(teacher) / 0.1).log_softmax(-1)
    close(found.marker_log_q, log_q[:, [7, 200, 3]])
    top = log_q.topk(64, -1)
    kept = top.values.exp().cumsum(-1) - top.values.exp() < 0.5
    assert [[v for v in row if v >= 0] for row in found.support.tolist()] == [
        ids[inside].tolist() for ids, inside in zip(top.indices, kept, strict=True)
    ]
    assert (
        kept.sum()
        < compare(student, teacher, batch, 64, 64, "teacher_nucleus", **options).support.ge(0).sum()
    )


def test_teacher_on_markers_equals_one_prefix_at_a_time(student, teacher, batch):
    found = compare(student, teacher, batch, 5, 64, "sampled", marker_ids=[7, 200, 3])
    close(found.marker_log_q, brute_force(teacher)[:, [7, 200, 3]])
    assert compare(student, teacher, batch, 5, 64, "sampled").marker_log_q is None


def test_log_normaliser_turns_logits_into_log_probabilities(student, teacher, batch):
    scores = compare(student, teacher, batch, 256, 64, "sampled").teacher
    logits = teacher(input_ids=torch.tensor([PAIRS[0][0]])).logits[0, -1]
    close(logits[scores.top_ids[0]] - scores.log_normaliser[0], scores.top_log_probs[0])


def test_padding_on_either_side_changes_nothing(student, teacher, batch):
    def pad(tensor, left, right):
        return torch.nn.functional.pad(tensor, (left, right))

    plain = compare(student, teacher, batch, 4, 64, "teacher_top_k")
    for left, right in ((3, 0), (0, 6), (2, 2)):
        padded = TokenBatch(*(pad(x, left, right) for x in (batch.tokens, batch.attention, batch.generated)))
        again = compare(student, teacher, padded, 4, 64, "teacher_top_k")
        close(again.teacher.sampled_log_prob, plain.teacher.sampled_log_prob)
        close(again.support_log_q, plain.support_log_q)


@pytest.mark.parametrize("tokens", [1, 12, 1000])
def test_splitting_changes_nothing(student, teacher, batch, tokens):
    whole = compare(student, teacher, batch, 4, 64, "union")
    parts = compare(student, teacher, batch, 4, tokens, "union")
    for name in ("student_on_teacher_top", "support", "support_log_q"):
        close(getattr(parts, name), getattr(whole, name))
    for name in vars(whole.teacher):
        close(getattr(parts.teacher, name), getattr(whole.teacher, name))


@pytest.mark.parametrize("tokens", [64, 10, 1])
@pytest.mark.parametrize("side", ["left", "right"])
def test_packed_sequences_equal_one_prefix_at_a_time(student, teacher, tokens, side):
    """Several in one row, each with positions of its own, none seeing another; wherever padding was."""
    batch = (aligned if side == "left" else from_pairs)(PAIRS, pad_id=0)
    found = compare(student, teacher, replace(batch, packed=True), 5, tokens, "teacher_top_k")
    for scores, model in ((found.student, student), (found.teacher, teacher)):
        expected = brute_force(model)
        close(scores.sampled_log_prob, expected.gather(-1, SAMPLED[:, None])[:, 0])
        close(scores.entropy, -(expected.exp() * expected).sum(-1))


def test_packed_sequences_do_not_see_each_other(student, batch):
    packed, changed = replace(batch, packed=True), batch.tokens.clone()
    changed[1] = torch.where(batch.attention[1], 99, changed[1])
    before, after = (hidden_states(student, each) for each in (packed, replace(packed, tokens=changed)))
    of_others = batch.sequence != 1
    assert torch.equal(before[of_others], after[of_others])
    assert not torch.isclose(before[~of_others], after[~of_others]).all(-1).any()


def test_nothing_carries_a_gradient(student, teacher, batch):
    found = compare(student, teacher, batch, 4, 64, "student_top_k")
    assert not found.student.sampled_log_prob.requires_grad
    assert not found.support_log_q.requires_grad


def test_scores_are_held_once(student, teacher):
    """Beside those of all positions, there are those of one forward pass, and what it computes."""
    batch = from_pairs(PAIRS * 200, pad_id=0)
    found = []
    peak = peak_bytes(
        lambda: found.append(compare(student, teacher, batch, 128, 16, "union")), batch.tokens.device
    )
    held = sum(storage.nbytes() for storage in storages(tensors(found[0])).values())
    assert len(batch.sampled) == 1800
    assert held < peak < 1.2 * held


def tensors(record) -> list:
    return [tensors(value) if is_dataclass(value) else value for value in vars(record).values()]


def test_select_and_join_are_inverse(student, teacher, batch):
    found = compare(student, teacher, batch, 4, 64, "teacher_top_k")
    parts = [select(found, slice(0, 3)), select(found, batch.sequence > 0)]
    again = join(parts, len(batch.sampled))
    assert torch.equal(again.support, found.support)
    assert torch.equal(again.student.entropy, found.student.entropy)
    assert again.teacher_states is None


def test_cross_entropy_is_the_mean_over_response_tokens(student, batch):
    expected = -brute_force(student).gather(-1, SAMPLED[:, None]).mean()
    close(cross_entropy(student, batch), expected)
