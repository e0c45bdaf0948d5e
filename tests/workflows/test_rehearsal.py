"""The rehearsal of the paper's scale: what it writes, and that the paper's whole DAG is planned from it."""

import json

import pytest

import envs
from envs.alfworld.panel import read_panel
from eval.suites import get
from opd import models
from tests.workflows.command import planned, snakemake
from workflows import rehearsal
from workflows.scale import CONFIG, plan, read


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("rehearsal")
    rehearsal.main(path)
    return path


def test_models_read_any_text_and_have_heads_padded_differently(folder):
    names = ("student", "teacher", "game_teacher")
    tokenizers = [models.load_tokenizer(folder / "models" / name) for name in names]
    assert len({str(sorted(tokenizer.get_vocab().items())) for tokenizer in tokenizers}) == 1
    for text in ("take apple 1 from shelf 2", "∑ of £7\n<think>", "<|im_end|>"):
        ids = tokenizers[0](text)["input_ids"]
        assert tokenizers[0].decode(ids) == text
    configs = [json.loads((folder / "models" / name / "config.json").read_text()) for name in names]
    assert [config["vocab_size"] for config in configs] == [528, 560, 592]
    loaded = [models.load(folder / "models" / name) for name in names]
    assert [model.config.vocab_size for model in loaded] == [len(tokenizers[0])] * 3


def test_suites_have_their_numbers_of_problems(folder, monkeypatch):
    monkeypatch.setenv("OPD_MATH_DATA", str(folder / "data"))
    environment = envs.load("math")
    for suite in environment.suites:
        assert len(environment.suite_problems(suite, None)) == get(suite).counts[0]
    problem = environment.training_problems(0, 0, 1)[0]
    (grade,) = environment.grade([(problem, f"</think> \\boxed{{{problem.answer}}}")])
    assert grade.verdict == "correct"


def test_the_overlay_changes_what_is_done_and_nothing_of_how(folder):
    paper, small = read([CONFIG / "paper.yaml"]), read([CONFIG / "paper.yaml", folder / "overlay.yaml"])
    assert small["studies"] == paper["studies"]
    assert small["experiments"] == paper["experiments"]
    spec = plan(small).distill_spec("multitask", "lsm", 0)
    assert (spec.engine.name, spec.steps) == ("vllm", 4)
    assert spec.memory == plan(paper).distill_spec("multitask", "lsm", 0).memory


def test_no_model_is_made_at_the_paper_s_size(folder):
    small = plan(read([CONFIG / "paper.yaml", folder / "overlay.yaml"]))
    for model in small.made_by("reinforce"):
        spec = small.reinforce_spec(model)
        (task,) = spec.tasks.values()
        assert (spec.steps, task.rollout.prompts, task.rollout.max_new_tokens) == (2, 2, 24)
    for model in small.made_by("sft"):
        traces, spec = small.traces_spec(model), small.sft_spec(model)
        assert (traces.engine, traces.traces, traces.sampling.max_new_tokens) == ("vllm", 6, 24)
        assert (spec.epochs, spec.batch_size, spec.keep) == (1, 4, "all")
        assert spec.memory.master_weights


@pytest.mark.slow  # Snakemake reads the whole workflow
def test_the_whole_dag_is_planned(folder, monkeypatch):
    monkeypatch.setenv("OPD_MATH_DATA", str(folder / "data"))
    files = (str(CONFIG / "paper.yaml"), str(folder / "overlay.yaml"))
    jobs = planned(snakemake(folder, "all", "table_recipe", "--dry-run", "--configfile", *files))
    assert (jobs["fetch"], jobs["lsm"], jobs["table"]) == (3, 5, 4)
    assert (jobs["reinforce"], jobs["traces"], jobs["sft"]) == (1, 2, 2)


@pytest.mark.slow  # a real job
def test_the_paper_s_panel_of_draws_is_made(folder):
    panel = "results/paper/alfworld/legacy_128.jsonl"
    files = (str(CONFIG / "paper.yaml"), str(folder / "overlay.yaml"))
    snakemake(folder, panel, "--no-hooks", "--configfile", *files)
    made = read_panel(folder / panel)
    assert made.name == "legacy_128 (seed 0, validation 0)"
    assert len(made.games) == 128
