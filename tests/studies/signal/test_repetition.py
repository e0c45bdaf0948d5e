"""Planted answers: where they are found, and their probabilities against one plain forward pass each."""

import numpy as np
import torch

from envs.tokenizer import build_tokenizer
from opd.batch import from_pairs
from studies.signal.repetition import answers, repetition


def test_answers_follow_the_last_marker_and_leave_out_the_end():
    tokenizer = build_tokenizer()
    texts = ["</think> 9 1 </think> 7 8", "</think>", "7 8", "</think> 7"]
    responses = [tokenizer(f"{text} <|im_end|>", add_special_tokens=False)["input_ids"] for text in texts]
    batch = from_pairs([([3, 4], response) for response in responses], pad_id=0)
    found = answers(batch, [11, 12, 10, 13], [True, True, True, False], "</think>", tokenizer)
    assert found == {11: ([3, 4, *responses[0][:8]], responses[0][8:10])}


def test_probabilities_of_copies(student, teacher):
    planted = {2: ([4, 5, 6], [7, 8]), 5: ([9, 10], [11, 12, 13])}
    table = repetition(student, teacher, planted, copies=2, tokens_per_forward=1000)
    assert len(table) == 2 * 3
    for number, (before, answer) in planted.items():
        ids = torch.tensor(before + 3 * answer)
        rows = table[table.response == number].sort_values("copy")
        assert rows["copy"].tolist() == [0, 1, 2]
        for name, model in (("student", student), ("teacher", teacher)):
            p = model(ids[None]).logits[0, :-1].double().softmax(-1).gather(1, ids[1:, None])[:, 0]
            copies = p[len(before) - 1 :].detach().reshape(3, -1)
            np.testing.assert_allclose(rows[name], copies.mean(-1), rtol=1e-5)
            log = {"student": "log_p", "teacher": "log_q"}[name]
            np.testing.assert_allclose(rows[log], copies.log().mean(-1), rtol=1e-5)
            np.testing.assert_allclose(rows[f"{name}_least"], copies.min(-1).values, rtol=1e-5)
        logs = [
            model(ids[None]).logits[0, :-1].double().log_softmax(-1).gather(1, ids[1:, None])[:, 0].detach()
            for model in (student, teacher)
        ]
        later = (logs[1] - logs[0])[len(before) - 1 :].reshape(3, -1)[:, 1:]
        np.testing.assert_allclose(rows.later_gap, later.mean(-1), rtol=1e-4)


def test_without_answers_there_is_an_empty_table(student, teacher):
    table = repetition(student, teacher, {}, copies=2, tokens_per_forward=1000)
    assert table.empty
    assert {"response", "copy", "student", "teacher_least"} <= set(table.columns)
