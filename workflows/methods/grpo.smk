"""GRPO: reinforcement on the outcome alone, against the group's mean and standard deviation.

Dr. GRPO is the variant grpo@objective.advantage.credit.standardise=false.
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
                "advantage": {
                    "log_ratio_weight": 0.0,
                    "outcome_weight": 1.0,
                    "credit": {
                        "baseline": "group",
                        "standardise": True,
                        "invalid_penalty": 0.01,
                    },
                },
            },
        ),
