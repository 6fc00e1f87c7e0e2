"""Illumination and noise: what a picture would look like under even light.

Everything here is a masked (normalised) convolution: pixels where `valid` is False have no weight, so that a data bar
or burned-in text does not bleed into the material beside it.
"""

import cv2
import numpy as np


def masked_blur(image: np.ndarray, valid: np.ndarray, *, sigma_px: float) -> np.ndarray:
    """Gaussian mean of the valid pixels around each pixel: suppresses noise, or finds the slow background.

    Parameters
    ----------
    image : (rows, cols) float32 array
    valid : (rows, cols) bool array
    sigma_px : float
        Standard deviation of the Gaussian, pixels. Wide ones are computed on a shrunk picture: the result is smooth.

    Returns
    -------
    (rows, cols) float32 array
        The overall mean where no valid pixel is near.
    """
    weight = valid.astype(np.float32)
    return _normalised(image * weight, weight, sigma_px)


def background(image: np.ndarray, solid: np.ndarray, *, sigma_px: float) -> np.ndarray:
    """Slow background: the plane that fits the solid pixels around each pixel best, taken at that pixel.

    A plane follows shading right up to the frame and across what is left out, where a mean would lag behind.

    Parameters
    ----------
    image : (rows, cols) float32 array
    solid : (rows, cols) bool array
        Pixels that count.
    sigma_px : float
        Standard deviation of the Gaussian weight around each pixel.

    Returns
    -------
    (rows, cols) float32 array
        The overall mean where no solid pixel is near.

    References
    ----------
    Cleveland and Devlin, Locally weighted regression, Journal of the American Statistical Association 83 (1988)
    596-610.
    """
    rows, cols = image.shape
    shrink = max(1, int(sigma_px / 4))
    size = (-(-cols // shrink), -(-rows // shrink))
    weight = cv2.resize(solid.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    value = cv2.resize(image * solid, size, interpolation=cv2.INTER_AREA)
    overall = float(value.sum()) / max(float(weight.sum()), 1e-9)
    value -= np.float32(overall) * weight
    sigma = sigma_px / shrink
    # Coordinates in units of sigma, and every moment below about the pixel itself.
    y, x = (np.mgrid[: size[1], : size[0]] / sigma).astype(np.float32)

    def blur(array: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(array.astype(np.float32), (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)

    total = blur(weight)
    inverse = 1 / np.maximum(total, 1e-4)
    mx, my, mean = blur(weight * x) * inverse, blur(weight * y) * inverse, blur(value) * inverse
    # A hint of a flat prior keeps the plane from tilting where solid is found on one line only.
    xx = blur(weight * x * x) * inverse - mx * mx + 0.002
    yy = blur(weight * y * y) * inverse - my * my + 0.002
    xy = blur(weight * x * y) * inverse - mx * my
    xv = blur(value * x) * inverse - mx * mean
    yv = blur(value * y) * inverse - my * mean
    determinant = xx * yy - xy * xy
    slope_x, slope_y = (yy * xv - xy * yv) / determinant, (xx * yv - xy * xv) / determinant
    plane = mean + slope_x * (x - mx) + slope_y * (y - my)
    plane = np.where(total > 1e-4, plane, np.float32(0)) + np.float32(overall)
    return cv2.resize(plane, (cols, rows), interpolation=cv2.INTER_LINEAR)


def flatten(image: np.ndarray, valid: np.ndarray, *, window_px: float) -> np.ndarray:
    """Grey levels as deviations from the local mean, in units of the local standard deviation.

    The result does not change when the picture is made brighter or its gain is turned up (a * image + b, a > 0), nor
    under shading that is slow against the window.

    Parameters
    ----------
    image : (rows, cols) float32 array
        Grey level.
    valid : (rows, cols) bool array
        False where there is no material; such pixels count for nothing and come back as 0.
    window_px : float
        Standard deviation of the Gaussian over which light and contrast are taken as even, pixels.

    Returns
    -------
    (rows, cols) float32 array
        About zero mean and unit standard deviation; all 0 for a picture of one grey level.
    """
    if not valid.any():
        return np.zeros(image.shape, np.float32)
    middle, overall = (float(x[0, 0]) for x in cv2.meanStdDev(image, mask=valid.view(np.uint8)))
    if overall <= 1e-6:
        return np.zeros(image.shape, np.float32)
    weight = valid.astype(np.float32)
    # Centred first: the difference of two large numbers would lose a small variance.
    centred = (image - np.float32(middle)) * weight
    mean = _normalised(centred, weight, window_px)
    variance = np.maximum(_normalised(centred * centred, weight, window_px) - mean * mean, 0)
    # Smooth patches keep some of the overall contrast as divisor: their noise is not blown up into structure.
    return weight * (centred - mean) / np.sqrt(variance + np.float32((0.25 * overall) ** 2))


def _normalised(weighted: np.ndarray, weight: np.ndarray, sigma_px: float) -> np.ndarray:
    """Blur of `weighted` over blur of `weight`; the overall mean where no weight is near."""
    rows, cols = weight.shape
    shrink = max(1, int(sigma_px / 2))
    if shrink > 1:
        size = (-(-cols // shrink), -(-rows // shrink))
        weighted = cv2.resize(weighted, size, interpolation=cv2.INTER_AREA)
        weight = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    sigma = sigma_px / shrink
    # Nothing beyond the frame has weight, as nothing under the mask has.
    total = cv2.GaussianBlur(weighted, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    share = cv2.GaussianBlur(weight, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    mean = total / np.maximum(share, np.float32(1e-4))
    if float(share.min()) < 1e-4:
        overall = float(weighted.sum()) / max(float(weight.sum()), 1e-9)
        mean[share < 1e-4] = overall
    return cv2.resize(mean, (cols, rows), interpolation=cv2.INTER_LINEAR) if shrink > 1 else mean
