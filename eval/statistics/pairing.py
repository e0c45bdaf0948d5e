"""Which runs may be paired by training seed."""

from collections.abc import Iterable, Mapping


def check_seeds(of_rows: Mapping[str, Iterable[int]]) -> None:
    """ValueError unless all rows that have several training seeds have the same ones.

    `paired_difference` takes matrices, which bear no labels, and pairs their runs in the order of the seeds.
    A row with one seed is a single model, which is compared with every seed of another.
    """
    seeds = {row: sorted(set(of_row)) for row, of_row in of_rows.items()}
    several = [(row, of_row) for row, of_row in seeds.items() if len(of_row) > 1]
    for row, of_row in several[1:]:
        first, of_first = several[0]
        if of_row != of_first:
            raise ValueError(
                f"{first!r} has seeds {of_first} and {row!r} {of_row}; only runs of the same seeds are paired"
            )
