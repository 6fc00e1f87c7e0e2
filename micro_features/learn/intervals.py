"""How far a prediction may be off, and where a model should not be asked.

Intervals are conformal, CV+ over groups: what is assumed is that a new group resembles the groups of the training rows
as they resemble one another, and nothing about the model or the shape of the errors. Every group weighs the same,
however many rows it has.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import betaincinv

from micro_features.errors import ArtefactError, FeatureTableError, SettingsError
from micro_features.learn.scores import Interval

_ROUNDING = 1e-9  # of sums of weights
_HALVINGS = 60  # of a bracket: to the last digit
_AT_ONCE = 500  # rows whose distances to all others are held at a time
_FARTHEST = 1e6  # standardised; keeps squares finite
_DIGITS = 4  # of standardised rows, which are stored as text
_LOWEST_SHARE = 0.05  # of groups, that make up the end of the training range


def highest_level(n_groups: int) -> float:
    """Highest level at which an interval of conformal prediction over groups is finite: 1 - 1 / (n_groups + 1).

    Parameters
    ----------
    n_groups : int

    Returns
    -------
    float
    """
    return 1 - 1 / (n_groups + 1)


def check_level(level: float, n_groups: int) -> None:
    """Refuse a level that so few groups can not give.

    Parameters
    ----------
    level : float
        Between 0 and 1.
    n_groups : int

    Raises
    ------
    SettingsError
        The level is no share, or a new group may lie farther out than all groups seen more often than it allows.
    """
    if not 0 < level < 1:
        raise SettingsError(f"The level of intervals is {level:g}; it must lie between 0 and 1, such as 0.8.")
    highest = highest_level(n_groups)
    if level > highest + _ROUNDING:
        raise SettingsError(
            f"Intervals at the level {100 * level:g} % were asked for, but {n_groups} groups allow at most "
            f"{math.floor(100 * highest + _ROUNDING)} %: one new group in {n_groups + 1} is expected to lie farther "
            "out than all of them. Ask for a lower level, or measure more groups."
        )


def cv_plus(
    predicted_by_fold: np.ndarray, residual: np.ndarray, fold: np.ndarray, groups: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Prediction intervals of new rows by CV+ over groups.

    An end is a weighted quantile over the training rows i of the prediction by the model that did not see i, plus
    (minus) the absolute residual of i (Barber, Candès, Ramdas and Tibshirani 2021, Annals of Statistics 49, 486). Row i
    weighs 1 / ((G + 1) rows of its group), and 1 / (G + 1) lies at infinity, G the number of groups (hierarchical
    conformal prediction: Dunn, Wasserman and Ramdas 2023, JASA 118, 2491; Lee, Barber and Willett 2023,
    arXiv:2306.06342). A row of a new group lies inside with a probability near `level`; what is proved for models
    that may be unstable is 2 level - 1.

    Parameters
    ----------
    predicted_by_fold : (m, F) float array
        Prediction of each new row by the model trained without fold f.
    residual : (n,) float array
        Of each training row, by the model trained without its fold.
    fold : (n,) int array
        Of each training row, 0 to F - 1; a group lies in one fold.
    groups : (n,) int array
        Of each training row.
    level : float

    Returns
    -------
    low, high : (m,) float arrays
        Infinite where the groups are too few for the level.
    """
    _, code, count = np.unique(groups, return_inverse=True, return_counts=True)
    weight = 1 / ((len(count) + 1) * count[code])
    calibration = (abs(np.asarray(residual, float)), np.asarray(fold), weight)
    return -_upper_end(-predicted_by_fold, *calibration, level), _upper_end(predicted_by_fold, *calibration, level)


