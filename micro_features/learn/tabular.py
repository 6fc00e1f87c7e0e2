"""Models of a property from a table of features: XGBoost, which is explained, and plain ones to compare it with.

A model is a row of `MODELS`: its variants (hyper-parameters to choose from, a fixed budget) and how it is fitted.
Missing values are XGBoost's own matter; the plain models fill them with the median of the training rows.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    import xgboost

MOST_ROUNDS = 150
"""Trees of XGBoost at most; how many are used is decided inside the training rows."""

Variant = Mapping[str, Any]


class Fitted(Protocol):
    """A model that has learned."""

    def predict(self, X: np.ndarray) -> np.ndarray:
        """(n,) values, or (n, n_classes) probabilities."""
        ...


@dataclass(frozen=True)
class Problem:
    """What is asked for, beside the numbers.

    Attributes
    ----------
    n_classes : int
        0 for regression; else targets are codes 0 to n_classes - 1.
    monotone : tuple of int
        For each feature 1 where the target must not fall with it, -1 where it must not rise, 0 where data decide; empty
        for no constraint. XGBoost alone obeys.
    seed : int
    threads : int
    """

    n_classes: int = 0
    monotone: tuple[int, ...] = ()
    seed: int = 0
    threads: int = 1

    @property
    def single(self) -> "Problem":
        """The same, asked in one thread."""
        return dataclasses.replace(self, threads=1)

    def of(self, columns: Sequence[int]) -> "Problem":
        """The same problem with some of the features."""
        return dataclasses.replace(self, monotone=tuple(self.monotone[i] for i in columns) if self.monotone else ())


@dataclass(frozen=True, eq=False)
class BoostedTrees:
    """Fitted XGBoost.

    Attributes
    ----------
    booster : xgboost.Booster
    n_classes : int
    """

    booster: "xgboost.Booster"
    n_classes: int

    def predict(self, X: np.ndarray) -> np.ndarray:
        """(n,) values, or (n, n_classes) probabilities."""
        import xgboost

        return np.asarray(self.booster.predict(xgboost.DMatrix(X, nthread=1)), dtype=float)


@dataclass(frozen=True, eq=False)
class Estimator:
    """Fitted scikit-learn pipeline.

    Attributes
    ----------
    pipeline : sklearn.pipeline.Pipeline
    fill : (k,) float array
        What stands in for missing values: medians of the training rows, 0 where they had none.
    classes : (c,) int array
        Codes seen in training; empty for regression.
    n_classes : int
    """

    pipeline: Any
    fill: np.ndarray
    classes: np.ndarray
    n_classes: int

    def predict(self, X: np.ndarray) -> np.ndarray:
        """(n,) values, or (n, n_classes) probabilities: 0 for a class that training had not."""
        X = np.where(np.isnan(X), self.fill, X)
        if not self.n_classes:
            return np.asarray(self.pipeline.predict(X), dtype=float)
        probabilities = np.zeros((len(X), self.n_classes))
        probabilities[:, self.classes] = self.pipeline.predict_proba(X)
        return probabilities


@dataclass(frozen=True)
class Model:
    """A way to predict.

    Attributes
    ----------
    name, meaning : str
    variants : tuple of mapping
        Hyper-parameters to choose from.
    fit : callable
        ``(X, y, variant, problem) -> Fitted``.
    losses : callable
        ``(X, y, held_out, variant, problem) -> (rounds,) array``: sum of the losses of the rows held out, after each
        round where the model grows in rounds.
    grows : bool
        Whether it does; how many are used is chosen, then.
    parallel : bool
        Whether several may be fitted at once in threads of one process; scikit-learn's forests may not, as they set the
        filters of warnings for the whole process.
    """

    name: str
    meaning: str
    variants: tuple[Variant, ...]
    fit: Callable[[np.ndarray, np.ndarray, Variant, Problem], Fitted]
    losses: Callable[[np.ndarray, np.ndarray, np.ndarray, Variant, Problem], np.ndarray]
    grows: bool = False
    parallel: bool = False


def loss(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Sum of squared errors, or of -log of the probability of the right class."""
    if predicted.ndim == 1:
        return float(((predicted - truth) ** 2).sum())
    right = predicted[np.arange(len(truth)), truth.astype(int)]
    return float(-np.log(np.clip(right, 1e-6, 1)).sum())


# ---- XGBoost ---------------------------------------------------------------------------------------------------------


def _parameters(y: np.ndarray, variant: Variant, problem: Problem) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "eta": 0.1,
        "subsample": 0.7,
        "colsample_bynode": 0.3,
        "seed": problem.seed,
        "nthread": problem.threads,
        **{name: value for name, value in variant.items() if name != "rounds"},
    }
    if problem.n_classes:
        parameters |= {"objective": "multi:softprob", "num_class": problem.n_classes, "eval_metric": "mlogloss"}
    else:
        parameters |= {"objective": "reg:squarederror", "base_score": float(y.mean()), "eval_metric": "rmse"}
    if any(problem.monotone):
        parameters["monotone_constraints"] = f"({','.join(map(str, problem.monotone))})"
    return parameters


