"""What the toy's students have become: distance from their teachers and targets, and where they go."""

import numpy as np
import pandas as pd

from studies.estimators import network
from studies.estimators.control import HORIZON, TASKS, Rollouts, distance, over_time, roll
from studies.estimators.network import Parameters
from studies.estimators.spec import ToySetting, ToySpec
from studies.estimators.toy import Run, Trained, draw, repeated, score_teacher

POSITIONS = (-8.25, 8.25)
BINS = 33  # half a position wide, around -8, -7.5, ...
LATE = 0.25  # the last part of training, whose variance is summarised


def variance_rows(trained: Trained) -> pd.DataFrame:
    """toy_variance.csv: gradient variance per iteration, from 1, and task."""
    iterations, _ = trained.variance.shape
    frame = pd.DataFrame(trained.variance, columns=pd.MultiIndex.from_tuples(trained.runs, names=Run._fields))
    frame.index = pd.Index(np.arange(1, iterations + 1), name="iteration")
    long = frame.stack(list(Run._fields), future_stack=True).rename("variance").reset_index()
    names = np.array([task.name for task in TASKS])
    long.insert(2, "task", names[(long.iteration - 1) % len(TASKS)])
    return long.sort_values(["gamma", "seed", "iteration"], ignore_index=True)[
        ["gamma", "seed", "task", "iteration", "variance"]
    ]


def evaluate(spec: ToySpec, setting: ToySetting, trained: Trained) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(final, visits): lines of toy_final.csv and toy_visits.csv, students first and then their teachers."""
    runs = trained.runs
    taught = repeated(trained.teachers, len(runs) // len(spec.seeds))
    final, visits = [], []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for k, task in enumerate(TASKS):
            random = [np.random.default_rng((seed, 10 + k)) for _, seed in runs]
            noise = draw(random, spec.evaluation_trajectories)
            student = roll(trained.students, [task] * len(runs), setting.sigma_floor, noise)
            own = roll(taught[k], [task] * len(runs), setting.sigma_floor, noise)
            final += _final(student, own, taught[k], trained, k, setting)
            for name, rollouts in (("student", student), ("teacher", own)):
                visits += _visits(rollouts, runs, task.name, name)
    columns = ["policy", "gamma", "seed", "task", "time", "position", "share"]
    return pd.DataFrame(final), pd.DataFrame(visits, columns=columns)


def _final(
    student: Rollouts, own: Rollouts, teacher: Parameters, trained: Trained, k: int, setting: ToySetting
) -> list[dict]:
    """One line per run. KL(student || teacher) is exact at each state that the student visits.

    A student that ends no nearer to its target than it started has diverged.
    """
    divergence = over_time(network.kl(student.policy, score_teacher(student, teacher, setting.sigma_floor)))
    deviation = over_time(student.policy.deviation)
    tasks = [TASKS[k]] * len(trained.runs)
    final_distance = distance(student.positions, tasks)[:, -1].mean(1, dtype=np.float64)
    late = trained.variance[k :: len(TASKS)]
    late = late[int((1 - LATE) * len(late)) :]
    rows = []
    for r, run in enumerate(trained.runs):
        rows.append(
            {
                "gamma": run.gamma,
                "seed": run.seed,
                "task": TASKS[k].name,
                "kl_nats_per_step": divergence[r].mean(dtype=np.float64),
                "distance": final_distance[r],
                "teacher_distance": distance(own.positions, tasks)[r, -1].mean(dtype=np.float64),
                "deviation": deviation[r].mean(dtype=np.float64),
                "late_variance": np.median(late[:, r]),
                "peak_variance": trained.variance[k :: len(TASKS), r].max(),
                # NaN compares false, so what is not finite has diverged.
                "diverged": not final_distance[r] < abs(TASKS[k].target - TASKS[k].start),
            }
        )
    return rows


def _visits(rollouts: Rollouts, runs: list[Run], task: str, policy: str) -> list[tuple]:
    """Share of trajectories in each bin of positions, per time; who leaves the axis is in no bin."""
    edges = np.linspace(*POSITIONS, BINS + 1)
    centres = (edges[1:] + edges[:-1]) / 2
    rows = []
    # Teachers do not depend on gamma; they are written once, without one.
    for r, run in enumerate(runs):
        if policy == "teacher" and run.gamma != runs[0].gamma:
            continue
        gamma = run.gamma if policy == "student" else np.nan
        for t in range(HORIZON + 1):
            positions = rollouts.positions[r, t]
            counts, _ = np.histogram(positions[np.isfinite(positions)], edges)
            share = counts / len(positions)
            cells = zip(centres, share, strict=True)
            rows += [(policy, gamma, run.seed, task, t, centre, value) for centre, value in cells]
    return rows
