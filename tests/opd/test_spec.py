"""Specs refuse what could not work, with a sentence that says what to write instead."""

import json

import pytest
from pydantic import ValidationError

from opd.names import SUPPORTS
from opd.spec import ArchitectureSpec, EngineSpec, LessonSpec, MemorySpec, ObjectiveSpec, SamplingSpec
from tests.opd.specs import DISTILL, METHODS, distill_spec

OUTCOMES = METHODS["sampled"] | {"advantage": {"log_ratio_weight": 0.0, "outcome_weight": 1.0}}
GROUPS = METHODS["sampled"] | {"advantage": OUTCOMES["advantage"] | {"credit": {"baseline": "group"}}}
_GIGPO = {"baseline": "group", "step_weight": 1.0, "step_gamma": 0.95}
STEPS = METHODS["sampled"] | {"advantage": OUTCOMES["advantage"] | {"credit": _GIGPO}}


def sampled_token(**options) -> dict:
    return {
        "objective": {"name": "policy_gradient", "support": "sampled", "outside": "ignored"}
        | {"options": options}
    }


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"teacher_top_k": 300}, "larger than the vocabulary of 256; write teacher_top_k: 256 or less"),
        ({"teacher_top_k": 1}, "identically zero .* write teacher_top_k: 2 or more"),
        (
            {"objective": {"options": {"beta": 0.5}}},
            "'reverse_kl' would ignore the option 'beta'",
        ),
        (
            {"objective": {"name": "jensen_shannon", "options": {"beta": 1}}},
            "'jensen_shannon' has beta 1.0; write a number above 0 and below 1",
        ),
        (
            {"objective": {"name": "skew_reverse_kl", "options": {"skew": 1.5}}},
            "has skew 1.5; write a number from 0 to below 1",
        ),
        (
            {"objective": {"name": "skew_forward_kl", "options": {"skew": -0.1}}},
            "has skew -0.1; write a number from 0 to below 1",
        ),
        (
            {"objective": {"name": "ema_pg", "outside": "ignored", "options": {"importance_clip": -1}}},
            "has importance_clip -1.0; write a number from 0",
        ),
        (sampled_token(dual_clip=1), "has dual_clip 1.0; write a number above 1"),
        (sampled_token(clip_low=2), "has clip_low 2.0; write a number from 0 to 1"),
        (sampled_token(clip_high=-0.2), "has clip_high -0.2; write a number from 0"),
        (sampled_token(clip_high=float("inf")), "should be a finite number"),
        (
            {"objective": {"name": "policy_gradient", "support": "sampled"}},
            "nothing is outside support 'sampled' to be renormalised; write outside: ignored",
        ),
        (
            {"objective": {"name": "policy_gradient", "outside": "ignored"}},
            "cannot use support 'teacher_top_k'; write support: sampled",
        ),
        (
            {"objective": {"support": "sampled", "outside": "ignored"}},
            "'reverse_kl' cannot use support 'sampled'; write a support of several tokens",
        ),
        ({"objective": {"name": "ema_pg"}}, "itself estimates what is outside; write outside: ignored"),
        (
            {"objective": {"name": "ema_pg", "support": "vocabulary", "outside": "ignored"}},
            "nothing is outside the vocabulary; write objective reverse_kl",
        ),
        ({"objective": {"advantage": {"gamma": 1.0}}}, "'reverse_kl' would ignore `advantage`"),
        ({"objective": {"nucleus_mass": 0.5}}, "nucleus_mass goes with support: teacher_nucleus"),
        ({"mask": {"kind": "span", "markers": []}}, "mask.markers\n.* at least 1 item"),
        (
            {"mask": {"kind": "id"}},
            "Input should be 'none', 'first_occurrence', 'every_occurrence' or 'span'",
        ),
        ({"mask": {"teacher_mass": 0.0}}, "mask.teacher_mass\n.*greater than 0"),
        ({"rollout": {"minibatch_size": 3}}, "4 responses per step of chain_arithmetic cannot be split"),
        ({"rollout": {"temperature": 0.0}}, "temperature 0 is greedy and ignores top_p; write top_p: 1.0"),
        ({"objective": {"name": "reverse_lk"}}, "Input should be 'reverse_kl'"),
        ({"rollout": {"tpo_p": 0.9}}, "rollout.tpo_p"),
        ({"rollout": {"top_p": 0.0}}, "greater than 0"),
        ({"optimizer": {"betas": (1.0, 0.9)}}, "optimizer.betas.0\n.*less than 1"),
        ({"optimizer": {"betas": (0.9, 2.0)}}, "optimizer.betas.1\n.*less than 1"),
        ({"optimizer": {"weight_decay": -1.0}}, "optimizer.weight_decay\n.*greater than or equal to 0"),
        ({"engine": {"sleep": True}}, "torch would ignore sleep; remove it or write name: vllm"),
        ({"engine": {"tensor_parallel": 2}}, "torch would ignore tensor_parallel"),
        ({"engine": {"memory_share": 0.5}}, "torch would ignore memory_share"),
        ({"engine": {"name": "vlm"}}, "Input should be 'torch' or 'vllm'"),
        ({"objective": {"advantage": {"importance_cap": 2.0}}}, "'reverse_kl' would ignore `advantage`"),
        (
            {"objective": OUTCOMES, "teacher_temperature": 0.3},
            "teacher_temperature 0.3 changes teachers, and",
        ),
        (
            {"objective": GROUPS, "rollout": {"samples_per_prompt": 2, "temperature": 0.0, "top_p": 1.0}},
            "those of chain_arithmetic are the same at temperature 0",
        ),
        (
            {"objective": STEPS, "rollout": {"samples_per_prompt": 2}},
            "a response to chain_arithmetic is the whole episode; remove step_weight and step_gamma",
        ),
        (
            {"steps": 1, "tasks": {"again": DISTILL["tasks"]["chain_arithmetic"]}},
            r"1 step\(s\), by turns of 2 tasks, leave some out; write steps: 2 or more",
        ),
    ],
)
def test_impossible_specs(changes, sentence):
    with pytest.raises(ValidationError, match=sentence):
        distill_spec(**changes)


