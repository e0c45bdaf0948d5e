"""The needs of jobs as tables of text."""

from collections.abc import Collection

from tabulate import tabulate

from opd.plan import memory, work
from opd.plan.devices import GIB, Device
from workflows.needs.job import Job


def memory_table(needed: Collection[Job], device: Device) -> str:
    """GiB per device by component, in the largest phase of each kind of job."""
    rows = []
    for job in needed:
        if job.memory:
            phase, components = max(job.memory.items(), key=lambda each: sum(each[1].values()))
            fits = "fits" if memory.peak(job.memory) <= device.usable_bytes else "too large"
            known = {"job": job.name, "phase": phase, "GiB": memory.peak(job.memory), "on one": fits}
            rows.append(known | dict(components))
    order = ["job", "phase", "GiB", "on one"]
    others = dict.fromkeys(name for row in rows for name in row if name not in order)
    cells = [[_gib(row.get(name)) for name in [*order, *others]] for row in rows]
    return tabulate(cells, headers=[*order, *others], disable_numparse=True)


def work_table(needed: Collection[Job], device: Device) -> str:
    """Tokens, operations and hours of each kind of job, and all together."""
    cells = [_work_row(job, device) for job in needed if job.work or job.disk]
    hours = sum(job.count * job.gpus * work.seconds(job.work, device, job.rates) for job in needed) / 3600
    disk = sum(job.count * job.disk for job in needed) / GIB
    scratch = max((job.scratch for job in needed), default=0) / GIB
    cells.append(["all", "", "", "", f"{hours:,.1f}", "", f"{disk:,.1f} + {scratch:,.1f}"])
    headers = ["job", "jobs", "M tokens", "exa-operations", "GPU hours", "hours of a job", "disk GiB"]
    return tabulate(cells, headers=headers, disable_numparse=True)


def _work_row(job: Job, device: Device) -> list[str]:
    """Tokens and operations of one job; hours and disk of all of its kind."""
    hours = {name: each.seconds(device, job.rates.get(name)) / 3600 for name, each in job.work.items()}
    measured = "*" if job.rates else ""
    return [
        job.name,
        str(job.count),
        f"{job.gpus * max((each.tokens for each in job.work.values()), default=0) / 1e6:,.1f}",
        f"{job.gpus * sum(each.operations for each in job.work.values()) / 1e18:,.1f}",
        f"{job.count * job.gpus * sum(hours.values()):,.1f}{measured}",
        " + ".join(f"{name} {value:.1f}" for name, value in hours.items()),
        f"{job.count * job.disk / GIB:,.1f}",
    ]


def _gib(value: object) -> str:
    return f"{value / GIB:.2f}" if isinstance(value, int) else str(value or "")
