"""The jobs of a config: those of a target, and the one that Snakemake is about to start."""

from collections import Counter
from collections.abc import Mapping

from eval.suites import training_sets
from opd.plan.shape import Shape
from workflows.config.studies import SubjectConfig
from workflows.needs import models
from workflows.needs.answering import generation, playing, signal_scoring, traces
from workflows.needs.job import Job
from workflows.needs.needed import models_of, panels_of
from workflows.needs.prompts import asked_suites
from workflows.needs.training import reinforcement, run, warm_start
from workflows.plan import Plan


def jobs(plan: Plan, target: str) -> list[Job]:
    """What `target` (`all` or `full`) runs from nothing, in the order of the workflow.

    Left out is what takes seconds, and pretraining, of which only the scales for CPUs have any.
    """
    studies = {name: list(plan.subjects(name)) for name in plan.studies_of(target)}
    subjects: dict[str, SubjectConfig] = {f: row for rows in studies.values() for row, _, f in rows}
    panels = {name: plan.studies[name].panels for name in studies}
    played = {(f, panel) for name, rows in studies.items() for panel in panels[name] for _, _, f in rows}
    trained = subjects | {plan.folder(row, plan.config.seeds[0]): row for row in plan.failures}
    runs = Counter((str(row.experiment), f.split("/")[-2]) for f, row in trained.items() if not row.model)
    needed = models_of(plan, target)
    shapes = {folder: models.shape_behind(plan, folder) for folder in subjects}
    answers = {plan.responses(row, f): (row, f) for rows in studies.values() for row, _, f in rows}
    asked = Counter(
        ("generate_asked" if row.prompt else "generate", shapes[folder]) for row, folder in answers.values()
    )
    plays = Counter((shapes[folder], panel) for folder, panel in sorted(played))

    def made(source: str) -> list[str]:
        return [name for name in plan.made_by(source) if name in needed]

    return [
        *(download(plan, model) for model in made("hub")),
        *([contamination(plan)] if plan.config.evaluation.contamination else ()),
        *(Job(f"panel {name}", "panel", name) for name in panels_of(plan, target)),
        *(reinforcement(plan, model) for model in made("reinforce")),
        *(traces(plan, model) for model in made("sft")),
        *(warm_start(plan, model) for model in made("sft")),
        *(run(plan, *of, count) for of, count in runs.items()),
        *(generation(plan, shape, rule, count) for (rule, shape), count in asked.items()),
        *(playing(plan, shape, panel, count) for (shape, panel), count in plays.items()),
        *(signal_scoring(plan, *pair, count) for pair, count in scored(plan).items()),
    ]


def job_of(plan: Plan, rule: str, wildcards: Mapping[str, str]) -> Job:
    """The job of a rule with these wildcards; of one that needs nothing to speak of, its name alone."""

    def behind() -> Shape:
        return models.shape_behind(plan, f"{plan.results}/{wildcards['subject']}")

    match rule:
        case "fetch":
            return download(plan, wildcards["model"])
        case "panel":
            return Job(f"panel {wildcards['panel']}", rule, wildcards["panel"])
        case "reinforce":
            return reinforcement(plan, wildcards["model"])
        case "traces":
            return traces(plan, wildcards["model"])
        case "sft":
            return warm_start(plan, wildcards["model"])
        case "generate" | "generate_asked":
            return generation(plan, behind(), rule)
        case "play":
            return playing(plan, behind(), wildcards["panel"])
        case "score_signal":
            return signal_scoring(plan, behind(), models.shape_of(plan, wildcards["teacher"]))
        case "score":
            return Job(rule, rule, reads=asked_suites(plan.config.evaluation.environment, plan.suites))
        case "contamination":
            return contamination(plan)
    if rule == "distill" or rule in plan.methods:
        return run(plan, wildcards["experiment"], wildcards.get("variant", rule))
    return Job(rule, rule)


def scored(plan: Plan) -> Counter[tuple[Shape, Shape]]:
    """How often the signal study scores a student of a shape under a teacher of a shape."""
    if not plan.config.signal:
        return Counter()
    folders = {*plan.signal_scores.values(), *plan.failure_scores.values()}
    scores = sorted(folder.removeprefix(f"{plan.results}/signal/scores/") for folder in folders)
    pairs = [score.rsplit("/", 1) for score in scores]
    return Counter(
        (models.shape_behind(plan, f"{plan.results}/{student}"), models.shape_of(plan, teacher))
        for student, teacher in pairs
    )


def download(plan: Plan, model: str) -> Job:
    """Weights from the hub."""
    return Job(f"fetch {model}", "fetch", model, disk=models.shape_of(plan, model).weights)


def contamination(plan: Plan) -> Job:
    """The comparison of the suites with the training set, unless that is a file."""
    evaluation = plan.config.evaluation
    known = {name for name in training_sets() if name == evaluation.contamination}
    reads = asked_suites(evaluation.environment, plan.suites) | known
    return Job("contamination", "contamination", reads=reads)
