"""From a model to the long table: one record per request, one row per problem, nothing lost."""

import json

import pandas as pd
import pytest

import envs
from eval import generate, score
from eval.spec import GenerateSpec, ScoreSpec
from programs.errors import UserError
from tests.eval.alfworld.study import episode, turn, write_folder
from tests.json_lines import read_lines

PROTOCOLS = [
    {"name": "greedy", "samples": 1, "sampling": {"temperature": 0, "top_p": 1, "max_new_tokens": 12}},
    {"name": "avg@3", "samples": 3, "sampling": {"temperature": 1, "top_p": 1, "max_new_tokens": 12}},
]
EVALUATION = {"environment": "chain_arithmetic", "problems_per_suite": 2, "protocols": PROTOCOLS}


@pytest.fixture(scope="module")
def responses(folders, tmp_path_factory):
    out = tmp_path_factory.mktemp("responses") / "responses.jsonl"
    generate.main(GenerateSpec(**EVALUATION, batch_size=7), folders[0], out)
    return out


def spec(path) -> ScoreSpec:
    return ScoreSpec(**EVALUATION, subjects=[{"row": "student", "seed": 0, "responses": str(path)}])


def test_every_request_has_one_response(responses):
    records = read_lines(responses)
    assert len(records) == 5 * 2 * (1 + 3)
    keys = {(r["suite"], r["problem"], r["protocol"], r["sample"]) for r in records}
    assert len(keys) == len(records)
    for record in records:
        assert (record["finish_reason"] == "length") == (record["tokens"] == 12)


def test_responses_do_not_depend_on_the_batch_size(responses, folders, tmp_path):
    generate.main(GenerateSpec(**EVALUATION, batch_size=64), folders[0], tmp_path / "again.jsonl")
    again, before = (read_lines(path) for path in (tmp_path / "again.jsonl", responses))
    for record, other in zip(again, before, strict=True):
        assert record.pop("log_prob") == pytest.approx(other.pop("log_prob"), abs=1e-4)  # rounding
        assert record == other


def test_samples_of_a_problem_differ(responses):
    frame = pd.read_json(responses, lines=True)
    sampled = frame[frame.protocol == "avg@3"].groupby(["suite", "problem"]).response.nunique()
    assert sampled.min() > 1


def test_score_grades_with_the_environment(responses, tmp_path):
    """Replace some responses by known ones: the table holds exactly those verdicts."""
    records = read_lines(responses)
    environment = envs.load("chain_arithmetic")
    problem = environment.suite_problems("chain2", 2)[0]
    for record in records:
        record |= {"finish_reason": "length", "response": ""}
        if record["problem"] == problem.id and record["protocol"] == "avg@3":
            answer = [problem.answer, "99", None][record["sample"]]
            if answer is not None:
                record |= {
                    "finish_reason": "stop",
                    "response": f"<think> </think> \\boxed{{{answer}}}",
                }
    path = tmp_path / "known.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    score.main(spec(path), tmp_path / "scores.csv")
    frame = pd.read_csv(tmp_path / "scores.csv")
    assert len(frame) == 2 * 5 * 2
    assert (frame.correct + frame.wrong + frame.truncated + frame.ungraded == frame.samples).all()
    row = frame[(frame.problem == problem.id) & (frame.protocol == "avg@3")].iloc[0]
    assert (row.samples, row.correct, row.wrong, row.truncated) == (3, 1, 1, 1)
    assert row.majority == 0.5  # one vote each; the truncated response has none
    assert (row.suite_version, row.suite_status) == (1, "generated")
    assert frame.correct.sum() == 1


def test_a_protocol_of_some_suites_is_scored_on_those(responses, tmp_path):
    greedy, sampled = PROTOCOLS
    evaluation = EVALUATION | {"protocols": [greedy, sampled | {"suites": ["chain3"]}]}

    def scored(path) -> pd.DataFrame:
        subject = {"row": "student", "seed": 0, "responses": str(path)}
        score.main(ScoreSpec(**evaluation, subjects=[subject]), tmp_path / "scores.csv")
        return pd.read_csv(tmp_path / "scores.csv")

    with pytest.raises(ValueError, match="does not hold the responses"):
        scored(responses)  # it has samples of every suite
    frame = pd.read_json(responses, lines=True, dtype=False)
    asked = (frame.protocol == "greedy") | (frame.suite == "chain3")
    frame[asked].to_json(tmp_path / "asked.jsonl", orient="records", lines=True)
    found = scored(tmp_path / "asked.jsonl")
    assert found.groupby("protocol").size().to_dict() == {"greedy": 5 * 2, "avg@3": 2}


