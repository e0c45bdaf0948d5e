"""The two mirrored control tasks of arXiv 2603.25562, appendix E, and rollouts of many policies at once.

A point on a line moves by its action, 20 times. `left` starts at +2 and belongs at -3, `right` starts at
-2 and belongs at +3. A policy sees the task (-1 or +1), the position and the time, both scaled to
about 1.
"""

from typing import NamedTuple

import numpy as np

from studies.estimators import network
from studies.estimators.network import Activations, Gaussian, Parameters
from studies.estimators.returns import Array

HORIZON = 20
POSITION_SCALE = 4.0


class Task(NamedTuple):
    """Where a task starts and where it should lead."""

    name: str
    code: float
    start: float
    target: float


LEFT = Task("left", -1.0, 2.0, -3.0)
RIGHT = Task("right", 1.0, -2.0, 3.0)
TASKS = (LEFT, RIGHT)


class Rollouts(NamedTuple):
    """N trajectories of each of R policies: positions (R, T + 1, N), the rest (R, T * N, .), time first."""

    positions: Array
    action: Array
    policy: Gaussian
    activations: Activations


def observe(tasks: list[Task], position: Array, t: int) -> Array:
    """(R, N, 3) inputs at (R, N) positions and time t, policy r working on tasks[r]."""
    codes = np.array([task.code for task in tasks], position.dtype)[:, None]
    time = np.full_like(position, t / HORIZON)
    return np.stack([np.broadcast_to(codes, position.shape), position / POSITION_SCALE, time], -1)


def roll(parameters: Parameters, tasks: list[Task], sigma_floor: float, noise: Array) -> Rollouts:
    """Trajectories driven by standard normal `noise` (R, T, N)."""
    starts = np.array([task.start for task in tasks], noise.dtype)
    positions = np.empty((len(noise), HORIZON + 1, noise.shape[2]), noise.dtype)
    positions[:, 0] = starts[:, None]
    steps = []
    for t in range(HORIZON):
        output, activations = network.forward(parameters, observe(tasks, positions[:, t], t))
        policy = network.gaussian(output, sigma_floor)
        action = policy.mean + policy.deviation * noise[:, t]
        positions[:, t + 1] = positions[:, t] + action
        steps.append((action, *policy, *activations))
    joined = [np.concatenate(parts, 1) for parts in zip(*steps, strict=True)]
    return Rollouts(positions, joined[0], Gaussian(*joined[1:4]), Activations(*joined[4:]))


def over_time(values: Array) -> Array:
    """(R, T, N) view of (R, T * N) values."""
    return values.reshape(len(values), HORIZON, -1)


def distance(positions: Array, tasks: list[Task]) -> Array:
    """(R, T, N) distance from the target after each action."""
    targets = np.array([task.target for task in tasks], positions.dtype)
    return np.abs(positions[:, 1:] - targets[:, None, None])
