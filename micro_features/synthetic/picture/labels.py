"""What is true of a picture of grains by its labels alone: boundaries, sizes, intercepts; lengths in pixels."""

from collections.abc import Iterator

import numpy as np
from scipy import ndimage


def numbered(cells: np.ndarray, period_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels of the grains seen, one for each repeat of a cell of a periodic crystal.

    A cell is much smaller than the period, so a pixel belongs to the repeat whose circular mean position is nearest.

    Parameters
    ----------
    cells : (rows, cols) integer array
        Index of the cell in the crystal + 1; 0 in pores.
    period_px : (2,) float array
        Along rows and columns.

    Returns
    -------
    grains : (rows, cols) int32 array
        From 1 without gaps, 0 in pores.
    cell : (number of grains + 1,) int array
        Index in the crystal of each label's cell; -1 for label 0.
    """
    key = cells.astype(np.int64)
    for period, position in zip(period_px, np.ogrid[: cells.shape[0], : cells.shape[1]], strict=True):
        turn = np.broadcast_to(2j * np.pi * position / period, cells.shape)
        phase = np.exp(turn).ravel()
        mean = np.bincount(cells.ravel(), phase.real) + 1j * np.bincount(cells.ravel(), phase.imag)
        centre = np.angle(mean) / (2 * np.pi)
        repeat = np.rint(position / period - centre[cells]).astype(np.int64)
        key = key * (repeat.max() - repeat.min() + 1) + repeat - repeat.min()
    key[cells == 0] = -1
    found, first, label = np.unique(key, return_index=True, return_inverse=True)
    label = label.reshape(cells.shape)
    cell = cells.ravel()[first] - 1
    if found[0] != -1:  # no pore: label 0 is not taken
        label, cell = label + 1, np.append(-1, cell)
    return label.astype(np.int32), cell.astype(np.int64)


def boundary_lines(grains: np.ndarray) -> np.ndarray:
    """(rows, cols) bool: the two pixels on either side of a boundary between grains."""
    lines = np.zeros(grains.shape, dtype=bool)
    for one, other in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        change = (grains[one] != grains[other]) & (grains[one] > 0) & (grains[other] > 0)
        lines[one] |= change
        lines[other] |= change
    return lines


def whole_diameters(grains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Equivalent circle diameters of the grains that lie whole in the picture, and their weights.

    A grain weighs one over the probability that one of its extent lies whole in a frame put down at random, so that the
    border does not bias the sizes (Miles 1974; Lantuejoul 1978).
    """
    rows, cols = grains.shape
    area = np.bincount(grains.ravel())[1:]
    diameters, weights = [], []
    for n, (down, across) in enumerate(ndimage.find_objects(grains)):
        if down.start == 0 or across.start == 0 or down.stop == rows or across.stop == cols:
            continue
        room = (rows - (down.stop - down.start) - 1) * (cols - (across.stop - across.start) - 1)
        diameters.append(np.sqrt(4 / np.pi * area[n]))
        weights.append(rows * cols / room)
    return np.array(diameters), np.array(weights)


def mean_and_log_sd(values: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Weighted mean, and standard deviation of the logarithm; NaN without values."""
    if len(values) == 0:
        return np.nan, np.nan
    mean, log_mean = np.average(values, weights=weights), np.average(np.log(values), weights=weights)
    return float(mean), float(np.sqrt(np.average((np.log(values) - log_mean) ** 2, weights=weights)))


def along_lines(grains: np.ndarray) -> tuple[float, float]:
    """Mean intercept, px, and changes of grain per length in grains, P_L, 1/px, over test lines in four directions.

    A change of grain is a crossing of the intercept, one between grain and pore half a crossing; all directions weigh
    the same. The intercept is infinite where one grain fills the picture.
    """
    in_grain = changes = crossings = 0.0
    for one, other, step in _neighbours(grains):
        length = step * one.size
        change = np.count_nonzero((one != other) & (one > 0) & (other > 0))
        contact = np.count_nonzero((one > 0) != (other > 0))
        in_grain += step * (np.count_nonzero(one > 0) + np.count_nonzero(other > 0)) / 2 / length
        changes += change / length
        crossings += (change + contact / 2) / length
    return (in_grain / crossings if crossings else np.inf), (changes / in_grain if in_grain else 0.0)


def _neighbours(grains: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Neighbouring pixels along each of four directions, and their distance."""
    yield grains[:, :-1], grains[:, 1:], 1.0
    yield grains[:-1], grains[1:], 1.0
    yield grains[:-1, :-1], grains[1:, 1:], np.sqrt(2)
    yield grains[:-1, 1:], grains[1:, :-1], np.sqrt(2)
