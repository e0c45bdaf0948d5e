"""The benchmark of the decoders runs on a model folder and compares both."""

from opd.rollout import benchmark


def test_both_decoders_are_measured(folders, capsys):
    student, _ = folders
    benchmark.main(student, responses=2, rounds=1)
    printed = capsys.readouterr().out
    assert "transformers, static cache" in printed
    assert "fused" in printed
