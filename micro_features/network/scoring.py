"""How good the network's predictions are, each number beside what the date and the features alone give."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import rankdata

from micro_features.fitting.dataset import Dataset
from micro_features.fitting.evaluate import merit
from micro_features.learn.draws import PERMUTATION, stream
from micro_features.learn.intervals import coverage, cv_plus, highest_level, share
from micro_features.learn.scores import Interval, advantage, class_scores, r2, regression_scores
from micro_features.learn.validate import exchanged, p_value
from micro_features.network.beside import (
    DATE_ALONE,
    DATE_SINGLE,
    FEATURE_MODEL,
    TRAINING_MEAN,
    FeatureFit,
    Predictor,
    needs_no_picture,
)

NETWORK = "network"
LEVEL = 0.8
"""Of the intervals of rows out of fold."""
CHANCE_P = 0.05
EXCHANGES = 999
SMALL = 0.1
"""Scores below this are told in two digits instead of two decimals."""
_OF_THE_NUMBER = 3  # columns of scores that speak of the number; the others speak of classes
NOT_RETRAINED = (
    "No network was trained on exchanged targets, which would take as many trainings as exchanges. Instead what was "
    "measured was exchanged between groups, the predictions staying"
)


def scores_of(dataset: Dataset, predictor: Predictor, *, seed: int = 0) -> dict[str, Interval]:
    """Scores of one predictor.

    Parameters
    ----------
    dataset : Dataset
    predictor : Predictor
    seed : int
        Of the intervals, which draw groups.

    Returns
    -------
    dict of str to Interval
        ``r2``, ``mae``, ``spearman`` of the number; with classes ``class_accuracy`` of the predictor's own answer to
        the class (where it gives one), ``accuracy_from_number`` of the class that the number falls in; and for each cut
        ``balanced_accuracy_above_i`` and ``auc_above_i``: whether a row lies above cut i, asked of those rows alone
        that lie above cut i - 1: low against the rest, then median against high.
    """
    y, predicted, groups = dataset.y, predictor.predicted, dataset.groups
    found = regression_scores(y, predicted, groups, cuts=dataset.model_cuts, seed=seed)
    told = {name: found[name] for name in ("r2", "mae", "spearman")}
    if not dataset.class_names:
        return told
    if predictor.probabilities is not None:
        told["class_accuracy"] = class_scores(dataset.classes, predictor.probabilities, groups, seed=seed)["accuracy"]
    told["accuracy_from_number"] = found["accuracy"]
    for i, cut in enumerate(dataset.model_cuts, start=1):
        asked = dataset.classes >= i - 1
        above = dataset.classes[asked] >= i
        balanced = regression_scores(y[asked], predicted[asked], groups[asked], cuts=(cut,), seed=seed)
        told[f"balanced_accuracy_above_{i}"] = balanced["balanced_accuracy"]
        told[f"auc_above_{i}"] = auc_interval(auc(above, predicted[asked]), above, groups[asked])
    return told


def auc(above: np.ndarray, predicted: np.ndarray) -> float:
    """Probability that a row above a cut is predicted higher than one below, ties counting a half (Mann-Whitney).

    Parameters
    ----------
    above : (n,) bool array
    predicted : (n,) float array

    Returns
    -------
    float
        NaN where all rows are on one side.

    >>> auc(np.array([False, False, True, True]), np.array([1.0, 3.0, 2.0, 4.0]))
    0.75
    """
    n_above, n_below = int(above.sum()), int((~above).sum())
    if not (n_above and n_below):
        return float("nan")
    return float((rankdata(predicted)[above].sum() - n_above * (n_above + 1) / 2) / (n_above * n_below))


def auc_interval(value: float, above: np.ndarray, groups: np.ndarray) -> Interval:
    """An AUC with the binomial interval of as many trials as there are pairs of groups, one above and one below.

    No group is in two of these pairs, which makes them independent. An AUC is the mean of the share in right order over
    all ways to pair off, and scatters no more than one of them (Hoeffding 1963, JASA 58, 13, section 5): the interval
    is on the safe side, for groups of like size. A bootstrap, where all pairs are in order, draws nothing else: it
    would call three groups against nine certain.

    Parameters
    ----------
    value : float
        As of `auc`.
    above : (n,) bool array
    groups : (n,) int array

    Returns
    -------
    Interval
        At 95 % (`learn.intervals.share`). Ends are NaN where the value is, or no two groups make a pair.
    """
    one, other = set(groups[above].tolist()), set(groups[~above].tolist())
    pairs = min(len(one), len(other), len(one | other) // 2)
    if not pairs or not math.isfinite(value):
        return math.nan, value, math.nan
    low, _, high = share(np.full(pairs, value), np.arange(pairs))
    return low, value, high


def exchange_p(y: np.ndarray, predicted: np.ndarray, groups: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
    """Chance of scores as good, if predictions had nothing to do with their groups.

    Parameters
    ----------
    y, predicted : (n,) float arrays
        Model units.
    groups : (n,) int array
    seed : int

    Returns
    -------
    of_r2, of_rank : float
        One-sided p of R2 and of Spearman's correlation: what is measured changes places between groups `EXCHANGES`
        times, the predictions stay.
    """
    ranks = rankdata(predicted)
    if not np.ptp(ranks):
        return 1.0, 1.0

    def merits(other: np.ndarray) -> tuple[float, float]:
        return merit(other, predicted), float(np.corrcoef(rankdata(other), ranks)[0, 1])

    null = [merits(exchanged(y, groups, stream(seed, PERMUTATION, i))) for i in range(EXCHANGES)]
    # Exchanges that change nothing, as of equal groups, count as well done whatever the rounding.
    observed = [value - 1e-9 for value in merits(y)]
    of_r2, of_rank = (p_value(value, under) for value, under in zip(observed, zip(*null, strict=True), strict=True))
    return of_r2, of_rank


def left_out_interval(
    dataset: Dataset, predicted: np.ndarray, fold: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Intervals of the training rows, from how far those of the other folds were missed.

    Parameters
    ----------
    dataset : Dataset
    predicted : (n,) float array
        Out of fold, model units.
    fold : (n,) int array
    level : float

    Returns
    -------
    low, high : (n,) float arrays
        NaN where the groups of the other folds are too few. Networks that missed these others have seen the row's fold:
        these are no intervals of CV+, and how many rows lie inside says nothing certain of those.
    """
    low, high = np.full((2, len(predicted)), np.nan)
    missed = dataset.y - predicted
    for number in np.unique(fold):
        out = fold == number
        if level <= highest_level(len(np.unique(dataset.groups[~out]))):
            code, asked = np.zeros(np.count_nonzero(~out), int), predicted[out][:, None]
            low[out], high[out] = cv_plus(asked, missed[~out], code, dataset.groups[~out], level)
    return low, high


