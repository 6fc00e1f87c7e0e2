"""How much darker a pixel is than the solid around it, in a unit that brightness and gain do not change."""

import cv2
import numpy as np

from micro_features.images.prepare import background, masked_blur

# Standard deviation of the Gaussian that suppresses pixel noise, pixels.
FINEST_BLUR_PX = 0.7


def contrast(image: np.ndarray, valid: np.ndarray) -> float:
    """Brightest minus darkest valid grey level; 0 where nothing is valid."""
    darkest, brightest, _, _ = cv2.minMaxLoc(image, mask=valid.view(np.uint8))
    return float(brightest - darkest)


def robust_sd(values: np.ndarray, where: np.ndarray) -> float:
    """Standard deviation from the median absolute deviation of a sample of at most about 50 000 values."""
    stride = max(1, int((values.size / 50_000) ** 0.5))
    sample = values[::stride, ::stride][where[::stride, ::stride]]
    if sample.size == 0:
        return 0.0
    return 1.4826 * float(np.median(np.abs(sample - np.median(sample))))


def darkness(image: np.ndarray, valid: np.ndarray, *, window_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Background of the solid minus grey level, in robust standard deviations over the solid.

    Parameters
    ----------
    image : (rows, cols) float32 array
        Grey level, 0 to 1.
    valid : (rows, cols) bool array
        False where there is no material.
    window_px : float
        Standard deviation of the Gaussian that defines the surroundings, pixels. Dark regions may be much larger.

    Returns
    -------
    darkness : (rows, cols) float32 array
        Above 0 where darker than the solid around; 0 everywhere if there is one grey level only.
    solid : (rows, cols) bool array
        Valid, and neither dark nor bright: within three standard deviations.
    """
    # A drawing may have no noise at all: a grey level is never known better than half a step of 8 bits.
    least = contrast(image, valid) / 512
    if least == 0:
        return np.zeros(image.shape, np.float32), valid
    smooth = masked_blur(image, valid, sigma_px=FINEST_BLUR_PX)
    solid = valid
    # The wide window first: a pore larger than the narrow one would be its own surroundings. Twice the narrow one:
    # what holes and bright particles did to the first background is undone in the second.
    for sigma_px in (4 * window_px, window_px, window_px):
        dark = background(smooth, solid, sigma_px=sigma_px) - smooth
        dark /= np.float32(max(robust_sd(dark, solid), least))
        solid = valid & (np.abs(dark) < 3)
    return dark, solid


def disc(radius_px: int) -> np.ndarray:
    """A disc as structuring element; unlike OpenCV's ellipse the same when turned."""
    rows, cols = np.ogrid[-radius_px : radius_px + 1, -radius_px : radius_px + 1]
    return (np.hypot(rows, cols) <= radius_px + 0.5).astype(np.uint8)


def along_lines(image: np.ndarray, radius: int) -> np.ndarray:
    """Opening along straight lines of `radius` both ways, the largest over eight directions: what lines hold stays.

    Soille and Talbot, Directional morphological filtering, IEEE Transactions on Pattern Analysis and Machine
    Intelligence 23 (2001) 1313-1329.
    """
    # A pore that the frame cuts is mirrored, or it would pass for the end of a line.
    image = cv2.copyMakeBorder(image, radius, radius, radius, radius, cv2.BORDER_REFLECT)
    best = np.full_like(image, -np.inf)
    for angle in np.pi / 8 * np.arange(8):
        x, y = np.cos(angle), np.sin(angle)
        steps = round(radius * max(abs(x), abs(y)))
        along = np.arange(-steps, steps + 1) / max(abs(x), abs(y))
        line = np.zeros((2 * radius + 1, 2 * radius + 1), np.uint8)
        line[radius + np.rint(along * y).astype(int), radius + np.rint(along * x).astype(int)] = 1
        np.maximum(best, cv2.morphologyEx(image, cv2.MORPH_OPEN, line), out=best)
    return best[radius:-radius, radius:-radius]
