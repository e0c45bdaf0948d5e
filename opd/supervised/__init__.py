"""Training on given responses: its loss, what a model from scratch learns from, and how well it does."""