def scores_file(
    dataset: Dataset,
    fold: np.ndarray,
    networks: Mapping[str, Predictor],
    by_seed: Mapping[int, np.ndarray],
    features: FeatureFit,
) -> dict[str, Any]:
    """Every score, as ``scores.json`` holds it.

    Parameters
    ----------
    dataset : Dataset
    fold : (n,) int array
    networks : mapping of name to Predictor
        `NETWORK`, the mean over seeds, and other ways to ask it.
    by_seed : mapping
        Seed -> (n,) predictions of its networks alone.
    features : FeatureFit

    Returns
    -------
    dict
        Scores are [low, value, high] with a 95 % interval over groups, null where not defined.
    """
    network = networks[NETWORK]
    predictors = {
        **networks,
        FEATURE_MODEL: Predictor(f"{features.name} on measured features", features.predicted),
        **needs_no_picture(dataset, fold),
    }
    own = {name: scores_of(dataset, each) for name, each in predictors.items()}
    low, high = left_out_interval(dataset, network.predicted, fold, LEVEL)
    inside = coverage(dataset.y, low, high, dataset.groups) if np.isfinite(low).all() else (math.nan,) * 3
    p, p_rank = exchange_p(dataset.y, network.predicted, dataset.groups)
    told: dict[str, Any] = {
        "target": {
            "name": dataset.target.name,
            "unit": dataset.target.unit,
            "log10": dataset.target.log10,
            "classes": list(dataset.class_names),
            "cuts": list(dataset.cuts),
        },
        "n_rows": len(dataset.ids),
        "n_micrographs": sum(map(len, dataset.members.values())),
        "n_groups": len(set(dataset.group_names)),
        "folds": len(np.unique(fold)),
        "predictors": {
            name: {"meaning": each.meaning, **{key: _listed(score) for key, score in own[name].items()}}
            for name, each in predictors.items()
        },
        "confounders_only": features.confounders,
        "r2_more_than": {
            name: _listed(advantage(dataset.y, network.predicted, each.predicted, dataset.groups))
            for name, each in predictors.items()
            if name != NETWORK
        },
        "r2_by_seed": {str(seed): r2(dataset.y, each, dataset.groups)[1] for seed, each in by_seed.items()},
        "exchange_p": {"r2": p, "spearman": p_rank},
        "at_chance": bool(p > CHANCE_P or own[NETWORK]["r2"][1] <= 0),
        "intervals": {"level": LEVEL, "coverage": _listed(inside)},
        "notes": list(dataset.notes),
    }
    return told | {"said": sentences(told)}


