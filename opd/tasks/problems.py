"""Problems of an environment: one response each, judged at its end."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from transformers import PreTrainedTokenizerBase

import envs
from opd.batch import TokenBatch, aligned
from opd.experience import Experience, joined
from opd.models import padding_id, prompt_ids, refuse_unknown_words
from opd.rollout.engine import Engine, answers
from opd.rollout.response import Response
from opd.spec import RolloutSpec
from opd.tasks.verified import verified


class Problems:
    """`rollout.prompts` training problems a step, `rollout.samples_per_prompt` responses to each."""

    def __init__(self, environment: str, rollout: RolloutSpec, teacher_prompt: str | None = None) -> None:
        self._environment, self._rollout = envs.load(environment), rollout
        self._teacher_prompt = teacher_prompt

    def collect(self, engine: Engine, seed: int, draw: int) -> Experience:
        """The responses; a reward is 1 where a response ends by itself with the right answer."""
        rollout = self._rollout
        drawn = self._environment.training_problems(seed, draw, rollout.prompts)
        problems = [problem for problem in drawn for _ in range(rollout.samples_per_prompt)]
        keys = [f"rollout/{seed}/{draw}/{row}" for row in range(len(problems))]
        responses = answers(engine, [problem.question for problem in problems], keys, rollout)
        correct = verified(responses, problems, engine.tokenizer, self._environment)
        rows = torch.arange(len(problems))
        group = rows // rollout.samples_per_prompt
        return Experience(
            batch=self._batch(problems, responses, engine.tokenizer),
            rollout_log_prob=joined([response.log_probs for response in responses]),
            finished=torch.tensor([response.finished for response in responses]),
            episode=rows,
            turn=torch.zeros_like(rows),
            group=group,
            state=group,
            reward=torch.tensor(correct).float(),
            valid=torch.ones(len(problems), dtype=torch.bool),
            metrics={"episode_success": sum(correct) / len(correct)},
        )

    def _batch(
        self,
        problems: Sequence[envs.Problem],
        responses: Sequence[Response],
        tokenizer: PreTrainedTokenizerBase,
    ) -> TokenBatch:
        """The responses after the student's prompts and, if the teacher has its own, after those."""
        pad = padding_id(tokenizer)
        batch = aligned([(response.prompt, response.tokens) for response in responses], pad)
        if self._teacher_prompt is None:
            return batch
        refuse_unknown_words(tokenizer, self._teacher_prompt)
        told = [prompt_ids(tokenizer, envs.worded(problem, self._teacher_prompt)) for problem in problems]
        pairs = [(prompt, response.tokens) for prompt, response in zip(told, responses, strict=True)]
        return replace(batch, privileged=aligned(pairs, pad))

    def describe(self) -> dict[str, str | int]:
        """The environment's statement on its training problems."""
        return self._environment.describe(self._environment.training_set)

    def close(self) -> None:
        """Nothing was started."""
