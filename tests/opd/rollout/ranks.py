"""Run by torchrun on two CPU processes: engines of ranks follow their trainer's weights.

torchrun --standalone --nproc-per-node 2 -m tests.opd.rollout.ranks FOLDER TENSOR_PARALLEL
"""

import os
import sys
from pathlib import Path

import torch
from torch import distributed

import envs
from opd import models
from opd.parallel import ranks
from opd.rollout import engine as engines
from opd.rollout.engine import answers
from opd.rollout.torch_engine import TorchEngine
from opd.spec import EngineSpec, SamplingSpec

GREEDY = SamplingSpec(temperature=0, top_p=1, max_new_tokens=20)


def main(folder: Path, tensor_parallel: int) -> None:
    """Two updates, each followed by greedy responses, which must be the torch engine's."""
    ranks.join()
    os.environ["VLLM_CPU_OMP_THREADS_BIND"] = "nobind"  # two ranks may share a core
    model, tokenizer = models.load(folder), models.load_tokenizer(folder)
    spec = EngineSpec(name="vllm", tensor_parallel=tensor_parallel)
    engine = engines.follow(spec, model, folder, tokenizer, 16, model.dtype)
    # Ranks that share one copy of the weights ask the same; others ask what they like.
    step = 0 if tensor_parallel > 1 else distributed.get_rank()
    questions = [each.question for each in envs.load("chain_arithmetic").training_problems(0, step, 16)]
    generator = torch.Generator().manual_seed(0)
    for _ in range(2):
        with engine.awake(model):
            found = answers(engine, questions, questions, GREEDY)
        expected = answers(TorchEngine(model, tokenizer, 16), questions, questions, GREEDY)
        assert [each.tokens for each in found] == [each.tokens for each in expected]
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    print(f"rank {distributed.get_rank()} agrees", flush=True)
    distributed.barrier()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
