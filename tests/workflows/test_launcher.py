"""The text that stands before a program's name in a command."""

from tests.workflows.needs.scales import scale
from workflows import launcher
from workflows.needs.requests import Requests


def test_one_process_has_a_lease_of_its_own():
    assert launcher.of_model(1) == "python -m workflows.lease --gpus 1 -- python -m programs.start"
    assert launcher.of_training(1, 1, 0) == launcher.of_model(0)


def test_torchrun_starts_several_under_one_lease():
    assert launcher.of_training(8, 1, 8) == (
        "python -m workflows.lease --gpus 8 -- torchrun --standalone --nproc-per-node 8 -m programs.start"
    )


def test_slurm_starts_a_torchrun_on_each_of_several_nodes():
    started, trained = launcher.of_training(4, 2, 4).split(" -- ")
    per_node = "--ntasks-per-node 1 --cpus-per-task $SLURM_CPUS_PER_TASK"
    assert started == f"srun --kill-on-bad-exit=1 {per_node} python -m workflows.lease --gpus 4"
    assert trained.startswith("torchrun --nnodes 2 --nproc-per-node 4 --rdzv-id $SLURM_JOB_ID ")


def test_a_config_says_how_many_of_which():
    asked = Requests(scale("mini", training_processes=8, training_nodes=2, gpu="h100"))
    assert asked.launcher == launcher.of_training(4, 2, 4)
    assert asked.model_launcher == launcher.of_model(1)
    assert Requests(scale("mini")).launcher == Requests(scale("mini")).model_launcher == launcher.of_model(0)
