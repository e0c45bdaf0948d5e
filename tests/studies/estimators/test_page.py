"""docs/results/estimators.md states what the mini scale measures."""

import re

from programs.provenance import ROOT
from studies.estimators import variance
from studies.estimators.spec import EstimatorsSpec, ToySetting

PAGE = (ROOT / "docs/results/estimators.md").read_text()


def test_exponents_of_the_page():
    spec = EstimatorsSpec()
    found = variance.exponents(variance.measure(spec), spec.variance).set_index(["gamma", "chain"])
    for gamma in spec.gammas:
        cells = [f"{gamma:g}"]
        for chain in spec.variance.chains:
            row = found.loc[gamma, chain]
            cells.append(f"{row.exponent:.2f} [{row.low:.2f}, {row.high:.2f}]")
        cells.append(f"{found.exponent[gamma, 'gaussian']:.2f}")
        assert f"| {' | '.join(cells)} |" in PAGE


def test_declared_settings_of_the_page():
    setting = ToySetting()
    assert f"minus {setting.effort:g} times the squared action" in PAGE
    assert f"{setting.sigma_floor:g} + softplus" in PAGE
    assert f"Adam 3e-3, {setting.teacher_iterations} updates" in PAGE
    assert setting.teacher_learning_rate == 0.003
    assert f"3-{setting.width}-{setting.width}-2" in PAGE


def test_every_variant_of_the_toy_is_on_the_page():
    rows = re.findall(r"^\| ([\w ,.-]+?) \|", PAGE, re.M)
    assert set(EstimatorsSpec().toy.variants) <= set(rows)
