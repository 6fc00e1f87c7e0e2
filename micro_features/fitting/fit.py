"""The command `fit`: from a table of features to a model of a property, and how far it can be trusted.

What is done, in this order: models and dummies are scored with whole groups left out, and otherwise; the explained
model is held against exchanged targets, its predictions get intervals, its attributions bands; at last it is fitted to
all rows.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from micro_features.batch import usable_cores
from micro_features.errors import SettingsError
from micro_features.fitting import evaluate, explaining, uncertainty
from micro_features.fitting.dataset import Dataset, check_classes, read_dataset
from micro_features.fitting.dataset_request import DatasetRequest
from micro_features.fitting.evaluate import EXPLAINED, Evaluated, Protocol
from micro_features.fitting.fold_file import read_folds
from micro_features.learn import folds
from micro_features.learn.confounders import Confounder, audit
from micro_features.learn.draws import THINNING, stream, thinned
from micro_features.learn.intervals import check_level
from micro_features.learn.tabular import MODELS, Problem
from micro_features.learn.validate import Chosen, OutOfFold, Refit, bootstrap, choose, fit_chosen, p_value, permuted

MOST_ROWS_AGAIN = 500
"""What is fitted many times (exchanged targets, bootstrap) is fitted to so many rows at most, some of every group."""


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes
    ----------
    table : Path
    data : DatasetRequest
    task : {"regression", "classes"}
    rises_with, falls_with : tuple of str
        Features whose sign is assumed instead of learned.
    folds : Path or None
        File of grouped folds to use instead of new ones.
    permutations, bootstraps : int
        0 leaves them out.
    level : float
        Of the prediction intervals.
    seed : int
    threads : int or None
        One for each core where left out.
    """

    table: Path
    data: DatasetRequest
    task: str = "regression"
    rises_with: tuple[str, ...] = ()
    falls_with: tuple[str, ...] = ()
    folds: Path | None = None
    permutations: int = 99
    bootstraps: int = 50
    level: float = 0.8
    seed: int = 0
    threads: int | None = None


@dataclass(frozen=True, eq=False)
class Fit:
    """Everything that is known after a fit.

    Attributes
    ----------
    request : Request
    dataset : Dataset
    problem : Problem
    ways : list of Protocol
        The first is the one that counts.
    file_folds : (n,) int array
        The grouped folds of ``folds.csv``.
    models : dict of name to Evaluated
    audit : list of Confounder
    permutation_p : float or None
    permutation_rows : int
        Rows that the permutation test was made on.
    final : Chosen
        The explained model, fitted to all rows.
    explained : Explained
    left_out : LeftOut
        Intervals and flags of the training rows; of classes the flags alone.
    learning_curve : dict of number of groups to (least, median, largest) R²
    partitions : list of float
        Score of the explained model by other partitions of the groups into folds, where there are many groups.
    seconds : float
    """

    request: Request
    dataset: Dataset
    problem: Problem
    ways: list[Protocol]
    file_folds: np.ndarray
    models: dict[str, Evaluated]
    audit: list[Confounder]
    permutation_p: float | None
    permutation_rows: int
    final: Chosen
    explained: explaining.Explained
    left_out: uncertainty.LeftOut
    learning_curve: dict[int, tuple[float, float, float]] = field(default_factory=dict)
    partitions: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def first(self) -> Protocol:
        """The way of leaving out that counts."""
        return self.ways[0]

    @property
    def run(self) -> OutOfFold:
        """The explained model under it."""
        return self.models[EXPLAINED].runs[self.first.name]

    @property
    def assumed(self) -> dict[str, int]:
        """Features whose sign is assumed: 1 rising, -1 falling."""
        return dict.fromkeys(self.request.rises_with, 1) | dict.fromkeys(self.request.falls_with, -1)


