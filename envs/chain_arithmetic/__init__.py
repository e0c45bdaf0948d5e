"""Chain arithmetic: follow a chain of small operations modulo 20, thinking aloud.

The task of the `mini` scale: a 0.3 M-parameter teacher masters it in under a minute on a CPU, a
student stopped early does not, and every response has the shape of a reasoning model's: a
`<think>` block with one line per operation, then `\\boxed{}`.
"""

from envs.chain_arithmetic.environment import ChainArithmetic

__all__ = ["ChainArithmetic"]
