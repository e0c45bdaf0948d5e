"""The models behind a target, with those that they are made from."""

from tests.workflows.needs.scales import scale
from workflows.needs.needed import models_of


def test_models_of_runs_and_those_that_they_are_made_from():
    paper = scale("paper")
    assert models_of(paper, "all") == {"student", "teacher", "game_teacher"}
    assert models_of(paper, "full") == set(paper.config.models)


def test_models_as_they_are_and_those_of_the_signal_count():
    smoke = scale("smoke", signal={"respelled": "multitask_student"})
    without = {"title": "t", "reference": "Teacher", "rows": [{"label": "Teacher", "model": "teacher"}]}
    studies = dict.fromkeys(smoke.config.studies, without)
    found = models_of(scale("smoke", signal={"respelled": "multitask_student"}, studies=studies), "all")
    assert found == {"teacher", "student", "multitask_student"}
