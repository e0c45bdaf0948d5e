"""MATH-500: the 500 test problems of MATH that PRM800K held out (Lightman et al. 2023)."""

from eval.suites.suite import Copy, Hub, Suite
from eval.suites.text import expression

SUITE = Suite(
    name="math500",
    version="1",
    description="MATH-500, the test split of PRM800K (arXiv 2305.20050)",
    hub=Hub("HuggingFaceH4/MATH-500", "test", "6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be"),
    counts=(500,),
    copies=(
        Copy(
            "ee01ac953478587a5e49f1f565056a3fd8e44e6f99e2e7ab0c5392af1f8ab062",
            "the hub's at that revision; the same in simpleRL-reason, evalchemy, FiRe-OPD and thunlp/OPD",
        ),
    ),
    licence="MIT (hendrycks/math, openai/prm800k); the hub's card names none; problems by AoPS and MAA",
    answer_type="number or LaTeX expression, tuple, interval, text; 184 are not plain numbers",
    answer=expression,
)
