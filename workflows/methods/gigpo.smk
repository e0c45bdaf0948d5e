"""GiGPO: GRPO, and the same among the turns of a group that answer one state.

Values are verl-agent's for ALFWorld. Its penalty of 0.1 is 0.01 here: success is worth 10 there, 1 here.
"""


use rule distill as gigpo with:
    pathvars:
        method="gigpo",
    params:
        spec=method(
            "gigpo",
            objective={
                "name": "policy_gradient",
                "support": "sampled",
                "advantage": {
                    "log_ratio_weight": 0.0,
                    "outcome_weight": 1.0,
                    "credit": {
                        "baseline": "group",
                        "standardise": True,
                        "step_weight": 1.0,
                        "step_gamma": 0.95,
                        "invalid_penalty": 0.01,
                    },
                },
            },
        ),