def _listed(score: Interval) -> list[float | None]:
    return [float(end) if math.isfinite(end) else None for end in score]


def said(score: Sequence[float | None]) -> str:
    """A score with its interval, for people: two decimals, of small numbers as errors in S/cm two digits."""
    low, value, high = score
    if value is None:
        return "not defined"
    form = ".2f" if max(abs(each) for each in score if each is not None) >= SMALL else ".2g"
    return f"{value:{form}}" + (f" [{low:{form}}, {high:{form}}]" if low is not None and high is not None else "")


def sentences(told: Mapping[str, Any]) -> list[str]:
    """What the scores mean, in plain words.

    Parameters
    ----------
    told : mapping
        As `scores_file` gives it.
    """
    predictors, more = told["predictors"], told["r2_more_than"]
    own, seeds = predictors[NETWORK], list(told["r2_by_seed"].values())
    found = []
    if told["at_chance"]:
        found.append(
            f"No link was found between the pictures and {told['target']['name']}: with groups left out the network "
            "does no better than chance. Its predictions, and maps of where it looks, mean nothing."
        )
    spread = f"; single seeds {min(seeds):.2f} to {max(seeds):.2f}" if len(seeds) > 1 else ", one seed"
    found.append(f"R² {said(own['r2'])} with groups left out in {told['folds']} folds{spread}.")
    low, gain, high = more[FEATURE_MODEL]
    word = "better" if low is not None and low > 0 else "worse" if high is not None and high < 0 else ""
    found.append(
        f"The feature model reaches {said(predictors[FEATURE_MODEL]['r2'])} in the same folds; the network "
        + (f"does {word}" if word else "can not be told from it")
        + f" (difference {said((low, gain, high))})."
    )
    p = told["exchange_p"]
    found.append(f"{NOT_RETRAINED}: p = {p['r2']:.2g} of R², {p['spearman']:.2g} of the rank correlation.")
    found += _dates(told)
    names = told["target"]["classes"]
    for i in range(2, len(names)):
        score, mean = own[f"auc_above_{i}"], predictors[TRAINING_MEAN][f"auc_above_{i}"]
        apart = score[0] is not None and score[0] > max(0.5, mean[1])
        found.append(
            f"Among the rows of {names[i - 1]} and above, {_above(names, i)} against {names[i - 1]}: AUC "
            f"{said(score)}, balanced accuracy {said(own[f'balanced_accuracy_above_{i}'])}; chance 0.5, the mean of "
            f"the other folds alone AUC {said(mean)}" + ("." if apart else ": they are not told apart.")
        )
    return [*found, intervals_said(told["intervals"])]


