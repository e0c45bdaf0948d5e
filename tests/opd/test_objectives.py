"""Objectives against enumeration in float64: values by loops, gradients by hand-derived formulas.

Logit gradients: for reverse KL on a support S, d/dz_j = p_j (1_S(j) (a_j + 1) - sum_S p (a + 1)) with
a = log p - log q; the stop-gradient form has a_j in place of a_j + 1 (arXiv 2605.11182, eq. 3 to 12).
"""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from opd.objectives import OBJECTIVES, objective, position_weights, renormalise

V, K = 12, 4


@pytest.fixture
def logits():
    generator = torch.Generator().manual_seed(0)
    student = torch.randn(3, V, generator=generator, dtype=torch.float64) * 2
    teacher = torch.randn(3, V, generator=generator, dtype=torch.float64) * 2
    return student.requires_grad_(), teacher


def top(teacher: torch.Tensor, k: int = K) -> torch.Tensor:
    return teacher.topk(k, -1).indices


def gathered(student, teacher, ids):
    return student.log_softmax(-1).gather(-1, ids), teacher.log_softmax(-1).gather(-1, ids)


def gradient(loss, student):
    return torch.autograd.grad(loss.sum(), student, retain_graph=True)[0]


def by_loops(student, teacher, ids, row):
    """sum over the support of p (log p - log q), in plain Python."""
    p, q = student.detach()[row].exp(), teacher[row].exp()
    p, q = (p / p.sum()).tolist(), (q / q.sum()).tolist()
    return sum(p[v] * (math.log(p[v]) - math.log(q[v])) for v in ids[row].tolist())


def by_formula(student, teacher, ids, constant):
    """Gradient of the top-K reverse KL; `constant` is 1 for autograd through p log p, 0 for stop-gradient."""
    p = student.detach().softmax(-1)
    a = p.log() - teacher.log_softmax(-1)
    inside = torch.zeros_like(p).scatter(-1, ids, 1)
    return p * (inside * (a + constant) - (inside * p * (a + constant)).sum(-1, keepdim=True))


def test_reverse_kl_on_a_support(logits):
    student, teacher = logits
    ids = top(teacher)
    loss = objective("reverse_kl")(*gathered(student, teacher, ids))
    assert loss.tolist() == pytest.approx([by_loops(student, teacher, ids, row) for row in range(3)])
    torch.testing.assert_close(gradient(loss, student), by_formula(student, teacher, ids, 1))


def test_reverse_kl_on_the_vocabulary_is_the_full_divergence(logits):
    student, teacher = logits
    ids = torch.arange(V).expand(3, V)
    loss = objective("reverse_kl")(*gathered(student, teacher, ids))
    p, q = student.detach().softmax(-1), teacher.softmax(-1)
    expected = torch.distributions.kl_divergence(
        torch.distributions.Categorical(p), torch.distributions.Categorical(q)
    )
    torch.testing.assert_close(loss.detach(), expected)
    # On the whole vocabulary the constant of the formula cancels.
    torch.testing.assert_close(gradient(loss, student), by_formula(student, teacher, ids, 0))


def test_stop_gradient_has_the_same_value_and_no_mass_term(logits):
    student, teacher = logits
    ids = top(teacher)
    pair = gathered(student, teacher, ids)
    loss = objective("stop_gradient_reverse_kl")(*pair)
    torch.testing.assert_close(loss, objective("reverse_kl")(*pair))
    torch.testing.assert_close(gradient(loss, student), by_formula(student, teacher, ids, 0))


def test_renormalised_reverse_kl_is_the_divergence_of_the_restricted_distributions(logits):
    student, teacher = logits
    ids = top(teacher)
    log_p, log_q = (renormalise(x) for x in gathered(student, teacher, ids))
    loss = objective("reverse_kl")(log_p, log_q)
    p = student.detach().gather(-1, ids).softmax(-1)
    q = teacher.gather(-1, ids).softmax(-1)
    divergence = (p * (p / q).log()).sum(-1)
    torch.testing.assert_close(loss.detach(), divergence)
    expected = torch.zeros_like(teacher).scatter(-1, ids, p * ((p / q).log() - divergence[:, None]))
    torch.testing.assert_close(gradient(loss, student), expected)


