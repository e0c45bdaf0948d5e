"""Two readers who bound what a grader can do: one knows every answer, one answers another problem.

    python -m eval.audit.oracle                          every suite
    python -m eval.audit.oracle --suite minerva_math     one; may be repeated

The oracle gives each gold in seven natural phrasings and should score 100 %. The adversary answers each
problem with the golds of the three problems behind it and should score 0, but for golds that mean the same.
Every miss of the oracle and every hit of the adversary is printed. Fails if the oracle misses. --pairs writes
the respelled golds as pairs for `python -m eval.audit.rivals`, to see which grader a right answer passes.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import envs
from envs import Environment, Problem
from eval.grade import write_rows
from eval.suites import evaluation_suites

_SCIENTIFIC = re.compile(r"(-?[\d.]+)e([+-]?\d+)")
_NUMERAL = re.compile(r"-?[\d.,]+(?:e[+-]?\d+)?|-?\\frac\{\d+\}\{\d+\}")
# A space that means nothing, or what keeps its own: a command before a letter, words, and two numerals.
_SPACE = re.compile(
    r"(?P<kept>\\[a-zA-Z]+ +(?=[a-zA-Z])|\\(?:text|mbox|mathrm)\{[^{}]*\}|\d +(?=\d))|(?<!\\) +"
)
_UNITS = (
    r"\text{ cm}^2", r"\text{ cm^2}", r"\ \mathrm{m/s^2}", r"\,\mathrm{erg\,s^{-1}}", r"\,\Omega",
    r"\ \mu\mathrm{m}", r"^\circ\text{C}", r"\ \frac{\mathrm{kg}}{\mathrm{m}^3}", r"\text{ miles per hour}",
    r"\text{ distinct ways}",
)  # fmt: skip


def respelled(gold: str) -> str:
    """The gold as models write it: display fractions, sized brackets, powers of ten instead of `e`."""
    text = re.sub(r"\\frac(?![a-z])", r"\\dfrac", gold)
    if match := _SCIENTIFIC.fullmatch(text):
        return rf"{match[1]} \times 10^{{{match[2]}}}"
    if "(" in text and r"\left" not in text and r"\text" not in text:
        text = text.replace("(", r"\left(").replace(")", r"\right)").replace("]", r"\right]")
        return text.replace("[", r"\left[") if text.count("[") else text
    return text


def closed_up(gold: str) -> str:
    """The gold without the spaces that LaTeX ignores: `\\frac{dx}{dt}` for `\\frac{d x}{d t}`."""
    return _SPACE.sub(lambda found: found["kept"] or "", gold)


def with_unit(gold: str) -> str:
    """A numeral with one of ten units, of which the gold says nothing; other golds as they are."""
    unit = _UNITS[sum(map(ord, gold)) % len(_UNITS)]
    return respelled(gold) + unit if _NUMERAL.fullmatch(gold) else gold


PHRASINGS: dict[str, Callable[[str], str]] = {
    "inline": lambda gold: rf"<think>Let me see.</think> The answer is $\boxed{{{gold}}}$.",
    "display": lambda gold: f"<think>Let me see.</think>\n\n\\[\n\\boxed{{{gold}}}\n\\]",
    "markdown": lambda gold: rf"So \boxed{{0}}?</think>**Final answer:** \boxed{{ {gold} }}",
    "dollars inside": lambda gold: rf"Therefore, the result is \boxed{{${gold.strip('$')}$.}}",
    "respelled": lambda gold: rf"Hence it equals $$\boxed{{{respelled(gold)}}}$$ as desired.",
    "closed up": lambda gold: rf"Thus $\boxed{{{closed_up(gold)}}}$.",
    "with a unit": lambda gold: rf"It measures $\boxed{{{with_unit(gold)}}}$.",
}


@dataclass(frozen=True)
class Outcome:
    """How many were asked and graded correct; `surprises` are (gold, response, reason) graded otherwise."""

    asked: int
    correct: int
    surprises: tuple[tuple[str, str, str], ...]


def ask_oracle(environment: Environment, problems: Sequence[Problem], phrasing: str) -> Outcome:
    """Every problem answered with its own gold; the surprises are those not graded correct."""
    return _ask(environment, [(p, PHRASINGS[phrasing](p.answer)) for p in problems], expect=True)


def ask_adversary(environment: Environment, problems: Sequence[Problem], shifts: int = 3) -> Outcome:
    """Every problem answered with the golds of the next ones; the surprises are those graded correct."""
    others = [
        (p, problems[(i + s) % len(problems)]) for i, p in enumerate(problems) for s in range(1, shifts + 1)
    ]
    wrong = [(p, rf"\boxed{{{other.answer}}}") for p, other in others if other.answer != p.answer]
    return _ask(environment, wrong, expect=False)


def _ask(environment: Environment, answers: list[tuple[Problem, str]], expect: bool) -> Outcome:
    grades = environment.grade(answers)
    correct = [grade.verdict == "correct" for grade in grades]
    surprises = [
        (problem.answer, response, f"{grade.verdict}: {grade.reason}")
        for (problem, response), grade, hit in zip(answers, grades, correct, strict=True)
        if hit != expect
    ]
    return Outcome(len(answers), sum(correct), tuple(surprises))


def main() -> None:
    """Ask both about the suites that the arguments name; exits with 1 if the oracle misses."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suite", action="append", help="suite to ask about; every math suite if not given")
    parser.add_argument(
        "--pairs", type=Path, metavar="FILE", help="JSON Lines file of respelled golds to write"
    )
    given = parser.parse_args()
    suites = given.suite or evaluation_suites()
    if given.pairs:
        write_rows(given.pairs, (row for suite in suites for row in respelled_pairs(suite)))
    missed = [_print_suite(suite) for suite in suites]
    sys.exit(1 if any(missed) else 0)


def respelled_pairs(suite: str) -> Iterator[dict]:
    """Each gold beside itself as models write it, where the two differ."""
    for problem in envs.load(envs.environment_of(suite)).suite_problems(suite, None):
        if (pred := respelled(problem.answer)) != problem.answer:
            row = {"id": problem.id, "gold": problem.answer, "pred": pred, "kind": "answer", "equal": True}
            yield {"suite": suite, **row}


def _print_suite(suite: str) -> bool:
    """Print both outcomes for one suite; whether the oracle missed."""
    environment = envs.load(envs.environment_of(suite))
    problems = environment.suite_problems(suite, None)
    outcomes = {f"oracle, {name}": ask_oracle(environment, problems, name) for name in PHRASINGS}
    missed = any(outcome.surprises for outcome in outcomes.values())
    outcomes["adversary"] = ask_adversary(environment, problems)
    for who, outcome in outcomes.items():
        print(f"{suite}: {who}: {outcome.correct} of {outcome.asked} correct")
        for gold, response, reason in outcome.surprises:
            print(f"    {gold}  <-  {response}  ({reason})")
    return missed


if __name__ == "__main__":
    main()
