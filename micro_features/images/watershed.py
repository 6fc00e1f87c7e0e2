"""Catchment basins of a height map and their merging into ever fewer regions.

Basins by steepest descent and merging by mutual best neighbours are both a handful of whole-array operations, which is
what makes them fast without compiled code of our own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

_NEIGHBOURS = [(dr, dc) for dr in (-1, 0, 1) for dc in (-1, 0, 1) if dr or dc]


def basins(height: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, int]:
    """Catchment basins: every pixel belongs to the minimum that a drop of water on it runs to.

    Parameters
    ----------
    height : (rows, cols) float32 array
    valid : (rows, cols) bool array
        No water enters where it is False.

    Returns
    -------
    labels : (rows, cols) int32 array
        From 1, without gaps between basins; 0 where not valid.
    count : int
        Number of basins.

    References
    ----------
    Meyer, Topographic distance and watershed lines, Signal Processing 38 (1994) 113-125.
    """
    rows, cols = height.shape
    padded = np.full((rows + 2, cols + 2), np.inf, np.float32)
    np.copyto(padded[1:-1, 1:-1], height, where=valid)
    lowest = cv2.erode(padded, np.ones((3, 3), np.uint8))[1:-1, 1:-1]
    is_minimum = cv2.compare(padded[1:-1, 1:-1], lowest, cv2.CMP_EQ)
    is_minimum[~valid] = 0
    # Which neighbour is the lowest one, as a small number: whole-array operations on bytes are the fastest there are.
    direction = np.zeros((rows, cols), np.uint8)
    for number, (dr, dc) in enumerate(_NEIGHBOURS, start=1):
        neighbour = padded[1 + dr : 1 + dr + rows, 1 + dc : 1 + dc + cols]
        is_lowest: np.ndarray = cv2.compare(neighbour, lowest, cv2.CMP_EQ)
        np.maximum(direction, is_lowest & np.uint8(number), out=direction)
    direction[(is_minimum > 0) | ~valid] = 0
    offset = np.array([0, *(dr * cols + dc for dr, dc in _NEIGHBOURS)], np.int32)
    target = np.arange(rows * cols, dtype=np.int32) + offset[direction.ravel()]
    while True:
        # Twice as far in each round; "clip" spares the check of bounds that the padding makes needless.
        further = target.take(target, mode="clip")
        if np.array_equal(further, target):
            break
        target = further
    count, minima = cv2.connectedComponents(is_minimum, connectivity=8)
    return minima.ravel().take(target, mode="clip").reshape(rows, cols), count - 1


@dataclass(frozen=True, eq=False)
class MergeTree:
    """The order in which basins merge: the two basins of each merge and the level at which it happens.

    Attributes
    ----------
    count : int
        Number of basins.
    first, second : (n,) int array
        Labels of two basins that are in one region from `level` on.
    level : (n,) float array
        Weighted mean strength of the boundary that vanished.
    """

    count: int
    first: np.ndarray
    second: np.ndarray
    level: np.ndarray

    def regions(self, level: float) -> int:
        """Number of regions left when every boundary up to `level` has vanished."""
        return self.count - int(np.count_nonzero(self.level <= level))


class Contacts(NamedTuple):
    """Places where two basins touch, one for each pair of neighbouring pixels of different basins.

    Attributes
    ----------
    at : (n,) int array
        Index, in the raveled picture, of that pixel of the two where boundary strength is larger.
    first, second : (n,) int array
        Labels of the two basins.
    """

    at: np.ndarray
    first: np.ndarray
    second: np.ndarray


def contacts(labels: np.ndarray, strength: np.ndarray) -> Contacts:
    """Find where basins touch.

    Parameters
    ----------
    labels : (rows, cols) int32 array
        Basins from 1; 0 is background and touches nothing.
    strength : (rows, cols) float32 array

    Returns
    -------
    Contacts
    """
    flat_labels, flat_strength = labels.ravel(), strength.ravel()
    ats, firsts, seconds = [], [], []
    for one, two, stride in (
        (labels[:, :-1], labels[:, 1:], 1),
        (labels[:-1], labels[1:], labels.shape[1]),
    ):
        differ = np.zeros(labels.shape, bool)
        np.not_equal(one, two, out=differ[: one.shape[0], : one.shape[1]])
        at = np.flatnonzero(differ)
        first, second = flat_labels[at], flat_labels[at + stride]
        both = (first > 0) & (second > 0)
        at, first, second = at[both], first[both], second[both]
        ats.append(np.where(flat_strength[at] >= flat_strength[at + stride], at, at + stride))
        firsts.append(first)
        seconds.append(second)
    return Contacts(*(np.concatenate(parts) for parts in (ats, firsts, seconds)))


def merge_tree(
    area: np.ndarray,
    touching: Contacts,
    evidence: np.ndarray,
    *,
    small_area_px: float,
    top: float,
    strength_of: Callable[[np.ndarray], np.ndarray] | None = None,
) -> MergeTree:
    """Merge neighbouring basins, weakest common boundary first.

    A boundary weighs the mean of `evidence` along it, as a strength, times ``1 - exp(-area / small_area_px)``, area
    being that of the smaller of its two regions: small regions need a stronger boundary to live. Where two regions are
    each other's weakest neighbours they merge; as merging never makes a boundary weaker than both of those it came
    from, this gives the same tree as merging one pair at a time, weakest first.

    Parameters
    ----------
    area : (count + 1,) array
        Pixels of the background and of each basin.
    touching : Contacts
    evidence : (n,) float32 array
        For a boundary at each contact: something that may be averaged.
    small_area_px : float
    top : float
        Level at which merging stops.
    strength_of : callable, optional
        Rising function from mean evidence to strength, 0 to 1; where left out, evidence is strength already.

    Returns
    -------
    MergeTree
    """
    area = area.astype(np.float32)
    count = len(area) - 1
    first, second, length, total = _summed(
        touching.first, touching.second, np.ones(len(evidence), np.float32), evidence, count
    )

    def weigh(first: np.ndarray, second: np.ndarray, length: np.ndarray, total: np.ndarray) -> np.ndarray:
        strength = total / length if strength_of is None else strength_of(total / length)
        return strength * (1 - np.exp(np.minimum(area[first], area[second]) * np.float32(-1 / small_area_px)))

    merges: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    weight = weigh(first, second, length, total)
    while len(weight):
        weakest = np.full(count + 1, np.inf, np.float32)
        np.minimum.at(weakest, first, weight)
        np.minimum.at(weakest, second, weight)
        mutual = np.flatnonzero((weight <= weakest[first]) & (weight <= weakest[second]) & (weight <= top))
        if not len(mutual):
            break
        # Where equal weights give a region several partners, it takes the last of them.
        partner = np.zeros(count + 1, np.intp)
        partner[first[mutual]] = mutual
        partner[second[mutual]] = mutual
        mutual = mutual[(partner[first[mutual]] == mutual) & (partner[second[mutual]] == mutual)]
        kept, gone = first[mutual], second[mutual]
        merges.append((kept, gone, weight[mutual]))

        area[kept] += area[gone]
        root = np.arange(count + 1)
        root[gone] = kept
        first, second = root[first], root[second]
        grown = np.zeros(count + 1, bool)
        grown[kept] = True
        changed = grown[first] | grown[second]
        same = ~changed
        part = _summed(first[changed], second[changed], length[changed], total[changed], count)
        first, second, length, total = (
            np.concatenate((old[same], new)) for old, new in zip((first, second, length, total), part, strict=True)
        )
        weight = np.concatenate((weight[same], weigh(*part)))
    if not merges:
        empty = np.zeros(0, np.intp)
        return MergeTree(count, empty, empty, np.zeros(0, np.float32))
    return MergeTree(count, *(np.concatenate(part) for part in zip(*merges, strict=True)))


def cut(tree: MergeTree, labels: np.ndarray, level: float) -> np.ndarray:
    """Labels of the regions that are left when every boundary up to `level` has vanished.

    Parameters
    ----------
    tree : MergeTree
    labels : (rows, cols) int32 array
        The basins that `tree` was made of.
    level : float

    Returns
    -------
    (rows, cols) int32 array
        From 1 without gaps; 0 is background.
    """
    gone = tree.level <= level
    links = sparse.coo_array(
        (np.ones(np.count_nonzero(gone), np.int8), (tree.first[gone], tree.second[gone])),
        shape=(tree.count + 1, tree.count + 1),
    )
    # Components are numbered in the order of their lowest label, so that background stays 0.
    _, region = connected_components(links, directed=False)
    return region.astype(np.int32).take(labels)


_Edges = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _summed(first: np.ndarray, second: np.ndarray, length: np.ndarray, total: np.ndarray, count: int) -> _Edges:
    """One entry for every pair of different labels, lower label first; entries of the same pair added."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    apart = low != high
    both = length + 1j * total
    pairs = sparse.coo_array((both[apart], (low[apart], high[apart])), shape=(count + 1, count + 1)).tocsr().tocoo()
    return pairs.row.astype(np.intp), pairs.col.astype(np.intp), pairs.data.real.copy(), pairs.data.imag.copy()
