"""Bytes of the host's memory by hand."""

import math
from dataclasses import replace

import pytest

from opd.plan import host
from opd.plan.devices import GIB
from opd.plan.memory import Layout
from opd.plan.shape import Shape
from opd.spec import LoraSpec, MemorySpec
from tests.workflows.needs.scales import scale
from workflows.needs import models
from workflows.needs.requests import Requests

SHAPE = Shape(
    vocabulary=100, hidden=8, intermediate=20, layers=3, heads=4, key_value_heads=2, head_width=2, tied=False
)
OFFLOADED = Layout(MemorySpec(master_weights=True, offload=True))
# Of a layer in float32: two of 8 x 8, two of 8 x 4, three of 8 x 20; then embedding and head; then vectors.
BLOCKS = 3 * (2 * 256 + 2 * 128 + 3 * 1024) + 2 * 4096 + 4 * (3 * (2 * 8 + 8 + 2 * 4) + 8)


def test_pinned_tensors_take_powers_of_two():
    assert host.pinned(SHAPE, 4 * SHAPE.parameters, 1) == BLOCKS
    assert host.offloaded(SHAPE, OFFLOADED) == 2 * BLOCKS + 8 * SHAPE.parameters


def test_a_rank_has_its_part():
    halves = replace(OFFLOADED, ranks=2)
    assert host.offloaded(SHAPE, halves) == host.offloaded(SHAPE, OFFLOADED) // 2
    assert host.offloaded(SHAPE, Layout(MemorySpec(master_weights=True))) == 0


def test_a_part_that_was_rounded_down_has_whole_numbers():
    """Three ranks divide none of the matrices' bytes; their blocks are powers of two all the same."""
    width, sizes = 4, [8 * 8] * 6 + [8 * 4] * 6 + [8 * 20] * 9 + [800] * 2
    vectors = SHAPE.parameters - sum(sizes)
    blocks = sum(2 ** math.ceil(math.log2(width * size // 3)) for size in sizes) + width * vectors // 3
    assert host.pinned(SHAPE, width * SHAPE.parameters // 3, 3) == blocks


def test_adapters_alone_have_gradients_moments_and_float32():
    adapted = replace(OFFLOADED, lora=LoraSpec(rank=2, alpha=4))
    trained = adapted.trained_in_all(SHAPE)
    assert host.offloaded(SHAPE, adapted) == BLOCKS // 2 + 4 * trained


def test_a_job_by_hand():
    assert host.answering(SHAPE) == SHAPE.weights + 16 * GIB
    for ranks in (1, 2):
        layout = replace(OFFLOADED, ranks=ranks)
        each = SHAPE.weights + host.offloaded(SHAPE, layout) + 8 * GIB
        assert host.needed(SHAPE, SHAPE, layout, ranks) == ranks * each + 8 * GIB


@pytest.mark.parametrize(
    ("names", "gigabytes"), [(["small"], 61), (["paper", "paper_1gpu"], 210), (["paper"], 200)]
)
def test_what_a_cluster_is_asked_for_is_what_the_page_promises(names, gigabytes):
    """docs/planning.md, scales and cards."""
    asked = Requests(scale(*names)).run_mib("single_task", "lsm") * 2**20
    assert (gigabytes - 1) * 10**9 < asked <= gigabytes * 10**9


def test_the_paper_s_student_on_the_host():
    student = models.shape_of(scale("paper"), "student")
    assert host.pinned(student, 4 * student.parameters, 1) / (4 * student.parameters) == pytest.approx(
        1.90, abs=0.01
    )
