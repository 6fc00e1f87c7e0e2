"""Predictions of rows by models that never saw them, everything chosen inside the training rows.

What is chosen: the columns (one of a few named sets), the variant of the model, its number of rounds. It is chosen
by cross-validation grouped as the outer one is, so a choice that only works within a group does not win. Of sets of
columns that can not be told apart the smallest is taken (one-standard-error rule, Breiman et al. 1984): otherwise it
would be decided by which groups happen to be left out.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from micro_features.learn.draws import BOOTSTRAP, CHOICE, PERMUTATION, stream, thinned
from micro_features.learn.tabular import Fitted, Model, Problem, Variant

INNER_FOLDS = 3
REPEATS = 5
"""Of the inner cross-validation where rows are few: which groups are left out together decides too much otherwise."""
MOST_ROWS_TO_CHOOSE = 500
"""The choice is made on this many rows, some of every group, for time: in a trial with 4000 rows it cost 0.03 of R²."""

_A = TypeVar("_A")
_B = TypeVar("_B")


@dataclass(frozen=True)
class Choice:
    """What the inner cross-validation preferred.

    Attributes
    ----------
    subset : str
        Name of the set of columns.
    columns : tuple of int
    variant : mapping
        Hyper-parameters, with ``rounds`` where the model grows in rounds.
    loss : float
        Mean loss of a row left out: squared error, or -log of the probability of its class.
    """

    subset: str
    columns: tuple[int, ...]
    variant: Variant
    loss: float


@dataclass(frozen=True, eq=False)
class Chosen:
    """A model fitted on the columns that were chosen; takes all columns.

    Attributes
    ----------
    choice : Choice
    fitted : Fitted
    """

    choice: Choice
    fitted: Fitted

    def predict(self, X: np.ndarray) -> np.ndarray:
        """(n,) values, or (n, n_classes) probabilities."""
        return self.fitted.predict(X[:, self.choice.columns])


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Predictions of every row by a model that was trained without its fold.

    Attributes
    ----------
    predicted : (n,) or (n, n_classes) float array
    models : list of Chosen
        One for each fold, in the order of fold numbers.
    """

    predicted: np.ndarray
    models: list[Chosen]

    @property
    def choices(self) -> list[Choice]:
        """Of each fold."""
        return [model.choice for model in self.models]


def choose(
    model: Model,
    X: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray,
    subsets: Mapping[str, Sequence[int]],
    problem: Problem,
    *,
    number: int = 0,
) -> Choice:
    """Find the columns and the variant that predict left-out groups best.

    Parameters
    ----------
    model : Model
    X : (n, k) float array
        NaN where missing.
    y : (n,) array
    groups : (n,) int array
        Stay together.
    subsets : mapping of name to column numbers
    problem : Problem
    number : int
        Of the draw of inner folds: choices for different training rows are made with different ones.

    Returns
    -------
    Choice
    """
    variants = [(name, tuple(columns), variant) for name, columns in subsets.items() for variant in model.variants]
    if len(variants) == 1 and not model.grows:
        return Choice(*variants[0], float("nan"))
    rng = stream(problem.seed, CHOICE, number)
    rows = thinned(groups, MOST_ROWS_TO_CHOOSE, rng)
    X, y, groups = X[rows], y[rows], groups[rows]
    held_out = _inner_folds(groups, rng, REPEATS if len(y) < MOST_ROWS_TO_CHOOSE else 1)
    sizes = np.array([np.count_nonzero(out) for out in held_out])
    best_of: dict[str, tuple[Choice, np.ndarray]] = {}
    for name, columns, variant in variants:
        part, of_part = X[:, columns], problem.of(columns)
        curves = np.array([model.losses(part, y, out, variant, of_part) for out in held_out])  # (folds, rounds)
        rounds = _where_it_stops(curves)
        of_folds = curves[:, rounds - 1]
        mean = float(of_folds.sum() / sizes.sum())
        if name not in best_of or mean < best_of[name][0].loss:
            variant = {**variant, "rounds": rounds} if model.grows else variant
            best_of[name] = Choice(name, columns, variant, mean), of_folds / sizes
    return _smallest_of_the_best(list(best_of.values()))


