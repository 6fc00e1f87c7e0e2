"""The factor by which a picture is shrunk before its grains are looked for.

At the right one, grains are separated by boundaries that are clearly stronger than the texture inside them, so that
their number hardly depends on the level at which merging stops.
"""

from dataclasses import dataclass
from itertools import takewhile

import cv2
import numpy as np

from micro_features.images.boundaries import CueWeights, boundary_strength
from micro_features.images.prepare import flatten
from micro_features.images.resize import shrunk
from micro_features.images.watershed import MergeTree, basins, contacts, merge_tree, size_weight

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
class Trial:
    """A picture shrunk by one factor, its basins and the order in which they merge.

    Attributes
    ----------
    flat : (rows, cols) float32 array
        Flattened grey levels.
    valid : (rows, cols) bool array
    strength : (rows, cols) float32 array
        Boundary strength, 0 to 1.
    weights : CueWeights
    labels : (rows, cols) int32 array
        Basins.
    tree : MergeTree
    evidence : ScaleEvidence
    """

    flat: np.ndarray
    valid: np.ndarray
    strength: np.ndarray
    weights: CueWeights
    labels: np.ndarray
    tree: MergeTree
    evidence: ScaleEvidence


def try_scale(
    image: np.ndarray,
    valid: np.ndarray,
    factor: float,
    *,
    merge_level: float,
    small_grain_px: float,
    window_px: float,
) -> Trial:
    """Look at a picture shrunk by one factor.

    Parameters
    ----------
    image : (rows, cols) float32 array
        Grey level; 0 where not valid.
    valid : (rows, cols) bool array
    factor : float
    merge_level, small_grain_px, window_px : float
        As for `images.grains.watershed`.

    Returns
    -------
    Trial
    """
    image, valid = shrunk(image, valid, factor)
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
    evidence = ScaleEvidence(factor, levels, counts, dependence, dependence / texture)
    return Trial(flat, valid, strength, weights, labels, tree, evidence)


def choose_scale(
    image: np.ndarray,
    valid: np.ndarray,
    *,
    merge_level: float,
    scale_tolerance: float,
    small_grain_px: float,
    window_px: float,
) -> tuple[Trial, tuple[Trial, ...]]:
    """Find the working scale.

    It is the finest, going on from the best one, at which the number of grains depends on the merge level hardly more
    than there. Below sqrt(2) pixels there is mostly noise: the unshrunk picture is taken only where it is clearly best.

    Parameters
    ----------
    image : (rows, cols) float32 array
        Grey level; 0 where not valid.
    valid : (rows, cols) bool array
    merge_level, scale_tolerance, small_grain_px, window_px : float
        As for `images.grains.watershed`.

    Returns
    -------
    chosen : Trial
    tried : tuple of Trial
        One for every scale that was tried, finest last; at factor 1 of the picture's middle part, unless chosen.
    """

    def trial(factor: float, image: np.ndarray = image, valid: np.ndarray = valid) -> Trial:
        return try_scale(
            image, valid, factor, merge_level=merge_level, small_grain_px=small_grain_px, window_px=window_px
        )

    trials = [trial(factor) for factor in FACTORS if min(image.shape) / factor >= MIN_SIDE_PX]
    # A part of the picture tells whether its finest scale, the dearest to compute, is worth it.
    part = _middle(image.shape)
    probe = trial(1.0, image[part], valid[part])
    smallest = min((each.evidence.relative_dependence for each in trials), default=np.inf)
    if probe.evidence.relative_dependence < smallest - scale_tolerance / 2:
        chosen = probe = trial(1.0)
    else:
        # From the best scale on to finer ones. The first that is not stable ends it: beyond it, noise takes over,
        # whose ripples may again be of steady number.
        best = [each.evidence.relative_dependence for each in trials].index(smallest)
        finer = takewhile(lambda each: each.evidence.relative_dependence <= smallest + scale_tolerance, trials[best:])
        chosen = list(finer)[-1]
    return chosen, (*trials, probe)


def _middle(shape: tuple[int, ...], side: int = 400) -> tuple[slice, slice]:
    rows, cols = ((length - min(length, side)) // 2 for length in shape)
    return slice(rows, rows + side), slice(cols, cols + side)
