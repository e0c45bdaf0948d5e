"""Each program says in one line what its user can mend."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("panel --source nowhere --split train --out out", "were not found: nowhere does not exist"),
        (
            "panel --source generated:huge:1:0 --split train --out out",
            "write one or more games per type and a size of tiny, small, full",
        ),
        ("convert nowhere out", "were not found: nowhere does not exist"),
        ("benchmark --source nowhere", "were not found: nowhere does not exist"),
        ("demonstrations --panel nowhere --out out", "No such file or directory: 'nowhere'"),
        ("generator --size tiny --per-type 0 --seed 0 --split train --out out", "at least 1, not 0"),
    ],
)
def test_a_program_ends_with_what_is_wrong_and_no_traceback(command, said):
    program, *options = command.split()
    done = subprocess.run(
        [sys.executable, "-m", f"envs.alfworld.{program}", *options], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
