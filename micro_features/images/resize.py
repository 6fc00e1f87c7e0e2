"""Pictures with holes made smaller, and labels made larger again."""

import cv2
import numpy as np


def shrunk(image: np.ndarray, valid: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Shrink a picture by a factor.

    Parameters
    ----------
    image : (rows, cols) float32 array
        0 where not valid.
    valid : (rows, cols) bool array
    factor : float
        At least 1.

    Returns
    -------
    image : (smaller rows, smaller cols) float32 array
        Mean over the valid part of each larger pixel.
    valid : (smaller rows, smaller cols) bool array
        Whether at least half of it is valid.
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


def enlarged(labels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Enlarge labels; each pixel takes the label with the largest bilinear weight.

    Parameters
    ----------
    labels : (rows, cols) int32 array
        From 1; where 0, the nearest label is taken.
    shape : (larger rows, larger cols)

    Returns
    -------
    (larger rows, larger cols) int32 array
    """
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
        # INTER_NEAREST looks at the corners of pixels, and would move every boundary by half a pixel.
        return cv2.resize(labels, shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
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
