"""On which phase a heat map lies, beside what the same map gives when it is moved to where it has no business.

A cell of a map is far larger than a grain boundary, so each cell counts for a phase by the share of its area that is
that phase. A phase with more area gets more heat by chance: shares of heat are divided by shares of area.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from micro_features.images.cells import Cells
from micro_features.learn.scores import widened

MEASURES = ("positive", "negative", "absolute", "net", "lean")
"""Columns of `enrichment`, last axis of `shifted_null`."""

FEWEST_GROUPS = 6
"""Below there is no interval. By chance n groups all lie on one side, whichever, 2 / 2^n times: with fewer than 6 more
often than once in twenty, and no interval of theirs can be a 95 % one."""

_FEWEST_PLACES = 100  # that a map can be moved to; with fewer, chance can not be told from not chance
_LEAST_MOVE = 0.25  # of the rows or columns; structures of neighbouring cells are alike
_LEAST_CELLS = 1.0  # of area; the heat of a smaller phase is that of what surrounds it
_ROUNDING = 1e-9
_FLIPS = ((1, 1), (1, -1), (-1, 1), (-1, -1))


def phase_shares(masks: Mapping[str, np.ndarray], cells: Cells, map_shape: tuple[int, int]) -> dict[str, np.ndarray]:
    """How much of each cell's area is each phase: exact area means.

    Parameters
    ----------
    masks : mapping of (R, C) bool arrays
        Phases by name, disjoint, together all that is valid.
    cells : Cells
        In pixels of the masks.
    map_shape : (rows, cols)
        Of the heat map.

    Returns
    -------
    dict of (rows, cols) float arrays
        0 to 1. What a cell has beyond the picture's edge does not count as its area.

    Raises
    ------
    ValueError
        Masks overlap, or the map is a cell or more larger or smaller than the picture.
    """
    if sum(mask.astype(np.uint8) for mask in masks.values()).max() > 1:  # type: ignore[union-attr]
        raise ValueError(f"The masks {', '.join(masks)} overlap; a pixel belongs to one phase.")
    shape = next(iter(masks.values())).shape
    down, across = (cells.means(length, n) for length, n in zip(shape, map_shape, strict=True))
    return {name: down @ mask.astype(float) @ across.T for name, mask in masks.items()}


def enrichment(heat: np.ndarray, shares: Mapping[str, np.ndarray], *, control: str = "interior") -> pd.DataFrame:
    """How much of a signed heat map lies on each phase.

    Parameters
    ----------
    heat : (rows, cols) float array
        Attribution of each cell in model units, positive where it raises the prediction; neither clipped nor enlarged.
    shares : mapping of (rows, cols) float arrays
        Of `phase_shares`.
    control : str
        The phase that leans are taken against.

    Returns
    -------
    DataFrame
        A row for each phase. ``area``: share of the valid area. ``positive``: share of the positive part of the map
        that lies in the phase over `area`; ``negative``: the same of the negative part; ``absolute``: of the map
        without signs; 1 is what evenly spread heat gives. Where nearly all heat has one sign, the enrichment of the
        other can be large and mean little: it is read beside the next two. ``net``: positive less negative heat in the
        phase over all heat without signs, over `area`; 0 is no leaning to a sign. These are NaN for a phase of less
        than one cell's area in all, and where the map has nothing of the sign.
        ``lean``: S_p - a_p / (a_p + a_c) (S_p + S_c), model units, with S the sums of heat and a the areas of the
        phase and of the control: what the phase adds to the prediction beyond its part of what the two hold
        together. Other phases do not enter: against the whole map, a map of pores alone would lean on boundaries, too,
        by as much as there are pores. A lean does not change when a constant is added to the map, is 0 for a phase
        without area, and NaN for the control itself and where it has less than one cell's area. A cell gives all
        phases in it the same heat per area: where pores lie on boundaries and cells are large, some of the heat of
        each still counts for the other.

    Raises
    ------
    ValueError
        Shapes differ, the map is not finite, or the control is no phase of `shares`.
    """
    heat, weights = _checked(heat, shares)
    place = _place(control, shares)
    flat = weights.reshape(len(weights), -1)
    positive, negative = (flat @ part.ravel() for part in (np.maximum(heat, 0), np.maximum(-heat, 0)))
    table = pd.DataFrame(_measured(positive, negative, weights, place), list(shares), MEASURES)
    table.insert(0, "area", _areas(weights))
    return table.rename_axis("phase")


def shifted_null(
    heat: np.ndarray,
    shares: Mapping[str, np.ndarray],
    *,
    n: int,
    rng: np.random.Generator,
    control: str = "interior",
) -> np.ndarray:
    """What `enrichment` gives for the same map, moved at random over the same picture.

    A map is smooth and has its own spread of values; shuffled cells would have neither, and almost any map would beat
    them. So the map is moved as a whole, what leaves on one side entering on the other (toroidal shift: Lotwick and
    Silverman 1982, J. R. Stat. Soc. B 44, 406), by at least a quarter of its rows or of its columns, since nearby
    the structure is still alike. Half the maps are mirrored left to right, half top to bottom: a mirrored map has the
    same texture and keeps the directions of scan and tilt, and there are four times as many places to move it to.
    What the test can not see: a trend across the picture that map and phases share keeps its length when moved.
    What it does not ask: whether the network learned anything. Pores are dark, and nearly any filter answers to that:
    maps of networks with random weights pass. They are the second chance to compare with (`compare.agreement`).

    Parameters
    ----------
    heat : (rows, cols) float array
    shares : mapping of (rows, cols) float arrays
        Of `phase_shares`. Only the smallest rectangle that holds all valid area is looked at; cells in it without
        valid area take the mean heat of the others.
    n : int
        Moves, drawn with replacement.
    rng : numpy.random.Generator
    control : str
        As in `enrichment`.

    Returns
    -------
    (n, phases, 5) float array
        In the order of `shares` and `MEASURES`. NaN for a map that is not `movable`.

    Raises
    ------
    ValueError
        As `enrichment`.
    """
    heat, weights = _checked(heat, shares)
    place = _place(control, shares)
    covered = weights.sum(axis=0)
    box = tuple(slice(places.min(), places.max() + 1) for places in np.nonzero(covered > 0))
    heat, weights, covered = heat[box], weights[(slice(None), *box)], covered[box]
    heat = np.where(covered > 0, heat, (heat * covered).sum() / covered.sum())
    if not movable(heat.shape):
        return np.full((n, len(weights), len(MEASURES)), np.nan)
    allowed = _far_enough(heat.shape)
    spectra = np.fft.rfft2(weights)
    sums = []
    for part in (np.maximum(heat, 0), np.maximum(-heat, 0)):
        # Correlation theorem: the heat in each phase after each shift, all shifts at once.
        moved = [
            np.fft.irfft2(np.conj(np.fft.rfft2(part[::down, ::across])) * spectra, s=heat.shape)[:, allowed]
            for down, across in _FLIPS
        ]
        # Rounding of the transform must not look like heat.
        sums.append(
            np.concatenate(moved, axis=1).T.clip(0) if part.any() else np.zeros((4 * allowed.sum(), len(weights)))
        )
    drawn = rng.integers(len(sums[0]), size=n)
    return _measured(sums[0][drawn], sums[1][drawn], weights, place)


def movable(shape: tuple[int, ...]) -> bool:
    """Whether a map can be moved and mirrored to 100 places: with fewer, chance can not be told from not chance.

    Parameters
    ----------
    shape : (rows, cols)
        Of the map, in cells; 6 x 6 is enough, 5 x 5 is not.

    Returns
    -------
    bool
    """
    return bool(len(_FLIPS) * _far_enough(shape).sum() >= _FEWEST_PLACES)


def shifted(heat: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The map moved and mirrored at random, as in `shifted_null`.

    Parameters
    ----------
    heat : (rows, cols) array
        One that is `movable`.
    rng : numpy.random.Generator

    Returns
    -------
    (rows, cols) array
    """
    places = np.argwhere(_far_enough(heat.shape))
    down, across = _FLIPS[rng.integers(len(_FLIPS))]
    return np.roll(heat[::down, ::across], tuple(places[rng.integers(len(places))]), axis=(0, 1))


