"""OlympiadBench, English open-ended text-only mathematics, as first published: 675 problems."""

from eval.suites.suite import Copy, Defect, Hub, Suite, ids
from eval.suites.text import expression

RELAY = "2720 2721 2722 2723 2724 2726 2727 2728 2729 2730 2731 2856 2857 2859 2860"
# In both versions.
SHARED_DEFECTS = (
    Defect(
        "gold is a list with each part in dollars",
        ids(
            "olympiadbench",
            "1664 1687 1760 1938 1940 2099 2203 2254 2287 2338 2340 2346 2375 2427 2490 2524 2771 2950",
        ),
    ),
    Defect(
        "gold lacks its unit, which is in a column of its own",
        ids("olympiadbench", "1760 2253 2334 2419 2426 2444 2522 2592"),
    ),
    Defect("gold is meant with a tolerance of 0.1", ids("olympiadbench", "2592")),
    Defect("gold is misprinted: t(0,4]", ids("olympiadbench", "2045")),
)

SUITE = Suite(
    name="olympiadbench",
    version="675.1",
    description="OlympiadBench OE_TO_maths_en_COMP (arXiv 2402.14008) as the papers use it, 675 rows",
    # The authors' own Hothan/OlympiadBench has the later 674 rows; this copy's revision was not learnt.
    hub=Hub("zwhe99/simplerl-OlympiadBench", "test", None),
    counts=(675,),
    copies=(
        Copy(
            "d2044a29287b1b45445b3823cd227752a37437b37b75233f5523f5d06b78f43a",
            "Qwen2.5-Math; the same content in thunlp/OPD datasets/test_data (two files)",
        ),
    ),
    licence="MIT (repository OpenBMB/OlympiadBench), Apache-2.0 (the hub's card)",
    answer_type="number, LaTeX expression, tuple or interval; 94 have several answers",
    answer=expression,
    defects=(
        Defect(
            "relay problem: T, `the number you will receive`, is never given; not answerable as posed",
            ids("olympiadbench", RELAY),
        ),
        Defect("gold is a sentence with side conditions", ids("olympiadbench", "1965")),
        *SHARED_DEFECTS,
    ),
)
