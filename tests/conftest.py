"""Shared fixtures: one thread per test process, and small random models in Hugging Face folders."""

import os
import sys
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
# Tests compute on the CPU whatever the machine has, many at a time; those of docs/gpu_checks.md ask for its
# GPU. On a CPU, Triton interprets its kernels, and must know before it is imported.
if "OPD_TEST_GPU" not in os.environ:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.environ["TRITON_INTERPRET"] = "1"

import pytest
import torch
from hypothesis import settings
from torch import distributed

from envs.tokenizer import build_tokenizer
from opd import models
from tests.opd.specs import TINY

torch.set_num_threads(1)
# Timing belongs in benchmarks: an example that takes long on a busy machine is no failure.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


def _fork() -> None:
    """A fork copies locks that other threads hold, and may wait for them for ever."""
    raise AssertionError("forked a process with threads: use multiprocessing's spawn, or subprocess")


os.fork = _fork


@pytest.fixture(scope="module", autouse=True)
def _ends_without_a_process_group():
    """vLLM and FSDP keep theirs until the process ends, where the next module would find it."""
    yield
    if distributed.is_initialized() and "vllm" in sys.modules:
        from vllm.distributed import cleanup_dist_env_and_memory

        cleanup_dist_env_and_memory()
    elif distributed.is_initialized():
        distributed.destroy_process_group()


@pytest.fixture(scope="session")
def math_data() -> Path:
    """The folder of the real suites; where none is named, what asks for it is skipped."""
    if not os.environ.get("OPD_MATH_DATA"):
        pytest.skip("needs the real suites: set OPD_MATH_DATA to their folder, see docs/suites.md")
    return Path(os.environ["OPD_MATH_DATA"])


@pytest.fixture(scope="session")
def tokenizer():
    return build_tokenizer()


@pytest.fixture(scope="session")
def student(tokenizer):
    return models.build(TINY, tokenizer, seed=1).eval()


@pytest.fixture(scope="session")
def teacher(tokenizer):
    return models.build(TINY, tokenizer, seed=2).eval().requires_grad_(False)


@pytest.fixture(scope="session")
def folders(tmp_path_factory, tokenizer, student, teacher) -> tuple[Path, Path]:
    """(student folder, teacher folder)."""
    root = tmp_path_factory.mktemp("models")
    models.save(student, tokenizer, root / "student")
    models.save(teacher, tokenizer, root / "teacher")
    return root / "student", root / "teacher"
