"""Problems through an engine: rows in order, and every log-probability beside its token."""

import pytest
import torch

from opd.batch import aligned
from opd.models import padding_id
from opd.rollout.torch_engine import TorchEngine, respond
from opd.spec import RolloutSpec
from opd.tasks.problems import Problems
from programs.errors import UserError

ROLLOUT = RolloutSpec(
    prompts=4, samples_per_prompt=2, minibatch_size=4, temperature=0.8, top_p=0.9, max_new_tokens=16
)


@pytest.fixture(scope="module")
def problems():
    return Problems("chain_arithmetic", ROLLOUT)


def test_the_batch_is_that_of_the_decoder(problems, student, tokenizer):
    """Bit by bit, padding included: what is trained on is what was sampled."""
    found = problems.collect(TorchEngine(student, tokenizer, 8), 3, 5)
    asked = problems._environment.training_problems(3, 5, 4)
    questions = [problem.question for problem in asked for _ in range(2)]
    drawn = respond(student, tokenizer, questions, [f"rollout/3/5/{row}" for row in range(8)], ROLLOUT)
    expected = aligned([(each.prompt, each.tokens) for each in drawn], padding_id(tokenizer))
    for name in ("tokens", "attention", "generated"):
        assert torch.equal(getattr(found.batch, name), getattr(expected, name))
    assert found.finished.tolist() == [each.finished for each in drawn]
    assert found.group.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_only_the_teacher_reads_its_prompt(problems, student, tokenizer):
    """The responses are those of the question alone; the teacher reads them after the prompt, row by row."""
    told = Problems("chain_arithmetic", ROLLOUT, "hint {answer} ; {question}")
    plain, found = (each.collect(TorchEngine(student, tokenizer, 8), 3, 5) for each in (problems, told))
    assert plain.batch.privileged is None
    assert torch.equal(found.batch.tokens, plain.batch.tokens)
    drawn = told._environment.training_problems(3, 5, 4)
    for experience in (found, found.shortest_first(), found.rows(torch.tensor([6, 1]))):
        seen = experience.batch.as_the_teacher_reads
        for row, number in enumerate(experience.episode.tolist()):
            problem = drawn[number // 2]
            prompt = f"<|im_start|> user hint {problem.answer} ; {problem.question} <|im_end|>"
            assert tokenizer.decode(seen.prompt(row)) == f"{prompt} <|im_start|> assistant"
            assert seen.response(row) == experience.batch.response(row)


def test_words_that_the_models_do_not_know_are_told_to_nobody(student, tokenizer):
    told = Problems("chain_arithmetic", ROLLOUT, "kindly hint {answer} ; {question}")
    with pytest.raises(UserError, match="the model does not know 'kindly' of the prompt"):
        told.collect(TorchEngine(student, tokenizer, 8), 0, 0)


def test_log_probabilities_stay_with_their_tokens(problems, student, tokenizer):
    """At temperature 1 and over the whole vocabulary, whatever the settings, in any order of rows."""
    found = problems.collect(TorchEngine(student, tokenizer, 8), 0, 0)
    for experience in (found, found.shortest_first(), found.rows(torch.tensor([5, 0, 5]))):
        batch = experience.batch
        inputs = {"attention_mask": batch.attention.long(), "position_ids": batch.positions}
        with torch.no_grad():
            logits = student(input_ids=batch.tokens, **inputs).logits[:, :-1][batch.generated[:, 1:]]
        expected = logits.log_softmax(-1).gather(-1, batch.sampled[:, None])[:, 0]
        torch.testing.assert_close(experience.rollout_log_prob, expected, rtol=0, atol=1e-4)
