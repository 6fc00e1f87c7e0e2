"""How well a segmentation agrees with another that is held to be true."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from skimage.segmentation import expand_labels

_MAX_GAP_PX = 6  # drawn, painted and watershed boundaries differ in width: all are closed before regions are compared
_MIN_AREA_PX = 20
_THRESHOLDS = np.linspace(0.5, 0.95, 10)


class RegionAgreement(NamedTuple):
    """Agreement of two label images, region by region.

    Attributes
    ----------
    f1 : float
        2 TP / (2 TP + FP + FN); regions match that share more than half of their union. NaN without any region.
    average_precision : float
        TP / (TP + FP + FN), mean over intersections over union of 0.50, 0.55 … 0.95.
    """

    f1: float
    average_precision: float


def region_agreement(found: np.ndarray, true: np.ndarray) -> RegionAgreement:
    """Agreement of regions, as usual for instances (Caicedo et al. 2019, doi 10.1038/s41592-019-0612-7).

    Parameters
    ----------
    found, true : (rows, cols) integer array
        Labels from 1; 0 is background. Regions below 20 pixels are left out of both, gaps of up to 12 pixels between
        regions closed in both.

    Returns
    -------
    RegionAgreement
    """
    found, true = _comparable(found), _comparable(true)
    n_found, n_true = int(found.max()), int(true.max())
    if n_found + n_true == 0:
        return RegionAgreement(np.nan, np.nan)
    shared = sparse.coo_array(
        (np.ones(found.size, np.int64), (found.ravel(), true.ravel())), shape=(n_found + 1, n_true + 1)
    ).tocsr()  # adds up what falls on one place
    area_found, area_true = shared.sum(axis=1), shared.sum(axis=0)
    overlap = shared[1:, 1:].tocoo()
    row, col = overlap.coords
    union = area_found[1:][row] + area_true[1:][col] - overlap.data
    iou = overlap.data / union
    # Above a half of the union a region matches at most one other.
    matches = np.array([np.count_nonzero(iou > threshold) for threshold in _THRESHOLDS])
    return RegionAgreement(
        f1=float(2 * matches[0] / (n_found + n_true)),
        average_precision=float(np.mean(matches / (n_found + n_true - matches))),
    )


def mask_agreement(found: np.ndarray, true: np.ndarray) -> float:
    """Intersection over union of two (rows, cols) bool masks; NaN where both are empty."""
    union = np.count_nonzero(found | true)
    return np.count_nonzero(found & true) / union if union else float("nan")


def _comparable(labels: np.ndarray) -> np.ndarray:
    labels = np.where(np.bincount(labels.ravel())[labels] < _MIN_AREA_PX, 0, labels)
    _, consecutive = np.unique(labels, return_inverse=True)
    consecutive = consecutive.reshape(labels.shape) + (labels.min() > 0)
    return expand_labels(consecutive, _MAX_GAP_PX)
