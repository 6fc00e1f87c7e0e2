"""Grains: basins of boundary strength, merged where the boundary between them is weak.

The picture is looked at shrunk by several factors. At the right one, grains are separated by boundaries that are
clearly stronger than the texture inside them, so that their number hardly depends on the level at which merging stops.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile

import cv2
import numpy as np

from micro_features.images.boundaries import boundary_strength
from micro_features.images.prepare import flatten
from micro_features.images.watershed import MergeTree, basins, contacts, cut, merge_tree, size_weight

FACTORS = (8.0, 4 * 2**0.5, 4.0, 2 * 2**0.5, 2.0, 2**0.5)
# A shrunk picture keeps at least this many pixels on its shorter side, or holds too few grains to count.
MIN_SIDE_PX = 100
BASIN_BLUR_PX = 1.0
# Numbers of grains are compared between merge_level / SPAN and merge_level * SPAN.
SPAN = 1.2
# What blurred noise and fracture surfaces without visible grains have for `ScaleEvidence.dependence` when the weaker
# boundary cues weigh so much (measured at the default merge level).
TEXTURE_WEIGHT = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
TEXTURE_DEPENDENCE = (1.4, 1.4, 1.2, 0.58, 0.43, 0.36)


@dataclass(frozen=True)
class ScaleEvidence:
    """How the number of grains depends on the merge level when the picture is shrunk by `factor`.

    Attributes
    ----------
    factor : float
    merge_levels : tuple of float
    counts : tuple of int
        Number of grains at each of `merge_levels`; at factor 1 of the picture's middle part only, unless it was chosen.
    dependence : float
        Natural logarithm of the ratio of the first to the last of `counts`, plus its standard error (one over the root
        of the last), so that a handful of regions is no evidence.
    relative_dependence : float
        `dependence` over that of texture without grains. About 1: the regions are no more certain than those that such
        texture would be cut into. Well below 1: grains.
    """

    factor: float
    merge_levels: tuple[float, ...]
    counts: tuple[int, ...]
    dependence: float
    relative_dependence: float


@dataclass(frozen=True, eq=False)
class GrainMap:
    """Grains of a picture and how they were found.

    Attributes
    ----------
    labels : (rows, cols) int32 array
        From 1; 0 in pores and where nothing is valid. Touching grains leave no gap.
    boundary : (rows, cols) float32 array
        Boundary strength, 0 to 1.
    working_scale : float
        Factor by which the picture was shrunk to find them.
    relative_dependence : float
        That of the chosen scale: about 1 where grains can not be told from texture, well below 1 where they can.
    evidence : tuple of ScaleEvidence
        One for every scale that was tried.
    """

    labels: np.ndarray
    boundary: np.ndarray
    working_scale: float
    relative_dependence: float
    evidence: tuple[ScaleEvidence, ...]


@dataclass(frozen=True, eq=False)
class _Trial:
    labels: np.ndarray
    tree: MergeTree
    boundary: np.ndarray
    evidence: ScaleEvidence


def watershed(
    image: np.ndarray,
    valid: np.ndarray,
    pores: np.ndarray,
    *,
    merge_level: float = 0.25,
    working_scale: float = 0.0,
    scale_tolerance: float = 0.2,
    small_grain_px: float = 50.0,
    window_px: float = 40.0,
) -> GrainMap:
    """Grains by watershed of multi-scale boundary strength at an automatic working scale.

    The working scale is the finest, going on from the best one, at which the number of grains depends on the merge
    level hardly more than there. Below sqrt(2) pixels there is mostly noise: the unshrunk picture is taken only where
    it is clearly best.

    Parameters
    ----------
    image : (rows, cols) float32 array
        Grey level.
    valid : (rows, cols) bool array
    pores : (rows, cols) int32 array
        Pores are no part of any grain, and grey levels there have no influence.
    merge_level : float
        Mean boundary strength, 0 to 1, below which two neighbours are one grain.
    working_scale : float
        Factor by which to shrink the picture; 0 finds it.
    scale_tolerance : float
        By how much `ScaleEvidence.relative_dependence` may exceed the smallest one.
    small_grain_px : float
        Grains of this area need a boundary 1.6 times as strong to live, pixels of the shrunk picture.
    window_px : float
        Window of flattening, pixels of the shrunk picture.

    Returns
    -------
    GrainMap
    """

    # A pore is darker than any groove: left in, it would set the contrast that grooves around it are measured by.
    solid = valid & (pores == 0)
    image = np.where(solid, image, np.float32(0))

    def trial(factor: float, image: np.ndarray = image, solid: np.ndarray = solid) -> _Trial:
        return _try_scale(
            image,
            solid,
            factor,
            merge_level=merge_level,
            small_grain_px=small_grain_px,
            window_px=window_px,
        )

    if working_scale:
        chosen = trial(working_scale)
        evidence = [chosen.evidence]
    else:
        trials = [trial(factor) for factor in FACTORS if min(image.shape) / factor >= MIN_SIDE_PX]
        # A part of the picture tells whether its finest scale, the dearest to compute, is worth it.
        part = _middle(image.shape)
        probe = trial(1.0, image[part], solid[part])
        smallest = min((each.evidence.relative_dependence for each in trials), default=np.inf)
        if probe.evidence.relative_dependence < smallest - scale_tolerance / 2:
            chosen = probe = trial(1.0)
        else:
            # From the best scale on to finer ones. The first that is not stable ends it: beyond it, noise takes over,
            # whose ripples may again be of steady number.
            best = [each.evidence.relative_dependence for each in trials].index(smallest)
            finer = takewhile(
                lambda each: each.evidence.relative_dependence <= smallest + scale_tolerance, trials[best:]
            )
            chosen = list(finer)[-1]
        evidence = [each.evidence for each in (*trials, probe)]
    labels = _enlarged(cut(chosen.tree, chosen.labels, merge_level), image.shape)
    labels[~solid] = 0
    boundary = cv2.resize(chosen.boundary, image.shape[::-1], interpolation=cv2.INTER_LINEAR)
    boundary[~valid] = 0
    return GrainMap(labels, boundary, chosen.evidence.factor, chosen.evidence.relative_dependence, tuple(evidence))


GRAIN_METHODS: dict[str, Callable[..., GrainMap]] = {"watershed": watershed}


def _try_scale(
    image: np.ndarray,
    valid: np.ndarray,
    factor: float,
    *,
    merge_level: float,
    small_grain_px: float,
    window_px: float,
) -> _Trial:
    image, valid = _shrunk(image, valid, factor)
    flat = flatten(image, valid, window_px=window_px)
    strength, weights = boundary_strength(flat, valid)
    # Minima closer than this blur are ripples of noise; merging would only have to undo them.
    labels, count = basins(cv2.GaussianBlur(strength, (0, 0), BASIN_BLUR_PX), valid)
    levels = (merge_level / SPAN, merge_level, merge_level * SPAN)
    touching = contacts(labels, strength)
    tree = merge_tree(
        np.bincount(labels.ravel(), minlength=count + 1)[:, None],
        touching,
        strength.ravel()[touching.at][:, None],
        lambda pairs: pairs.evidence[:, 0] * size_weight(pairs, small_area_px=small_grain_px),
        top=levels[-1],
    )
    counts = tuple(tree.regions(level) for level in levels)
    fewest = max(counts[-1], 1)
    dependence = float(np.log(max(counts[0], 1) / fewest) + fewest**-0.5)
    texture = float(np.interp(weights.step, TEXTURE_WEIGHT, TEXTURE_DEPENDENCE))
    return _Trial(labels, tree, strength, ScaleEvidence(factor, levels, counts, dependence, dependence / texture))


def _shrunk(image: np.ndarray, valid: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean grey level of the valid part of each larger pixel, and whether at least half of it is valid.

    `image` is 0 where it is not valid.
    """
    if factor == 1:
        return image, valid
    rows, cols = image.shape
    size = (max(1, round(cols / factor)), max(1, round(rows / factor)))
    total = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    if valid.all():
        return total, np.ones(size[::-1], bool)
    share = cv2.resize(valid.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.divide(total, share, out=np.zeros_like(total), where=share > 0), share >= 0.5


def _middle(shape: tuple[int, ...], side: int = 400) -> tuple[slice, slice]:
    rows, cols = ((length - min(length, side)) // 2 for length in shape)
    return slice(rows, rows + side), slice(cols, cols + side)


def _enlarged(labels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Labels at the full size of the picture; each pixel takes the label with the largest bilinear weight."""
    if not labels.any():
        return np.zeros(shape, np.int32)
    # Slivers between pores that have no label yet take the nearest one.
    empty = (labels == 0).view(np.uint8)
    if empty.any():
        _, nearest = cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
        owner = np.zeros(nearest.max() + 1, np.int32)
        owner[nearest[empty == 0]] = labels[empty == 0]
        labels = owner[nearest]
    if labels.shape == tuple(shape):
        return labels
    if shape[0] < 1.5 * labels.shape[0]:
        return cv2.resize(labels, shape[::-1], interpolation=cv2.INTER_NEAREST)
    row, row_next, row_share = _between(shape[0], labels.shape[0])
    col, col_next, col_share = _between(shape[1], labels.shape[1])
    mixed = np.ones(labels.shape, np.uint8)
    mixed[:-1, :-1] = (
        (labels[:-1, :-1] != labels[1:, :-1])
        | (labels[:-1, :-1] != labels[:-1, 1:])
        | (labels[:-1, :-1] != labels[1:, 1:])
    )
    large = labels[np.ix_(row, col)]
    at_row, at_col = np.nonzero(mixed[np.ix_(row, col)])
    r, c = row[at_row], col[at_col]
    r_next, c_next = row_next[at_row], col_next[at_col]
    u, v = row_share[at_row], col_share[at_col]
    corners = (labels[r, c], labels[r, c_next], labels[r_next, c], labels[r_next, c_next])
    weights = ((1 - u) * (1 - v), (1 - u) * v, u * (1 - v), u * v)
    winner = corners[0].copy()
    most = np.zeros(winner.shape, np.float32)
    for candidate in corners:
        votes = sum(
            np.where(corner == candidate, weight, np.float32(0))
            for corner, weight in zip(corners, weights, strict=True)
        )
        better = votes > most
        np.copyto(winner, candidate, where=better)
        np.copyto(most, votes, where=better)
    large[at_row, at_col] = winner
    return large


def _between(large: int, small: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each of `large` pixels the two of `small` pixels that it lies between, and the share of the second."""
    position = np.clip((np.arange(large) + 0.5) * small / large - 0.5, 0, small - 1)
    low = np.minimum(position.astype(np.intp), max(small - 2, 0))
    return low, np.minimum(low + 1, small - 1), (position - low).astype(np.float32)
