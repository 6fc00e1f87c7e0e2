"""What can be said of the boundary between two regions as a whole.

Everything is made of sums over contacts and over pixels, so that it is known anew, at once, when regions merge.
"""

import cv2
import numpy as np
from scipy.special import expit

from micro_features.images.watershed import Pairs

_SHARES = (0.1, 0.25, 0.5, 0.75)

PAIR_FEATURES: tuple[str, ...] = (
    "log_length",
    "log_odds",
    "probability",
    *(f"share_below_{share:g}" for share in _SHARES),
    "log_area_smaller",
    "log_area_larger",
    "contrast",
    "spread_smaller",
    "spread_larger",
    "contrast_to_spread",
    "compactness_smaller",
    "compactness_larger",
    "outline_share_smaller",
    "outline_share_larger",
)
"""Names of the columns of `pair_features`: length and areas in pixels of the shrunk picture, means over the contacts
of what is thought of each (`share_below`: share of them less likely than that to be a boundary), grey levels of the two
regions in units of the local standard deviation, area over squared outline, and the share that the contacts have in
the outline of each region. What a contact looks like is in its odds already; told once more here, it was learned by
heart, and cost accuracy in pictures that were not trained on."""


def region_sums(flat: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Area, and sums of grey levels and of their squares, of the background and of each basin.

    Parameters
    ----------
    flat : (rows, cols) float32 array
        Flattened picture.
    labels : (rows, cols) int32 array

    Returns
    -------
    (count + 1, 3) float32 array
    """
    basin, grey = labels.ravel(), cv2.GaussianBlur(flat, (0, 0), 0.7).ravel()
    sums = (np.bincount(basin), np.bincount(basin, grey), np.bincount(basin, grey * grey))
    return np.stack(sums, axis=1).astype(np.float32)


def contact_evidence(log_odds: np.ndarray) -> np.ndarray:
    """What of each contact counts for the boundary that it is part of.

    Parameters
    ----------
    log_odds : (n,) float32 array
        Of a boundary there.

    Returns
    -------
    (n, 6) float32 array
    """
    probability = expit(log_odds)
    below = [probability < share for share in _SHARES]
    return np.column_stack((log_odds, probability, *below)).astype(np.float32, copy=False)


def pair_features(pairs: Pairs) -> np.ndarray:
    """Describe the boundary between the regions of each pair.

    Parameters
    ----------
    pairs : Pairs
        With `contact_evidence` as evidence and `region_sums` as what is inside.

    Returns
    -------
    (n, k) float32 array
        A row for each pair, a column for each of `PAIR_FEATURES`.
    """
    area, mean, spread = zip(*(_grey(inside) for inside in (pairs.inside_first, pairs.inside_second)), strict=True)
    contrast = np.abs(mean[0] - mean[1])
    outline = tuple(np.maximum(px, 1) for px in (pairs.outline_first_px, pairs.outline_second_px))
    compactness = tuple(a / (px * px + 1) for a, px in zip(area, outline, strict=True))
    share = tuple(pairs.length_px / px for px in outline)
    columns = [
        *_sorted(np.log(area[0]), np.log(area[1])),
        contrast,
        *_sorted(*spread),
        # Less than a tenth of the local contrast is noise, and noise is no measure.
        contrast / np.sqrt((spread[0] ** 2 + spread[1] ** 2) / 2 + 0.01),
        *_sorted(*compactness),
        *_sorted(*share),
    ]
    return np.column_stack((np.log(pairs.length_px), pairs.evidence, *columns)).astype(np.float32, copy=False)


def _grey(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    area, total, square = inside.T
    mean = total / area
    return area, mean, np.sqrt(np.maximum(square / area - mean * mean, 0))


def _sorted(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.minimum(one, other), np.maximum(one, other)
