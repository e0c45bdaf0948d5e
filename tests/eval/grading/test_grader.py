"""The pool: order, time, memory, death, injected code."""

import os
import signal
from concurrent.futures import TimeoutError
from pathlib import Path
from threading import Timer

import pytest
from pebble import ProcessExpired, ProcessFuture

from eval.grading import DEFAULT, STRICT, Grader
from eval.grading.grader import LONGEST_ANSWER, Grade, _best, grade_answer

SLOW = r"\sum_{k=1}^{10^{9}} \sin(k)"


@pytest.fixture(scope="module")
def grader():
    with Grader(seconds=2.0) as one:
        yield one


def test_grades_come_in_order_whoever_made_them(grader):
    pairs = [
        ("5", "5"),
        ("5", r"\sqrt{25}"),
        ("5", "6"),
        ("55", r"\sum_{k=1}^{10} k"),
        ("5", r"\sqrt{26}"),
        ("5", "5"),
    ]
    grades = grader.answers(pairs)
    assert [g.verdict for g in grades] == ["correct", "correct", "wrong", "correct", "wrong", "correct"]
    assert [g.answer for g in grades] == [answer for _, answer in pairs]
    assert all(g.reason and g.seconds >= 0 for g in grades)
    assert grader.answers([]) == []


def test_responses_are_extracted_first(grader):
    golds = [
        ("5", r"<think>\boxed{4}</think> \boxed{5}"),
        ("5", "it is 5"),
        ("5", r"<think>\boxed{5}</think> no idea"),
    ]
    grades = grader.responses(golds)
    assert [g.verdict for g in grades] == ["correct", "wrong", "wrong"]
    assert [g.answer for g in grades] == ["5", None, None]
    assert "no balanced box" in grades[1].reason


def test_responses_carry_their_verdict_under_strict_and_lenient_rules(grader):
    texts = [
        r"\boxed{5}",
        r"\boxed{5 \text{ cm}}",
        r"\boxed{6}",
        "The answer is 5.",
        "no idea",
        r"\boxed{4}, \boxed{5}",
    ]
    grades = grader.responses([("5", text) for text in texts])
    assert [g.correct() for g in grades] == [True, True, False, False, False, False]
    assert [g.correct("strict") for g in grades] == [True, False, False, False, False, False]
    assert [g.correct("lenient") for g in grades] == [True, True, False, True, False, False]
    (joined,) = grader.responses([("4, 5", texts[-1])])
    assert (joined.correct(), joined.correct("strict")) == (True, False)


@pytest.mark.parametrize(
    ("gold", "response", "verdicts"),
    [
        ("5", r"\boxed{5}.\n\n\boxed{5}", "cc"),
        ("5", r"\boxed{5}, \boxed{5.0}", "cc"),
        (r"\frac12", r"\boxed{\frac{1}{2}} or $\boxed{0.5}$", "cc"),
        ("5", r"\boxed{4}.\n\n\boxed{5}", "cc"),
        ("4, 5", r"\boxed{4}.\n\n\boxed{5}", "cw"),
        ("13", r"$m=\boxed{3}$, $n=\boxed{10}$. $\boxed{13}$", "cc"),
        ("1, 2", r"\boxed{1}, \boxed{2}.\n\n\boxed{1}, \boxed{2}", "cw"),
        ("(5, 5)", r"x=\boxed{5}, y=\boxed{5}", "cw"),
        ("5", r"\boxed{5} or \boxed{4}", "ww"),
        ("5", r"\boxed{4} or \boxed{5}", "ww"),
        ("4", r"\boxed{4}.\n\n\boxed{5}", "ww"),
    ],
)
def test_several_boxes(gold, response, verdicts):
    """Under the default and the strict conventions; a hedge is no answer, whichever comes last."""
    response = response.replace(r"\n", "\n")
    for conventions, verdict in zip((DEFAULT, STRICT), verdicts, strict=True):
        with Grader(conventions, workers=1) as one:
            assert one.responses([(gold, response)])[0].verdict[0] == verdict


def test_what_takes_too_long_is_ungraded_and_the_rest_is_not_lost(grader):
    grades = grader.answers([("0", SLOW), ("2", r"\sqrt{4}"), ("3", r"\sqrt{4}")])
    assert [g.verdict for g in grades] == ["ungraded", "correct", "wrong"]
    assert "longer than 2 s" in grades[0].reason


def test_an_oversized_answer_is_ungraded(grader):
    (grade,) = grader.answers([("1", "x+" * LONGEST_ANSWER + "x")])
    assert (grade.verdict, grade.answer is not None) == ("ungraded", True)
    assert "2000 characters" in grade.reason


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.1])
def test_a_killed_worker_loses_no_row(delay):
    """Killed while it waits for work, and while it works."""
    pairs = [(str(n), rf"\sqrt{{{n * n}}}") for n in range(1500)]
    before = _workers()
    with Grader(workers=1) as grader:
        grader.answers([("2", r"\sqrt{4}")])
        new = _workers() - before
        assert new
        if delay:
            Timer(delay, _kill, (new,)).start()
        else:
            _kill(new)
        grades = grader.answers(pairs)
        assert not new & _workers()
    assert [g.verdict for g in grades] == ["correct"] * 1500


