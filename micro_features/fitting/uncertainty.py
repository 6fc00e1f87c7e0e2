"""How far a prediction may be off, and whether the model was trained for it."""

from dataclasses import dataclass

import numpy as np

from micro_features.fitting.dataset import Dataset
from micro_features.learn.draws import THINNING, stream, thinned
from micro_features.learn.intervals import (
    Domain,
    below_range,
    coverage,
    cv_plus,
    distance,
    fit_domain,
    highest_level,
    left_out_intervals,
)
from micro_features.learn.scores import UNKNOWN, Interval
from micro_features.learn.tabular import Model, Problem
from micro_features.learn.validate import Chosen, OutOfFold, fit_chosen, in_threads

MANY_FOLDS, MOST_ROWS_OF_A_PAIR = 5, 2000
"""With more folds than this, models that leave out two of them are fitted to so many rows at most."""


@dataclass(frozen=True, eq=False)
class Residuals:
    """What prediction intervals are made from.

    Attributes
    ----------
    residual : (n,) float array
        Measured minus predicted by the model that was trained without the row's fold, model units.
    fold, groups : (n,) int arrays
        Folds are numbered from 0 in the order of the fold models.
    """

    residual: np.ndarray
    fold: np.ndarray
    groups: np.ndarray

    @property
    def highest_level(self) -> float:
        """The highest level that the number of groups allows."""
        return highest_level(len(np.unique(self.groups)))


@dataclass(frozen=True, eq=False)
class LeftOut:
    """What is known of the prediction of each training row, made without its fold.

    Attributes
    ----------
    low, high : (n,) float arrays
        Ends of its interval, model units; nothing that they are made from has seen the row's fold. NaN where there are
        too few groups for this: one fewer than for new rows.
    coverage : Interval
        Share of the rows inside; NaN where there are no intervals.
    in_domain : (n,) bool array
    at_or_below_range : (n,) bool array
    """

    low: np.ndarray
    high: np.ndarray
    coverage: Interval
    in_domain: np.ndarray
    at_or_below_range: np.ndarray


def residuals(dataset: Dataset, run: OutOfFold, fold: np.ndarray) -> Residuals:
    """Of predictions out of fold."""
    return Residuals(dataset.y - run.predicted, np.unique(fold, return_inverse=True)[1], dataset.groups)


def interval(known: Residuals, fold_models: list[Chosen], X: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Prediction intervals of new rows: CV+ over groups.

    Parameters
    ----------
    X : (m, k) array
        All columns.
    """
    by_fold = np.column_stack([model.predict(X) for model in fold_models])
    return cv_plus(by_fold, known.residual, known.fold, known.groups, level)


def domain_of(X: np.ndarray, groups: np.ndarray, model: Chosen) -> Domain:
    """The applicability domain in the columns that a model uses."""
    return fit_domain(X[:, model.choice.columns], groups)


def in_domain(domain: Domain, X: np.ndarray, model: Chosen) -> np.ndarray:
    """(m,) bool array: as near to training rows as these are to each other's groups."""
    return distance(domain, X[:, model.choice.columns]) <= domain.limit


def left_out(
    dataset: Dataset, model: Model, run: OutOfFold, fold: np.ndarray, problem: Problem, *, level: float
) -> LeftOut:
    """Judge every training row as if its fold were new."""
    X = dataset.X.to_numpy(float)
    numbers, code = np.unique(fold, return_inverse=True)
    low, high = np.full((2, len(X)), np.nan)
    covered = UNKNOWN
    left = min(len(np.unique(dataset.groups[code != i])) for i in range(len(numbers)))  # groups without a fold
    if not problem.n_classes and len(numbers) > 2 and level <= highest_level(left):
        pairs = _pairs(model, X, dataset.y, code, run, problem, dataset.groups)
        low, high = left_out_intervals(pairs, dataset.y, code, dataset.groups, level)
        covered = coverage(dataset.y, low, high, dataset.groups)
    inside, below = np.zeros(len(X), bool), np.zeros(len(X), bool)
    for i in range(len(numbers)):
        out, train = code == i, code != i
        if len(np.unique(dataset.groups[train])) > 1:
            domain = domain_of(X[train], dataset.groups[train], run.models[i])
            inside[out] = in_domain(domain, X[out], run.models[i])
        if run.predicted.ndim == 1:
            below[out] = below_range(run.predicted[out], dataset.y[train], dataset.groups[train])
    return LeftOut(low, high, covered, inside, below)


def _pairs(
    model: Model, X: np.ndarray, y: np.ndarray, code: np.ndarray, run: OutOfFold, problem: Problem, groups: np.ndarray
) -> np.ndarray:
    """(F, F, n) predictions by models trained without two folds, with what was chosen without the first.

    A model without f and g, chosen without f, predicts the rows of both; it differs from that chosen without g. Where
    there are many folds and rows, each is fitted to some rows of every group.
    """
    some = np.zeros(len(y), bool)
    most = MOST_ROWS_OF_A_PAIR if len(run.models) > MANY_FOLDS else len(y)
    some[thinned(groups, most, stream(problem.seed, THINNING))] = True
    n_folds = len(run.models)
    single = problem.single

    def without(pair: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        kept = (code != pair[0]) & (code != pair[1])
        asked = ~kept
        kept &= some
        fitted = fit_chosen(model, X[kept], y[kept], run.choices[pair[0]], single)
        return asked, fitted.predict(X[asked])

    pairs = [(f, g) for f in range(n_folds) for g in range(n_folds) if f != g]
    predicted = np.full((n_folds, n_folds, len(y)), np.nan)
    for pair, (asked, values) in zip(pairs, in_threads(without, pairs, problem.threads), strict=True):
        predicted[pair][asked] = values
    return predicted
