"""Local support matching on rollouts from the full distribution."""


use rule distill as lsm_no_top_p with:
    pathvars:
        method="lsm_no_top_p",
    params:
        spec=method(
            "lsm_no_top_p",
            objective={
                "name": "reverse_kl",
                "support": "teacher_top_k",
                "outside": "renormalised",
            },
        ),
