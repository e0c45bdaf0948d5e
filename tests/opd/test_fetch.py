"""Fetching from the hub: what is asked for. The download itself needs a network."""

from opd import fetch
from opd.spec import HubModelSpec


def test_the_revision_and_the_needed_files_are_asked_for(tmp_path, monkeypatch):
    asked = {}
    monkeypatch.setattr(fetch, "snapshot_download", lambda *a, **k: asked.update(repository=a, **k))
    fetch.main(HubModelSpec(hub_id="Qwen/Qwen2.5-7B-Instruct", revision="abc"), tmp_path / "model")
    assert asked["repository"] == ("Qwen/Qwen2.5-7B-Instruct",)
    assert asked["revision"] == "abc"
    assert asked["local_dir"] == tmp_path / "model"
    assert {"*.safetensors", "*.json"} <= set(asked["allow_patterns"])
