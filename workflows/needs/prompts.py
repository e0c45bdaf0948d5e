"""What jobs read: lengths of prompts, and the suites and training sets that come from outside."""

from collections import defaultdict
from collections.abc import Iterable

import envs
from envs.math import Math

# Tokens of a prompt with its chat template, where nobody has counted them: the longer ones.
PROMPT_TOKENS = defaultdict(lambda: 1024, chain_arithmetic=64)


def training_sets(environments: Iterable[str]) -> frozenset[str]:
    """The training problems of environments, without those that are generated here."""
    loaded = [envs.load(name) for name in environments]
    return frozenset(each.training_set for each in loaded if isinstance(each, Math))


def asked_suites(environment: str, suites: Iterable[str]) -> frozenset[str]:
    """The suites of an environment, unless they are generated here."""
    return frozenset(suites) if isinstance(envs.load(environment), Math) else frozenset()
