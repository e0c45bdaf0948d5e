"""Engines that answer for a model folder: token ids in, token ids out.

`torch` runs everywhere and gives the same responses whatever shares their batch. `vllm` is for long
responses on GPUs and an optional extra; see `opd.rollout.vllm_engine`. Under both, the settings come
from the SamplingSpec alone and sample i depends on its key alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from opd import models
from opd.rollout.respond import respond
from opd.spec import SamplingSpec


@dataclass(frozen=True)
class Response:
    """Token ids of prompt and response, the end token included.

    `finished` says that the end token came before the cap; `log_prob` is the response's
    log-probability under the sampling settings, in nats (0 when greedy).
    """

    prompt: list[int]
    tokens: list[int]
    finished: bool
    log_prob: float


class Engine(Protocol):
    """Answers questions with one model."""

    tokenizer: PreTrainedTokenizerBase
    version: str

    def stream(
        self, questions: Sequence[str], keys: Sequence[str], sampling: SamplingSpec, done: set[int]
    ) -> Iterator[tuple[int, Response]]:
        """(i, response to question i) for every i not in `done`, as they get ready."""
        ...


class TorchEngine:
    """A model that is in memory, `batch_size` responses at a time."""

    version = f"torch {torch.__version__}"

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, batch_size: int) -> None:
        self._model, self.tokenizer, self._batch_size = model, tokenizer, batch_size

    def stream(
        self, questions: Sequence[str], keys: Sequence[str], sampling: SamplingSpec, done: set[int]
    ) -> Iterator[tuple[int, Response]]:
        """Batch after batch. One that is partly done is decoded again in whole, to be rounded alike."""
        for start in range(0, len(questions), self._batch_size):
            here = slice(start, start + self._batch_size)
            rows = range(start, start + len(questions[here]))
            if done.issuperset(rows):
                continue
            rollouts = respond(self._model, self.tokenizer, questions[here], keys[here], sampling)
            for place, row in enumerate(rows):
                if row not in done:
                    yield (
                        row,
                        Response(
                            rollouts.prompt(place),
                            rollouts.response(place),
                            bool(rollouts.finished[place]),
                            float(rollouts.log_prob[place]),
                        ),
                    )


def load(name: str, folder: Path, batch_size: int) -> Engine:
    """The engine of that name (see `opd.rollout.ENGINES`) with the model of a folder."""
    if name == "torch":
        return TorchEngine(models.load(folder), models.load_tokenizer(folder), batch_size)
    if find_spec("vllm") is None:
        raise ModuleNotFoundError(
            "the engine vllm is not installed: `pip install '.[vllm]'` with a GPU, `make vllm` without; "
            "or use the engine torch"
        )
    from opd.rollout.vllm_engine import VllmEngine

    return VllmEngine(folder, batch_size)
