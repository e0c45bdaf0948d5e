"""Rollouts: one protocol, two engines, token ids in and out."""

ENGINES = ("torch", "vllm")

TRACES_TOGETHER = 256
"""Teacher traces that a warm start samples at a time."""
