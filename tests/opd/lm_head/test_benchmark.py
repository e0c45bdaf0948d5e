"""The benchmark compares methods that compute the same thing, and counts memory that is known."""

import torch

from opd.lm_head.benchmark import LiveTensors, competitors, draw, error, extra_bytes, measure


def test_cpu_methods_agree_with_float64_and_ours_needs_least():
    case = draw(40, 16, 3000, 6, torch.float32, "cpu", trained=True)
    assert all(len(set(row)) == 6 for row in case.ids.tolist())
    methods = competitors("cpu")
    assert max(error(method, case) for method in methods.values()) < 1e-4
    extra = {name: extra_bytes(method, case) for name, method in methods.items()}
    assert extra["support only, gather"] < 0.2 * extra["full logits"]
    assert extra["full logits"] > 2 * 40 * 3000 * 4


def test_rows_of_the_table():
    case = draw(8, 4, 100, 3, torch.float32, "cpu", trained=False)
    rows = list(measure(case, "cpu", repeats=1))
    assert [row["method"] for row in rows] == list(competitors("cpu"))
    assert rows[0]["speed"] == "1.0x"
    assert all(row["head"] == "frozen" for row in rows)


def test_live_tensors_counts_peaks_not_sums():
    with LiveTensors() as memory:
        for _ in range(5):
            block = torch.zeros(1000)
            del block
        kept = torch.zeros(500)
        view = kept.view(50, 10)
    assert memory.peak == 4000
    assert memory.live == 2000
    assert view.shape == (50, 10)
