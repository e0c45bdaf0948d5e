"""Replay stored responses through our lm-eval tasks: both paths must agree, response by response.

    python -m eval.lm_eval.crosscheck --spec SPEC --out FOLDER

SPEC is a `ScoreSpec` as JSON. FOLDER receives `lm_eval_crosscheck.csv`, one row per model, protocol and
suite, and `lm_eval_crosscheck.html`, one row per model and protocol. The program fails if a verdict or an
aggregate differs.

One difference is lm-eval's own and is counted, not hidden: it does not learn which responses were cut at
the token cap. Ours are `truncated` and not correct, whatever they say; lm-eval credits those that hold
the right answer already (`credited_at_cap`).
"""

from collections import defaultdict
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from lm_eval.api.task import Task
from lm_eval.evaluator import evaluate
from lm_eval.tasks import TaskManager
from lm_eval.tasks._yaml_loader import load_yaml

import envs
from eval.asked import refuse_other_copies
from eval.grading import Grade
from eval.lm_eval.stored_responses import StoredResponses
from eval.report.page import page, paragraphs
from eval.responses import read_records
from eval.spec import ProtocolSpec, ScoreSpec
from eval.statistics.majority import maj_at_q
from eval.statistics.pass_at import pass_at_q
from eval.verdicts import verdicts
from eval.votes import RIGHT, votes
from programs.command_line import arguments, launch

TASKS = Path(__file__).parent / "tasks"
METRICS = ("avg_at_k", "pass_at_k", "maj_at_k")
_NOTE = (
    "disagreements: responses that ended by themselves and got another verdict. lm-eval does not learn which "
    "responses were truncated; credited_at_cap of them hold the right answer already, which is all that the "
    "two avg_at_k (in percent, mean of the suites) differ by."
)
_COUNTS = ("problems", "samples", "disagreements", "truncated", "credited_at_cap")


def main(spec: ScoreSpec, out: Path) -> None:
    """Write both files into `out`; SystemExit with the rows in which the paths differ."""
    frame = pd.DataFrame(crosscheck(spec))
    differing = frame[~frame.agree]
    if len(differing):
        raise SystemExit(f"our verdicts and lm-eval's differ:\n{differing.to_string(index=False)}")
    out.mkdir(parents=True, exist_ok=True)
    frame.to_csv(out / "lm_eval_crosscheck.csv", index=False)
    (out / "lm_eval_crosscheck.html").write_text(render(frame))
    print(f"{frame.samples.sum()} responses of {len(spec.subjects)} models: both paths agree")


def crosscheck(spec: ScoreSpec) -> list[dict]:
    """One row per model, protocol and suite."""
    environment = envs.load(spec.environment)
    problems = {
        suite: environment.suite_problems(suite, spec.problems_per_suite)
        for suite in spec.suites or environment.suites
    }
    tasks = {protocol.name: load_tasks(spec, protocol) for protocol in spec.protocols}
    rows = []
    for subject in spec.subjects:
        refuse_other_copies(Path(subject.responses), environment, problems)
        records = read_records(Path(subject.responses))
        for protocol in spec.protocols:
            stored = [record for record in records if record["protocol"] == protocol.name]
            about = {"row": subject.row, "seed": subject.seed, "protocol": protocol.name}
            asked = {suite: of_suite for suite, of_suite in problems.items() if protocol.asks(suite)}
            rows += [about | row for row in replay(environment, asked, stored, tasks[protocol.name])]
    return rows


def load_tasks(spec: ScoreSpec, protocol: ProtocolSpec) -> dict[str, Task]:
    """suite -> task, with the protocol's number of samples."""
    # `eval.generate` refused copies already, and knew how probable they were: a sure model repeats itself.
    metadata = {"repeats": protocol.samples, "problems": spec.problems_per_suite, "distinct_seeds": True}
    manager = TaskManager(include_path=TASKS, include_defaults=False, metadata=metadata)
    suites = [suite for suite in spec.suites or envs.load(spec.environment).suites if protocol.asks(suite)]
    tasks = manager.load([task_of(suite, spec.environment, protocol) for suite in suites])["tasks"]
    return {suite: tasks[f"opd_{suite}"] for suite in suites}


def task_of(suite: str, environment: str, protocol: ProtocolSpec) -> str | dict:
    """What lm-eval makes a suite's task of: its file's name, else what such a file would say.

    A suite of one's own so needs no file to be cross-checked. What it samples by is only looked at here.
    """
    name = f"opd_{suite}"
    if (TASKS / f"{name}.yaml").exists():
        return name
    return load_yaml(TASKS / "_base.yaml") | {
        "task": name,
        "dataset_kwargs": {"environment": environment, "suite": suite},
        "repeats": protocol.samples,
        "generation_kwargs": sampling_of(protocol),
    }


