"""The training split of GSM8K (Cobbe et al. 2021)."""

from eval.suites.suite import Copy, Hub, Suite
from eval.suites.text import after_hashes

SUITE = Suite(
    name="gsm8k_train",
    version="1",
    description="GSM8K, training split (arXiv 2110.14168)",
    hub=Hub("openai/gsm8k", "train", "740312add88f781978c0658806c59bc2815b9866", ("main",)),
    counts=(7473,),
    copies=(
        Copy(
            "46859bc1088d043715e37f5fa6226f6015da679ea53e69a87a4acc97bf4370b3",
            "openai/grade-school-math train.jsonl",
        ),
    ),
    licence="MIT",
    answer_type="integer",
    answer=after_hashes,
    role="training",
    aliases=("train_gsm8k",),
)
