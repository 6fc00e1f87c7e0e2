"""Whether heat maps say anything about the network, or only about the picture.

A map that hardly changes when the weights are replaced by noise, or when the network is trained on shuffled targets,
shows edges and not what was learned (Adebayo et al. 2018, NeurIPS, "Sanity checks for saliency maps"). Here are the
numbers and what they mean; who calls trains, randomises and makes the maps.

Every check answers ``passes`` where the whole 95 % interval over groups is on the right side of its limit, ``fails``
where all of it is on the wrong side, else ``not shown``, as below 6 groups, which have no interval. Adebayo gives no
limits; those below were set before any result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from micro_features.explain.compare import rank_correlation
from micro_features.explain.enrichment import FEWEST_GROUPS, over_groups

UNLIKE = 0.3
"""Most similarity that may be left after randomisation. Two networks with random weights share about 0.2 on a fracture
surface, as both answer to dark places and edges; a map of 30 x 40 cells moved on itself reaches 0.2 by chance in one
picture of twenty."""

ALIKE = 0.5
"""Least similarity of two seeds. The mean map of three networks is then reliable to 3 x 0.5 / (1 + 2 x 0.5) = 0.75
(Spearman-Brown), above the 0.7 that is usually asked for."""

CONCENTRATED = 1.5
"""Most heat on borders, or on flat areas, over what their area gives: half again as much."""

FLATTEST = 0.25
"""Share of the area that counts as flat."""

FEWEST_SEEDS = 5

Maps = Sequence[np.ndarray]
"""One signed heat map for each picture."""


class Similarity(NamedTuple):
    """Rank correlations of two maps of one picture over cells.

    Attributes
    ----------
    signed : float
        Of the values, -1 to 1.
    absolute : float
        Of the values without their signs: where the maps are strong, whatever the sign.
    """

    signed: float
    absolute: float


@dataclass(frozen=True)
class Check:
    """What a check found.

    Attributes
    ----------
    name : str
    verdict : {"passes", "fails", "not shown"}
    low, value, high : float
        What was judged, with its 95 % bootstrap interval over groups; ends are NaN below 6 groups.
    limit : float
    words : str
        What the number is, what is asked of it, and what limits the answer.
    """

    name: str
    verdict: str
    low: float
    value: float
    high: float
    limit: float
    words: str


def similarity(one: np.ndarray, other: np.ndarray) -> Similarity:
    """How alike two maps of one picture are.

    Parameters
    ----------
    one, other : (rows, cols) float arrays
        Of the same layer.

    Returns
    -------
    Similarity
        NaN where a map is the same everywhere.

    Raises
    ------
    ValueError
        Shapes differ.
    """
    if one.shape != other.shape:
        raise ValueError(f"Maps of {one.shape} and {other.shape} cells can not be compared; take the same layer.")
    x, y = (np.stack([each, np.abs(each)], axis=-1).reshape(-1, 2) for each in (one, other))
    return Similarity(*rank_correlation(x, y).tolist())


def border_share(heat: np.ndarray, width_cells: int = 1) -> float:
    """Share of the heat without signs in the outermost cells, over their share of area.

    Padding shows there: a network may tell the edge of a picture and answer to it.

    Parameters
    ----------
    heat : (rows, cols) float array
    width_cells : int
        Of the ring, at least 1.

    Returns
    -------
    float
        1 where heat is even; NaN where it is 0 everywhere, or the ring is the whole map.
    """
    ring = np.ones(heat.shape, bool)
    ring[width_cells:-width_cells, width_cells:-width_cells] = False
    return _concentration(heat, ring)


def flat_share(heat: np.ndarray, local_sd: np.ndarray) -> float:
    """Share of the heat without signs in the flattest quarter of the area, over its share of area.

    Parameters
    ----------
    heat : (rows, cols) float array
    local_sd : (rows, cols) float array
        Standard deviation of grey levels in each cell; NaN where nothing is valid, which is left out.

    Returns
    -------
    float
        1 where heat is even. Cells as flat as the last of the quarter count, too.
    """
    known = np.isfinite(local_sd)
    if not known.any():
        return np.nan
    contrast = local_sd[known]
    return _concentration(heat[known], contrast <= np.quantile(contrast, FLATTEST))


def concentration_check(name: str, ratios: np.ndarray, groups: np.ndarray, *, seed: int = 0) -> Check:
    """Judge `border_share` or `flat_share` of several pictures.

    Parameters
    ----------
    name : str
        ``border`` or ``flat area``, as the words have it.
    ratios : (n,) float array
        NaN is left out.
    groups : (n,) array
    seed : int

    Returns
    -------
    Check
        Passes where the median over pictures is at most `CONCENTRATED`.
    """
    words = f"Heat on the {name} over its share of area, median over pictures; at most {CONCENTRATED:g} is asked for."
    return _judged(name, ratios, groups, seed, CONCENTRATED, words, at_least=False)


def seeds_agreement(by_seed: Sequence[Maps], groups: np.ndarray, *, seed: int = 0) -> Check:
    """Do networks that differ in nothing but the seed show the same?

    Parameters
    ----------
    by_seed : sequence of sequences of (rows, cols) arrays
        For each seed the maps of the same pictures. All of a picture have one shape.
    groups : (n,) array
        Of the pictures.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Check
        Signed similarity, mean over the pairs of seeds, median over pictures. Not shown below 5 seeds.
    """
    pairs = [(one, other) for place, one in enumerate(by_seed) for other in by_seed[place + 1 :]]
    found = np.array([[similarity(a, b).signed for a, b in zip(*pair, strict=True)] for pair in pairs])
    words = f"Similarity of the maps of {len(by_seed)} seeds, median over pictures; at least {ALIKE:g} is asked for."
    if len(by_seed) < FEWEST_SEEDS:
        words += f" Fewer than {FEWEST_SEEDS} seeds."
    check = _judged("seeds", _mean(found, len(groups)), groups, seed, ALIKE, words, at_least=True)
    return check if len(by_seed) >= FEWEST_SEEDS else Check(**{**vars(check), "verdict": "not shown"})


def cascade(layers: Sequence[str]) -> list[tuple[str, ...]]:
    """Layers to randomise at each step, from the answer down to the picture, each step keeping what was randomised.

    Parameters
    ----------
    layers : sequence of str
        From shallow to deep.

    Returns
    -------
    list of tuple of str
        ``["stem", "stage1", "head"]`` gives ``("head",)``, ``("head", "stage1")``, ``("head", "stage1", "stem")``.
    """
    down = tuple(reversed(layers))
    return [down[: step + 1] for step in range(len(down))]


def randomised_layers(
    trained: Maps, by_step: Mapping[str, Sequence[Maps]], groups: np.ndarray, *, seed: int = 0
) -> pd.DataFrame:
    """What is left of the maps as more and more layers are randomised.

    Parameters
    ----------
    trained : sequence of n (rows, cols) arrays
    by_step : mapping of sequences of sequences of arrays
        For each step, named by the layer that it adds and in the order of `cascade`, the maps of each network that was
        randomised so far.
    groups : (n,) array
    seed : int

    Returns
    -------
    DataFrame
        A row for each step: ``step``; ``signed`` and ``absolute``, similarity to the trained network's maps, mean over
        networks, median over pictures; ``kept`` with ``kept_low`` and ``kept_high``, as in `randomisation_check`.
    """
    rows = []
    for step, networks in by_step.items():
        both, kept = _left(trained, networks)
        low, value, high = _median(kept, groups, seed)
        signed, absolute = (_median_of(each) for each in both.T)
        rows.append([step, signed, absolute, value, low, high])
    return pd.DataFrame(rows, columns=["step", "signed", "absolute", "kept", "kept_low", "kept_high"])


def randomisation_check(
    name: str, trained: Maps, randomised: Sequence[Maps], groups: np.ndarray, *, seeds: Check, seed: int = 0
) -> Check:
    """Do maps change when there is nothing left to explain?

    Parameters
    ----------
    name : str
        What was randomised: ``weights`` (all of them, the last step of `cascade`) or ``labels`` (networks trained on
        targets that were shuffled between groups).
    trained : sequence of n (rows, cols) arrays
    randomised : sequence of sequences of arrays
        Maps of each randomised network.
    groups : (n,) array
    seeds : Check
        Of `seeds_agreement`: where two seeds are hardly alike, a map that changes shows nothing.
    seed : int

    Returns
    -------
    Check
        Judged is what is left of a map: the larger of |signed similarity| (a random head turns signs at will) and
        absolute similarity, mean over networks, median over pictures. Passes where it is at most `UNLIKE` and less than
        two seeds share, interval against interval; not shown where it is only the first.
    """
    words = (
        f"What is left of the maps when {name} are random, median over pictures; at most {UNLIKE:g} is asked for, and "
        f"less than two seeds share, {_said(seeds)}."
    )
    check = _judged(name, _left(trained, randomised)[1], groups, seed, UNLIKE, words, at_least=False)
    if check.verdict != "passes" or check.high < seeds.low:
        return check
    return Check(**{**vars(check), "verdict": "not shown"})


def perturbation_check(gains: np.ndarray, groups: np.ndarray, *, seed: int = 0) -> Check:
    """Judge the gains of `perturbation.deletion_insertion` of several pictures.

    Parameters
    ----------
    gains : (n,) float array
        NaN is left out.
    groups : (n,) array
    seed : int

    Returns
    -------
    Check
        Passes where the median over pictures is above 0.
    """
    words = "Area between insertion and deletion beyond that of moved maps, median over pictures; above 0 is asked for."
    return _judged("deletion and insertion", gains, groups, seed, 0.0, words, at_least=True)


def _concentration(heat: np.ndarray, part: np.ndarray) -> float:
    strength = np.abs(heat)
    if part.all() or not strength.any():
        return np.nan
    return float(strength[part].sum() / strength.sum() / part.mean())


def _left(trained: Maps, networks: Sequence[Maps]) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) mean signed and absolute similarity, (n,) mean of what is left, over networks."""
    found = np.array([[similarity(a, b) for a, b in zip(trained, maps, strict=True)] for maps in networks])
    found = found.reshape(len(networks), len(trained), 2)
    kept = np.maximum(np.abs(found[..., 0]), found[..., 1])
    return np.stack([_mean(found[..., k], len(trained)) for k in (0, 1)], axis=1), _mean(kept, len(trained))


