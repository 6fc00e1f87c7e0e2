"""What the benchmarks share: work spread over processes, and means with their intervals."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from tqdm import tqdm

from micro_features.batch import Failure, FileResult, map_unordered

_BOOTSTRAPS = 2000
_FEWEST = 3  # independent values; below there is no interval


class _Case(Protocol):
    @property
    def path(self) -> Path: ...


Case = TypeVar("Case", bound=_Case)


def gather(
    work: Callable[[Case], FileResult], todo: Sequence[Case], *, n_workers: int, unit: str = "picture"
) -> tuple[pd.DataFrame, list[Failure]]:
    """Do the work of every case.

    Parameters
    ----------
    work : function
        Module-level, from a case to its rows and failures.
    todo : sequence
        Cases, each with a `path` of its own.
    n_workers : int
        Processes; 1 works in this one.
    unit : str
        What a case is, for the progress bar.

    Returns
    -------
    table : DataFrame
        All rows, in the order of the cases.
    failures : list of Failure
    """
    results: dict[Path, FileResult] = {}
    with tqdm(total=len(todo), unit=unit, disable=None) as progress:
        for case, result in map_unordered(work, todo, n_workers=n_workers, path_of=lambda case: str(case.path)):
            results[case.path] = result
            progress.update()
    ordered = [results[case.path] for case in todo]
    rows = [row for result in ordered for row in result.rows]
    return pd.DataFrame(rows), [failure for result in ordered for failure in result.failures]


def mean_interval(values: pd.Series, groups: pd.Series | None = None) -> tuple[float, float]:
    """95 % interval of a mean by bootstrap.

    Parameters
    ----------
    values : Series
        NaN counts as not there.
    groups : Series, optional
        Values of one group (the pictures of one specimen) are drawn together; each stands alone where left out.

    Returns
    -------
    low, high : float
        NaN below three groups.
    """
    by_group = values.groupby(values.index if groups is None else groups).agg(["sum", "count"]).to_numpy()
    by_group = by_group[by_group[:, 1] > 0]
    if len(by_group) < _FEWEST:
        return np.nan, np.nan
    drawn = np.random.default_rng(0).integers(len(by_group), size=(_BOOTSTRAPS, len(by_group)))
    total = by_group[drawn].sum(axis=1)
    low, high = np.percentile(total[:, 0] / total[:, 1], [2.5, 97.5])
    return float(low), float(high)


def rank_correlation(one: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """Spearman's rank correlation with its 95 % interval by bootstrap over pairs.

    Parameters
    ----------
    one, other : (n,) float arrays
        Pairs with a NaN are left out.

    Returns
    -------
    r, low, high : float
        NaN below three pairs, or where all values of a side are equal.
    """
    there = np.isfinite(one) & np.isfinite(other)
    one, other = one[there], other[there]
    if len(one) < _FEWEST:
        return np.nan, np.nan, np.nan
    drawn = np.random.default_rng(0).integers(len(one), size=(_BOOTSTRAPS, len(one)))
    resampled = _rank_correlations(one[drawn], other[drawn])
    low, high = np.nanpercentile(resampled, [2.5, 97.5]) if np.isfinite(resampled).any() else (np.nan, np.nan)
    return float(_rank_correlations(one, other)), float(low), float(high)


def _rank_correlations(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Along the last axis; NaN where all values of a side are equal."""
    x, y = (ranks - ranks.mean(axis=-1, keepdims=True) for ranks in (rankdata(one, axis=-1), rankdata(other, axis=-1)))
    spread = np.sqrt((x**2).sum(axis=-1) * (y**2).sum(axis=-1))
    return np.divide((x * y).sum(axis=-1), spread, out=np.full(spread.shape, np.nan), where=spread > 0)
