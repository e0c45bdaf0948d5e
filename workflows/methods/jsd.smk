"""Jensen-Shannon divergence over the whole vocabulary."""


use rule distill as jsd with:
    pathvars:
        method="jsd",
    params:
        spec=method(
            "jsd",
            objective={
                "name": "jensen_shannon",
                "support": "vocabulary",
                "options": {"beta": 0.5},
            },
            rollout={"top_p": 0.9},
        ),