def _mean(found: np.ndarray, n: int) -> np.ndarray:
    """(n,) means over the rows of (m, n), NaN without rows."""
    return found.mean(axis=0) if len(found) else np.full(n, np.nan)


def _median_of(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else np.nan


def _median(values: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """(3,): low, median over pictures, high."""
    values = np.asarray(values, float)
    known = np.isfinite(values)
    if not known.any():
        return np.full(3, np.nan)
    kept = values[known]
    return over_groups(lambda rows: np.median(kept[rows]), np.asarray(groups)[known], seed=seed)


def _judged(
    name: str, values: np.ndarray, groups: np.ndarray, seed: int, limit: float, words: str, *, at_least: bool
) -> Check:
    low, value, high = (float(number) for number in _median(values, groups, seed))
    if not np.isfinite(value):
        words += " It is defined for no picture."
    elif not np.isfinite([low, high]).all():
        words += f" Fewer than {FEWEST_GROUPS} groups: there is no interval."
    right, wrong = (low > limit, high < limit) if at_least else (high <= limit, low > limit)
    return Check(name, "passes" if right else "fails" if wrong else "not shown", low, value, high, limit, words)


def _said(check: Check) -> str:
    if not np.isfinite(check.value):
        return "which is not known"
    if not np.isfinite([check.low, check.high]).all():
        return f"{check.value:.2f} (no interval)"
    return f"{check.value:.2f} ({check.low:.2f} to {check.high:.2f})"
