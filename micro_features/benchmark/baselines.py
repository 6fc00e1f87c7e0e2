"""Textbook segmentations, to stand beside ours: each as tutorials of scikit-image, SciPy or ImageJ do it.

Parameters are fixed, one set for all pictures. They were chosen once, by hand, so that each method does about as well
as it can on an annotated film and two steels together, or on a ceramic with pores. Boundaries are taken to be darker
than grains, pores darker than the solid.
"""

from collections.abc import Callable

import numpy as np
from scipy import ndimage
from skimage.filters import gaussian, sobel, threshold_local, threshold_otsu, threshold_sauvola, threshold_triangle
from skimage.measure import label
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import watershed

Baseline = Callable[[np.ndarray], np.ndarray]
"""From a (rows, cols) float32 picture, 0 black to 1 white, to (rows, cols) integer labels; 0 is background."""

NOISE_PX = {"grains": 2.0, "pores": 1.0}  # standard deviation of the Gaussian that smooths
WINDOW_PX = 151  # odd, as the windows of scikit-image are


def threshold_and_distance(image: np.ndarray, *, offset: float = 0.04, depth_px: float = 4.0) -> np.ndarray:
    """Local threshold, then watershed of the distance to what is dark, from every peak higher than `depth_px`."""
    smooth = gaussian(image, NOISE_PX["grains"])
    bright = smooth > threshold_local(smooth, WINDOW_PX, offset=offset)
    distance = gaussian(ndimage.distance_transform_edt(bright), 1)
    return watershed(-distance, _maxima(distance, depth_px))


def gradient(image: np.ndarray, *, depth: float = 0.02) -> np.ndarray:
    """Watershed of the Sobel gradient, from every minimum deeper than `depth`."""
    slope = sobel(gaussian(image, NOISE_PX["grains"]))
    return watershed(slope, _maxima(-slope, depth))


def find_maxima(image: np.ndarray, *, prominence: float = 0.04) -> np.ndarray:
    """As ImageJ's Find Maxima with segmented particles: watershed of grey level, from every peak that stands out."""
    smooth = gaussian(image, 1.5 * NOISE_PX["grains"])
    return watershed(-smooth, _maxima(smooth, prominence))


def otsu(image: np.ndarray) -> np.ndarray:
    """Darker than Otsu's threshold of the whole picture."""
    smooth = gaussian(image, NOISE_PX["pores"])
    return label(smooth < threshold_otsu(smooth))


def triangle(image: np.ndarray) -> np.ndarray:
    """Darker than the triangle threshold of the smoothed picture."""
    smooth = gaussian(image, NOISE_PX["pores"])
    return label(smooth < threshold_triangle(smooth))


def sauvola(image: np.ndarray) -> np.ndarray:
    """Darker than Sauvola's threshold of the neighbourhood."""
    smooth = gaussian(image, NOISE_PX["pores"])
    return label(smooth < threshold_sauvola(smooth, WINDOW_PX, k=0.1))


BASELINES: dict[str, dict[str, Baseline]] = {
    "grains": {
        "local threshold, distance": threshold_and_distance,
        "gradient watershed": gradient,
        "find maxima": find_maxima,
    },
    "pores": {"Otsu": otsu, "triangle": triangle, "Sauvola": sauvola},
}


def _maxima(height: np.ndarray, prominence: float) -> np.ndarray:
    """Numbered maxima that rise by `prominence` above the way to a higher one (h-maxima)."""
    return label(local_maxima(reconstruction(height - prominence, height)))
