"""Fetch a model from the Hugging Face hub at a fixed revision, or take it from a folder.

    python -m opd.fetch --spec SPEC --out MODEL_FOLDER

SPEC is a `HubModelSpec` as JSON. What comes from the hub lies in the hub's own cache, which also serves
without a network what was downloaded before. MODEL_FOLDER holds links to its files, or to those of the
folder that the spec names, so nothing is copied.
"""

from pathlib import Path

from huggingface_hub import snapshot_download

from opd.models import fingerprint
from opd.run.card import card, model_name
from opd.spec import HubModelSpec
from programs.command_line import arguments, launch

_FILES = ["*.safetensors", "*.json", "*.jinja", "merges.txt"]


def main(spec: HubModelSpec, out: Path) -> None:
    """Put weights, config, tokenizer and a card into `out`; FileNotFoundError if a folder has no weights."""
    source = spec.hub_id
    if not spec.is_folder:
        source = snapshot_download(spec.hub_id, revision=spec.revision, allow_patterns=_FILES)
    link(Path(source), out)
    # The hub's cache names its folders by commit: that of a branch or tag when it was fetched.
    (out / "README.md").write_text(describe(spec, model_name(out), Path(source).name, fingerprint(out)))


def describe(spec: HubModelSpec, name: str, commit: str, sha256: str) -> str:
    """The model's card; `sha256` is of the weights, by which runs and responses name their models."""
    weights = f"sha256 of the weights: {sha256}."
    if spec.is_folder:
        return card(name, f"A model that was there before, file by file; {weights}", spec, {}, {}, {})
    origin = f"{spec.hub_id} as it is on the Hugging Face hub at revision {spec.revision}, commit {commit}"
    return card(name, f"{origin}; {weights}", spec, {}, {}, {}, base=spec.hub_id)


def link(folder: Path, out: Path) -> None:
    """Links to the model's files."""
    files = [path for pattern in _FILES for path in sorted(folder.glob(pattern))]
    if not any(path.suffix == ".safetensors" for path in files):
        raise FileNotFoundError(f"{folder} holds no weights (*.safetensors)")
    out.mkdir(parents=True, exist_ok=True)
    for path in files:
        (out / path.name).symlink_to(path)


if __name__ == "__main__":
    launch(main, *arguments(__doc__, HubModelSpec, out="model folder to write"))
