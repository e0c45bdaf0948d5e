"""Which of a CPU's instructions torch computes with: AVX2's everywhere, so that numbers are the same.

With AVX-512 sums are made in another order, and a student that is trained from scratch until it is good
enough ends elsewhere: the mini scale's first solves 40 % of its problems then, not 30 (greedily; see
docs/results/students.md).
"""

import os

# Read by torch itself, MKL and oneDNN when they first compute. Whoever sets one means it.
_LIMITS = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
}


def limit() -> None:
    """Call before torch computes anything."""
    for name, value in _LIMITS.items():
        os.environ.setdefault(name, value)
