"""The host's memory of a job: an offloaded student, models while they load, and the programs themselves."""

from opd.plan.devices import GIB
from opd.plan.memory import Layout
from opd.plan.shape import Shape

# Interpreter, libraries and CUDA's own memory of each process; vLLM's helpers, games and pages of files that
# are being written, of all together. Assumptions.
_PROCESS = 8 * GIB
_ONCE = 8 * GIB


def needed(largest: Shape, student: Shape, layout: Layout, processes: int) -> int:
    """Bytes on a machine with so many of a run's processes, each of which loads the largest model itself."""
    each = largest.weights + offloaded(student, layout) + _PROCESS
    return processes * each + _ONCE


def answering(largest: Shape) -> int:
    """Bytes of a job of one process that trains nothing."""
    return largest.weights + _PROCESS + _ONCE


def offloaded(student: Shape, layout: Layout) -> int:
    """Bytes of a rank's part of a student that rests on the host: weights, gradients and two moments.

    Weights and gradients are pinned. For a pinned tensor torch takes the next power of two, at the 7B shape
    nearly twice the bytes. Its setting against that, `pinned_max_round_threshold_mb`, is not safe: torch 2.13
    then gives a freed block to a larger tensor (github.com/pytorch/pytorch/pull/192722).
    """
    if not layout.memory.offload:
        return 0
    trained = layout.trained_in_all(student) // layout.ranks
    weights = pinned(student, layout.offloaded(student), layout.ranks)
    return weights + (4 * trained if layout.lora else weights + 2 * trained)


def pinned(shape: Shape, weights: int, ranks: int) -> int:
    """Bytes of pinned blocks for a rank's `weights` bytes, a block for each of the shape's tensors."""
    width = -(-weights * ranks // shape.parameters)  # a rank's part was rounded down
    matrices = [inputs * outputs for inputs, outputs in shape.matrices.values()] * shape.layers
    matrices += [shape.head_matrix] * (1 if shape.tied else 2)
    vectors = shape.parameters - sum(matrices)
    return sum(_block(width * size // ranks) for size in matrices) + width * vectors // ranks


def _block(size: int) -> int:
    return 1 << (size - 1).bit_length()
