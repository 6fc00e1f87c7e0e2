"""Gradient-boosted classifiers of pixels: is this a grain boundary, is this a pore?

A classifier answers with log odds, calibrated on pictures that it was not trained on: 0 is even odds in every picture,
and log odds of several pixels may be averaged.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from micro_features.errors import ArtefactError

if TYPE_CHECKING:
    import xgboost

ROUNDS = 120
"""Trees of a classifier: 80 save 0.2 s a picture of 1280 x 960 and cost 0.01 of F1 on drawn sections, 0.04 on fracture
surfaces."""

PARAMETERS: dict[str, str | float] = {
    "objective": "binary:logistic",
    "max_depth": 5,
    "eta": 0.1,
    "subsample": 0.5,
    "colsample_bynode": 0.5,
    "min_child_weight": 20,
    "nthread": 1,
}
"""Settings of XGBoost."""

_MOST_A_PICTURE = 6000
_FOLDS = 3


class Examples(NamedTuple):
    """Pixels of one picture with the answer.

    Attributes
    ----------
    features : (n, k) float32 array
    truth : (n,) array
        1 yes, 0 no, NaN not known: not used.
    """

    features: np.ndarray
    truth: np.ndarray


@dataclass(frozen=True, eq=False)
class PixelClassifier:
    """A trained classifier.

    Attributes
    ----------
    booster : xgboost.Booster
    features : tuple of str
        Names of the columns that it was trained on.
    slope, intercept : float
        Of the calibration: log odds = slope * margin + intercept.
    """

    booster: "xgboost.Booster"
    features: tuple[str, ...]
    slope: float
    intercept: float


class Skill(NamedTuple):
    """How well a classifier answers in pictures that it was not trained on, each picture counting alike.

    Attributes
    ----------
    log_loss : float
        Mean of -log(probability of the right answer) after calibration.
    base_log_loss : float
        The same if it always answered with the share of yes.
    area_under_curve : float
        Probability that a pixel that is one gets larger odds than one that is not: 0.5 by chance, 1 at best.
    """

    log_loss: float
    base_log_loss: float
    area_under_curve: float


class Trained(NamedTuple):
    """Result of training.

    Attributes
    ----------
    classifier : PixelClassifier
        Trained on all pictures.
    skill : Skill
    blind : list of PixelClassifier
        For each picture one that was trained without it.
    """

    classifier: PixelClassifier
    skill: Skill
    blind: list[PixelClassifier]


def train(
    pictures: Iterable[Examples], features: tuple[str, ...], *, weights: Sequence[float] | None = None, seed: int = 0
) -> Trained:
    """Train a classifier on pixels of several pictures.

    Every picture counts alike, or by its weight, however many pixels it has. Calibration (Platt 1999) and skill come
    from classifiers that were trained without a third of the pictures, asked about that third.

    Parameters
    ----------
    pictures : iterable of Examples
        Of at least two pictures, or two parts of one; looked at one after the other.
    features : tuple of str
        Names of their columns.
    weights : sequence of float, optional
        One for each picture.
    seed : int

    Returns
    -------
    Trained

    Raises
    ------
    ArtefactError
        There are fewer than two pictures, or all answers are the same.
    """
    rng = np.random.default_rng(seed)
    kept, share = [], []
    numbers = []
    number = -1
    for number, examples in enumerate(pictures):
        some = sampled(examples, rng)
        if len(some.truth):
            numbers.append(number)
            kept.append(some)
            share.append(1.0 if weights is None else weights[number])
    if len(kept) < 2:
        raise ArtefactError(f"Training needs examples in at least 2 pictures, found them in {len(kept)}; add labels.")
    if len(np.unique(np.concatenate([each.truth for each in kept]))) < 2:
        raise ArtefactError("Training needs both kinds of pixels; the labels hold one only: mark some of the other.")
    # By lot, but so that pictures of one weight, such as the few of a user, are not all left out together.
    fold = np.empty(len(kept), np.intp)
    fold[np.lexsort((rng.permutation(len(kept)), np.asarray(share)))] = np.arange(len(kept)) % min(_FOLDS, len(kept))
    margin = [np.empty(0, np.float32)] * len(kept)
    boosters = []
    for left_out in range(fold.max() + 1):
        inside = np.flatnonzero(fold != left_out)
        boosters.append(_boosted([kept[i] for i in inside], [share[i] for i in inside], seed))
        for i in np.flatnonzero(fold == left_out):
            margin[i] = _margin(boosters[-1], kept[i].features)
    asked, truth = np.concatenate(margin), np.concatenate([each.truth for each in kept])
    weight = np.concatenate(
        [np.full(len(each.truth), s / len(each.truth)) for each, s in zip(kept, share, strict=True)]
    )
    slope, intercept = _calibrated(asked, truth, weight)
    blind = [PixelClassifier(booster, features, slope, intercept) for booster in boosters]
    # A picture without examples was in no training: any of them is blind to it.
    fold_of = dict(zip(numbers, fold.tolist(), strict=True))
    return Trained(
        PixelClassifier(_boosted(kept, share, seed), features, slope, intercept),
        _skill(slope * asked + intercept, truth, weight),
        [blind[fold_of.get(picture, 0)] for picture in range(number + 1)],
    )


def sampled(examples: Examples, rng: np.random.Generator) -> Examples:
    """As many of the known examples, drawn by lot, as one picture may teach: more would add little but time.

    Parameters
    ----------
    examples : Examples
    rng : Generator

    Returns
    -------
    Examples
        None of them unknown.
    """
    known = np.flatnonzero(~np.isnan(examples.truth))
    if len(known) > _MOST_A_PICTURE:
        known = rng.choice(known, _MOST_A_PICTURE, replace=False)
    return Examples(examples.features[known], examples.truth[known])


def log_odds(classifier: PixelClassifier, features: np.ndarray) -> np.ndarray:
    """Calibrated log odds that each pixel is what the classifier looks for.

    Parameters
    ----------
    classifier : PixelClassifier
    features : (n, k) float32 array
        Columns as in training.

    Returns
    -------
    (n,) float32 array
    """
    if len(features) == 0:
        return np.zeros(0, np.float32)
    return np.float32(classifier.slope) * _margin(classifier.booster, features) + np.float32(classifier.intercept)


def to_bytes(classifier: PixelClassifier) -> bytes:
    """A classifier as XGBoost's own UBJSON, with its names and calibration inside, and a SHA-256 after its end."""
    booster = classifier.booster.copy()
    booster.set_attr(
        features=json.dumps(classifier.features), slope=repr(classifier.slope), intercept=repr(classifier.intercept)
    )
    content = bytes(booster.save_raw("ubj"))
    return content + hashlib.sha256(content).digest()


