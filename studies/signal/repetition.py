"""The student's answer, planted again and again after itself: do the models come to expect it?

A language model that has read a sentence twice expects it a third time, whatever it was trained for. A
teacher that scores a student's loop does the same, and so pays for the loop.
"""

import pandas as pd
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from opd.batch import TokenBatch, from_pairs
from opd.markers import occurrences, token_texts
from opd.scoring.compare import compare


def repetition(
    student: PreTrainedModel,
    teacher: PreTrainedModel,
    planted: dict[int, tuple[list[int], list[int]]],
    copies: int,
    tokens_per_forward: int,
) -> pd.DataFrame:
    """Probabilities of a planted answer's tokens, per response and copy, under student and teacher.

    `planted` maps a response to the ids (what comes before its answer, the answer). `student` and `teacher`
    are means over the answer's tokens, `student_least` and `teacher_least` the least probable one; `log_p`
    and `log_q` are the means of student's and teacher's log-probabilities, in nats. `later_gap` is the mean
    of log q - log p without the copy's first token, where neither model expects a copy. Copy 0 is the
    original, which the student wrote.
    """
    columns = ["response", "copy", "student", "student_least", "log_p"]
    columns += ["teacher", "teacher_least", "log_q", "later_gap"]
    if not planted:
        return pd.DataFrame(columns=columns)
    pairs = [(before, answer * (1 + copies)) for before, answer in planted.values()]
    batch = from_pairs(pairs, pad_id=0).to(student.device)
    found = compare(student, teacher, batch, 1, tokens_per_forward, "sampled")
    numbers = torch.tensor(list(planted), device=student.device)
    lengths = torch.tensor([len(answer) for _, answer in planted.values()], device=student.device)
    log_p, log_q = found.student.sampled_log_prob, found.teacher.sampled_log_prob
    table = pd.DataFrame(
        {
            "response": numbers[batch.sequence].tolist(),
            "copy": (batch.offset // lengths[batch.sequence]).tolist(),
            "student": log_p.exp().tolist(),
            "log_p": log_p.tolist(),
            "teacher": log_q.exp().tolist(),
            "log_q": log_q.tolist(),
        }
    )
    later = (batch.offset % lengths[batch.sequence] > 0).cpu().numpy()
    table["later_gap"] = (table.log_q - table.log_p).where(later)
    groups = table.groupby(["response", "copy"])
    both = groups.mean().join(groups.min().add_suffix("_least"))
    return both.reset_index()[columns]


def answers(
    batch: TokenBatch, numbers: list[int], chosen: list[bool], after: str, tokenizer: PreTrainedTokenizerBase
) -> dict[int, tuple[list[int], list[int]]]:
    """(ids before the answer, ids of the answer) by response number, of the chosen rows that have one.

    An answer is what follows the last token with the text `after` in a response, without the end token.
    """
    found = {}
    for row in [row for row, wanted in enumerate(chosen) if wanted]:
        response = batch.response(row)[:-1]
        ends = [end for _, end in occurrences(token_texts(torch.tensor(response), tokenizer), after)]
        if ends and ends[-1] < len(response):
            found[numbers[row]] = (batch.prompt(row) + response[: ends[-1]], response[ends[-1] :])
    return dict(sorted(found.items()))