def left_out_intervals(
    pair_predicted: np.ndarray, measured: np.ndarray, fold: np.ndarray, groups: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Intervals of the training rows themselves, as if each fold were new.

    For fold f the data without f are the training set: their models, one without each other fold f', give both the
    predictions of the rows of f and the residuals of the rows of f'. Nothing that forms the interval of a row has seen
    its fold, so that `coverage` of these intervals is honest. With one fold fewer there are fewer groups: near
    `highest_level` these intervals are infinite where those of new rows are finite.

    Parameters
    ----------
    pair_predicted : (F, F, n) float array
        At [f, f', i] the prediction of row i by the model trained without folds f and f'. Only rows of f and f' are
        looked at, and never f = f'.
    measured : (n,) float array
        In model units.
    fold, groups : (n,) int arrays
    level : float

    Returns
    -------
    low, high : (n,) float arrays
    """
    low, high = np.empty(len(fold)), np.empty(len(fold))
    for left_out in np.unique(fold):
        new = fold == left_out
        inside = np.flatnonzero(~new)
        models = pair_predicted[left_out]
        residual = measured[inside] - models[fold[inside], inside]
        low[new], high[new] = cv_plus(models[:, new].T, residual, fold[inside], groups[inside], level)
    return low, high


def coverage(
    measured: np.ndarray, low: np.ndarray, high: np.ndarray, groups: np.ndarray, *, level: float = 0.95
) -> Interval:
    """Share of measured numbers inside their intervals, each group counting alike, with its binomial interval.

    Parameters
    ----------
    measured, low, high : (n,) float arrays
    groups : (n,) int array
    level : float
        Of the interval of the share.

    Returns
    -------
    Interval
        As of `share`.
    """
    return share((measured >= low) & (measured <= high), groups, level=level)


def share(true: np.ndarray, groups: np.ndarray, *, level: float = 0.95) -> Interval:
    """Share of rows that something is true of, each group counting alike, with its binomial interval.

    Parameters
    ----------
    true : (n,) bool array
    groups : (n,) array
    level : float
        Of the interval.

    Returns
    -------
    Interval
        The mean over groups of the share of their rows. Its interval is Clopper and Pearson's (1934) with groups as
        trials, as if the rows of a group were alike; a group of both kinds counts as a part of a success, by the beta
        quantiles that the formula is made of.
    """
    _, code, count = np.unique(groups, return_inverse=True, return_counts=True)
    n = len(count)
    hits = float((np.bincount(code, true) / count).sum())
    lowest = float(betaincinv(hits, n - hits + 1, (1 - level) / 2)) if hits > 0 else 0.0
    highest = float(betaincinv(hits + 1, n - hits, (1 + level) / 2)) if hits < n else 1.0
    return lowest, hits / n, highest


def below_range(predicted: np.ndarray, measured: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Which predictions lie at or below the training range.

    Trees and neighbours answer with means of training targets and can not go below them: their answer to a sample worse
    than all that they know is that of the worst that they know. Flagged is a prediction nearer to the lowest training
    groups (one in twenty, at least one; the highest mean among them) than to the next group above: the truth may lie
    anywhere below. Where groups overlap their means say little: no prediction is flagged above the lowest training
    rows, twice as many as these groups have.

    Parameters
    ----------
    predicted : (m,) float array
        In model units.
    measured, groups : (n,) arrays
        Of the training rows that the predictions were made from.

    Returns
    -------
    (m,) bool array
        None with a single training group.
    """
    _, code, count = np.unique(groups, return_inverse=True, return_counts=True)
    means = np.sort(np.bincount(code, measured) / count)
    if len(means) < 2:
        return np.zeros(len(predicted), bool)
    lowest = max(1, int(_LOWEST_SHARE * len(means)))
    share = min(1.0, 2 * np.sort(count)[::-1][:lowest].sum() / len(measured))
    return np.asarray(predicted) <= min(means[lowest - 1 : lowest + 1].mean(), np.quantile(measured, share))


@dataclass(frozen=True, eq=False)
class Domain:
    """Where a model was trained.

    Attributes
    ----------
    centre, scale : (k,) float arrays
        Median and robust standard deviation (interquartile range / 1.349) of each feature.
    rows : (n, k) float array
        The training rows, standardised.
    neighbours : int
        Training rows that a distance is the mean of.
    limit : float
        Largest distance that counts as inside.
    """

    centre: np.ndarray
    scale: np.ndarray
    rows: np.ndarray
    neighbours: int
    limit: float


def fit_domain(X: np.ndarray, groups: np.ndarray, *, neighbours: int = 3, level: float = 0.95) -> Domain:
    """Applicability domain: as near to training rows as these are to rows of other groups.

    Parameters
    ----------
    X : (n, k) float array
        Features of the training rows, finite or NaN. A missing value counts as the median.
    groups : (n,) int array
    neighbours : int
    level : float
        Share of the training rows, groups weighing the same, that lie inside when their own group does not count.

    Returns
    -------
    Domain

    Raises
    ------
    FeatureTableError
        There is one group only.
    """
    X = np.asarray(X, float)
    _, code, count = np.unique(groups, return_inverse=True, return_counts=True)
    if len(count) < 2:
        raise FeatureTableError("The applicability domain needs rows of at least 2 groups, found 1; add groups.")
    known = np.isfinite(X).any(axis=0)
    low, centre, high = np.zeros((3, X.shape[1]))
    low[known], centre[known], high[known] = np.nanquantile(X[:, known], [0.25, 0.5, 0.75], axis=0)
    deviation = np.zeros(X.shape[1])
    deviation[known] = np.nanstd(X[:, known], axis=0)
    # More than half of a feature may be one value, as where most pictures have no pores.
    scale = np.where(high > low, (high - low) / 1.349, deviation)
    scale[scale <= 0] = 1
    rows = np.round(_standardised(X, centre, scale), _DIGITS)
    neighbours = int(min(neighbours, len(X) - count.max()))
    distances = _nearest(rows, rows, neighbours, apart=code)
    order = np.argsort(distances)
    reached = np.cumsum((1 / (len(count) * count[code]))[order]) >= level - _ROUNDING
    return Domain(centre, scale, rows, neighbours, float(distances[order][np.argmax(reached)]))


def distance(domain: Domain, X: np.ndarray) -> np.ndarray:
    """Distance of rows to the training rows; above `domain.limit` a prediction is extrapolation.

    Parameters
    ----------
    domain : Domain
    X : (m, k) float array
        Features in their own units, NaN where missing.

    Returns
    -------
    (m,) float array
        Mean Euclidean distance to the nearest training rows in standardised features, divided by the square root of
        their number: 1 is about one standard deviation in every feature.
    """
    return _nearest(_standardised(np.asarray(X, float), domain.centre, domain.scale), domain.rows, domain.neighbours)


def domain_to_json(domain: Domain) -> dict[str, Any]:
    """What `domain_from_json` reads: numbers and lists of numbers."""
    arrays = {name: getattr(domain, name).tolist() for name in ("centre", "scale", "rows")}
    return {**arrays, "neighbours": domain.neighbours, "limit": domain.limit}


def domain_from_json(stored: Mapping[str, Any]) -> Domain:
    """A domain from what `domain_to_json` made.

    Parameters
    ----------
    stored : mapping

    Returns
    -------
    Domain

    Raises
    ------
    ArtefactError
        It is no such thing.
    """
    try:
        centre, scale, rows = (np.array(stored[name], float) for name in ("centre", "scale", "rows"))
        domain = Domain(centre, scale, rows, int(stored["neighbours"]), float(stored["limit"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ArtefactError("holds no applicability domain, or a damaged one; fit the model anew.") from error
    numbers = np.concatenate([centre.ravel(), scale.ravel(), rows.ravel(), [domain.limit]])
    if (
        rows.shape != (len(rows), len(centre))
        or scale.shape != centre.shape
        or not np.isfinite(numbers).all()
        or not 0 < domain.neighbours <= len(rows)
    ):
        raise ArtefactError("holds a damaged applicability domain; fit the model anew.")
    return domain


def _upper_end(
    predicted: np.ndarray, residual: np.ndarray, fold: np.ndarray, weight: np.ndarray, level: float
) -> np.ndarray:
    """Smallest number at or below which predictions plus residuals have the weight `level`.

    Bisected, since all pairs of new and training rows may be too many to sort.
    """
    if weight.sum() < level - _ROUNDING:
        return np.full(len(predicted), np.inf)
    folds = []
    for number in np.unique(fold):
        own = np.flatnonzero(fold == number)
        own = own[np.argsort(residual[own])]
        folds.append((predicted[:, number], residual[own], np.concatenate([[0.0], np.cumsum(weight[own])])))
    low = np.min([mean for mean, _, _ in folds], axis=0) - 1
    high = np.max([mean + residuals[-1] for mean, residuals, _ in folds], axis=0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        reached = sum(sums[np.searchsorted(residuals, middle - mean, "right")] for mean, residuals, sums in folds)
        enough = reached >= level - _ROUNDING
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return high


def _standardised(X: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    z = np.clip((X - centre) / scale, -_FARTHEST, _FARTHEST)
    return np.where(np.isnan(z), 0, z)


def _nearest(new: np.ndarray, rows: np.ndarray, neighbours: int, *, apart: np.ndarray | None = None) -> np.ndarray:
    """Mean distance of each new row to its nearest rows, over the square root of the number of features; where `apart`
    is given, new are the rows themselves and those of the same code do not count."""
    square = (rows**2).sum(axis=1)
    found = np.empty(len(new))
    for start in range(0, len(new), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        squared = (new[part] ** 2).sum(axis=1)[:, None] + square - 2 * new[part] @ rows.T
        if apart is not None:
            squared[apart[part][:, None] == apart] = np.inf
        nearest = np.partition(squared, neighbours - 1, axis=1)[:, :neighbours]
        found[part] = np.sqrt(np.clip(nearest, 0, None)).mean(axis=1)
    return found / math.sqrt(rows.shape[1])
