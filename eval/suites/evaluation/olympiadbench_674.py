"""OlympiadBench's later revision: 674 problems, the relay problems answerable.

Against the 675 rows: 15 relay problems have their T filled in, 1965 is dropped, and the gold of 2817
is 44 where it was 44 degrees. The other 658 problems are the same, and so are the ids.
"""

from eval.suites.evaluation.olympiadbench import SHARED_DEFECTS
from eval.suites.suite import Copy, Hub, Suite
from eval.suites.text import expression

SUITE = Suite(
    name="olympiadbench_674",
    version="674.1",
    description="OlympiadBench OE_TO_maths_en_COMP, the hub's revision with 674 rows",
    hub=Hub(
        "Hothan/OlympiadBench",
        "train",
        "91184b52131e7fc9455fef848035173aea8cc01a",
        ("OE_TO_maths_en_COMP",),
    ),
    counts=(674,),
    copies=(
        Copy(
            "347d78b5cffc0b36342de1aa2c7e9b16c660f3105ffc87f822e8064bffac242d",
            "FiRe-OPD; the same content in thunlp/OPD scripts/val",
        ),
    ),
    licence="MIT (repository OpenBMB/OlympiadBench), Apache-2.0 (the hub's card)",
    answer_type="number, LaTeX expression, tuple or interval; some have several answers",
    answer=expression,
    defects=SHARED_DEFECTS,
    aliases=("olympiadbench_hf674",),
)
