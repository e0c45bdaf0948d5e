"""Policy-gradient estimators between token level and sequence level (arXiv 2603.25562, appendix E)."""
