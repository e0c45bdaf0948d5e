"""What a config needs, job by job, and what this machine lacks for it.

    python -m opd.plan --configfile workflows/config/paper.yaml
    python -m opd.plan --configfile workflows/config/paper_1gpu.yaml --config gpu=h100

Memory is what tensors of the largest phase take on one device, with all responses at their cap. Tokens and
hours assume responses of half the cap, unless runs of the scale have measured length and rates. The exit
status is 1 if something is lacking. docs/planning.md has the formulas, and how far they are from measured.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from opd.plan import devices, work
from opd.plan.devices import DEVICES
from programs.command_line import launch
from workflows.needs import tables
from workflows.needs.jobs import jobs
from workflows.needs.lacks import bytes_below, lacks
from workflows.scale import plan, read

_ASSUMED = """Assumed: {length:.0%} of the cap per response, and of the longest prompt per prompt;
{training:.0%} of the data sheet's operations in training, {scoring:.0%} in scoring, {bandwidth:.0%}
of its bandwidth in decoding and updates; {usable:.0%} of the memory for tensors; with offload
{copy:.0f} GB/s between card and host, {host:.0f} GB/s through the host's memory.
*: rates measured by runs of the scale, on as many of these cards a run."""


def main(files: Sequence[Path], settings: Sequence[str], target: str) -> None:
    """Print the tables; exits with status 1 if something is lacking."""
    made = plan(read(files, settings), files)
    made.check_runs()
    needed, device = jobs(made, target), DEVICES[made.config.gpu or devices.here()]
    print(f"{target} of scale {made.config.scale}, on {device.name}\n")
    print(tables.memory_table(needed, device), "\n")
    print(tables.work_table(needed, device), "\n")
    print(
        _ASSUMED.format(
            length=work.MEAN_LENGTH,
            training=devices.TRAINING_SHARE,
            scoring=devices.SCORING_SHARE,
            bandwidth=devices.BANDWIDTH_SHARE,
            usable=devices.USABLE,
            copy=devices.COPY_BYTES_PER_S / 1e9,
            host=devices.HOST_BYTES_PER_S / 1e9,
        )
    )
    found = list(lacks(made, needed, bytes_below(Path(made.results))))
    print(f"\n{len(found)} lacking here" + "".join(f"\n- {lack}" for lack in found))
    sys.exit(bool(found))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m opd.plan", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--configfile", type=Path, nargs="+", required=True, help="as for snakemake")
    parser.add_argument(
        "--config", nargs="+", default=[], metavar="KEY=VALUE", help="as for snakemake, such as gpu=h200"
    )
    parser.add_argument("--target", choices=["all", "full"], default="all", help="(%(default)s)")
    given = parser.parse_args()
    launch(main, given.configfile, given.config, given.target)
