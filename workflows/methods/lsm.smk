"""Local support matching: renormalised reverse KL on the teacher's top K, nucleus rollouts."""


use rule distill as lsm with:
    pathvars:
        method="lsm",
    params:
        spec=method(
            "lsm",
            objective={
                "name": "reverse_kl",
                "support": "teacher_top_k",
                "outside": "renormalised",
            },
            rollout={"top_p": 0.9},
        ),
