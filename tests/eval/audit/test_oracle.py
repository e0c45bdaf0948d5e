"""The oracle scores everything and the adversary nothing, on the real suites too if they are at hand."""

import sys

import pytest

import envs
from envs import Problem
from eval.audit import oracle
from eval.suites import evaluation_suites

# Golds that mean what a neighbour's gold means; anything else that the adversary hits is a wrong accept.
COINCIDENCES = {("5", r"\boxed{x=5}")}


def problems(*golds):
    return [Problem(str(i), "?", gold) for i, gold in enumerate(golds)]


RESPELLED = [
    ("4.5e-33", r"4.5 \times 10^{-33}"),
    (r"\frac{1}{2}", r"\dfrac{1}{2}"),
    ("(1,2]", r"\left(1,2\right]"),
    ("x+1", "x+1"),
]


@pytest.mark.parametrize(("gold", "text"), RESPELLED)
def test_respelling_changes_how_not_what(gold, text):
    assert oracle.respelled(gold) == text


CLOSED_UP = [
    (r"\frac{d x}{d t}=k x-a", r"\frac{dx}{dt}=kx-a"),
    (r"2 B \omega t", r"2B\omega t"),
    (r"2\ m + 3 n", r"2\ m+3n"),
    (r"1 234 \text{ square feet}", r"1 234\text{ square feet}"),
]


@pytest.mark.parametrize(("gold", "text"), CLOSED_UP)
def test_closing_up_leaves_the_spaces_that_count(gold, text):
    assert oracle.closed_up(gold) == text


def test_numerals_get_a_unit():
    golds = [str(number) for number in range(10, 30)]
    assert {oracle.with_unit(gold).removeprefix(gold) for gold in golds} == set(oracle._UNITS)
    assert oracle.with_unit("4.5e33") == r"4.5 \times 10^{33}\,\Omega"
    assert [oracle.with_unit(gold) for gold in ("x+1", "(1,2]", "90^\\circ")] == ["x+1", "(1,2]", "90^\\circ"]


def test_surprises_are_the_oracles_misses_and_the_adversarys_hits():
    math = envs.load("math")
    known = oracle.ask_oracle(math, problems("5", r"\frac12", "2e5"), "respelled")
    assert (known.asked, known.correct, known.surprises) == (3, 3, ())
    missed = oracle.ask_oracle(math, problems("5", ""), "inline")
    assert (missed.correct, [gold for gold, _, _ in missed.surprises]) == (1, [""])
    hit = oracle.ask_adversary(math, problems("5", "x = 5", "6"), shifts=1)
    assert (hit.asked, hit.correct, len(hit.surprises)) == (3, 1, 1)


@pytest.mark.usefixtures("math_data")
@pytest.mark.parametrize("suite", evaluation_suites())
def test_real_suites(suite):
    math = envs.load("math")
    asked = math.suite_problems(suite, None)
    for phrasing in oracle.PHRASINGS:
        assert oracle.ask_oracle(math, asked, phrasing).surprises == ()
    hits = oracle.ask_adversary(math, asked).surprises
    assert {(gold, response) for gold, response, _ in hits} <= COINCIDENCES


@pytest.mark.usefixtures("math_data")
def test_the_command_prints_a_line_per_reader(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["oracle", "--suite", "aime24"])
    with pytest.raises(SystemExit) as stop:
        oracle.main()
    assert stop.value.code == 0
    assert capsys.readouterr().out.count("30 of 30 correct") == len(oracle.PHRASINGS)
