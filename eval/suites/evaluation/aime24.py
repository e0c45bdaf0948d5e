"""AIME 2024, both papers: 30 problems with answers from 0 to 999."""

from eval.suites.suite import Copy, Defect, Hub, Suite
from eval.suites.text import integer

SUITE = Suite(
    name="aime24",
    version="1",
    description="American Invitational Mathematics Examination 2024, I and II",
    hub=Hub("HuggingFaceH4/aime_2024", "train", "2fe88a2f1091d5048c0f36abc874fb997b3dd99a"),
    counts=(30,),
    copies=(
        Copy(
            "fa2d6b41a2be4f16a7a14624ff427bd0d7621a88dfeb8d624cc95f3855bd4de0",
            "Qwen2.5-Math (golds such as 073); the same content in FiRe-OPD and thunlp/OPD scripts/val "
            "(golds such as \\boxed{204})",
        ),
        Copy(
            "31a7092d995d7b4f1279cd4412f84e15dc72ef540a3e69470adbe66158b36955",
            "thunlp/OPD datasets/test_data: with the figures of 2024-I-5, I-6, I-8 and a link in I-12; "
            "2024-II-8 worded correctly",
        ),
        Copy(
            "c10a7cb241cd67ebd0c10de955c2dd7be477f013ab99058f53e8d5c92c1b6326",
            "evalchemy: other spacing in 17 texts, figures in 2024-I-5, I-6, I-8; 2024-II-8 worded correctly",
        ),
    ),
    licence="problems (c) Mathematical Association of America; the hub's card names none",
    answer_type="integer from 0 to 999",
    answer=integer,
    defects=(
        Defect(
            "the reference copy says `outside` and `externally` twice; the first should be `inside` and "
            "`internally`",
            ("2024-II-8",),
        ),
    ),
)
