"""The engines' common face: every question answered once, the same whatever was done before."""

import pytest
import torch

from opd.rollout import engine
from opd.spec import EngineSpec, SamplingSpec
from tests.opd.rollout.asking import asking

SAMPLED = SamplingSpec(temperature=1, top_p=1, max_new_tokens=12)


@pytest.fixture(scope="module")
def asked():
    return asking(11)


def test_torch_answers_every_question_in_batches(folders, asked):
    whole = dict(engine.load("torch", folders[0], 11).stream(*asked, SAMPLED, set()))
    assert list(whole) == list(range(11))
    batches = dict(engine.load("torch", folders[0], 4).stream(*asked, SAMPLED, set()))
    for row, response in whole.items():
        assert response.tokens == batches[row].tokens
        assert response.log_prob == pytest.approx(batches[row].log_prob, abs=1e-4)
        assert response.finished or len(response.tokens) == 12


def test_what_is_done_is_not_answered_again(folders, asked):
    torch_engine = engine.load("torch", folders[0], 4)
    whole = dict(torch_engine.stream(*asked, SAMPLED, set()))
    done = {0, 1, 2, 3, 5, 10}
    rest = dict(torch_engine.stream(*asked, SAMPLED, done))
    assert list(rest) == [4, 6, 7, 8, 9]
    # Also in its rounding: a batch that is partly done is decoded in its old company.
    assert all(rest[row] == whole[row] for row in rest)


def test_a_missing_vllm_says_how_to_get_it(folders, monkeypatch):
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install -c constraints.txt '\.\[vllm\]'"):
        engine.load("vllm", folders[0], 4)


def test_another_engine_is_named(folders, student, tokenizer):
    with pytest.raises(ValueError, match="unknown engine 'sglang'"):
        engine.load("sglang", folders[0], 4)
    spec = EngineSpec().model_copy(update={"name": "sglang"})
    with pytest.raises(ValueError, match="unknown engine 'sglang'"):
        engine.follow(spec, student, folders[0], tokenizer, 4, torch.float32)
