"""Pores: holes, cracks and other dark regions that a grain boundary's groove does not explain.

Every method takes a picture and returns labels. Only ``local`` judges darkness against the neighbourhood and is thereby
blind to shading; the others are the thresholds that the literature uses, for comparison.
"""

from collections.abc import Callable

import cv2
import numpy as np
from skimage.filters import threshold_otsu, threshold_sauvola, threshold_yen

from micro_features.images.prepare import masked_blur


def local(
    image: np.ndarray,
    valid: np.ndarray,
    *,
    sensitivity: float = 0.5,
    min_area_px: int = 12,
    window_px: float = 40.0,
    blur_px: float = 0.7,
) -> np.ndarray:
    """Regions darker than their surroundings, by local contrast with hysteresis.

    Darkness is the local mean of the solid (a first guess of the pores is left out of it) minus the grey level, in
    units of the robust standard deviation of the solid, so that brightness and gain cancel. A region is a pore where
    its darkest point exceeds ``6 * (1 - sensitivity)``; it reaches out to a third of that.

    Parameters
    ----------
    image : (rows, cols) float32 array
        Grey level, 0 to 1.
    valid : (rows, cols) bool array
        False where there is no material.
    sensitivity : float
        Between 0 (almost nothing is a pore) and 1.
    min_area_px : int
        Smaller regions are dropped, pixels.
    window_px : float
        Standard deviation of the Gaussian that defines the surroundings, pixels.
    blur_px : float
        Standard deviation of the Gaussian that suppresses noise, pixels.

    Returns
    -------
    (rows, cols) int32 array
        Labels from 1; 0 is no pore.
    """
    if not _has_contrast(image, valid):
        return np.zeros(image.shape, np.int32)
    smooth = masked_blur(image, valid, sigma_px=blur_px)
    darkness = masked_blur(smooth, valid, sigma_px=window_px) - smooth
    spread = _robust_sd(darkness[valid])
    solid = valid & (darkness < 1.5 * spread)
    darkness = masked_blur(smooth, solid, sigma_px=window_px) - smooth
    spread = _robust_sd(darkness[valid])
    if spread <= 0:
        return np.zeros(image.shape, np.int32)
    darkness /= np.float32(spread)
    high = 6.0 * (1.0 - sensitivity)
    return _labelled((darkness > high / 3) & valid, min_area_px, seeds=darkness > high)


def otsu(image: np.ndarray, valid: np.ndarray, *, min_area_px: int = 12) -> np.ndarray:
    """Pixels darker than the level that best splits the histogram in two (Otsu 1979)."""
    return _global(image, valid, threshold_otsu, min_area_px)


def yen(image: np.ndarray, valid: np.ndarray, *, min_area_px: int = 12) -> np.ndarray:
    """Pixels darker than the level of maximum correlation (Yen, Chang and Chang 1995)."""
    return _global(image, valid, threshold_yen, min_area_px)


def sauvola(image: np.ndarray, valid: np.ndarray, *, min_area_px: int = 12, window_px: float = 40.0) -> np.ndarray:
    """Pixels darker than a level that follows local mean and standard deviation (Sauvola and Pietikäinen 2000)."""
    if not _has_contrast(image, valid):
        return np.zeros(image.shape, np.int32)
    filled = np.where(valid, image, np.float32(image[valid].mean()))
    level = threshold_sauvola(filled, window_size=2 * int(window_px) + 1)
    return _labelled((image < level) & valid, min_area_px)


def fixed(image: np.ndarray, valid: np.ndarray, *, level: float = 0.25, min_area_px: int = 12) -> np.ndarray:
    """Pixels darker than a grey level between 0 (black) and 1 (white)."""
    return _labelled((image < level) & valid, min_area_px)


PORE_METHODS: dict[str, Callable[..., np.ndarray]] = {
    "local": local,
    "otsu": otsu,
    "yen": yen,
    "sauvola": sauvola,
    "fixed": fixed,
}


def _has_contrast(image: np.ndarray, valid: np.ndarray) -> bool:
    return bool(valid.any()) and float(np.ptp(image[valid])) > 0


def _robust_sd(values: np.ndarray) -> float:
    sample = values[:: max(1, values.size // 100_000)]
    return 1.4826 * float(np.median(np.abs(sample - np.median(sample))))


def _global(
    image: np.ndarray, valid: np.ndarray, threshold: Callable[[np.ndarray], float], min_area_px: int
) -> np.ndarray:
    if not _has_contrast(image, valid):
        return np.zeros(image.shape, np.int32)
    return _labelled((image <= threshold(image[valid])) & valid, min_area_px)


def _labelled(mask: np.ndarray, min_area_px: int, seeds: np.ndarray | None = None) -> np.ndarray:
    """Labels of the 8-connected regions that are large enough and, if `seeds` are given, hold one."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= min_area_px
    if seeds is not None:
        keep &= np.bincount(labels[seeds], minlength=count) > 0
    keep[0] = False
    return np.where(keep, np.cumsum(keep), 0).astype(np.int32)[labels]