@pytest.mark.parametrize("width", [5, 6, 10])
def test_heads_of_an_odd_width_have_no_rotary_positions(width):
    shape = {"intermediate_size": 8, "layers": 1, "heads": 2}
    with pytest.raises(ValidationError, match=rf"hidden_size {width} is not a multiple of 2 x heads 2"):
        ArchitectureSpec(hidden_size=width, **shape)
    assert ArchitectureSpec(hidden_size=8, **shape).hidden_size == 8


@pytest.mark.parametrize(
    ("stop", "accept", "sentence"),
    [
        (60, (0.0, 1.0), "stop_at_accuracy\n.*less than or equal to 1"),
        (None, (0.0, 100), "accept_accuracy.1\n.*less than or equal to 1"),
        (None, (0.9, 0.1), r"accept_accuracy \[0\.9, 0\.1\] holds none; write the lower one first"),
    ],
)
def test_accuracies_are_shares_that_can_be_reached(stop, accept, sentence):
    with pytest.raises(ValidationError, match=sentence):
        LessonSpec(stop_at_accuracy=stop, accept_accuracy=accept)
    assert LessonSpec(stop_at_accuracy=1, accept_accuracy=(1, 1)).accept_accuracy == (1, 1)


def test_options_at_the_ends_of_their_ranges_are_allowed():
    distill_spec(**sampled_token(clip_low=1, clip_high=0, dual_clip=1.5))
    distill_spec(objective={"name": "skew_forward_kl", "options": {"skew": 0}})


def test_one_token_without_renormalisation_is_allowed():
    assert distill_spec(teacher_top_k=1, objective={"support": "union"}).teacher_top_k == 1
    assert distill_spec(teacher_top_k=1, objective={"outside": "ignored"}).teacher_top_k == 1


def test_specs_survive_json():
    spec = distill_spec()
    assert type(spec).model_validate_json(spec.model_dump_json()) == spec


VLLM = {"name": "vllm"}
GAMES = {"panel": "games.jsonl", "protocol": {"name": "compact"}, "max_steps": 3}


def games_spec(**games):
    return distill_spec(tasks={"chain_arithmetic": {"environment": None, "games": GAMES | games}})


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"tokens_per_forward": 64}, True),
        ({"checkpoint_every": 1}, True),
        ({"uniform_teacher": "stop"}, True),
        ({"memory": dict.fromkeys(MemorySpec.model_fields, True) | {"master_weights": False}}, True),
        ({"engine": {"mismatch_limit": 1.0}}, True),
        ({"memory": {"master_weights": True}}, False),
        ({"engine": VLLM}, False),
        ({"rollout": {"top_p": 1.0}}, False),
        ({"lora": {"rank": 2}}, False),
        ({"steps": 6}, False),
    ],
)
def test_a_recipe_is_what_decides_the_numbers(changes, same):
    assert (distill_spec(**changes).recipe() == distill_spec().recipe()) is same


def test_the_recipe_of_a_part_that_is_not_always_there():
    settings = {"memory_share": 0.2, "sleep": True, "tensor_parallel": 2}
    assert EngineSpec(**VLLM, **settings).recipe() == VLLM
    assert games_spec(processes=2).recipe() == games_spec().recipe() != games_spec(max_steps=4).recipe()
    assert json.loads(json.dumps(games_spec().recipe())) == games_spec().recipe()


def test_specs_cannot_be_changed():
    spec = SamplingSpec(temperature=1, top_p=1, max_new_tokens=5)
    with pytest.raises(ValidationError, match="frozen"):
        spec.top_p = 0.5


@pytest.mark.parametrize("support", sorted(set(SUPPORTS) - {"sampled", "vocabulary"}))
def test_what_happens_outside_a_support_has_to_be_said(support):
    mass = {"nucleus_mass": 0.5} if support == "teacher_nucleus" else {}
    stated = {"name": "reverse_kl", "support": support, "reduction": "token_mean", **mass}
    with pytest.raises(ValidationError, match="say what becomes of their probability"):
        ObjectiveSpec(**stated)
    assert ObjectiveSpec(**stated, outside="ignored").outside == "ignored"


def test_defaults_of_options_are_part_of_the_recipe():
    """Written down or not, the same loss is the same recipe; and the manifest says what the clip was."""
    clipped = {"name": "policy_gradient", "support": "sampled", "outside": "ignored"}
    left_out, written = (
        distill_spec(objective={**clipped, "options": options})
        for options in ({}, {"clip_low": 0.2, "dual_clip": 3.0})
    )
    assert left_out.objective.options == {"clip_low": 0.2, "clip_high": 0.2, "dual_clip": 3.0}
    assert left_out.recipe_sha256() == written.recipe_sha256()
    narrow = distill_spec(objective={**clipped, "options": {"clip_low": 0.1}})
    assert narrow.objective.options == {"clip_low": 0.1, "clip_high": 0.2, "dual_clip": 3.0}


def test_games_have_turns_to_compare():
    tasks = {"chain_arithmetic": {"environment": None, "games": GAMES}}
    spec = distill_spec(objective=STEPS, tasks=tasks, rollout={"samples_per_prompt": 2})
    assert spec.objective.advantage.credit.step_weight == 1
