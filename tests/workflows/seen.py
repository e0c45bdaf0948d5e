"""A plan as Snakemake sees it: what the rules behind the target `full` read of it, job by job."""

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any

from workflows.needs.needed import models_of
from workflows.needs.requests import Requests
from workflows.plan import Plan


def seen(made: Plan) -> Iterator[tuple]:
    """Names of targets and jobs, each with its paths, params and resources; what nothing needs is left out.

    Every attribute of PLAN and REQUESTS that a rule names is read here; a test compares.
    """
    made.check_runs()
    config, requests = made.config, Requests(made)
    yield "paths", made.results, requests.launcher, requests.model_launcher, made.configfiles, made.suites
    for target in ("all", "full"):
        yield target, made.studies_of(target), made.claims_spec(target), made.claims_files(target)
    yield "estimators", config.estimators
    yield "contamination", config.evaluation.contamination, made.contamination_report, made.contamination_file
    yield "a run", requests.across_nodes(made.processes_per_node), config.training_nodes
    yield "any model", requests.gpus, requests.training_gpus, requests.cards, requests.mib
    yield "cores", requests.cores(1), requests.threads(1, 1)
    yield "generate", made.generate_spec(), requests.generation_minutes
    studies = [made.studies[name] for name in made.studies_of("full")]
    for name in sorted({row.prompt for study in studies for row in study.rows if row.prompt}):
        yield "generate_asked", name, made.generate_spec(name)
    if config.signal:
        yield "signal", made.scoring_spec(), made.signal_spec(), made.signal_scores, requests.signal_minutes
        yield "failures", made.failure_spec(), made.failure_scores
    yield from models(made, requests)
    yield from panels(made, requests)
    for study in made.studies_of("full"):
        yield study, made.score_spec(study), made.table_spec(study), made.runs(study)
        yield study, made.curves_spec(study), made.sweep_spec(study) if study in made.sweeps else None
    yield "crosscheck", made.crosscheck_spec()
    for folder in runs(made):
        experiment, method, seed = folder.split("/")[-3:]
        yield folder, made.distill_spec(experiment, method, int(seed.removeprefix("seed")))
        yield folder, config.experiments[experiment], requests.run_minutes(experiment, method)
        yield folder, requests.run_mib(experiment, method)


def rows(made: Plan) -> list[tuple[Any, int]]:
    """(row, seed) of every model that is evaluated or looked at."""
    found = [(row, seed) for study in made.studies_of("full") for row, seed, _ in made.subjects(study)]
    shown = made.config.signal.failures if made.config.signal else ()
    return found + [(row, made.config.seeds[0]) for row in shown]


def runs(made: Plan) -> list[str]:
    """The folders of all runs."""
    return sorted({made.folder(row, seed) for row, seed in rows(made) if row.model is None})


def models(made: Plan, requests: Requests) -> Iterator[tuple]:
    """How the models that are needed are made."""
    yield "rules", *(set(made.made_by(source)) for source in ("pretrain", "hub", "sft", "reinforce"))
    for name in sorted(models_of(made, "full")):
        config = made.config.models[name]
        if config.pretrain:
            yield name, made.pretrain_spec(name), made.pretrain_files(name)
        elif config.sft:
            folders = made.model_folder(config.sft.student), made.model_folder(config.sft.teacher)
            yield name, made.sft_spec(name), folders, requests.model_minutes(name), requests.model_mib(name)
            yield name, made.traces_spec(name), requests.traces_minutes(name)
        elif config.reinforce:
            start = made.model_folder(config.reinforce.student)
            yield name, made.reinforce_spec(name), start, config.reinforce.task
            yield name, requests.model_minutes(name), requests.model_mib(name)
        else:
            yield name, made.hub_spec(name)


def panels(made: Plan, requests: Requests) -> Iterator[tuple]:
    """The panels that models play, train on or are measured on."""
    config = made.config
    tasks: set[str] = set()
    for folder in runs(made):
        tasks |= set(config.experiments[folder.split("/")[-3]].teachers)
    needed = sorted(models_of(made, "full"))
    tasks |= {r.task for r in (config.models[name].reinforce for name in needed) if r}
    trained = [file for name in needed if config.models[name].pretrain for file in made.pretrain_files(name)]
    files = {*made.panel_files(sorted(tasks)), *trained}
    played = {panel for study in made.studies_of("full") for panel in made.studies[study].panels}
    for name in sorted(config.panels):
        if made.panel_file(name) in files or made.demonstrations_file(name) in files or name in played:
            yield name, config.panels[name]
        if name in played:
            yield name, made.play_spec(name), requests.play_minutes(name)


def same(first: Iterable[tuple], second: Iterable[tuple]) -> bool:
    """Whether two plans are seen alike; stops at the first difference."""
    return all(one == other for one, other in zip_longest(first, second))