def intervals_said(known: Mapping[str, Any]) -> str:
    """How many measured values lay inside the intervals of left-out groups, or that there are none."""
    at, inside = f"{100 * known['level']:g} %", known["coverage"]
    if inside[1] is None:
        return (
            f"Prediction intervals at {at}: they could not be tried on left-out groups, which leave too few others for "
            "this level; their interval_low and interval_high are empty."
        )
    return (
        f"At {at}, {said(inside)} of a left-out group lay inside its intervals, in the mean over groups. These are "
        "made from errors in the other folds, by networks that have seen the group; intervals of new pictures (CV+) "
        "were not checked."
    )


def at_chance_said(told: Mapping[str, Any]) -> str:
    """For captions and cards; empty where the network does better than chance."""
    if not told["at_chance"]:
        return ""
    own, p = told["predictors"][NETWORK], told["exchange_p"]["r2"]
    return f"The network does no better than chance with groups left out (R² {said(own['r2'])}; p = {p:.2g}). "


def _above(names: Sequence[str], i: int) -> str:
    return names[i] if i == len(names) - 1 else f"{names[i]} and above"


def _dates(told: Mapping[str, Any]) -> list[str]:
    predictors = told["predictors"]
    if DATE_ALONE not in predictors:
        return ["No dates are known: whether the imaging session gives the answer away can not be judged."]
    own, grouped, single = (predictors[name] for name in (NETWORK, DATE_ALONE, DATE_SINGLE))
    found = [
        f"The date alone reaches R² {said(grouped['r2'])} in the same folds and {said(single['r2'])} with single rows "
        "left out: what a network could gain by knowing the imaging session instead of the material. Leaving groups "
        "out does not acquit it where days belong to one group only."
    ]
    if "class_accuracy" in own:
        found.append(
            f"Accuracy of {len(told['target']['classes'])} classes: network {said(own['class_accuracy'])} (from its "
            f"number {said(own['accuracy_from_number'])}), date alone {said(grouped['class_accuracy'])}, date alone "
            f"with single rows left out {said(single['class_accuracy'])}."
        )
    if told["confounders_only"].get("r2"):
        found.append(
            f"A model that knows only how the pictures were taken reaches R² {said(told['confounders_only']['r2'])}."
        )
    return found


def score_lines(told: Mapping[str, Any]) -> list[str]:
    """Tables of every predictor, for a terminal: of the number, then of the classes."""
    columns = list(score_columns(told).items())
    lines: list[str] = []
    for some in filter(None, (columns[:_OF_THE_NUMBER], columns[_OF_THE_NUMBER:])):
        lines += [""] * bool(lines) + [f"{'':34}" + "".join(f"{title:>22}" for _, title in some)]
        for name, each in told["predictors"].items():
            lines.append(f"{name:34}" + "".join(f"{said(each[key]) if key in each else '-':>22}" for key, _ in some))
    return lines


def score_columns(told: Mapping[str, Any]) -> dict[str, str]:
    """Keys of scores to their headings."""
    names, unit = told["target"]["classes"], told["target"]["unit"]
    error = "MAE, decades" if told["target"]["log10"] else f"MAE, {unit}" if unit else "MAE"
    columns = {"r2": "R²", "mae": error, "spearman": "Spearman"}
    if names:
        columns |= {"class_accuracy": f"{len(names)} classes", "accuracy_from_number": "classes, from number"}
    for i in range(1, len(names)):
        columns[f"auc_above_{i}"] = f"AUC {names[0]} or not" if i == 1 else f"AUC {_above(names, i)}/{names[i - 1]}"
    return columns
