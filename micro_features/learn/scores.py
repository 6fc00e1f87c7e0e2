"""How good predictions are, each score with its interval over groups.

What is drawn again and again for an interval is whole groups, never rows: pictures of one sintering schedule resemble
one another, and counting each as independent would make the interval too narrow (cluster bootstrap: Davison and Hinkley
1997, Bootstrap Methods and their Application, section 3.8).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, stdtrit

from micro_features.learn.target import class_codes

Interval = tuple[float, float, float]
"""Lower end, value, upper end."""

UNKNOWN: Interval = (np.nan, np.nan, np.nan)
"""Of a score that is not defined."""

_FEWEST = 3  # groups; below there is no interval
_AT_ONCE = 100  # resamples held at a time
_LEAST = 1e-15  # probability in a log loss: one sure error does not make it infinite
_ROUNDING = 1e-12  # share of a sum of squares that may be rounding


def regression_scores(
    measured: np.ndarray,
    predicted: np.ndarray,
    groups: np.ndarray,
    *,
    cuts: Sequence[float] = (),
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Interval]:
    """Scores of predicted numbers, and of the classes that they fall in.

    Parameters
    ----------
    measured, predicted : (n,) float arrays
        In model units, finite. Each row was predicted by a model that did not see it.
    groups : (n,) int array
        Rows of one group are drawn together.
    cuts : sequence of float
        Rising cut points between classes, in model units; a number on a cut belongs to the class above.
    n_resamples : int
    seed : int
    level : float
        Of the percentile intervals, which are widened for few groups as Student's t is.

    Returns
    -------
    dict of str to Interval
        `r2`: 1 - sum of squared errors / sum of squares about the mean of `measured`, over all rows at once. In a
        resample mean squared error over the variance of all rows, as that of the resample says which groups were drawn
        and not how well they were predicted: where one group holds most of the spread, draws without it would make any
        R2 bad.
        `mae`: mean absolute error, in decades where the model unit is log10.
        `spearman`: rank correlation, ties at their mean rank.
        `accuracy`: share of rows in the right class.
        `balanced_accuracy`: mean over the classes that occur of the share of their rows that were found.
        `balanced_accuracy_below_1`, `_2` ...: the same for two classes, below the first (second ...) cut or not.
        What is not defined (no cuts, all values equal, one class only) is NaN; so are the ends below 3 groups.
        Resamples where a score is not defined, as where a class is missing, do not count.

    Raises
    ------
    ValueError
        A number is not finite.
    """
    measured, predicted = _finite(measured), _finite(predicted)
    summed = {
        "r2": _explained(measured, predicted),
        "mae": _Summed(np.column_stack([np.ones(len(measured)), abs(predicted - measured)]), _mean),
    }
    if len(cuts):
        code, found = class_codes(measured, cuts), class_codes(predicted, cuts)
        below = found[:, None] < np.arange(1, len(cuts) + 1)
        summed |= _of_classes(code, found, below)
    draws = _Draws(groups, n_resamples, seed)
    unknown = dict.fromkeys(("r2", "mae", "spearman", "accuracy", "balanced_accuracy"), UNKNOWN)
    return unknown | {"spearman": _spearman(measured, predicted, draws, level)} | draws.intervals(summed, level)


def r2(
    measured: np.ndarray,
    predicted: np.ndarray,
    groups: np.ndarray,
    *,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """The score `r2` of `regression_scores` alone, which is quicker for many rows."""
    summed = {"r2": _explained(_finite(measured), _finite(predicted))}
    return _Draws(groups, n_resamples, seed).intervals(summed, level)["r2"]


def advantage(
    measured: np.ndarray,
    predicted: np.ndarray,
    rival: np.ndarray,
    groups: np.ndarray,
    *,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """R2 of one prediction less R2 of another of the same rows.

    Both are put to the same draws, and the spread that errors are compared with stays that of all rows. Where few
    groups hold most of the spread, intervals of two R2 overlap whatever the predictions are, since draws without those
    groups make both bad; their difference is judged by this.

    Parameters
    ----------
    measured, predicted, rival : (n,) float arrays
        In model units, finite.
    groups, n_resamples, seed, level
        As in `regression_scores`.

    Returns
    -------
    Interval
        Above 0 where `predicted` is better. NaN where all of `measured` are equal.

    Raises
    ------
    ValueError
        A number is not finite.
    """
    measured, predicted, rival = _finite(measured), _finite(predicted), _finite(rival)
    spread = measured.var()
    if spread <= _ROUNDING * (measured**2).mean():
        return UNKNOWN
    gain = ((rival - measured) ** 2 - (predicted - measured) ** 2) / spread
    summed = {"gain": _Summed(np.column_stack([np.ones(len(gain)), gain]), _mean)}
    return _Draws(groups, n_resamples, seed).intervals(summed, level)["gain"]


def class_scores(
    classes: np.ndarray,
    probabilities: np.ndarray,
    groups: np.ndarray,
    *,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Interval]:
    """Scores of predicted probabilities of classes that have an order.

    Parameters
    ----------
    classes : (n,) int array
        True class of each row, 0 the lowest.
    probabilities : (n, c) float array
        Of each class; rows sum to 1.
    groups, n_resamples, seed, level
        As in `regression_scores`.

    Returns
    -------
    dict of str to Interval
        `accuracy`, `balanced_accuracy` of the likeliest class.
        `balanced_accuracy_below_1`, `_2` ...: two classes, below class 1 (2 ...) or not, by whether the probabilities
        below sum to more than a half.
        `log_loss`: mean of -log(probability of the true class), natural logarithm.

    Raises
    ------
    ValueError
        A number is not finite.
    """
    probabilities = _finite(probabilities)
    of_truth = np.clip(probabilities[np.arange(len(classes)), classes], _LEAST, 1)
    below = np.cumsum(probabilities, axis=1)[:, :-1] > 0.5
    summed = _of_classes(np.asarray(classes), probabilities.argmax(axis=1), below)
    summed["log_loss"] = _Summed(np.column_stack([np.ones(len(of_truth)), -np.log(of_truth)]), _mean)
    return _Draws(groups, n_resamples, seed).intervals(summed, level)


def precision_recall(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of what was said to be a class, how much is; and of what is a class, how much was found.

    Parameters
    ----------
    confusion : (n_classes, n_classes) int array
        Rows true classes, columns what was said.

    Returns
    -------
    precision, recall : (n_classes,) float arrays
        0 to 1; NaN for a class that was never said, or never is.
    """
    confusion = np.asarray(confusion, float)
    right, said, true = np.diag(confusion), confusion.sum(axis=0), confusion.sum(axis=1)
    precision, recall = (np.where(n > 0, right / np.maximum(n, 1), np.nan) for n in (said, true))
    return precision, recall


