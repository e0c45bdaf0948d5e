"""Forward KL on the whole vocabulary, nucleus rollouts."""


use rule distill as full_forward_kl with:
    pathvars:
        method="full_forward_kl",
    params:
        spec=method(
            "full_forward_kl",
            objective={"name": "forward_kl", "support": "vocabulary"},
            rollout={"top_p": 0.9},
        ),
