"""The commands on data of our own."""

import json
import subprocess
import sys

import pytest

from eval.suites.__main__ import main


def test_list_and_show_work_without_any_data(capsys):
    main(["list"])
    assert "math500" in capsys.readouterr().out
    main(["show", "olympiadbench"])
    shown = capsys.readouterr().out
    assert "675" in shown
    assert "15: olympiadbench-2720" in shown
    assert "fetch olympiadbench" in shown


def test_errors_are_a_sentence(tmp_path):
    with pytest.raises(SystemExit, match="unknown suite 'nope'"):
        main(["show", "nope"])
    with pytest.raises(SystemExit, match="hub HuggingFaceH4/MATH-500"):
        main(["fetch", "math500"])
    with pytest.raises(SystemExit, match="only checksums"):
        main(["diff", "gsm8k_train"])
    with pytest.raises(SystemExit, match="was not found"):
        main(["diff", "aime24", "--data", str(tmp_path)])


def test_diff_also_reads_a_copy_of_the_wrong_size(tmp_path, capsys):
    (tmp_path / "aime24.jsonl").write_text('{"problem": "What is 1?", "answer": "1"}\n')
    main(["diff", "aime24", "--data", str(tmp_path)])
    shown = capsys.readouterr().out
    assert "1 rows" in shown
    assert "text not known: 'What is 1?'" in shown
    assert "31 differences" in shown


def test_contamination_takes_a_file_and_writes_the_ids(tmp_path, capsys):
    rows = [{"id": f"{n}", "problem": f"Problem {n}: what is {n}?", "answer": f"{n}"} for n in range(30)]
    (tmp_path / "aime24.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "seen.jsonl").write_text('{"question": "problem 7, what is 7"}\n')
    report = tmp_path / "report.json"
    options = ["--training", str(tmp_path / "seen.jsonl"), "--suite", "aime24", "--data", str(tmp_path)]
    main(["contamination", *options, "--out", str(report)])
    (found,) = json.loads(report.read_text())["suites"]["aime24"]["contaminated"]
    assert found["exact"]
    assert found["id"].startswith("unknown-")
    assert "aime24                   30      1                    0       1" in capsys.readouterr().out


def test_importing_the_package_loads_no_heavy_library():
    code = "import sys, eval.suites, eval.suites.__main__; print([m for m in sys.modules if m in %r])"
    heavy = ("torch", "transformers", "sympy", "datasets", "pyarrow", "pandas", "numpy")
    done = subprocess.run([sys.executable, "-c", code % (heavy,)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
