"""Training curves from metrics files: a long table that holds every value, and a figure."""

import json

from eval import curves
from eval.spec import CurvesSpec
from opd.metrics import METRICS


def write_metrics(path, seed: int) -> str:
    records = []
    for step in range(4):
        record = dict.fromkeys(METRICS, step + seed + 1.0)
        record |= {"step": step, "gap_by_position": [0.5] * 7 + [None], "machine": {}}
        records.append(json.dumps(record) + "\n")
    path.write_text("".join(records))
    return str(path)


def test_long_table_and_figure(tmp_path):
    spec = CurvesSpec(
        title="Curves",
        scale_description="by hand",
        curves=[
            {
                "label": label,
                "metrics": {seed: write_metrics(tmp_path / f"{label}{seed}", seed) for seed in (0, 1)},
            }
            for label in ("one", "two")
        ],
    )
    curves.main(spec, tmp_path)
    frame = curves.collect(spec)
    assert len(frame) == 2 * 2 * 4 * (len(METRICS) - 1 + 8)
    loss = frame[(frame.method == "two") & (frame.seed == 1) & (frame.metric == "loss")]
    assert loss.value.tolist() == [2, 3, 4, 5]
    assert frame[frame.metric == "gap_by_position_7"].value.isna().all()

    figure = (tmp_path / "curves.svg").read_text()
    curves.main(spec, tmp_path)
    assert (tmp_path / "curves.svg").read_text() == figure  # same numbers, same bytes