def games(outcomes: str) -> list[dict]:
    """One episode per letter, two per game: won, lost, error."""
    names = {"w": "won", "l": "lost", "e": "error"}
    return [
        episode(f"generated-tiny-0/{index // 2}", index % 2, names[letter], [turn()])
        for index, letter in enumerate(outcomes)
    ]


def test_games_stand_beside_the_suites(responses, tmp_path):
    alone = spec(responses)
    score.main(alone, tmp_path / "alone.csv")
    folders = [write_folder(tmp_path / outcomes, games(outcomes)) for outcomes in ("wlee", "llww")]
    subjects = [
        {"row": "student", "seed": seed, "responses": str(responses), "episodes": {"unseen": folder}}
        for seed, folder in enumerate(folders)
    ]
    score.main(ScoreSpec(**EVALUATION, subjects=subjects), tmp_path / "scores.csv")
    frame = pd.read_csv(tmp_path / "scores.csv", dtype={"suite_version": str})
    played = frame[frame.suite == "unseen"].set_index(["seed", "problem"])
    outcomes = played[["samples", "correct", "wrong", "truncated", "ungraded"]]
    assert outcomes.loc[(0, "generated-tiny-0/0")].tolist() == [2, 1, 1, 0, 0]
    assert outcomes.loc[(0, "generated-tiny-0/1")].tolist() == [2, 0, 0, 0, 2]
    assert outcomes.loc[(1, "generated-tiny-0/1")].tolist() == [2, 2, 0, 0, 0]
    assert (frame.correct + frame.wrong + frame.truncated + frame.ungraded == frame.samples).all()
    of_suites = frame[(frame.suite != "unseen") & (frame.seed == 0)].reset_index(drop=True)
    before = pd.read_csv(tmp_path / "alone.csv", dtype={"suite_version": str})
    pd.testing.assert_frame_equal(of_suites[before.columns], before)


def test_models_without_the_others_games_are_refused_before_grading(responses, tmp_path):
    folder = write_folder(tmp_path / "a", games("wl"))
    one = {"row": "student", "seed": 0, "responses": str(responses)}
    with pytest.raises(ValueError, match="student, seed 1, has no episodes of unseen"):
        ScoreSpec(**EVALUATION, subjects=[one | {"episodes": {"unseen": folder}}, one | {"seed": 1}])
    nowhere = one | {"episodes": {"unseen": str(tmp_path / "nowhere")}, "responses": "not read"}
    with pytest.raises(FileNotFoundError, match="nowhere holds no episodes"):
        score.main(ScoreSpec(**EVALUATION, subjects=[nowhere]), tmp_path / "scores.csv")


def test_missing_responses_are_refused(responses, tmp_path):
    lines = responses.read_text().splitlines(keepends=True)
    path = tmp_path / "short.jsonl"
    path.write_text("".join(lines[:-1]))
    with pytest.raises(ValueError, match="does not hold the responses"):
        score.main(spec(path), tmp_path / "scores.csv")


def test_responses_to_problems_that_no_suite_has_any_more_are_refused(responses, tmp_path):
    path = tmp_path / "former.jsonl"
    path.write_text(responses.read_text().replace('"problem": "x = ', '"problem": "y = '))
    with pytest.raises(UserError, match=r"former\.jsonl does not hold the responses .*; remove the file"):
        score.main(spec(path), tmp_path / "scores.csv")


def test_one_sample_twice_is_refused(responses, tmp_path):
    """As many responses as asked for, one of them in the place of another."""
    frame = pd.read_json(responses, lines=True, dtype=False)
    frame.loc[(frame.protocol == "avg@3") & (frame["sample"] == 1), "sample"] = 0
    path = tmp_path / "twice.jsonl"
    frame.to_json(path, orient="records", lines=True)
    with pytest.raises(ValueError, match=r"holds sample 0 of problem .* twice"):
        score.main(spec(path), tmp_path / "scores.csv")
