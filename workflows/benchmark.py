"""Time per stage of a run from nothing.

    python -m workflows.benchmark --scale mini

Runs the whole scale in a temporary folder with every core of this machine, then prints jobs and
seconds per stage, from Snakemake's own benchmark files, and the wall-clock time.
"""

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

import pandas as pd

from programs.provenance import ROOT
from workflows.scale import CONFIG, scales


def main(scale: str) -> None:
    """Run `scale` from an empty folder and print the times."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", folder]
        command += ["--cores", "all", "--quiet", "all"]
        command += ["--configfile", str(CONFIG / f"{scale}.yaml")]
        started = time.perf_counter()
        subprocess.run(command, check=True, cwd=ROOT)
        wall = time.perf_counter() - started
        print(stages(Path(folder, "results", scale, "benchmarks")).to_string())
    print(f"\n{scale}: {wall:.0f} s from nothing on {os.cpu_count()} cores")


def stages(folder: Path) -> pd.DataFrame:
    """Jobs, total, mean and longest seconds per stage (the first folder below `folder`)."""
    times = [
        (path.relative_to(folder).parts[0], pd.read_csv(path, sep="\t").s.item())
        for path in sorted(folder.rglob("*.tsv"))
    ]
    by_stage = pd.DataFrame(times, columns=["stage", "seconds"]).groupby("stage").seconds
    table = by_stage.agg(jobs="count", total_s="sum", mean_s="mean", longest_s="max")
    return table.round(1).sort_values("total_s", ascending=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", default="mini", choices=scales())
    main(parser.parse_args().scale)
