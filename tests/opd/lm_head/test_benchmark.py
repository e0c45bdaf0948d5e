"""The benchmark compares methods that compute the same thing, and counts memory that is known."""

import pytest
import torch

from opd.lm_head.benchmark import (
    competitors,
    draw,
    error,
    measure,
    needed_bytes,
    unavoidable_bytes,
    watched,
)


def test_cpu_methods_agree_with_float64_and_ours_needs_least():
    case = draw(40, 16, 3000, 6, torch.float32, "cpu", trained=True)
    assert all(len(set(row)) == 6 for row in case.ids.tolist())
    methods = competitors("cpu")
    passes = {name: watched(method, case) for name, method in methods.items()}
    assert max(error(gradient, case) for _, gradient in passes.values()) < 1e-4
    extra = {name: peak for name, (peak, _) in passes.items()}
    assert extra["support only, gather"] < 0.2 * extra["full logits"]
    assert extra["full logits"] > 2 * 40 * 3000 * 4


def test_rows_of_the_table():
    case = draw(8, 4, 100, 3, torch.float32, "cpu", trained=False)
    rows = list(measure(case, competitors("cpu"), repeats=1, memory=2**30, bandwidth=1e9))
    assert [row["method"] for row in rows] == list(competitors("cpu"))
    assert rows[0]["speed"] == "1.0x"
    assert all(row["head"] == "frozen" for row in rows)


def test_one_token_has_no_gradient_and_no_error():
    case = draw(8, 4, 100, 1, torch.float32, "cpu", trained=False)
    _, gradient = watched(competitors("cpu")["support only, gather"], case)
    assert error(gradient, case) == 0


def test_methods_without_room_are_not_run_and_nothing_is_compared_with_them():
    case = draw(8, 4, 100, 3, torch.float32, "cpu", trained=True)
    rows = {row["method"]: row for row in measure(case, competitors("cpu"), 1, 4000, 1e9)}
    assert rows["full logits"]["ms"] == "not run (needs 0.0 GiB)"
    assert rows["support only, gather"]["speed"] == "-"
    assert float(rows["support only, gather"]["ms"]) > 0


@pytest.mark.parametrize("trained", [False, True])
def test_needed_memory_is_estimated(trained):
    case = draw(64, 16, 3000, 6, torch.float32, "cpu", trained)
    gradients = case.states.nbytes + case.weight.nbytes * trained
    for name in ("full logits", "full logits, K gathered (NeMo-RL #3314)", "naive row gather"):
        used = watched(competitors("cpu")[name], case)[0] + gradients
        assert 0.9 * used < needed_bytes(name, case) < 3 * used


def test_ids_are_distinct_and_as_frequent_as_tokens():
    """Id v has frequency 1 / (v + 1): of single draws, a share log(11) / log(V) is among the first ten."""
    ids = draw(4000, 1, 2000, 1, torch.float32, "cpu", trained=False).ids
    weights = 1 / torch.arange(1, 2001)
    expected = float(weights[:10].sum() / weights.sum())
    assert abs(float((ids < 10).float().mean()) - expected) < 4 * (expected / 4000) ** 0.5


def test_bytes_that_no_support_only_head_avoids():
    """At the 7B shape with N = 16,384, K = 32 in bfloat16 the head's rows alone are 3.8 GB."""
    frozen, trained = (draw(8, 4, 100, 3, torch.float32, "cpu", trained=each) for each in (False, True))
    rows = 8 * 3 * 4 * 4
    assert unavoidable_bytes(frozen) == 2 * rows
    assert unavoidable_bytes(trained) == 3 * rows + 100 * 4 * 4
