"""Holes, dark phases and cracks drawn into a picture: what crystals with rounded pores do not show."""

from typing import NamedTuple

import cv2
import numpy as np

_LARGEST_PX = 30.0
# A dark facet of a fracture surface can be this dark, as a share of its blackest parts.
_HARDLY_DARK = 0.5


class Marked(NamedTuple):
    """A picture with dark regions in it.

    Attributes
    ----------
    image : (rows, cols) float32 array
    dark : (rows, cols) bool array
    """

    image: np.ndarray
    dark: np.ndarray


def field(rng: np.random.Generator, shape: tuple[int, int], length_px: float) -> np.ndarray:
    """Smooth random numbers of unit standard deviation, float32."""
    shrink = max(1, int(length_px / 3))
    small = [n // shrink + 20 for n in shape]
    grown = cv2.GaussianBlur(rng.standard_normal(small).astype(np.float32), (0, 0), length_px / shrink)[9:-9, 9:-9]
    rows, cols = grown.shape
    grown = cv2.resize(grown, (cols * shrink, rows * shrink), interpolation=cv2.INTER_CUBIC)[: shape[0], : shape[1]]
    return grown / max(float(grown.std()), 1e-6)


def cavities(rng: np.random.Generator, image: np.ndarray, grains: np.ndarray) -> Marked:
    """Grains broken out, or ragged holes: a dark floor, uneven and less textured, behind a wall that slopes or not."""
    spread = np.sqrt(grains.size / max(len(np.unique(grains)), 2))
    length = _log(rng, np.clip(0.5 * spread, 2.5, 0.8 * _LARGEST_PX), _LARGEST_PX)
    share = _log(rng, 0.005, 0.2)
    dark = (
        _grains_under_blob(rng, grains, length, share) if rng.random() < 0.7 else _blob(rng, image.shape, length, share)
    )
    solid = np.median(image)
    black = min(np.percentile(image, 0.5), solid * rng.uniform(0.25, 0.5))
    range_ = solid - black
    floor = black + 0.7 * rng.uniform(0.15, 0.6) * range_ * np.clip(
        1 + 0.6 * field(rng, image.shape, max(length / 2, 3)), 0, 2
    )
    texture = rng.uniform(0.1, 0.7) * (image - cv2.GaussianBlur(image, (0, 0), 3))
    depth = _depth(dark)
    # A shadow or a glow along the wall.
    lit = 0.3 * range_ * rng.uniform(-1, 0.6) * np.exp(-depth / (0.4 * length + 1)) if rng.random() < 0.6 else 0.0
    wall = rng.uniform(0.2, 4) if rng.random() < 0.6 else 0.1
    inside = image + (floor + texture + lit - image) * (1 - np.exp(-depth / wall))
    share_of_pixel = _soft(dark, rng.uniform(0.4, 0.9))
    marked = image * (1 - share_of_pixel) + inside * share_of_pixel
    if rng.random() < 0.5:
        marked += rng.uniform(0, 0.5) * range_ * np.clip(_soft(dark, 1.2) - _soft(dark, 0.6), 0, None)
    return Marked(marked.astype(np.float32), dark)


def dark_phase(rng: np.random.Generator, image: np.ndarray, grains: np.ndarray) -> Marked:
    """Regions of one darker grey, in the noise almost."""
    noise = max(1.48 * float(np.median(np.abs(image - cv2.GaussianBlur(image, (0, 0), 1)))), 0.008)
    length, share = _log(rng, 3, 20), rng.uniform(0.02, 0.12)
    dark = (
        _grains_under_blob(rng, grains, length, share) if rng.random() < 0.4 else _blob(rng, image.shape, length, share)
    )
    wall = rng.uniform(0.2, 2.5) if rng.random() < 0.5 else 0.1
    profile = np.where(dark, 1 - np.exp(-_depth(dark) / wall), 0)
    return Marked(
        (image - noise * rng.uniform(1.3, 4) * _soft(profile, rng.uniform(0.4, 0.9))).astype(np.float32), dark
    )


def facets(rng: np.random.Generator, image: np.ndarray, grains: np.ndarray) -> np.ndarray:
    """Some grains smoother and somewhat darker, as facets that face away from the detector: no pores."""
    facet = _grains_under_blob(rng, grains, _log(rng, 4, _LARGEST_PX), _log(rng, 0.02, 0.25))
    drop = rng.uniform(0.05, 0.35) * (np.median(image) - np.percentile(image, 0.5))
    smooth = cv2.GaussianBlur(image, (0, 0), 3)
    inside = smooth + rng.uniform(0.4, 1) * (image - smooth) - drop
    share = _soft(facet, rng.uniform(0.4, 0.9))
    return (image * (1 - share) + inside * share).astype(np.float32)


def cracks(rng: np.random.Generator, image: np.ndarray) -> Marked:
    """A few winding cracks, one to five pixels wide."""
    black = 0.9 * np.percentile(image, 0.5)
    dark = np.zeros(image.shape, bool)
    for _ in range(1 + rng.poisson(3)):
        steps = int(rng.integers(2, 10))
        angle = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.5, steps))
        length = rng.uniform(4, 12, steps)
        start = rng.uniform(0, 1, 2) * image.shape[::-1]
        path = start + np.cumsum(length[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1), axis=0)
        line = np.zeros(image.shape, np.uint8)
        cv2.polylines(line, [path.astype(np.int32)], isClosed=False, color=1, thickness=int(rng.integers(1, 6)))
        deep = rng.uniform(0.35, 1) * np.clip(image - black, 0, None)
        image = image - deep * _soft(line, rng.uniform(0.4, 1))
        dark |= line > 0
    return Marked(image.astype(np.float32), dark)


