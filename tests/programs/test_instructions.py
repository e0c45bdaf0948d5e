"""Every program computes with the same instructions, whatever the CPU has."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("package", ["opd", "studies", "eval.generate"])
def test_torch_computes_with_avx2_unless_told_otherwise(package):
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        pytest.skip("other CPUs have other names")
    program = f"import {package}, torch; print(torch.backends.cpu.get_cpu_capability())"
    own = {name: value for name, value in os.environ.items() if name != "ATEN_CPU_CAPABILITY"}
    for told, expected in ({}, "AVX2"), ({"ATEN_CPU_CAPABILITY": "default"}, "DEFAULT"):
        found = subprocess.run(
            [sys.executable, "-c", program], env=own | told, capture_output=True, text=True, check=True
        )
        assert found.stdout.split()[-1] == expected
