"""Peak memory of known tensors."""

import torch

from opd.run.machine import LiveTensors, Stopwatch, peak_bytes


def test_live_tensors_counts_peaks_not_sums():
    with LiveTensors() as memory:
        for _ in range(5):
            block = torch.zeros(1000)
            del block
        kept = torch.zeros(500)
        view = kept.view(50, 10)
    assert memory.peak == 4000
    assert memory.live == 2000
    with LiveTensors() as memory:
        kept.view(50, 10).add_(1)
    assert memory.peak == 0
    assert view.shape == (50, 10)


def test_the_peak_of_a_piece_of_work_leaves_out_what_was_there():
    there = torch.zeros(1000)
    assert peak_bytes(lambda: there + 1, torch.device("cpu")) == 4000
    assert peak_bytes(lambda: there.add_(1), torch.device("cpu")) == 0


def test_a_phase_that_comes_twice_adds_its_time_and_keeps_the_larger_peak():
    watch = Stopwatch()
    with watch("training"):
        pass
    once = watch.seconds["training"]
    watch.peak_mib["training"] = 1e9
    with watch("training"):
        pass
    assert watch.seconds["training"] > once > 0
    assert watch.peak_mib == {"training": 1e9}
