"""Problems of an environment: one response each, judged at its end."""

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

import envs
from opd.accuracy import verified
from opd.experience import Experience
from opd.rollout.respond import respond
from opd.spec import RolloutSpec


class Problems:
    """`rollout.prompts` training problems a step, `rollout.samples_per_prompt` responses to each."""

    def __init__(self, environment: str, rollout: RolloutSpec) -> None:
        self._environment, self._rollout = envs.load(environment), rollout

    def collect(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, seed: int, step: int
    ) -> Experience:
        """The responses; a reward is 1 where a response ends by itself with the right answer."""
        rollout = self._rollout
        drawn = self._environment.training_problems(seed, step, rollout.prompts)
        problems = [problem for problem in drawn for _ in range(rollout.samples_per_prompt)]
        keys = [f"rollout/{seed}/{step}/{row}" for row in range(len(problems))]
        rollouts = respond(model, tokenizer, [problem.question for problem in problems], keys, rollout)
        correct = verified(rollouts, problems, tokenizer, self._environment)
        rows = torch.arange(len(problems), device=model.device)
        group = rows // rollout.samples_per_prompt
        return Experience(
            batch=rollouts.batch,
            finished=rollouts.finished,
            episode=rows,
            turn=torch.zeros_like(rows),
            group=group,
            state=group,
            reward=torch.tensor(correct, device=model.device).float(),
            valid=torch.ones_like(rollouts.finished),
            metrics={"episode_success": sum(correct) / len(correct)},
        )

    def describe(self) -> dict[str, str | int]:
        """The environment's statement on its training problems."""
        return self._environment.describe(self._environment.training_set)

    def close(self) -> None:
        """Nothing was started."""
