"""Effects from other tables that studies write: one line with its interval, or an order among lines."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from eval.claims.effect import Effect
from eval.claims.spec import LineComparison, OrderComparison
from eval.statistics import wilson_interval


def line(test: LineComparison, results: Path) -> Effect:
    """The line's estimate less the constant; ValueError unless exactly one line is meant.

    A table without `standard_error` has intervals of another kind (a bootstrap over clusters); the standard
    error is then that of the t interval of the same width, with clusters - 1 degrees of freedom.
    """
    part = select(pd.read_csv(results / test.file), {name: (value,) for name, value in test.where.items()})
    if len(part) != 1:
        raise ValueError(f"{test.file} has {len(part)} lines with {test.where}; a comparison needs one")
    found = part.iloc[0]
    low, high, clusters = (float(found[name]) for name in ("low", "high", test.clusters))
    if "standard_error" in part:
        error, freedom = float(found.standard_error), float(found.freedom)
    else:
        freedom = clusters - 1
        error = (high - low) / 2 / float(stats.t.ppf(0.975, freedom))
    return Effect(float(found[test.mean]), low, high, error, freedom, clusters=clusters).minus(test.value)


def order(test: OrderComparison, results: Path) -> Effect:
    """Share of groups in strict order less the constant; what is not a number is in no order.

    The interval is Wilson's, with clusters as trials and their shares as parts of a success. It is one
    formula for all shares, so that more order never means less support, and clusters that all agree do not
    give certainty. No shares between 0 and 1 vary more than the yes or no that it is made for.
    """
    part = select(pd.read_csv(results / test.file), test.where)
    wide = part.pivot(index=[*test.clusters, *test.within], columns=test.grows_with, values=test.column)
    if wide.shape[1] < 2:
        raise ValueError(f"{test.file}: {wide.shape[1]} value(s) of {test.grows_with} have no order")
    values = wide.sort_index(axis=1).to_numpy(float)
    in_order = pd.Series((values[:, 1:] > values[:, :-1]).all(axis=1), wide.index)
    shares = in_order.groupby(level=list(test.clusters)).mean().to_numpy(float)
    low, high = wilson_interval(shares.sum(), len(shares))
    error = (high - low) / 2 / float(stats.norm.ppf(0.975))
    found = Effect(shares.mean(), low, high, error, freedom=np.inf, clusters=len(shares))
    return found.minus(test.value)


def select(frame: pd.DataFrame, where: dict[str, tuple[Any, ...]]) -> pd.DataFrame:
    """The lines whose columns have one of the wanted values; ValueError names a column that is not there."""
    for name, values in where.items():
        if name not in frame:
            raise ValueError(f"no column {name!r} among {list(frame.columns)}")
        frame = frame[frame[name].isin(values)]
    return frame
