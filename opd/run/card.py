"""The model card: what a model folder says of itself, README.md on the hub.

Everything in it follows from the run's inputs and code: the same run writes the same card. Results of
evaluations are not in it, as they are made later from the finished folder; they lie with the studies.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from tabulate import tabulate

from programs.provenance import provenance
from programs.spec import Spec

_LOADING = """\
```python
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

model = AutoModelForCausalLM.from_pretrained(FOLDER)
tokenizer = PreTrainedTokenizerFast.from_pretrained(FOLDER, padding_side="left")
```

or `vllm serve FOLDER`. `AutoTokenizer`, which vLLM uses, too, reads text with Qwen's own tokenizer whatever a
folder of a Qwen2 model says: right for Qwen's vocabulary; with another one, give the server token ids."""


def card(
    title: str,
    summary: str,
    spec: Spec,
    parents: Mapping[str, tuple[str, str]],
    data: Mapping[str, Mapping[str, Any]],
    end: Mapping[str, Any],
    base: str | None = None,
) -> str:
    """The card as Markdown.

    `parents`: role -> name and sha256 of a model that this one was made from; `data`: task -> what its data
    state of themselves; `end`: what was measured last, by name, with lists as numbers in a row and null left
    out; `base`: the hub's id of the model that this one is.
    """
    head: dict[str, Any] = {"library_name": "transformers", "pipeline_tag": "text-generation"}
    head |= {"tags": ["on-policy-distillation"]} | ({"base_model": base} if base else {})
    measured = [(name, _number(value)) for name, value in end.items() if value is not None]
    states = [(task, name, value) for task, stated in data.items() for name, value in stated.items()]
    made_from = [(role, *parent) for role, parent in parents.items()]
    sections = {
        "Made from": _table(["role", "model", "sha256 of the weights"], made_from),
        "Training data": _table(["task", "", "states"], states),
        "At the end of training": _table(["measured", "value"], measured),
        "Loading": _LOADING,
        "Code": _table(["", "version"], list(provenance().items())),
        "Spec": f"```json\n{json.dumps(spec.model_dump(mode='json'), indent=2)}\n```",
    }
    text = f"---\n{yaml.safe_dump(head, sort_keys=False)}---\n\n# {title}\n\n{summary}\n"
    return text + "".join(f"\n## {name}\n\n{section}\n" for name, section in sections.items() if section)


def model_name(folder: Path) -> str:
    """What a model folder is called: its own name, or the one above if that is just `model`."""
    return folder.parent.name if folder.name == "model" else folder.name


def _table(headers: list[str], rows: list[tuple]) -> str:
    # Not parsed as numbers: a checksum that happens to be all digits would be rounded.
    return tabulate(rows, headers, tablefmt="pipe", disable_numparse=True) if rows else ""


def _number(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join("-" if each is None else _number(each) for each in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
