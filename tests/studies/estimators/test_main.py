"""The program: all files, the same bytes twice."""

import pandas as pd

from studies.estimators import __main__ as program
from studies.estimators.spec import EstimatorsSpec

SMOKE = EstimatorsSpec.model_validate(
    {
        "gammas": [0.0, 0.5, 1.0],
        "variance": {"tokens": 4, "horizons": [2, 4, 8], "fit_from": 2, "rollouts": 64, "pairs": 3},
        "bias": {"tokens": 3, "horizons": [1, 2, 3], "pairs": 2},
        "toy": {
            "seeds": [42, 43],
            "iterations": 20,
            "trajectories": 8,
            "microbatches": 4,
            "evaluation_trajectories": 16,
            "setting": {"width": 8, "teacher_iterations": 10},
            "variants": {"clip_norm 1": {"clip_norm": 1.0}},
            "variant_iterations": 10,
        },
    }
)
TABLES = ("variance", "exponents", "bias", "toy_variance", "toy_visits", "toy_final")
FIGURES = ("variance", "toy_variance", "toy_visits")


def test_the_same_spec_writes_the_same_files_whatever_the_number_of_processes(tmp_path):
    for folder, processes in (("a", 1), ("b", 2)):
        program.main(SMOKE.model_copy(update={"processes": processes}), tmp_path / folder)
    names = [f"{name}.csv" for name in TABLES] + [f"{name}.svg" for name in FIGURES]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted(names)
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
    final = pd.read_csv(tmp_path / "a/toy_final.csv")
    # Two seeds and tasks: three gammas of the base setting, two of its one variant.
    assert final.groupby("setting").size().to_dict() == {"base": 12, "clip_norm 1": 8}
    assert final.groupby("setting").iterations.max().to_dict() == {"base": 20, "clip_norm 1": 10}
