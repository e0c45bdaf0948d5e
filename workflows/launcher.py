"""What starts a program that runs a model: a lease on GPUs, and a process for each of them.

The program's name and its arguments follow. `python -m programs.start` imports it in less time.
"""

_START = "-m programs.start"


def of_model(gpus: int) -> str:
    """Starts one process, with the GPUs of a lease."""
    return f"{_lease(gpus)} python {_START}"


def of_training(processes: int, nodes: int, gpus: int) -> str:
    """Starts so many processes on each of some nodes, which have a lease on so many GPUs each.

    Over several nodes SLURM starts a torchrun on each; they meet at the one where the job's shell runs.
    """
    if processes == nodes == 1:
        return of_model(gpus)
    if nodes == 1:
        return f"{_lease(gpus)} torchrun --standalone --nproc-per-node {processes} {_START}"
    # A port of the job's own, as two jobs may have their first node in common.
    meeting = "--rdzv-id $SLURM_JOB_ID --rdzv-backend c10d"
    # The leases of two nodes may wait for their cards, and torch is read, for minutes apart.
    meeting += " --rdzv-conf read_timeout=900,join_timeout=900"
    meeting += " --rdzv-endpoint $(hostname):$((20000 + SLURM_JOB_ID % 10000))"
    # srun does not take over by itself how many cores sbatch was asked for.
    each = "--ntasks-per-node 1 --cpus-per-task $SLURM_CPUS_PER_TASK"
    # A torchrun ends its own ranks when one fails; those of other nodes would wait for them.
    started = f"srun --kill-on-bad-exit=1 {each} {_lease(gpus)}"
    return f"{started} torchrun --nnodes {nodes} --nproc-per-node {processes} {meeting} {_START}"


def _lease(gpus: int) -> str:
    return f"python -m workflows.lease --gpus {gpus} --"
