"""Decoding with vLLM: continuous batching, for long responses. An optional extra.

GPU: `pip install -c constraints.txt '.[vllm]'`. CPU: `make vllm`. vLLM sees token ids only: for
any Qwen2 folder it would build Qwen's own tokenizer, whatever it says (see `opd.models.load_tokenizer`).

A sample draws from a generator of its own, seeded by its key. Its noise does not depend on what shares
the batch, but the logits' rounding does: of two runs, a few responses may part at near-ties.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, GenerationConfig, PreTrainedTokenizerBase

from opd import models
from opd.rollout.response import Response
from opd.rollout.sampling import seed
from opd.spec import SamplingSpec
from programs.errors import UserError

os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
# A process of its own would outlive a job that is killed, and keep its GPU; and it imports everything again.
os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"

from vllm import LLM, CompletionOutput, RequestOutput, SamplingParams, __version__
from vllm.platforms import current_platform
from vllm.sampling_params import RequestOutputKind

# On a CPU vLLM would claim nearly the whole memory for its cache.
_CPU_CACHE_BYTES = 2 * 2**30


def start(
    folder: Path, batch_size: int, dtype: torch.dtype, vocabulary: int | None = None, **options: Any
) -> LLM:
    """vLLM in this process, with the model of a folder in `dtype`.

    `vocabulary`: how many ids it has, if fewer than the folder says. `options` are more arguments of
    `vllm.LLM`. Logits are float32 sums whatever the `dtype`, as the trainer's are (`opd.lm_head.product`):
    in bfloat16, those between 16 and 32 would lie 0.125 apart.

    On a GPU vLLM compiles the model and captures CUDA graphs, for a minute or more; OPD_VLLM_EAGER=1 in the
    environment leaves that out, where it fails or for short trials.
    """
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        # Unless told how many, vLLM leaves this process one thread: too few for a student on the host.
        os.environ.setdefault("OMP_NUM_THREADS", str(torch.get_num_threads()))
    fewer = {} if vocabulary is None else {"vocab_size": vocabulary}
    return LLM(
        model=str(folder),
        skip_tokenizer_init=True,
        # Nothing of the folder's generation_config is taken over unseen; for its end tokens see below.
        generation_config="vllm",
        dtype=dtype,
        hf_overrides={"head_dtype": "float32", **fewer},
        max_num_seqs=batch_size,
        kv_cache_memory_bytes=None if on_gpu else _CPU_CACHE_BYTES,
        # Compiling for a CPU takes longer than what is decoded there.
        enforce_eager=not on_gpu or os.environ.get("OPD_VLLM_EAGER") == "1",
        # After a part of a prompt vLLM winds a seeded generator back, which a CPU's cannot do.
        enable_chunked_prefill=on_gpu,
        # As long as the cache has room for: the model's own limit may be more than a small card holds. vLLM
        # ends longer responses without a word, so `stream` refuses them.
        max_model_len=-1,
        disable_log_stats=True,
        **options,
    )


def can_sleep() -> bool:
    """Whether vLLM can give weights and cache back to this platform."""
    return current_platform.is_sleep_mode_available()


def generation_config(folder: Path) -> GenerationConfig:
    """The folder's, or what its config says of generation, as for a model that is loaded from it."""
    if (folder / "generation_config.json").exists():
        return GenerationConfig.from_pretrained(folder)
    return GenerationConfig.from_model_config(AutoConfig.from_pretrained(folder))


class VllmEngine:
    """vLLM, at most `batch_size` responses at a time."""

    version = f"vllm {__version__}"

    def __init__(self, folder: Path, batch_size: int, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer, self.end_ids = tokenizer, models.end_ids(tokenizer, generation_config(folder))
        self._llm = self._start(folder, batch_size)
        # Rows of the head beyond the tokenizer's ids; `opd.models.load` cuts them off.
        self._padding = range(len(self.tokenizer), self._llm.model_config.get_vocab_size())

    def _start(self, folder: Path, batch_size: int) -> LLM:
        # vLLM's `auto` would round a float32 model to 16 bits.
        dtype = models.stored_dtype(folder)
        return start(folder, batch_size, dtype, logprobs_mode="processed_logprobs")

    def stream(
        self, questions: Sequence[str], keys: Sequence[str], sampling: SamplingSpec, done: set[int]
    ) -> Iterator[tuple[int, Response]]:
        """Whichever response ends first comes first. UserError where vLLM would cut one short."""
        engine = self._llm.llm_engine
        asked = [
            (row, models.prompt_ids(self.tokenizer, question), key)
            for row, (question, key) in enumerate(zip(questions, keys, strict=True))
            if row not in done
        ]
        self._check_room(max((len(prompt) for _, prompt, _ in asked), default=0), sampling)
        for row, prompt, key in asked:
            engine.add_request(str(row), {"prompt_token_ids": prompt}, self._params(key, sampling))
        while engine.has_unfinished_requests():
            for output in engine.step():
                yield int(output.request_id), self._response(output, sampling)

    def _check_room(self, prompt: int, sampling: SamplingSpec) -> None:
        """UserError if a prompt of so many tokens and a response at the cap are too long for the engine."""
        room = self._llm.model_config.max_model_len
        if prompt + sampling.max_new_tokens > room:
            raise UserError(
                f"vLLM has room for {room} tokens of prompt and response, and {prompt} + "
                f"{sampling.max_new_tokens} are asked for; lower max_new_tokens, or, unless {room} is the "
                "model's own limit (max_position_embeddings), leave more of the memory to vLLM's cache (in "
                "training: engine.memory_share)"
            )

    def _params(self, key: str, sampling: SamplingSpec) -> SamplingParams:
        """Every setting that shapes a response, none left to a default of the model's."""
        return SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=0,
            min_p=0.0,
            repetition_penalty=1.0,
            presence_penalty=0.0,
            frequency_penalty=0.0,
            max_tokens=sampling.max_new_tokens,
            seed=seed(key),
            ignore_eos=True,
            stop_token_ids=self.end_ids,
            logit_bias=dict.fromkeys(self._padding, -100.0) or None,
            logprobs=0,
            flat_logprobs=True,
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )

    def _response(self, output: RequestOutput, sampling: SamplingSpec) -> Response:
        """What vLLM returned, in the terms of this project."""
        completion = output.outputs[0]
        log_prob, log_probs = self._log_probs(completion, sampling)
        return Response(
            prompt=list(output.prompt_token_ids),
            tokens=list(completion.token_ids),
            finished=completion.finish_reason == "stop",
            log_prob=log_prob,
            log_probs=log_probs,
        )

    def _log_probs(self, completion: CompletionOutput, sampling: SamplingSpec) -> tuple[float, list[float]]:
        """(Log-probability of the response under the sampling settings, nothing of its tokens)."""
        return completion.cumulative_logprob if sampling.temperature > 0 else 0.0, []
