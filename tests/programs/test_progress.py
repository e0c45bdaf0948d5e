"""Progress in a log: lines with rate and remaining time, and nothing from a short job."""

import io
import sys

from programs import progress


def written(monkeypatch, seconds: float) -> str:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    monkeypatch.setattr(progress, "_SECONDS", seconds)
    assert list(progress.progress(range(3), desc="play", unit="game", file=log)) == [0, 1, 2]
    with progress.progress(total=2, desc="score", file=log) as bar:
        bar.update()
        bar.update()
    return log.getvalue()


def test_a_long_job_writes_lines_with_rate_and_remaining_time(monkeypatch):
    text = written(monkeypatch, 0.0)
    lines = [line for line in text.splitlines() if line.strip()]
    assert "\r" not in text
    assert any(line.startswith("play:  67%") and "2/3 [" in line and "game/s" in line for line in lines)
    assert any(line.startswith("score: 100%") for line in lines)
    assert all("<" in line for line in lines)  # what is left


def test_a_short_job_writes_nothing(monkeypatch):
    assert written(monkeypatch, 60.0) == ""
