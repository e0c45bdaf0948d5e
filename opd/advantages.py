"""Advantages of sampled tokens for a policy gradient: the teacher's log-ratio, the outcome, or both."""

import torch
from torch import Tensor

from opd.scoring.compare import Comparison
from opd.spec import AdvantageSpec


def advantages(spec: AdvantageSpec, comparison: Comparison, sequence: Tensor, credit: Tensor) -> Tensor:
    """(N,) advantages: weighted log-ratio rewards to go, plus the weighted credit of the response.

    The reward of a token is log q - log p_old, in nats, clamped to +-`log_ratio_clip`. `sequence` (N,)
    ascends and says which of the B responses a position belongs to; `credit` (B,) is what that earned
    (`opd.credit`). Nothing is normalised across positions (`compute_opd_advantage` in the code of arXiv
    2603.25562; gamma is its equation 3, from the token-level estimator at 0 to the sequence-level one at 1).

    `baseline` subtracts the exact expectation of a position's own reward, before the clamp. It depends on
    the prefix alone, so with rollouts of the whole distribution the expected gradient does not change. The
    expectations of later rewards depend on this token; subtracted, too, they would leave the token-level
    gradient.

    With the model at the start as teacher q, `log_ratio_weight` is the coefficient of a KL penalty
    KL(p || q) inside the reward, estimated as log p_old - log q (k1): exact in expectation over a response
    at gamma 1, and per position at gamma 0.
    """
    reward = comparison.teacher.sampled_log_prob - comparison.student.sampled_log_prob
    if spec.log_ratio_clip is not None:
        reward = reward.clamp(-spec.log_ratio_clip, spec.log_ratio_clip)
    log_ratio = returns_to_go(reward, sequence, spec.gamma)
    if spec.baseline:
        assert comparison.expected_log_ratio is not None
        log_ratio = log_ratio - comparison.expected_log_ratio
    return spec.log_ratio_weight * log_ratio + spec.outcome_weight * credit[sequence]


def returns_to_go(reward: Tensor, sequence: Tensor, gamma: float) -> Tensor:
    """(N,) sum of the rewards from each position to its sequence's end, discounted by gamma per token."""
    if gamma == 0:
        return reward
    returns, running = [], 0.0
    following = torch.cat([sequence[1:], sequence.new_full((1,), -1)])
    ends = (sequence != following).tolist()
    for value, end in zip(reversed(reward.tolist()), reversed(ends), strict=True):
        running = value + (0.0 if end else gamma * running)
        returns.append(running)
    return reward.new_tensor(returns[::-1])


def truncated_importance_weights(rollout: Tensor, trainer: Tensor, cap: float) -> Tensor:
    """(N,) weights min(p(y) / p_rollout(y), cap) of tokens whose log-probabilities are given.

    Truncated importance sampling (TIS) per token, as in "Your efficient RL framework secretly brings you
    off-policy training" (Yao et al., 2025) and verl: E over the engine's tokens of min(p / p_rollout, cap)
    times the policy gradient's summand. Without the cap that would be the expectation over the trainer's
    p, given each token's prefix; the cap bounds the variance and leaves a bias. Prefixes are not
    reweighted, nor is what nucleus rollouts leave out.
    """
    return (trainer - rollout).exp().clamp(max=cap)
