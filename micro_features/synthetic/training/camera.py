"""What microscope, camera and file make of a signal: blur, shading, noise, sharpening, gain, tone, JPEG."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from micro_features.synthetic.picture.scan import smooth_field


@dataclass(frozen=True)
class Camera:
    """How a picture was taken.

    Attributes
    ----------
    blur_px : float
        Standard deviation of beam or lens, pixels.
    noise : float
        Standard deviation of noise at mid grey, as a share of full scale.
    shot : float
        Share of the noise's variance that grows with the signal, 0 to 1.
    noise_blur_px : float
        Noise of a resampled or slowly scanned picture is itself blurred: standard deviation, pixels.
    shading : float
        Standard deviation of slow brightness change, as a share of full scale.
    contrast, brightness, gamma : float
        Gain about mid grey, offset, tone curve; what leaves 0..1 is saturated.
    sharpening : float
        Weight of an unsharp mask, as software and people apply it; it draws halos.
    jpeg : int or None
        Quality; None leaves the picture uncompressed.
    inverted : bool
    """

    blur_px: float
    noise: float
    shot: float
    noise_blur_px: float
    shading: float
    contrast: float
    brightness: float
    gamma: float
    sharpening: float
    jpeg: int | None
    inverted: bool


def photographed(rng: np.random.Generator, signal: np.ndarray, camera: Camera) -> np.ndarray:
    """Take a picture: (rows, cols) float32, 0 to 1 in steps of 8 bits."""
    picture = ndimage.gaussian_filter(signal, camera.blur_px)
    picture = picture + camera.shading * smooth_field(rng, signal.shape, length_px=0.7 * max(signal.shape))
    spread = np.sqrt(1 - camera.shot + camera.shot * 2 * np.clip(picture, 0.02, None))
    picture = picture + camera.noise * spread * _grain(rng, signal.shape, camera.noise_blur_px)
    picture = picture + camera.sharpening * (picture - ndimage.gaussian_filter(picture, 2.0))
    picture = np.clip(0.5 + camera.contrast * (picture - 0.5) + camera.brightness, 0, 1) ** camera.gamma
    if camera.inverted:
        picture = 1 - picture
    levels = np.rint(255 * picture).astype(np.uint8)
    if camera.jpeg is not None:
        _, stream = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, camera.jpeg])
        levels = cv2.imdecode(stream, cv2.IMREAD_GRAYSCALE)
    return (levels / np.float32(255)).astype(np.float32)


def _grain(rng: np.random.Generator, shape: tuple[int, int], blur_px: float) -> np.ndarray:
    """Noise of unit standard deviation."""
    white = ndimage.gaussian_filter(rng.standard_normal(shape), blur_px)
    return white / white.std()
