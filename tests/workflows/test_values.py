"""Specs as params of rules: one rule names its spec, the other has a function of its wildcards."""

import subprocess

import pytest

from eval.spec import GenerateSpec
from programs.provenance import ROOT
from workflows.plan import as_param

SPEC = GenerateSpec(
    environment="chain_arithmetic",
    problems_per_suite=2,
    protocols=[
        {"name": "avg@4", "samples": 4, "sampling": {"temperature": 1, "top_p": 1, "max_new_tokens": 9}}
    ],
    batch_size=8,
)
SNAKEFILE = f"""
import sys
sys.path.insert(0, "{ROOT}")
from eval.spec import GenerateSpec
from workflows.plan import as_param

SPEC = GenerateSpec.model_validate_json('{SPEC.model_dump_json()}').model_copy(update=config)

def of_wildcard(wildcards):
    return as_param(SPEC.model_copy(update={{"run": wildcards.name}}))

rule all:
    input: "static.json", "named.a.json"

rule static:
    output: "static.json"
    params: spec=as_param(SPEC)
    shell: "printf %s {{params.spec:q}} > {{output}}"

rule named:
    output: "named.{{name}}.json"
    params: spec=of_wildcard
    shell: "printf %s {{params.spec:q}} > {{output}}"
"""


@pytest.fixture
def made(tmp_path):
    """Runs the two rules with changes of the spec; returns the names of those that ran."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)

    def make(*changes: str) -> set[str]:
        arguments = ["--snakefile", str(tmp_path / "Snakefile"), "--directory", str(tmp_path), "--cores", "1"]
        command = ["snakemake", *arguments, *(("--config", *changes) if changes else ())]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return {name for name in ("static", "named") if f"rule {name}:" in done.stdout + done.stderr}

    return make


def test_the_program_is_given_the_whole_spec_and_snakemake_tracks_its_recipe(made, tmp_path):
    assert made() == {"static", "named"}
    written = {name: (tmp_path / f"{name}.json").read_text() for name in ("static", "named.a")}
    assert GenerateSpec.model_validate_json(written["static"]) == SPEC
    assert GenerateSpec.model_validate_json(written["named.a"]) == SPEC.model_copy(update={"run": "a"})
    assert made("batch_size=4") == set()
    assert made("problems_per_suite=3") == {"static", "named"}


def test_params_are_equal_where_recipes_are():
    fewer = SPEC.model_copy(update={"batch_size": 4})
    assert as_param(fewer) == as_param(SPEC)
    assert '"batch_size": 4' in str(as_param(fewer))
    assert as_param(SPEC.model_copy(update={"run": "b"})) != as_param(SPEC)