def two_sided_p(value: np.ndarray | float, null: np.ndarray) -> np.ndarray:
    """How often chance is as far out as this, on either side: twice the smaller tail, what was seen among the chances.

    Parameters
    ----------
    value : (...) float array or float
    null : (m, ...) float array
        Draws where it is NaN do not count.

    Returns
    -------
    (...) float array
        At least 2 / (m + 1), at most 1; NaN where the value is, or all draws are.
    """
    known = np.isfinite(null)
    m = known.sum(axis=0)
    slack = _ROUNDING * np.maximum(np.abs(value), np.abs(np.where(known, null, 0)).max(axis=0, initial=0))
    with np.errstate(invalid="ignore"):
        above = (known & (null >= value - slack)).sum(axis=0)
        below = (known & (null <= value + slack)).sum(axis=0)
    p = np.minimum(1.0, 2 * (1 + np.minimum(above, below)) / (m + 1))
    return np.where(np.isfinite(value) & (m > 0), p, np.nan)


@dataclass(frozen=True)
class SampleMean:
    """A measure over pictures.

    Attributes
    ----------
    value, low, high : float
        Mean over pictures, and its 95 % interval over groups.
    p : float
        Two-sided, that moved maps have such a mean.
    n, n_groups : int
        Pictures where it is defined, and their groups.
    """

    value: float
    low: float
    high: float
    p: float
    n: int
    n_groups: int


