"""The part of a picture that kernels see."""

import numpy as np


def frame_of(valid: np.ndarray) -> tuple[slice, slice]:
    """The smallest rectangle that holds all material: kernels need not see the data bar."""
    rows, cols = np.flatnonzero(valid.any(axis=1)), np.flatnonzero(valid.any(axis=0))
    if not len(rows):
        return slice(0, valid.shape[0]), slice(0, valid.shape[1])
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)
