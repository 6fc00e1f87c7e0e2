"""How well a segmentation agrees with another that is held to be true."""

from typing import NamedTuple

import cv2
import numpy as np
from scipy import sparse
from skimage.segmentation import expand_labels

from micro_features.images.phases import label_edges

WIDEST_GAP_PX = 12
"""Drawn, painted and watershed boundaries differ in width; up to this one they are closed before comparison, pixels."""
_MIN_AREA_PX = 20
_PERCENT_OF_UNION = np.arange(50, 100, 5)


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


class BoundaryAgreement(NamedTuple):
    """Agreement of the lines that two label images draw.

    Attributes
    ----------
    f1 : float
        Harmonic mean of the next two; NaN where neither image has a line, 0 where one has none.
    precision : float
        Share of the found lines with a true one near; NaN where none was found.
    recall : float
        Share of the true lines with a found one near; NaN where there is none.
    """

    f1: float
    precision: float
    recall: float


class MaskAgreement(NamedTuple):
    """Agreement of two masks; NaN where it has no meaning.

    Attributes
    ----------
    iou : float
        Intersection over union.
    dice : float
        Twice the intersection over the sum of both areas.
    area_error : float
        Found area over true area, less 1.
    """

    iou: float
    dice: float
    area_error: float


def region_agreement(found: np.ndarray, true: np.ndarray) -> RegionAgreement:
    """Agreement of regions, as usual for instances (Caicedo et al. 2019, doi 10.1038/s41592-019-0612-7).

    Parameters
    ----------
    found, true : (rows, cols) integer array
        Labels from 1; 0 is background. Both are compared as `without_gaps` leaves them.

    Returns
    -------
    RegionAgreement
    """
    found, true = without_gaps(found), without_gaps(true)
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
    # Above a half of the union a region matches at most one other. In whole numbers: 0.9 is not above 0.9.
    matches = np.array([np.count_nonzero(100 * overlap.data > percent * union) for percent in _PERCENT_OF_UNION])
    return RegionAgreement(
        f1=float(2 * matches[0] / (n_found + n_true)),
        average_precision=float(np.mean(matches / (n_found + n_true - matches))),
    )


def boundary_agreement(found: np.ndarray, true: np.ndarray, *, tolerance_px: float = 2.0) -> BoundaryAgreement:
    """Agreement of boundaries as lines (Csurka et al., What is a good evaluation measure for semantic segmentation?,
    BMVC 2013).

    Parameters
    ----------
    found, true : (rows, cols) integer array
        Labels from 1; 0 is background. Lines run where labels differ in what `without_gaps` leaves, one pixel wide,
        whatever the width of the gap; the frame is none.
    tolerance_px : float
        Euclidean distance up to which a line is near another, pixels.

    Returns
    -------
    BoundaryAgreement
    """
    found_line, true_line = label_edges(without_gaps(found)), label_edges(without_gaps(true))
    precision, recall = (
        float(np.mean(_distance_px(other)[line] <= tolerance_px)) if line.any() else np.nan
        for line, other in ((found_line, true_line), (true_line, found_line))
    )
    if found_line.any() or true_line.any():
        f1 = 2 * precision * recall / (precision + recall) if precision > 0 and recall > 0 else 0.0
    else:
        f1 = np.nan
    return BoundaryAgreement(f1, precision, recall)


def _distance_px(line: np.ndarray) -> np.ndarray:
    """Distance of each pixel from a line; infinite where there is none."""
    if not line.any():
        return np.full(line.shape, np.inf, np.float32)
    return cv2.distanceTransform((~line).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def mask_agreement(found: np.ndarray, true: np.ndarray) -> MaskAgreement:
    """Agreement of two (rows, cols) bool masks."""
    both, n_found, n_true = (int(np.count_nonzero(mask)) for mask in (found & true, found, true))
    return MaskAgreement(
        iou=_ratio(both, n_found + n_true - both),
        dice=_ratio(2 * both, n_found + n_true),
        area_error=_ratio(n_found, n_true) - 1,
    )


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def without_gaps(labels: np.ndarray) -> np.ndarray:
    """A label image as it is compared: specks dropped, regions grown until drawn lines between them are closed.

    Parameters
    ----------
    labels : (rows, cols) integer array
        Labels from 1; 0 is background.

    Returns
    -------
    (rows, cols) integer array
        Labels from 1 without gaps in their numbers. Regions below 20 pixels are background; every other one has grown
        by up to 6 pixels over background, so that lines of up to 12 pixels are closed.
    """
    labels = np.where(np.bincount(labels.ravel())[labels] < _MIN_AREA_PX, 0, labels)
    _, consecutive = np.unique(labels, return_inverse=True)
    consecutive = consecutive.reshape(labels.shape) + (labels.min() > 0)
    return expand_labels(consecutive, WIDEST_GAP_PX // 2)
