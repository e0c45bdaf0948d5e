"""Tasks beside one another: what each draws."""

from opd import distill
from opd.spec import TaskSpec
from opd.teaching import taught_tasks
from tests.opd.runs import started
from tests.opd.specs import DISTILL, distill_spec

ARITHMETIC = DISTILL["tasks"]["chain_arithmetic"]
GAMES = {
    "games": {"panel": "tiny.jsonl", "protocol": {"name": "compact"}, "max_steps": 3},
    "rollout": ARITHMETIC["rollout"],
}


def test_tasks_of_one_environment_take_turns_with_its_draws():
    tasks = {
        "games": GAMES,
        "told": ARITHMETIC,
        "asked": ARITHMETIC,
        "math": ARITHMETIC | {"environment": "math"},
    }
    specs = {name: TaskSpec.model_validate(task) for name, task in tasks.items()}
    found = taught_tasks(specs, {}, dict.fromkeys(tasks))
    draws = {task.name: [task.draw(step) for step in range(3)] for task in found}
    assert draws == {"games": [0, 1, 2], "told": [0, 2, 4], "asked": [1, 3, 5], "math": [0, 1, 2]}


def test_so_no_problem_and_no_stream_is_met_twice(folders):
    told = {"values": ARITHMETIC | {"teacher_prompt": "values {solution} ; {question}"}}
    run = started(distill_spec(tasks=told, rollout={"temperature": 1.0, "top_p": 1.0}), folders)
    met = []
    for step in range(4):
        task = run.tasks[step % 2]
        batch = distill.collect(run, task, task.draw(step // 2)).batch
        met += [
            tuple(row[mask].tolist()) for row, mask in zip(batch.tokens, batch.attention.bool(), strict=True)
        ]
    assert len(set(met)) == len(met) == 16
