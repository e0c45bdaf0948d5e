"""A kind of job, and what it needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from opd.plan.memory import Phases
from opd.plan.work import Phase


@dataclass(frozen=True)
class Job:
    """`count` jobs of one kind: GPU memory by phase, work by phase, bytes that stay and that pass on disk.

    `rule` and `of` say which: the rule's name, and the experiment, model or panel that it is for. Memory and
    work are those of each of its `gpus`; `engine` answers its prompts, and `engine_needs` are the bytes
    of vLLM with a cache for the longest response alone, on each GPU that it is spread over. `host`
    is the memory of each machine that it takes beside its GPUs. `reads` are suites and training sets that
    come from outside.
    """

    name: str
    rule: str
    of: str = ""
    count: int = 1
    memory: Phases = field(default_factory=dict)
    work: Mapping[str, Phase] = field(default_factory=dict)
    disk: int = 0
    scratch: int = 0
    gpus: int = 1
    engine: str = "torch"
    engine_needs: int = 0
    host: int = 0
    rates: Mapping[str, float] = field(default_factory=dict)
    reads: frozenset[str] = frozenset()
