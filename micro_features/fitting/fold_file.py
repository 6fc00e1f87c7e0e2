"""``folds.csv``: which micrograph is left out in which fold, so that other models are compared on the same ones."""

from pathlib import Path

import numpy as np
import pandas as pd

from micro_features.errors import FeatureTableError
from micro_features.files.tables import read_table
from micro_features.fitting.dataset import Dataset

COLUMNS = ("micrograph_id", "group", "fold")


def fold_table(dataset: Dataset, fold: np.ndarray) -> pd.DataFrame:
    """A line for every micrograph.

    Parameters
    ----------
    fold : (n,) int array
        Of the rows of the data set.

    Returns
    -------
    DataFrame
        micrograph_id, group, fold (from 0).
    """
    lines = [
        (name, group, int(number))
        for row, group, number in zip(dataset.ids, dataset.group_names, fold, strict=True)
        for name in dataset.members[row]
    ]
    return pd.DataFrame(lines, columns=list(COLUMNS))


def read_folds(path: Path, dataset: Dataset) -> np.ndarray:
    """The folds of a file for the rows of a data set.

    Parameters
    ----------
    path : Path
        As `fold_table` gives it; micrographs that the data set has not are passed over.
    dataset : Dataset

    Returns
    -------
    (n,) int array
        From 0.

    Raises
    ------
    FeatureTableError
        A column or a micrograph is missing, a micrograph is named twice, a fold is no number, a group is spread over
        folds, or there is one fold only.
    """
    table = read_table(path, as_text=True)
    for column in ("micrograph_id", "fold"):
        if column not in table:
            raise FeatureTableError(f"{path}: no column {column!r}; found {', '.join(map(str, table.columns))}.")
    twice = table["micrograph_id"][table["micrograph_id"].duplicated()]
    if len(twice):
        raise FeatureTableError(f"{path}: {twice.iloc[0]!r} is named more than once in column 'micrograph_id'.")
    fold_of = dict(zip(table["micrograph_id"], table["fold"], strict=True))
    given = []
    for row in dataset.ids:
        found = {fold_of.get(name) for name in dataset.members[row]}
        if None in found:
            raise FeatureTableError(f"{path}: {row!r} has no fold; make the folds from the same table.")
        if len(found) > 1:
            raise FeatureTableError(
                f"{path}: micrographs of {row!r} are in folds {', '.join(sorted(map(str, found)))}."
            )
        given.append(str(found.pop()))
    for value in given:
        if not value.isdecimal():
            raise FeatureTableError(f"{path}: column 'fold' holds {value!r}, not a whole number from 0.")
    fold = np.unique(np.array(given, int), return_inverse=True)[1]
    if fold.max() < 1:
        raise FeatureTableError(f"{path}: all rows are in one fold; at least two are needed.")
    for code, name in zip(*np.unique(dataset.groups, return_index=True), strict=True):
        if len(set(fold[dataset.groups == code])) > 1:
            raise FeatureTableError(
                f"{path}: the group {dataset.group_names[name]!r} is spread over folds; a score would be optimistic."
            )
    return fold.astype(int)
