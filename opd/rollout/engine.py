"""Engines that answer for a model, in memory or in a folder: token ids in, token ids out.

`torch` runs everywhere and in float32 gives the same responses whatever shares their batch (in 16 bits a
few part at near-ties); see `opd.rollout.torch_engine`. `vllm` is for long responses on GPUs and an optional
extra; see `opd.rollout.vllm_engine`. Under both, the settings come from the SamplingSpec alone and sample i
depends on its key alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from opd import models
from opd.rollout.response import Response
from opd.rollout.torch_engine import TorchEngine
from opd.spec import EngineSpec, SamplingSpec


class Engine(Protocol):
    """Answers questions with one model."""

    tokenizer: PreTrainedTokenizerBase
    version: str
    end_ids: list[int]

    def stream(
        self, questions: Sequence[str], keys: Sequence[str], sampling: SamplingSpec, done: set[int]
    ) -> Iterator[tuple[int, Response]]:
        """(i, response to question i) for every i not in `done`, as they get ready."""
        ...


class TrainingEngine(Engine, Protocol):
    """Answers with a model that is being trained, in numbers of `dtype`; its responses have `log_probs`."""

    dtype: torch.dtype

    def awake(self, model: PreTrainedModel) -> AbstractContextManager:
        """While this is open, the engine answers with the weights that `model` has now."""
        ...

    def given_back_mib(self) -> float:
        """Memory that torch's allocator counts as the engine's while the engine sleeps, and that is free."""
        ...


def answers(
    engine: Engine, questions: Sequence[str], keys: Sequence[str], sampling: SamplingSpec
) -> list[Response]:
    """A response to every question, in order; i draws from the random stream of keys[i] alone."""
    found = dict(engine.stream(questions, keys, sampling, set()))
    return [found[row] for row in range(len(questions))]


def load(
    name: str, folder: Path, batch_size: int, tokenizer: PreTrainedTokenizerBase | None = None
) -> Engine:
    """The engine of that name (see `opd.rollout.ENGINES`) with the model of a folder.

    `tokenizer` makes the prompts, and its end token ends responses, as do those of the folder's
    generation_config; None: the folder's own.
    """
    models.checked(folder)
    tokenizer = tokenizer or models.load_tokenizer(folder)
    match name:
        case "torch":
            return TorchEngine(models.load(folder), tokenizer, batch_size)
        case "vllm":
            _check_vllm()
            from opd.rollout.vllm_engine import VllmEngine

            return VllmEngine(folder, batch_size, tokenizer)
    raise ValueError(f"unknown engine {name!r}")


def follow(
    spec: EngineSpec,
    model: PreTrainedModel,
    folder: Path,
    tokenizer: PreTrainedTokenizerBase,
    batch_size: int,
    dtype: torch.dtype,
) -> TrainingEngine:
    """The engine that answers with `model`, loaded from `folder`, while that is trained.

    `dtype` is what the model computes in, and so what an engine with a copy of its weights computes in.
    """
    match spec.name:
        case "torch":
            return TorchEngine(model, tokenizer, batch_size)
        case "vllm":
            _check_vllm()
            from opd.rollout.following_engine import FollowingVllmEngine

            return FollowingVllmEngine(spec, model, folder, batch_size, dtype)
    raise ValueError(f"unknown engine {spec.name!r}")


def _check_vllm() -> None:
    if find_spec("vllm") is None:
        raise ModuleNotFoundError(
            "the engine vllm is not installed: `pip install -c constraints.txt '.[vllm]'` with a GPU, "
            "`make vllm` without; or use the engine torch"
        )
