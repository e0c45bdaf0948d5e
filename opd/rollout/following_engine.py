"""vLLM as the rollout engine of a model that is being trained, in the trainer's own process.

The engine starts without weights and takes over the trainer's before every step, in place: nothing is
restarted, and nothing goes through a file. Its log-probabilities are the model's own, at temperature 1,
so that they can be held against the trainer's (`opd.diagnostics.mismatch`).
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.distributed import is_torchelastic_launched
from transformers import PreTrainedModel

from opd import models
from opd.rollout import vllm_engine
from opd.rollout.vllm_engine import LLM, CompletionOutput, VllmEngine
from opd.spec import EngineSpec, SamplingSpec
from opd.weights import merged_weights
from programs.errors import UserError


class FollowingVllmEngine(VllmEngine):
    """vLLM with the weights that a model has whenever `awake` is opened, `batch_size` responses at a time."""

    def __init__(
        self, spec: EngineSpec, model: PreTrainedModel, folder: Path, batch_size: int, dtype: torch.dtype
    ) -> None:
        """`folder` is where `model` was loaded from. UserError where the engine cannot sleep or be shared and
        should.

        `dtype` is what the model computes in, which folder and weights at rest need not tell.
        """
        self._spec, self._vocabulary = spec, model.config.vocab_size
        self.dtype = dtype
        super().__init__(folder, batch_size, models.load_tokenizer(folder))
        self._rest()

    def _start(self, folder: Path, batch_size: int) -> LLM:
        if self._spec.sleep and not vllm_engine.can_sleep():
            raise UserError("engine.sleep: vLLM cannot give memory back on this platform; remove it")
        if self._spec.tensor_parallel > 1 and not is_torchelastic_launched():
            raise UserError("engine.tensor_parallel is of torchrun's processes; start the run under it")
        return vllm_engine.start(
            folder,
            batch_size,
            self.dtype,
            vocabulary=self._vocabulary,  # the model was cut to the tokenizer's ids (`opd.models.load`)
            load_format="dummy",
            logprobs_mode="raw_logprobs",
            # Keys and values that were kept would be those of older weights.
            enable_prefix_caching=False,
            enable_sleep_mode=self._spec.sleep,
            gpu_memory_utilization=self._spec.memory_share,
            tensor_parallel_size=self._spec.tensor_parallel,
            # Under torchrun the ranks' processes are the workers.
            distributed_executor_backend="external_launcher" if is_torchelastic_launched() else None,
        )

    @contextmanager
    def awake(self, model: PreTrainedModel) -> Iterator[None]:
        """While this is open, the engine answers with the weights that `model` had when it was opened."""
        # Room for the weights first, for the cache when they are there: least memory at a time.
        self._wake("weights")
        self._llm.collective_rpc("reload_weights", kwargs={"weights_iterator": merged_weights(model)})
        self._wake("kv_cache")
        try:
            yield
        finally:
            self._rest()

    def _wake(self, memory: str) -> None:
        if self._spec.sleep:
            self._llm.wake_up(tags=[memory])

    def _rest(self) -> None:
        """Give weights and cache back; both are made anew."""
        if self._spec.sleep:
            self._llm.sleep(level=2)

    def given_back_mib(self) -> float:
        """All of vLLM's pool: torch's allocator is not told that it is unmapped."""
        if not self._spec.sleep:
            return 0.0
        from vllm.device_allocator.cumem import CuMemAllocator  # needs a GPU's driver

        return CuMemAllocator.get_instance().get_current_usage() / 2**20

    def _log_probs(self, completion: CompletionOutput, sampling: SamplingSpec) -> tuple[float, list[float]]:
        """(NaN, the model's own log-probability of each token): this engine reports raw ones."""
        return math.nan, list(completion.logprobs.logprobs)
