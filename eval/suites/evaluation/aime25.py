"""AIME 2025, both papers: 30 problems with answers from 0 to 999."""

from eval.suites.suite import Copy, Hub, Suite
from eval.suites.text import integer

SUITE = Suite(
    name="aime25",
    version="1",
    description="American Invitational Mathematics Examination 2025, I and II",
    # Not math-ai/aime25, which lm-eval reads: its texts are damaged (the first flawed copy).
    hub=Hub(
        "opencompass/AIME2025",
        "test",
        "a6ad95f611d72cf628a80b58bd0432ef6638f958",
        ("AIME2025-I", "AIME2025-II"),
    ),
    counts=(30,),
    copies=(
        Copy(
            "265fd66c1df3aaeb2e9e939b777a75c45e59122c807f5c21e3087f6a5877ba27",
            "nigelyaoj/Eval_reasoning: the official wording, figures as tikz",
        ),
        Copy(
            "45e0c4e7390ab611a8d0fa3bdcf5fc20df44ccc0f9c7abee27d5d58c0adabb66",
            "opencompass/AIME2025 at that revision: AIME II in slightly other words and without figures; the "
            "same content in thunlp/OPD datasets/test_data",
        ),
        Copy(
            "665a713958c7f1056fb796b3f0f350b2b9ad9aa1157933ad5c33fedc02ac34d3",
            "math-ai/aime25 at 563bb84042; the same content in FiRe-OPD and thunlp/OPD scripts/val",
            flaw="LaTeX broken by a JSON escape in 2025-II-4, II-5, II-13 and a lost line break in I-8",
        ),
        Copy(
            "c4588e3db783803d875c8917b4a71cc17d59e120797870e5c393f1ff25bc0d01",
            "evalchemy",
            flaw="wrong statements: 2025-I-14 (an angle), II-3 (a number dropped), II-6 (a triangle)",
        ),
    ),
    licence="problems (c) Mathematical Association of America; the hub's card names MIT",
    answer_type="integer from 0 to 999",
    answer=integer,
)
