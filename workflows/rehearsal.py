"""The paper's whole workflow on this machine, with tiny models and made-up problems in the real ones' place.

    python -m workflows.rehearsal --out FOLDER

writes FOLDER/models (random Qwen2 models with a byte-level tokenizer, their heads padded differently),
FOLDER/data (sums, as many as each suite has problems) and FOLDER/overlay.yaml, and prints the command that
runs workflows/config/paper.yaml under that overlay: same rules, same programs, same vLLM engine, few steps.
The numbers mean nothing; that every step from models to tables works is the point.
"""

import argparse
import json
from pathlib import Path

import torch
import yaml
from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
from tokenizers import models as tokenizer_models
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from envs.alfworld.protocols import VerlAgent
from eval.suites import PROMPTS, evaluation_suites, get, training_sets
from opd import models

_CONFIGS = Path(__file__).parent / "config"

_TOKENS = 512
_SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
_CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_HEAD_ROWS = {"student": 512, "teacher": 544, "game_teacher": 576}  # of the head and the embedding
_END_BIAS = 3.0  # makes the end token likely enough for some responses to end by themselves


def main(out: Path) -> None:
    """Write models, data and overlay; print the command."""
    tokenizer = build_tokenizer()
    for seed, (name, rows) in enumerate(_HEAD_ROWS.items()):
        models.save(build_model(rows, tokenizer, seed), tokenizer, out / "models" / name)
    for name in (*evaluation_suites(), *training_sets()):
        write_suite(out / "data", name)
    (out / "overlay.yaml").write_text(yaml.safe_dump(overlay(out.resolve(), len(tokenizer)), sort_keys=False))
    print(
        f"OPD_MATH_DATA={out.resolve()}/data snakemake --cores all all table_recipe --directory {out} "
        f"--configfile workflows/config/paper.yaml {out}/overlay.yaml"
    )


def build_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level tokenizer that knows every text, and the prompts' own words as single tokens."""
    tokenizer = Tokenizer(tokenizer_models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_TOKENS - 16,
        special_tokens=_SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    protocol = VerlAgent()
    tokenizer.train_from_iterator([*PROMPTS.values(), protocol.first_turn, protocol.later_turn], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=_SPECIAL[0],
        eos_token=_SPECIAL[2],
        additional_special_tokens=_SPECIAL[1:],
        chat_template=_CHAT_TEMPLATE,
        padding_side="left",
    )


def build_model(rows: int, tokenizer: PreTrainedTokenizerFast, seed: int) -> Qwen2ForCausalLM:
    """A random model in the 7B models' form: grouped queries, a head of its own with unused rows."""
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=rows,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=4096,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = Qwen2ForCausalLM(config)
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


def overlay(folder: Path, vocabulary_size: int) -> dict:
    """What differs from the paper's config: where things come from, and how much is done."""
    paper, smoke = (yaml.safe_load((_CONFIGS / f"{name}.yaml").read_text()) for name in ("paper", "smoke"))
    cap = {"max_new_tokens": 24}
    protocols = [
        protocol | {"sampling": protocol["sampling"] | cap} for protocol in paper["evaluation"]["protocols"]
    ]
    rollout = {"prompts": 2, "samples_per_prompt": 2, "minibatch_size": 2} | cap
    # A random teacher is never right.
    warm_start = {"traces": 6, "keep": "all", "sampling": cap, "epochs": 1, "batch_size": 4}
    return {
        "description": "rehearsal of the paper's workflow; random models of 0.1 M parameters",
        "seeds": [0],
        "gpu": None,
        "training_processes": 1,
        "models": {
            name: {"hub": {"hub_id": str(folder / "models" / name), "revision": None}} for name in _HEAD_ROWS
        }
        | {
            "rlvr_teacher": {"reinforce": {"distill": {"steps": 2, "rollout": rollout}}},
            "student_sft": {"sft": warm_start},
            "rlvr_sft": {"sft": warm_start},
        },
        "panels": {
            name: {"source": "generated:tiny:1:0", "per_type": 1, "split": panel["split"]}
            for name, panel in paper["panels"].items()
        },
        "tasks": {"alfworld": {"games": {"max_steps": 2, "processes": 1}, "rollout": cap}},
        "distill": {
            "steps": 4,  # so that a claim on the last quarter of a run has a step
            "vocabulary_size": vocabulary_size,
            "rollout": rollout,
            "teacher_top_k": 8,
            "tokens_per_forward": 4096,
            "engine": {"sleep": False},  # not on a CPU
            "uniform_teacher": "warn",  # a random teacher is
        },
        "evaluation": {
            "problems_per_suite": 2,
            "protocols": protocols,
            "games": {"sampling": cap, "max_steps": 2, "slots": 6, "processes": 1},
        },
        "estimators": smoke["estimators"],
        "signal": {"responses": 8},
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    main(parser.parse_args().out)
