"""DAPO-Math-17k: competition problems with integer answers (Yu et al. 2025), the papers' training prompts.

Its copies are deduplicated to different degrees: 17,917 rows (by the texts with their instructions),
17,398 (by the prompts), 14,116 (these, English only). The cleaning makes the same 13,976 prompts of
the first two; the third was not at hand. Deduplicated copies hide that a prompt had two answers, so
the 12 such prompts are named here.
"""

from eval.suites.suite import Copy, Hub, Suite
from eval.suites.text import integer

SUITE = Suite(
    name="dapo_math_17k",
    version="1",
    description="DAPO-Math-17k, English part, cleaned (arXiv 2503.14476)",
    hub=Hub("open-r1/DAPO-Math-17k-Processed", "train", "31dd309567e3da778038cc87d868b6097a3ccf68", ("en",)),
    counts=(14116, 17398, 17917),
    copies=(
        Copy(
            "ce292fb5ba99410c5b11945f2c0299a5c79d0a458cd9c5b2aa5629a08bd358f6",
            "17,917 rows: thunlp/OPD datasets/dapo-math-17k (as published, and processed)",
        ),
        Copy(
            "d090462a4c4debd72c2ea6e371e7de1124b95127363f80d5f14e62d9ae9af5e3",
            "17,398 rows: thunlp/OPD datasets/test_data/DAPO",
        ),
    ),
    licence="Apache-2.0",
    answer_type="integer",
    answer=integer,
    role="training",
    aliases=("train_dapo_math_17k",),
    conflicting=(
        "05b99618261b",
        "0bb97ecc1906",
        "11b94562acc8",
        "3c2ec6515636",
        "6fa8d42e2a4f",
        "a20fbdd4e8bb",
        "b0f8eb4a4f1f",
        "bc61a06cdc44",
        "d5740f7a71d1",
        "dc242b727392",
        "e8fbbe37f15f",
        "f97971b8d282",
    ),
)
