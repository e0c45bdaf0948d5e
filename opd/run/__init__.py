"""A training run as a program: its loop, checkpoints, trackers, model card, and what the machine did."""
