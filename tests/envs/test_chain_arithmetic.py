"""Chain arithmetic: disjoint splits, correct demonstrations, a verifier that cannot be fooled."""

import random
import re
from hashlib import sha256
from itertools import islice, pairwise, product

import pytest

import envs
from envs.chain_arithmetic.problem import Chain, draw
from envs.environment import Problem
from programs.errors import UserError

ENVIRONMENT = envs.load("chain_arithmetic")
OPERATIONS = [(operator, n) for operator, most in (("+", 5), ("-", 5), ("*", 3)) for n in range(1, most + 1)]
OPERATIONS.remove(("*", 1))


def evaluate(question: str) -> int:
    """The answer by plain Python arithmetic, independent of the environment's own."""
    start, *steps = question.split(" ; ")
    value = int(start.removeprefix("x = "))
    for step in steps:
        _, operator, operand = step.split()
        left, right = value, int(operand)
        value = {"+": left + right, "-": left - right, "*": left * right}[operator]
        value -= 20 * (value // 20)
    return value


def content(question: str) -> str:
    """What a problem computes: the question without its labels."""
    return re.sub(r"[a-w] ", "", question)


def test_gold_answers_are_right():
    for suite in ENVIRONMENT.suites:
        for problem in ENVIRONMENT.suite_problems(suite, 50):
            assert problem.answer == str(evaluate(problem.question))


def test_training_development_and_suites_never_share_a_computation():
    training = {content(p.question) for step in range(60) for p in ENVIRONMENT.training_problems(0, step, 64)}
    development = {content(p.question) for p in ENVIRONMENT.development_problems(400)}
    suites = {content(p.question) for s in ENVIRONMENT.suites for p in ENVIRONMENT.suite_problems(s, 100)}
    demonstrated = {
        content(problem.question)
        for length in (2, 3, 4)
        for problem, _ in islice(ENVIRONMENT.demonstrations("teacher", length, 0), 2000)
    }
    assert len(training) > 1000
    assert not suites & (training | development | demonstrated)
    assert not development & (training | demonstrated)


def test_labels_do_not_decide_the_split():
    chain = draw(random.Random(0), 3, "suite")
    for label in range(20):
        assert Chain(chain.start, chain.operations, label).split == "suite"


def test_suites_hold_distinct_problems_of_one_length_and_never_change():
    for suite, length in zip(ENVIRONMENT.suites, (2, 3, 4, 5, 6), strict=True):
        problems = ENVIRONMENT.suite_problems(suite, 100)
        assert len({content(p.question) for p in problems}) == 100
        assert {p.question.count(";") for p in problems} == {length}
        assert problems[:10] == ENVIRONMENT.suite_problems(suite, 10)


def test_problems_are_those_that_results_were_measured_on():
    """All published numbers of chain arithmetic are of these draws."""
    evaluated = [p.question for suite in ENVIRONMENT.suites for p in ENVIRONMENT.suite_problems(suite, 20)]
    trained = [p.question for p in ENVIRONMENT.training_problems(0, 0, 20)]
    assert [evaluated[0], trained[0]] == ["x = 17 ; t + 3 ; u * 3", "x = 7 ; l + 2 ; m * 3 ; n + 3"]
    assert [sha256("\n".join(questions).encode()).hexdigest()[:16] for questions in (evaluated, trained)] == [
        "606a07860a42b036",
        "01f0f17a95c1de56",
    ]


def test_a_suite_is_asked_for_all_its_problems_and_no_more():
    every = {
        f"x = {start} ; {' ; '.join(f'{operator} {operand}' for operator, operand in operations)}"
        for start in range(20)
        for operations in product(OPERATIONS, repeat=2)
        if Chain(start, operations, 0).split == "suite"
    }
    assert len(every) == 303
    assert {content(p.question) for p in ENVIRONMENT.suite_problems("chain2", 303)} == every
    for count in (304, 10**9):
        with pytest.raises(UserError, match=rf"chain2 has 303 distinct problems, not {count}; write .*303"):
            ENVIRONMENT.suite_problems("chain2", count)
    with pytest.raises(UserError, match=r"chain2 is generated; write how many problems"):
        ENVIRONMENT.suite_problems("chain2", None)
    with pytest.raises(UserError, match=r"has no suite 'aime24'; it has chain2, "):
        ENVIRONMENT.suite_problems("aime24", 1)


def test_training_problems_are_a_function_of_seed_and_step():
    first = ENVIRONMENT.training_problems(1, 5, 8)
    assert first == ENVIRONMENT.training_problems(1, 5, 8)
    assert first != ENVIRONMENT.training_problems(1, 6, 8)
    assert first != ENVIRONMENT.training_problems(2, 5, 8)
    lengths = [problem.question.count(";") for problem in ENVIRONMENT.training_problems(0, 0, 500)]
    assert [lengths.count(length) for length in (2, 3, 4, 5, 6)] == pytest.approx([100] * 5, abs=4 * 9)


@pytest.mark.parametrize(
    ("style", "slip_rate", "recheck_rate"), [("teacher", 0.03, 0.06), ("student", 0.01, 0.02)]
)
def test_demonstrations_verify_and_correct_every_slip(style, slip_rate, recheck_rate):
    slips = rechecks = 0
    for shown, response in islice(ENVIRONMENT.demonstrations(style, 6, 0), 300):
        question = shown.question
        problem = Problem(question, question, str(evaluate(question)))
        assert (shown.id, shown.answer) == (question, problem.answer)
        assert ENVIRONMENT.grade([(problem, response)])[0].verdict == "correct"
        claims = re.findall(r"([a-w]) (.) (\d) of (\d+) = (\d+)", response)
        final = {label: value for label, _, _, _, value in claims}
        steps = question.split(" ; ")[1:]
        for count in range(1, len(steps) + 1):
            partial = " ; ".join([question.split(" ; ")[0], *steps[:count]])
            assert final[steps[count - 1][0]] == str(evaluate(partial))
        # A claim made again was wrong, a slip, or right.
        again = [a[-1] == b[-1] for a, b in pairwise(claims) if a[0] == b[0]]
        assert len(again) == len(claims) - len(steps)
        rechecks, slips = rechecks + sum(again), slips + again.count(False)
    assert slips == pytest.approx(1800 * slip_rate, abs=4 * (1800 * slip_rate) ** 0.5)
    assert rechecks == pytest.approx(1800 * recheck_rate, abs=4 * (1800 * recheck_rate) ** 0.5)


def test_concise_demonstrations_hold_a_claim_per_step_and_nothing_else():
    for problem, response in islice(ENVIRONMENT.demonstrations("concise", 6, 0), 100):
        start, *steps = problem.question.split(" ; ")
        values = [evaluate(" ; ".join([start, *steps[:count]])) for count in range(1, 7)]
        claims = " ".join(f"{step} = {value} ;" for step, value in zip(steps, values, strict=True))
        assert response == f"<think> {claims} </think> the answer is \\boxed{{{values[-1]}}}"


def test_demonstrations_that_stop_early_have_the_answer_all_the_same():
    """Any number of steps from none to all, each as often, in order from the first."""
    shown = [0] * 4
    for problem, response in islice(ENVIRONMENT.demonstrations("concise", 3, 0, stops_early=True), 2000):
        claims = response.removeprefix("<think> ").partition("</think>")[0].split(" ; ")[:-1]
        steps = problem.question.split(" ; ")[1 : len(claims) + 1]
        assert [claim.split(" = ")[0] for claim in claims] == steps
        assert ENVIRONMENT.grade([(problem, response)])[0].verdict == "correct"
        shown[len(claims)] += 1
    assert shown == pytest.approx([500] * 4, abs=4 * 20)


def test_a_solution_is_the_value_after_each_step():
    for problem in ENVIRONMENT.training_problems(0, 0, 50):
        start, *steps = problem.question.split(" ; ")
        values = [evaluate(" ; ".join([start, *steps[: count + 1]])) for count in range(len(steps))]
        assert problem.solution == " ".join(map(str, values))


@pytest.mark.parametrize(
    ("response", "correct"),
    [
        ("<think> 7 </think> the answer is \\boxed{7}", True),
        ("<think> 7 </think> the answer is \\boxed{ 7 }", True),
        ("<think> 7 </think> \\boxed{6} no, \\boxed{7}", True),
        ("<think> 7 </think> \\boxed{7} no, \\boxed{6}", False),
        ("<think> \\boxed{7}", False),
        ("<think> \\boxed{7} </think> the answer is 7", False),
        ("the answer is \\boxed{7}", False),
        ("<think> 7 </think> \\boxed{17}", False),
        ("<think> 7 </think> \\boxed{}", False),
        ("", False),
    ],
)
def test_verifier(response, correct):
    (grade,) = ENVIRONMENT.grade([(Problem("x", "x", "7"), response)])
    assert grade.verdict == ("correct" if correct else "wrong")


def test_unknown_environment_lists_the_known_ones():
    with pytest.raises(UserError, match="chain_arithmetic"):
        envs.load("chain")


def test_answers_are_grouped_as_written():
    assert ENVIRONMENT.group(["7", "8", "7", "08"]) == [0, 1, 0, 2]
