"""The trial's training, as the loop does it: in passes."""

from dataclasses import replace

import torch

from opd.plan.profile import MODELS
from opd.plan.step import Step
from opd.plan.trial import LSM, Case, works
from opd.run.machine import peak_bytes

STEP = Step(rows=16, together=4, prompt=4, cap=28, tokens=16 * 32)


def training_peak(step: Step) -> int:
    work = works(Case("tiny", MODELS["tiny"], LSM, step))
    work["scoring"]()
    work["training"]()  # so that there are gradients
    return peak_bytes(work["training"], torch.device("cpu"))


def test_training_holds_the_activations_of_one_pass():
    whole = training_peak(STEP)
    assert training_peak(replace(STEP, tokens=4 * 32)) < 0.4 * whole
    assert training_peak(replace(STEP, rows=4)) < 0.4 * whole
