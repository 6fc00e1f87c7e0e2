"""What a reader must know before trusting a row: is the picture sharp and whole, and are its grains resolved?

A watershed finds basins in anything: in noise, in fracture relief, in a heap of grains of two pixels; the basins are
then as wide as its smallest filter allows, which may well be more pixels than one would ask of a grain. So size alone
does not tell grains from basins. The calm inside of a grain does: a boundary is a thin line round an area without
boundaries, while in relief and noise strength falls off evenly from the rim of a basin to its middle.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from micro_features.features.greyfield import FEWEST_PIXELS, away_from_mask, quantiles

CALM = 0.45
"""A grain is calm when boundary strength inside is below this share of that on its rim.

In basins of Gaussian random relief of any scale, of white and 1/f noise, and of real pictures with scrambled phases,
hardly any area is calm; on fracture surfaces mostly below 0.3 of it, on sections with visible grains above 0.8.
"""

_EDGE_REACH = 9
_STRIP = 128


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
        "Grains span enough pixels, enough of them lie whole in the picture, enough of their area is calm, and "
        "their segmentation can be trusted enough; the limits are settings. Grain measurements are empty otherwise.",
    ),
    QualityColumn("quality_pixels_across_grain", "px", "Mean equivalent-circle diameter of what was found as grains."),
    QualityColumn("quality_whole_grains", "1", "Grains that touch neither the frame nor a masked part."),
    QualityColumn(
        "quality_calm_grain_share",
        "1",
        "Share of the grain area in grains inside which boundary strength is less than 0.45 of that on "
        "their rim: near 1 for grains, near 0 for basins of relief or noise.",
    ),
    QualityColumn(
        "quality_grain_dependence",
        "1",
        "Method watershed: how much the number of grains depends on the merge level: 0 not at all, 1 as in texture "
        "without grains.",
    ),
    QualityColumn(
        "quality_segmentation_confidence",
        "1",
        "F1 of the grains (intersection over union 0.5) that is to be expected, by what was seen on drawn pictures of "
        "known truth at the default merge levels: from the stability of the grains; with method watershed from their "
        "dependence. Scatter about 0.1.",
    ),
    QualityColumn(
        "quality_grain_stability",
        "1",
        "Mean over the grains of how far each stays the same at other merge levels: 1 where all do.",
    ),
    QualityColumn(
        "quality_method_agreement",
        "1",
        "F1 of the grains against those that mean boundary strength finds at the same scale; empty for that method.",
    ),
    QualityColumn("quality_grain_number_low", "1", "Fewest grains at those other merge levels, over the number found."),
    QualityColumn("quality_grain_number_high", "1", "Most grains at those levels, over the number found."),
    QualityColumn(
        "quality_boundary_length_low",
        "1",
        "Least length of boundary at those levels, over that found: so far S_V and boundary length may fall, and mean "
        "intercepts rise, with the choice of the level.",
    ),
    QualityColumn("quality_boundary_length_high", "1", "Largest length of boundary at those levels, over that found."),
    QualityColumn(
        "quality_pore_area_low",
        "1",
        "Area of the pores that are left where the odds of a pore must be 7/3 times as large, over that found: so far "
        "porosity hangs on what counts as dark enough. Empty for other methods than classified.",
    ),
    QualityColumn("quality_pore_area_high", "1", "The same where odds 7/3 times as small are enough."),
    QualityColumn(
        "quality_sharpness",
        "1",
        "1 / (1 + s^2), s the blur of the strongest edges in px (standard deviation): 1 for perfect steps, 0.5 for a "
        "blur of 1 px; above 1 where lines and dots are thinner than that.",
    ),
    QualityColumn(
        "quality_noise",
        "1",
        "Standard deviation of pixel noise over that of the structure; a lower bound where noise is correlated.",
    ),
    QualityColumn(
        "quality_brightness",
        "1",
        "Median grey level of the valid part, 0 black to 1 white: it tells of the operator before the material.",
    ),
    QualityColumn(
        "quality_contrast",
        "1",
        "Standard deviation of the grey levels of the valid part, as a share of full scale: likewise.",
    ),
    QualityColumn(
        "quality_saturated_share", "1", "Share of the valid pixels that are black (0) or white (full scale)."
    ),
    QualityColumn("quality_measured_share", "1", "Share of the frame that is valid: not data bar, not burned-in text."),
    QualityColumn("quality_flat", "bool", "The valid part is of one colour, or nothing is valid: nothing to measure."),
)


def quality_features(
    image: np.ndarray,
    valid: np.ndarray,
    grains: np.ndarray,
    *,
    boundary: np.ndarray,
    min_pixels_across_grain: float,
    min_whole_grains: int,
    min_calm_share: float,
    grain_dependence: float,
    confidence: float,
    min_confidence: float,
    stability: np.ndarray,
    agreement: float,
    count_range: tuple[float, float],
    boundary_range: tuple[float, float],
    pore_area_range: tuple[float, float],
) -> dict[str, float | int | bool]:
    """Measure `QUALITY_COLUMNS`.

    Parameters
    ----------
    image : (rows, cols) float32 array
        Grey level, 0 black to 1 white (full scale).
    valid : (rows, cols) bool array
        What `image` holds where this is False has no influence.
    grains : (rows, cols) int32 array
        Labels from 1, 0 is background.
    boundary : (rows, cols) float32 array
        Strength of evidence for a grain boundary, 0 to 1.
    grain_dependence : float
        How much the number of grains depends on the merge level; NaN is taken as not known, which does not count
        against them.
    confidence : float
        F1 that is to be expected of the grains; NaN does not count against them.
    stability : (number of grains + 1,) array
        Of each grain label; empty where not known, NaN for grains whose shape was changed by hand.
    agreement : float
        F1 of the grains against those of a second method, or NaN.
    count_range, boundary_range : (low, high)
        Number of grains and length of boundary at other merge levels, over those found.
    pore_area_range : (low, high)
        Area of pores at other thresholds, over that found.
    min_pixels_across_grain, min_whole_grains, min_calm_share, min_confidence : float
        What resolved grains must reach.

    Returns
    -------
    dict
        Name to value, in the order of `QUALITY_COLUMNS`; NaN where a measure does not exist.
    """
    flat = is_flat(image, valid)
    grains = np.where(valid, grains, 0)
    area = np.bincount(grains.ravel())[1:]
    at_edge = grains[cv2.erode(valid.view(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) == 0]
    cut = np.bincount(at_edge, minlength=len(area) + 1)[1:] > 0
    across = float(np.sqrt(4 / np.pi * area[area > 0]).mean()) if area.any() else np.nan
    whole = int(np.count_nonzero((area > 0) & ~cut))
    calm = calm_share(grains, boundary)
    noise, structure = (np.nan, np.nan) if flat else noise_and_structure(image, valid)
    brightness, contrast = brightness_and_contrast(image, valid)
    known = stability[1:][np.isfinite(stability[1:])]
    return {
        "quality_grains_resolved": bool(
            not flat
            and across >= min_pixels_across_grain
            and whole >= min_whole_grains
            and calm >= min_calm_share
            and not confidence < min_confidence
        ),
        "quality_pixels_across_grain": across,
        "quality_whole_grains": whole,
        "quality_calm_grain_share": calm,
        "quality_grain_dependence": grain_dependence,
        "quality_segmentation_confidence": confidence,
        "quality_grain_stability": float(np.mean(known)) if len(known) else np.nan,
        "quality_method_agreement": agreement,
        "quality_grain_number_low": count_range[0],
        "quality_grain_number_high": count_range[1],
        "quality_boundary_length_low": boundary_range[0],
        "quality_boundary_length_high": boundary_range[1],
        "quality_pore_area_low": pore_area_range[0],
        "quality_pore_area_high": pore_area_range[1],
        "quality_sharpness": np.nan if flat else sharpness(image, valid, noise=noise),
        "quality_noise": noise / structure if structure > 0 else np.nan,
        "quality_brightness": brightness,
        "quality_contrast": contrast,
        "quality_saturated_share": saturated_share(image, valid),
        "quality_measured_share": float(np.count_nonzero(valid) / valid.size),
        "quality_flat": flat,
    }


def calm_share(grains: np.ndarray, boundary: np.ndarray) -> float:
    """Share of the grain area that lies in calm grains.

    A grain is calm when the mean of `boundary` inside it, weighted by the squared distance from its rim, is below
    `CALM` times the mean on its rim, the pixels that share an edge with another label, background included: dark
    boundaries are often found as pores.

    Parameters
    ----------
    grains : (rows, cols) int32 array
        Labels from 1, 0 is background. Grains may touch.
    boundary : (rows, cols) float32 array
        Strength of evidence for a grain boundary; only ratios count.

    Returns
    -------
    float
        0 to 1; NaN without grains.
    """
    if not grains.any():
        return np.nan
    inner = np.ones(grains.shape, bool)
    for label, inside in ((grains, inner), (grains.T, inner.T)):
        same = label[:-1] == label[1:]
        inside[:-1] &= same
        inside[1:] &= same
    rim = np.flatnonzero(~inner)
    if rim.size == 0:
        return 0.0
    depth = cv2.distanceTransform(inner.view(np.uint8), cv2.DIST_L2, 3)
    n = int(grains.max(initial=0)) + 1
    # Every second row and column speaks for the inside.
    label, strength, depth = (a[::2, ::2].ravel() for a in (grains, boundary, depth))
    weight = depth * depth
    rim_label, rim_strength = grains.ravel()[rim], boundary.ravel()[rim]

    def total(label: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(label, weight, n)[1:].astype(float)

    area = total(label)
    # Where there is no rim or no inside, both sums are 0 and the grain is not calm.
    inside = total(label, weight * strength) * total(rim_label)
    on_rim = total(rim_label, rim_strength) * total(label, weight)
    return float(area[inside < CALM * on_rim].sum() / max(area.sum(), 1))


def is_flat(image: np.ndarray, valid: np.ndarray) -> bool:
    """Whether the valid part is of one colour, or nothing is valid."""
    if not valid.any():
        return True
    low, high, *_ = cv2.minMaxLoc(image, mask=valid.view(np.uint8))
    return bool(low == high)


def brightness_and_contrast(image: np.ndarray, valid: np.ndarray) -> tuple[float, float]:
    """Median and standard deviation of the valid grey levels; NaN when nothing is valid."""
    if not valid.any():
        return np.nan, np.nan
    _, deviation = cv2.meanStdDev(image, mask=valid.view(np.uint8))
    return float(quantiles(image[valid], (0.5,))[0]), float(deviation[0, 0])


def saturated_share(image: np.ndarray, valid: np.ndarray) -> float:
    """Share of the valid pixels at 0 or at full scale, 1; NaN when nothing is valid."""
    n = np.count_nonzero(valid)
    return float(np.count_nonzero(((image <= 0) | (image >= 1)) & valid) / n) if n else np.nan


def noise_and_structure(image: np.ndarray, valid: np.ndarray) -> tuple[float, float]:
    """Standard deviations of pixel noise and of what is left, in grey levels.

    Noise that is independent from pixel to pixel adds to the autocovariance at lag 0 only. What the structure has
    there is extrapolated from lags 1 and 2 along rows and columns, linearly, which leaves too little noise rather than
    too much where structure is smooth (Thong, Sim and Phang 2001, doi 10.1002/sca.4950230506).
    """
    grey = _filled(image, valid)
    at_0, at_1, at_2 = (_autocovariance(grey, valid, lag) for lag in (0, 1, 2))
    structure = min(at_0, at_1 + max(at_1 - at_2, 0.0))
    return float(np.sqrt(at_0 - structure)), float(np.sqrt(max(structure, 0.0)))


def sharpness(image: np.ndarray, valid: np.ndarray, *, noise: float) -> float:
    """Sharpness of the strongest edges, 1 / (1 + s^2) with s their blur in pixels.

    A step of blur s has, after another blur of sigma, a gradient whose profile is a Gaussian of variance
    v = sigma^2 + s^2 and height proportional to 1 / sqrt(v). With f and g the squared gradients for sigma 1 and 2 and
    q = (4 + s^2) / (1 + s^2), integrals across the step stand as R = sum(f g) / sum(g g) = q sqrt(2 / (1 + q)), which
    is solved for q; then (q - 1) / 3 = 1 / (1 + s^2). The weight g lets strong edges speak, without a threshold.
    What noise adds to a squared gradient, noise^2 / (4 pi sigma^4), is taken off first.

    Parameters
    ----------
    image, valid : (rows, cols) arrays, float32 and bool
    noise : float
        Standard deviation of pixel noise, grey levels.

    Returns
    -------
    float
        NaN where too little is valid or nothing stands out of the noise.
    """
    inside = away_from_mask(valid.view(np.uint8), _EDGE_REACH)
    if np.count_nonzero(inside) < FEWEST_PIXELS:
        return np.nan
    grey = _filled(image, valid)
    product = weight = 0.0
    # Strips of rows stay in the processor's cache.
    for first in range(0, len(grey), _STRIP):
        start = max(first - _EDGE_REACH, 0)
        here = slice(first - start, first - start + _STRIP)
        strip = grey[start : first + _STRIP + _EDGE_REACH]
        fine, coarse = (
            _squared_gradient(strip, sigma)[here] - np.float32(noise**2 / (4 * np.pi * sigma**4)) for sigma in (1, 2)
        )
        coarse *= inside[first : first + _STRIP]
        product += float(np.vdot(fine, coarse))
        weight += float(np.vdot(coarse, coarse))
    if not weight > 0:
        return np.nan
    squared = (product / weight) ** 2
    return float((squared + np.sqrt(squared * (squared + 8))) / 4 - 1) / 3


def _filled(image: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Grey levels about their mean over the valid part; 0 elsewhere."""
    mean = np.float32(cv2.mean(image, valid.view(np.uint8))[0])
    return np.where(valid, image - mean, np.float32(0))


def _autocovariance(grey: np.ndarray, valid: np.ndarray, lag: int) -> float:
    """Mean product of pixels `lag` apart along rows and columns; `grey` is 0 where not valid."""
    total = pairs = 0.0
    for g, v in ((grey, valid), (grey.T, valid.T)):
        n = len(g) - lag
        total += float(np.einsum("ij,ij->", g[:n], g[lag:]))
        pairs += np.count_nonzero(v[:n] & v[lag:])
    return total / pairs if pairs else 0.0


def _squared_gradient(grey: np.ndarray, sigma: float) -> np.ndarray:
    """Squared gradient after a blur, by derivatives of a Gaussian."""
    x = np.arange(-int(4 * sigma), int(4 * sigma) + 1)
    smooth = np.exp(-(x**2) / (2 * sigma**2))
    smooth /= smooth.sum()
    slope = x / sigma**2 * smooth
    dx, dy = (
        cv2.sepFilter2D(grey, cv2.CV_32F, along_cols, along_rows, borderType=cv2.BORDER_REFLECT)
        for along_cols, along_rows in ((slope, smooth), (smooth, slope))
    )
    return dx * dx + dy * dy
