"""Whether heat maps say anything about the network, or only about the picture.

A map that hardly changes when the weights are replaced by noise, or when the network is trained on shuffled targets,
shows edges and not what was learned (Adebayo et al. 2018, NeurIPS, "Sanity checks for saliency maps"). Here are the
numbers and what they mean; who calls trains, randomises and makes the maps.

Every check answers ``passes`` where the whole 95 % interval over groups is on the right side of its limit, ``fails``
where all of it is on the wrong side, else ``not shown``. Below 6 groups there is no interval, and pictures may not
stand for groups: the answer is then of these groups alone and says how many they are, as ``fails, 3 groups`` where each
is on the wrong side. By chance three all lie on one side once in four times; one group shows nothing. Adebayo gives no
limits; those below were set before any result.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
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
    verdict : str
        ``passes``, ``fails`` or ``not shown``; the first two with the number of groups where it is below 6.
    low, value, high : float
        What was judged, with its 95 % bootstrap interval over groups; ends are NaN below 6 groups.
    limit : float
    words : str
        What the number is, what is asked of it, and what limits the answer.
    by_group : tuple of float
        The values of the groups where they are too few for an interval; else empty.
    """

    name: str
    verdict: str
    low: float
    value: float
    high: float
    limit: float
    words: str
    by_group: tuple[float, ...] = ()


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


def concentration_check(name: str, ratios: np.ndarray, groups: np.ndarray) -> Check:
    """Judge `border_share` or `flat_share` of several pictures.

    Parameters
    ----------
    name : str
        ``border`` or ``flat area``, as the words have it.
    ratios : (n,) float array
        NaN is left out.
    groups : (n,) array

    Returns
    -------
    Check
        Passes where the median over pictures is at most `CONCENTRATED`.
    """
    words = f"Heat on the {name} over its share of area, median over pictures; at most {CONCENTRATED:g} is asked for."
    return _judged(name, ratios, groups, CONCENTRATED, words, at_least=False)


def seeds_agreement(by_seed: Sequence[Maps], groups: np.ndarray) -> Check:
    """Do networks that differ in nothing but the seed show the same?

    Parameters
    ----------
    by_seed : sequence of sequences of (rows, cols) arrays
        For each seed the maps of the same pictures. All of a picture have one shape.
    groups : (n,) array
        Of the pictures.

    Returns
    -------
    Check
        Signed similarity, mean over the pairs of seeds, median over pictures; the words give it without signs, too.
        Not shown below 5 seeds.
    """
    signed, absolute = _alike("seeds", combinations(by_seed, 2), groups, ALIKE, at_least=True)
    few = f" Fewer than {FEWEST_SEEDS} seeds." if len(by_seed) < FEWEST_SEEDS else ""
    words = (
        f"Signed similarity of the maps of {len(by_seed)} seeds, median over pictures; at least {ALIKE:g} is asked "
        f"for. Without signs: {_said(absolute)}.{few}{signed.words}"
    )
    return replace(signed, verdict="not shown" if few else signed.verdict, words=words)


def labels_check(by_seed: Sequence[Maps], exchanged: Sequence[Maps], groups: np.ndarray) -> Check:
    """Do networks that learned targets exchanged between groups show what the trained ones show?

    Parameters
    ----------
    by_seed : sequence of sequences of (rows, cols) arrays
        As in `seeds_agreement`.
    exchanged : sequence of sequences of arrays
        Maps of each network that learned exchanged targets, of other seeds than those: two that begin alike end alike.
    groups : (n,) array

    Returns
    -------
    Check
        Similarity of such a network to a trained one, mean over all pairs, median over pictures, with signs and without
        as in Adebayo: who learned the opposite turns all signs and still shows the same places. Passes where both are
        at most `UNLIKE` and less than two seeds share by the same measure, interval against interval. The value is that
        with signs, the verdict the worse of both.
    """
    seeds = _alike("seeds", combinations(by_seed, 2), groups, ALIKE, at_least=True)
    labels = _alike("labels", product(by_seed, exchanged), groups, UNLIKE, at_least=False)
    signed, absolute = (_less(*pair) for pair in zip(labels, seeds, strict=True))
    words = (
        f"Signed similarity of the maps of {len(by_seed)} seeds to those of {len(exchanged)} networks that learned "
        f"exchanged targets, median over pictures; at most {UNLIKE:g} is asked for, and less than two seeds share, "
        f"{_said(seeds[0])}. Without signs: {_said(absolute)}, two seeds {_said(seeds[1])}.{signed.words}"
    )
    # By the alphabet "fails" comes before "not shown", and that before "passes".
    return replace(signed, verdict=min(signed.verdict, absolute.verdict), words=words)


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


def randomised_layers(trained: Maps, by_step: Mapping[str, Sequence[Maps]], groups: np.ndarray) -> pd.DataFrame:
    """What is left of the maps as more and more layers are randomised.

    Parameters
    ----------
    trained : sequence of n (rows, cols) arrays
    by_step : mapping of sequences of sequences of arrays
        For each step, named by the layer that it adds and in the order of `cascade`, the maps of each network that was
        randomised so far.
    groups : (n,) array

    Returns
    -------
    DataFrame
        A row for each step: ``step``; ``signed`` and ``absolute``, similarity to the trained network's maps, mean over
        networks, median over pictures; ``kept`` with ``kept_low`` and ``kept_high``, as in `randomisation_check`.
    """
    rows = []
    for step, networks in by_step.items():
        both, kept = _left(trained, networks)
        low, value, high = _median(kept, groups)
        signed, absolute = (_median_of(each) for each in both.T)
        rows.append([step, signed, absolute, value, low, high])
    return pd.DataFrame(rows, columns=["step", "signed", "absolute", "kept", "kept_low", "kept_high"])


