"""A scale's workflow with random models and made-up problems in the real ones' place.

    python -m workflows.rehearsal --out FOLDER                               the paper's, on this machine
    python -m workflows.rehearsal --out FOLDER --scale small --real-shapes   on a GPU

writes FOLDER/models (random Qwen2 models with a byte-level tokenizer, their heads padded differently),
FOLDER/data (sums, as many as each suite has problems) and FOLDER/overlay.yaml, and prints the command that
runs the scale's config under that overlay: same rules, same programs, same engine, few steps. Models are
tiny, or with --real-shapes of the widths, depths and vocabulary of those on the hub, so that memory and speed
are the real ones. The numbers mean nothing; that every step from models to tables works is the point.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from shlex import quote

import torch
import yaml
from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
from tokenizers import models as tokenizer_models
from transformers import PreTrainedTokenizerFast, Qwen2ForCausalLM

from envs.alfworld.protocols import VerlAgent
from eval.suites import PROMPTS, evaluation_suites, get, training_sets
from opd import models
from opd.plan import trial
from opd.plan.shape import HUB, Shape
from workflows.plan import merge
from workflows.scale import CONFIG, read

_TARGETS = {"paper": "all table_recipe", "small": "all"}
_TOKENS = 496
_TINY = Shape(_TOKENS, 64, 128, 2, 2, 1, 32, tied=False, width=4)
_CAP = {"max_new_tokens": 24}
_ROLLOUT = {"prompts": 2, "samples_per_prompt": 2, "minibatch_size": 2} | _CAP
_SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
_CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_PADDING = 32  # rows of the head that each model has more than the one before
_END_BIAS = 3.0  # makes the end token likely enough for some responses to end by themselves


def main(out: Path, scale: str = "paper", real_shapes: bool = False) -> None:
    """Write models, data and overlay; print the command."""
    config = read([CONFIG / f"{scale}.yaml"])
    tokenizer = build_tokenizer(config["distill"]["vocabulary_size"] if real_shapes else _TOKENS)
    for number, (name, hub_id) in enumerate(hub_models(config).items()):
        shape = HUB[hub_id] if real_shapes else replace(_TINY, vocabulary=_TOKENS + _PADDING * (number + 1))
        models.save(build_model(shape, tokenizer, number), tokenizer, out / "models" / name)
    for name in (*evaluation_suites(), *training_sets()):
        write_suite(out / "data", name)
    changes = overlay(config, out.resolve())
    if not real_shapes:
        changes = merge(changes, tiny(len(tokenizer)))
    (out / "overlay.yaml").write_text(yaml.safe_dump(changes, sort_keys=False))
    print(
        f"OPD_MATH_DATA={quote(f'{out.resolve()}/data')} snakemake --cores all {_TARGETS[scale]} "
        f"--directory {quote(str(out))} "
        f"--configfile workflows/config/{scale}.yaml {quote(f'{out}/overlay.yaml')}"
    )


def hub_models(config: dict) -> dict[str, str]:
    """Hub ids of the models that a config takes from the hub, by name."""
    return {name: model["hub"]["hub_id"] for name, model in config["models"].items() if "hub" in model}


def build_tokenizer(tokens: int) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer of that many tokens, which knows every text, and the prompts' words as one."""
    tokenizer = Tokenizer(tokenizer_models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_TOKENS,
        special_tokens=_SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    protocol = VerlAgent()
    tokenizer.train_from_iterator([*PROMPTS.values(), protocol.first_turn, protocol.later_turn], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=widened(tokenizer, tokens),
        pad_token=_SPECIAL[0],
        eos_token=_SPECIAL[2],
        additional_special_tokens=_SPECIAL[1:],
        chat_template=_CHAT_TEMPLATE,
        padding_side="left",
    )


def widened(tokenizer: Tokenizer, tokens: int) -> Tokenizer:
    """The tokenizer with ids that no text has, so that its vocabulary is that large."""
    described = json.loads(tokenizer.to_str())
    vocabulary = described["model"]["vocab"]
    vocabulary |= {f"unused {token}": token for token in range(len(vocabulary), tokens)}
    return Tokenizer.from_str(json.dumps(described))


def build_model(shape: Shape, tokenizer: PreTrainedTokenizerFast, seed: int) -> Qwen2ForCausalLM:
    """A random model of a shape, in its precision."""
    torch.manual_seed(seed)
    model = trial.build(shape)
    model.config.eos_token_id, model.config.pad_token_id = tokenizer.eos_token_id, tokenizer.pad_token_id
    with torch.no_grad():
        model.lm_head.weight[tokenizer.eos_token_id] *= _END_BIAS
    return model


def write_suite(folder: Path, name: str) -> None:
    """Sums under a suite's name, as many as its copies have rows."""
    rows = [
        {
            "id": f"{name}-{row}",
            "problem": f"{name}: what is {row} + {row % 7}?",
            "answer": f"{row + row % 7}",
        }
        for row in range(get(name).counts[0])
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def overlay(config: dict, folder: Path) -> dict:
    """What differs from a scale's config: where things come from, and how much is done."""
    hub = {
        name: {"hub": {"hub_id": str(folder / "models" / name), "revision": None}}
        for name in hub_models(config)
    }
    protocols = [
        protocol | {"sampling": protocol["sampling"] | _CAP} for protocol in config["evaluation"]["protocols"]
    ]
    changes: dict = {
        "description": f"rehearsal of the scale {config['scale']}; random models",
        "seeds": [0],
        "training_processes": 1,
        "models": hub | trained_models(config),
        "distill": {
            "steps": 4,  # so that a claim on the last quarter of a run has a step
            "uniform_teacher": "warn",  # a random teacher is
        },
        "evaluation": {"problems_per_suite": 2, "protocols": protocols},
    }
    if "panels" in config:
        changes = merge(changes, games(config))
    if "estimators" in config:
        changes["estimators"] = read([CONFIG / "smoke.yaml"])["estimators"]
    if "signal" in config:
        changes["signal"] = {"responses": 8}
    return changes


def tiny(vocabulary_size: int) -> dict:
    """What else differs for tiny models on a CPU."""
    return {
        "gpu": None,
        "distill": {
            "vocabulary_size": vocabulary_size,
            "rollout": _ROLLOUT,
            "teacher_top_k": 8,
            "tokens_per_forward": 4096,
            "engine": {"sleep": False},
        },
    }


def trained_models(config: dict) -> dict:
    """How little is done for the models that a config trains."""
    # A random teacher is never right.
    warm_start = {"traces": 6, "keep": "all", "sampling": _CAP, "epochs": 1, "batch_size": 4}
    rlvr = {"distill": {"steps": 2, "rollout": _ROLLOUT}}
    less = {"sft": warm_start, "reinforce": rlvr}
    return {
        name: {stage: less[stage] for stage in model.keys() & less.keys()}
        for name, model in config["models"].items()
        if "hub" not in model
    }


def games(config: dict) -> dict:
    """Generated games for the real ones, a few of them and two turns each."""
    panels = {
        name: {"source": "generated:tiny:1:0", "split": panel["split"]}
        | ({} if panel.get("legacy_128") else {"per_type": 1})
        for name, panel in config["panels"].items()
    }
    return {
        "panels": panels,
        "tasks": {"alfworld": {"games": {"max_steps": 2, "processes": 1}, "rollout": _CAP}},
        "evaluation": {"games": {"sampling": _CAP, "max_steps": 2, "slots": 6, "processes": 1}},
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--scale", default="paper", choices=_TARGETS, help="whose config")
    parser.add_argument("--real-shapes", action="store_true", help="models as large as those on the hub")
    main(**vars(parser.parse_args()))
