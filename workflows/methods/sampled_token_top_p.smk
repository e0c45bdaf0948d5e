"""Sampled-token OPD on nucleus rollouts: the comparison that isolates top-p."""


use rule distill as sampled_token_top_p with:
    pathvars:
        method="sampled_token_top_p",
    params:
        spec=method(
            "sampled_token_top_p",
            objective={"name": "policy_gradient", "support": "sampled"},
            rollout={"top_p": 0.9},
        ),
