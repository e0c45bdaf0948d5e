"""The support-only path and the path with the normaliser agree, and neither holds (N, V)."""

import pytest
import torch

from opd import loss
from opd.advantages import advantages
from opd.batch import from_pairs
from opd.lm_head import head_of, tiles
from opd.loss import needs_support_only, position_losses
from opd.objectives import OBJECTIVES
from opd.scoring.compare import compare
from opd.spec import ObjectiveSpec
from tests.opd import reference
from tests.opd.cases import CASES, ESTIMATORS

BATCH = from_pairs([([1, 10, 20], [40, 50, 60, 7]), ([2, 11], [41]), ([3], list(range(60, 80)))], pad_id=0)


def evaluate(student, teacher, **fields):
    spec = ObjectiveSpec(reduction="token_mean", **fields)
    comparison = compare(student, teacher, BATCH, 6, 64, spec.support, nucleus_mass=spec.nucleus_mass or 1.0)
    outcome = torch.zeros(len(BATCH.sampled))
    advantage = advantages(spec.advantage, comparison, BATCH.sequence, outcome)
    counted = torch.ones(len(BATCH.sampled), dtype=torch.bool)
    return position_losses(spec, student, head_of(teacher), BATCH, counted, comparison, advantage)


def fields_of(name, support, outside="ignored"):
    mass = {"nucleus_mass": 0.5} if support == "teacher_nucleus" else {}
    return {"name": name, "support": support, "outside": outside, **mass}


# ema_pg estimates what is outside the support: nothing, for the vocabulary.
COMBINATIONS = [
    fields_of(*case) for case in CASES if not (case[0].startswith("ema") and case[1] == "vocabulary")
]
COMBINATIONS += [fields_of(name, "sampled") for name in ESTIMATORS]
# Apart from the defaults; half of the positions are where the teacher's entropy is above the threshold.
OPTIONS = {
    "jensen_shannon": {"beta": 0.3},
    "skew_reverse_kl": {"skew": 0.2},
    "entropy_switched_kl": {"threshold": 5.518},
}
OPTIONS["skew_forward_kl"] = OPTIONS["skew_reverse_kl"]


@pytest.mark.parametrize("fields", COMBINATIONS, ids=lambda f: "-".join(map(str, f.values())))
def test_every_combination_through_real_models_equals_the_reference(student, teacher, fields):
    options = OPTIONS.get(fields["name"], {})
    losses, _ = evaluate(student, teacher, **fields, options=options)
    p, q = plain_logits(student), plain_logits(teacher)
    mass = fields.get("nucleus_mass", 1.0)
    support = compare(student, teacher, BATCH, 6, 64, fields["support"], nucleus_mass=mass).support
    support = torch.arange(256).expand(25, -1) if support is None else support
    rows = zip(p.numpy(), q.numpy(), support.tolist(), BATCH.sampled.tolist(), strict=True)
    expected = [
        reference.loss(fields["name"], a, a, b, ids, fields["outside"], token, options)
        for a, b, ids, token in rows
    ]
    torch.testing.assert_close(losses.double(), torch.tensor(expected).double(), rtol=1e-4, atol=1e-5)
    parameters = [p for p in student.parameters() if p.requires_grad]
    slopes = torch.autograd.grad(losses.sum(), parameters)
    assert all(torch.isfinite(slope).all() for slope in slopes)


def plain_logits(model) -> torch.Tensor:
    """(N, V) in float64, one sequence at a time."""
    rows = [
        model(input_ids=tokens[attended][None]).logits[0].double()[generated[attended].nonzero()[:, 0] - 1]
        for tokens, attended, generated in zip(BATCH.tokens, BATCH.attention, BATCH.generated, strict=True)
    ]
    return torch.cat(rows).detach()