def test_stop_gradient_changes_nothing_once_renormalised(logits):
    student, teacher = logits
    pair = [renormalise(x) for x in gathered(student, teacher, top(teacher))]
    plain = gradient(objective("reverse_kl")(*pair), student)
    pair = [renormalise(x) for x in gathered(student, teacher, top(teacher))]
    torch.testing.assert_close(gradient(objective("stop_gradient_reverse_kl")(*pair), student), plain)


def test_renormalised_on_one_token_is_identically_zero(logits):
    student, teacher = logits
    pair = [renormalise(x) for x in gathered(student, teacher, top(teacher, 1))]
    loss = objective("reverse_kl")(*pair)
    assert loss.tolist() == [0, 0, 0]
    assert gradient(loss, student).abs().max() == 0


def minimise(teacher, ids, name, normalised=False):
    """Student probabilities after gradient descent on an objective, from the uniform distribution."""
    student = torch.zeros_like(teacher).requires_grad_()
    for _ in range(4000):
        pair = gathered(student, teacher, ids)
        if normalised:
            pair = [renormalise(x) for x in pair]
        step = gradient(objective(name)(*pair), student)
        student = (student.detach() - 2.0 * step).requires_grad_()
    return student.detach().softmax(-1)


def test_where_each_top_k_objective_leaves_the_mass(logits):
    _, teacher = logits
    ids = top(teacher)
    q = teacher.softmax(-1)
    teacher_mass = q.gather(-1, ids).sum(-1)

    collapsed = minimise(teacher, ids, "reverse_kl").gather(-1, ids).sum(-1)
    torch.testing.assert_close(collapsed, teacher_mass / math.e, rtol=1e-3, atol=1e-4)

    kept = minimise(teacher, ids, "stop_gradient_reverse_kl").gather(-1, ids)
    torch.testing.assert_close(kept, q.gather(-1, ids), rtol=1e-3, atol=1e-4)

    matched = minimise(teacher, ids, "reverse_kl", normalised=True).gather(-1, ids)
    torch.testing.assert_close(
        matched / matched.sum(-1, keepdim=True),
        q.gather(-1, ids) / teacher_mass[:, None],
        rtol=1e-3,
        atol=1e-4,
    )


def test_an_identical_teacher_gives_no_gradient_unless_mass_is_ignored(logits):
    student, _ = logits
    teacher = student.detach()
    ids = top(teacher)
    everything = torch.arange(V).expand(3, V)
    silent = [
        objective("stop_gradient_reverse_kl")(*gathered(student, teacher, ids)),
        objective("reverse_kl")(*(renormalise(x) for x in gathered(student, teacher, ids))),
        objective("reverse_kl")(*gathered(student, teacher, everything)),
        objective("jensen_shannon")(*gathered(student, teacher, everything)),
    ]
    for loss in silent:
        assert loss.abs().max() < 1e-12
        assert gradient(loss, student).abs().max() < 1e-12
    defective = objective("reverse_kl")(*gathered(student, teacher, ids))
    assert defective.abs().max() < 1e-12
    assert gradient(defective, student).abs().max() > 1e-2


@pytest.mark.parametrize("beta", [0.1, 0.5, 0.9])
def test_jensen_shannon(logits, beta):
    student, teacher = logits
    p, q = student.softmax(-1), teacher.softmax(-1)
    m = beta * p + (1 - beta) * q
    expected = beta * (p * (p / m).log()).sum(-1) + (1 - beta) * (q * (q / m).log()).sum(-1)
    loss = objective("jensen_shannon")(student.log_softmax(-1), teacher.log_softmax(-1), beta=beta)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(gradient(loss, student), gradient(expected, student))


@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_jensen_shannon_refuses_the_ends(logits, beta):
    with pytest.raises(ValueError, match="strictly between"):
        objective("jensen_shannon")(*logits, beta=beta)


def test_policy_gradient_is_unbiased_for_the_full_reverse_kl(logits):
    """Enumerate every token as the sampled one, weigh by its probability: the exact gradient."""
    student, teacher = logits
    log_p, log_q = student.log_softmax(-1), teacher.log_softmax(-1)
    old = log_p.detach()
    per_token = objective("policy_gradient")(log_p, old, log_q, dual_clip=1e9)
    expected_loss = (old.exp() * per_token).sum(-1)
    exact = objective("reverse_kl")(log_p, log_q)
    torch.testing.assert_close(gradient(expected_loss, student), gradient(exact, student))


