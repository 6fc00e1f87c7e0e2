"""Square windows over a picture.

The last window of a row or column lies flush with the edge, so that every pixel is in some window, unless it is asked
for windows at even steps alone, as the published study cut them.
"""

import numpy as np

from micro_features.errors import SettingsError


def window_starts(length: int, size: int, step: int, *, flush: bool = True) -> np.ndarray:
    """First pixels of windows along one side of a picture.

    Parameters
    ----------
    length : int
        Of the side, pixels.
    size : int
        Of a window, pixels, 1 to `length`.
    step : int
        From one window to the next, pixels, 1 to `size`, so that no strip between them is left out.
    flush : bool
        Add a last window flush with the end where steps do not arrive there; else a strip at the end stays unseen.

    Returns
    -------
    (k,) int array
        Rising from 0, to ``length - size`` with `flush`; the last step may then be shorter than the others.

    Raises
    ------
    SettingsError
        The window is larger than the side, or the step outside its range.
    """
    if not 1 <= size <= length:
        raise SettingsError(f"window of {size} pixels on a side of {length} pixels: choose a window of 1 to {length}")
    if not 1 <= step <= size:
        raise SettingsError(
            f"step of {step} pixels between windows of {size} pixels: choose 1 to {size}, or strips stay unseen"
        )
    starts = np.arange(0, length - size + 1, step)
    return np.append(starts, length - size) if flush and starts[-1] != length - size else starts


def window_boxes(shape: tuple[int, int], size: int, step: int, *, flush: bool = True) -> np.ndarray:
    """First row and column of every window over a picture.

    Parameters
    ----------
    shape : (rows, cols)
        Of the picture, pixels.
    size, step, flush
        As in `window_starts`, the same in both directions.

    Returns
    -------
    (n, 2) int array
        First row, first column; row by row.

    Raises
    ------
    SettingsError
        The window is larger than the picture, or the step outside its range.
    """
    rows, cols = shape
    if size > min(rows, cols):
        raise SettingsError(
            f"windows of {size} x {size} pixels are larger than the picture of {rows} x {cols} pixels: "
            f"choose windows of at most {min(rows, cols)} pixels"
        )
    first_rows, first_cols = (window_starts(length, size, step, flush=flush) for length in (rows, cols))
    return np.stack(np.meshgrid(first_rows, first_cols, indexing="ij"), axis=-1).reshape(-1, 2)
