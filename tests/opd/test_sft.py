"""SFT warm start: which traces are kept, and that the student learns them."""

import re

import pytest

from opd import models, sft
from opd.batch import from_pairs
from opd.spec import SftSpec
from opd.supervised import cross_entropy

SPEC = SftSpec(
    environment="chain_arithmetic",
    seed=0,
    traces=12,
    keep="correct",
    sampling={"temperature": 0.3, "top_p": 1.0, "max_new_tokens": 12},
    epochs=4,
    batch_size=4,
    learning_rate=0.01,
)


def test_only_verified_traces_are_kept_and_learned(folders, tokenizer, tmp_path, monkeypatch):
    # A random teacher is never right, so the verdicts are given: every other trace counts as correct.
    monkeypatch.setattr(sft, "verified", lambda _, problems, *__: [i % 2 == 0 for i in range(len(problems))])
    student, teacher = folders
    pairs = sft.sample_traces(SPEC, teacher, tokenizer)
    assert len(pairs) == 6
    assert pairs == sft.sample_traces(SPEC, teacher, tokenizer)

    sft.main(SPEC, student, teacher, tmp_path / "model")
    batch = from_pairs(pairs, tokenizer.pad_token_id)
    before, after = (cross_entropy(models.load(f), batch).item() for f in (student, tmp_path / "model"))
    assert after < before - 0.5

    text = (tmp_path / "model" / "README.md").read_text()
    assert all(models.fingerprint(folder) in text for folder in folders)
    assert re.search(r"^\| traces +\| 6 ", text, re.M)


def test_all_traces_can_be_kept(folders, tokenizer):
    every = sft.sample_traces(SPEC.model_copy(update={"keep": "all"}), folders[1], tokenizer)
    assert len(every) == 12


def test_no_correct_trace_is_an_error(folders, tmp_path):
    with pytest.raises(ValueError, match="no correct trace"):
        sft.main(SPEC, *folders, tmp_path / "model")
