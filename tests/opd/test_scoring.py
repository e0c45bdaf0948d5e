"""Scores against a token-by-token forward pass, and their independence of padding and chunks."""

import pytest
import torch

from opd.batch import TokenBatch, from_pairs
from opd.scoring import log_probs, score
from opd.supervised import cross_entropy

AT = torch.arange(9 * 3).view(9, 3)
PAIRS = [([1, 10, 20, 30], [40, 50, 60]), ([2, 11], [41]), ([3, 12, 22], [42, 52, 62, 72, 2])]


@pytest.fixture
def batch():
    return from_pairs(PAIRS, pad_id=0)


def brute_force(model) -> torch.Tensor:
    """(N, V) log-probabilities, one unpadded prefix at a time."""
    rows = []
    for prompt, response in PAIRS:
        for count in range(len(response)):
            prefix = torch.tensor([prompt + response[:count]])
            rows.append(model(input_ids=prefix).logits[0, -1].double().log_softmax(-1))
    return torch.stack(rows)


def test_score_equals_one_prefix_at_a_time(teacher, batch):
    expected = brute_force(teacher)
    scores = score(
        teacher,
        batch,
        top_k=5,
        tokens_per_forward=64,
        keep_vocabulary=True,
        at=torch.arange(9 * 3).view(9, 3),
    )
    close = {"rtol": 1e-5, "atol": 1e-5, "check_dtype": False}
    torch.testing.assert_close(scores.log_probs, expected, **close)
    sampled = torch.tensor([token for _, response in PAIRS for token in response])
    torch.testing.assert_close(scores.sampled_log_prob, expected.gather(-1, sampled[:, None])[:, 0], **close)
    torch.testing.assert_close(scores.entropy, -(expected.exp() * expected).sum(-1), **close)
    torch.testing.assert_close(scores.top_log_probs, expected.topk(5, -1).values, **close)
    assert torch.equal(scores.top_ids, expected.topk(5, -1).indices)
    torch.testing.assert_close(scores.log_probs_at, expected.gather(-1, torch.arange(27).view(9, 3)), **close)


def test_log_normaliser_turns_logits_into_log_probabilities(teacher, batch):
    scores = score(teacher, batch, top_k=256, tokens_per_forward=64)
    logits = teacher(input_ids=torch.tensor([PAIRS[0][0]])).logits[0, -1]
    recovered = logits[scores.top_ids[0]] - scores.log_normaliser[0]
    torch.testing.assert_close(recovered, scores.top_log_probs[0], rtol=1e-5, atol=1e-5)


def test_padding_on_either_side_changes_nothing(teacher, batch):
    def pad(tensor, left, right):
        return torch.nn.functional.pad(tensor, (left, right))

    plain = score(teacher, batch, top_k=4, tokens_per_forward=64).sampled_log_prob
    for left, right in ((3, 0), (0, 6), (2, 2)):
        padded = TokenBatch(*(pad(x, left, right) for x in (batch.tokens, batch.attention, batch.generated)))
        again = score(teacher, padded, top_k=4, tokens_per_forward=64).sampled_log_prob
        torch.testing.assert_close(again, plain, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("tokens", [1, 12, 1000])
def test_splitting_changes_nothing(teacher, batch, tokens):
    ids = torch.arange(9 * 3).view(9, 3)
    whole = score(teacher, batch, 4, 64, at=ids, keep_vocabulary=True)
    parts = score(teacher, batch, 4, tokens, at=ids, keep_vocabulary=True)
    for name, column in vars(whole).items():
        torch.testing.assert_close(getattr(parts, name), column, rtol=1e-5, atol=1e-5)


def test_scores_carry_no_gradient_and_log_probs_do(student, batch):
    assert not score(student, batch, top_k=4, tokens_per_forward=64).top_log_probs.requires_grad
    assert log_probs(student, batch).requires_grad


def test_at_selects_positions(teacher, batch):
    scores = score(teacher, batch, top_k=4, tokens_per_forward=64)
    chosen = batch.sequence == 2
    assert torch.equal(scores.at(chosen).sampled_log_prob, scores.sampled_log_prob[-5:])
    assert scores.at(chosen).log_probs is None


def test_cross_entropy_is_the_mean_over_response_tokens(student, batch):
    sampled = torch.tensor([token for _, response in PAIRS for token in response])
    expected = -brute_force(student).gather(-1, sampled[:, None]).mean()
    torch.testing.assert_close(cross_entropy(student, batch).double(), expected, rtol=1e-5, atol=1e-5)
