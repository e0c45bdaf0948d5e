"""What the first rank may do alone with the engines of all."""

from opd.parallel.shared_engine import SharedEngine


class Engine:
    """One that nobody may wake."""

    tokenizer = version = dtype = end_ids = None


def test_one_rank_wakes_no_engine():
    """Weights that are sharded can only be read by all ranks together."""
    with SharedEngine(Engine(), alike=1).awake(model=None):
        pass
