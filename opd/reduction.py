"""From a loss per position to one number: how much each position counts."""

from collections.abc import Callable

from torch import Tensor

_TINY = 1e-9


def position_weights(
    mask: Tensor, sequence: Tensor, reduction: str, total: Callable[[Tensor], Tensor] = lambda count: count
) -> Tensor:
    """(N,) weights, summing to 1, under which the sum of per-position losses is their mean.

    `mask` (N,) says how much a position counts (0: not at all), `sequence` (N,) to which sequence it
    belongs. `token_mean` averages over all positions (arXiv 2603.25562, equation 8); `sequence_mean`
    averages each sequence, then the sequences (what its code does, as it takes one sequence per
    micro-batch). Sequences that do not count at all are left out. All zero if nothing counts.

    The weights are computed once per minibatch, so that the sum of the losses of any micro-batches
    has the same gradient. Where the positions are a part of a minibatch, in whole sequences, `total` gives
    the whole's sum for a part's; the weights of all parts then sum to 1.
    """
    match reduction:
        case "token_mean":
            return mask / total(mask.sum()).clamp(min=_TINY)
        case "sequence_mean":
            sequences = int(sequence.max()) + 1 if len(sequence) else 0
            masses = mask.new_zeros(sequences).index_add(0, sequence, mask)
            counted = total((masses > 0).sum()).clamp(min=1)
            return mask / (masses.clamp(min=_TINY)[sequence] * counted)
    raise ValueError(f"unknown reduction {reduction!r}")