def _smallest_of_the_best(found: list[tuple[Choice, np.ndarray]]) -> Choice:
    """The choice of fewest columns that is worse than the best by no more than one standard error of the difference."""
    least, its_folds = min(found, key=lambda pair: pair[0].loss)

    def as_good(choice: Choice, folds: np.ndarray) -> bool:
        difference = folds - its_folds
        error = float(difference.std(ddof=1)) / np.sqrt(len(folds)) if len(folds) > 1 else 0.0
        return choice.loss - least.loss <= error

    return min((choice for choice, folds in found if as_good(choice, folds)), key=lambda c: (len(c.columns), c.loss))


def _where_it_stops(curves: np.ndarray) -> int:
    """Rounds after which held-out loss is least, the median over repeats: a single partition may stop anywhere."""
    repeats = max(1, len(curves) // INNER_FOLDS)
    least = [part.sum(axis=0).argmin() for part in np.array_split(curves, repeats)]
    return int(np.median(least)) + 1


def _inner_folds(groups: np.ndarray, rng: np.random.Generator, repeats: int) -> list[np.ndarray]:
    """Masks of the rows held out; single rows take the place of groups where there are fewer than two."""
    names = np.unique(groups)
    if len(names) < 2:
        groups = np.arange(len(groups))
        names = groups
    if len(names) <= INNER_FOLDS:
        return [groups == name for name in names]
    return [
        np.isin(groups, part) for _ in range(repeats) for part in np.array_split(rng.permutation(names), INNER_FOLDS)
    ]


def fit_chosen(model: Model, X: np.ndarray, y: np.ndarray, choice: Choice, problem: Problem) -> Chosen:
    """Fit on the columns, and with the variant, of a choice."""
    part = X[:, choice.columns]
    return Chosen(choice, model.fit(part, y, choice.variant, problem.of(choice.columns)))


def out_of_fold(
    model: Model,
    X: np.ndarray,
    y: np.ndarray,
    fold: np.ndarray,
    groups: np.ndarray,
    subsets: Mapping[str, Sequence[int]],
    problem: Problem,
    *,
    choices: Sequence[Choice] | None = None,
) -> OutOfFold:
    """Leave out one fold after the other; choose, fit and predict without it.

    Parameters
    ----------
    model : Model
    X : (n, k) float array
    y : (n,) array
    fold : (n,) int array
        Number of the fold that a row is left out in.
    groups : (n,) int array
        What the inner cross-validation keeps together.
    subsets : mapping of name to column numbers
    problem : Problem
        Folds are shared out over its threads.
    choices : sequence of Choice, optional
        One for each fold, made before: then nothing is chosen.

    Returns
    -------
    OutOfFold
    """
    numbers = np.unique(fold)
    single = problem.single

    def without(i: int) -> Chosen:
        train = fold != numbers[i]
        choice = (
            choices[i] if choices else choose(model, X[train], y[train], groups[train], subsets, single, number=i + 1)
        )
        return fit_chosen(model, X[train], y[train], choice, single)

    models = in_threads(without, range(len(numbers)), problem.threads if model.parallel else 1)
    predicted = np.zeros((len(y), problem.n_classes) if problem.n_classes else len(y))
    for number, chosen in zip(numbers, models, strict=True):
        predicted[fold == number] = chosen.predict(X[fold == number])
    return OutOfFold(predicted, models)


def exchanged(y: np.ndarray, groups: np.ndarray, rng: np.random.Generator, *, classes: bool = False) -> np.ndarray:
    """Targets dealt out to other groups: what is left of a score is what the data give without any link.

    Rows of a group are not exchangeable one by one: they resemble each other. Where all groups have the same size,
    their whole target vectors change places; else group means do, and residuals within groups stay. (Classes: a group
    takes the labels of another, repeated or cut to its size.)

    Parameters
    ----------
    y : (n,) array
    groups : (n,) int array
    rng : numpy.random.Generator
    classes : bool

    Returns
    -------
    (n,) array
    """
    names, inverse, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = rng.permutation(len(names))
    rows = [np.flatnonzero(inverse == i) for i in range(len(names))]
    new = np.empty_like(y)
    if classes or len(set(sizes.tolist())) == 1:
        for i, j in enumerate(order):
            new[rows[i]] = np.resize(y[rows[j]], len(rows[i]))
        return new
    means = np.bincount(inverse, weights=y) / sizes
    return y - means[inverse] + means[order][inverse]


def permuted(
    model: Model,
    X: np.ndarray,
    y: np.ndarray,
    fold: np.ndarray,
    groups: np.ndarray,
    choices: Sequence[Choice],
    problem: Problem,
    *,
    n: int,
    ask: Callable[[np.ndarray, OutOfFold], _B],
) -> list[_B]:
    """Repeat the cross-validation with exchanged targets, at the hyper-parameters of each fold.

    Parameters
    ----------
    choices : sequence of Choice
        Of each fold, as `out_of_fold` made them on the true targets.
    n : int
        Permutations.
    ask : callable
        ``(exchanged targets, OutOfFold)`` to what is to be known of each.

    Returns
    -------
    list
        What `ask` answered.
    """
    single = problem.single

    def once(i: int) -> _B:
        rng = stream(problem.seed, PERMUTATION, i)
        other = exchanged(y, groups, rng, classes=bool(problem.n_classes))
        return ask(other, out_of_fold(model, X, other, fold, groups, {}, single, choices=choices))

    return in_threads(once, range(n), problem.threads if model.parallel else 1)


def p_value(observed: float, under_null: Sequence[float]) -> float:
    """(1 + how many permutations do as well) / (1 + permutations), Phipson and Smyth 2010; 1 where not defined."""
    if not np.isfinite(observed) or not len(under_null):
        return 1.0
    return (1 + int(np.count_nonzero(np.asarray(under_null) >= observed))) / (1 + len(under_null))


@dataclass(frozen=True, eq=False)
class Refit:
    """A model fitted again on groups drawn with replacement.

    Attributes
    ----------
    model : Chosen
    drawn : (n,) bool array
        Whether a row was among those drawn.
    """

    model: Chosen
    drawn: np.ndarray


def bootstrap(
    model: Model, X: np.ndarray, y: np.ndarray, groups: np.ndarray, choice: Choice, problem: Problem, *, n: int
) -> list[Refit]:
    """Fit again on groups drawn with replacement.

    Parameters
    ----------
    choice : Choice
        Columns and hyper-parameters, the same every time.
    n : int
        Refits.

    Returns
    -------
    list of Refit
    """
    names = np.unique(groups)
    rows = [np.flatnonzero(groups == name) for name in names]
    single = problem.single

    def once(i: int) -> Refit:
        rng = stream(problem.seed, BOOTSTRAP, i)
        drawn = np.concatenate([rows[j] for j in rng.integers(len(names), size=len(names))])
        again = dataclasses.replace(single, seed=problem.seed + 1 + i)  # the learner draws anew, too
        return Refit(fit_chosen(model, X[drawn], y[drawn], choice, again), np.isin(np.arange(len(y)), drawn))

    return in_threads(once, range(n), problem.threads if model.parallel else 1)


def in_threads(work: Callable[[_A], _B], of: Iterable[_A], threads: int) -> list[_B]:
    """Results in order; XGBoost lets go of the interpreter while it works."""
    if threads <= 1:
        return [work(item) for item in of]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, of))
