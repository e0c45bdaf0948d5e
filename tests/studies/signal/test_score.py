"""Stored scores against the models' own logits in float64, and the draw against the training loop's."""

import json

import numpy as np
import pytest
import torch

from envs.tokenizer import VOCABULARY_SIZE, build_tokenizer
from opd import models
from opd.batch import from_pairs
from opd.rollout.torch_engine import TorchEngine
from opd.spec import RolloutSpec
from opd.tasks.problems import Problems
from studies.signal import score
from studies.signal.stored import load, load_pair
from tests.opd.specs import TINY
from tests.studies.signal.scores import SPEC

ROLLOUT = RolloutSpec(**SPEC.sampling.model_dump(), prompts=5, samples_per_prompt=1, minibatch_size=5)


@pytest.fixture(scope="module")
def first(student, tokenizer):
    """The first step of a training run with five prompts."""
    engine = TorchEngine(student, tokenizer, 5)
    return Problems("chain_arithmetic", ROLLOUT).collect(engine, SPEC.seed, 0)


def test_responses_are_those_of_a_training_runs_first_step(stored, first):
    found = load(stored["teacher"])
    tokens = found.tokens.groupby("response").token.agg(list)
    for row in range(len(first.batch.tokens)):
        assert tokens[row] == first.batch.tokens[row][first.batch.generated[row]].tolist()
    assert found.responses.finished[:5].tolist() == first.finished.tolist()
    assert found.responses.tokens.tolist() == [len(ids) for ids in tokens]
    assert found.responses.response.tolist() == list(range(SPEC.responses))
    assert found.responses.question[0].startswith("x = ")
    assert found.cap == 20


def test_scores_are_the_models_own(stored, first, student, teacher, tokenizer):
    table = load(stored["teacher"]).tokens
    for row in range(2):
        found = table[table.response == row]
        ids, attention = first.batch.tokens[row], first.batch.attention[row]
        generated = first.batch.generated[row]
        log_p, log_q = (
            model(ids[attention][None])
            .logits[0]
            .double()
            .log_softmax(-1)[generated[attention].nonzero()[:, 0] - 1]
            for model in (student, teacher)
        )
        sampled = ids[generated][:, None]
        favourite = log_q.max(-1)
        expected = {
            "log_p": log_p.gather(1, sampled)[:, 0],
            "log_q": log_q.gather(1, sampled)[:, 0],
            "gap": (log_q - log_p).gather(1, sampled)[:, 0],
            "student_entropy": -(log_p.exp() * log_p).sum(-1),
            "teacher_entropy": -(log_q.exp() * log_q).sum(-1),
            "favourite_log_q": favourite.values,
            "logit_gradient_norm": gradient_norms(log_p.detach(), log_q, sampled),
        }
        for column, values in expected.items():
            np.testing.assert_allclose(found[column], values.detach(), rtol=1e-4, atol=1e-6, err_msg=column)
        assert found.text.tolist() == tokenizer.convert_ids_to_tokens(ids[generated].tolist())
        assert found.favourite.tolist() == tokenizer.convert_ids_to_tokens(favourite.indices.tolist())
        assert found.position.tolist() == list(range(len(found)))


def gradient_norms(log_p, log_q, sampled):
    """Norm of the gradient of A log p(y) with respect to the logits, by autograd."""
    logits = log_p.clone().requires_grad_()
    chosen = logits.log_softmax(-1).gather(1, sampled)
    reward = (log_q - log_p).gather(1, sampled)
    return torch.autograd.grad((reward * chosen).sum(), logits)[0].norm(dim=-1)


def test_teachers_read_the_same_responses(stored, tmp_path, folders):
    pair = load_pair(stored)
    assert (pair["respelled"].tokens.gap.abs() < 1e-5).all()  # the student is its own teacher there
    assert (pair["teacher"].tokens.gap.abs() > 1e-3).any()
    same = load_pair({"teacher": stored["teacher"], "respelled": stored["teacher"]})
    assert same["respelled"] is same["teacher"]
    score.main(SPEC.model_copy(update={"seed": 4}), *folders, tmp_path)
    with pytest.raises(ValueError, match="score one student with one spec"):
        load_pair({"teacher": stored["teacher"], "respelled": tmp_path})


def test_the_manifest_says_what_was_scored(stored, folders):
    manifest = json.loads((stored["teacher"] / "manifest.json").read_text())
    assert manifest["student"] == models.fingerprint(folders[0])
    assert manifest["teacher"] == models.fingerprint(folders[1])
    assert manifest["spec"] == SPEC.model_dump(mode="json")
    assert manifest["source_sha256"]


def test_only_complete_markers_are_marked():
    tokenizer = build_tokenizer()
    texts = ["<think> 1 </think>", "think > 2 <", "</think><think>"]
    pairs = [([0], tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
    column = score.marker_column(from_pairs(pairs, 0), ("<think>", "</think>"), tokenizer)
    opened, closed = ["<think>"] * 3, ["</think>"] * 3
    assert column == [*opened, "", *closed, *[""] * 4, *closed, *opened]


def test_models_must_share_a_vocabulary(folders, tmp_path):
    longer = build_tokenizer()
    longer.add_tokens(["extra"])
    models.save(models.build(TINY, longer, seed=0), longer, tmp_path / "longer")
    sizes = f"{VOCABULARY_SIZE} token ids .* {VOCABULARY_SIZE + 1}"
    with pytest.raises(ValueError, match=sizes):
        score.main(SPEC, folders[0], tmp_path / "longer", tmp_path / "out")
