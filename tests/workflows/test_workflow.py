"""The real Snakemake on the real Snakefile: lint, dry runs, the smoke scale from clean to report."""

import json
import os
import re
import subprocess

import pytest

from programs.provenance import ROOT
from tests.workflows.command import SMOKE, configfiles, planned, snakemake
from workflows.scale import CONFIG, METHODS

EVERYWHERE = {"generate", "score", "table", "curves", "lm_eval_crosscheck", "claims_all", "claims_full"}
_MODELS = {"traces", "sft", "reinforce"}
_WHOLE = _MODELS | {"panel", "play", "estimators", "score_signal", "signal", "failures", "sweep"}
# Reinforcement has no place in a comparison of losses: models are made with it.
_METHODS = {path.stem for path in METHODS.glob("*.smk") if '"log_ratio_weight": 0.0' not in path.read_text()}
# Config files, the later over the earlier, and rules that have jobs of `full` in them.
RULES = {
    "smoke": _WHOLE | {"pretrain", "demonstrate"},
    "mini": _WHOLE | {"pretrain", "demonstrate"} | _METHODS,
    "small": {"fetch", "contamination", "lsm", "sampled_token"},
    "paper": _WHOLE | {"fetch"} | _METHODS,
    "paper_1gpu": _WHOLE | {"fetch"} | _METHODS,
}


def test_lint_finds_nothing_but_the_missing_containers(tmp_path):
    result = subprocess.run(
        ["snakemake", "--lint", *SMOKE],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    titles = set(re.findall(r"^    \* (.*):$", result.stdout + result.stderr, re.M))
    # Dependencies come from pip on purpose: one environment for workflow and programs.
    assert titles == {"Specify a conda environment or container for each rule."}


@pytest.mark.parametrize("files", RULES)
def test_dry_run(tmp_path, files):
    jobs = planned(snakemake(tmp_path, "full", "--dry-run", *configfiles(*files.split())))
    missing = (EVERYWHERE | RULES[files]) - jobs.keys()
    assert not missing, f"in no study or ablation of {files}: {', '.join(sorted(missing))}"


def test_every_config_file_has_a_dry_run():
    assert set(" ".join(RULES).split()) == {path.stem for path in CONFIG.glob("*.yaml")}


def test_mini_is_the_default_scale(tmp_path):
    assert "results/mini/" in snakemake(tmp_path, "table_ablation", "--dry-run")


def test_a_scale_of_one_s_own_is_run_beside_its_base(tmp_path):
    own = tmp_path / "mine.yaml"
    own.write_text("{scale: mine, base: smoke, distill: {steps: 4}}")
    printed = snakemake(tmp_path, "ablation_support_size", "--dry-run", "--configfile", str(own))
    assert planned(printed)["distill"] == 2
    assert "results/mine/runs/single_task/lsm@teacher_top_k=4/seed0/run.json" in printed
    assert "results/smoke" not in printed
    assert planned(snakemake(tmp_path, "full", "--dry-run", *SMOKE, str(own))) == planned(
        snakemake(tmp_path, "full", "--dry-run", "--configfile", str(own))
    )


def test_what_is_left_out_of_all_is_no_part_of_it(tmp_path):
    assert "runs/markers" not in snakemake(tmp_path, "--dry-run", "all")
    for target in ("table_markers", "full"):
        assert "runs/markers" in snakemake(tmp_path, "--dry-run", target)


def test_ablation_is_a_target(tmp_path):
    jobs = planned(snakemake(tmp_path, "ablation_support_size", "--dry-run", *SMOKE))
    assert jobs["distill"] == 2  # two seeds of the value that is not the config's own
    assert jobs["lsm"] == 2
    assert jobs["sweep"] == 1


def test_a_study_without_runs_has_no_curves(tmp_path):
    models = "{reference: A, rows: [{label: A, model: student}, {label: B, model: teacher}]}"
    config = ("--config", f"studies={{table_ablation: {models}}}")
    jobs = planned(snakemake(tmp_path, "table_ablation", "--dry-run", *SMOKE, *config))
    assert jobs == {"pretrain": 2, "generate": 2, "score": 1, "table": 1, "table_ablation": 1}


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ("sedes=3", "sedes is not a known key; did you mean 'seeds'?"),
        ("distill={teacher_top_k: 999}", "is larger than the vocabulary of 256"),
        ("distill={teacher_top_k: 1}", "identically zero"),
        ("distill={objective: {options: {beta: 2}}}", "would ignore the option 'beta'"),
        ("distill={memory: {offlod: true}}", "memory.offlod is not a known key; did you mean 'offload'?"),
        ("distill={rollout: 5}", "distill: rollout has keys of its own; write them below it"),
        ("evaluation={problems_per_suite: 304}", "chain2 has 303 distinct problems, not 304"),
    ],
)
def test_a_wrong_config_stops_before_any_job(tmp_path, config, sentence):
    printed = snakemake(tmp_path, *SMOKE, "--config", config, fails=True)
    assert sentence in printed
    assert "Traceback" not in printed
    assert not (tmp_path / "results").exists()


