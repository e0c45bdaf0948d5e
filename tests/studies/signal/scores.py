"""Made-up scores, which hold what tiny random models never write, and the spec of real ones."""

import numpy as np
import pandas as pd

from opd.spec import SamplingSpec
from studies.signal.spec import ScoringSpec
from studies.signal.stored import GAP, Scores

SPEC = ScoringSpec(
    environment="chain_arithmetic",
    seed=3,
    responses=12,
    sampling=SamplingSpec(temperature=1, top_p=1, max_new_tokens=20),
    tokens_per_forward=200,
    batch_size=5,
)
ANSWER = ["<", "think", ">", "so", "it", "is", "</", "think", ">", "7", "<|im_end|>"]
_MARKED = ["<think>"] * 3 + [""] * 3 + ["</think>"] * 3 + ["", "<|im_end|>"]


def made_up(responses: int = 30, penalty: float = 0.0, cap: int = 32) -> Scores:
    """Responses that end in ANSWER after 0, 1, ... numbers; marker tokens are paid `penalty` less."""
    random = np.random.default_rng(0)
    rows = []
    for response in range(responses):
        texts = [str(number) for number in random.integers(0, 5, response % 20)] + ANSWER
        marks = [""] * (len(texts) - len(ANSWER)) + _MARKED
        rows += [(response, place, *pair) for place, pair in enumerate(zip(texts, marks, strict=True))]
    tokens = pd.DataFrame(rows, columns=["response", "position", "text", "marker"])
    tokens["token"] = tokens.text.map({text: index for index, text in enumerate(sorted(set(tokens.text)))})
    tokens["log_p"] = -random.exponential(1, len(tokens))
    tokens["log_q"] = -random.exponential(1, len(tokens)) - penalty * (tokens.marker != "")
    tokens[GAP] = tokens.log_q - tokens.log_p
    tokens["logit_gradient_norm"] = tokens.gap.abs() * random.random(len(tokens))
    tokens["favourite"], tokens["favourite_log_q"] = "7", -0.25
    number = np.arange(responses)
    lengths = tokens.groupby("response").size().to_numpy()
    table = {"response": number, "question": "x = 1", "correct": number % 2 == 0, "finished": number % 5 > 0}
    gradient = pd.DataFrame({"part": ["positive", "negative", "all"], "share": [0.25, 0.75, 1.0]})
    manifest = {"spec": {"sampling": {"max_new_tokens": cap}}}
    responses_table = pd.DataFrame(table | {"tokens": lengths})
    return Scores(tokens, responses_table, repeated(), continued(responses), gradient, manifest)


def continued(responses: int) -> pd.DataFrame:
    """The teacher alone misses every fifth problem; after wrong responses, of odd number, every third too."""
    number = np.arange(responses)
    alone, wrong = number % 5 > 0, number % 2 == 1
    after = np.where(wrong, alone & (number % 3 > 0), True)
    table = {"response": number, "cut": 2, "alone": alone, "alone_finished": True, "after": after}
    return pd.DataFrame(table | {"after_finished": number % 10 > 0})


def repeated() -> pd.DataFrame:
    """Four responses' answers, copied three times: the teacher's probability falls by 0.1 a copy.

    The teacher gives a copy more probability than the student, and yet a lower mean log-probability.
    """
    copies = pd.DataFrame([(r, c) for r in range(0, 8, 2) for c in range(4)], columns=["response", "copy"])
    copies["student"] = 0.3 + 0.01 * copies.response
    copies["teacher"] = 0.9 - 0.1 * copies["copy"]
    copies["log_p"] = -1.0 - 0.05 * copies.response
    copies["log_q"] = -2.0 - 0.1 * copies["copy"]
    gap = copies.log_q - copies.log_p
    return copies.assign(student_least=0.1, teacher_least=0.2, gap=gap, later_gap=gap + 2)
