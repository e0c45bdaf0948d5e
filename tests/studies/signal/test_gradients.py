"""Gradients of the logits and of the weights against autograd on the whole batch at once."""

import copy

import numpy as np
import pytest
import torch

from opd.batch import from_pairs
from opd.parallel import sharding
from opd.scoring.compare import compare
from studies.signal.gradients import parameter_gradient, score_norms

BATCH = from_pairs([([4, 5], [6, 7, 8]), ([9], [10, 11]), ([12, 13, 14], [15])], pad_id=0)


def log_probs(model):
    """(N,) log-probabilities of the generated tokens, and the (N, V) logits, without batching tricks."""
    logits = []
    for tokens, attention, generated in zip(BATCH.tokens, BATCH.attention, BATCH.generated, strict=True):
        places = generated[attention].nonzero()[:, 0] - 1
        logits.append(model(tokens[attention][None]).logits[0][places])
    joined = torch.cat(logits)
    return joined.log_softmax(-1).gather(1, BATCH.sampled[:, None])[:, 0], joined


def test_score_norms_are_autograds(student):
    _, logits = log_probs(student)
    logits = logits.detach().double().requires_grad_()
    chosen = logits.log_softmax(-1).gather(1, BATCH.sampled[:, None]).sum()
    expected = torch.autograd.grad(chosen, logits)[0].norm(dim=-1)
    for tokens_per_forward in (4, 1000):
        found = score_norms(student, BATCH, tokens_per_forward)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(("tokens_per_forward", "recompute"), [(4, False), (1000, False), (1000, True)])
def test_parts_of_the_parameter_gradient(student, teacher, tokens_per_forward, recompute):
    student = copy.deepcopy(student)
    if recompute:
        sharding.recompute_layers(student)
    comparison = compare(student, teacher, BATCH, 1, 1000, "sampled")
    table = parameter_gradient(student, teacher, BATCH, comparison, tokens_per_forward).set_index("part")

    log_p, _ = log_probs(student)
    reward = (log_probs(teacher)[0] - log_p).detach()
    assert (reward > 0).any()
    assert (reward < 0).any()
    vectors = {}
    for name, chosen in {"positive": reward > 0, "negative": reward < 0, "all": reward == reward}.items():
        loss = -(reward * log_p)[chosen].sum() / len(reward)
        gradients = torch.autograd.grad(loss, list(student.parameters()), retain_graph=True)
        vectors[name] = torch.cat([gradient.flatten() for gradient in gradients]).double()
        assert table.tokens[name] == int(chosen.sum())
        assert table.norm[name] == pytest.approx(float(vectors[name].norm()), rel=1e-4)
    for name, vector in vectors.items():
        cosine = float(torch.cosine_similarity(vector, vectors["all"], 0))
        assert table.cosine[name] == pytest.approx(cosine, abs=1e-4)
    assert table.share["positive"] + table.share["negative"] == pytest.approx(1, abs=1e-6)
    projection = vectors["positive"] @ vectors["all"] / (vectors["all"] @ vectors["all"])
    assert table.share["positive"] == pytest.approx(float(projection), abs=1e-4)
    assert all(weight.grad is None for weight in student.parameters())
