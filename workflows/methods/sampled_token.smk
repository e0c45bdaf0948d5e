"""Sampled-token OPD: PPO-clipped policy gradient on the teacher's log-ratio."""


use rule distill as sampled_token with:
    pathvars:
        method="sampled_token",
    params:
        spec=method(
            "sampled_token",
            objective={"name": "policy_gradient", "support": "sampled"},
        ),
