"""What the network's predictions are held against: predictors that need no picture, and the model of the features."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from micro_features.errors import FeatureTableError
from micro_features.files.tables import read_table
from micro_features.fitting.dataset import MIXED, Dataset
from micro_features.fitting.evaluate import CONFOUNDERS_ONLY
from micro_features.learn.target import model_values

DATE = "acquisition_date"
TRAINING_MEAN, DATE_ALONE, DATE_SINGLE = "training mean", "date alone", "date alone, single rows left out"
FEATURE_MODEL = "feature model"
_SAME = 1e-6  # relative; tables hold ten digits


@dataclass(frozen=True, eq=False)
class Predictor:
    """Predictions of every row by something that did not see it.

    Attributes
    ----------
    meaning : str
    predicted : (n,) float array
        Model units.
    probabilities : (n, n_classes) float array or None
        Its own answer to the question of the class, where it gives one.
    """

    meaning: str
    predicted: np.ndarray
    probabilities: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class FeatureFit:
    """What a fit of features says of the same rows.

    Attributes
    ----------
    name : str
        Of the explained model.
    folds : Path
        Its folds.
    predicted : (n,) float array
        By models trained without each row's fold, model units.
    confounders : dict
        Scores of the model that knows only how pictures were taken, same folds; empty where there is none.
    seed : int
    assumed : dict of str to int
        Feature -> 1 where it was assumed to raise the property, -1 to lower it.
    """

    name: str
    folds: Path
    predicted: np.ndarray
    confounders: dict[str, Any]
    seed: int
    assumed: dict[str, int]


def read_fit(folder: Path, dataset: Dataset) -> FeatureFit:
    """What `fit` wrote about the rows of a data set.

    Parameters
    ----------
    folder : Path
    dataset : Dataset

    Returns
    -------
    FeatureFit

    Raises
    ------
    FeatureTableError
        It is no such folder, or one of other rows, other groups, another target, or classes.
    """
    folds, table, said = folder / "folds.csv", folder / "predictions.csv", folder / "scores.json"
    missing = [path.name for path in (folds, table, said) if not path.is_file()]
    if missing:
        raise FeatureTableError(f"{folder}: has no {', '.join(missing)}; name the folder that `fit -o` wrote.")
    try:
        scores = json.loads(said.read_text(encoding="utf-8"))
        target, task, log10 = (scores["target"][name] for name in ("name", "task", "log10"))
        ways, group = scores["protocols"], scores["group"]
        models, explained = scores["models"], str(scores["explained_model"])
        seed, signs = int(scores["seed"]), scores["features"]["assumed_sign"]
        assumed = {str(name): 1 if sign == "rising" else -1 for name, sign in signs.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise FeatureTableError(f"{said}: is not what `fit` writes ({type(error).__name__}); fit anew.") from None
    if target != dataset.target.name or task != "regression":
        raise FeatureTableError(
            f"{folder}: predicts {'the class of ' * (task != 'regression')}{target}, asked for is "
            f"{dataset.target.name}; name a fit of that number."
        )
    if log10 != dataset.target.log10:
        of_fit, asked = (f"{'the logarithm of ' * log}{target}" for log in (log10, dataset.target.log10))
        raise FeatureTableError(
            f"{folder}: models {of_fit}, asked for is {asked}; ask with{'out' * log10} --no-log, or fit anew."
        )
    in_file = "grouped_5fold" if "grouped_5fold" in ways else "grouped"
    column = f"predicted_{in_file if in_file != 'grouped' else target}"
    rows = read_table(table)
    rows.index = read_table(table, as_text=True).iloc[:, 0].astype(str)
    measured = f"measured_{target}"
    absent = [name for name in (column, measured) if name not in rows]
    if absent:
        raise FeatureTableError(f"{table}: no column {absent[0]!r}; fit anew.")
    if set(rows.index) != set(dataset.ids) or not rows.index.is_unique:
        raise FeatureTableError(
            f"{table}: has {len(rows)} rows, these data {len(dataset.ids)}, and they are not the same; ask with the "
            "options of the fit (--where, --per-micrograph), or fit anew."
        )
    _check_groups(folds, dataset, group)
    rows = rows.loc[list(dataset.ids)]
    if not np.allclose(rows[measured].to_numpy(float), dataset.y_native, rtol=_SAME):
        raise FeatureTableError(f"{table}: {measured} is not that of these data; fit anew.")
    predicted = model_values(rows[column].to_numpy(float), dataset.target.log10)
    confounders = models.get(CONFOUNDERS_ONLY, {}).get(in_file, {})
    return FeatureFit(explained, folds, predicted, confounders, seed, assumed)


def _check_groups(folds: Path, dataset: Dataset, column: str) -> None:
    """Refuse other groups, whatever their names: of finer ones, scores would count more than were left out."""
    table = read_table(folds, as_text=True)
    absent = [name for name in ("micrograph_id", "group") if name not in table]
    if absent:
        raise FeatureTableError(f"{folds}: no column {absent[0]!r}; fit anew.")
    group_of = dict(zip(table["micrograph_id"], table["group"], strict=True))
    own = {dataset.members[row][0]: name for row, name in zip(dataset.ids, dataset.group_names, strict=True)}
    both = {(group_of[picture], name) for picture, name in own.items() if picture in group_of}
    theirs, ours = ({pair[side] for pair in both} for side in (0, 1))
    if not len(theirs) == len(ours) == len(both):
        raise FeatureTableError(
            f"{folds.parent}: the fit left out {column!r} ({len(theirs)} groups), asked for are {len(ours)} others, "
            f"such as {dataset.group_names[0]!r}; ask with --group {column}, or fit anew."
        )


def needs_no_picture(dataset: Dataset, fold: np.ndarray) -> dict[str, Predictor]:
    """Predictors that look at no picture, folds left out as for the network.

    Parameters
    ----------
    dataset : Dataset
    fold : (n,) int array

    Returns
    -------
    dict of name to Predictor
        `TRAINING_MEAN`; where dates are known `DATE_ALONE` and `DATE_SINGLE`, which answer with the mean, and the
        commonest class, of the other rows of the same day; where there are none, or a row has no one day, of all
        other rows.
    """
    no_day = np.full(len(dataset.ids), -1)
    found = {TRAINING_MEAN: _by_day(dataset, no_day, fold, "mean, and commonest class, of the rows not left out")}
    if DATE in dataset.confounders:
        days = dataset.confounders[DATE]
        day = pd.factorize(days.mask(days == MIXED))[0]  # -1 where none is known, or a sample has several
        meaning = "mean, and commonest class, of the rows of the same day that are not left out"
        found[DATE_ALONE] = _by_day(dataset, day, fold, meaning)
        single = np.arange(len(dataset.ids))
        found[DATE_SINGLE] = _by_day(dataset, day, single, f"{meaning}; rows left out one by one")
    return found


def _by_day(dataset: Dataset, day: np.ndarray, fold: np.ndarray, meaning: str) -> Predictor:
    y, classes, n_classes = dataset.y, dataset.classes, len(dataset.class_names)
    predicted, probabilities = np.zeros(len(y)), np.zeros((len(y), n_classes))
    for row in range(len(y)):
        train = fold != fold[row]
        same = train & (day == day[row]) & (day[row] >= 0)
        known = same if same.any() else train
        predicted[row] = y[known].mean()
        if n_classes:
            probabilities[row, np.bincount(classes[known], minlength=n_classes).argmax()] = 1
    return Predictor(meaning, predicted, probabilities if n_classes else None)
