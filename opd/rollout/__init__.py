"""Rollouts: one protocol, two engines, token ids in and out."""

ENGINES = ("torch", "vllm")

TRACES_TOGETHER = 256
"""Traces of a teacher that are decoded at a time."""
