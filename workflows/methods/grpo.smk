"""GRPO: reinforcement on the outcome alone, against the group's mean and standard deviation.

With DAPO's wider upper clip, its mean over all tokens, and without the groups that give no signal
(arXiv 2503.14476); the mean per response of arXiv 2402.03300 is the variant
grpo@objective.reduction=sequence_mean, Dr. GRPO grpo@objective.advantage.credit.standardise=false.
"""


use rule distill as grpo with:
    pathvars:
        method="grpo",
    params:
        spec=method(
            "grpo",
            objective={
                "name": "policy_gradient",
                "support": "sampled",
                "options": {"clip_high": 0.28},
                "advantage": {
                    "log_ratio_weight": 0.0,
                    "outcome_weight": 1.0,
                    "credit": {
                        "baseline": "group",
                        "standardise": True,
                        "only_groups_with_signal": True,
                        "invalid_penalty": 0.01,
                    },
                },
            },
        ),
