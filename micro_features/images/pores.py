"""Pores: holes, cracks and other dark regions that a grain boundary's groove does not explain.

Every method takes a picture and returns labels. ``local`` and ``classified`` judge darkness against the neighbourhood
and are thereby blind to shading: one by a few rules, one by a trained classifier that is handed to it. The others
are the thresholds that the literature uses, for comparison.
"""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
from skimage.filters import threshold_otsu, threshold_yen

from micro_features.images.darkness import contrast, darkness, disc, robust_sd
from micro_features.images.grooves import groove_darkness
from micro_features.images.hierarchy import Memo, made_now
from micro_features.images.pore_evidence import PoreEvidence, pore_evidence
from micro_features.images.prepare import masked_blur

# Standard deviations of the Gaussians, pixels, at which darkness is judged beside the finest: they let a pore that is
# wider than the texture around it stand out from that texture.
BLURS_PX = (2.0, 5.0)
# Blurred noise is not taken for less than this share of the unblurred.
LEAST_SPREAD = 0.5
# A blurred edge lies where darkness falls to half of the core's, found within this window; the core's is the largest
# of many noisy pixels and stands this many standard deviations too high, or belongs to a deeper neighbour.
EDGE_PX = 7
NOISE_MARGIN = 6.0
# A pore reaches out to where a pixel is pore with this share of the probability that the whole must have in the mean:
# with less than even odds at the rim, as many pixels are taken wrongly as are missed there.
OUTLINE_SHARE = 0.6
# Dark parts that are no farther apart than this, pixels, are one pore: what divides them is noise or a bridge too thin
# to see. Not what is clearly solid, though: less probable than this.
BRIDGE_PX = 4
CLEARLY_SOLID = 0.05
# Area is told for odds so many times as large and as small, too.
_RANGE_OF_ODDS = 7 / 3
# Of a pore that a classifier sees among grooves, at least this share is wider or more compact than they are (as
# `local` asks at its default sensitivity): with less, the dark boundaries of etched steel pass for pores.
SHARE_BEYOND_GROOVES = 0.4
DEFAULT_HIGH = np.float32(3.4)
# Standard deviation of the Gaussian that smooths the outline of probability, pixels.
OUTLINE_BLUR_PX = 0.7


def local(
    image: np.ndarray,
    valid: np.ndarray,
    *,
    sensitivity: float = 0.5,
    window_px: float = 50.0,
    min_area_px: int = 12,
    memo: Memo = made_now,
) -> np.ndarray:
    """Regions darker than their surroundings, by local contrast with hysteresis.

    Darkness is the background of the solid (a first guess of the pores is left out of it) minus the grey level, in
    units of its robust standard deviation over the solid, so that brightness and gain cancel. A pore holds a pixel
    whose darkness, at one of three blurs, exceeds h = ``6.8 * (1 - sensitivity)`` (a quarter more where nothing is
    averaged). It reaches out to half the darkness of its nearby core, but no further than to 0.57 h times the share of
    the standard deviation that outlives blurring: far where only pixel noise surrounds it, less far where the solid
    itself has dark facets. Where dark lines enclose grains they are grooves; only what is wider than these, or darker
    than every straight line through it, is pore there.

    Parameters
    ----------
    image : (rows, cols) float32 array
        Grey level, 0 to 1.
    valid : (rows, cols) bool array
        False where there is no material.
    sensitivity : float
        Between 0 (only the darkest holes) and below 1.
    window_px : float
        Standard deviation of the Gaussian that defines the surroundings, pixels. Pores may be much larger.
    min_area_px : int
        Smaller regions are dropped, pixels.
    memo : Memo
        Keeps the darkness of this picture.

    Returns
    -------
    (rows, cols) int32 array
        Labels from 1; 0 is no pore.
    """
    if contrast(image, valid) == 0:
        return np.zeros(image.shape, np.int32)

    def at_three_blurs() -> tuple[np.ndarray, ...]:
        dark, solid = darkness(image, valid, window_px=window_px)
        return dark, solid, *(masked_blur(dark, valid, sigma_px=sigma) for sigma in BLURS_PX)

    dark, solid, medium, coarse = memo(("darkness", window_px), at_three_blurs)
    high = 2 * DEFAULT_HIGH * np.float32(1.0 - sensitivity)
    medium_spread, coarse_spread = (max(robust_sd(blurred, solid), LEAST_SPREAD) for blurred in (medium, coarse))
    low = 0.57 * high * np.float32(medium_spread)
    # Beside a deep pore the coarse blur is dark too: a seed must not owe its darkness to a neighbour.
    seeds = (
        (dark > 1.25 * high)
        | (medium > high * medium_spread)
        | ((coarse > high * coarse_spread) & (medium > 0.8 * high * medium_spread))
    )
    near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (EDGE_PX, EDGE_PX))
    found = (dark > np.maximum((cv2.dilate(dark, near) - np.float32(NOISE_MARGIN)) / 2, low)) & valid
    found &= dark > groove_darkness(medium, valid, high=high, deep=high * medium_spread)
    # The median of 3 x 3 smooths the outline.
    return _labelled(cv2.medianBlur(found.view(np.uint8), 3).view(bool) & valid, min_area_px, seeds)