def fit(request: Request, *, tell: Callable[[str], None] = lambda line: None) -> Fit:
    """Fit, score, audit and explain.

    Parameters
    ----------
    request : Request
    tell : callable
        Told what is being done.

    Returns
    -------
    Fit

    Raises
    ------
    FeatureTableError
        Table, manifest or folds can not be used.
    SettingsError
        An option contradicts the data: the level, an assumed sign.
    """
    began = time.monotonic()
    dataset = read_dataset(request.table, request.data)
    problem = _problem(request, dataset)
    n_groups = int(dataset.groups.max()) + 1
    if not problem.n_classes:
        check_level(request.level, n_groups)
    if request.folds is not None:
        file_folds = read_folds(request.folds, dataset)
    else:
        file_folds = folds.grouped_kfold(dataset.groups, min(evaluate.GROUPED_FOLDS, n_groups), request.seed)
    ways = evaluate.protocols(dataset, file_folds, request.seed)

    tell("scoring models with groups left out")
    models = evaluate.evaluate(dataset, ways, problem)
    run, fold = models[EXPLAINED].runs[ways[0].name], ways[0].fold
    tell("auditing confounders")
    audited = audit(dataset.confounders, dataset.y, dataset.groups, seed=request.seed)

    tell("fitting to exchanged targets and to groups drawn again")
    X, y = dataset.X.to_numpy(float), evaluate.targets(dataset, problem)
    model = MODELS[EXPLAINED]
    final_choice = choose(model, X, y, dataset.groups, evaluate.subsets_of(dataset), problem)
    final = fit_chosen(model, X, y, final_choice, problem)
    p, null_values, rows = _permutation_test(dataset, run, fold, problem, request.permutations)
    explained_run = run
    if any(choice.columns != final_choice.columns for choice in run.choices):
        # Values, bands and chance must speak of one model: the final one's columns, in every fold.
        alike = [final_choice] * len(run.choices)
        explained_run = evaluate.out_of_fold(model, X, y, fold, dataset.groups, {}, problem, choices=alike)
        _, null_values, _ = _permutation_test(dataset, explained_run, fold, problem, request.permutations)
    refits = _refits(dataset, final, problem, request.bootstraps)

    tell("explaining")
    explained = explaining.explain(
        dataset,
        explained_run,
        fold,
        final,
        refits,
        null_values,
        unit=explaining.unit_of_attributions(dataset.target, dataset.class_names if problem.n_classes else ()),
    )
    left_out = uncertainty.left_out(dataset, model, run, fold, problem, level=request.level)
    curve: dict[int, tuple[float, float, float]] = {}
    if not problem.n_classes and n_groups <= evaluate.FEW_GROUPS:
        curve = evaluate.learning_curve(dataset, run, fold, problem)
    partitions = evaluate.other_partitions(dataset, problem)
    return Fit(
        request=request,
        dataset=dataset,
        problem=problem,
        ways=ways,
        file_folds=file_folds,
        models=models,
        audit=audited,
        permutation_p=p,
        permutation_rows=len(rows),
        final=final,
        explained=explained,
        left_out=left_out,
        learning_curve=curve,
        partitions=partitions,
        seconds=time.monotonic() - began,
    )


def _problem(request: Request, dataset: Dataset) -> Problem:
    n_classes = 0
    if request.task == "classes":
        check_classes(dataset)
        n_classes = len(dataset.class_names)
    names = list(dataset.X.columns)
    signs = dict.fromkeys(request.rises_with, 1)
    for name in request.falls_with:
        if name in signs:
            raise SettingsError(f"{name} is said to rise and to fall; choose one.")
        signs[name] = -1
    for name in signs:
        if name not in names:
            reason = dataset.left_out.get(name, "there is no such column")
            raise SettingsError(f"{name}: its sign is assumed, but it is no feature here ({reason}).")
    monotone = tuple(signs.get(name, 0) for name in names) if signs else ()
    return Problem(n_classes, monotone, request.seed, request.threads or usable_cores())


def _permutation_test(
    dataset: Dataset, run: OutOfFold, fold: np.ndarray, problem: Problem, n: int
) -> tuple[float | None, list[np.ndarray], np.ndarray]:
    """p, contributions under exchanged targets, and the rows that were used."""
    rows = thinned(dataset.groups, MOST_ROWS_AGAIN, stream(problem.seed, THINNING))
    if not n:
        return None, [], rows
    X, y, model = dataset.X.to_numpy(float)[rows], evaluate.targets(dataset, problem)[rows], MODELS[EXPLAINED]
    groups, fold = dataset.groups[rows], fold[rows]
    observed = run.predicted[rows]
    if len(rows) < len(dataset.ids):
        again = evaluate.out_of_fold(model, X, y, fold, groups, {}, problem, choices=run.choices)
        observed = again.predicted

    def ask(other: np.ndarray, permuted_run: OutOfFold) -> tuple[float, np.ndarray]:
        values, _ = explaining.left_out_contributions(permuted_run, X, fold)
        return evaluate.merit(other, permuted_run.predicted), values.astype(np.float32)

    answers = permuted(model, X, y, fold, groups, run.choices, problem, n=n, ask=ask)
    return (
        p_value(evaluate.merit(y, observed), [merit for merit, _ in answers]),
        [values for _, values in answers],
        rows,
    )


def _refits(dataset: Dataset, final: Chosen, problem: Problem, n: int) -> list[Refit]:
    """Bootstrap over groups; a row counts as drawn where its group was, also if it was thinned out."""
    X, y = dataset.X.to_numpy(float), evaluate.targets(dataset, problem)
    rows = thinned(dataset.groups, MOST_ROWS_AGAIN, stream(problem.seed, THINNING))
    found = bootstrap(MODELS[EXPLAINED], X[rows], y[rows], dataset.groups[rows], final.choice, problem, n=n)
    return [Refit(refit.model, np.isin(dataset.groups, dataset.groups[rows[refit.drawn]])) for refit in found]
