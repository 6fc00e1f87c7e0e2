"""Every stage of the published method, scored on pictures that it did not see, and as the study scored it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from micro_features.learn.draws import PERMUTATION, stream
from micro_features.learn.scores import class_scores
from micro_features.learn.validate import exchanged, p_value
from micro_features.network.beside import TRAINING_MEAN, needs_no_picture
from micro_features.published.one_run import Run
from micro_features.published.samples import IN_SAMPLE, Samples

STAGES = {
    "classifier_windows": "classifier, windows",
    "classifier": "classifier, pictures",
    "tree_windows": "tree of words, windows",
    "tree": "tree of words, pictures",
    "steps": "parameters by logistic steps, pictures",
}
"""What is scored, and what it is called."""
COMMONEST = "commonest class"
EXCHANGES = 999
CHANCE_P = 0.05
FEWEST_GROUPS = 6
"""Below, scores have no interval."""
METRICS = ("accuracy", "balanced_accuracy")


@dataclass(frozen=True, eq=False)
class Answers:
    """What the runs of one protocol say.

    Attributes
    ----------
    protocol : {"grouped", "in-sample"}
    runs : list of Run
    asked : (n,) bool array
        Pictures that were asked about: those that some run left out; all in the study's protocol.
    windows : dict of stage to ((m,) int array, (m, c) float array)
        Pictures of the windows that are scored, and the probabilities of their classes.
    pictures : dict of stage to (n, c) float array
        NaN where a picture was not asked, or has no answer.
    hits : DataFrame
        Of the logistic steps on these windows.
    attributed : (n, p) float array
        Model units; NaN where not known.
    base : (n,) float array
    again : (b, n, p) float array
    """

    protocol: str
    runs: list[Run]
    asked: np.ndarray
    windows: dict[str, tuple[np.ndarray, np.ndarray]]
    pictures: dict[str, np.ndarray]
    hits: pd.DataFrame
    attributed: np.ndarray
    base: np.ndarray
    again: np.ndarray


def answers_of(protocol: str, runs: Sequence[Run], fold: np.ndarray) -> Answers:
    """Bring the runs of one protocol together: of each fold what it says of the pictures that it left out.

    Parameters
    ----------
    protocol : {"grouped", "in-sample"}
    runs : sequence of Run
        Of each fold, in order (or of the first ones alone); or the one run of the study's protocol.
    fold : (n,) int array
    """
    n = len(fold)
    of_run = [np.ones(n, bool) if protocol == IN_SAMPLE else fold == number for number in range(len(runs))]
    n_classes, n_parameters, n_draws = runs[0].predicted.shape[1], runs[0].attributed.shape[1], len(runs[0].again)
    pictures = {stage: np.full((n, n_classes), np.nan) for stage in ("classifier", "tree", "steps")}
    attributed, base = np.full((n, n_parameters), np.nan), np.full(n, np.nan)
    again = np.full((n_draws, n, n_parameters), np.nan, np.float32)
    windows: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {"classifier_windows": [], "tree_windows": []}
    for run, asked in zip(runs, of_run, strict=True):
        of_asked = asked[run.owner]
        windows["classifier_windows"].append((run.owner[run.scored], run.predicted[run.scored]))
        windows["tree_windows"].append((run.owner[of_asked], run.by_tree[of_asked]))
        pictures["classifier"][asked] = means(run.predicted, run.owner, n)[asked]
        pictures["tree"][asked] = means(run.by_tree, run.owner, n)[asked]
        pictures["steps"][asked] = run.routed[asked]
        attributed[asked], again[:, asked] = run.attributed[asked], run.again
        base[asked] = run.base
    return Answers(
        protocol=protocol,
        runs=list(runs),
        asked=np.any(of_run, axis=0),
        windows={
            stage: (np.concatenate([of for of, _ in parts]), np.concatenate([told for _, told in parts]))
            for stage, parts in windows.items()
        },
        pictures=pictures,
        hits=pd.concat([run.step_hits.assign(run=run.name) for run in runs], ignore_index=True),
        attributed=attributed,
        base=base,
        again=again,
    )


def means(values: np.ndarray, owner: np.ndarray, n: int) -> np.ndarray:
    """(n, c) means over the windows of each picture, of (w, c)."""
    total = np.zeros((n, values.shape[1]))
    np.add.at(total, owner, values)
    return total / np.bincount(owner, minlength=n)[:, None]


def scores_of(samples: Samples, answers: Answers) -> dict[str, Any]:
    """Scores of all stages of a protocol.

    Parameters
    ----------
    samples : Samples
    answers : Answers

    Returns
    -------
    dict
        Stage -> ``accuracy``, ``balanced_accuracy``, ``balanced_accuracy_below_1`` (the lowest class against the
        others) … as [low, value, high] (95 %, over groups), ``n``; of pictures also ``exchange_p``. ``logistic_steps``:
        share of windows sent the right way by the steps, beside the share that the commoner side gives.
    """
    classes, groups = samples.dataset.classes, samples.dataset.groups
    told: dict[str, Any] = {}
    for stage in STAGES:
        if stage in answers.windows:
            owner, given = answers.windows[stage]
            told[stage] = _scored(classes[owner], given, groups[owner])
        else:
            given = answers.pictures[stage]
            known = np.isfinite(given).all(axis=1)
            told[stage] = _scored(classes[known], given[known], groups[known])
            told[stage]["exchange_p"] = exchange_p(classes[known], given[known], groups[known])
    windows = answers.hits["n_windows"].to_numpy(float)
    total = windows.sum()
    told["logistic_steps"] = {
        "n_nodes": len(answers.hits),
        "sent_right": float((answers.hits["told"].fillna(0) * windows).sum() / total) if total else math.nan,
        "by_commoner_side": float((answers.hits["majority"].fillna(0) * windows).sum() / total) if total else math.nan,
    }
    return told


def _scored(classes: np.ndarray, given: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    if not len(classes):
        below = [f"balanced_accuracy_below_{number}" for number in range(1, given.shape[1])]
        return {name: [math.nan] * 3 for name in (*METRICS, *below)} | {"n": 0}
    found = class_scores(classes, given, groups)
    if len(np.unique(groups)) < FEWEST_GROUPS:  # draws of so few that hold all classes are nearly all alike
        found = {name: (math.nan, score[1], math.nan) for name, score in found.items()}
    return {name: list(score) for name, score in found.items() if name != "log_loss"} | {"n": len(classes)}


def exchange_p(classes: np.ndarray, given: np.ndarray, groups: np.ndarray, *, seed: int = 0) -> float:
    """Chance of as many right classes, if answers had nothing to do with their groups.

    Parameters
    ----------
    classes : (n,) int array
    given : (n, c) float array
    groups : (n,) int array
    seed : int

    Returns
    -------
    float
        One-sided p: classes change places between groups `EXCHANGES` times, the answers stay. 1 where all answers are
        one class.
    """
    answer = given.argmax(axis=1)
    if len(set(answer.tolist())) < 2:
        return 1.0
    null = [
        np.mean(exchanged(classes, groups, stream(seed, PERMUTATION, i), classes=True) == answer)
        for i in range(EXCHANGES)
    ]
    return p_value(float(np.mean(classes == answer)), null)


def references(samples: Samples, asked: np.ndarray) -> dict[str, dict[str, Any]]:
    """Answers that need no picture, in the same folds.

    Parameters
    ----------
    samples : Samples
    asked : (n,) bool array
        Pictures that the method was asked about.

    Returns
    -------
    dict
        `COMMONEST`, and where dates are known `DATE_ALONE` and `DATE_SINGLE` -> scores, and what they mean.
    """
    found = {}
    for name, each in needs_no_picture(samples.dataset, samples.fold).items():
        if each.probabilities is not None:
            told = _scored(samples.dataset.classes[asked], each.probabilities[asked], samples.dataset.groups[asked])
            found[COMMONEST if name == TRAINING_MEAN else name] = {"meaning": each.meaning, **told}
    return found


def stages_at_chance(scores: Mapping[str, Any]) -> list[str]:
    """Stages that the answer rests on and that do no better than classes exchanged between groups."""
    return [stage for stage in ("tree", "steps") if not scores[stage]["exchange_p"] <= CHANCE_P]


def gap(grouped: Mapping[str, Any], in_sample: Mapping[str, Any]) -> dict[str, Any]:
    """How much better each stage looks in the study's own protocol."""
    return {stage: {name: in_sample[stage][name][1] - grouped[stage][name][1] for name in METRICS} for stage in STAGES}


def stages_table(scores: Mapping[str, Mapping[str, Any]], metric: str) -> pd.DataFrame:
    """Scores for the figure: stage, protocol, low, value, high."""
    rows = [
        (STAGES[stage], protocol.replace("-", " "), *told[stage][metric])
        for stage in STAGES
        for protocol, told in scores.items()
    ]
    return pd.DataFrame(rows, columns=["stage", "protocol", "low", "value", "high"])
