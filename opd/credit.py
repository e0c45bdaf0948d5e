"""What a response earned: its episode's outcome, alone or against the outcomes of its group.

Computed on the CPU in float64, where a sum has one order: the same experience gives the same bits.
"""

import torch
from torch import Tensor

from opd.experience import Experience
from opd.spec import CreditSpec

# What verl and verl-agent add to a standard deviation before dividing by it (TRL: 1e-4).
_EPSILON = 1e-6


def credit(spec: CreditSpec, experience: Experience) -> Tensor:
    """(B,) credit of each response: its score, or how far the score is above its group's mean.

    A score is the return of the response's episode, less `invalid_penalty` if the response is not valid.
    The baseline "group" subtracts the mean over the episodes of the group: GRPO (arXiv 2402.03300) with
    `standardise`, Dr. GRPO (2503.20783) without. GiGPO (2505.10978, equation 8) adds `step_weight` times
    the same for discounted rewards to go, among the responses of the group to one state.

    As in verl-agent, GiGPO's code, an invalid response is charged to itself alone, once in either score:
    the discount carries nothing of it to earlier turns. Unlike there, each episode weighs the same in its
    group, however many turns it has, and one without company gets 0, not its score. `experience` holds
    whole groups: the step, never a minibatch.
    """
    reward, valid, turn = experience.reward.cpu().double(), experience.valid.cpu(), experience.turn.cpu()
    episode, group = numbered(experience.episode), numbered(experience.group)
    penalty = spec.invalid_penalty * (~valid).double()

    found = sums(reward, episode)[episode] - penalty
    if spec.baseline == "group":
        found = relative(found, group, 1 / episode.bincount().double()[episode], spec.standardise)
    elif spec.baseline != "none":
        raise ValueError(f"unknown baseline {spec.baseline!r}")
    if spec.step_gamma is not None:
        step = rewards_to_go(reward, episode, turn, spec.step_gamma) - penalty
        situation = numbered(torch.stack([experience.group, experience.state], dim=1))
        found = found + spec.step_weight * relative(step, situation, torch.ones_like(step), spec.standardise)
    return found.to(experience.reward)


def share_without_signal(experience: Experience) -> float:
    """Share of the groups whose episodes all have the same return.

    Under a group baseline their responses earn nothing, but for the penalties of invalid ones.
    """
    return _alike(experience)[0].double().mean().item()


def with_signal(experience: Experience) -> Tensor:
    """(B,) 1 where the episodes of the response's group differ in return, else 0."""
    alike, group = _alike(experience)
    return (~alike[group]).to(experience.reward)


def _alike(experience: Experience) -> tuple[Tensor, Tensor]:
    """(groups,) whether all episodes of a group have the same return, and (B,) each response's group."""
    episode, group = numbered(experience.episode), numbered(experience.group)
    returns = sums(experience.reward.cpu().double(), episode)[episode]
    return extreme(returns, group, "amin") == extreme(returns, group, "amax"), group


def rewards_to_go(reward: Tensor, episode: Tensor, turn: Tensor, gamma: float) -> Tensor:
    """(B,) sum of the rewards from each row's turn to its episode's end, discounted by gamma per turn.

    Rows may come in any order; an episode has each turn once.
    """
    turns = torch.arange(int(turn.max()) + 1)
    table = reward.new_zeros(int(episode.max()) + 1, len(turns))
    table[episode, turn] = reward
    ahead = turns[:, None] - turns
    discount = (gamma ** ahead.clamp(min=0).double()).masked_fill(ahead < 0, 0.0)
    return (table @ discount)[episode, turn]


def relative(score: Tensor, key: Tensor, weight: Tensor, standardise: bool) -> Tensor:
    """(B,) scores less the weighted mean of the rows with the same key; 0 where these are equal.

    With `standardise`, divided by the standard deviation + 1e-6. Its variance divides by the sum of the
    weights less one, as torch.std does (verl, verl-agent, TRL), or by 1 where the weights sum to 1.
    """
    # From the lowest up, equal scores are exact zeros, whose mean has no rounding error.
    score = score - extreme(score, key, "amin")[key]
    total = sums(weight, key)
    score = score - (sums(weight * score, key) / total)[key]
    if not standardise:
        return score
    variance = sums(weight * score**2, key) / (total - 1).clamp(min=1)
    return score / (variance.sqrt() + _EPSILON)[key]


def sums(value: Tensor, key: Tensor) -> Tensor:
    """(keys,) the sum of the values of each key."""
    return value.new_zeros(int(key.max()) + 1).index_add(0, key, value)


def extreme(value: Tensor, key: Tensor, which: str) -> Tensor:
    """(keys,) the least ("amin") or greatest ("amax") value of each key."""
    return value.new_zeros(int(key.max()) + 1).scatter_reduce(0, key, value, which, include_self=False)


def numbered(label: Tensor) -> Tensor:
    """(B,) labels, or rows of labels (B, n), numbered from 0, on the CPU."""
    return label.cpu().unique(dim=0, return_inverse=True)[1]