def sampling_of(protocol: ProtocolSpec) -> dict:
    """A protocol's sampling in lm-eval's words."""
    sampling = protocol.sampling
    drawn = {
        "do_sample": sampling.temperature > 0,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
    }
    return {"until": [], **drawn, "max_gen_toks": sampling.max_new_tokens}


def replay(
    environment: envs.Environment,
    problems: dict[str, list[envs.Problem]],
    stored: list[dict],
    tasks: dict[str, Task],
) -> list[dict]:
    """One row per suite: lm-eval's view of the stored responses of one protocol, compared with ours."""
    results = evaluate(StoredResponses(stored), {"tasks": tasks}, bootstrap_iters=0)
    assert results is not None  # only other ranks of a distributed run get None
    rows = []
    for suite in problems:
        samples: dict[str, list[dict]] = defaultdict(list)
        for record in sorted((r for r in stored if r["suite"] == suite), key=lambda r: r["sample"]):
            samples[record["problem"]].append(record)
        own = [(problem, samples[problem.id]) for problem in problems[suite]]
        logged, aggregates = results["samples"][suite], results["results"][suite]
        rows.append({"suite": suite, **compare(environment, own, logged, aggregates)})
    return rows


def compare(
    environment: envs.Environment,
    own: list[tuple[envs.Problem, list[dict]]],
    logged: list[dict],
    aggregates: dict[str, float],
) -> dict:
    """Counts and aggregates of both paths over one suite, and whether they agree.

    `own` holds each problem with its k stored records, `logged` lm-eval's account of each problem and
    `aggregates` its metrics of the suite. A truncated response is no disagreement; lm-eval's metrics are
    then expected to be what its text says, problem by problem. ValueError if the problems differ.
    """
    if [problem.id for problem, _ in own] != [problem["doc"]["id"] for problem in logged]:
        raise ValueError("lm-eval asked other problems")
    pairs = [(problem, r["response"]) for problem, records in own for r in records]
    ours = verdicts(environment, pairs, [r["finish_reason"] for _, records in own for r in records])
    theirs = [
        Grade(sample["verdict"], sample["reason"], sample["answer"])
        for problem in logged
        for sample in problem["filtered_resps"][0]
    ]
    seen = pd.DataFrame({"ours": [verdict for verdict, _ in ours], "lm_eval": [g.verdict for g in theirs]})
    cut = seen.ours == "truncated"
    disagreements = int((seen.ours != seen.lm_eval)[~cut].sum())

    k = len(pairs) // len(own)
    reported = metrics(environment, [grade for _, grade in ours], k)
    expected = metrics(environment, [grade or text for (_, grade), text in zip(ours, theirs, strict=True)], k)
    as_expected = all(
        np.allclose(expected[name], [problem[name] for problem in logged])
        and np.isclose(np.mean(expected[name]), aggregates[f"{name},graded"])
        for name in METRICS
    )
    row: dict = {
        "problems": len(own),
        "samples": len(pairs),
        "disagreements": disagreements,
        "truncated": int(cut.sum()),
        "credited_at_cap": int((seen.lm_eval == "correct")[cut].sum()),
    }
    for name in METRICS:
        row |= {name: np.mean(reported[name]), f"{name}_lm_eval": aggregates[f"{name},graded"]}
    return {**row, "agree": disagreements == 0 and as_expected}


def metrics(environment: envs.Environment, grades: Sequence[Grade | None], k: int) -> dict[str, np.ndarray]:
    """(N,) arrays of the metrics from N * k grades, problem after problem; None: truncated."""
    correct = np.array([grade is not None and grade.verdict == "correct" for grade in grades]).reshape(-1, k)
    cast = [votes(environment, grades[start : start + k]) for start in range(0, len(grades), k)]
    counts = correct.sum(axis=1)
    return {
        "avg_at_k": counts / k,
        "pass_at_k": pass_at_q(counts, k, k),
        "maj_at_k": maj_at_q(np.array(cast), np.full(len(cast), RIGHT), k),
    }


def render(frame: pd.DataFrame) -> str:
    """The page of the report: per model and protocol, counts summed and avg@k averaged over suites."""
    shown = dict.fromkeys(_COUNTS, "sum") | {"avg_at_k": "mean", "avg_at_k_lm_eval": "mean"}
    table = frame.groupby(["row", "seed", "protocol"], sort=False).agg(shown).reset_index()
    for name in ("avg_at_k", "avg_at_k_lm_eval"):
        table[name] = (100 * table[name]).map("{:.2f}".format)
    replayed = f"{frame.samples.sum()} stored responses replayed through lm-eval {version('lm-eval')}"
    title = f"{replayed}: {frame.disagreements.sum()} disagreements"
    return page(title, paragraphs([_NOTE]), table.to_html(index=False, border=0))


if __name__ == "__main__":
    launch(main, *arguments(__doc__, ScoreSpec, out="folder to write"))
