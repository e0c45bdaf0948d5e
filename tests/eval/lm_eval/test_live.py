"""lm-eval with a live model: its command line as documented, and the same greedy responses as ours."""

import json
import subprocess

import pytest
from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager

from eval import generate
from eval.spec import GenerateSpec
from opd import models
from programs.provenance import ROOT
from tests.json_lines import read_lines

FOLDER = ROOT / "eval/lm_eval/tasks"


@pytest.mark.slow  # importing lm-eval's Hugging Face model takes some 10 seconds
def test_a_live_model_gets_our_prompts_and_gives_our_responses(folders, tmp_path):
    from lm_eval.models.huggingface import HFLM

    greedy = {"temperature": 0, "top_p": 1, "max_new_tokens": 24}
    spec = GenerateSpec(
        environment="chain_arithmetic",
        problems_per_suite=4,
        protocols=[{"name": "greedy", "samples": 1, "sampling": greedy}],
        batch_size=20,
    )
    generate.main(spec, folders[0], tmp_path / "responses.jsonl")
    records = read_lines(tmp_path / "responses.jsonl")
    ours = {record["problem"]: record["response"] for record in records if record["suite"] == "chain4"}

    tokenizer = models.load_tokenizer(folders[0])
    lm = HFLM(pretrained=str(folders[0]), tokenizer=tokenizer, device="cpu", batch_size=4)
    results = simple_evaluate(
        lm,
        tasks=["opd_chain4"],
        task_manager=TaskManager(
            include_path=FOLDER, include_defaults=False, metadata={"repeats": 1, "problems": 4}
        ),
        apply_chat_template=True,
        gen_kwargs="do_sample=False,temperature=0,max_gen_toks=24",
    )
    logged = results["samples"]["opd_chain4"]
    assert {sample["doc"]["id"]: sample["resps"][0][0] for sample in logged} == ours


@pytest.mark.slow  # lm-eval's command line reads all its own task files first, some 15 seconds
def test_the_documented_command(folders, tmp_path):
    command = ["lm_eval", "run", "--include_path", str(FOLDER), "--tasks", "opd_chain2,opd_chain3"]
    command += ["--model", "hf", "--model_args", f"pretrained={folders[0]}", "--device", "cpu"]
    command += ["--apply_chat_template", "--metadata", "repeats=3", "problems=2", "--batch_size", "6"]
    command += ["--output_path", str(tmp_path), "--log_samples"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-4000:]
    (samples,) = tmp_path.rglob("samples_opd_chain2_*.jsonl")
    logged = read_lines(samples)
    assert [len(sample["filtered_resps"][0]) for sample in logged] == [3, 3]
    (summary,) = tmp_path.rglob("results_*.json")
    assert json.loads(summary.read_text())["results"]["opd_chain3"]["distinct_rate,graded"] == 1
