"""The shapes of a config's models: of their folders, of the hub's cache, or as the table has them."""

import json
from collections.abc import Iterable
from pathlib import Path

from huggingface_hub import try_to_load_from_cache

from opd.plan.shape import HUB, Shape, UnknownShapeError, from_architecture, from_config, from_folder
from opd.spec import HubModelSpec
from workflows.plan import Plan


def shape_of(plan: Plan, name: str) -> Shape:
    """The shape of a model of the config: of its folder, of the hub's cache, or as the table has it."""
    # The settings are as they were written, and `--config` writes nested ones as text.
    config, tokens = plan.config.models[name], int(plan.config.distill["vocabulary_size"])
    if (Path(plan.model_folder(name)) / "config.json").exists():
        shape = from_folder(Path(plan.model_folder(name)))
    elif config.hub:
        shape = _hub_shape(config.hub)
    elif config.pretrain:
        shape = from_architecture(config.pretrain.architecture, tokens)
    else:
        made = config.sft or config.reinforce
        assert made is not None
        shape = shape_of(plan, made.student)
    return shape.cut(tokens)


def _hub_shape(spec: HubModelSpec) -> Shape:
    if spec.is_folder:
        return from_folder(Path(spec.hub_id))
    cached = try_to_load_from_cache(spec.hub_id, "config.json", revision=spec.revision)
    if isinstance(cached, str):
        return from_config(json.loads(Path(cached).read_text()))
    if spec.hub_id not in HUB:
        raise UnknownShapeError(
            f"the shape of {spec.hub_id} is not known: fetch its config.json with `hf download {spec.hub_id} "
            f"config.json --revision {spec.revision}`, or add it to opd.plan.shape.HUB"
        )
    return HUB[spec.hub_id]


def largest(shapes: Iterable[Shape]) -> Shape:
    """The shape with most parameters."""
    return max(shapes, key=lambda shape: shape.parameters)


def shape_behind(plan: Plan, folder: str) -> Shape:
    """The shape of the model behind a subject's folder."""
    kind, name = folder.removeprefix(f"{plan.results}/").split("/")[:2]
    return shape_of(plan, name if kind == "models" else plan.config.experiments[name].student)