def test_a_scale_is_named_by_its_file(tmp_path):
    printed = snakemake(tmp_path, "--config", "scale=smoke", fails=True)
    assert "scale=smoke alone is no config; write --configfile workflows/config/smoke.yaml" in printed


@pytest.mark.slow  # runs the whole smoke scale, two minutes on two cores
def test_smoke_from_clean_to_report(tmp_path):
    printed = snakemake(tmp_path, *SMOKE, "--verbose")
    # Waiting jobs are looked at when a job starts or ends, not all the time.
    assert printed.count("Ready jobs") <= 2 * sum(planned(printed).values())
    study = tmp_path / "results/smoke/studies/table_ablation"
    assert {path.name for path in study.iterdir()} == {
        *(
            "scores.csv",
            "table.csv",
            "table.md",
            "table.html",
            "table.tex",
            "curves.csv",
            "curves.svg",
            "success.svg",
        )
    }
    assert "No renormalisation, top-p 0.9" in (study / "table.md").read_text()
    assert (
        "ALFWorld valid_unseen" in (tmp_path / "results/smoke/studies/table_multitask/table.md").read_text()
    )
    asked = json.loads((tmp_path / "results/smoke/models/student/asked/solution/responses.json").read_text())
    assert asked["spec"]["prompt"] == "values {solution} ; {question}"
    assert "told the solution" in (tmp_path / "results/smoke/studies/table_told/table.md").read_text()
    claims = (tmp_path / "results/smoke/claims.md").read_text()
    assert re.search(
        r"^\d+ claims: \d+ supported, \d+ contradicted, \d+ undecided\. \d+ that ask", claims, re.M
    )
    assert "<span" in (tmp_path / "results/smoke/failures/failures.html").read_text()
    run = tmp_path / "results/smoke/runs/multitask/lsm/seed0/metrics.jsonl"
    tasks = [json.loads(line)["task"] for line in run.read_text().splitlines()]
    assert tasks == ["alfworld", "chain_arithmetic"] * 2

    assert "Nothing to be done" in snakemake(tmp_path, *SMOKE)

    report = tmp_path / "report.html"
    snakemake(tmp_path, *SMOKE, "--report", str(report))
    assert report.stat().st_size > 1_000_000
    for needle in (
        "every loss under one protocol",
        "Training curves",
        "95 % intervals clustered by problem and seed",
    ):
        assert needle in report.read_text()

    # What costs time or memory alone reruns nothing.
    cheaper = (
        "distill={tokens_per_forward: 128, checkpoint_every: 1, uniform_teacher: stop,"
        " memory: {recompute_layers: true}, engine: {mismatch_limit: 1.0}}",
        "evaluation={batch_size: 1, games: {slots: 1, processes: 2}}",
        "estimators={processes: 1}",
        "signal={batch_size: 4, tokens_per_forward: 128}",
    )
    assert "Nothing to be done" in snakemake(tmp_path, *SMOKE, "--config", *cheaper)

    # A changed knob reruns what it touches: here every run that has no number of steps of its own, no model.
    changed = planned(snakemake(tmp_path, *SMOKE, "--dry-run", "--config", "distill={steps: 4}"))
    assert changed["lsm"] == 3
    assert "sft" not in changed
    assert "pretrain" not in changed
    # Forcing one method leaves the others alone.
    forced = planned(snakemake(tmp_path, *SMOKE, "--dry-run", "--forcerun", "lsm"))
    assert forced["lsm"] == 5  # two experiments, two seeds; one with a single seed
    assert forced["generate"] == 5
    assert forced["play"] == 2
    assert "topk_unnormalized" not in forced


@pytest.mark.slow  # trains a model to an accuracy that it cannot reach, about 10 seconds
def test_a_failed_job_names_its_log(tmp_path):
    impossible = "models={student: {pretrain: {tasks: {chain_arithmetic: {accept_accuracy: [0.9, 1]}}}}}"
    target = "results/smoke/models/student/model"
    printed = snakemake(tmp_path, target, *SMOKE, "--config", impossible, fails=True)
    assert "results/smoke/logs/models/student.log" in printed
    assert "outside [0.9, 1.0]; change steps" in printed
    assert os.path.exists(tmp_path / "results/smoke/logs/models/student.log")
