"""Fetch a model from the Hugging Face hub at a fixed revision.

    python -m opd.fetch --spec SPEC --out MODEL_FOLDER

SPEC is a `HubModelSpec` as JSON. The hub's own cache keeps what was downloaded before.
"""

from pathlib import Path

from huggingface_hub import snapshot_download

from opd.program import arguments
from opd.spec import HubModelSpec

_FILES = ["*.safetensors", "*.json", "*.jinja", "merges.txt"]


def main(spec: HubModelSpec, out: Path) -> None:
    """Download weights, config and tokenizer of `spec.hub_id` into `out`."""
    snapshot_download(spec.hub_id, revision=spec.revision, local_dir=out, allow_patterns=_FILES)


if __name__ == "__main__":
    main(*arguments(__doc__, HubModelSpec, out="model folder to write"))
