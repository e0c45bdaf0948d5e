"""The training split of MATH (Hendrycks et al. 2021)."""

from eval.suites.suite import Copy, Hub, Suite
from eval.suites.text import expression

SUITE = Suite(
    name="math_train",
    version="1",
    description="MATH, training split (arXiv 2103.03874)",
    hub=Hub(
        "EleutherAI/hendrycks_math",
        "train",
        "21a5633873b6a120296cce3e2df9d5550074f4a3",
        (
            "algebra",
            "counting_and_probability",
            "geometry",
            "intermediate_algebra",
            "number_theory",
            "prealgebra",
            "precalculus",
        ),
    ),
    counts=(7497, 7500),
    copies=(
        Copy(
            "5f128419cd60f033d56ce6beed25bf33eacc0a951ea7e6a970e4a239da3a9966",
            "7,497 rows: the `train/` ids of thunlp/OPD datasets/test_data/MATH",
        ),
    ),
    licence="MIT",
    answer_type="number or LaTeX expression",
    answer=expression,
    role="training",
    aliases=("train_math7500",),
)
