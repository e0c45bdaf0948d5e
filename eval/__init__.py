"""Evaluation: responses, verdicts, statistics, tables and figures."""
