"""How well each model predicts what it never saw, under every way of leaving out, and what to hold that against."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from micro_features.batch import map_ordered
from micro_features.features.catalogue import SUBSETS
from micro_features.fitting.dataset import Dataset
from micro_features.learn import confounders, folds
from micro_features.learn.draws import CURVE, THINNING, stream, thinned
from micro_features.learn.scores import Interval, class_scores, regression_scores
from micro_features.learn.tabular import MODELS, Model, Problem
from micro_features.learn.validate import OutOfFold, fit_chosen, out_of_fold

FEW_GROUPS = 20
"""Up to so many groups are left out one at a time; more are left out in folds."""
GROUPED_FOLDS = 5
PARTITIONS = 5
"""Into folds, that the explained model is scored by where groups are many: the one of ``folds.csv`` and others."""
RANDOM_FOLDS = 5
RESAMPLES, MANY_ROWS = 2000, 2000
"""Of the intervals of scores; a quarter of them where rows are many."""
EXPLAINED = "xgboost"
"""The model that is explained and saved."""
DUMMY = dataclasses.replace(MODELS[EXPLAINED], variants=({"max_depth": 3, "rounds": 100},), grows=False)
"""What is asked of confounders and of process columns. Nothing is chosen: early stopping may fail where few groups
differ much, and a weak rival flatters."""
SESSIONS = "grouped_by_session"
CONFOUNDERS_ONLY, PROCESS_ONLY = "confounders only", "process only"


@dataclass(frozen=True, eq=False)
class Protocol:
    """A way of leaving out.

    Attributes
    ----------
    name : str
        ``grouped``, ``grouped_5fold``, ``grouped_by_session`` or ``random``.
    meaning : str
    fold : (n,) int array
        The fold that each row is left out in.
    groups : (n,) int array
        What stays together when hyper-parameters are chosen.
    """

    name: str
    meaning: str
    fold: np.ndarray
    groups: np.ndarray


@dataclass(frozen=True, eq=False)
class Evaluated:
    """One model under every protocol.

    Attributes
    ----------
    name, meaning : str
    runs : dict of protocol's name to OutOfFold
    scores : dict of protocol's name to scores
        Each score as (low, value, high).
    """

    name: str
    meaning: str
    runs: dict[str, OutOfFold] = field(default_factory=dict)
    scores: dict[str, dict[str, Interval]] = field(default_factory=dict)


def subsets_of(dataset: Dataset) -> dict[str, list[int]]:
    """Sets of columns that a model may choose among, inside the training rows.

    All features; those of pores, grains and boundaries; texture; and unevenness of contrast. One set for tables of
    other origin. A set with the same columns as an earlier one is left out.
    """
    names = list(dataset.X.columns)
    structure = [i for i, name in enumerate(names) if dataset.phases[name] in ("pore", "grain", "boundary")]
    texture = [i for i, name in enumerate(names) if dataset.phases[name] == "texture"]
    unevenness = [i for i, name in enumerate(names) if name in SUBSETS["unevenness"]]
    candidates = {"all": list(range(len(names))), "structure": structure, "texture": texture, "unevenness": unevenness}
    found: dict[str, list[int]] = {}
    for name, columns in candidates.items():
        if columns and columns not in found.values():
            found[name] = columns
    return found


def protocols(dataset: Dataset, file_folds: np.ndarray, seed: int) -> list[Protocol]:
    """Every way of leaving out that the data allow, the one that counts first.

    Parameters
    ----------
    dataset : Dataset
    file_folds : (n,) int array
        The grouped folds that are written to, or come from, ``folds.csv``.
    seed : int
    """
    groups, n = dataset.groups, len(dataset.ids)
    few = groups.max() + 1 <= FEW_GROUPS
    in_file = "grouped_5fold" if few else "grouped"
    found = [Protocol(in_file, "groups left out in folds, as in folds.csv", file_folds, groups)]
    if few:
        found.insert(0, Protocol("grouped", "groups left out one at a time", folds.leave_one_group_out(groups), groups))
    sessions = dataset.sessions
    if 1 < sessions.max() + 1 < groups.max() + 1:
        fold = sessions if sessions.max() + 1 <= FEW_GROUPS else folds.grouped_kfold(sessions, GROUPED_FOLDS, seed)
        meaning = "whole imaging sessions left out: groups that share a day"
        found.append(Protocol(SESSIONS, meaning, fold, sessions))
    single = np.arange(n)
    random = folds.random_kfold(n, min(RANDOM_FOLDS, n), seed)
    found.append(Protocol("random", "rows left out at random, whatever their group: optimistic", random, single))
    return found


@dataclass(frozen=True, eq=False)
class _Job:
    """One model under one protocol: what a process needs for it."""

    name: str
    model: Model
    X: np.ndarray
    y: np.ndarray
    way: Protocol
    subsets: Mapping[str, Sequence[int]]
    problem: Problem

    def run(self) -> OutOfFold:
        """Predictions; fitted models only of the explained one, as forests are large."""
        run = out_of_fold(self.model, self.X, self.y, self.way.fold, self.way.groups, self.subsets, self.problem)
        return run if self.name == EXPLAINED else OutOfFold(run.predicted, [])


def evaluate(dataset: Dataset, ways: Sequence[Protocol], problem: Problem) -> dict[str, Evaluated]:
    """Every model and dummy under every protocol, shared out over processes.

    Returns
    -------
    dict of name to Evaluated
        In the order of `MODELS`, then what is predicted from confounders alone and from process columns alone.
    """
    y, single = targets(dataset, problem), problem.single
    asked = {
        model.name: (model, model.meaning, dataset.X.to_numpy(float), subsets_of(dataset), single)
        for model in MODELS.values()
    }
    for name, table, what in (
        (CONFOUNDERS_ONLY, dataset.confounders, "how the pictures were taken"),
        (PROCESS_ONLY, dataset.process, "what else the manifest says"),
    ):
        X = confounders.together(table).to_numpy(float)
        if X.shape[1]:
            meaning = f"{EXPLAINED} on {what}: {', '.join(table.columns)}; a dummy"
            subsets = {"all": list(range(X.shape[1]))}
            asked[name] = (DUMMY, meaning, X, subsets, dataclasses.replace(single, monotone=()))
    jobs = [
        _Job(name, model, X, y, way, subsets, its_problem)
        for name, (model, _, X, subsets, its_problem) in asked.items()
        for way in ways
    ]
    found = {name: Evaluated(name, meaning) for name, (_, meaning, *_) in asked.items()}
    for job, run in zip(jobs, map_ordered(_Job.run, jobs, n_workers=problem.threads), strict=True):
        found[job.name].runs[job.way.name] = run
        drawn = sessions_or_groups(dataset, job.way)
        found[job.name].scores[job.way.name] = scores_of(dataset, run.predicted, problem, drawn)
    return found


def targets(dataset: Dataset, problem: Problem) -> np.ndarray:
    """(n,) what is learned: values in model units, or class codes."""
    return dataset.classes.astype(float) if problem.n_classes else dataset.y


def sessions_or_groups(dataset: Dataset, way: Protocol) -> np.ndarray:
    """(n,) int array: what intervals draw as a whole under a protocol."""
    return dataset.sessions if way.name == SESSIONS else dataset.groups


def scores_of(dataset: Dataset, predicted: np.ndarray, problem: Problem, drawn: np.ndarray) -> dict[str, Interval]:
    """Scores of predictions, with 95 % intervals.

    Parameters
    ----------
    predicted : (n,) or (n, n_classes) array
    drawn : (n,) int array
        What is drawn as a whole.
    """
    draws = {"n_resamples": RESAMPLES if len(predicted) <= MANY_ROWS else RESAMPLES // 4, "seed": problem.seed}
    if problem.n_classes:
        return class_scores(dataset.classes, predicted, drawn, **draws)
    return regression_scores(dataset.y, predicted, drawn, cuts=dataset.model_cuts, **draws)


def reference_lines(dataset: Dataset, fold: np.ndarray) -> dict[str, float]:
    """R² of three predictors that know nothing of the picture, to hold a score against.

    ``training_mean``: the mean of the rows not left out. ``perfect_class``: with cut points, their mean over the rows
    on the same side of the lowest cut, as if this side were always known. ``no_extrapolation``: the truth, but never
    beyond the range of the rows not left out, as trees answer at best.
    """
    y = dataset.y
    answers = {"training_mean": np.zeros(len(y)), "no_extrapolation": np.zeros(len(y))}
    if dataset.cuts:
        answers["perfect_class"] = np.zeros(len(y))
    for number in np.unique(fold):
        out, train = fold == number, fold != number
        answers["training_mean"][out] = y[train].mean()
        answers["no_extrapolation"][out] = np.clip(y[out], y[train].min(), y[train].max())
        if dataset.cuts:
            low = y < dataset.model_cuts[0]
            for side in (low, ~low):
                known = y[train & side]
                answers["perfect_class"][out & side] = known.mean() if len(known) else y[train].mean()
    return {name: r2(y, answer) for name, answer in answers.items()}


def r2(y: np.ndarray, predicted: np.ndarray) -> float:
    """1 - squared errors over squared deviations from the overall mean."""
    return float(1 - ((y - predicted) ** 2).sum() / ((y - y.mean()) ** 2).sum())


def merit(y: np.ndarray, predicted: np.ndarray) -> float:
    """The one number of a model: R², or balanced accuracy of probabilities."""
    if predicted.ndim == 1:
        return r2(y, predicted)
    right = predicted.argmax(axis=1) == y
    return float(np.mean([right[y == code].mean() for code in np.unique(y)]))


def other_partitions(dataset: Dataset, problem: Problem) -> list[float]:
    """Score of the explained model by other partitions of the groups into folds.

    Empty where groups are left out one at a time, as there is one partition only, or where rows are many, as it hardly
    matters then.
    """
    n_groups = int(dataset.groups.max()) + 1
    if n_groups <= FEW_GROUPS or len(dataset.ids) > MANY_ROWS:
        return []
    y, X, subsets = targets(dataset, problem), dataset.X.to_numpy(float), subsets_of(dataset)
    found = []
    for repeat in range(1, PARTITIONS):
        fold = folds.grouped_kfold(dataset.groups, GROUPED_FOLDS, problem.seed + repeat)
        again = dataclasses.replace(problem, seed=problem.seed + repeat)
        run = out_of_fold(MODELS[EXPLAINED], X, y, fold, dataset.groups, subsets, again)
        found.append(merit(y, run.predicted))
    return found


def learning_curve(
    dataset: Dataset, run: OutOfFold, fold: np.ndarray, problem: Problem, *, draws: int = 5
) -> dict[int, tuple[float, float, float]]:
    """R² with fewer groups to learn from, hyper-parameters as chosen.

    Returns
    -------
    dict of number of training groups to (least, median, largest) R² over draws
    """
    rows = thinned(dataset.groups, MANY_ROWS, stream(problem.seed, THINNING))
    model, X, y, fold = MODELS[EXPLAINED], dataset.X.to_numpy(float)[rows], dataset.y[rows], fold[rows]
    n_folds = len(np.unique(fold))
    found: dict[int, tuple[float, float, float]] = {}
    for size in sorted({round(share * (n_folds - 1)) for share in (0.3, 0.5, 0.7, 0.85)} - {0, 1, n_folds - 1}):
        reached = []
        for draw in range(draws):
            rng = stream(problem.seed, CURVE, 100 * size + draw)
            predicted = np.zeros(len(y))
            for i, number in enumerate(np.unique(fold)):
                others = np.setdiff1d(np.unique(fold), [number])
                train = np.isin(fold, rng.choice(others, size, replace=False))
                choice = run.choices[i]
                fitted = fit_chosen(model, X[train], y[train], choice, problem.single)
                predicted[fold == number] = fitted.predict(X[fold == number])
            reached.append(r2(y, predicted))
        found[size] = (min(reached), float(np.median(reached)), max(reached))
    return found
