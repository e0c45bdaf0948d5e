"""workflows/claims.yaml: every claim can be tested at the mini scale, or says why not."""

import pandas as pd
import pytest
import yaml

from eval.claims.ledger import build
from eval.claims.missing import missing
from eval.claims.spec import CurveComparison, Ledger, several
from eval.report.curves import PANELS
from programs.provenance import ROOT
from tests.eval.claims import made_up
from workflows import scale as scales
from workflows.explain import ConfigError, check
from workflows.plan import Plan
from workflows.scale import CONFIG

CLAIMS = yaml.safe_load((ROOT / "workflows/claims.yaml").read_text())


def plan(scale: str) -> Plan:
    base = yaml.safe_load((CONFIG / f"{scale}.yaml").read_text()).get("base")
    return scales.plan(scales.read([CONFIG / f"{name}.yaml" for name in (base, scale) if name]))


@pytest.fixture(scope="module")
def mini() -> Plan:
    return plan("mini")


def test_every_claim_resolves_at_the_mini_scale(mini):
    spec = mini.claims_spec("full")
    absent = {claim.name: missing(claim, spec.studies) for claim in spec.claims if claim.test}
    assert {name: reason for name, reason in absent.items() if reason} == {}
    for claim in spec.claims:
        if isinstance(claim.test, CurveComparison):
            sides = filter(None, (claim.test.first, claim.test.second))
            metrics = {metric for side in sides for metric in several(side.metric)}
            assert metrics <= {*PANELS, *made_up.POSITIONS}, claim.name
            trained = [row.label for row in mini.studies[claim.test.study].rows if row.model is None]
            assert set(claim.test.rows) <= set(trained), claim.name


def test_all_counts_fewer_studies_than_full(mini):
    of_all, full = (mini.claims_spec(target) for target in ("all", "full"))
    assert of_all.claims == full.claims
    assert all(study.run for study in full.studies.values())
    assert not of_all.studies["table_supports"].run
    assert of_all.studies["table_ablation"].run
    files = [set(mini.claims_files(target)) for target in ("all", "full")]
    assert files[0] < files[1]
    assert "results/mini/studies/table_ablation/scores.csv" in files[0]
    assert "results/mini/studies/table_supports/scores.csv" in files[1] - files[0]


@pytest.mark.parametrize("scale", ["smoke", "paper"])
def test_other_scales_say_what_they_lack(scale):
    spec = plan(scale).claims_spec("full")
    reasons = [missing(claim, spec.studies) for claim in spec.claims]
    assert any(reason and ("has no study" in reason or "has no row" in reason) for reason in reasons)
    assert not all(reasons)


def test_a_study_says_which_subject_or_panel_it_lacks(mini):
    spec = mini.claims_spec("full")
    changes = {"signal": {"subjects": ("student",)}, "table_multitask": {"panels": ("development",)}}
    changed = {name: spec.studies[name].model_copy(update=change) for name, change in changes.items()}
    absent = {claim.name: missing(claim, spec.studies | changed) for claim in spec.claims if claim.test}
    assert {name: reason for name, reason in absent.items() if reason} == {
        "mismatch_penalises_markers": "study signal of this scale has no subject 'respelled'",
        "lsm_above_sampled_token_multitask_games": "study table_multitask of this scale has no "
        "panel 'legacy_128', 'valid_unseen'",
    }


@pytest.mark.parametrize("scale", sorted(path.stem for path in CONFIG.glob("*.yaml")))
def test_the_ledger_of_every_scale_can_be_measured(scale, tmp_path):
    """What a scale lacks makes a claim undecided for a reason; it does not end the ledger after training."""
    made = plan(scale)
    made_up.write(made, tmp_path)
    ledger = build(made.claims_spec("full").model_copy(update={"results": str(tmp_path)}))
    unmeasured = ledger[ledger.effect.isna()]
    assert len(unmeasured) < len(ledger)
    never = [claim.name for claim in made.ledger.claims if claim.why_not]
    lacking = unmeasured[~unmeasured.name.isin(never)]
    assert lacking.reason.str.contains("this scale has no|of this scale has no").all()


def test_without_any_study_every_claim_is_undecided_for_a_reason(mini):
    ledger = build(mini.claims_spec("all").model_copy(update={"studies": {}}))
    assert set(ledger.verdict) == {"undecided"}
    assert (ledger.reason != "").all()
    assert ledger.columns.is_unique


def test_the_documentation_names_every_column(mini):
    page = (ROOT / "docs/claims.md").read_text()
    ledger = build(mini.claims_spec("all").model_copy(update={"studies": {}}))
    for column in ledger.columns:
        assert f"`{column}`" in page


def test_the_example_of_the_documentation_is_valid():
    text = (ROOT / "docs/claims.md").read_text().split("```yaml\n")[1].split("```")[0]
    assert len(Ledger(claims=yaml.safe_load(text)).claims) == 1


def test_numbers_of_the_ledger_survive_its_file(mini, tmp_path):
    """What the ledger does not know is empty in the file, never 0."""
    ledger = build(mini.claims_spec("all").model_copy(update={"studies": {}}))
    ledger.to_csv(tmp_path / "claims.csv", index=False)
    read = pd.read_csv(tmp_path / "claims.csv")
    assert read[["effect", "low", "high", "seeds", "clusters", "power"]].isna().all(axis=None)


def test_mistakes_are_explained():
    wrong = [CLAIMS[0] | {"ordr": {}}]
    with pytest.raises(
        ConfigError, match=rf"claims\.{CLAIMS[0]['name']}\.ordr is not .* did you mean 'order'"
    ):
        check(Ledger, {"claims": wrong}, "claims.yaml")
