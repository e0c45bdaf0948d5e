"""The training half of a step: each minibatch on its own scores, which are held once."""

import pytest
import torch

from opd import training
from opd.batch import from_pairs
from opd.parallel.share import divide
from opd.run.machine import peak_bytes, storages
from opd.scoring.compare import compare
from tests.opd.runs import accumulate, started
from tests.opd.specs import METHODS, distill_spec

PAIRS = [([1, 10, 20], [40, 50, 60]), ([2, 11], [41, 42]), ([3, 12, 22], [43, 52]), ([4], [44, 45, 46, 47])]


@pytest.mark.parametrize("method", ["lsm", "full", "baseline"])
def test_a_minibatch_has_the_loss_of_its_sequences_alone(folders, method):
    """Scored and trained on by themselves, under weights that do not move."""
    spec = distill_spec(objective=METHODS[method], optimizer={"learning_rate": 1e-12}, tokens_per_forward=10)
    run, batch = started(spec, folders), from_pairs(PAIRS, pad_id=0)
    models = run.student.model, run.tasks[0].teacher
    support, count = spec.objective.support, len(batch.sampled)
    advantage, mask = torch.linspace(-1, 2, count), (torch.arange(count) % 4 > 0).float()
    share = divide(len(PAIRS), 2, batch.tokens.device)
    whole = compare(*models, batch, 8, 64, support)
    updates = list(training.train(spec, run.student, models[1], share, batch, whole, advantage, mask))
    for number, update in enumerate(updates):
        rows = share.part(number)
        part, chosen = batch.rows(rows.nonzero()[:, 0]), rows[batch.sequence]
        alone = compare(*models, part, 8, 64, support)
        expected = accumulate(run, part, alone, advantage[chosen], mask[chosen])
        assert update["loss"] == pytest.approx(expected, rel=1e-5)
        assert update["clip_fraction"] in (0, None)
    assert updates[0]["loss"] != pytest.approx(updates[1]["loss"], rel=0.01)


def test_the_scores_of_a_minibatch_are_not_copied(folders):
    """Only those of one forward pass at a time."""
    run, batch = started(distill_spec(tokens_per_forward=64), folders), from_pairs(PAIRS * 200, pad_id=0)
    models = run.student.model, run.tasks[0].teacher
    scores = compare(*models, batch, 128, 64, "teacher_top_k")
    held = sum(each.nbytes() for each in storages([vars(scores.student), vars(scores.teacher)]).values())
    share = divide(len(batch.tokens), len(batch.tokens), batch.tokens.device)
    ones = torch.ones(len(batch.sampled))
    given = (run.spec, run.student, models[1], share, batch, scores, ones, ones)
    peak = peak_bytes(lambda: list(training.train(*given)), batch.tokens.device)
    assert peak < held / 3
