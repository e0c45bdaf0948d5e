"""Test every claim of the ledger against a scale's results.

    python -m eval.claims --spec SPEC --out FOLDER

SPEC is a `ClaimsSpec` as JSON. FOLDER receives `claims.csv` (one line per
claim), its renderings `claims.md` and `claims.html`, and `claims_summary.md`: effects, verdicts and reasons.
"""

from pathlib import Path

from eval.claims.ledger import build
from eval.claims.render import render, summary
from eval.claims.spec import ClaimsSpec
from programs.command_line import arguments, launch


def main(spec: ClaimsSpec, out: Path) -> None:
    """Write the ledger and its renderings into `out`."""
    ledger = build(spec)
    out.mkdir(parents=True, exist_ok=True)
    ledger.to_csv(out / "claims.csv", index=False)
    for suffix, text in render(spec, ledger).items():
        (out / f"claims.{suffix}").write_text(text)
    (out / "claims_summary.md").write_text(summary(ledger))


if __name__ == "__main__":
    launch(main, *arguments(__doc__, ClaimsSpec, out="folder to write"))
