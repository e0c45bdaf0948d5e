"""Checkpoints: one file that a killed run continues from, written whole or not at all."""

import os
from pathlib import Path
from typing import Any

import torch


def save(path: Path, recipe: str, state: dict[str, Any]) -> None:
    """Replace the checkpoint atomically. `recipe` identifies what it may be resumed for."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        torch.save({"recipe": recipe, "state": state}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def load(path: Path, recipe: str) -> dict[str, Any] | None:
    """The state to resume from; None if there is none, or if it belongs to another recipe."""
    if not path.exists():
        return None
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    if checkpoint["recipe"] != recipe:
        print(f"{path} belongs to another spec or other input models: starting over", flush=True)
        return None
    return checkpoint["state"]
