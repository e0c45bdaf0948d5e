"""What a table says of how its models were trained, and refuses."""

import json

import pytest

from eval.report import runs
from opd.spec import SftSpec
from programs.errors import UserError
from tests.opd.specs import distill_spec

SFT = SftSpec(
    seed=0,
    keep="all",
    epochs=1,
    batch_size=4,
    optimizer={"learning_rate": 1e-3, "betas": (0.9, 0.95), "weight_decay": 0.0, "clip_norm": 1.0},
    tokens_per_forward=128,
    checkpoint_every=2,
)


def run(path, spec: dict) -> str:
    path.write_text(json.dumps({"spec": spec, "commit": "abc", "source_sha256": "1"}))
    return str(path)


@pytest.mark.parametrize("spec", [distill_spec(), SFT], ids=["distill", "sft"])
def test_a_run_has_a_spec_of_its_row_s_recipe(tmp_path, spec):
    cheaper = spec.model_copy(update={"checkpoint_every": 7})
    path = run(tmp_path / "run.json", cheaper.model_dump())
    (manifest,) = runs.manifests({path: spec.recipe_sha256()})
    assert manifest["spec"]["checkpoint_every"] == 7
    other = spec.model_copy(update={"seed": 1})
    with pytest.raises(UserError, match=r"run\.json is of another recipe than this table's row: delete it"):
        runs.manifests({path: other.recipe_sha256()})


def test_a_spec_that_no_program_takes_any_more_is_another_recipe(tmp_path):
    path = run(tmp_path / "run.json", distill_spec().model_dump() | {"removed": 1})
    with pytest.raises(UserError, match="another recipe"):
        runs.manifests({path: distill_spec().recipe_sha256()})


def test_models_of_different_code_are_named():
    def manifest(commit, source):
        return {"commit": commit, "source_sha256": source}

    one = manifest("abc", "1")
    assert runs.code_versions([one, one]) == "abc (source 1)"
    assert runs.code_versions([manifest("def", "1"), one]) == "abc, def (source 1)"
    found = runs.code_versions([one, manifest("def", "2")])
    assert found == "different code: abc (source 1); def (source 2)"
    assert runs.code_versions([]) == ""
    resumed = one | {"resumed_from_source_sha256": ["0", "1"]}
    found = runs.code_versions([resumed])
    assert found == "different code: abc (source 1); before a run was resumed (source 0)"


def test_runs_of_other_training_code_are_counted(monkeypatch):
    monkeypatch.setattr(runs, "code_hash", {"opd.distill": "d", "opd.sft": "s"}.get)
    distilled, tuned, old = ({"training_code_sha256": sha} for sha in ("d", "s", "o"))
    assert runs.outdated([distilled, tuned, {}]) == runs.outdated([]) == ""
    assert runs.outdated([old, distilled, tuned, old]).startswith("2 of 4 runs by other training code")
