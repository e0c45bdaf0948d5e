"""Sampled-token OPD without the first occurrence of marker tokens, those that the paper's code lists."""


use rule distill as sampled_token_mask with:
    pathvars:
        method="sampled_token_mask",
    params:
        spec=method(
            "sampled_token_mask",
            objective={"name": "policy_gradient", "support": "sampled"},
            mask={
                "kind": "first_occurrence",
                "markers": ["<", "think", "<|im_end|>"],
            },
        ),
