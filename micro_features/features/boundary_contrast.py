"""How dark grain boundaries are: the grooves that etching opened where they meet the surface.

Grey levels of a micrograph have neither unit nor zero: gain and brightness are the operator's. Two levels of the same
picture stand in for them: the grain beside the boundary, undisturbed in its middle, and black, the floor of a typical
pore, from which hardly any electron returns. Darkness is 0 at the level of the grain and 1 at that of the pores.

The beam spreads a groove over its surroundings and takes from its depth what it adds to its width; lines of a
segmentation lie off by a pixel here and there. Neither changes the sum of darkness across the line, so that sums over
a band wider than both are safer than the depth. The band is a share of the mean grain, which keeps the number the same
at every magnification.
"""

import cv2
import numpy as np

from micro_features.features.feature import Feature

BAND = 0.1
"""Half width of the band, in mean grain diameters: wider than grooves and blur, narrower than half a small grain."""

_RIM_PX = 3  # rims of pores glow, and their walls are dark, that far
_FEWEST_PORES = 5
_LEAST_PORE_PX = 30  # in smaller ones the beam sees the rim together with the floor
_FEWEST_LINE_PX = 200

_DARKNESS = "u = (grey of the grain - grey) / (grey of the grain - grey of pore floors)"

BOUNDARY_CONTRAST_FEATURES: tuple[Feature, ...] = (
    Feature(
        "boundary_darkness_mean",
        "1",
        "boundary",
        "Mean darkness of the bands along grain boundaries, a tenth of the mean grain diameter to either side: 0 like "
        "the grain beside, 1 like pores. Hardly changed by blur. Empty with fewer than 5 pores of 30 px to tell black.",
        "sum of (grey of the grain - grey) / sum of (grey of the grain - grey of pore floors) over the band",
    ),
    Feature(
        "boundary_groove_depth_median",
        "1",
        "boundary",
        "Median darkness of the pixels beside the boundary line: 0 like the grain beside, 1 like pores. Blur and noise "
        "of the picture make grooves look shallower.",
        f"{_DARKNESS}, median over the pixels on either side of the line",
    ),
    Feature(
        "boundary_groove_width_um",
        "um",
        "boundary",
        "Equivalent width of grooves: the width of a line as dark as pores that would take as much light.",
        "integral of u across the line, over the band (equivalent width, as in spectroscopy)",
    ),
)


def boundary_contrast_features(
    image: np.ndarray, grains: np.ndarray, pores: np.ndarray, valid: np.ndarray, *, pixel_um: float
) -> dict[str, float]:
    """Measure `BOUNDARY_CONTRAST_FEATURES`.

    Rims of pores and of what is not valid are left out.

    Parameters
    ----------
    image : (rows, cols) float32 array
        Grey level, of any brightness and gain.
    grains, pores : (rows, cols) int32 arrays
        Labels from 1, 0 is background; grains touch along their boundaries.
    valid : (rows, cols) bool array
        What `image` holds where this is False has no influence.
    pixel_um : float
        Edge of a pixel, micrometres.

    Returns
    -------
    dict
        Every name of `BOUNDARY_CONTRAST_FEATURES`. Darkness may fall below 0: boundaries brighter than grains. NaN
        with fewer than 5 pores of 30 px, less than 200 px of boundary away from pores, or grains as dark as pores.
    """
    values = {feature.name: np.nan for feature in BOUNDARY_CONTRAST_FEATURES}
    image = np.where(valid, image, np.float32(0))
    grains = np.where(valid, grains, 0)
    black = pore_floor(image, pores, valid)
    line, rim = _lines(grains)
    if np.isnan(black) or not line.any():
        return values
    area = np.bincount(grains.ravel())[1:]
    half_px = BAND * float(np.sqrt(4 / np.pi * area[area > 0].mean()))
    light = grain_light(image, grains, rim, margin_px=round(half_px)) - black

    solid = (valid & (pores == 0)).view(np.uint8)
    away = cv2.erode(solid, np.ones((2 * _RIM_PX + 1,) * 2, np.uint8), borderValue=1)
    full = np.where(light > 0, light, 0).astype(np.float32).take(grains)
    full *= away
    here = full > 0
    at_line = np.flatnonzero(here & line.view(bool))
    if at_line.size < _FEWEST_LINE_PX:
        return values
    # A pixel beside the line spans 0 to 1 px from it; the last one of the band counts in part.
    share = np.clip(half_px - cv2.distanceTransform(1 - line, cv2.DIST_L2, cv2.DIST_MASK_5), 0, 1)
    share *= here
    lost = full - (image - np.float32(black))
    darkness = float(np.vdot(share, lost) / np.vdot(share, full))
    depth = float(np.median(lost.ravel()[at_line] / full.ravel()[at_line]))
    return dict(zip(values, (darkness, depth, darkness * 2 * half_px * pixel_um), strict=True))


def pore_floor(image: np.ndarray, pores: np.ndarray, valid: np.ndarray) -> float:
    """Grey level of the floor of a typical pore: the median over pores of the darkest mean of 3 x 3 pixels.

    Parameters
    ----------
    image : (rows, cols) float32 array
    pores : (rows, cols) int32 array
        Labels from 1, 0 is background.
    valid : (rows, cols) bool array

    Returns
    -------
    float
        NaN with fewer than 5 pores of at least 30 px.
    """
    inside = cv2.erode(valid.view(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0
    place = np.flatnonzero((pores > 0) & inside)
    label, grey = pores.ravel()[place], cv2.blur(image, (3, 3)).ravel()[place]
    order = np.argsort(label, kind="stable")
    first = np.flatnonzero(np.diff(label[order], prepend=0))
    large = np.diff(first, append=len(label)) >= _LEAST_PORE_PX
    if np.count_nonzero(large) < _FEWEST_PORES:
        return np.nan
    return float(np.median(np.minimum.reduceat(grey[order], first)[large]))


def grain_light(image: np.ndarray, grains: np.ndarray, rim: np.ndarray, *, margin_px: int) -> np.ndarray:
    """Mean grey level of each grain in its middle.

    Parameters
    ----------
    image : (rows, cols) float32 array
    grains : (rows, cols) int32 array
        Labels from 1, 0 is background.
    rim : (rows, cols) uint8 array
        1 in the pixels that have a neighbour of another label.
    margin_px : int
        Pixels of which a rim runs through the square of this half side are left out.

    Returns
    -------
    (largest label + 1,) float array
        NaN for labels that do not occur, for grains without such a middle, and for the background.
    """
    inside = cv2.erode(1 - rim, np.ones((2 * margin_px + 1,) * 2, np.uint8), borderValue=1)
    middle = np.flatnonzero(inside.view(bool) & (grains > 0))
    label, n = grains.ravel()[middle], int(grains.max(initial=0)) + 1
    with np.errstate(invalid="ignore"):
        return np.asarray(np.bincount(label, image.ravel()[middle], n) / np.bincount(label, minlength=n))


def _lines(grains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels on both sides of the lines where two grains meet, and of all lines between labels, as uint8."""
    line, rim = np.zeros(grains.shape, np.uint8), np.zeros(grains.shape, np.uint8)
    for label, on_line, on_rim in ((grains, line, rim), (grains.T, line.T, rim.T)):
        differ = label[:-1] != label[1:]
        meet = differ & (label[:-1] > 0) & (label[1:] > 0)
        for side in (slice(None, -1), slice(1, None)):
            on_line[side] |= meet
            on_rim[side] |= differ
    return line, rim
