"""Reverse KL over the whole vocabulary: what top-K objectives approximate."""


use rule distill as full_reverse_kl with:
    pathvars:
        method="full_reverse_kl",
    params:
        spec=method(
            "full_reverse_kl",
            objective={"name": "reverse_kl", "support": "vocabulary"},
            rollout={"top_p": 0.9},
        ),
