"""Grey-level co-occurrence: how alike two pixels are that lie a given distance apart."""

import cv2
import numpy as np

from micro_features.features.feature import Feature
from micro_features.features.greyfield import FEWEST_PIXELS, GreyField, away_from_mask, blurred, quantiles

_SOURCE = "Haralick, Shanmugam and Dinstein 1973, doi 10.1109/TSMC.1973.4309314; symmetric, mean of four directions"
_LEVELS = 16
_DISTANCES_PX = (4, 16)

COOCCURRENCE_FEATURES = tuple(
    Feature(
        f"texture_cooccurrence_{name}_{px}px",
        "1",
        "texture",
        f"Of grey levels {px} px apart, in 16 steps between the 1st and 99th percentile: {meaning}",
        _SOURCE,
    )
    for px in _DISTANCES_PX
    for name, meaning in (
        ("contrast", "mean squared difference, in steps squared."),
        ("homogeneity", "mean of 1 / (1 + squared difference): 1 where all pairs are alike."),
        ("entropy", "entropy of the pairs over that of evenly spread ones: 0 for one pair, 1 for all alike."),
        ("correlation", "linear correlation, -1 to 1."),
    )
)


def cooccurrence_features(field: GreyField) -> dict[str, float]:
    """Measure `COOCCURRENCE_FEATURES`; NaN where the field is too small, masked or of one grey level."""
    out = {feature.name: np.nan for feature in COOCCURRENCE_FEATURES}
    inside = away_from_mask(field.valid, 2)
    if np.count_nonzero(inside) < FEWEST_PIXELS:
        return out
    grey = blurred(field.grey, 0.7)
    low, high = quantiles(grey[inside], (0.01, 0.99))
    if not high - low > 1e-6:
        return out
    steps = np.clip((grey - low) * (_LEVELS / (high - low)), 0, _LEVELS - 1).astype(np.uint8)
    mask = inside.astype(np.uint8)
    for px in _DISTANCES_PX:
        distance = round(px / field.px)
        # The diagonal neighbour is taken at the same length, not at the same number of rows and columns.
        diagonal = round(distance / np.sqrt(2))
        offsets = ((0, distance), (distance, 0), (diagonal, diagonal), (diagonal, -diagonal))
        pairs = np.sum([_pairs(steps, mask, dr, dc) for dr, dc in offsets], axis=0)
        pairs = pairs + pairs.T
        if pairs.sum() >= FEWEST_PIXELS:
            out.update({f"texture_cooccurrence_{k}_{px}px": v for k, v in haralick(pairs / pairs.sum()).items()})
    return out


def haralick(p: np.ndarray) -> dict[str, float]:
    """Contrast, homogeneity, normalised entropy and correlation of a symmetric table of pair shares.

    Parameters
    ----------
    p : (n, n) array
        Share of pairs of each two levels; sums to 1.
    """
    level = np.arange(len(p))
    squared = (level[:, None] - level[None, :]) ** 2
    marginal = p.sum(axis=1)
    mean = float(marginal @ level)
    variance = float(marginal @ (level - mean) ** 2)
    contrast = float((p * squared).sum())
    some = p[p > 0]
    return {
        "contrast": contrast,
        "homogeneity": float((p / (1 + squared)).sum()),
        "entropy": float(-(some * np.log(some)).sum() / (2 * np.log(len(p)))),
        # For a symmetric table E[(i-j)^2] = 2 var (1 - correlation).
        "correlation": 1 - contrast / (2 * variance) if variance > 0 else np.nan,
    }


def _pairs(steps: np.ndarray, mask: np.ndarray, dr: int, dc: int) -> np.ndarray:
    """Counts of (level here, level at the offset) over pairs of counted pixels."""
    rows, cols = steps.shape
    here = slice(0, rows - dr), slice(max(0, -dc), cols - max(0, dc))
    there = slice(dr, rows), slice(max(0, dc), cols - max(0, -dc))
    if rows <= dr or cols <= abs(dc):
        return np.zeros((_LEVELS, _LEVELS))
    code = steps[here] * np.uint8(_LEVELS) + steps[there]
    counts = cv2.calcHist([code], [0], mask[here] & mask[there], [_LEVELS**2], [0, _LEVELS**2])
    return counts.reshape(_LEVELS, _LEVELS).astype(float)
