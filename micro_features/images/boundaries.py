"""How strongly a pixel looks like a grain boundary: dark grooves, bright rims and steps of grey level."""

import cv2
import numpy as np

SIGMAS_PX = (1.0, 1.5, 2.2)


def boundary_strength(
    flat: np.ndarray, valid: np.ndarray, *, rim_weight: float = 0.3, step_weight: float = 0.3
) -> np.ndarray:
    """Evidence for a grain boundary at each pixel.

    At each of three scales: the largest eigenvalue of the Hessian (a dark ridge, such as a groove), minus the smallest
    (a bright ridge, such as a rim that charges) and the length of the gradient (a step between two grains), each
    normalised by its scale. The strongest scale counts. The weighted sum r is brought to 0..1 by r / (1 + r).

    Parameters
    ----------
    flat : (rows, cols) float32 array
        Flattened picture: about unit local standard deviation.
    valid : (rows, cols) bool array
    rim_weight, step_weight : float
        Weights beside that of dark ridges, which is 1.

    Returns
    -------
    (rows, cols) float32 array
        0 to 1; 0 where not valid.

    References
    ----------
    Lindeberg, Edge detection and ridge detection with automatic scale selection, International Journal of Computer
    Vision 30 (1998) 117-156.
    """
    filled = flat * valid
    groove = np.zeros_like(filled)
    rim = np.zeros_like(filled)
    step = np.zeros_like(filled)
    for sigma in SIGMAS_PX:
        smooth = cv2.GaussianBlur(filled, (0, 0), sigma)
        xx = cv2.Sobel(smooth, cv2.CV_32F, 2, 0, ksize=3, scale=sigma**2 / 4)
        yy = cv2.Sobel(smooth, cv2.CV_32F, 0, 2, ksize=3, scale=sigma**2 / 4)
        xy = cv2.Sobel(smooth, cv2.CV_32F, 1, 1, ksize=3, scale=sigma**2 / 4)
        x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3, scale=sigma / 8)
        y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3, scale=sigma / 8)
        mean_curvature = (xx + yy) / 2
        deviator = cv2.magnitude((xx - yy) / 2, xy)
        cv2.max(groove, deviator + mean_curvature, dst=groove)
        cv2.max(rim, deviator - mean_curvature, dst=rim)
        cv2.max(step, cv2.magnitude(x, y), dst=step)
    response = groove + np.float32(rim_weight) * rim + np.float32(step_weight) * step
    return response / (1 + response) * valid