def hardly_dark(image: np.ndarray, pores: np.ndarray) -> np.ndarray:
    """True pores, and a pixel around each, that hardly look darker than what is around them, as on fracture surfaces.

    Parameters
    ----------
    image : (rows, cols) float32 array
    pores : (rows, cols) bool array

    Returns
    -------
    (rows, cols) bool array
    """
    smooth = cv2.GaussianBlur(image, (0, 0), 1)
    black, solid = np.percentile(smooth, 0.3), np.median(smooth)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(pores.astype(np.uint8))
    unsure = np.zeros(pores.shape, np.uint8)
    for pore in range(1, count):
        left, top, width, height, _ = stats[pore]
        part = np.s_[max(0, top - 5) : top + height + 5, max(0, left - 5) : left + width + 5]
        inside = labels[part] == pore
        ring = (cv2.dilate(inside.view(np.uint8), np.ones((11, 11), np.uint8)) > 0) & ~pores[part]
        around = np.median(smooth[part][ring]) if ring.any() else solid
        if around - np.percentile(smooth[part][inside], 25) < _HARDLY_DARK * (solid - black):
            unsure[part][inside] = 1
    return cv2.dilate(unsure, np.ones((3, 3), np.uint8)) > 0


def _log(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _blob(rng: np.random.Generator, shape: tuple[int, int], length_px: float, share: float) -> np.ndarray:
    ragged = field(rng, shape, length_px) + rng.uniform(0, 0.5) * field(rng, shape, max(length_px / 5, 1.5))
    return ragged > np.quantile(ragged, 1 - share)


def _grains_under_blob(rng: np.random.Generator, grains: np.ndarray, length_px: float, share: float) -> np.ndarray:
    """Whole grains of which at least half lies under a blob."""
    blob = _blob(rng, grains.shape, length_px, share)
    covered = np.bincount(grains.ravel(), blob.ravel()) / np.maximum(np.bincount(grains.ravel()), 1)
    covered[0] = 0
    return (covered > 0.5)[grains]


def _soft(mask: np.ndarray, blur_px: float) -> np.ndarray:
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), blur_px)


def _depth(mask: np.ndarray) -> np.ndarray:
    return cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
