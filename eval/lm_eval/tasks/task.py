"""The suites as lm-eval tasks: our problems, our grader, every sample kept, known traps refused.

lm-eval calls `load`, `grade` and `rates` through the YAML files of this folder. `SampledTask` adds to
its own task the samples per problem from the command line (`--metadata repeats=16`; lm-eval has no
option for it), and refuses what would make avg@k something else.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from datasets import Dataset
from lm_eval.api.task import ConfigurableTask
from lm_eval.models.utils import normalize_gen_kwargs

import envs
from eval.statistics.majority import maj_at_q
from eval.statistics.pass_at import pass_at_q
from eval.votes import RIGHT, votes

_environment = cache(envs.load)  # the math grader's workers start once, not once per task
_ENOUGH_PROBLEMS = 8  # on fewer, short responses can agree by chance
_TOKEN_CAPS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")


def load(environment: str, suite: str, problems: int | None = None, **_: Any) -> dict[str, Dataset]:
    """The first `problems` problems of a suite, all if None, as lm-eval's `test` split."""
    rows = [
        {"environment": environment, "suite": suite, **vars(problem)}
        for problem in _environment(environment).suite_problems(suite, problems)
    ]
    return {"test": Dataset.from_list(rows)}


def grade(responses: Sequence[Sequence[str]], docs: Sequence[dict]) -> list[list[dict]]:
    """Every sample of every problem with its grade and its vote; lm-eval's filter, which drops nothing."""
    environment = _environment(docs[0]["environment"])
    pairs = [
        (envs.Problem(doc["id"], doc["question"], doc["answer"]), response)
        for doc, samples in zip(docs, responses, strict=True)
        for response in samples
    ]
    grades = iter(environment.grade(pairs))
    graded = []
    for samples in responses:
        given = [next(grades) for _ in samples]
        cast = votes(environment, given)
        graded.append(
            [
                {"response": text, "verdict": g.verdict, "reason": g.reason, "answer": g.answer, "vote": vote}
                for text, g, vote in zip(samples, given, cast, strict=True)
            ]
        )
    return graded


def rates(doc: dict, results: Sequence[Sequence[dict]]) -> dict[str, float]:
    """The metrics of one problem from its k graded samples. Means of them are clustered by problem."""
    (samples,) = results
    k = len(samples)
    verdicts = [sample["verdict"] for sample in samples]
    correct = verdicts.count("correct")
    cast = np.array([[sample["vote"] for sample in samples]])
    return {
        "avg_at_k": correct / k,
        "pass_at_k": float(pass_at_q(np.array([correct]), k, k)[0]),
        "maj_at_k": float(maj_at_q(cast, np.array([RIGHT]), k)[0]),
        "extracted_rate": sum(sample["answer"] is not None for sample in samples) / k,
        "ungraded_rate": verdicts.count("ungraded") / k,
        "distinct_rate": len({sample["response"] for sample in samples}) / k,
    }


def check_sampling(generation: dict, repeats: int) -> None:
    """ValueError where lm-eval would silently sample in another way than `generation` says."""
    effective = normalize_gen_kwargs(generation)
    caps = [name for name in _TOKEN_CAPS if generation.get(name) is not None]
    if len(caps) != 1:
        raise ValueError(f"give one token cap, as max_gen_toks; lm-eval would take one of {caps or [256]}")
    if effective["until"]:
        raise ValueError(f"until must be []: a stop at {effective['until']} cuts reasoning short")
    if generation.get("do_sample") is not True and generation.get("temperature", 0) > 0:
        raise ValueError("a temperature needs do_sample=true; lm-eval would decode greedily or cache samples")
    if repeats > 1 and not (effective["do_sample"] and effective["temperature"] > 0):
        raise ValueError(f"greedy samples are copies of one another; {repeats} of them need a temperature")
    if repeats > 1 and generation.get("seed") is not None:
        raise ValueError(f"one seed for the {repeats} samples of a problem makes them copies")


def refuse_copies(responses: Sequence[Sequence[str]]) -> None:
    """ValueError if two of the k samples are equal on every problem; `responses` is N lists of k."""
    columns = list(zip(*responses, strict=True))
    if len(responses) >= _ENOUGH_PROBLEMS and len(set(columns)) < len(columns):
        raise ValueError(
            f"of {len(columns)} samples only {len(set(columns))} differ, on all {len(responses)} problems: "
            "the backend reuses a seed or a cache, or the model is deterministic and one sample is enough "
            "(--metadata repeats=1)"
        )


class SampledTask(ConfigurableTask):
    """A task that asks each problem `repeats` times, and reports neither on fewer nor on copies."""

    def __init__(self, config: dict) -> None:
        own = {key: value for key, value in config.items() if key != "class"}
        own["repeats"] = int(own["metadata"].get("repeats", own["repeats"]))
        super().__init__(config=own)

    def build_all_requests(self, **settings: Any) -> None:
        """lm-eval's, once the settings (YAML, then command line) have been checked."""
        check_sampling(self.config.generation_kwargs, self.config.repeats)
        super().build_all_requests(**settings)

    def process_results(self, doc: dict, results: Sequence) -> dict[str, float]:
        """`rates` of the problem; ValueError unless all its samples came through lm-eval's filters."""
        (samples,) = results
        found = len(samples) if isinstance(samples, list) else 1
        if found != self.config.repeats:
            raise ValueError(f"{doc['id']!r}: {found} of {self.config.repeats} samples reached the grader")
        return super().process_results(doc, results)

    def apply_filters(self) -> list | None:
        """lm-eval's, once the samples have been checked."""
        if self.config.repeats > 1 and not self.config.metadata.get("distinct_seeds"):
            refuse_copies([instance.resps for instance in self.instances])
        return super().apply_filters()