def _boosted(X: np.ndarray, y: np.ndarray, variant: Variant, problem: Problem) -> BoostedTrees:
    import xgboost

    data = xgboost.DMatrix(X, y, nthread=problem.threads)
    booster = xgboost.train(_parameters(y, variant, problem), data, variant.get("rounds", MOST_ROUNDS))
    return BoostedTrees(booster, problem.n_classes)


def _boosted_losses(
    X: np.ndarray, y: np.ndarray, held_out: np.ndarray, variant: Variant, problem: Problem
) -> np.ndarray:
    """After each round: where their sum over folds is least, growing stops. The rows are training rows all the same."""
    import xgboost

    train = xgboost.DMatrix(X[~held_out], y[~held_out], nthread=problem.threads)
    asked = xgboost.DMatrix(X[held_out], y[held_out], nthread=problem.threads)
    curve: dict[str, Any] = {}
    parameters = _parameters(y[~held_out], variant, problem)
    xgboost.train(parameters, train, MOST_ROUNDS, evals=[(asked, "out")], evals_result=curve, verbose_eval=False)
    per_round = np.array(curve["out"][parameters["eval_metric"]])
    return np.count_nonzero(held_out) * (per_round if problem.n_classes else per_round**2)


# ---- plain models ----------------------------------------------------------------------------------------------------


def _plain(
    make: "_Make",
    X: np.ndarray,
    y: np.ndarray,
    variant: Variant,
    problem: Problem,
) -> Estimator:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    known = ~np.isnan(X).all(axis=0)
    fill = np.zeros(X.shape[1])
    fill[known] = np.nanmedian(X[:, known], axis=0)
    one_class = problem.n_classes and len(np.unique(y)) < 2  # of which linear models make nothing
    pipeline = make_pipeline(StandardScaler(), (_average if one_class else make)(variant, problem, len(y)))
    pipeline.fit(np.where(np.isnan(X), fill, X), y.astype(int) if problem.n_classes else y)
    classes = np.asarray(pipeline[-1].classes_, dtype=int) if problem.n_classes else np.empty(0, int)
    return Estimator(pipeline, fill, classes, problem.n_classes)


def _plain_losses(
    fit: Callable[[np.ndarray, np.ndarray, Variant, Problem], Fitted],
    X: np.ndarray,
    y: np.ndarray,
    held_out: np.ndarray,
    variant: Variant,
    problem: Problem,
) -> np.ndarray:
    fitted = fit(X[~held_out], y[~held_out], variant, problem)
    return np.array([loss(y[held_out], fitted.predict(X[held_out]))])


def _linear(variant: Variant, problem: Problem, n: int) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge

    if problem.n_classes:
        return LogisticRegression(C=1 / variant["penalty"], max_iter=2000)
    return Ridge(variant["penalty"])


def _trees(variant: Variant, problem: Problem, n: int, *, n_trees: int = 100) -> Any:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestClassifier if problem.n_classes else RandomForestRegressor
    most = {"max_samples": MOST_ROWS_A_TREE} if n > MOST_ROWS_A_TREE else {}
    return kind(n_trees, random_state=problem.seed, **variant, **most)


def _nearest(variant: Variant, problem: Problem, n: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    kind = KNeighborsClassifier if problem.n_classes else KNeighborsRegressor
    return kind(min(variant["neighbours"], n), weights=variant["weights"])


def _average(variant: Variant, problem: Problem, n: int) -> Any:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    return DummyClassifier() if problem.n_classes else DummyRegressor()


MOST_ROWS_A_TREE = 500
"""Of a random forest: more cost time and hardly help."""


_FEW_TREES = 40  # are enough to choose by, and take a third of the time

_Make = Callable[[Variant, Problem, int], Any]


def _plain_model(name: str, meaning: str, make: _Make, *variants: Variant, to_choose: _Make | None = None) -> Model:
    quick = functools.partial(_plain, to_choose or make)
    return Model(name, meaning, variants, functools.partial(_plain, make), functools.partial(_plain_losses, quick))


MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model(
            "xgboost",
            "Gradient-boosted trees (Chen and Guestrin 2016); the model that is explained",
            ({"max_depth": 2}, {"max_depth": 4}, {"max_depth": 3, "min_child_weight": 3}),
            _boosted,
            _boosted_losses,
            grows=True,
            parallel=True,
        ),
        _plain_model(
            "ridge",
            "Linear on standardised features, with a penalty",
            _linear,
            {"penalty": 1.0},
            {"penalty": 10.0},
            {"penalty": 100.0},
        ),
        _plain_model(
            "forest",
            "Random forest of 100 trees (Breiman 2001)",
            _trees,
            {"max_features": 0.33},
            to_choose=functools.partial(_trees, n_trees=_FEW_TREES),
        ),
        _plain_model(
            "neighbours",
            "Mean of the nearest training rows in standardised features",
            _nearest,
            {"neighbours": 3, "weights": "uniform"},
            {"neighbours": 5, "weights": "distance"},
            {"neighbours": 10, "weights": "distance"},
        ),
        _plain_model("mean", "The training mean, whatever the picture: a dummy", _average, {}),
    )
}
"""Every model by name, the explained one first."""