@pytest.mark.parametrize(
    ("ratio", "advantage", "expected", "slope"),
    [
        (1.0, 2.0, -2.0, -2.0),
        (1.5, 2.0, -2.4, 0.0),  # already up by more than the clip: no further reward
        (0.5, 2.0, -1.0, -1.0),
        (1.5, -2.0, 3.0, 3.0),
        (0.5, -2.0, 1.6, 0.0),  # already down by more than the clip
        (5.0, -2.0, 6.0, 0.0),  # the dual clip bounds the loss at 3 x 2
    ],
)
def test_policy_gradient_clips_as_ppo_does(ratio, advantage, expected, slope):
    old = torch.tensor([-1.0], dtype=torch.float64)
    log_p = (old + math.log(ratio)).requires_grad_()
    loss = objective("policy_gradient")(log_p, old, old + advantage)
    assert loss.item() == pytest.approx(expected)
    (derivative,) = torch.autograd.grad(loss.sum(), log_p)
    assert derivative.item() == pytest.approx(slope)


def test_policy_gradient_follows_the_teacher(logits):
    student, teacher = logits
    ids = torch.tensor([[1], [2], [3]])
    log_p = student.log_softmax(-1).gather(-1, ids)[:, 0]
    log_q = teacher.log_softmax(-1).gather(-1, ids)[:, 0]
    first = objective("policy_gradient")(log_p, log_p.detach(), log_q)
    second = objective("policy_gradient")(log_p, log_p.detach(), log_q + 1)
    assert not torch.allclose(gradient(first, student), gradient(second, student))
    same = objective("policy_gradient")(log_p, log_p.detach(), log_p.detach())
    assert gradient(same, student).abs().max() == 0


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        ("token_mean", (1 + 3 + 10 + 0.5 * 20) / 3.5),
        ("sequence_mean", ((1 + 3) / 2 + (10 + 0.5 * 20) / 1.5) / 2),
    ],
)
def test_position_weights_by_hand(reduction, expected):
    loss = torch.tensor([1.0, 2.0, 3.0, 10.0, 20.0, 7.0])
    mask = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.5, 0.0])
    weights = position_weights(mask, torch.tensor([0, 0, 0, 1, 1, 2]), reduction)
    assert weights.sum().item() == pytest.approx(1)
    assert (weights * loss).sum().item() == pytest.approx(expected)


@pytest.mark.parametrize("reduction", ["token_mean", "sequence_mean"])
def test_position_weights_of_nothing_are_zero(reduction):
    empty = torch.zeros(0)
    assert position_weights(empty, torch.zeros(0, dtype=torch.long), reduction).sum() == 0
    assert position_weights(torch.zeros(3), torch.zeros(3, dtype=torch.long), reduction).tolist() == [0, 0, 0]


@given(
    st.integers(1, 5),
    st.integers(2, 20),
    st.floats(0.1, 30),
    st.integers(0, 2**31),
)
def test_objectives_stay_finite_on_extreme_logits(positions, support, scale, seed):
    generator = torch.Generator().manual_seed(seed)
    student = (torch.randn(positions, support, generator=generator) * scale).requires_grad_()
    teacher = torch.randn(positions, support, generator=generator) * scale
    for name in ("reverse_kl", "stop_gradient_reverse_kl", "jensen_shannon"):
        loss = objective(name)(student.log_softmax(-1), teacher.log_softmax(-1))
        assert loss.shape == (positions,)
        assert torch.isfinite(loss).all()
        assert torch.isfinite(gradient(loss, student)).all()
        assert (loss > -1e-4).all()


def test_registry_names_the_options():
    assert OBJECTIVES["reverse_kl"] == {}
    assert OBJECTIVES["jensen_shannon"] == {"beta": 0.5}
    assert OBJECTIVES["policy_gradient"] == {"clip_low": 0.2, "clip_high": 0.2, "dual_clip": 3.0}