def per_group(measured: np.ndarray, predicted: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One measured and one predicted number for each group: the means of its rows.

    Their scores are `regression_scores(measured, predicted, np.arange(len(measured)))`.

    Parameters
    ----------
    measured, predicted : (n,) float arrays
        In model units.
    groups : (n,) int array

    Returns
    -------
    measured, predicted : (g,) float arrays
        In the order of the groups' numbers.
    """
    _, code, count = np.unique(groups, return_inverse=True, return_counts=True)
    return np.bincount(code, measured) / count, np.bincount(code, predicted) / count


def widened(level: float, n_groups: int) -> float:
    """The level whose percentiles are as far out as Student's t asks for few groups.

    Plain percentiles of a bootstrap over groups are too narrow by sqrt((n - 1) / n) and by z for t (Hesterberg 2015,
    doi 10.1080/00031305.2015.1089789).

    Parameters
    ----------
    level : float
        Of the interval that is wanted, 0 to 1.
    n_groups : int

    Returns
    -------
    float
        `level` itself below 3 groups, which give no interval.
    """
    if n_groups < _FEWEST:
        return level
    far = np.sqrt(n_groups / (n_groups - 1)) * stdtrit(n_groups - 1, (1 + level) / 2)
    return float(2 * ndtr(far) - 1)


class _Summed(NamedTuple):
    """A score that follows from sums over rows.

    Attributes
    ----------
    parts : (n, p) float array
        What is summed.
    score : function
        From (..., p) sums to (...) scores, NaN where not defined.
    """

    parts: np.ndarray
    score: Callable[[np.ndarray], np.ndarray]


class _Draws:
    """Groups drawn with replacement, as many as there are, again and again: the same draws for every score."""

    def __init__(self, groups: np.ndarray, n_resamples: int, seed: int) -> None:
        names, self._code = np.unique(groups, return_inverse=True)
        self.n_groups = len(names)
        self._n_resamples = n_resamples if self.n_groups >= _FEWEST else 0
        self._seed = seed

    def _times(self) -> Iterator[np.ndarray]:
        """How often each group was drawn, (b, G), for some resamples at a time."""
        rng = np.random.default_rng(self._seed)
        for start in range(0, self._n_resamples, _AT_ONCE):
            b = min(_AT_ONCE, self._n_resamples - start)
            drawn = rng.integers(self.n_groups, size=(b, self.n_groups)) + self.n_groups * np.arange(b)[:, None]
            yield np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape).astype(float)

    def rows(self) -> Iterator[np.ndarray]:
        """How often each row occurs, (b, n), for some resamples at a time."""
        for times in self._times():
            yield times[:, self._code]

    def intervals(self, summed: dict[str, _Summed], level: float) -> dict[str, Interval]:
        """Scores of all rows with percentile intervals."""
        parts = np.column_stack([each.parts for each in summed.values()])
        by_group = np.column_stack([np.bincount(self._code, part, self.n_groups) for part in parts.T])
        sums = np.concatenate([by_group.sum(axis=0)[None], *(times @ by_group for times in self._times())])
        ends = np.cumsum([each.parts.shape[1] for each in summed.values()])[:-1]
        return {
            name: _interval(each.score(own), widened(level, self.n_groups))
            for (name, each), own in zip(summed.items(), np.split(sums, ends, axis=1), strict=True)
        }


def _interval(scores: np.ndarray, level: float) -> Interval:
    """From the score of all rows followed by those of the resamples."""
    value, resampled = float(scores[0]), scores[1:][np.isfinite(scores[1:])]
    if not np.isfinite(value) or not len(resampled):
        return np.nan, value, np.nan
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return float(low), value, float(high)


def _finite(numbers: np.ndarray) -> np.ndarray:
    numbers = np.asarray(numbers, float)
    if not np.isfinite(numbers).all():
        raise ValueError("Scores need finite numbers, found NaN or infinity; leave those rows out.")
    return numbers


def _mean(sums: np.ndarray) -> np.ndarray:
    return sums[..., 1] / sums[..., 0]


def _explained(measured: np.ndarray, predicted: np.ndarray) -> _Summed:
    """Squared errors in units of the variance of all rows, which a resample does not change."""
    spread = measured.var()
    if spread <= _ROUNDING * (measured**2).mean():
        return _Summed(np.full((len(measured), 2), np.nan), _r2)
    return _Summed(np.column_stack([np.ones(len(measured)), (predicted - measured) ** 2 / spread]), _r2)


def _r2(sums: np.ndarray) -> np.ndarray:
    return 1 - _mean(sums)


def _of_classes(classes: np.ndarray, found: np.ndarray, found_below: np.ndarray) -> dict[str, _Summed]:
    """Accuracies of classes, and for each pair of neighbours that of being below or not."""
    summed = {
        "accuracy": _Summed(np.column_stack([np.ones(len(classes)), classes == found]), _mean),
        "balanced_accuracy": _balanced(classes, found),
    }
    for cut, below in enumerate(found_below.T, start=1):
        summed[f"balanced_accuracy_below_{cut}"] = _balanced((classes < cut).astype(int), below.astype(int))
    return summed


def _balanced(classes: np.ndarray, found: np.ndarray) -> _Summed:
    """Counts of each class that occurs, then of those found."""
    member = classes[:, None] == np.unique(classes)
    return _Summed(np.concatenate([member, member & (classes == found)[:, None]], axis=1).astype(float), _mean_recall)


def _mean_recall(sums: np.ndarray) -> np.ndarray:
    count, found = np.split(sums, 2, axis=-1)
    defined = (count > 0).all(axis=-1) & (count.shape[-1] > 1)
    return np.where(defined, (found / np.where(count > 0, count, 1)).mean(axis=-1), np.nan)


def _spearman(one: np.ndarray, other: np.ndarray, draws: _Draws, level: float) -> Interval:
    rank_one, rank_other = _Ranks(one), _Ranks(other)

    def correlations(times: np.ndarray) -> np.ndarray:
        n = times.sum(axis=1, keepdims=True)
        x, y = (ranks.of(times) - n / 2 for ranks in (rank_one, rank_other))
        spread = (times * x**2).sum(axis=1) * (times * y**2).sum(axis=1)
        defined = spread > 0
        return np.where(defined, (times * x * y).sum(axis=1) / np.sqrt(np.where(defined, spread, 1)), np.nan)

    everything = np.ones((1, len(one)))
    return _interval(
        np.concatenate([correlations(times) for times in (everything, *draws.rows())]), widened(level, draws.n_groups)
    )


class _Ranks:
    """Ranks of numbers that occur several times each, without sorting anew."""

    def __init__(self, numbers: np.ndarray) -> None:
        _, self._tie, count = np.unique(numbers, return_inverse=True, return_counts=True)
        self._order = np.argsort(self._tie, kind="stable")
        self._first = np.cumsum(count) - count

    def of(self, times: np.ndarray) -> np.ndarray:
        """Mean rank of each number's ties, less a half, where it occurs `times` (b, n) times."""
        tied = np.add.reduceat(times[:, self._order], self._first, axis=1)
        return (np.cumsum(tied, axis=1) - tied / 2)[:, self._tie]