class PoreLikelihood(NamedTuple):
    """How likely pixels are pore, whatever the threshold: the dear part of `classified`.

    Attributes
    ----------
    probability, smooth : (rows, cols) float32 array
        0 to 1; smooth is blurred a little, for the outlines.
    beyond : (rows, cols) bool array
        Where darkness is more than part of a groove.
    valid : (rows, cols) bool array
    """

    probability: np.ndarray
    smooth: np.ndarray
    beyond: np.ndarray
    valid: np.ndarray


def pore_probability(
    image: np.ndarray,
    valid: np.ndarray,
    *,
    predict: Callable[[np.ndarray], np.ndarray],
    window_px: float = 50.0,
) -> np.ndarray:
    """Probability that a pixel is pore.

    Parameters
    ----------
    image : (rows, cols) float32 array
        Grey level, 0 to 1.
    valid : (rows, cols) bool array
        False where there is no material.
    predict : function from (n, number of PORE_FEATURES) float32 to (n,) float32
        Calibrated probability of each pixel that is darker than its surroundings; the others are taken as solid.
    window_px : float
        Standard deviation of the Gaussian that defines the surroundings, pixels.

    Returns
    -------
    (rows, cols) float32 array
        0 to 1.
    """
    return _probability(pore_evidence(image, valid, window_px=window_px), predict)


def classified(
    image: np.ndarray,
    valid: np.ndarray,
    *,
    predict: Callable[[np.ndarray], np.ndarray],
    threshold: float = 0.5,
    window_px: float = 50.0,
    min_area_px: int = 12,
) -> np.ndarray:
    """Regions that a classifier takes for pores, grooves left out.

    Parameters
    ----------
    image, valid, predict, window_px
        As for `pore_probability`.
    threshold : float
        A region is a pore if the mean probability of its pixels exceeds this; it reaches out to 0.6 times as much.
    min_area_px : int
        Smaller regions are dropped, pixels.

    Returns
    -------
    (rows, cols) int32 array
        Labels from 1; 0 is no pore.
    """
    likelihood = pore_likelihood(image, valid, predict=predict, window_px=window_px)
    return likely_pores(likelihood, threshold=threshold, min_area_px=min_area_px)


def pore_likelihood(
    image: np.ndarray,
    valid: np.ndarray,
    *,
    predict: Callable[[np.ndarray], np.ndarray],
    window_px: float = 50.0,
) -> PoreLikelihood:
    """What `likely_pores` cuts.

    Parameters
    ----------
    image, valid, predict, window_px
        As for `pore_probability`.

    Returns
    -------
    PoreLikelihood
    """
    evidence = pore_evidence(image, valid, window_px=window_px)
    probability = _probability(evidence, predict)
    smooth = cv2.GaussianBlur(probability, (0, 0), OUTLINE_BLUR_PX)
    return PoreLikelihood(probability, smooth, _beyond_grooves(evidence, valid), valid)


