"""From a spec and files to the ledger's lines and pages."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError
from scipy import stats

from eval.claims.__main__ import main
from eval.claims.ledger import build
from eval.claims.spec import Claim, ClaimsSpec, Ledger
from programs.command_line import json_of
from programs.errors import UserError

LINE = {"study": "signal", "file": "signal.csv", "value": 0.5, "matters": 0.1, "unit": "share"}
CLAIMS = [
    {
        "name": "most",
        "sentence": "Most are <negative>.",
        "place": "Figure 2",
        "line": LINE | {"where": {"quantity": "negative"}, "direction": "above"},
        "caveat": "one model",
    },
    {
        "name": "few",
        "sentence": "Few are positive.",
        "place": "Figure 2",
        "extends": True,
        "line": LINE | {"where": {"quantity": "positive"}, "direction": "above"},
    },
    {
        "name": "not_run",
        "sentence": "LSM is better.",
        "place": "Table 1",
        "score": {"study": "tables", "row": "LSM", "against": "ST", "direction": "above", "matters": 2},
    },
    {
        "name": "no_row",
        "sentence": "LSM is better at its best.",
        "place": "Table 1",
        "score": {
            "study": "tables",
            "row": ["LSM", "LSM 2"],
            "against": "ST",
            "direction": "above",
            "matters": 2,
        },
    },
    {
        "name": "no_study",
        "sentence": "Gradients are smaller.",
        "place": "Figure A6",
        "curve": {
            "study": "curves",
            "row": "LSM",
            "metric": "gradient_norm",
            "against": {"row": "ST"},
            "scale": "log_ratio",
            "direction": "below",
            "matters": 0.1,
            "unit": "log ratio",
        },
    },
    {
        "name": "never",
        "sentence": "Shops, too.",
        "paper": "2605.11182",
        "place": "Table A2",
        "why_not": "there is no shop",
    },
]


@pytest.fixture
def results(tmp_path) -> Path:
    columns = ["quantity", "mean", "low", "high", "standard_error", "freedom", "clusters"]
    rows = [("negative", 0.8, 0.7, 0.9, 0.05, 50, 51), ("positive", 0.3, 0.2, 0.4, 0.05, 50, 51)]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "signal.csv", index=False)
    return tmp_path


@pytest.fixture
def spec(results) -> ClaimsSpec:
    return ClaimsSpec(
        results=str(results),
        title="Claims",
        scale="smoke",
        scale_description="made by hand",
        protocol="avg@2",
        claims=CLAIMS,
        studies={
            "signal": {"run": True, "rebuild": "snakemake signal"},
            "tables": {"rows": ["LSM", "ST"], "run": False, "rebuild": "snakemake tables"},
        },
        rebuild="snakemake claims",
    )


def test_lines(spec, results):
    ledger = build(spec).set_index("name")
    assert ledger.verdict.to_dict() == {
        "most": "supported",
        "few": "contradicted",
        "not_run": "undecided",
        "no_row": "undecided",
        "no_study": "undecided",
        "never": "undecided",
    }
    assert ledger.reason.to_dict() == {
        "most": "one model",
        "few": "the opposite holds",
        "not_run": "study tables was not run: snakemake tables",
        "no_row": "study tables of this scale has no row 'LSM 2'",
        "no_study": "this scale has no study curves",
        "never": "there is no shop",
    }
    most = ledger.loc["most"]
    assert (most.effect, most.low, most.high) == pytest.approx((0.3, 0.2, 0.4))
    assert (most.study, most.direction, most.matters, most.unit) == ("signal", "above", 0.1, "share")
    assert most.comparison == "mean of quantity negative - 0.5"
    assert most.clusters == 51
    assert pd.isna(most.seeds)
    # Student's t shifted by 2 standard errors, beyond its 5 % quantiles.
    shifted, critical = stats.nct(50, 0.1 / 0.05), stats.t.ppf(0.975, 50)
    assert most.power == pytest.approx(shifted.sf(critical) + shifted.cdf(-critical))
    shifted = stats.nct(50, most.detectable / 0.05)
    assert shifted.sf(critical) + shifted.cdf(-critical) == pytest.approx(0.8)
    assert ledger.loc["not_run":, ["effect", "low", "high", "power", "detectable"]].isna().all(axis=None)


def test_pages_count_verdicts_and_group_claims_by_them(spec, results, tmp_path):
    main(spec, tmp_path / "out")
    assert len(pd.read_csv(tmp_path / "out/claims.csv")) == len(CLAIMS)
    summary = (tmp_path / "out/claims_summary.md").read_text()
    header, _, *papers = ([cell.strip() for cell in line.split("|")[1:-1]] for line in summary.splitlines())
    assert header == ["paper", "claims", "supported", "contradicted", "undecided"]
    assert papers == [
        ["arXiv 2603.25562", "4", "1", "0", "3"],
        ["beyond arXiv 2603.25562", "1", "0", "1", "0"],
        ["arXiv 2605.11182", "1", "0", "0", "1"],
    ]
    title, first, *sections = (tmp_path / "out/claims.md").read_text().split("\n\n")
    assert title == "# Claims"
    assert first == (
        "5 claims: 1 supported, 0 contradicted, 4 undecided. "
        "1 that ask more than the papers say: 0 supported, 1 contradicted, 0 undecided."
    )
    assert sections[::2] == ["## Supported", "## Contradicted", "## Undecided", sections[-1]]
    assert "beyond 2603.25562" in sections[3]
    header, _, *rows = sections[1].splitlines()
    names, values = ([cell.strip() for cell in line.strip("|").split("|")] for line in (header, rows[0]))
    assert len(rows) == 1
    assert dict(zip(names, values, strict=True)) == {
        "claim": "Most are <negative>.",
        "paper": "2603.25562",
        "place": "Figure 2",
        "comparison": "mean of quantity negative - 0.5",
        "effect [95 %]": "+0.3 [+0.2, +0.4] share",
        "claimed": "at least +0.1 share",
        "seeds": "-",
        "clusters": "51",
        "power": "0.50",
        "detectable": "0.14",
        "study": "signal",
        "reason": "one model",
    }
    assert "- Scale: smoke (made by hand)." in sections[-1]
    assert "Rebuild: snakemake claims" in sections[-1]
    page = (tmp_path / "out/claims.html").read_text()
    assert f"<b>{first}</b>" in page
    assert "Most are &lt;negative&gt;." in page


def test_comparisons_in_words():
    words = {claim["name"]: Claim(**claim).test for claim in CLAIMS}
    assert words["not_run"].words == "average of the suites: LSM - ST"
    assert words["no_row"].words == "average of the suites: best of (LSM; LSM 2) - ST"
    assert words["no_study"].words == "log of gradient_norm: LSM / ST"
    late = words["no_study"].model_copy(update={"window": (0.75, 1), "scale": "difference"})
    assert late.words == ("gradient_norm: LSM (75 to 100 % of the run) - ST (75 to 100 % of the run)")
    first = late.model_copy(update={"window": "first_step"})
    assert first.words == "gradient_norm: LSM (the first step) - ST (the first step)"


def test_a_bad_file_names_the_claim(spec, results):
    (results / "signal.csv").write_text("quantity,mean\nnegative,1\n")
    with pytest.raises(UserError, match="claim most: 'low'"):
        build(spec)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"why_not": "no shop"}, "exactly one of score, curve, line, order, why_not"),
        ({"line": None}, "exactly one of score, curve, line, order, why_not"),
        ({"line": CLAIMS[0]["line"] | {"matters": 0}}, "greater than 0"),
        ({"line": CLAIMS[0]["line"] | {"direction": "up"}}, "'above', 'below', 'little' or 'at_most'"),
    ],
)
def test_impossible_claims_are_refused(change, message):
    with pytest.raises(ValidationError, match=message):
        Claim(**CLAIMS[0] | change)


def test_a_curve_has_one_second_side():
    curve = CLAIMS[4]["curve"]
    for change in ({"value": 1}, {"against": None}):
        with pytest.raises(ValidationError, match="write either against or value"):
            Claim(**CLAIMS[4] | {"curve": curve | change})


def test_names_are_unique():
    with pytest.raises(ValidationError, match="two claims are called never"):
        Ledger(claims=[CLAIMS[-1], CLAIMS[-1]])


def test_the_program_loads_no_torch(spec, results):
    (results / "spec.json").write_text(spec.model_dump_json())
    assert json.loads(json_of(str(results / "spec.json")))["title"] == "Claims"
    arguments = ["claims", "--spec", str(results / "spec.json"), "--out", str(results / "out")]
    code = (
        f"import runpy, sys\nsys.argv = {arguments}\n"
        "runpy.run_module('eval.claims', run_name='__main__')\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (results / "out/claims.csv").exists()
