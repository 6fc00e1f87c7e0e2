"""How strongly a pixel looks like a grain boundary: dark grooves, bright rims and steps of grey level."""

from typing import NamedTuple

import cv2
import numpy as np

SIGMAS_PX = (1.2, 2.0)
# A step of height h has a response of 0.4 h, a groove of depth h one of up to 0.7 h; but a groove lifts its picture's
# standard deviation, the unit of h, far less than steps between whole grains do.
STEP_GAIN = 3.0
# Rough surfaces alone make dark and bright ridges differ by up to so much; etched or charging boundaries, by a quarter
# and more, which leaves the other cues a weight of 0.2 and less.
EVEN = 1.15
SHARPNESS = 20.0


class CueWeights(NamedTuple):
    """Share that each cue has in the boundary strength, 0 to 1."""

    groove: float
    rim: float
    step: float


def boundary_strength(flat: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, CueWeights]:
    """Evidence for a grain boundary at each pixel.

    At each of two scales: the largest eigenvalue of the Hessian (a dark ridge, such as a groove), minus the smallest (a
    bright ridge, such as a rim that charges) and the length of the gradient (a step between two grains), each
    normalised by its scale. The strongest scale counts, then the strongest cue, each cue by the weight that the picture
    itself gives it (`cue_weights`). The result r is brought to 0..1 by r / (1 + r).

    Parameters
    ----------
    flat : (rows, cols) float32 array
        Flattened picture: about unit local standard deviation, 0 where not valid.
    valid : (rows, cols) bool array

    Returns
    -------
    strength : (rows, cols) float32 array
        0 to 1; 0 where not valid.
    weights : CueWeights

    References
    ----------
    Lindeberg, Edge detection and ridge detection with automatic scale selection, International Journal of Computer
    Vision 30 (1998) 117-156.
    """
    groove = np.zeros_like(flat)
    rim = np.zeros_like(flat)
    step = np.zeros_like(flat)
    for sigma in SIGMAS_PX:
        smooth = cv2.GaussianBlur(flat, (0, 0), sigma)
        dark, bright = ridges(smooth, sigma_px=sigma)
        cv2.max(groove, dark, dst=groove)
        cv2.max(rim, bright, dst=rim)
        cv2.max(step, cv2.magnitude(*slopes(smooth, sigma_px=sigma)), dst=step)
    weights = cue_weights(groove, rim, valid)
    groove *= np.float32(weights.groove)
    rim *= np.float32(weights.rim)
    step *= np.float32(weights.step * STEP_GAIN)
    strongest = cv2.max(cv2.max(groove, rim, dst=groove), step, dst=groove)
    strength = strongest / (1 + strongest)
    strength[~valid] = 0
    return strength, weights


def ridges(smooth: np.ndarray, *, sigma_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Strength of dark and of bright ridges: the largest eigenvalue of the Hessian, and minus the smallest.

    Parameters
    ----------
    smooth : (rows, cols) float32 array
        A picture after a Gaussian of `sigma_px`, by whose square the eigenvalues are normalised.

    Returns
    -------
    dark, bright : (rows, cols) float32 array
    """
    # The two eigenvalues are mean -+ deviator; Sobel's 3 x 3 second derivatives carry a gain of 4.
    xx = cv2.Sobel(smooth, cv2.CV_32F, 2, 0, ksize=3, scale=sigma_px**2 / 8)
    yy = cv2.Sobel(smooth, cv2.CV_32F, 0, 2, ksize=3, scale=sigma_px**2 / 8)
    xy = cv2.Sobel(smooth, cv2.CV_32F, 1, 1, ksize=3, scale=sigma_px**2 / 4)
    deviator = cv2.magnitude(xx - yy, xy)
    mean = xx + yy
    return deviator + mean, deviator - mean


def slopes(smooth: np.ndarray, *, sigma_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Slope of a smoothed picture along columns and along rows, normalised by scale (Sobel's gain is 8)."""
    x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3, scale=sigma_px / 8)
    y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3, scale=sigma_px / 8)
    return x, y


def cue_weights(groove: np.ndarray, rim: np.ndarray, valid: np.ndarray) -> CueWeights:
    """How much each cue says about grain boundaries in this picture.

    Grooves make dark ridges stronger than bright ones, rims the other way round; steps of grey level make the two
    equal. The ratio of their 95th percentiles, at a power, is the weight of the weaker one and of steps.

    Parameters
    ----------
    groove, rim : (rows, cols) float32 array
        Strength of dark and of bright ridges.
    valid : (rows, cols) bool array

    Returns
    -------
    CueWeights
    """
    if not valid.any():
        return CueWeights(1.0, 1.0, 1.0)
    dark, bright = (_percentile_95(cue, valid) for cue in (groove, rim))
    if dark <= 0 or bright <= 0:
        return CueWeights(1.0, 1.0, 1.0)
    of_groove, of_rim = (min(1.0, EVEN * ratio) ** SHARPNESS for ratio in (dark / bright, bright / dark))
    return CueWeights(of_groove, of_rim, min(of_groove, of_rim))


def _percentile_95(values: np.ndarray, valid: np.ndarray) -> float:
    """95th percentile of the valid values, none of which is negative, to a thousandth of the largest one."""
    _, top, _, _ = cv2.minMaxLoc(values, mask=valid.view(np.uint8))
    if top <= 0:
        return 0.0
    counts = cv2.calcHist([values], [0], valid.view(np.uint8), [1000], [0, top * (1 + 1e-6)]).ravel()
    below = np.cumsum(counts)
    return float(np.interp(0.95 * below[-1], below, np.arange(1, 1001))) * top / 1000