@pytest.mark.parametrize("wrong", [lambda x: x[:, None], lambda x: x.mean()])
@pytest.mark.parametrize("outside", ["renormalised", "ignored"])
def test_a_loss_of_another_shape_is_refused(student, teacher, monkeypatch, outside, wrong):
    """Broadcast against the weights, it would be another loss, and train."""
    right = OBJECTIVES["reverse_kl"]
    broken = right._replace(function=lambda **given: wrong(right.function(**given)))
    monkeypatch.setitem(OBJECTIVES, "reverse_kl", broken)
    with pytest.raises(ValueError, match=r"reverse_kl must return a number per position, \(\d+,\), and"):
        evaluate(student, teacher, name="reverse_kl", support="teacher_top_k", outside=outside)


@pytest.mark.parametrize("support", ["teacher_top_k", "union", "intersection"])
@pytest.mark.parametrize("name", ["reverse_kl", "forward_kl", "jensen_shannon", "entropy_switched_kl"])
def test_the_normaliser_cancels(student, teacher, monkeypatch, name, support):
    fields = {"name": name, "support": support, "outside": "renormalised"}
    assert needs_support_only(ObjectiveSpec(reduction="token_mean", **fields))
    parameters = list(student.parameters())
    selected, unknown = evaluate(student, teacher, **fields)
    monkeypatch.setattr(loss, "needs_support_only", lambda spec: False)
    whole, sampled_log_p = evaluate(student, teacher, **fields)
    assert unknown is None
    assert sampled_log_p.shape == (25,)
    torch.testing.assert_close(selected, whole, rtol=1e-4, atol=1e-6)
    for ours, exact in zip(
        torch.autograd.grad(selected.sum(), parameters),
        torch.autograd.grad(whole.sum(), parameters),
        strict=True,
    ):
        torch.testing.assert_close(ours, exact, rtol=1e-3, atol=1e-5)


def test_tied_embeddings_add_up(student, teacher, monkeypatch):
    """With the head tied to the embedding, both uses of the matrix reach its one gradient."""
    config = type(student.config)(**{**student.config.to_dict(), "tie_word_embeddings": True})
    torch.manual_seed(0)
    tied = type(student)(config).eval()
    assert tied.lm_head.weight is tied.model.embed_tokens.weight
    fields = {"name": "reverse_kl", "support": "teacher_top_k", "outside": "renormalised"}
    gradients = []
    for support_only in (True, False):
        monkeypatch.setattr(loss, "needs_support_only", lambda spec, answer=support_only: answer)
        losses, _ = evaluate(tied, teacher, **fields)
        gradients.append(torch.autograd.grad(losses.sum(), tied.lm_head.weight)[0])
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "reverse_kl", "support": "teacher_top_k", "outside": "renormalised"},
        {"name": "reverse_kl", "support": "teacher_top_k", "outside": "ignored"},
        {"name": "policy_gradient", "support": "sampled"},
        {"name": "jensen_shannon", "support": "vocabulary"},
    ],
    ids=["support only", "normaliser", "sampled", "vocabulary"],
)
def test_no_tensor_is_positions_by_vocabulary(student, teacher, monkeypatch, fields):
    """Every tensor that any operation makes is smaller than (N, V), forward, recomputed and backward."""
    monkeypatch.setattr(tiles, "_TILE_BYTES", 4 * 256 * 5)  # five positions at a time
    monkeypatch.setattr(tiles, "_POSITIONS", 5)
    largest = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
            result = function(*arguments, **(keywords or {}))
            for tensor in torch.utils._pytree.tree_leaves(result):
                if isinstance(tensor, torch.Tensor) and tensor.ndim and tensor.shape[-1] == 256:
                    largest.append(tensor.numel() // 256)
            return result

    with Watch():
        losses, _ = evaluate(student, teacher, **fields)
        torch.autograd.grad(losses.sum(), list(student.parameters()))
    assert max(largest) < len(BATCH.sampled)


def test_another_treatment_of_what_is_outside_is_named():
    with pytest.raises(ValueError, match="outside the support: 'scaled'"):
        loss.outside("scaled", torch.zeros(2, 3))
