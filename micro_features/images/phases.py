"""Where a picture is pore, grain boundary or grain interior."""

from typing import NamedTuple

import cv2
import numpy as np


class PhaseMasks(NamedTuple):
    """Three disjoint (rows, cols) bool arrays that cover the valid area together."""

    pore: np.ndarray
    boundary: np.ndarray
    interior: np.ndarray


def phase_masks(
    grains: np.ndarray, pores: np.ndarray, valid: np.ndarray, *, boundary_width_px: float = 3.0
) -> PhaseMasks:
    """Masks of pore, grain boundary and grain interior.

    Boundary is every solid pixel within half of `boundary_width_px` of a line along which two grain labels meet.
    Rims of pores and of the data bar are no grain boundaries.

    Parameters
    ----------
    grains, pores : (rows, cols) int32 array
        Labels from 1, 0 is background.
    valid : (rows, cols) bool array
    boundary_width_px : float
        Full width of a boundary, pixels, at least 2: one pixel on each side of the line.

    Returns
    -------
    PhaseMasks
    """
    pore = (pores > 0) & valid
    line = np.zeros(grains.shape, np.uint8)
    for one, two, mark_one, mark_two in (
        (grains[:, :-1], grains[:, 1:], line[:, :-1], line[:, 1:]),
        (grains[:-1], grains[1:], line[:-1], line[1:]),
    ):
        meet = (one != two) & (one > 0) & (two > 0)
        mark_one |= meet
        mark_two |= meet
    # The pixels on both sides of the line are marked already: a boundary 2 px wide.
    reach = (boundary_width_px - 2) / 2
    if reach > 0:
        distance = cv2.distanceTransform(1 - line, cv2.DIST_L2, cv2.DIST_MASK_5)
        line = (distance <= reach).view(np.uint8)
    boundary = line.view(bool) & valid & ~pore
    return PhaseMasks(pore, boundary, valid & ~pore & ~boundary)


def label_edges(labels: np.ndarray) -> np.ndarray:
    """Pixels whose right or lower neighbour has another label.

    Parameters
    ----------
    labels : (rows, cols) integer array

    Returns
    -------
    (rows, cols) bool array
        Lines one pixel wide. Between a region and background the region's side or the other may be marked.
    """
    edges = np.zeros(labels.shape, bool)
    edges[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    edges[:-1, :] |= labels[:-1, :] != labels[1:, :]
    return edges
