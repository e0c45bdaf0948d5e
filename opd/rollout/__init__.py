"""Rollouts: one protocol (`generate` in each engine module), token ids in and out."""
