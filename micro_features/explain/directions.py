"""Which way a phase moves each model: by its attribution, and by what happens when the phase is taken away.

A network may have learned that pits occur on dense samples only. Then pores raise its prediction: an association that
is true of the pictures and false of the material, which shares of attribution without signs would hide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from micro_features.explain.compare import rank_correlation
from micro_features.explain.enrichment import FEWEST_GROUPS, over_groups
from micro_features.learn.intervals import share

FEWEST = 3
"""Pictures, and groups, below which nothing is said of them."""
_MOVES = {"raise": "raises", "lower": "lowers", "unclear": "does not clearly move"}


class Estimate(NamedTuple):
    """A number with its 95 % bootstrap interval over groups; ends are NaN below 6 groups."""

    low: float
    value: float
    high: float


@dataclass(frozen=True)
class Signs:
    """Whether pores raise or lower the prediction of each model.

    Attributes
    ----------
    network : {"raise", "lower", "unclear"}
        By the sign of `lean` where its interval does not hold 0.
    lean : Estimate
        Mean lean of the heat map on pores, model units; beside that of as much interior. NaN where maps do not resolve
        pores.
    features : {"raise", "lower", "unclear"}
        By the sign of `trend` where its interval does not hold 0.
    trend : Estimate
        Rank correlation over pictures of the SHAP sum of the pore features with porosity.
    reversed : tuple of str
        Models in which pores raise the prediction of what they lower in truth: ``network``, ``features``; empty where
        physics does not say.
    words : str
    """

    network: str
    lean: Estimate
    features: str
    trend: Estimate
    reversed: tuple[str, ...]
    words: str


def sign_reversal(
    lean: np.ndarray | None,
    shap: np.ndarray,
    porosity: np.ndarray,
    groups: np.ndarray,
    *,
    pores_lower: bool = False,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Signs:
    """Signs of pores in both models, beside that of physics where it is known.

    Parameters
    ----------
    lean : (n,) float array or None
        Lean of the network's heat map on the pores of each picture (`enrichment`), model units, large where the
        property is. Above 0 where pore area raises the prediction more than as much interior does. None where the maps
        do not resolve pores, and so tell no sign.
    shap : (n,) float array
        Sum of the SHAP values of the pore features, model units.
    porosity : (n,) float array
        Share of area that is pore.
    groups : (n,) array
    pores_lower : bool
        The property is one that pores lower, as they do a conductivity. Else signs are told and not judged.
    n_resamples : int
    seed : int

    Returns
    -------
    Signs
    """
    groups = np.asarray(groups)
    pair = np.asarray(shap, float)[:, None], np.asarray(porosity, float)[:, None]
    of_lean = Estimate(np.nan, np.nan, np.nan)
    if lean is not None:
        of_lean = Estimate(
            *over_groups(lambda rows: lean[rows].mean(), groups, n_resamples=n_resamples, seed=seed).tolist()
        )
    trend = Estimate(
        *over_groups(
            lambda rows: rank_correlation(pair[0][rows], pair[1][rows])[0], groups, n_resamples=n_resamples, seed=seed
        ).tolist()
    )
    network, features = _direction(of_lean), _direction(trend)
    of_network = f"{_clause(network, 'the network')} (lean {_said(of_lean)})"
    if lean is None:
        of_network = "the maps of the network do not resolve pores and tell no sign of theirs"
    words = (
        f"{of_network}, {_clause(features, 'the feature model')} "
        f"(rank correlation of their SHAP sum with porosity {_said(trend)})."
    )
    words = words[0].upper() + words[1:]
    against: tuple[str, ...] = ()
    if pores_lower:
        against = tuple(name for name, way in (("network", network), ("features", features)) if way == "raise")
        words = f"{words} Physics: pores lower conductivity. {_judged(network, features)}"
    return Signs(network, of_lean, features, trend, against, words)


@dataclass(frozen=True)
class Intervention:
    """What taking a phase away does to the predictions of both models, model units.

    Attributes
    ----------
    change : tuple of Estimate
        Mean over pictures of prediction after less before, the network's and the feature model's.
    control : tuple of Estimate
        The same where as much area elsewhere was treated alike: what the treatment does, whatever it takes away.
    beyond : tuple of Estimate
        The first less the second.
    same_sign : Estimate
        Share of pictures where both models moved the same way beyond the control, each group counting alike, with the
        binomial interval of as many groups (`intervals.share`): where all are alike a bootstrap would draw nothing
        else, and call three of three certain. 0.5 is chance.
    n, n_left_out : int
        Pictures that `same_sign` is over, and those left out of it as one model did not move (nothing to take away).
    words : str
    """

    change: tuple[Estimate, Estimate]
    control: tuple[Estimate, Estimate]
    beyond: tuple[Estimate, Estimate]
    same_sign: Estimate
    n: int
    n_left_out: int
    words: str


def interventional(
    before: np.ndarray,
    after: np.ndarray,
    control: np.ndarray,
    groups: np.ndarray,
    *,
    what: str,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Intervention:
    """Compare how two models answer to pictures that a phase was taken from.

    Parameters
    ----------
    before, after, control : (n, 2) float arrays
        Predictions of the network and of the feature model, model units: of the picture, of the picture without the
        phase, and of the picture with as much other area treated in the same way.
    groups : (n,) array
    what : str
        What was done, as in "Filling pores".
    n_resamples : int
    seed : int

    Returns
    -------
    Intervention

    Raises
    ------
    ValueError
        Shapes do not fit.
    """
    before, after, control = (np.asarray(each, float) for each in (before, after, control))
    groups = np.asarray(groups)
    if not before.shape == after.shape == control.shape == (len(groups), 2):
        raise ValueError(
            f"Predictions have shapes {before.shape}, {after.shape}, {control.shape}, expected ({len(groups)}, 2) each."
        )

    def means(each: np.ndarray) -> tuple[Estimate, Estimate]:
        found = over_groups(lambda rows: each[rows].mean(axis=0), groups, n_resamples=n_resamples, seed=seed)
        return Estimate(*found[:, 0].tolist()), Estimate(*found[:, 1].tolist())

    moved = after - control
    told = (moved != 0).all(axis=1)
    few = too_few(groups), too_few(groups[told])
    same = (moved[told, 0] > 0) == (moved[told, 1] > 0)
    same_sign = Estimate(np.nan, np.nan, np.nan)
    if len(same):
        same_sign = Estimate(*share(same, groups[told]))
    beyond = means(moved)
    return Intervention(
        means(after - before),
        means(control - before),
        beyond,
        same_sign,
        len(same),
        int((~told).sum()),
        f"{what}: {few[0]}." if few[0] else _told(what, beyond, same_sign, len(same), few[1]),
    )


def too_few(groups: np.ndarray) -> str:
    """Words where pictures, or their groups, are fewer than `FEWEST`: what one or two do is no result; else nothing.

    Parameters
    ----------
    groups : (n,) array
        Of the pictures.
    """
    for what, n in (("pictures", len(groups)), ("groups", len(np.unique(groups)))):
        if n < FEWEST:
            return f"too few {what} to tell ({n})"
    return ""


def _direction(estimate: Estimate) -> str:
    if estimate.low > 0:
        return "raise"
    return "lower" if estimate.high < 0 else "unclear"


def _clause(way: str, model: str) -> str:
    if way == "unclear":
        return f"pores have no clear sign in {model}"
    return f"pores {way.upper()} the prediction of {model}"


def _judged(network: str, features: str) -> str:
    ways = {network, features}
    if ways == {"raise"}:
        return "Both models are against it: association within these imaging sessions, not cause."
    if "raise" in ways:
        model, other = ("network", "feature model") if network == "raise" else ("feature model", "network")
        rest = "opposes it" if "lower" in ways else "does not settle it"
        return f"The {model} is against it, the {other} {rest}: association within these imaging sessions, not cause."
    if ways == {"lower"}:
        return "Both models are in line with it, which is still association within these imaging sessions."
    if "lower" in ways:
        model = "network" if network == "lower" else "feature model"
        return f"Only the {model} is in line with it, which is still association within these imaging sessions."
    return "Neither model says."


def _told(what: str, beyond: Sequence[Estimate], same_sign: Estimate, n: int, few: str) -> str:
    moves = [
        f"{_MOVES[_direction(each)]} {whose} prediction ({_said(each)})"
        for each, whose in zip(beyond, ("the network's", "the feature model's"), strict=True)
    ]
    sentence = f"{what} {' and '.join(moves)}, beyond what treating as much other area does."
    if not n:
        return f"{sentence} In no picture did both models move."
    if few:
        return f"{sentence} Whether both move the same way: {few}."
    if same_sign.low > 0.5:
        judged = "more often than chance"
    else:
        judged = "less often than chance" if same_sign.high < 0.5 else "not told from chance"
    said = f"In {same_sign.value:.0%} of {n} pictures, each group counting alike, both move the same way: {judged}."
    return f"{sentence} {said}"


def _said(estimate: Estimate) -> str:
    if not np.isfinite(estimate.value):
        return "not defined"
    if not np.isfinite([estimate.low, estimate.high]).all():
        return f"{estimate.value:+.2g}, no interval: fewer than {FEWEST_GROUPS} groups"
    return f"{estimate.value:+.2g}, {estimate.low:+.2g} to {estimate.high:+.2g}"
