"""Sharded students under torchrun with vLLM as their rollout engine: its weights follow the shards."""

import os
import subprocess
import sys

import pytest

from opd import models
from opd.spec import ArchitectureSpec
from tests.json_lines import read_lines
from tests.opd.specs import distill_spec

pytest.importorskip("vllm")
WIDE = ArchitectureSpec(hidden_size=64, intermediate_size=64, layers=2, heads=2)


@pytest.mark.slow  # two processes start an engine each
@pytest.mark.parametrize("tensor_parallel", [1, 2])
def test_engines_answer_with_the_weights_of_all_shards(tokenizer, tmp_path, tensor_parallel):
    """After two updates, older weights or a part of them would give other log-probabilities."""
    for seed, name in enumerate(("student", "teacher")):
        models.save(models.build(WIDE, tokenizer, seed).eval(), tokenizer, tmp_path / name)
    rollout = {"prompts": 8, "minibatch_size": 4, "top_p": 1.0}
    engine = {"name": "vllm", "tensor_parallel": tensor_parallel, "mismatch_limit": 1e-5}
    spec = distill_spec(steps=3, rollout=rollout, engine=engine, optimizer={"learning_rate": 0.01})
    program = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    program += ["-m", "opd.distill", "--spec", spec.model_dump_json(), "--student", str(tmp_path / "student")]
    program += ["--teachers", f"chain_arithmetic={tmp_path / 'teacher'}", "--out", str(tmp_path / "out")]
    environment = os.environ | {"VLLM_CPU_OMP_THREADS_BIND": "nobind"}
    ended = subprocess.run(program, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-3000:]
    records = read_lines(tmp_path / "out/metrics.jsonl")
    assert len(records) == 3
    assert records[-1]["loss"] < records[0]["loss"]
    assert max(record["mismatch_mean"] for record in records) < 1e-5
