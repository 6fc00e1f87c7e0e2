"""Every stage of the published method, scored on pictures that it did not see, and as the study scored it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from micro_features.comparison.answers import of_rows
from micro_features.explain.enrichment import FEWEST_GROUPS, over_groups
from micro_features.learn.draws import PERMUTATION, stream
from micro_features.learn.intervals import share
from micro_features.learn.scores import Interval, class_scores
from micro_features.learn.validate import exchanged, p_value
from micro_features.network.beside import DATE_ALONE, TRAINING_MEAN, needs_no_picture
from micro_features.published.one_run import Run
from micro_features.published.samples import GROUPED, IN_SAMPLE, Samples

STAGES = {
    "classifier_windows": "classifier, windows",
    "classifier": "classifier, pictures",
    "tree_windows": "tree of words, windows",
    "tree": "tree of words, pictures",
    "steps": "parameters by logistic steps, pictures",
}
"""What is scored, and what it is called."""
COMMONEST = "commonest class"
EXCHANGES = 9999
CHANCE_P = 0.05
METRICS = ("accuracy", "balanced_accuracy")


@dataclass(frozen=True, eq=False)
class Answers:
    """What the runs of one protocol say.

    Attributes
    ----------
    protocol : {"grouped", "in-sample"}
    runs : list of Run
    of_run : list of (n,) bool arrays
        Pictures that each run was asked about.
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
    of_run: list[np.ndarray]
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
        pictures["classifier"][asked] = of_rows(run.predicted, run.owner, n)[asked]
        pictures["tree"][asked] = of_rows(run.by_tree, run.owner, n)[asked]
        pictures["steps"][asked] = run.routed[asked]
        attributed[asked], again[:, asked] = run.attributed[asked], run.again
        base[asked] = run.base
    return Answers(
        protocol=protocol,
        runs=list(runs),
        of_run=of_run,
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


def scores_of(samples: Samples, answers: Answers, *, seed: int = 0) -> dict[str, Any]:
    """Scores of all stages of a protocol.

    Parameters
    ----------
    samples : Samples
    answers : Answers
    seed : int
        Of the exchanges.

    Returns
    -------
    dict
        Stage -> ``accuracy``, ``balanced_accuracy``, ``balanced_accuracy_below_1`` (the lowest class against the
        others) … as [low, value, high] (95 %, over groups), ``n``; of pictures, with groups left out, also
        ``exchange_p`` and ``chance`` (`exchange`). ``logistic_steps``: shares of windows that the steps send the right
        way, that the commoner side gives, and how much more the first is. ``against_the_answer``: why nothing follows
        about parameters; empty where nothing speaks against it.
    """
    dataset = samples.dataset
    classes, groups = dataset.classes, dataset.groups
    told: dict[str, Any] = {}
    for stage in STAGES:
        if stage in answers.windows:
            owner, given = answers.windows[stage]
            told[stage] = scored(classes[owner], given, groups[owner])
        else:
            given = answers.pictures[stage]
            known = np.isfinite(given).all(axis=1)
            told[stage] = scored(classes[known], given[known], groups[known])
            if answers.protocol == GROUPED:  # answers to what was trained on are no answers by chance
                names = np.array(dataset.group_names)[known]
                p, chance = exchange(classes[known], given[known], names, seed=seed)
                told[stage] |= {"exchange_p": p, "chance": chance}
    told["logistic_steps"] = _steps_scored(answers.hits, groups)
    told["against_the_answer"] = _against(answers, told, len(np.unique(groups[answers.asked])))
    return told


def _steps_scored(hits: pd.DataFrame, groups: np.ndarray) -> dict[str, Any]:
    """Windows at nodes that go where a step says, and where the commoner side of its node is; shares of all."""
    by_picture = hits.groupby("picture")[["n_windows", "told", "majority"]].sum()
    counts = by_picture.to_numpy(float)
    n_nodes = len(hits[["run", "node"]].drop_duplicates())
    unknown = {"n_nodes": n_nodes, "sent_right": [math.nan] * 3, "by_commoner_side": [math.nan] * 3}
    if not len(counts):
        return unknown | {"more_than_commoner_side": [math.nan] * 3}

    def shares(rows: np.ndarray) -> np.ndarray:
        n, told, majority = counts[rows].sum(axis=0)
        return np.array([told, majority, told - majority]) / n

    ends = over_groups(shares, groups[by_picture.index.to_numpy(int)]).T.tolist()
    return {"n_nodes": n_nodes} | dict(
        zip(("sent_right", "by_commoner_side", "more_than_commoner_side"), ends, strict=True)
    )


def _against(answers: Answers, told: Mapping[str, Any], n_groups: int) -> list[str]:
    """Why nothing is to be concluded about parameters; empty where nothing speaks against it."""
    if answers.protocol != GROUPED:
        return ["it was scored on what it was trained on"]
    if n_groups < FEWEST_GROUPS:
        return [f"{n_groups} groups were left out, too few to tell it from chance"]
    reasons = [
        f"{STAGES[stage]}: not shown to be better than chance (p = {said_p(told[stage]['exchange_p'])})"
        for stage in ("tree", "steps")
        if not told[stage]["exchange_p"] <= CHANCE_P
    ]
    steps = told["logistic_steps"]
    if not steps["more_than_commoner_side"][0] > 0:
        reasons.append(
            "the logistic steps are not shown to know more than the commoner side of each split "
            f"({said(steps['sent_right'])} of windows sent the right way, {said(steps['by_commoner_side'])})"
        )
    return reasons


def said(score: Sequence[float]) -> str:
    """A score with its interval."""
    low, value, high = score
    if not np.isfinite(value):
        return "not defined"
    return f"{value:.2f}" + (f" [{low:.2f}, {high:.2f}]" if np.isfinite(low) else "")


def said_p(p: float) -> str:
    """A p, where it is known."""
    return f"{p:.2g}" if np.isfinite(p) else "not known"


def scored(classes: np.ndarray, given: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    """Scores of probabilities of classes, as `scores_of` tells them.

    Parameters
    ----------
    classes : (m,) int array
    given : (m, c) float array
    groups : (m,) int array
    """
    if not len(classes):
        below = [f"balanced_accuracy_below_{number}" for number in range(1, given.shape[1])]
        return {name: [math.nan] * 3 for name in (*METRICS, *below)} | {"n": 0}
    found = class_scores(classes, given, groups)
    if (given.argmax(axis=1) == classes).all():  # draws of what is all right hold nothing else
        found |= {name: share(np.ones(len(classes), bool), groups) for name in found if name != "log_loss"}
    if len(np.unique(groups)) < FEWEST_GROUPS:  # draws of so few that hold all classes are nearly all alike
        found = {name: (math.nan, score[1], math.nan) for name, score in found.items()}
    return {name: list(score) for name, score in found.items() if name != "log_loss"} | {"n": len(classes)}


def exchange(
    classes: np.ndarray, given: np.ndarray, groups: np.ndarray, *, seed: int = 0
) -> tuple[float, dict[str, float]]:
    """Chance of answers as good, if they had nothing to do with their groups.

    Classes change places between groups `EXCHANGES` times, the answers stay. Groups differ in size, so that exchanged
    classes are not as frequent as they were: what is judged is balanced accuracy, which does not hang on that. As each
    answer comes from models that know the other groups, it is a little wrong on purpose where there is no link, and the
    test is on the safe side.

    Parameters
    ----------
    classes : (n,) int array
    given : (n, c) float array
        Probabilities; the likeliest class is the answer.
    groups : (n,) array
    seed : int

    Returns
    -------
    p : float
        One-sided. NaN with fewer than `FEWEST_GROUPS` groups.
    chance : dict
        Mean ``accuracy`` and ``balanced_accuracy`` under exchange.
    """
    if not len(classes):
        return math.nan, dict.fromkeys(METRICS, math.nan)
    answer = given.argmax(axis=1)
    null = np.array(
        [
            _merits(exchanged(classes, groups, stream(seed, PERMUTATION, i), classes=True), answer)
            for i in range(EXCHANGES)
        ]
    )
    chance = dict(zip(METRICS, null.mean(axis=0).tolist(), strict=True))
    if len(np.unique(groups)) < FEWEST_GROUPS:
        return math.nan, chance
    # Exchanges that change nothing count as well done whatever the rounding.
    return p_value(_merits(classes, answer)[1] - 1e-9, null[:, 1].tolist()), chance


def _merits(classes: np.ndarray, answer: np.ndarray) -> tuple[float, float]:
    """Accuracy, and its mean over the classes that occur."""
    right = classes == answer
    n = np.bincount(classes)
    return float(right.mean()), float((np.bincount(classes, right)[n > 0] / n[n > 0]).mean())


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
            told = scored(samples.dataset.classes[asked], each.probabilities[asked], samples.dataset.groups[asked])
            found[COMMONEST if name == TRAINING_MEAN else name] = {"meaning": each.meaning, **told}
    return found


def more_than_date(samples: Samples, answers: Answers) -> Interval | None:
    """Accuracy of the tree less that of the date of acquisition alone, same pictures and folds.

    Parameters
    ----------
    samples : Samples
    answers : Answers
        With groups left out.

    Returns
    -------
    Interval or None
        95 %, over groups that are drawn for both at once; None where no dates are known.
    """
    date = needs_no_picture(samples.dataset, samples.fold).get(DATE_ALONE)
    if date is None or date.probabilities is None or answers.protocol != GROUPED:
        return None
    asked, classes = answers.asked, samples.dataset.classes
    right = [given[asked].argmax(axis=1) == classes[asked] for given in (answers.pictures["tree"], date.probabilities)]
    gain = right[0].astype(float) - right[1]
    low, value, high = over_groups(lambda rows: gain[rows].mean(), samples.dataset.groups[asked]).tolist()
    return low, value, high


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
