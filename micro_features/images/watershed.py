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


class Pairs(NamedTuple):
    """Pairs of regions that touch, and what is known of them; sums of basins stay sums when basins merge.

    Attributes
    ----------
    first, second : (n,) int array
        Labels of the two regions.
    length_px : (n,) float32 array
        Contacts between them.
    evidence : (n, q) float32 array
        Mean over these contacts.
    inside_first, inside_second : (n, r) float32 array
        Sums over the pixels of each region; the first column is the area.
    outline_first_px, outline_second_px : (n,) float32 array
        Contacts of each region with all others.
    """

    first: np.ndarray
    second: np.ndarray
    length_px: np.ndarray
    evidence: np.ndarray
    inside_first: np.ndarray
    inside_second: np.ndarray
    outline_first_px: np.ndarray
    outline_second_px: np.ndarray

    @property
    def smaller_area_px(self) -> np.ndarray:
        """Area of the smaller region of each pair."""
        return np.minimum(self.inside_first[:, 0], self.inside_second[:, 0])


def merge_tree(
    inside: np.ndarray,
    touching: Contacts,
    evidence: np.ndarray,
    weigh: Callable[[Pairs], np.ndarray],
    *,
    top: float,
) -> MergeTree:
    """Merge neighbouring basins, weakest common boundary first.

    Where two regions are each other's weakest neighbours they merge, all such pairs at once. As long as merging never
    makes a boundary weaker than both of those it came from, as with a mean, this gives the same tree as merging one
    pair at a time, weakest first.

    Parameters
    ----------
    inside : (count + 1, r) array
        Sums over the pixels of the background, which has no contacts, and of each basin; the first column is the area.
    touching : Contacts
    evidence : (n, q) float32 array
        For each contact.
    weigh : callable
        Strength, 0 to 1, of the boundary between the regions of each pair.
    top : float
        Level at which merging stops.

    Returns
    -------
    MergeTree
    """
    inside = inside.astype(np.float32)
    count = len(inside) - 1
    level = np.zeros(count + 1, np.float32)
    ones = np.ones(len(evidence), np.float32)
    first, second, length, sums = _summed(touching.first, touching.second, ones, evidence, count)

    def weighed(some: slice) -> np.ndarray:
        one, two, px = first[some], second[some], length[some]
        means = sums[some] / px[:, None]
        return weigh(Pairs(one, two, px, means, inside[one], inside[two], outline[one], outline[two]))

    outline = _outlines(first, second, length, count)
    weight = weighed(slice(None))
    merges: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    while len(weight):
        weakest = np.full(count + 1, np.inf, np.float32)
        np.minimum.at(weakest, first, weight)
        np.minimum.at(weakest, second, weight)
        mutual = np.flatnonzero((weight <= weakest[first]) & (weight <= weakest[second]) & (weight <= top))
        if not len(mutual):
            break
        # Where equal weights give a region several partners, it takes the last of them; the last of all is thus taken
        # by both its regions, so that every round merges something.
        partner = np.zeros(count + 1, np.intp)
        np.maximum.at(partner, first[mutual], mutual)
        np.maximum.at(partner, second[mutual], mutual)
        mutual = mutual[(partner[first[mutual]] == mutual) & (partner[second[mutual]] == mutual)]
        kept, gone = first[mutual], second[mutual]
        # A region is never more certain than the surest of the boundaries that vanished inside it.
        level[kept] = np.maximum(weight[mutual], np.maximum(level[kept], level[gone]))
        merges.append((kept, gone, level[kept]))

        inside[kept] += inside[gone]
        root = np.arange(count + 1)
        root[gone] = kept
        first, second = root[first], root[second]
        grown = np.zeros(count + 1, bool)
        grown[kept] = True
        same = ~(grown[first] | grown[second])
        changed = ~same & (first != second)
        part = _summed(first[changed], second[changed], length[changed], sums[changed], count)
        first, second, length, sums = (
            np.concatenate((old[same], new)) for old, new in zip((first, second, length, sums), part, strict=True)
        )
        outline = _outlines(first, second, length, count)
        unchanged = weight[same]
        weight = np.concatenate((unchanged, weighed(slice(len(unchanged), None))))
    if not merges:
        empty = np.zeros(0, np.intp)
        return MergeTree(count, empty, empty, np.zeros(0, np.float32))
    return MergeTree(count, *(np.concatenate(part) for part in zip(*merges, strict=True)))


def size_weight(pairs: Pairs, *, small_area_px: float) -> np.ndarray:
    """How far the size of the smaller region speaks for a boundary: ``1 - exp(-area / small_area_px)``."""
    return 1 - np.exp(pairs.smaller_area_px * np.float32(-1 / small_area_px))


def regions_at(tree: MergeTree, level: float) -> np.ndarray:
    """Which region each basin belongs to when every boundary up to `level` has vanished.

    Parameters
    ----------
    tree : MergeTree
    level : float

    Returns
    -------
    (count + 1,) int32 array
        From 1 without gaps, in the order of the regions' first basins; 0 for the background.
    """
    gone = tree.level <= level
    links = sparse.coo_array(
        (np.ones(np.count_nonzero(gone), np.int8), (tree.first[gone], tree.second[gone])),
        shape=(tree.count + 1, tree.count + 1),
    )
    # Components are numbered in the order of their lowest label, so that background stays 0.
    _, region = connected_components(links, directed=False)
    return region.astype(np.int32)


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
    return regions_at(tree, level).take(labels)


def _outlines(first: np.ndarray, second: np.ndarray, length: np.ndarray, count: int) -> np.ndarray:
    total = np.bincount(first, length, count + 1) + np.bincount(second, length, count + 1)
    return total.astype(np.float32)


def _summed(
    first: np.ndarray, second: np.ndarray, length: np.ndarray, evidence: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One entry for every pair of labels, lower label first; lengths and rows of evidence of the same pair added."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    pairs, which = np.unique(low.astype(np.int64) * (count + 1) + high, return_inverse=True)
    rows = sparse.csr_array(
        (np.ones(len(which), np.float32), which, np.arange(len(which) + 1)), shape=(len(which), len(pairs))
    )
    low, high = np.divmod(pairs, count + 1)
    return low, high, np.bincount(which, length, len(pairs)).astype(np.float32), rows.T @ evidence
