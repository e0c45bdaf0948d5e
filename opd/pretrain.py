"""Train a model from scratch on demonstrations of one task or both, and select it by measured accuracy.

    python -m opd.pretrain --spec SPEC.json --out MODEL_FOLDER

SPEC is a `PretrainSpec` as JSON (a path, or the text itself). Every step learns one task, drawn by the
tasks' shares; `opd.supervised.lessons` has the tasks. Accuracy is measured on problems and games that no
evaluation contains.
"""

import random
from collections.abc import Mapping
from pathlib import Path

from transformers import PreTrainedModel

from envs.tokenizer import build_tokenizer
from opd import models
from opd.batch import from_pairs
from opd.optimizer import muon_and_adamw, scale_learning_rates, update, warmup_cosine
from opd.run.card import card, model_name
from opd.spec import PretrainSpec
from opd.supervised import lessons
from opd.supervised.lessons import Lesson
from opd.supervised.losses import cross_entropy
from programs.command_line import arguments, launch
from programs.errors import UserError
from programs.progress import progress


def main(spec: PretrainSpec, out: Path) -> None:
    """Train, select, save to `out`; UserError if an accuracy ends outside the accepted range."""
    tokenizer = build_tokenizer(spec.end_token)
    learnt = lessons.load(spec.tasks, tokenizer, spec.seed)
    model = models.build(spec.architecture, tokenizer, spec.seed)
    optimizers = muon_and_adamw(model, spec.learning_rate, spec.muon_learning_rate)
    tasks = random.Random(f"tasks/{spec.seed}")
    shares = [lesson.spec.share for lesson in learnt.values()]

    bar = progress(range(spec.steps), desc=f"pretrain {out.name}")
    for step in bar:
        (lesson,) = tasks.choices(list(learnt.values()), weights=shares)
        batch = from_pairs(lesson.batch(step / spec.steps, spec.tokens_per_step), tokenizer.pad_token_id)
        scale_learning_rates(optimizers, warmup_cosine(step, spec.steps, spec.warmup_steps))
        cross_entropy(model, batch).backward()
        update(model, optimizers)
        if (step + 1) % spec.evaluate_every == 0 and good_enough(model, learnt, step + 1):
            bar.close()
            break

    accuracies = check(model, learnt, out.name)
    models.save(model, tokenizer, out, describe(spec, learnt, accuracies, model_name(out)))


def good_enough(model: PreTrainedModel, learnt: Mapping[str, Lesson], step: int) -> bool:
    """Whether all tasks that ask to stop at an accuracy have reached it; false if none asks."""
    asking = {name: lesson for name, lesson in learnt.items() if lesson.spec.stop_at_accuracy is not None}
    for name, lesson in asking.items():
        accuracy = lesson.accuracy(model)
        print(f"step {step}: {name} accuracy {accuracy:.3f}", flush=True)
        assert lesson.spec.stop_at_accuracy is not None
        if accuracy < lesson.spec.stop_at_accuracy:
            return False
    return bool(asking)


def check(model: PreTrainedModel, learnt: Mapping[str, Lesson], name: str) -> dict[str, float]:
    """Measure every task in the end; UserError if one is outside its range."""
    accuracies = {}
    for task, lesson in learnt.items():
        accuracy, (lowest, highest) = lesson.accuracy(model), lesson.spec.accept_accuracy
        print(f"end: {task} accuracy {accuracy:.3f}", flush=True)
        if not lowest <= accuracy <= highest:
            raise UserError(
                f"{name} ended with {task} accuracy {accuracy:.3f}, outside [{lowest}, {highest}]; "
                f"change steps, shares, stop_at_accuracy or seed of this model in the config"
            )
        accuracies[task] = accuracy
    return accuracies


def describe(
    spec: PretrainSpec, learnt: Mapping[str, Lesson], accuracies: Mapping[str, float], name: str
) -> str:
    """The model's card."""
    summary = "Trained from scratch on demonstrations by `python -m opd.pretrain`."
    data = {task: lesson.describe() for task, lesson in learnt.items()}
    return card(name, summary, spec, {}, data, {f"accuracy, {task}": a for task, a in accuracies.items()})


if __name__ == "__main__":
    launch(main, *arguments(__doc__, PretrainSpec, out="model folder to write"))