def likely_pores(likelihood: PoreLikelihood, *, threshold: float = 0.5, min_area_px: int = 12) -> np.ndarray:
    """Pores as `classified` finds them.

    Parameters
    ----------
    likelihood : PoreLikelihood
    threshold, min_area_px
        As for `classified`.

    Returns
    -------
    (rows, cols) int32 array
    """
    probability, smooth, beyond, valid = likelihood
    shown = (smooth > OUTLINE_SHARE * threshold).view(np.uint8)
    bridged = cv2.morphologyEx(shown, cv2.MORPH_CLOSE, disc(BRIDGE_PX // 2)).view(bool)
    bridged &= valid & (smooth > CLEARLY_SOLID)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(bridged.view(np.uint8), connectivity=8)
    area = stats[:, cv2.CC_STAT_AREA]
    keep = np.bincount(labels.ravel(), probability.ravel(), minlength=count) > threshold * area
    keep &= area >= min_area_px
    if keep[1:].any():
        keep &= np.bincount(labels[beyond], minlength=count) > SHARE_BEYOND_GROOVES * area
    return _kept(labels, keep)


def pore_area_range(
    likelihood: PoreLikelihood, labels: np.ndarray, *, threshold: float = 0.5, min_area_px: int = 12
) -> tuple[float, float]:
    """How far the area of pores hangs on the threshold.

    Parameters
    ----------
    likelihood : PoreLikelihood
    labels : (rows, cols) int32 array
        What `likely_pores` finds with these parameters.
    threshold, min_area_px
        As for `classified`.

    Returns
    -------
    (low, high)
        Area of pores where the odds asked for are 7/3 times as large and as small (at even odds: probabilities 0.7 and
        0.3), over that found; NaN where none are found. It held the true area in 37 of 40 drawn sections.
    """
    odds = threshold / (1 - threshold)
    others = (other / (1 + other) for other in (odds * _RANGE_OF_ODDS, odds / _RANGE_OF_ODDS))
    low, high = (
        np.count_nonzero(likely_pores(likelihood, threshold=other, min_area_px=min_area_px)) for other in others
    )
    area = np.count_nonzero(labels)
    return (min(low / area, 1.0), max(high / area, 1.0)) if area else (np.nan, np.nan)


def _probability(evidence: PoreEvidence, predict: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    probability = np.zeros(evidence.candidates.shape, np.float32)
    probability[evidence.candidates] = predict(evidence.values)
    return probability


def _beyond_grooves(evidence: PoreEvidence, valid: np.ndarray) -> np.ndarray:
    """Where darkness is more than part of a groove."""
    medium = masked_blur(evidence.dark, valid, sigma_px=BLURS_PX[0])
    spread = max(robust_sd(medium, evidence.solid), LEAST_SPREAD)
    return evidence.dark > groove_darkness(medium, valid, high=DEFAULT_HIGH, deep=DEFAULT_HIGH * np.float32(spread))


def otsu(image: np.ndarray, valid: np.ndarray, *, min_area_px: int = 12) -> np.ndarray:
    """Pixels darker than the level that best splits the histogram in two (Otsu 1979)."""
    return _global(image, valid, threshold_otsu, min_area_px)


def yen(image: np.ndarray, valid: np.ndarray, *, min_area_px: int = 12) -> np.ndarray:
    """Pixels darker than the level of maximum correlation (Yen, Chang and Chang 1995)."""
    return _global(image, valid, threshold_yen, min_area_px)


def sauvola(image: np.ndarray, valid: np.ndarray, *, window_px: float = 50.0, min_area_px: int = 12) -> np.ndarray:
    """Pixels darker than ``mean * (1 + 0.2 * (sd / half_range - 1))`` of their surroundings.

    Sauvola and Pietikäinen, Pattern Recognition 33 (2000) 225-236, with a Gaussian for the window.
    """
    if contrast(image, valid) == 0:
        return np.zeros(image.shape, np.int32)
    mean = masked_blur(image, valid, sigma_px=window_px)
    half_range = np.float32(contrast(image, valid) / 2)
    sd = np.sqrt(np.maximum(masked_blur(image * image, valid, sigma_px=window_px) - mean * mean, 0))
    level = mean * (1 + 0.2 * (sd / half_range - 1))
    return _labelled((image < level) & valid, min_area_px)


def fixed(image: np.ndarray, valid: np.ndarray, *, level: float = 0.25, min_area_px: int = 12) -> np.ndarray:
    """Pixels darker than a grey level between 0 (black) and 1 (white)."""
    return _labelled((image < level) & valid, min_area_px)


PORE_METHODS: dict[str, Callable[..., np.ndarray]] = {
    "classified": classified,
    "local": local,
    "otsu": otsu,
    "yen": yen,
    "sauvola": sauvola,
    "fixed": fixed,
}


def _global(
    image: np.ndarray, valid: np.ndarray, threshold: Callable[[np.ndarray], float], min_area_px: int
) -> np.ndarray:
    if contrast(image, valid) == 0:
        return np.zeros(image.shape, np.int32)
    return _labelled((image <= threshold(image[valid])) & valid, min_area_px)


def _labelled(mask: np.ndarray, min_area_px: int, seeds: np.ndarray | None = None) -> np.ndarray:
    """Labels of the 8-connected regions that are large enough and, if `seeds` are given, hold one."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= min_area_px
    if seeds is not None:
        keep &= np.bincount(labels[seeds], minlength=count) > 0
    return _kept(labels, keep)


def _kept(labels: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Labels anew from 1 of the regions to keep, one bool each; 0 stays background."""
    keep[0] = False
    return np.where(keep, np.cumsum(keep), 0).astype(np.int32)[labels]
