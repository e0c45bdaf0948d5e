"""Specs for tests: small, complete, and changed by keyword."""

from opd.spec import ArchitectureSpec, DistillSpec
from workflows.plan import merge

TINY = ArchitectureSpec(hidden_size=16, intermediate_size=24, layers=2, heads=2)
DISTILL = {
    "experiment": "test",
    "method": "lsm",
    "seed": 0,
    "tasks": {
        "chain_arithmetic": {
            "environment": "chain_arithmetic",
            "rollout": {
                "prompts": 4,
                "samples_per_prompt": 1,
                "minibatch_size": 2,
                "temperature": 1.0,
                "top_p": 0.9,
                "max_new_tokens": 24,
            },
        },
    },
    "steps": 4,
    "vocabulary_size": 256,
    "teacher_top_k": 8,
    "objective": {
        "name": "reverse_kl",
        "support": "teacher_top_k",
        "outside": "renormalised",
        "reduction": "token_mean",
    },
    "optimizer": {
        "learning_rate": 1e-3,
        "betas": (0.9, 0.95),
        "weight_decay": 0.0,
        "clip_norm": 1.0,
    },
    "tokens_per_forward": 128,
    "checkpoint_every": 2,
}
# Objectives by name, as changes of the one above.
METHODS = {
    "sampled": {"name": "policy_gradient", "support": "sampled", "outside": "ignored"},
    "lsm": {},
    "unnormalised": {"outside": "ignored"},
    "stop_gradient": {"name": "stop_gradient_reverse_kl", "outside": "ignored"},
    "full": {"support": "vocabulary", "outside": "ignored"},
    "union": {"support": "union"},
    "nucleus": {"support": "teacher_nucleus", "nucleus_mass": 0.5, "outside": "tail_bucket"},
    "baseline": {
        "name": "policy_gradient",
        "support": "sampled",
        "outside": "ignored",
        "advantage": {"baseline": True, "gamma": 0.5, "outcome_weight": 1.0},
    },
    "jsd": {"name": "jensen_shannon", "support": "vocabulary", "outside": "ignored"},
}


def distill_spec(**changes) -> DistillSpec:
    """The test spec with nested changes, such as `steps=2`; `rollout` changes that of its one task."""
    rollout = changes.pop("rollout", {})
    recipe = merge(DISTILL, {"tasks": {"chain_arithmetic": {"rollout": rollout}}})
    return DistillSpec.model_validate(merge(recipe, changes))
