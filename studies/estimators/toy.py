"""Alternating-task distillation of two REINFORCE teachers into one student (arXiv 2603.25562, appendix E).

All runs of a setting, gammas x seeds, train together as one batched network. Runs of one seed start from
the same student and see the same noise; they differ in gamma alone.
"""

from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np

from programs.progress import progress
from studies.estimators import network
from studies.estimators.control import (
    HORIZON,
    TASKS,
    Rollouts,
    Task,
    distance,
    over_time,
    roll,
)
from studies.estimators.network import Gaussian, Parameters
from studies.estimators.optimizer import Optimizer
from studies.estimators.returns import Array, returns_to_go
from studies.estimators.spec import TeacherSetting, ToySetting, ToySpec


class Run(NamedTuple):
    """One student."""

    gamma: float
    seed: int


class Trained(NamedTuple):
    """What distillation leaves: the students, their runs, and (iterations, R) gradient variances.

    `teachers` are a set per task, with one teacher for each seed.
    """

    runs: list[Run]
    students: Parameters
    variance: Array
    teachers: list[Parameters]


@cache
def teachers(setting: TeacherSetting, seeds: tuple[int, ...], trajectories: int) -> list[Parameters]:
    """One set of R = len(seeds) teachers per task, by REINFORCE.

    A step costs the distance to the target after it, and its effort. The reward to go is less its mean
    over the batch, step by step, and divided by its standard deviation.
    """
    tasks = [task for task in TASKS for _ in seeds]
    random = [np.random.default_rng((seed, 1 + k)) for k in range(len(TASKS)) for seed in seeds]
    parameters = network.initial([(seed, 3 + k) for k in range(len(TASKS)) for seed in seeds], setting.width)
    optimizer = Optimizer(parameters, "adam", setting.teacher_learning_rate)
    for _ in progress(range(setting.teacher_iterations), "teachers", leave=False):
        rollouts = roll(parameters, tasks, setting.sigma_floor, draw(random, trajectories))
        cost = distance(rollouts.positions, tasks) + setting.effort * over_time(rollouts.action) ** 2
        to_go = returns_to_go(-cost, 1.0, axis=1)
        advantage = (to_go - to_go.mean(2, keepdims=True)) / (to_go.std(2, keepdims=True) + np.float32(1e-6))
        optimizer.step(policy_gradient(parameters, rollouts, -advantage))
    return [[array[k * len(seeds) : (k + 1) * len(seeds)] for array in parameters] for k in range(len(TASKS))]


def distil(
    spec: ToySpec, setting: ToySetting, gammas: tuple[float, ...], iterations: int, name: str = "toy"
) -> Trained:
    """Train a student per gamma and seed; iteration 1, 3, ... is the left task, 2, 4, ... the right one."""
    runs = [Run(gamma, seed) for gamma, seed in product(gammas, spec.seeds)]
    of_seeds = teachers(setting.teacher, spec.seeds, spec.trajectories)
    taught = repeated(of_seeds, len(gammas))
    students = network.initial([(seed, 0) for _, seed in runs], setting.width)
    optimizer = Optimizer(students, setting.optimizer, setting.learning_rate, setting.clip_norm)
    random = [np.random.default_rng((seed, 0)) for _, seed in runs]
    variance = np.empty((iterations, len(runs)))
    # A run may diverge; its infinities and NaN are results, recorded as they are.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for iteration in progress(range(iterations), name):
            k = iteration % len(TASKS)
            noise = draw(random, spec.trajectories)
            rollouts = roll(students, [TASKS[k]] * len(runs), setting.sigma_floor, noise)
            credit = log_ratio_returns(rollouts, taught[k], TASKS[k], runs, setting)
            variance[iteration] = microbatch_variance(rollouts, credit, spec.microbatches)
            optimizer.step(policy_gradient(students, rollouts, credit))
    return Trained(runs, students, variance, of_seeds)


def join(parts: list[Trained]) -> Trained:
    """Students of the same teachers that were trained apart, as if together, by their gammas."""
    runs = [run for part in parts for run in part.runs]
    order = sorted(range(len(runs)), key=lambda index: runs[index].gamma)
    students = [
        np.concatenate(arrays)[order] for arrays in zip(*(part.students for part in parts), strict=True)
    ]
    variance = np.concatenate([part.variance for part in parts], 1)[:, order]
    return Trained([runs[index] for index in order], students, variance, parts[0].teachers)


def draw(random: list[np.random.Generator], trajectories: int) -> Array:
    """(R, T, N) standard normal noise, one generator per run."""
    return np.stack([each.standard_normal((HORIZON, trajectories), np.float32) for each in random])


def repeated(sets: list[Parameters], times: int) -> list[Parameters]:
    """Each set of parameters, its policies repeated `times` over."""
    return [[np.concatenate([array] * times) for array in each] for each in sets]


def score_teacher(rollouts: Rollouts, teacher: Parameters, sigma_floor: float) -> Gaussian:
    """The teachers' distributions at the states of rollouts."""
    output, _ = network.forward(teacher, rollouts.activations.inputs)
    return network.gaussian(output, sigma_floor)


def log_ratio_returns(
    rollouts: Rollouts, teacher: Parameters, task: Task, runs: list[Run], setting: ToySetting
) -> Array:
    """(R, T, N) discounted log p - log q to go: what the score of each action is multiplied with."""
    q = score_teacher(rollouts, teacher, setting.sigma_floor)
    reward = network.log_density(rollouts.policy, rollouts.action) - network.log_density(q, rollouts.action)
    if setting.log_ratio_clip is not None:
        reward = reward.clip(-setting.log_ratio_clip, setting.log_ratio_clip)
    gammas = np.array([run.gamma for run in runs], np.float32)[:, None]
    return returns_to_go(over_time(reward), gammas, axis=1)


def output_error(rollouts: Rollouts, credit: Array) -> Array:
    """(R, T * N, 2) credit times score: the gradient of each step with respect to the network's output."""
    return credit.reshape(len(credit), -1, 1) * network.score(rollouts.policy, rollouts.action)


def policy_gradient(parameters: Parameters, rollouts: Rollouts, credit: Array) -> Parameters:
    """Gradient of the R policies: summed over time, averaged over trajectories."""
    error = output_error(rollouts, credit) / np.float32(credit.shape[2])
    return network.backward(parameters, rollouts.activations, error)


def microbatch_variance(rollouts: Rollouts, credit: Array, microbatches: int) -> Array:
    """(R,) variance of the output layer's gradient: (1 / M) sum_m ||g_m - mean||^2 over M microbatches."""
    runs, _, trajectories = credit.shape
    size = trajectories // microbatches

    def split(values: Array) -> Array:
        """(R, T * N, F) -> (R, M, T * N / M, F)."""
        parts = values.reshape(runs, HORIZON, microbatches, size, -1)
        return parts.swapaxes(1, 2).reshape(runs, microbatches, HORIZON * size, -1)

    error = split(output_error(rollouts, credit)) / np.float32(size)
    weights = split(rollouts.activations.second).swapaxes(-1, -2) @ error
    biases = error.sum(2, keepdims=True)
    gradient = np.concatenate([weights, biases], 2).astype(np.float64).reshape(runs, microbatches, -1)
    return ((gradient - gradient.mean(1, keepdims=True)) ** 2).sum(2).mean(1)
