"""Translations are made once, given out as copies, and do not stay in memory."""

import random
import tracemalloc

from envs.alfworld.translations import Translations


def of_noise(domain: str, problem: str) -> dict[str, list[int]]:
    """About 10 kB, packed, that no packing makes smaller."""
    chance = random.Random(domain + problem)
    return {problem: [chance.getrandbits(32) for _ in range(2500)]}


def counted(calls: list[str]):
    def translate(domain: str, problem: str) -> dict[str, list[int]]:
        calls.append(problem)
        return of_noise(domain, problem)

    return translate


def test_a_translation_is_made_once_and_given_out_as_a_copy():
    calls: list[str] = []
    kept = Translations(counted(calls))
    first = kept("domain", "a")
    first["a"].clear()
    kept("domain", "b")
    assert kept("domain", "a") == of_noise("domain", "a")
    assert kept("another", "a") == of_noise("another", "a")
    assert calls == ["a", "b", "a"]


def test_past_its_capacity_it_starts_over():
    calls: list[str] = []
    kept = Translations(counted(calls), capacity=30_000)  # two
    for problem in "abcabcaa":
        assert kept("domain", problem) == of_noise("domain", problem)
    assert calls == list("abcabca")


def test_memory_does_not_grow_with_the_games():
    kept = Translations(of_noise)
    kept("domain", "first")
    tracemalloc.start()
    for number in range(100):  # 1 MB
        kept("domain", str(number))
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 100_000
