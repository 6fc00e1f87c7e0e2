"""What a pixel and its surroundings, near and far, say for and against a pore: the numbers a pore classifier reads.

Nearly all of them are in units of the picture itself (the spread of its solid, or its darkest parts), so that
brightness, gain and shading cancel. In these units a shadow on a smooth surface is as dark as a hole in a rough one:
`weber` sets grey against that of the solid alone, where gain and shading cancel, but not the zero of the grey scale.
"""

from typing import NamedTuple

import cv2
import numpy as np

from micro_features.images.darkness import along_lines, darkness, disc, robust_sd
from micro_features.images.prepare import background

# Each scale halves the picture once more; there, blur and reach are the same number of its pixels.
SCALES = (1, 2, 4, 8, 16)
_BLUR_PX = 1.2
_SPREAD_PX = 2.5
_OPENING_PX = 5
_NEAR_PX = 3
_LINE_PX = 6
_LINE_SCALES = (2, 4)
_WEBER_SCALES = (1, 2, 4)
_BOUNDARY = ("hat", "core", "rim", "ridge", "blob", "slope", "spread")
# A picture without pores has darkest parts, too: they are taken to be at least this many standard deviations dark.
_LEAST_BLACK = 3.0
# What is hardly darker than its surroundings, in standard deviations, is not looked at.
_CANDIDATE = {1: 0.8, 2: 1.0}


def _names() -> tuple[str, ...]:
    names = ["darkness"]
    for scale in SCALES:
        names.append(f"darkness_{scale}")
        if scale < SCALES[-1]:
            names += [f"{name}_{scale}" for name in _BOUNDARY]
        if scale in _WEBER_SCALES:
            names.append(f"weber_{scale}")
        if scale in _LINE_SCALES:
            names += [f"compact_{scale}", f"compact_share_{scale}"]
    return tuple(names)


PORE_FEATURES: tuple[str, ...] = _names()
"""Names of the columns of `PoreEvidence.values`; the number is the scale, pixels.

darkness, darkness_*
    Below the background of the solid, in robust standard deviations of the solid at that scale.
weber_*
    What is missing to the grey level of the solid around, as a share of it: 0 to 1 where black, below 0 where brighter.
hat_*, compact_*
    Higher than the largest disc, or the straightest line, that fits under it; as a share of the darkest parts.
compact_share_*
    The largest `compact` nearby as a share of `core`.
core_*, rim_*
    Largest and smallest darkness nearby.
ridge_*, blob_*
    Negative smaller and larger eigenvalue of the Hessian of darkness: a ridge has the first only, a blob has both.
slope_*, spread_*
    Gradient of darkness; its standard deviation nearby.
"""


class PoreEvidence(NamedTuple):
    """What `pore_evidence` finds.

    Attributes
    ----------
    candidates : (rows, cols) bool array
        Pixels that are darker than their surroundings at all: only these can be pore.
    values : (number of candidates, number of PORE_FEATURES) float32 array
        One row a candidate, in the order of the picture.
    dark, solid : (rows, cols) arrays
        As `images.darkness.darkness` tells them, darkness 0 where not valid.
    """

    candidates: np.ndarray
    values: np.ndarray
    dark: np.ndarray
    solid: np.ndarray


def pore_evidence(image: np.ndarray, valid: np.ndarray, *, window_px: float = 50.0) -> PoreEvidence:
    """Features of all pixels that can be pore.

    Parameters
    ----------
    image : (rows, cols) float32 array
        Grey level, 0 to 1.
    valid : (rows, cols) bool array
        False where there is no material.
    window_px : float
        Standard deviation of the Gaussian that defines the surroundings, pixels.

    Returns
    -------
    PoreEvidence
    """
    dark, solid = darkness(image, valid, window_px=window_px)
    dark = np.where(valid, dark, np.float32(0))
    maps = {1: {"darkness": dark}}
    level, black = dark, _LEAST_BLACK
    missing = _missing(image, valid, solid, window_px)
    for scale in SCALES:
        if scale > 1:
            level = _halved(level)
            missing = _halved(missing)
        blurred = cv2.GaussianBlur(level, (0, 0), _BLUR_PX, borderType=cv2.BORDER_REPLICATE)
        there = cv2.resize(solid.view(np.uint8), level.shape[::-1], interpolation=cv2.INTER_NEAREST).view(bool)
        at_scale = maps.setdefault(scale, {})
        at_scale[f"darkness_{scale}"] = blurred / np.float32(max(robust_sd(blurred, there), 0.1))
        if scale in _WEBER_SCALES:
            at_scale[f"weber_{scale}"] = cv2.GaussianBlur(missing, (0, 0), _BLUR_PX, borderType=cv2.BORDER_REPLICATE)
        if scale == 2:
            black = max(float(np.percentile(blurred, 99.7)), _LEAST_BLACK)
        if scale < SCALES[-1]:
            at_scale |= {f"{name}_{scale}": values for name, values in _boundary(level, blurred).items()}
        if scale in _LINE_SCALES:
            compact = blurred - along_lines(blurred, _LINE_PX)
            share = cv2.dilate(compact, disc(_NEAR_PX)) / np.maximum(at_scale[f"core_{scale}"], 1)
            at_scale |= {f"compact_{scale}": compact, f"compact_share_{scale}": share}
    candidates = valid.copy()
    clearly = np.zeros(valid.shape, bool)
    for scale, least in _CANDIDATE.items():
        clearly |= _enlarged(maps[scale][f"darkness_{scale}"], scale, valid.shape) > least
    candidates &= clearly
    values = _sampled(maps, *np.nonzero(candidates))
    for name in PORE_FEATURES:
        if name.startswith(("hat", "compact")) and "share" not in name:
            values[:, PORE_FEATURES.index(name)] /= np.float32(black)
    return PoreEvidence(candidates, values, dark, solid)


