"""What a reader must know before trusting a row: is the picture sharp, whole, and are its grains resolved?"""

from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd

from micro_features.features.greyfield import FEWEST_PIXELS, away_from_mask, blurred, ratio


@dataclass(frozen=True)
class QualityColumn:
    """One quality column of the feature table, as the data dictionary prints it."""

    name: str
    unit: str
    meaning: str


QUALITY_COLUMNS = (
    QualityColumn(
        "quality_grains_resolved",
        "bool",
        "Grains span enough pixels, enough of them lie whole in the picture, and what was found are grains rather "
        "than relief or noise; grain measurements are left empty otherwise.",
    ),
    QualityColumn("quality_pixels_across_grain", "px", "Mean equivalent-circle diameter of what was found as grains."),
    QualityColumn("quality_whole_grains", "1", "Grains that touch neither the frame nor a masked part."),
    QualityColumn(
        "quality_sharpness",
        "1",
        "1 / (1 + s^2) with s the blur of the strongest edges in px (standard deviation): 1 for steps of one pixel, "
        "0.5 for a blur of 1 px; above 1 where detail is thinner than an edge.",
    ),
    QualityColumn(
        "quality_noise",
        "1",
        "Standard deviation of pixel noise over that of the structure; a lower bound where noise is correlated.",
    ),
    QualityColumn(
        "quality_saturated_share", "1", "Share of the valid pixels that are black (0) or white (full scale)."
    ),
    QualityColumn("quality_measured_share", "1", "Share of the frame that is valid: not data bar, not burned-in text."),
    QualityColumn("quality_flat", "bool", "The valid part is of one colour: there is nothing to measure."),
)


def quality_features(
    image: np.ndarray,
    valid: np.ndarray,
    grains: np.ndarray,
    regions: pd.DataFrame,
    *,
    boundary: np.ndarray,
    pixel_um: float,
    min_pixels_across_grain: float,
    min_whole_grains: int,
) -> dict[str, float | int | bool]:
    """Measure `QUALITY_COLUMNS`.

    Parameters
    ----------
    image : (rows, cols) float32 array
        Grey level, 0 black to 1 white (full scale).
    valid : (rows, cols) bool array
    grains : (rows, cols) int32 array
        Labels from 1, 0 is background.
    regions : DataFrame
        One row per grain, with `equivalent_diameter_um` and `touches_border`.
    boundary : (rows, cols) float32 array
        Strength of evidence for a grain boundary, 0 to 1.
    pixel_um : float
        Edge of a pixel, micrometres.
    min_pixels_across_grain, min_whole_grains : float, int
        What resolved grains must reach.

    Returns
    -------
    dict
        Name to value, in the order of `QUALITY_COLUMNS`; NaN where a measure does not exist.
    """
    across = float(regions["equivalent_diameter_um"].mean()) / pixel_um if len(regions) else np.nan
    whole = int((~regions["touches_border"].astype(bool)).sum())
    flat = is_flat(image, valid)
    resolved = not flat and across >= min_pixels_across_grain and whole >= min_whole_grains
    noise = np.nan if flat else noise_deviation(image, valid)
    spread = np.nan if flat else float(image[valid].std(dtype=float))
    return {
        "quality_grains_resolved": bool(resolved),
        "quality_pixels_across_grain": across,
        "quality_whole_grains": whole,
        "quality_sharpness": np.nan if flat else sharpness(image, valid, noise=noise),
        "quality_noise": ratio(noise / spread, np.sqrt(max(1 - (noise / spread) ** 2, 0))) if not flat else np.nan,
        "quality_saturated_share": saturated_share(image, valid),
        "quality_measured_share": float(np.count_nonzero(valid) / valid.size),
        "quality_flat": flat,
    }


def is_flat(image: np.ndarray, valid: np.ndarray) -> bool:
    """Whether the valid part is of one colour, or nothing is valid."""
    if not valid.any():
        return True
    low, high, *_ = cv2.minMaxLoc(image, mask=valid.astype(np.uint8))
    return bool(low == high)


def saturated_share(image: np.ndarray, valid: np.ndarray) -> float:
    """Share of the valid pixels at 0 or at full scale, 1; NaN when nothing is valid."""
    n = np.count_nonzero(valid)
    return float(np.count_nonzero(((image <= 0) | (image >= 1)) & valid) / n) if n else np.nan


def noise_deviation(image: np.ndarray, valid: np.ndarray) -> float:
    """Standard deviation of noise that is independent from pixel to pixel, in grey levels.

    Such noise adds to the autocovariance at lag 0 only. What the structure has there is extrapolated from lags 1 and
    2 along rows and columns, linearly, which for smooth structure leaves no noise rather than too much
    (Thong, Sim and Phang 2001, doi 10.1002/sca.4950230506).
    """
    mean = np.float32(image[valid].mean(dtype=float))
    grey = np.where(valid, image - mean, np.float32(0))
    at_0, at_1, at_2 = (_autocovariance(grey, valid, lag) for lag in (0, 1, 2))
    structure = at_1 + max(at_1 - at_2, 0.0)
    return float(np.sqrt(max(at_0 - structure, 0.0)))


def _autocovariance(grey: np.ndarray, valid: np.ndarray, lag: int) -> float:
    """Mean product of pixels `lag` apart along rows and columns; `grey` is 0 where not valid."""
    total = pairs = 0.0
    for g, v in ((grey, valid), (grey.T, valid.T)):
        n = len(g) - lag
        total += float(np.einsum("ij,ij->", g[:n], g[lag:]))
        pairs += np.count_nonzero(v[:n] & v[lag:])
    return total / pairs if pairs else np.nan


def sharpness(image: np.ndarray, valid: np.ndarray, *, noise: float) -> float:
    """Sharpness of the strongest edges, 1 / (1 + s^2) with s their blur in pixels.

    A step of height A and blur s has, after another blur of sigma, the gradient A / sqrt(2 pi (sigma^2 + s^2)). With
    sigma 1 and 2 the squared gradients stand as R = (4 + s^2) / (1 + s^2), so that (R - 1) / 3 = 1 / (1 + s^2).
    What noise adds to a squared gradient, noise^2 / (4 pi sigma^4), is taken off first.

    Returns
    -------
    float
        NaN where nothing stands out of the noise.
    """
    inside = away_from_mask(valid.astype(np.uint8), 6)
    if np.count_nonzero(inside) < FEWEST_PIXELS:
        return np.nan
    fine, coarse = (_squared_gradient(image, sigma) for sigma in (1.0, 2.0))
    edge = inside & (coarse >= np.quantile(coarse[inside][::7], 0.9))
    at_fine, at_coarse = (
        float(g[edge].mean(dtype=float)) - noise**2 / (4 * np.pi * sigma**4) for g, sigma in ((fine, 1), (coarse, 2))
    )
    return (ratio(at_fine / at_coarse, 1.0) - 1) / 3 if at_coarse > 0 else np.nan


def _squared_gradient(image: np.ndarray, sigma: float) -> np.ndarray:
    smooth = blurred(image, sigma)
    dx, dy = (cv2.Sobel(smooth, cv2.CV_32F, i, 1 - i, ksize=1, scale=0.5) for i in (1, 0))
    return dx * dx + dy * dy
