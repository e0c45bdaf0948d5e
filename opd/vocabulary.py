"""What two models must have in common where one scores the tokens of the other: the tokens behind the ids."""

import warnings
from pathlib import Path

from opd import models
from programs.errors import UserError

_QUESTION = "What is 1 + 1?"


def refuse_other_tokens(student: Path, teacher: Path) -> None:
    """UserError unless every id is the same token of both models; warns where their prompts differ.

    Tokenizers of one size need not be one: DeepSeek-R1-Distill-Qwen has other special tokens at the ids of
    Qwen2.5's, so that the end of a turn would be scored as the beginning of one.
    """
    if student == teacher:
        return
    of_student, of_teacher = models.load_tokenizer(student), models.load_tokenizer(teacher)
    known = {index: token for token, index in of_teacher.get_vocab().items()}
    others = sorted(
        (index, token, known[index])
        for token, index in of_student.get_vocab().items()
        if known.get(index, token) != token
    )
    if others:
        index, ours, theirs = others[0]
        raise UserError(
            f"{len(others)} token ids are other tokens of {teacher} than of {student}, such as {index}: "
            f"{theirs!r} there, {ours!r} here; student and teachers must share one vocabulary"
        )
    ours, theirs = (models.prompt_text(each, _QUESTION) for each in (of_student, of_teacher))
    if ours != theirs:
        warnings.warn(
            f"{teacher} reads prompts as {student} does, and not in its own chat template:\n{ours!r}\n"
            f"instead of\n{theirs!r}\nIts own row in a table is asked in its own.",
            RuntimeWarning,
            stacklevel=2,
        )


def refuse_tokens_beyond(student: Path, teacher: Path) -> None:
    """UserError if the teacher knows tokens that the student has no id for, and so might write them."""
    size, known = len(models.load_tokenizer(student)), models.load_tokenizer(teacher).get_vocab()
    beyond = sorted((index, token) for token, index in known.items() if index >= size)
    if beyond:
        index, token = beyond[0]
        raise UserError(
            f"{teacher} may write {len(beyond)} tokens that {student} has no id for, such as {index}: "
            f"{token!r}; take a teacher with the student's vocabulary"
        )
