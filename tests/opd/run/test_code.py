"""Which files decide the numbers of a run."""

from opd.run.code import code_hash, training_code
from programs.provenance import ROOT


def files(program):
    return {str(path.relative_to(ROOT)) for path in training_code(program)}


def test_the_code_of_training_is_all_that_decides_its_numbers():
    found = files("opd.distill")
    deciding = ("distill", "objectives", "lm_head/fused", "lm_head/head", "batch", "optimizer", "tasks/games")
    assert {f"opd/{name}.py" for name in (*deciding, "rollout/vllm_engine", "parallel/sharding")} <= found
    assert {"envs/math.py", "envs/alfworld/play.py", "eval/grading/compare.py"} <= found  # prompts, rewards
    assert {"envs/alfworld/worker.py", "envs/alfworld/engine.py"} <= found  # in processes of their own
    assert "eval/suites/training/dapo_math_17k.py" in found  # loaded by its name
    assert not any(file.startswith(("opd/run/", "opd/spec/", "opd/plan/")) for file in found)
    assert [file for file in found if file.startswith("programs/")] == ["programs/instructions.py"]
    assert "opd/sft.py" not in found
    assert {"opd/sft.py", "opd/supervised/losses.py"} <= files("opd.sft")


def test_programs_have_a_hash_each():
    assert code_hash("opd.sft") == code_hash("opd.sft") != code_hash("opd.distill")
