"""Several ranks train as one does on traces: gradients, whole runs, master weights. Gloo on a CPU."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.distributed.tensor import DTensor

from opd import sft
from opd.parallel import ranks
from tests.opd.parallel.processes import on_ranks
from tests.opd.traces import KEPT, sft_spec, write_traces


@pytest.fixture(scope="module")
def traces(tmp_path_factory):
    return write_traces(tmp_path_factory.mktemp("traces"))


def gradients(student: Path, traces: Path) -> dict[int, torch.Tensor]:
    """By tokens per pass, the whole gradient of all traces and of one, which leaves the other ranks idle."""
    found = {}
    for tokens in (10_000, 60, 1):
        spec = sft_spec(batch_size=KEPT - 1, tokens_per_forward=tokens)
        run = sft.start(spec, student, sft.kept_lines(spec, traces))
        for step in (0, 1):
            sft.accumulate(run, sft.batch_of(run, step))
        gathered = [
            p.grad.full_tensor() if isinstance(p.grad, DTensor) else p.grad
            for p in run.student.model.parameters()
        ]
        assert all(isinstance(p, DTensor) == (ranks.count() > 1) for p in run.student.model.parameters())
        found[tokens] = torch.cat([each.flatten() for each in gathered])
    return found


def test_gradient_does_not_depend_on_ranks_and_micro_batches(folders, traces, tmp_path):
    alone = gradients(folders[0], traces)
    for of_rank in on_ranks(tmp_path, 2, gradients, folders[0], traces):
        for tokens, found in of_rank.items():
            torch.testing.assert_close(found, alone[10_000], rtol=1e-4, atol=1e-7)
            torch.testing.assert_close(alone[tokens], alone[10_000], rtol=1e-4, atol=1e-7)


def trained(student: Path, traces: Path, out: Path) -> None:
    """A run as it is, one that saves memory, and one in two precisions."""
    saving = {"recompute_layers": True, "offload": True, "pack_sequences": True}
    for name, memory in {"plain": {}, "saving": saving, "master": {"master_weights": True}}.items():
        sft.main(sft_spec(memory=memory), student, traces, out / name)


def test_runs_of_two_ranks_are_those_of_one(folders, traces, tmp_path):
    sft.main(sft_spec(), folders[0], traces, tmp_path / "alone")
    on_ranks(tmp_path, 2, trained, folders[0], traces, tmp_path)
    assert len((tmp_path / "plain/metrics.jsonl").read_text().splitlines()) == 9
    folders_of = [folders[0], *(tmp_path / name / "model" for name in ("alone", "plain", "saving", "master"))]
    start, alone, plain, saving, master = map(weights, folders_of)
    # Rounding, which Adam's division makes larger.
    torch.testing.assert_close(plain, alone, rtol=0, atol=2e-4)
    torch.testing.assert_close(saving, alone, rtol=0, atol=2e-4)
    assert (alone - start).abs().max() > 0.02
    assert torch.nn.functional.cosine_similarity(master - start, alone - start, dim=0) > 0.9


def weights(folder: Path) -> torch.Tensor:
    """All weights of a folder in a row."""
    return torch.cat(
        [each.float().flatten() for _, each in sorted(load_file(folder / "model.safetensors").items())]
    )
