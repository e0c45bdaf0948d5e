"""Fetching from the hub, of which the download itself needs a network, and from a folder."""

import pytest
import yaml
from pydantic import ValidationError

from opd import fetch, models
from opd.spec import HubModelSpec


def test_the_revision_and_the_needed_files_are_asked_for(tmp_path, monkeypatch):
    asked, snapshot, out = {}, tmp_path / "snapshots" / "0123abcd", tmp_path / "qwen" / "model"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").write_text("weights")

    def download(hub_id, **options):
        asked.update(options, hub_id=hub_id)
        return str(snapshot)

    monkeypatch.setattr(fetch, "snapshot_download", download)
    fetch.main(HubModelSpec(hub_id="Qwen/Qwen2.5-7B-Instruct", revision="main"), out)
    assert (asked["hub_id"], asked["revision"]) == ("Qwen/Qwen2.5-7B-Instruct", "main")
    assert {"*.safetensors", "*.json"} <= set(asked["allow_patterns"])
    # The weights stay in the hub's cache, which serves without a network what it has.
    assert (out / "model.safetensors").readlink() == snapshot / "model.safetensors"

    text = (out / "README.md").read_text()
    assert yaml.safe_load(text.split("---\n")[1])["base_model"] == "Qwen/Qwen2.5-7B-Instruct"
    # A branch moves on; the card says what it was, and what results call the weights.
    origin = "Qwen/Qwen2.5-7B-Instruct as it is on the Hugging Face hub at revision main, commit 0123abcd"
    assert f"# qwen\n\n{origin}; sha256 of the weights: {models.fingerprint(out)}.\n" in text
    assert "Made from" not in text


def test_a_folder_is_linked(tmp_path):
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    for name in ("model.safetensors", "config.json", "tokenizer.json", "training_state.pt"):
        (source / name).write_text(name)
    fetch.main(HubModelSpec(hub_id=str(source), revision=None), out)
    assert sorted(path.name for path in out.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    assert "base_model" not in (out / "README.md").read_text()
    assert (out / "config.json").read_text() == "config.json"


def test_a_folder_without_weights_is_refused(tmp_path):
    (tmp_path / "config.json").touch()
    with pytest.raises(FileNotFoundError, match="holds no weights"):
        fetch.main(HubModelSpec(hub_id=str(tmp_path), revision=None), tmp_path / "out")


@pytest.mark.parametrize(
    ("hub_id", "revision", "sentence"),
    [
        ("Qwen/Qwen2.5-7B", None, "write the revision to fetch"),
        ("/models/qwen", "main", "write revision: null"),
    ],
)
def test_the_hub_has_revisions_and_folders_have_none(hub_id, revision, sentence):
    with pytest.raises(ValidationError, match=sentence):
        HubModelSpec(hub_id=hub_id, revision=revision)
