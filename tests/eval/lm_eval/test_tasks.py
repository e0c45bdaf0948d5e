"""Our lm-eval tasks under the real lm-eval: known samples give known metrics, known traps are refused."""

import hashlib
import json
import statistics
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from lm_eval import evaluate, simple_evaluate
from lm_eval.api.model import LM, CachingLM
from lm_eval.filters import build_filter_ensemble
from lm_eval.models.openai_completions import LocalCompletionsAPI
from lm_eval.tasks import TaskManager
from lm_eval.tasks._yaml_loader import load_yaml

import envs
from eval.lm_eval.stored_responses import StoredResponses
from eval.lm_eval.tasks.task import check_sampling, refuse_copies
from eval.suites import evaluation_suites
from programs.provenance import ROOT

FOLDER = ROOT / "eval/lm_eval/tasks"
PROBLEMS = envs.load("chain_arithmetic").suite_problems("chain2", 3)
GOOD = {"until": [], "do_sample": True, "temperature": 1.0, "max_gen_toks": 100}


def manager(**metadata) -> TaskManager:
    return TaskManager(
        include_path=FOLDER, include_defaults=False, metadata={"problems": len(PROBLEMS), **metadata}
    )


def box(answer: object) -> str:
    return f"<think> so </think> \\boxed{{{answer}}}"


def records(samples: list[list[str]]) -> list[dict]:
    """As in a responses.jsonl: the samples of each problem of the suite."""
    return [
        {"suite": "chain2", "problem": problem.id, "sample": j, "response": response}
        for problem, responses in zip(PROBLEMS, samples, strict=True)
        for j, response in enumerate(responses)
    ]


def known_samples() -> list[list[str]]:
    gold = [problem.answer for problem in PROBLEMS]
    return [
        [box(gold[0]), box(gold[0]), box(99), "no box"],
        [box(98), box(98), box(gold[1]), box(97)],
        [box(gold[2]), box(99), "", ""],  # a tie
    ]


class Sampler(LM):
    """Every response is another one; counts how many it gave."""

    def __init__(self) -> None:
        super().__init__()
        self.given = 0

    def generate_until(self, requests):
        self.given += len(requests)
        return [box(self.given - place) for place in range(len(requests))]

    def loglikelihood(self, requests):
        raise NotImplementedError

    def loglikelihood_rolling(self, requests):
        raise NotImplementedError


class Parrot(Sampler):
    """Every response is the same."""

    def generate_until(self, requests):
        return [box(1) for _ in requests]


def test_known_samples_give_known_metrics():
    results = evaluate(StoredResponses(records(known_samples())), manager(repeats=4).load("opd_chain2"))
    found = {
        name.removesuffix(",graded"): value
        for name, value in results["results"]["opd_chain2"].items()
        if name.endswith(",graded")
    }
    shares = [2 / 4, 1 / 4, 1 / 4]
    assert found["avg_at_k"] == pytest.approx(statistics.mean(shares))
    # The standard error of the per-problem means: problems are the clusters.
    assert found["avg_at_k_stderr"] == pytest.approx(statistics.stdev(shares) / 3**0.5)
    assert found["pass_at_k"] == 1
    assert found["maj_at_k"] == pytest.approx((1 + 0 + 1 / 2) / 3)
    assert found["extracted_rate"] == pytest.approx((3 / 4 + 1 + 2 / 4) / 3)
    assert found["distinct_rate"] == pytest.approx(3 / 4)
    assert found["ungraded_rate"] == 0


def test_all_samples_are_graded_in_order():
    results = evaluate(StoredResponses(records(known_samples())), manager(repeats=4).load("opd_chain2"))
    logged = results["samples"]["opd_chain2"]
    assert [sample["doc"]["id"] for sample in logged] == [problem.id for problem in PROBLEMS]
    for sample, responses in zip(logged, known_samples(), strict=True):
        assert [graded["response"] for graded in sample["filtered_resps"][0]] == responses
    verdicts = [[graded["verdict"] for graded in sample["filtered_resps"][0]] for sample in logged]
    assert verdicts[1] == ["wrong", "wrong", "correct", "wrong"]


@pytest.mark.parametrize("filters", ["take_first", "majority_vote"])
def test_a_filter_that_drops_samples_is_refused(filters):
    loaded = manager(repeats=4).load("opd_chain2")
    loaded["tasks"]["opd_chain2"]._filters = [build_filter_ensemble("none", [[filters, None]])]
    with pytest.raises(ValueError, match="1 of 4 samples reached the grader"):
        evaluate(StoredResponses(records(known_samples())), loaded)


def test_repeats_come_from_the_metadata():
    assert manager().load("opd_chain2")["tasks"]["opd_chain2"].config.repeats == 4
    assert manager(repeats=16).load("opd_chain2")["tasks"]["opd_chain2"].config.repeats == 16
    lm = Sampler()
    simple_evaluate(lm, tasks=["opd_chain2"], task_manager=manager(repeats=2))
    assert lm.given == 2 * len(PROBLEMS)


