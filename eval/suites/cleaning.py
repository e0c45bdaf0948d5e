"""Training prompts made fit for training: what is removed, and how many."""

import re
from collections.abc import Collection, Iterable

from eval.suites.content import short_hash
from eval.suites.suite import Item
from eval.suites.text import one_line

_CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


def clean(items: Iterable[Item], conflicting: Collection[str] = ()) -> tuple[list[Item], dict[str, int]]:
    """English prompts with exactly one answer, each once, in their order; and what was removed, by reason.

    Prompts that differ in white space only are one prompt. `duplicate` counts rows beyond a prompt's
    first; the other reasons count prompts, each under the first that holds. A prompt with two different
    answers, here or in another copy (`conflicting`: its short hash), has no right one: all its rows go.
    """
    first: dict[str, Item] = {}
    answers: dict[str, set[str]] = {}
    removed = {"duplicate": 0, "conflicting answers": 0, "no answer": 0, "not English": 0}
    for item in items:
        prompt = one_line(item.problem)
        removed["duplicate"] += prompt in first
        first.setdefault(prompt, item)
        answers.setdefault(prompt, set()).add(item.answer)
    kept = []
    for prompt, item in first.items():
        reason = _reason(item, answers[prompt], conflicting)
        if reason is None:
            kept.append(item)
        else:
            removed[reason] += 1
    return kept, removed


def _reason(item: Item, answers: set[str], conflicting: Collection[str]) -> str | None:
    if len(answers) > 1 or short_hash(item.problem) in conflicting:
        return "conflicting answers"
    if not item.answer:
        return "no answer"
    return "not English" if _CHINESE.search(item.problem) else None