def randomisation_check(
    name: str, trained: Maps, randomised: Sequence[Maps], groups: np.ndarray, *, seeds: Check
) -> Check:
    """Do maps change when there is nothing left to explain?

    Parameters
    ----------
    name : str
        What was randomised: ``weights``, all of them, the last step of `cascade`.
    trained : sequence of n (rows, cols) arrays
    randomised : sequence of sequences of arrays
        Maps of each randomised network.
    groups : (n,) array
    seeds : Check
        Of `seeds_agreement`: where two seeds are hardly alike, a map that changes shows nothing.

    Returns
    -------
    Check
        Judged is what is left of a map: the larger of |signed similarity| (a random head turns signs at will) and
        absolute similarity, mean over networks, median over pictures. Passes where it is at most `UNLIKE` and less than
        two seeds share, interval against interval; not shown where it is only the first.
    """
    words = (
        f"What is left of the maps when {name} are random, with signs or without, whichever is more, median over "
        f"pictures; at most {UNLIKE:g} is asked for, and less than two seeds share with signs, {_said(seeds)}."
    )
    return _less(_judged(name, _left(trained, randomised)[1], groups, UNLIKE, words, at_least=False), seeds)


def perturbation_check(gains: np.ndarray, groups: np.ndarray) -> Check:
    """Judge the gains of `perturbation.deletion_insertion` of several pictures.

    Parameters
    ----------
    gains : (n,) float array
        NaN is left out.
    groups : (n,) array

    Returns
    -------
    Check
        Passes where the median over pictures is above 0.
    """
    words = "Area between insertion and deletion beyond that of moved maps, median over pictures; above 0 is asked for."
    return _judged("deletion and insertion", gains, groups, 0.0, words, at_least=True)


def _concentration(heat: np.ndarray, part: np.ndarray) -> float:
    strength = np.abs(heat)
    if part.all() or not strength.any():
        return np.nan
    return float(strength[part].sum() / strength.sum() / part.mean())


def _left(trained: Maps, networks: Sequence[Maps]) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) mean signed and absolute similarity, (n,) mean of what is left, over networks."""
    found = _similarities(product([trained], networks), len(trained))
    return _mean(found), _mean(np.maximum(np.abs(found[..., 0]), found[..., 1]))


def _alike(
    name: str, pairs: Iterable[tuple[Maps, Maps]], groups: np.ndarray, limit: float, *, at_least: bool
) -> list[Check]:
    """Judged by signed and by absolute similarity, mean over pairs of networks; the words say what limits it."""
    both = _mean(_similarities(pairs, len(groups)))
    return [_judged(name, values, groups, limit, "", at_least=at_least) for values in both.T]


def _similarities(pairs: Iterable[tuple[Maps, Maps]], n: int) -> np.ndarray:
    """(pairs, n, 2)."""
    found = [[similarity(a, b) for a, b in zip(*pair, strict=True)] for pair in pairs]
    return np.array(found, float).reshape(len(found), n, 2)


def _mean(found: np.ndarray) -> np.ndarray:
    """Over the first axis; NaN without rows."""
    return found.mean(axis=0) if len(found) else np.full(found.shape[1:], np.nan)


def _median_of(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else np.nan


def _median(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(3,): low, median over pictures, high."""
    known = np.isfinite(values)
    kept = values[known]
    return over_groups(lambda rows: np.median(kept[rows]), groups[known]) if known.any() else np.full(3, np.nan)


def _judged(name: str, values: np.ndarray, groups: np.ndarray, limit: float, words: str, *, at_least: bool) -> Check:
    low, value, high = (float(number) for number in _median(values, groups))
    known = np.isfinite(values)
    each = [float(np.median(values[known & (groups == group)])) for group in np.unique(groups[known])]
    few = len(each) < FEWEST_GROUPS
    check = Check(name, "not shown", low, value, high, limit, words, tuple(each) if few else ())
    if not each:
        return replace(check, words=f"{words} It is defined for no picture.")
    if few:
        check = replace(check, words=f"{words} Fewer than {FEWEST_GROUPS} groups: {_span(check)}.")
    first, last = _ends(check)
    right, wrong = (first > limit, last < limit) if at_least else (last <= limit, first > limit)
    of_these = f", {len(each)} groups" if few else ""
    return replace(check, verdict=f"passes{of_these}" if right else f"fails{of_these}" if wrong else "not shown")


def _less(check: Check, seeds: Check) -> Check:
    """The check, which passes no more unless two seeds share more; an interval is not held against a range."""
    less = bool(check.by_group) == bool(seeds.by_group) and _ends(check)[1] < _ends(seeds)[0]
    return check if less or not check.verdict.startswith("passes") else replace(check, verdict="not shown")


def _ends(check: Check) -> tuple[float, float]:
    """The interval, or the range of several groups that are too few for one; NaN without."""
    return (min(check.by_group), max(check.by_group)) if len(check.by_group) > 1 else (check.low, check.high)


def _span(check: Check) -> str:
    over = f"no interval, over {len(check.by_group)} groups " if check.by_group else ""
    return "no interval" if len(check.by_group) == 1 else "{}{:.2f} to {:.2f}".format(over, *_ends(check))


def _said(check: Check) -> str:
    return f"{check.value:.2f} ({_span(check)})" if np.isfinite(check.value) else "not known"
