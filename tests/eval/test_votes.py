"""Who votes for what: right answers together, equal wrong ones together, silence for the rest."""

from fractions import Fraction

import numpy as np

import envs
from envs.chain_arithmetic import ChainArithmetic
from eval.grading import Grade
from eval.statistics.majority import ABSTAINS, maj_at_q
from eval.votes import RIGHT, votes


class ByValue(ChainArithmetic):
    """Its answers mean the same where they have the same value."""

    def group(self, answers):
        values = [Fraction(answer) for answer in answers]
        return [values.index(value) for value in values]


def test_every_sample_votes_once():
    grades = [
        Grade("wrong", "", "1/2"),
        Grade("correct", "", "7"),
        Grade("wrong", "no box"),
        None,  # truncated
        Grade("wrong", "", "2/4"),
        Grade("correct", "", "14/2"),
        Grade("ungraded", "timeout", "3"),
    ]
    cast = votes(ByValue(), grades)
    assert cast == [1, RIGHT, ABSTAINS, ABSTAINS, 1, RIGHT, ABSTAINS]


def test_an_answer_that_was_not_graded_is_no_rival():
    """It is not read again to be grouped either: that may take as long as the grading that failed."""
    grades = [Grade("correct", "", "7"), *[Grade("ungraded", "timeout", "no fraction")] * 2]
    cast = votes(ByValue(), grades)
    assert cast == [RIGHT, ABSTAINS, ABSTAINS]
    assert maj_at_q(np.array([cast]), np.array([RIGHT]), 3) == [1.0]


def test_wrong_answers_never_vote_with_right_ones():
    """Not even if the grader finds two answers equal of which it accepted one only."""
    grades = [Grade("correct", "", "1/2"), Grade("wrong", "", "2/4")]
    assert votes(ByValue(), grades) == [RIGHT, 1]


def test_nobody_has_to_vote():
    assert votes(envs.load("chain_arithmetic"), [None, Grade("wrong", "no box")]) == [ABSTAINS, ABSTAINS]
