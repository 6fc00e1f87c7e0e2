"""Which rows are left out together: folds of groups, random folds, imaging sessions."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from micro_features.errors import FeatureTableError


def codes(labels: Iterable[object]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Whole numbers for labels, in order of first appearance.

    Parameters
    ----------
    labels : iterable of n
        None and NaN are missing.

    Returns
    -------
    codes : (n,) int array
        From 0; -1 where the label is missing.
    names : tuple of str
        The label of each code.
    """
    numbers, names = pd.factorize(np.asarray(list(labels), dtype=object))
    return numbers.astype(int), tuple(str(name) for name in names)


def leave_one_group_out(groups: np.ndarray) -> np.ndarray:
    """A fold for each group, in order of first appearance.

    Parameters
    ----------
    groups : (n,) int array

    Returns
    -------
    (n,) int array
        Number of the fold in which a row is left out, from 0.

    Raises
    ------
    FeatureTableError
        There is one group only.
    """
    fold, names = codes(groups)
    _check_folds(len(names), len(names), "groups")
    return fold


def grouped_kfold(groups: np.ndarray, k: int, seed: int) -> np.ndarray:
    """Folds of whole groups.

    Groups in an order drawn by the seed go, one by one, to the fold that has fewest rows so far: folds differ by no
    more rows than the largest group has, and another seed gives other folds.

    Parameters
    ----------
    groups : (n,) int array
    k : int
        Number of folds, 2 to the number of groups.
    seed : int

    Returns
    -------
    (n,) int array
        Number of the fold in which a row is left out, 0 to k - 1.

    Raises
    ------
    FeatureTableError
        There are fewer groups than folds, or fewer than two folds.
    """
    group, names = codes(groups)
    _check_folds(k, len(names), "groups")
    sizes = np.bincount(group)
    rows = np.zeros(k, int)
    fold_of = np.zeros(len(sizes), int)
    for chosen in np.random.default_rng(seed).permutation(len(sizes)):
        fold_of[chosen] = rows.argmin()
        rows[fold_of[chosen]] += sizes[chosen]
    return fold_of[group]


def random_kfold(n: int, k: int, seed: int) -> np.ndarray:
    """Folds of single rows, whose sizes differ by one at most.

    Parameters
    ----------
    n : int
        Rows.
    k : int
        Number of folds, 2 to n; n leaves out one row at a time.
    seed : int

    Returns
    -------
    (n,) int array
        Number of the fold in which a row is left out, 0 to k - 1.

    Raises
    ------
    FeatureTableError
        There are fewer rows than folds, or fewer than two folds.
    """
    _check_folds(k, n, "rows")
    return np.random.default_rng(seed).permutation(n) % k


def connected(*labelings: Iterable[object]) -> np.ndarray:
    """Rows that are tied to each other by sharing a label, directly or through others.

    With sintering schedules and days of acquisition, these are sets of rows that share neither schedule nor day with
    any row outside: whole imaging sessions.

    Parameters
    ----------
    *labelings : iterables of n labels
        At least one. Missing labels (None, NaN) tie nothing.

    Returns
    -------
    (n,) int array
        Number of the component, from 0, in order of first appearance.
    """
    numbers = [codes(labels)[0] for labels in labelings]
    n = len(numbers[0])
    rows, nodes, first = [], [], n
    for number in numbers:  # every label is a node that its rows hang on
        there = np.flatnonzero(number >= 0)
        rows.append(there)
        nodes.append(first + number[there])
        first += int(number.max(initial=-1)) + 1
    row, node = np.concatenate(rows), np.concatenate(nodes)
    graph = coo_array((np.ones(len(row)), (row, node)), shape=(first, first))
    component = connected_components(graph, directed=False)[1][:n]
    return codes(component)[0]


def _check_folds(k: int, most: int, what: str) -> None:
    if most < 2:
        raise FeatureTableError(f"Nothing can be left out: there are {most} {what}, and two are needed at least.")
    if not 2 <= k <= most:
        raise FeatureTableError(f"{k} folds can not be made of {most} {what}; choose 2 to {most}.")
