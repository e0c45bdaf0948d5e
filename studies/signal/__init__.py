"""What the teacher says of sampled tokens (arXiv 2603.25562, figures 2 to 5 and A7 to A9)."""
