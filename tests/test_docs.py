"""The documentation names what exists, and all of it."""

import dataclasses
import inspect
import re
import shutil
import subprocess

import yaml

from eval.grading import Conventions
from opd.diagnostics.metrics import CHECK_METRICS, MACHINE_METRICS, METRICS
from opd.names import SUPPORTS
from opd.objectives import OBJECTIVES
from programs.provenance import ROOT
from workflows.config.studies import AblationConfig

PAGES = [
    path for pattern in ("README.md", "docs/**/*.md", "workflows/report/*.rst") for path in ROOT.glob(pattern)
]
# In backticks: files and folders of the repository, but not of results, which are made.
_PATH = re.compile(r"`((?:docs|envs|eval|opd|profiles|programs|studies|tests|workflows)/[\w./-]*)`")


def test_files_that_pages_and_captions_name_are_there():
    named = {(page.name, path) for page in PAGES for path in _PATH.findall(page.read_text())}
    assert len(named) > 40
    assert sorted((page, path) for page, path in named if not (ROOT / path).exists()) == []


def test_files_that_pages_link_to_are_there():
    linked = [
        page.parent / target
        for page in PAGES
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    ]
    assert len(linked) > 100
    assert [path for path in linked if not path.exists()] == []


def test_every_metric_has_its_meaning_in_the_docs():
    page = (ROOT / "docs/reading_the_report.md").read_text()
    for name, meaning in {**METRICS, **CHECK_METRICS, **MACHINE_METRICS}.items():
        assert f"| `{name}` | {meaning} |" in page


def test_every_convention_of_the_grader_is_explained():
    page = (ROOT / "docs/evaluation.md").read_text()
    named = re.findall(r"^\| `(\w+)` \| ", page, re.M)
    assert named == [field.name for field in dataclasses.fields(Conventions)]


def test_the_methods_table_agrees_with_the_method_files():
    page = (ROOT / "docs/methods.md").read_text()
    first_table, _, _ = page.partition("## What to know")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", first_table, re.M))
    files = {path.stem: path.read_text() for path in (ROOT / "workflows/methods").glob("*.smk")}
    assert rows.keys() == files.keys()
    for name, text in files.items():
        objective, support, renormalised, top_p, _ = re.split(r"\s*\|\s*", rows[name])
        assert f'"name": {objective.replace("`", chr(34))}' in text
        assert support.split()[0] in re.search(r'"support": "(\w+)"', text)[1].replace("_", " ")
        assert ('"outside": "renormalised"' in text) is (renormalised == "yes")
        assert ('"top_p": 0.9' in text) is (top_p == "0.9")


def test_every_objective_is_described_by_its_own_first_sentence():
    page = (ROOT / "docs/methods.md").read_text()
    for name, objective in OBJECTIVES.items():
        first = " ".join(inspect.getdoc(objective.function).split("\n\n")[0].split())
        assert f"| `{name}` | {first.replace('||', '‖')} |" in page
    for name, meaning in SUPPORTS.items():
        assert f"`{name}`: {meaning}" in page


def test_the_example_of_a_method_plans_its_run(tmp_path):
    page = (ROOT / "docs/adding_a_method.md").read_text()
    comment, code = re.search(r"```\n(# workflows/methods/\w+\.smk)\n(.*?)```", page, re.S).groups()
    target = re.search(r"^snakemake --cores all (results/\S+)$", page, re.M)[1]
    shutil.copy(ROOT / "Snakefile", tmp_path)
    shutil.copytree(ROOT / "workflows", tmp_path / "workflows")
    for package in ("envs", "eval", "opd", "programs", "studies"):  # the rules hash their files
        (tmp_path / package).symlink_to(ROOT / package)
    (tmp_path / "results").mkdir()
    shutil.copy(ROOT / "results/paper_reference.csv", tmp_path / "results")
    (tmp_path / comment.removeprefix("# ")).write_text(code)
    program = ["snakemake", "--cores", "1", "--dry-run", "--printshellcmds", target]
    result = subprocess.run(program, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert '"name": "forward_kl"' in result.stdout
    assert "lsm_forward" in result.stdout
    written = tmp_path / "as_formatted.smk"
    written.write_text(code)
    subprocess.run(["snakefmt", "--check", written], check=True, capture_output=True)


def test_the_ablation_example_is_valid():
    page = (ROOT / "docs/adding_an_ablation.md").read_text()
    example = re.search(r"```yaml\n(.*?)```", page, re.S)[1]
    assert AblationConfig.model_validate(yaml.safe_load(example)).knob == "rollout.top_p"
