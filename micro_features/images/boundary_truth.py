"""Which contacts between basins are boundaries, by labels or strokes that a person or a drawing gave."""

import cv2
import numpy as np
from scipy import sparse

from micro_features.images.score import without_gaps
from micro_features.images.watershed import Contacts

INSIDE, BOUNDARY = 1, 2
"""Values of strokes: painted inside a grain, painted along a boundary; 0 is not painted."""

_STROKE_REACH_PX = 2.0
_MOST_OF_A_LINE = 0.7


def truth_from_labels(basins: np.ndarray, touching: Contacts, grains: np.ndarray) -> np.ndarray:
    """Contacts between basins that belong to different grains are boundaries.

    A basin belongs to the grain that most of it lies in; what lies in no grain after gaps were closed as for scoring
    (pore, second phase) is one more grain.

    Parameters
    ----------
    basins : (rows, cols) int32 array
    touching : Contacts
    grains : (full rows, full cols) int array
        Labels of the picture before it was shrunk, 0 is boundary or background.

    Returns
    -------
    (n,) float32 array
        1 boundary, 0 none, NaN where a basin lies half in one grain, half in others.
    """
    grain = _shrunk_labels(without_gaps(grains), basins.shape)
    n_basins, n_grains = int(basins.max()), int(grain.max())
    shared = sparse.coo_array(
        (np.ones(basins.size, np.float32), (basins.ravel(), grain.ravel())), shape=(n_basins + 1, n_grains + 1)
    ).tocsr()
    owner = np.asarray(shared.argmax(axis=1)).ravel()
    sure = shared.max(axis=1).toarray().ravel() > 0.5 * shared.sum(axis=1)
    truth = (owner[touching.first] != owner[touching.second]).astype(np.float32)
    truth[~(sure[touching.first] & sure[touching.second])] = np.nan
    return truth


def truth_from_strokes(basins: np.ndarray, touching: Contacts, strokes: np.ndarray) -> np.ndarray:
    """Basins that meet under a stroke along a boundary are two grains; those joined by a stroke inside one are one.

    What lies under a stroke is asked of the whole line between two basins: a line that only ends at a boundary has its
    end under that stroke, too.

    Parameters
    ----------
    basins : (rows, cols) int32 array
    touching : Contacts
    strokes : (full rows, full cols) integer array
        `INSIDE`, `BOUNDARY` or 0, before the picture was shrunk.

    Returns
    -------
    (n,) float32 array
        1 boundary, 0 none, NaN where nothing is painted, or both; the same for all contacts of two basins.
    """
    # A line one pixel wide is still there in the shrunk picture; what is inside must reach a contact to speak of it.
    share = cv2.resize((strokes == BOUNDARY).astype(np.float32), basins.shape[::-1], interpolation=cv2.INTER_AREA)
    distance = cv2.distanceTransform((share == 0).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    on_boundary = distance.ravel()[touching.at] <= _STROKE_REACH_PX
    inside = _shrunk_labels(strokes == INSIDE, basins.shape).ravel()[touching.at] > 0
    _, line = np.unique(np.stack((touching.first, touching.second)), axis=1, return_inverse=True)
    line = line.ravel()
    length = np.bincount(line)
    under_boundary, crossed = np.bincount(line, on_boundary) / length, np.bincount(line, inside) > 0
    truth = np.full(len(length), np.nan, np.float32)
    truth[~crossed & (under_boundary >= _MOST_OF_A_LINE)] = 1
    truth[crossed & (under_boundary < _MOST_OF_A_LINE)] = 0
    return truth[line]


def _shrunk_labels(labels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    row, col = (
        np.minimum(((np.arange(small) + 0.5) * large / small).astype(np.intp), large - 1)
        for small, large in zip(shape, labels.shape, strict=True)
    )
    return labels[np.ix_(row, col)].astype(np.int32)
