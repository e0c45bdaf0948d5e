"""lm-eval beside our own evaluation: the suites as its tasks, and a cross-check of every verdict."""
