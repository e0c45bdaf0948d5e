"""The ledger as a frame: one line per claim, its effect and its verdict."""

import math
from pathlib import Path
from typing import Any

import pandas as pd

from eval.claims import curve, lines, score
from eval.claims.effect import Effect
from eval.claims.missing import missing
from eval.claims.spec import (
    Claim,
    ClaimsSpec,
    Comparison,
    CurveComparison,
    LineComparison,
    OrderComparison,
    ScoreComparison,
)
from eval.claims.verdict import UNDECIDED, Verdict, decide
from programs.errors import UserError

NOTHING = Effect(math.nan)


def build(spec: ClaimsSpec) -> pd.DataFrame:
    """claims.csv; see `docs/claims.md`. A bad file is a UserError that names the claim."""
    ledger = pd.DataFrame([_line(spec, claim) for claim in spec.claims])
    return ledger.astype({"seeds": "Int64", "clusters": "Int64"})


def _line(spec: ClaimsSpec, claim: Claim) -> dict[str, Any]:
    test, absent = claim.test, missing(claim, spec.studies)
    if test is None or absent:
        effect, verdict = NOTHING, Verdict(UNDECIDED, str(absent))
    else:
        try:
            effect = measure(test, spec.protocol, Path(spec.results))
        except (ValueError, KeyError) as error:
            raise UserError(f"claim {claim.name}: {error}") from error
        verdict = decide(test.direction, effect.mean, effect.low, effect.high, test.matters, effect.room)
    return {
        "name": claim.name,
        "sentence": claim.sentence,
        "paper": claim.paper,
        "place": claim.place,
        "extends": claim.extends,
        **_asked(test),
        **_found(effect, test),
        "verdict": verdict.name,
        "reason": "; ".join(filter(None, (verdict.reason, effect.note, claim.caveat))),
    }


def measure(test: Comparison, protocol: str, results: Path) -> Effect:
    """What a comparison finds in the files of its study."""
    match test:
        case ScoreComparison():
            return score.measure(test, protocol, results)
        case CurveComparison():
            return curve.measure(test, results)
        case LineComparison():
            return lines.line(test, results)
        case OrderComparison():
            return lines.order(test, results)
    raise TypeError(f"no measurement for {type(test).__name__}")


def _asked(test: Comparison | None) -> dict[str, Any]:
    names = ("study", "words", "direction", "matters", "unit")
    values = [getattr(test, name) if test else None for name in names]
    return dict(zip(("study", "comparison", *names[2:]), values, strict=True))


def _found(effect: Effect, test: Comparison | None) -> dict[str, float]:
    names = ("low", "high", "standard_error", "freedom", "seeds", "clusters")
    power = effect.power(test.matters) if test else math.nan
    found = {name: getattr(effect, name) for name in names}
    return {"effect": effect.mean, **found, "power": power, "detectable": effect.detectable}
