"""Top-K reverse KL with the student's log-probability held constant, otherwise as LSM."""


use rule distill as topk_stopgrad with:
    pathvars:
        method="topk_stopgrad",
    params:
        spec=method(
            "topk_stopgrad",
            objective={
                "name": "stop_gradient_reverse_kl",
                "support": "teacher_top_k",
                "outside": "ignored",
            },
            rollout={"top_p": 0.9},
        ),
