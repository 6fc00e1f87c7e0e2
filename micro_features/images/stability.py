"""How far grains stay the same when the level changes at which merging stops."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from micro_features.images.watershed import Contacts, MergeTree, regions_at


class Rung(NamedTuple):
    """What a picture is cut into at one merge level.

    Attributes
    ----------
    level : float
    n_grains : int
        Number of grains.
    boundary_px : int
        Places where two grains touch: the length of boundary, each step from pixel to pixel counting one.
    """

    level: float
    n_grains: int
    boundary_px: int


def rungs(tree: MergeTree, touching: Contacts, levels: tuple[float, ...]) -> tuple[Rung, ...]:
    """Number of grains and length of boundary at several merge levels.

    Parameters
    ----------
    tree : MergeTree
    touching : Contacts
        Of the basins.
    levels : tuple of float

    Returns
    -------
    tuple of Rung
    """
    found = []
    for level in levels:
        region = regions_at(tree, level)
        apart = region[touching.first] != region[touching.second]
        found.append(Rung(level, tree.regions(level), int(np.count_nonzero(apart))))
    return tuple(found)


def agreement(one: np.ndarray, other: np.ndarray, area_px: np.ndarray) -> float:
    """F1 of two ways to put the same basins together: regions match that share more than half of their union.

    Parameters
    ----------
    one, other : (count + 1,) int array
        Region of the background, 0, and of each basin.
    area_px : (count + 1,) array

    Returns
    -------
    float
        0 to 1; NaN without any basin.
    """
    one, other, area_px = one[1:], other[1:], area_px[1:]
    if not len(one):
        return float("nan")
    shared = sparse.coo_array((area_px, (one, other))).tocsr().tocoo()
    area_one, area_other = np.bincount(one, area_px), np.bincount(other, area_px)
    row, col = shared.coords
    union = area_one[row] + area_other[col] - shared.data
    matches = np.count_nonzero(shared.data > 0.5 * union)
    return 2 * matches / (np.count_nonzero(area_one) + np.count_nonzero(area_other))


def expected_f1(signal: float, line: tuple[float, float]) -> float:
    """F1 at an intersection over union of 0.5 that is to be expected of a segmentation.

    Parameters
    ----------
    signal : float
        What a method knows of its own grains, such as their mean stability.
    line : (float, float)
        Intercept and slope of F1 against this, fitted on pictures of known truth.

    Returns
    -------
    float
        0 to 1; NaN where the signal is.
    """
    intercept, slope = line
    return float(np.clip(intercept + slope * signal, 0, 1))


def stability(tree: MergeTree, area_px: np.ndarray, level: float, others: tuple[float, ...]) -> np.ndarray:
    """Largest intersection over union of each grain with a grain at another merge level, mean over these levels.

    A grain at one level is made of whole grains at a lower one, and is part of one at a higher level.

    Parameters
    ----------
    tree : MergeTree
    area_px : (count + 1,) array
        Of the background and of each basin.
    level : float
        At which the grains are taken.
    others : tuple of float
        Levels to compare with.

    Returns
    -------
    (number of grains + 1,) float32 array
        0 to 1 for each label of ``cut(tree, labels, level)``; 1 for the background.
    """
    here = regions_at(tree, level)
    area = np.bincount(here, area_px)
    total = np.zeros(len(area))
    for other in others:
        there = regions_at(tree, other)
        area_there = np.bincount(there, area_px)
        if other < level:
            largest = np.zeros(len(area))
            # Each region there lies in one here.
            owner = np.zeros(len(area_there), np.intp)
            owner[there] = here
            np.maximum.at(largest, owner, area_there)
            total += largest / np.maximum(area, 1)
        else:
            owner = np.zeros(len(area), np.intp)
            owner[here] = there
            total += area / np.maximum(area_there[owner], 1)
    mean = total / max(len(others), 1)
    mean[0] = 1
    return mean.astype(np.float32)
