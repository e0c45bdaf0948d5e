"""Snakemake as a user would run it, and what it prints."""

import os
import re
import subprocess
from pathlib import Path

from programs.provenance import ROOT
from workflows.scale import CONFIG


def configfiles(*names: str) -> tuple[str, ...]:
    """Arguments for shipped config files, the later over the earlier."""
    return "--configfile", *(str(CONFIG / f"{name}.yaml") for name in names)


SMOKE = configfiles("smoke")


def snakemake(folder: Path, *arguments: str, fails: bool = False) -> str:
    """Run Snakemake in `folder`, as a user would; returns what it printed."""
    program = [
        "snakemake",
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--directory",
        str(folder),
        "--cores",
        "all",
    ]
    # Where SLURM is installed and nobody answers, its plugin waits ten seconds for its settings.
    settings = os.environ | {"SLURM_CONF": os.devnull}
    result = subprocess.run(
        [*program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=settings,
        timeout=800,  # less than the limit of a test, whose process would leave this one behind
    )
    printed = result.stdout + result.stderr
    assert (result.returncode != 0) is fails, printed[-4000:]
    return printed


def planned(printed: str) -> dict[str, int]:
    """Jobs per rule of a dry run."""
    table = re.search(r"job +count\n[- ]+\n(.*?)\ntotal", printed, re.S)
    return {name: int(n) for name, n in re.findall(r"^(\S+) +(\d+)$", table[1], re.M)} if table else {}