def over_samples(
    values: np.ndarray, null: np.ndarray, groups: np.ndarray, *, n_resamples: int = 2000, seed: int = 0
) -> SampleMean:
    """Mean of one measure of one phase over pictures, with its interval and its chance.

    Parameters
    ----------
    values : (n,) float array
        Of each picture; those that are NaN are left out.
    null : (n, m) float array
        Of each picture, moved m times.
    groups : (n,) array
        Pictures of one group are drawn together.
    n_resamples : int
    seed : int

    Returns
    -------
    SampleMean
    """
    values, known = np.asarray(values, float), np.isfinite(values)
    values, null, groups = values[known], np.asarray(null, float)[known], np.asarray(groups)[known]
    if not len(values):
        return SampleMean(np.nan, np.nan, np.nan, np.nan, 0, 0)
    low, value, high = over_groups(lambda rows: values[rows].mean(), groups, n_resamples=n_resamples, seed=seed)
    usable = np.isfinite(null)
    count = usable.sum(axis=0)
    means = np.where(count > 0, np.where(usable, null, 0).sum(axis=0) / np.maximum(count, 1), np.nan)
    p = float(two_sided_p(value, means))
    return SampleMean(float(value), float(low), float(high), p, len(values), len(np.unique(groups)))


def over_groups(
    statistic: Callable[[np.ndarray], np.ndarray | float],
    groups: np.ndarray,
    *,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> np.ndarray:
    """Any number with its bootstrap interval over whole groups.

    Parameters
    ----------
    statistic : function
        From (m,) row numbers, some of them repeated, to a float or an array of floats.
    groups : (n,) array
    n_resamples : int
    seed : int
    level : float
        Of the percentile interval, which is widened for few groups as Student's t is (Hesterberg 2015,
        doi 10.1080/00031305.2015.1089789).

    Returns
    -------
    (3, ...) float array
        Lower end, value, upper end. Ends are NaN where the value is, and below 6 groups (`FEWEST_GROUPS`); resamples
        where the number is not defined do not count.
    """
    names, code = np.unique(groups, return_inverse=True)
    value = np.asarray(statistic(np.arange(len(code))), float)
    ends = np.full((2, *value.shape), np.nan)
    if len(names) >= FEWEST_GROUPS:
        members = np.split(np.argsort(code, kind="stable"), np.cumsum(np.bincount(code))[:-1])
        drawn = np.random.default_rng(seed).integers(len(names), size=(n_resamples, len(names)))
        again = np.array([statistic(np.concatenate([members[group] for group in draw])) for draw in drawn])
        # NaN quantiles where nothing is defined, without a warning.
        defined = np.isfinite(again).any(axis=0) & np.isfinite(value)
        outside = 1 - widened(level, len(names))
        again = np.where(defined, again, 0.0)
        ends = np.where(defined, np.nanquantile(again, [outside / 2, 1 - outside / 2], axis=0), np.nan)
    return np.stack([ends[0], value, ends[1]])


def _checked(heat: np.ndarray, shares: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The map and the (phases, rows, cols) shares."""
    heat, weights = np.asarray(heat, float), np.array([*shares.values()], float)
    if weights.shape[1:] != heat.shape:
        raise ValueError(f"The map has shape {heat.shape}, the shares of phases {weights.shape[1:]}; they must agree.")
    if not np.isfinite(heat).all():
        raise ValueError("The heat map holds NaN or infinity: the network's output or gradients overflowed.")
    if not weights.any():
        raise ValueError("No phase has any area: nothing in the picture is valid.")
    return heat, weights


def _place(control: str, shares: Mapping[str, np.ndarray]) -> int:
    if control not in shares:
        raise ValueError(f"There is no phase {control} to take leans against; the phases are {', '.join(shares)}.")
    return list(shares).index(control)


def _areas(weights: np.ndarray) -> np.ndarray:
    each = weights.sum(axis=(1, 2))
    return each / each.sum()


def _measured(positive: np.ndarray, negative: np.ndarray, weights: np.ndarray, control: int) -> np.ndarray:
    """(..., phases, measures) from the sums of positive and of negative heat in each phase, (..., phases)."""
    area = _areas(weights)
    large = np.where(weights.sum(axis=(1, 2)) >= _LEAST_CELLS - _ROUNDING, area, np.nan)
    net, absolute = positive - negative, positive + negative
    beside = area[control] if np.isfinite(large[control]) else np.nan
    lean = (beside * net - area * net[..., [control]]) / (area + beside)
    lean[..., control] = np.nan

    def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
        total = whole.sum(axis=-1, keepdims=True)
        return part / np.where(total > 0, total, np.nan) / large

    return np.stack(
        [
            share(positive, positive),
            share(negative, negative),
            share(absolute, absolute),
            share(net, absolute),
            lean,
        ],
        axis=-1,
    )


def _far_enough(shape: tuple[int, ...]) -> np.ndarray:
    """(rows, cols) bool: shifts by at least a quarter of the rows or of the columns, the shorter way round."""
    down, across = (np.minimum(np.arange(length), length - np.arange(length)) / length for length in shape)
    return np.maximum(down[:, None], across) >= _LEAST_MOVE
