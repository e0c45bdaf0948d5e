"""Objectives against an independent reference, their closed forms, and what they must not do."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from opd import support as supports
from opd.lm_head import Head
from opd.loss import chunk_losses, outside
from opd.objectives import OBJECTIVES, Share, objective
from opd.spec import ObjectiveSpec
from tests.opd import reference
from tests.opd.cases import CASES, ESTIMATORS, ON_SUPPORT, SEVERAL, refused

N, V, K = 6, 12, 4
OPTIONS = {
    "jensen_shannon": {"beta": 0.3},
    "skew_reverse_kl": {"skew": 0.2},
    "skew_forward_kl": {"skew": 0.2},
    "entropy_switched_kl": {"threshold": 1.5},
}


def options_of(name):
    """Of a test: values apart from the defaults where this file has them."""
    return OBJECTIVES[name].options | OPTIONS.get(name, {})


def draw(seed=0, scale=1.5):
    generator = torch.Generator().manual_seed(seed)
    student, teacher = torch.randn(2, N, V, generator=generator, dtype=torch.float64) * scale
    sampled = torch.randint(0, V, (N,), generator=generator)
    return student.requires_grad_(), teacher, sampled


def make_support(name, student, teacher, sampled, k=K):
    if name == "vocabulary":
        return torch.arange(V).expand(N, V)
    log_q = teacher.log_softmax(-1)
    student_top, teacher_top = supports.top_k(student.detach(), k), supports.top_k(log_q, k)
    return supports.build(name, student_top, teacher_top, log_q.gather(-1, teacher_top), sampled, 0.6)


def losses(name, student, teacher, sampled, support, treatment="ignored", **options):
    """(N,) losses through the production path, from logits."""
    spec = ObjectiveSpec(
        name=name,
        support="teacher_top_k" if support is not None else "sampled",
        outside=treatment,
        options=options,
        reduction="token_mean",
    )
    log_q = teacher.log_softmax(-1)
    old = student.detach().log_softmax(-1).gather(-1, sampled[:, None])[:, 0]
    sampled_log_q = log_q.gather(-1, sampled[:, None])[:, 0]
    given = {
        "sampled": sampled,
        "advantage": sampled_log_q - old,
        "sampled_log_p_old": old,
        "sampled_log_q": sampled_log_q,
        "teacher_entropy": -(log_q.exp() * log_q).sum(-1),
    }
    if support is not None:
        given |= {"support": support, "support_log_q": supports.gather(log_q, support)}
    both = chunk_losses(spec, Head(torch.zeros(1, 1)), list(given))(student.log_softmax(-1), *given.values())
    return both[:, 0]


def gradient(loss, student):
    return torch.autograd.grad(loss.sum(), student, retain_graph=True)[0]


@pytest.mark.parametrize(("name", "support_name", "treatment"), CASES)
def test_value_and_gradient_by_enumeration(name, support_name, treatment):
    student, teacher, sampled = draw()
    support = make_support(support_name, student, teacher, sampled)
    options = options_of(name)
    found = losses(name, student, teacher, sampled, support, treatment, **options)
    slope = gradient(found, student)
    for row in range(N):
        logits, q = student[row].detach().numpy(), teacher[row].numpy()
        rest = (q, support[row].tolist(), treatment, int(sampled[row]), options)
        assert found[row].item() == pytest.approx(reference.loss(name, logits, logits, *rest), abs=1e-9)
        np.testing.assert_allclose(slope[row], reference.gradient(name, logits, *rest), atol=1e-7)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_by_enumeration(name):
    student, teacher, sampled = draw()
    found = losses(name, student, teacher, sampled, None)
    slope = gradient(found, student)
    for row in range(N):
        logits, q = student[row].detach().numpy(), teacher[row].numpy()
        rest = (q, [], "ignored", int(sampled[row]), {})
        assert found[row].item() == pytest.approx(reference.loss(name, logits, logits, *rest), abs=1e-9)
        np.testing.assert_allclose(slope[row], reference.gradient(name, logits, *rest), atol=1e-7)


def expected_gradient(name, student, teacher, support=None, **options):
    """Mean of the gradient over every token that could have been sampled, weighted by its probability."""
    weights = student.detach().softmax(-1)
    total = torch.zeros_like(teacher)
    for token in range(V):
        sampled = torch.full((N,), token)
        loss = losses(name, student, teacher, sampled, support, **options)
        total += gradient(weights[:, token] * loss, student)
    return total


def full(name, student, teacher):
    _, _, sampled = draw()
    support = make_support("vocabulary", student, teacher, sampled)
    return gradient(losses(name, student, teacher, sampled, support), student)


def test_expected_gradients_of_the_estimators():
    student, teacher, _ = draw()
    reverse, forward = full("reverse_kl", student, teacher), full("forward_kl", student, teacher)
    torch.testing.assert_close(expected_gradient("policy_gradient", student, teacher), reverse)
    torch.testing.assert_close(expected_gradient("k2", student, teacher), reverse)
    # As a loss, k3 follows the other divergence.
    torch.testing.assert_close(expected_gradient("k3", student, teacher), forward)
    assert (reverse - forward).abs().max() > 0.05


@pytest.mark.parametrize("support_name", ["teacher_top_k", "student_top_k", "intersection"])
def test_ema_pg_is_off_by_the_gradient_of_the_mass_and_the_other_is_not(support_name):
    student, teacher, sampled = draw()
    support = make_support(support_name, student, teacher, sampled)
    exact = full("reverse_kl", student, teacher)
    mass = supports.gather(student.log_softmax(-1), support).exp().sum(-1)
    biased = expected_gradient("ema_pg", student, teacher, support)
    torch.testing.assert_close(biased, exact + gradient(mass, student))
    assert (biased - exact).abs().max() > 1e-2
    torch.testing.assert_close(expected_gradient("ema_pg_unbiased", student, teacher, support), exact)


def test_ema_pg_importance_weight_is_clipped_and_constant():
    log_p = torch.tensor([-1.0], dtype=torch.float64, requires_grad=True)
    old, log_q = torch.tensor([-3.0]), torch.tensor([-2.0])
    empty = torch.full((1, 1), -math.inf)
    arguments = (empty, empty, log_p, old, log_q, torch.tensor([True]))
    plain = OBJECTIVES["ema_pg"].function(*arguments)
    clipped = OBJECTIVES["ema_pg"].function(*arguments, importance_clip=2.0)
    loose = OBJECTIVES["ema_pg"].function(*arguments, importance_clip=100.0)
    assert plain.item() == pytest.approx(1.0)
    assert clipped.item() == pytest.approx(2.0)
    assert loose.item() == pytest.approx(math.exp(2))
    assert torch.autograd.grad(clipped.sum(), log_p)[0].item() == pytest.approx(2.0)


@pytest.mark.parametrize("support_name", SEVERAL)
def test_equal_models_have_no_gradient_unless_mass_is_ignored(support_name):
    student, _, sampled = draw()
    teacher = student.detach()
    support = make_support(support_name, student, teacher, sampled)
    for name in ON_SUPPORT:
        for treatment in ("renormalised", "tail_bucket"):
            if refused(name, support_name, treatment):
                continue
            loss = losses(name, student, teacher, sampled, support, treatment)
            assert loss.abs().max() < 1e-6, (name, treatment)
            assert gradient(loss, student).abs().max() < 1e-6, (name, treatment)
    for name in ("stop_gradient_reverse_kl", "generalised_kl"):
        loss = losses(name, student, teacher, sampled, support)
        assert loss.abs().max() < 1e-12
        assert gradient(loss, student).abs().max() < 1e-12
    if support_name != "vocabulary":
        defective = losses("reverse_kl", student, teacher, sampled, support)
        assert defective.abs().max() < 1e-12
        assert gradient(defective, student).abs().max() > 1e-2


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_another_teacher_gives_another_gradient(name):
    student, teacher, sampled = draw()
    _, other, _ = draw(seed=1)
    support = make_support("union", student, teacher, sampled) if name in ON_SUPPORT else None
    options = options_of(name)
    first = gradient(losses(name, student, teacher, sampled, support, **options), student)
    second = gradient(losses(name, student, other, sampled, support, **options), student)
    assert (first - second).abs().max() > 1e-3


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_positions_are_independent_of_how_they_are_packed(name):
    """Any subset of positions, in any order and from any sequences, has the same losses and gradients."""
    student, teacher, sampled = draw()
    support = make_support("union", student, teacher, sampled) if name in ON_SUPPORT else None
    options = options_of(name)
    whole = losses(name, student, teacher, sampled, support, **options)
    slope = gradient(whole, student)
    order = torch.tensor([4, 0, 5, 2])
    part = student.detach()[order].requires_grad_()
    chosen = None if support is None else support[order]
    packed = losses(name, part, teacher[order], sampled[order], chosen, **options)
    torch.testing.assert_close(packed, whole[order], rtol=0, atol=1e-12)
    torch.testing.assert_close(gradient(packed, part), slope[order], rtol=0, atol=1e-12)


def test_a_tail_bucket_over_all_but_one_token_is_the_full_divergence():
    student, teacher, sampled = draw()
    support = make_support("teacher_top_k", student, teacher, sampled, k=V - 1)
    whole = make_support("vocabulary", student, teacher, sampled)
    for name in ("reverse_kl", "forward_kl", "jensen_shannon"):
        tail = losses(name, student, teacher, sampled, support, "tail_bucket")
        exact = losses(name, student, teacher, sampled, whole)
        torch.testing.assert_close(tail, exact)
        torch.testing.assert_close(gradient(tail, student), gradient(exact, student))


def test_the_gradient_of_the_unnormalised_loss_is_stop_gradient_plus_the_mass():
    student, teacher, sampled = draw()
    support = make_support("teacher_top_k", student, teacher, sampled)
    plain, stopped, generalised = (
        gradient(losses(name, student, teacher, sampled, support), student)
        for name in ("reverse_kl", "stop_gradient_reverse_kl", "generalised_kl")
    )
    mass = student.softmax(-1).gather(-1, support).sum(-1)
    torch.testing.assert_close(plain, stopped + gradient(mass, student))
    torch.testing.assert_close(generalised, stopped)


def test_the_unnormalised_forward_kl_is_drawn_to_the_teacher_rescaled_to_the_support():
    student, teacher, sampled = draw()
    support = make_support("teacher_top_k", student, teacher, sampled)
    q = torch.zeros_like(teacher).scatter(-1, support, teacher.softmax(-1).gather(-1, support))
    rescaled = (q / q.sum(-1, keepdim=True)).log().clamp(min=-1e3).requires_grad_()
    for logits in (student, rescaled):
        slope = gradient(losses("forward_kl", logits, teacher, sampled, support), logits)
        torch.testing.assert_close(slope, logits.softmax(-1) * q.sum(-1, keepdim=True) - q)
    torch.testing.assert_close(slope, torch.zeros_like(q))


def test_stop_gradient_changes_nothing_once_renormalised():
    student, teacher, sampled = draw()
    support = make_support("teacher_top_k", student, teacher, sampled)
    first, second = (
        gradient(losses(name, student, teacher, sampled, support, "renormalised"), student)
        for name in ("reverse_kl", "stop_gradient_reverse_kl")
    )
    torch.testing.assert_close(first, second)


def test_renormalised_on_one_token_is_identically_zero():
    student, teacher, sampled = draw()
    support = make_support("teacher_top_k", student, teacher, sampled, k=1)
    loss = losses("reverse_kl", student, teacher, sampled, support, "renormalised")
    assert loss.abs().max() == 0
    assert gradient(loss, student).abs().max() == 0


def test_local_support_matching_is_blind_to_mass_outside():
    student, teacher, sampled = draw()
    support = make_support("teacher_top_k", student, teacher, sampled)
    moved = student.detach() + 5
    moved = moved.scatter(-1, support, student.detach().gather(-1, support)).requires_grad_()
    before, after = (
        losses("reverse_kl", x, teacher, sampled, support, "renormalised") for x in (student, moved)
    )
    torch.testing.assert_close(before, after, rtol=0, atol=1e-12)
    inside = torch.zeros(N, V).scatter(-1, support, 1).bool()
    assert gradient(before, student)[~inside].abs().max() < 1e-15
    masses = [x.detach().softmax(-1).gather(-1, support).sum(-1).mean() for x in (student, moved)]
    assert masses[1] < 0.1 * masses[0]


def minimise(name, teacher, support, treatment="ignored"):
    """Student probabilities after gradient descent from the uniform distribution."""
    sampled = torch.zeros(N, dtype=torch.long)
    student = torch.zeros_like(teacher).requires_grad_()
    for _ in range(3000):
        slope = gradient(losses(name, student, teacher, sampled, support, treatment), student)
        student = (student.detach() - 2.0 * slope).requires_grad_()
    return student.detach().softmax(-1).gather(-1, support)


def test_where_each_top_k_objective_leaves_the_mass():
    _, teacher, sampled = draw()
    support = make_support("teacher_top_k", teacher, teacher, sampled)
    q = teacher.softmax(-1).gather(-1, support)
    close = {"rtol": 1e-3, "atol": 1e-4}
    torch.testing.assert_close(minimise("reverse_kl", teacher, support).sum(-1), q.sum(-1) / math.e, **close)
    torch.testing.assert_close(minimise("stop_gradient_reverse_kl", teacher, support), q, **close)
    matched = minimise("reverse_kl", teacher, support, "renormalised")
    torch.testing.assert_close(matched / matched.sum(-1, keepdim=True), q / q.sum(-1, keepdim=True), **close)


# Five published ways of writing local support matching (student logits z, teacher logits t, support ids).


def revisiting_opd(z, t, ids):
    """revisiting_opd, core_algos.py: a softmax over the gathered logits of each model."""
    log_p, log_q = z.gather(-1, ids).log_softmax(-1), t.gather(-1, ids).log_softmax(-1)
    return (log_p.exp() * (log_p - log_q)).sum(-1)


def nemo_rl(z, t, ids):
    """NeMo-RL, model_utils.py: full log-probabilities, gathered, then normalised by their log-sum-exp."""
    log_p, log_q = (x.log_softmax(-1).gather(-1, ids) for x in (z, t))
    log_p, log_q = (x - x.logsumexp(-1, keepdim=True) for x in (log_p, log_q))
    return torch.nn.functional.kl_div(log_q, log_p, log_target=True, reduction="none").sum(-1)


def ms_swift(z, t, ids):
    """ms-swift, gkd_loss.py: generalised JSD at beta 1 over top-k logits."""
    p, q = z.gather(-1, ids).softmax(-1), t.gather(-1, ids).softmax(-1)
    return (p * (p.log() - q.log())).sum(-1)


def verl_recipe(z, t, ids):
    """verl-recipe gkd, mode RKL: probabilities over the vocabulary, divided by the mass of the top k."""
    p, q = (x.softmax(-1).gather(-1, ids) for x in (z, t))
    p, q = (x / x.sum(-1, keepdim=True) for x in (p, q))
    return (p * p.log()).sum(-1) - (p * q.log()).sum(-1)


def opsd(z, t, ids):
    """siyan-zhao/OPSD, top_k_loss at beta 1: masked logits, then a softmax over the vocabulary."""
    outside_support = torch.ones_like(z, dtype=torch.bool).scatter(-1, ids, False)
    log_p, log_q = (x.masked_fill(outside_support, -1e30).log_softmax(-1) for x in (z, t))
    return (log_p.exp() * (log_p - log_q)).sum(-1)


@pytest.mark.parametrize("published", [revisiting_opd, nemo_rl, ms_swift, verl_recipe, opsd])
def test_five_published_formulations_agree(published):
    student, teacher, sampled = draw()
    support = make_support("teacher_top_k", student, teacher, sampled)
    ours = losses("reverse_kl", student, teacher, sampled, support, "renormalised")
    theirs = published(student, teacher, support)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(gradient(ours, student), gradient(theirs, student))


@pytest.mark.parametrize(("name", "treatment"), sorted({(name, treatment) for name, _, treatment in CASES}))
def test_an_empty_support_is_silent(name, treatment):
    student, teacher, sampled = draw()
    support = make_support("teacher_top_k", student, teacher, sampled)
    support[::2] = supports.EMPTY
    loss = losses(name, student, teacher, support[:, 0].clamp(min=0), support, treatment)
    slope = gradient(loss, student)
    assert torch.isfinite(loss).all()
    assert torch.isfinite(slope).all()
    if not name.startswith("ema_pg"):
        assert loss[::2].abs().max() < 1e-12
        assert slope[::2].abs().max() < 1e-12
    assert slope[1::2].abs().max() > 1e-4


def test_a_token_that_the_teacher_rules_out_is_infinite_for_the_reverse_divergence_alone():
    student, teacher, sampled = draw()
    support = make_support("vocabulary", student, teacher, sampled)
    teacher[0, 3] = -math.inf
    assert losses("reverse_kl", student, teacher, sampled, support)[0] == math.inf
    for name in ("forward_kl", "jensen_shannon", "skew_reverse_kl"):
        loss = losses(name, student, teacher, sampled, support)
        assert torch.isfinite(loss).all()
        assert torch.isfinite(gradient(loss, student)).all()


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
    loss = OBJECTIVES["policy_gradient"].function(log_p, old, torch.tensor([advantage], dtype=torch.float64))
    assert loss.item() == pytest.approx(expected)
    (derivative,) = torch.autograd.grad(loss.sum(), log_p)
    assert derivative.item() == pytest.approx(slope)


@given(
    st.integers(1, 5),
    st.integers(2, 20),
    st.floats(0.1, 30),
    st.sampled_from(["ignored", "renormalised", "tail_bucket"]),
    st.integers(0, 2**31),
)
def test_objectives_stay_finite_on_extreme_logits(positions, size, scale, treatment, seed):
    generator = torch.Generator().manual_seed(seed)
    student = (torch.randn(positions, size, generator=generator) * scale).requires_grad_()
    teacher = torch.randn(positions, size, generator=generator) * scale
    support = supports.top_k(teacher, max(1, size // 2))
    support[torch.rand(support.shape, generator=generator) < 0.3] = supports.EMPTY
    for name in ("reverse_kl", "stop_gradient_reverse_kl", "forward_kl", "jensen_shannon", "generalised_kl"):
        log_p, log_q = (
            outside(treatment, supports.gather(x.log_softmax(-1), support)) for x in (student, teacher)
        )
        loss = OBJECTIVES[name].function(log_p=log_p, log_q=log_q)
        assert loss.shape == (positions,)
        assert torch.isfinite(loss).all()
        assert torch.isfinite(gradient(loss, student)).all()
        if treatment != "ignored" or name == "generalised_kl":
            assert (loss > -1e-4).all()


def test_an_objective_that_asks_for_what_nobody_makes_is_refused():
    def guess(log_p, teacher_top_log_q):
        return log_p

    with pytest.raises(ValueError, match="guess asks for teacher_top_log_q; known: advantage, log_p, log_q"):
        objective(guess)
    assert "guess" not in OBJECTIVES


def test_a_second_objective_of_a_name_is_refused():
    def reverse_kl(log_p, log_q):
        return log_p

    first = OBJECTIVES["reverse_kl"]
    with pytest.raises(ValueError, match="reverse_kl is an objective already; choose another name"):
        objective(reverse_kl)
    assert OBJECTIVES["reverse_kl"] is first


def test_an_option_without_range_or_default_is_refused():
    def plain(log_p, log_q, *, alpha: float = 0.9):
        return log_p

    def required(log_p, log_q, *, alpha: Share):
        return log_p

    for function in (plain, required):
        with pytest.raises(
            ValueError, match=f"{function.__name__} needs a type with a range and a default for alpha"
        ):
            objective(function)
        assert function.__name__ not in OBJECTIVES


def test_registry_knows_inputs_and_options():
    assert OBJECTIVES["reverse_kl"].inputs == {"log_p", "log_q"}
    assert OBJECTIVES["jensen_shannon"].options == {"beta": 0.5}
    assert OBJECTIVES["policy_gradient"].options == {"clip_low": 0.2, "clip_high": 0.2, "dual_clip": 3.0}
    assert not OBJECTIVES["k2"].on_support
    for name, each in OBJECTIVES.items():
        assert each.ranges.keys() == each.options.keys(), name
        assert all(each.ranges[option].holds(default) for option, default in each.options.items())


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss"),
    [(1.25, 1.0, -1.25), (1.35, 1.0, -1.28), (0.92, -1.0, 0.92), (0.85, -1.0, 0.9)],
)
def test_policy_gradient_clips_each_way_by_its_own_bound(ratio, advantage, loss):
    arguments = (torch.tensor([math.log(ratio)]), torch.zeros(1), torch.tensor([advantage]))
    found = OBJECTIVES["policy_gradient"].function(*arguments, clip_low=0.1, clip_high=0.28)
    assert found.item() == pytest.approx(loss)


@pytest.mark.parametrize("name", [name for name, each in OBJECTIVES.items() if "advantage" in each.inputs])
@pytest.mark.parametrize("weight", [0.3, 2.0])
def test_a_weight_of_the_advantage_is_one_of_the_loss(name, weight):
    """As `importance_cap` takes it to be; clipped or not, and with the dual clip."""
    ratio, sign = torch.meshgrid(torch.linspace(-2, 2, 21), torch.tensor([-1.5, 0.0, 1.5]), indexing="ij")
    log_p, advantage = ratio.flatten().requires_grad_(), sign.flatten()
    plain, weighed = (
        OBJECTIVES[name].function(log_p, torch.zeros(63), factor * advantage) for factor in (1, weight)
    )
    torch.testing.assert_close(weighed, weight * plain)
    torch.testing.assert_close(gradient(weighed, log_p), weight * gradient(plain, log_p))
