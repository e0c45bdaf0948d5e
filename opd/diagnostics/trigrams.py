"""Repetition in token ids. Loads no torch, so that what reads stored responses can share it."""


def count_repeated(ids: list[int]) -> int:
    """How many tokens of one response complete a 3-gram already seen in it."""
    trigrams = list(zip(ids, ids[1:], ids[2:], strict=False))
    return len(trigrams) - len(set(trigrams))
