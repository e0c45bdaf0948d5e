"""The control toy: rollouts by hand, variances by loops, and that teachers and students learn."""

import numpy as np
import pytest

from studies.estimators import network, outcome, toy
from studies.estimators.control import HORIZON, LEFT, RIGHT, TASKS, distance, observe, over_time, roll
from studies.estimators.spec import ToySetting, ToySpec

SPEC = ToySpec(
    seeds=(0, 1),
    iterations=12,
    trajectories=8,
    microbatches=4,
    evaluation_trajectories=16,
    setting=ToySetting(width=8, teacher_iterations=5),
)
GAMMAS = (0.0, 1.0)


@pytest.fixture(scope="module")
def trained() -> toy.Trained:
    return toy.distil(SPEC, SPEC.setting, GAMMAS, SPEC.iterations)


def noise(policies=2, trajectories=8) -> np.ndarray:
    return np.random.default_rng(4).standard_normal((policies, HORIZON, trajectories), np.float32)


def test_positions_add_up_and_start_where_the_task_says():
    rollouts = roll(network.initial([0, 1], 8), [LEFT, RIGHT], 0.1, noise())
    assert rollouts.positions[0, 0].tolist() == [2.0] * 8
    assert rollouts.positions[1, 0].tolist() == [-2.0] * 8
    np.testing.assert_allclose(np.diff(rollouts.positions, axis=1), over_time(rollouts.action), atol=1e-5)
    final = distance(rollouts.positions, [LEFT, RIGHT])[:, -1]
    np.testing.assert_allclose(final[0], abs(rollouts.positions[0, -1] + 3))
    np.testing.assert_allclose(final[1], abs(rollouts.positions[1, -1] - 3))


def test_what_a_policy_sees():
    seen = observe([LEFT, RIGHT], np.array([[2.0], [-4.0]]), 5)
    np.testing.assert_allclose(seen, [[[-1, 0.5, 0.25]], [[1, -1, 0.25]]])


def test_a_student_that_is_its_teacher_earns_nothing():
    students = network.initial([0, 1], 8)
    rollouts = roll(students, [LEFT] * 2, 0.1, noise())
    runs = [toy.Run(1.0, 0), toy.Run(1.0, 1)]
    assert abs(toy.log_ratio_returns(rollouts, students, LEFT, runs, SPEC.setting)).max() < 1e-5


def test_microbatch_variance_is_the_papers():
    """Gradients of each microbatch's own output layer, by a pass of its own in float64."""
    parameters = network.initial([0, 1], 8)
    rollouts = roll(parameters, [LEFT] * 2, 0.1, noise())
    credit = np.random.default_rng(5).normal(size=(2, HORIZON, 8)).astype(np.float32)
    found = toy.microbatch_variance(rollouts, credit, 4)
    error = over_time_pairs(toy.output_error(rollouts, credit))
    hidden = over_time_pairs(rollouts.activations.second)
    for r in range(2):
        gradients = []
        for m in range(4):
            part = slice(2 * m, 2 * m + 2)
            weights = np.einsum("tnh,tno->ho", hidden[r, :, part], error[r, :, part]) / 2
            gradients.append(np.concatenate([weights.ravel(), error[r, :, part].sum((0, 1)) / 2]))
        spread = np.array(gradients) - np.mean(gradients, 0)
        assert found[r] == pytest.approx((spread**2).sum(1).mean(), rel=1e-5)


def over_time_pairs(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), HORIZON, -1, values.shape[-1]).astype(np.float64)


def test_policy_gradient_is_the_mean_over_trajectories():
    parameters = network.initial([0, 1], 8)
    rollouts = roll(parameters, [LEFT] * 2, 0.1, noise())
    credit = np.ones((2, HORIZON, 8), np.float32)
    biases = toy.policy_gradient(parameters, rollouts, credit)[-1]
    expected = toy.output_error(rollouts, credit).sum(1) / 8
    np.testing.assert_allclose(biases[:, 0], expected, rtol=1e-4)


def test_clipped_rewards_are_bounded():
    setting = ToySetting(**SPEC.setting.model_dump() | {"log_ratio_clip": 0.5})
    rollouts = roll(network.initial([0, 1], 8), [LEFT] * 2, 0.1, 5 * noise())
    teacher = toy.teachers(SPEC.setting.teacher, SPEC.seeds, SPEC.trajectories)[0]
    found = toy.log_ratio_returns(rollouts, teacher, LEFT, [toy.Run(0.0, 0), toy.Run(0.0, 1)], setting)
    assert abs(found).max() == 0.5


def test_runs_of_one_seed_differ_in_gamma_alone(trained):
    """At gamma 0 a seed's curve is the same whichever other gammas train beside it."""
    assert trained.runs == [(0.0, 0), (0.0, 1), (1.0, 0), (1.0, 1)]
    alone = toy.distil(SPEC, SPEC.setting, (0.0,), SPEC.iterations)
    np.testing.assert_allclose(alone.variance, trained.variance[:, :2], rtol=1e-4)


def test_tables(trained):
    curves = outcome.variance_rows(trained)
    assert len(curves) == 4 * SPEC.iterations
    line = curves[(curves.gamma == 1) & (curves.seed == 1)]
    np.testing.assert_array_equal(line.variance, trained.variance[:, 3])
    assert line.task.tolist() == ["left", "right"] * 6
    final, visits = outcome.evaluate(SPEC, SPEC.setting, trained)
    assert len(final) == 4 * len(TASKS)
    assert (final.kl_nats_per_step > 0).all()
    assert (final.diverged == (final.distance >= 5)).all()
    shares = visits[visits.policy == "student"].groupby(["gamma", "seed", "task", "time"]).share.sum()
    assert shares.between(0, 1 + 1e-9).all()
    starts = visits[(visits.time == 0) & (visits.share > 0)]
    assert set(zip(starts.task, starts.position, starts.share, strict=True)) == {
        ("left", 2, 1),
        ("right", -2, 1),
    }
    assert visits[visits.policy == "teacher"].groupby("seed").size().tolist() == [2 * 21 * 33] * 2


def test_teachers_reach_their_targets_and_students_follow():
    setting = ToySetting(width=16, teacher_iterations=300, teacher_learning_rate=0.005, learning_rate=0.003)
    spec = ToySpec(seeds=(0,), iterations=600, evaluation_trajectories=64, setting=setting, variants={})
    start, _ = outcome.evaluate(spec, setting, toy.distil(spec, setting, (0.0,), 2))
    final, _ = outcome.evaluate(spec, setting, toy.distil(spec, setting, (0.0,), spec.iterations))
    assert (final.teacher_distance < 0.5).all()
    assert (final.distance < 1).all()
    assert (final.kl_nats_per_step < start.kl_nats_per_step / 10).all()
