"""Local support matching without the first occurrence of marker tokens, those that the paper's code lists."""


use rule distill as lsm_mask with:
    pathvars:
        method="lsm_mask",
    params:
        spec=method(
            "lsm_mask",
            objective={
                "name": "reverse_kl",
                "support": "teacher_top_k",
                "outside": "renormalised",
            },
            rollout={"top_p": 0.9},
            mask={
                "kind": "first_occurrence",
                "markers": ["<", "think", "<|im_end|>"],
            },
        ),
