"""Model folders in the Hugging Face format: build, load, save."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)
from transformers.utils.logging import disable_progress_bar

from envs import own_words
from opd.lm_head import check_head
from opd.plan import devices
from opd.spec import ArchitectureSpec
from programs.errors import UserError

# Loading takes milliseconds or shows in the log of the job; a bar per weight helps nobody.
disable_progress_bar()


def build(architecture: ArchitectureSpec, tokenizer: PreTrainedTokenizerBase, seed: int) -> Qwen2ForCausalLM:
    """A freshly initialised Qwen2 model with an untied head, sized to the tokenizer."""
    torch.manual_seed(seed)
    model: nn.Module = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(tokenizer),
            hidden_size=architecture.hidden_size,
            intermediate_size=architecture.intermediate_size,
            num_hidden_layers=architecture.layers,
            num_attention_heads=architecture.heads,
            num_key_value_heads=architecture.heads,
            max_position_embeddings=512,
            tie_word_embeddings=False,
            # Short contexts: a small base tells neighbouring positions apart, and wide
            # initialisation breaks symmetry sooner. Both were needed to learn within a minute.
            rope_parameters={"rope_type": "default", "rope_theta": 100.0},
            initializer_range=0.06,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    return cast(Qwen2ForCausalLM, model.to(device()))


def load(folder: Path) -> PreTrainedModel:
    """The model of a folder, on the accelerator if there is one, in evaluation mode (no dropout).

    Rows of embedding and head beyond the tokenizer's ids are padding for speed, and trained by nobody.
    They are cut off, so that they can never be sampled or enter a support, and models that differ in
    padding alone can be compared. UserError for a model whose logits are more than `opd.lm_head` makes.
    """
    model = AutoModelForCausalLM.from_pretrained(checked(folder), dtype="auto")
    tokens = len(load_tokenizer(folder))
    if model.config.vocab_size > tokens:
        model.resize_token_embeddings(tokens, mean_resizing=False)
    module: nn.Module = model
    check_head(module.to(device()).eval())
    return cast(PreTrainedModel, module)


def stored_dtype(folder: Path) -> torch.dtype:
    """What `load` computes in: the config's, or where that says none, the weights' own. Reads no weights."""
    return AutoModelForCausalLM.from_pretrained(checked(folder), dtype="auto", device_map="meta").dtype


def checked(folder: Path) -> Path:
    """The folder; FileNotFoundError if it holds no model: transformers would look for one on the hub.

    Or if a file of it is a link to what is gone; `opd.fetch` links to the hub's cache.
    """
    for path in sorted(folder.glob("*")):
        if not path.exists():
            raise FileNotFoundError(
                f"{path} is a link to {path.readlink()}, which is not there: where jobs run, the hub's cache "
                f"(HF_HOME) must be the one that the model was fetched to. Mount it, or remove {folder} and "
                "fetch it again"
            )
    if not (folder / "config.json").exists():
        raise FileNotFoundError(f"{folder} is no model folder: it holds no config.json")
    return folder


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer that the model folder's `tokenizer.json` describes. Errors as of `checked`.

    `AutoTokenizer` is not used: for any Qwen2 model it builds Qwen's own byte-level pre-tokenizer
    around the vocabulary, whatever the folder says.
    """
    return PreTrainedTokenizerFast.from_pretrained(checked(folder), padding_side="left")


def save(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    card: str | None = None,
    weights: dict[str, Tensor] | None = None,
) -> None:
    """Write model, tokenizer and card (see `opd.run.card`) as one folder, complete or not at all.

    `weights` None: the model's own.
    """
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    model.save_pretrained(partial, state_dict=weights)
    tokenizer.save_pretrained(partial)
    if card is not None:
        (partial / "README.md").write_text(card)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def fingerprint(folder: Path) -> str:
    """sha256 of the weight files of a model folder; FileNotFoundError if it has none."""
    digest = hashlib.sha256()
    weights = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    if not weights:
        raise FileNotFoundError(f"{folder} holds no weights (*.safetensors, pytorch_model*.bin)")
    for path in weights:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def tokenizer_sha256(tokenizer: PreTrainedTokenizerBase) -> str:
    """sha256 of what turns a question into a prompt: the tokenizer and its chat template."""
    return hashlib.sha256(
        f"{tokenizer.backend_tokenizer.to_str()}{tokenizer.chat_template}".encode()
    ).hexdigest()


def refuse_unknown_words(tokenizer: PreTrainedTokenizerBase, prompt: str | None) -> None:
    """UserError if the tokenizer has no ids for words of a prompt, and would read its unknown token there."""
    if prompt is None or tokenizer.unk_token_id is None:
        return
    unknown = [word for word in own_words(prompt) if tokenizer.unk_token_id in tokenizer(word)["input_ids"]]
    if unknown:
        raise UserError(
            f"the model does not know {', '.join(map(repr, unknown))} of the prompt {prompt!r}; write words "
            "of its vocabulary (models from scratch: envs/tokenizer.py), with spaces between them"
        )


def prompt_ids(tokenizer: PreTrainedTokenizerBase, question: str) -> list[int]:
    """Token ids of a user message in the model's chat template, ready for the response.

    A base model has no template and continues the question itself, after the start token if its
    tokenizer has one.
    """
    templated = tokenizer.chat_template is not None
    return tokenizer(prompt_text(tokenizer, question), add_special_tokens=not templated)["input_ids"]


def prompt_text(tokenizer: PreTrainedTokenizerBase, question: str) -> str:
    """A user message in the model's chat template, with the system message that the template adds."""
    if tokenizer.chat_template is None:
        return question
    messages = [{"role": "user", "content": question}]
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


def padding_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """The token that fills up rows. It is masked, so any serves a tokenizer that has none of its own."""
    own = (tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
    return next(token for token in own if token is not None)


def end_ids(tokenizer: PreTrainedTokenizerBase, generation: GenerationConfig) -> list[int]:
    """The tokens that end a response: the tokenizer's end token, and those of the model's generation_config.

    A chat model may have several: Qwen2.5-Instruct ends a turn with `<|im_end|>`, and stops at
    `<|endoftext|>`, too, which a teacher may have taught it. UserError if there is none at all.
    """
    stated = generation.eos_token_id
    several = stated if isinstance(stated, list) else [stated]
    known = {each for each in several if each is not None and each < len(tokenizer)}
    if not (ends := known | ({tokenizer.eos_token_id} - {None})):
        raise UserError(
            f"{tokenizer.name_or_path} names no end token; add eos_token to tokenizer_config.json or "
            "eos_token_id to generation_config.json"
        )
    return sorted(ends)


def device() -> torch.device:
    """This process's accelerator (`opd.parallel.ranks.join` chooses it under torchrun), or the CPU.

    UserError if it was given a GPU (`workflows.lease`) that the driver lists and torch cannot use: a model of
    billions of parameters on the CPU is no answer to that.
    """
    if torch.cuda.is_available():
        return torch.device("cuda")
    if os.environ.get("CUDA_VISIBLE_DEVICES") and (given := devices.visible()):
        raise UserError(
            f"this job has {given[0][0]}, which torch {torch.__version__} cannot use: it is built for CUDA "
            f"{torch.version.cuda}. Update the driver to one for that CUDA, or install the torch that is "
            "built for the driver's, which `nvidia-smi` names (docs/clusters.md)"
        )
    return torch.device("cpu")
