"""Top-K reverse KL without renormalisation, otherwise as local support matching."""


use rule distill as topk_unnormalized with:
    pathvars:
        method="topk_unnormalized",
    params:
        spec=method(
            "topk_unnormalized",
            objective={
                "name": "reverse_kl",
                "support": "teacher_top_k",
                "outside": "ignored",
            },
            rollout={"top_p": 0.9},
        ),
