"""The planner as a program."""

import os
import subprocess
import sys

from programs.provenance import ROOT

_RUN = """
import runpy, sys
try:
    runpy.run_module("opd.plan", run_name="__main__", alter_sys=True)
finally:
    print("torch is loaded:", "torch" in sys.modules)
"""


def test_the_planner_says_what_is_lacking_without_torch():
    command = [
        sys.executable,
        "-c",
        _RUN,
        "--configfile",
        "workflows/config/paper.yaml",
        "--config",
        "gpu=rtx3090",
    ]
    offline = {name: value for name, value in os.environ.items() if name != "ALFWORLD_DATA"}
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env=offline | {"HF_HUB_OFFLINE": "1"}
    )
    assert "all of scale paper, on RTX 3090" in result.stdout
    assert "- ALFWORLD_DATA is not set" in result.stdout
    assert "torch is loaded: False" in result.stdout
    assert result.returncode == 1