def from_bytes(stored: bytes, features: tuple[str, ...]) -> PixelClassifier:
    """A classifier from what `to_bytes` made.

    Parameters
    ----------
    stored : bytes
    features : tuple of str
        Names of the columns that it will be asked about.

    Raises
    ------
    ArtefactError
        It is no such classifier, or was trained on other columns.
    """
    import xgboost

    size = hashlib.sha256().digest_size
    content, digest = stored[:-size], stored[-size:]
    booster = xgboost.Booster({"nthread": 1})
    try:
        # XGBoost takes bytes on trust: damaged ones may end the process.
        if hashlib.sha256(content).digest() != digest:
            raise ValueError("damaged")
        booster.load_model(bytearray(content))
        names = tuple(json.loads(booster.attr("features") or "[]"))
        slope, intercept = (float(booster.attr(name) or "nan") for name in ("slope", "intercept"))
    except (xgboost.core.XGBoostError, ValueError, TypeError) as error:
        raise ArtefactError(
            "is no classifier that `micro-features train-segmenter` saved, or is damaged; train it anew."
        ) from error
    if names != features:
        raise ArtefactError("was trained on other features than this version computes; train it anew.")
    return PixelClassifier(booster, names, slope, intercept)


def _boosted(pictures: Sequence[Examples], share: Sequence[float], seed: int) -> "xgboost.Booster":
    import xgboost

    weight = np.concatenate([np.full(len(p.truth), s / len(p.truth)) for p, s in zip(pictures, share, strict=True)])
    weight *= len(weight) / weight.sum()
    table = xgboost.DMatrix(
        np.concatenate([p.features for p in pictures]),
        np.concatenate([p.truth for p in pictures]),
        weight=weight,
        nthread=1,
    )
    return xgboost.train({**PARAMETERS, "seed": seed}, table, ROUNDS)


def _margin(booster: "xgboost.Booster", features: np.ndarray) -> np.ndarray:
    margin: np.ndarray = booster.inplace_predict(np.ascontiguousarray(features), predict_type="margin")
    return margin.astype(np.float32, copy=False)


def _calibrated(margin: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of the line from margins to log odds with the largest likelihood.

    The slope is not below 0: what was learned and holds nowhere else says nothing, and not the reverse.
    """
    weight = weight / weight.sum()

    def loss(line: np.ndarray) -> float:
        odds = line[0] * margin + line[1]
        return float(np.sum(weight * (np.logaddexp(0, odds) - truth * odds)))

    def slope_of_loss(line: np.ndarray) -> np.ndarray:
        excess = weight * (expit(line[0] * margin + line[1]) - truth)
        return np.array([np.sum(excess * margin), np.sum(excess)])

    bounds = ((0, None), (None, None))
    slope, intercept = minimize(loss, np.array([1.0, 0.0]), jac=slope_of_loss, bounds=bounds).x
    return float(slope), float(intercept)


def _skill(odds: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> Skill:
    from sklearn.metrics import log_loss, roc_auc_score

    probability = expit(odds)
    return Skill(
        log_loss=float(log_loss(truth, probability, sample_weight=weight)),
        base_log_loss=float(
            log_loss(truth, np.full(len(truth), np.average(truth, weights=weight)), sample_weight=weight)
        ),
        area_under_curve=float(roc_auc_score(truth, odds, sample_weight=weight)),
    )