def test_stored_samples_must_be_as_many_as_asked_for():
    stored = records(known_samples())
    with pytest.raises(ValueError, match="4 samples stored, 5 asked for"):
        evaluate(StoredResponses(stored), manager(repeats=5).load("opd_chain2"))
    with pytest.raises(ValueError, match="3 samples stored, 4 asked for"):
        evaluate(StoredResponses(stored[:-1]), manager(repeats=4).load("opd_chain2"))
    with pytest.raises(ValueError, match="stored twice"):
        StoredResponses([*stored, stored[0]])


def test_two_samples_that_are_equal_on_every_problem_are_refused():
    same = [[f"{problem}/{sample % 3}" for sample in range(4)] for problem in range(8)]
    with pytest.raises(ValueError, match="of 4 samples only 3 differ, on all 8 problems"):
        refuse_copies(same)
    refuse_copies(same[:7])  # too few to tell from chance
    same[5][3] = "differs"
    refuse_copies(same)


def test_copies_are_fine_where_the_seeds_are_known_to_differ():
    loaded = manager(repeats=2, problems=8, distinct_seeds=True).load("opd_chain2")
    results = evaluate(Parrot(), loaded)["results"]["opd_chain2"]
    assert results["distinct_rate,graded"] == 0.5
    with pytest.raises(ValueError, match="of 2 samples only 1 differ"):
        evaluate(Parrot(), manager(repeats=2, problems=8).load("opd_chain2"))


def test_the_fixed_seed_of_the_api_backends_is_noticed():
    """lm-eval sends one seed with every request; a server that honours it, as vLLM does, sends copies."""
    seeds = set()

    class Server(BaseHTTPRequestHandler):
        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seeds.add(request["seed"])
            drawn = hashlib.sha256(f"{request['prompt']}{request['seed']}".encode()).hexdigest()
            body = json.dumps({"choices": [{"index": 0, "text": drawn}]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/v1/completions"
        lm = LocalCompletionsAPI(url, "none", model="any", tokenized_requests=False)
        with pytest.raises(ValueError, match="of 3 samples only 1 differ"):
            simple_evaluate(lm, tasks=["opd_chain2"], task_manager=manager(repeats=3, problems=8))
    finally:
        server.shutdown()
        server.server_close()
    assert len(seeds) == 1


def test_the_cache_does_not_collapse_samples(tmp_path):
    """With a temperature but no do_sample, a second run over the cache would repeat one sample k times."""
    lm = CachingLM(Sampler(), str(tmp_path / "cache.db"))
    for _ in range(2):
        loaded = manager(repeats=4, problems=8).load("opd_chain2")
        results = evaluate(lm, loaded)["results"]["opd_chain2"]
        assert results["distinct_rate,graded"] == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"do_sample": False, "temperature": 0.6}, "a temperature needs do_sample=true"),
        ({"do_sample": None, "temperature": 0.6}, "a temperature needs do_sample=true"),
        ({"do_sample": False, "temperature": 0.0}, "4 of them need a temperature"),
        ({"temperature": 0.0}, "4 of them need a temperature"),
        ({"seed": 7}, "one seed for the 4 samples"),
        ({"until": ["\n\n"]}, "cuts reasoning short"),
        ({"until": "Question:"}, "cuts reasoning short"),
        ({"max_gen_toks": None}, "one token cap"),
        ({"max_tokens": 50}, "one token cap"),
    ],
)
def test_settings_that_would_change_the_samples_are_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_sampling({**GOOD, **change}, repeats=4)


def test_one_greedy_sample_is_fine():
    check_sampling(GOOD, repeats=4)
    check_sampling({**GOOD, "do_sample": False, "temperature": 0.0}, repeats=1)


def test_settings_are_checked_after_the_command_line():
    with pytest.raises(ValueError, match="need a temperature"):
        simple_evaluate(
            Sampler(),
            tasks=["opd_chain2"],
            task_manager=manager(),
            gen_kwargs="do_sample=False,temperature=0",
        )


def test_every_suite_has_a_task_with_sound_settings():
    chain = envs.load("chain_arithmetic").suites
    expected = {f"opd_{suite}": suite for suite in (*chain, *evaluation_suites())}
    files = {path.stem: load_yaml(path, resolve_func=False) for path in FOLDER.glob("opd_*.yaml")}
    assert {name: config["dataset_kwargs"]["suite"] for name, config in files.items()} == expected
    for name, config in files.items():
        assert config["task"] == name
        assert config["num_fewshot"] == 0
        assert config["metadata"]["version"] == (1 if config["dataset_kwargs"]["suite"] in chain else 2)
        check_sampling(config["generation_kwargs"], config["repeats"])
    assert set(manager()._index["opd_math"].tags) == {f"opd_{suite}" for suite in envs.load("math").suites}
