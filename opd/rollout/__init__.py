"""Rollouts: one protocol, two engines, token ids in and out."""

ENGINES = ("torch", "vllm")