def _missing(image: np.ndarray, valid: np.ndarray, solid: np.ndarray, window_px: float) -> np.ndarray:
    """What is missing of the grey level of the solid around, as a share of it."""
    around = background(image, solid, sigma_px=window_px)
    # Black as the solid may be, half a step of 8 bits is the least that is known of it.
    return np.where(valid, np.maximum(1 - image / np.maximum(around, np.float32(1 / 512)), -1), np.float32(0))


def _boundary(level: np.ndarray, blurred: np.ndarray) -> dict[str, np.ndarray]:
    """Features from the shape of darkness around a pixel, in the order of `_BOUNDARY`."""
    mirrored = np.pad(blurred, _OPENING_PX, mode="symmetric")
    opened = cv2.morphologyEx(mirrored, cv2.MORPH_OPEN, disc(_OPENING_PX))
    down, right = (cv2.Sobel(blurred, cv2.CV_32F, *order, ksize=3, scale=1 / 8) for order in ((0, 1), (1, 0)))
    yy, xx, xy = (cv2.Sobel(blurred, cv2.CV_32F, *order, ksize=3, scale=1 / 4) for order in ((0, 2), (2, 0), (1, 1)))
    mean, root = (xx + yy) / 2, cv2.magnitude((xx - yy) / 2, xy)
    local, square = (
        cv2.GaussianBlur(values, (0, 0), _SPREAD_PX, borderType=cv2.BORDER_REPLICATE)
        for values in (level, level * level)
    )
    shapes = (
        blurred - opened[_OPENING_PX:-_OPENING_PX, _OPENING_PX:-_OPENING_PX],
        cv2.dilate(blurred, disc(_NEAR_PX)),
        cv2.erode(blurred, disc(_NEAR_PX)),
        root - mean,
        -root - mean,
        cv2.magnitude(down, right),
        np.sqrt(np.maximum(square - local * local, 0)),
    )
    return dict(zip(_BOUNDARY, shapes, strict=True))


def _halved(image: np.ndarray) -> np.ndarray:
    rows, cols = image.shape
    # An odd last row or column is doubled, so that pixels of all scales keep their places.
    even = cv2.copyMakeBorder(image, 0, rows % 2, 0, cols % 2, cv2.BORDER_REPLICATE)
    return cv2.resize(even, (even.shape[1] // 2, even.shape[0] // 2), interpolation=cv2.INTER_AREA)


def _enlarged(image: np.ndarray, scale: int, shape: tuple[int, int]) -> np.ndarray:
    """A map of a coarser scale at the size of the picture."""
    rows, cols = image.shape
    return cv2.resize(image, (scale * cols, scale * rows), interpolation=cv2.INTER_LINEAR)[: shape[0], : shape[1]]


def _sampled(maps: dict[int, dict[str, np.ndarray]], rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """Values of the maps at pixels, one column a feature; those of coarser scales are interpolated."""
    n = len(rows)
    # OpenCV looks up tables of points, at most 32 767 long either way.
    width = 1 << max(0, (n - 1).bit_length() // 2)
    padded = np.zeros((2, -(-n // width) * width), np.float32)
    padded[:, :n] = rows, cols
    y, x = padded.reshape(2, -1, width)
    columns = np.empty((len(PORE_FEATURES), n), np.float32)
    for scale, at_scale in maps.items():
        if scale > 1:
            places = cv2.convertMaps((x + 0.5) / scale - 0.5, (y + 0.5) / scale - 0.5, cv2.CV_16SC2)
        for name, values in at_scale.items():
            column = columns[PORE_FEATURES.index(name)]
            if scale == 1:
                column[:] = values[rows, cols]
            elif n:
                found = cv2.remap(values, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                column[:] = found.ravel()[:n]
    return np.ascontiguousarray(columns.T)