class _Lost(ProcessFuture):
    """Of an answer that went with a worker which died before it said that it had it."""

    def result(self, timeout=None):
        raise TimeoutError


def test_an_answer_that_went_with_a_dying_worker_is_graded_by_the_next(monkeypatch):
    with Grader(workers=1) as grader:
        first = grader._started()
        monkeypatch.setattr(first, "schedule", lambda *_, **__: _Lost())
        (grade,) = grader.answers([("2", r"\sqrt{4}")])
        assert grade.verdict == "correct"
        assert grader._started() is not first


def test_time_runs_out_for_no_answer_beside_a_dead_worker(monkeypatch):
    """Which of the two the dead worker had cannot be told, so both are graded again."""
    late, dead = ProcessFuture(), ProcessFuture()
    dead.set_exception(ProcessExpired("Abnormal termination"))
    late.set_exception(TimeoutError())
    futures = iter([dead, late])
    with Grader(workers=1) as grader:
        pool, asked = grader._started(), grader._started().schedule
        monkeypatch.setattr(
            pool, "schedule", lambda *args, **named: next(futures, None) or asked(*args, **named)
        )
        grades = grader.answers([("2", r"\sqrt{4}"), ("3", r"\sqrt{9}")])
    assert [grade.verdict for grade in grades] == ["correct", "correct"]


def test_workers_that_cannot_start_are_an_error(monkeypatch):
    monkeypatch.setattr("eval.grading.grader._begin", _die)
    with Grader(workers=1) as grader, pytest.raises(RuntimeError, match="workers keep dying"):
        grader.answers([("2", r"\sqrt{4}")])


def test_an_answer_that_kills_every_worker_is_ungraded(monkeypatch):
    monkeypatch.setattr("eval.grading.grader.grade_answer", _die)
    with Grader(workers=1) as grader:
        grades = grader.answers([("1", r"\sqrt{4}"), ("7", "7")])
    assert [g.verdict for g in grades] == ["ungraded", "correct"]
    assert grades[0].reason == "the worker died twice"


def test_running_out_of_memory_is_ungraded(monkeypatch):
    monkeypatch.setattr("eval.grading.grader.decide", _hungry)
    grade = grade_answer("1", "2", DEFAULT)
    assert (grade.verdict, grade.reason) == ("ungraded", "took more than 2 GiB")


def test_a_bug_of_the_grader_is_ungraded(monkeypatch):
    monkeypatch.setattr("eval.grading.grader.decide", lambda *_: 1 / 0)
    assert grade_answer("1", "2", DEFAULT).verdict == "ungraded"


def test_no_text_is_executed(grader, tmp_path):
    trap = tmp_path / "executed"
    code = f"open('{trap}','w').write('x')"
    strings = [
        code,
        f"__import__('os').system('touch {trap}')",
        f"\\pi+0*len(str({code}))",
        f"[{code}]",
        f"\\text{{{code}}}",
        f"\\frac{{{code}}}{{2}}",
        f'eval("{code}")',
        f"\\sum_{{k=1}}^{{2}} {code}",
        f"\\int {code} dx",
        f"(lambda: {code})()",
        f"Symbol('x').subs('x', \"{code}\")",
        f"\\mathrm{{{code}}}^2",
    ]
    grades = grader.answers([("1", text) for text in strings] + [(text, "1") for text in strings])
    assert not trap.exists()
    assert "correct" not in [grade.verdict for grade in grades]


def test_group_labels_equal_answers_alike(grader):
    assert grader.group(["1/2", "3", r"\frac12", "0.5", "x", "3.0"]) == [0, 1, 0, 0, 2, 1]
    assert grader.group([]) == []


def _kill(workers):
    for worker in workers:
        os.kill(worker, signal.SIGKILL)


def _die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


def _hungry(*_):
    raise MemoryError


def _workers():
    """Ids of this process's children that multiprocessing spawned."""
    children = {
        int(pid) for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text().split()
    }
    return {pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()}


@pytest.mark.parametrize(
    ("ways", "verdict"),
    [
        ([["wrong"], ["ungraded"]], "ungraded"),  # it may be right
        ([["ungraded", "wrong"]], "wrong"),  # whatever the other is, one answer of the way is wrong
        ([["correct", "ungraded"], ["wrong"]], "ungraded"),
        ([["correct", "wrong"], ["correct"]], "correct"),
        ([], "wrong"),
    ],
)
def test_a_response_is_as_good_as_the_best_way_to_read_it(ways, verdict):
    graded = [[Grade(each, "") for each in way] for way in ways]
    assert _best(graded).verdict == verdict
