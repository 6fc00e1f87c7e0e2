"""Pictures with one phase taken out: what a prediction does then needs no gradient to tell.

What is taken out is replaced by the interior of grains around it, grey level and texture, so that a model is not shown
a patch of a kind that it never saw. It never looks quite right, so every effect is to be held against a control: the
same shapes filled the same way where the phase is not.
"""

from typing import NamedTuple

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

_TEXTURE_SIGMA_PX = 4.0
"""What varies over less than this is texture and is copied; the rest is bridged smoothly."""
_SHIFTS_PX = (12, 24, 48, 96, 192)
"""How far away texture is looked for, nearest first, in eight directions."""
_CLEARLY = 0.02
"""Of a hole, that a place farther away must serve more."""
_LEAST_LEFT = 0.01
_MOST_ROUNDS = 20
_TRIES = 25
"""Random places that each part of a control is tried at."""


class Occluded(NamedTuple):
    """A picture without one phase, and its control.

    Attributes
    ----------
    picture : (rows, cols) float32 array
        The phase filled with the interior of grains around it.
    control : (rows, cols) float32 array
        The same shapes filled in the same way where there is only the interior of grains.
    control_share : float
        Area that was filled in the control over that in the picture: below 1 where there was no room for all of it, 0
        where no interior of a grain is clear of all rims (both pictures are then as given), NaN where there is nothing
        of the phase.
    """

    picture: np.ndarray
    control: np.ndarray
    control_share: float


def pores_filled(
    image: np.ndarray,
    pore: np.ndarray,
    boundary: np.ndarray,
    interior: np.ndarray,
    *,
    rng: np.random.Generator,
    margin_px: float = 3.0,
) -> Occluded:
    """A picture without its pores.

    A network that is shown it must be shown it in the grey levels of the picture as it was: standardised anew, the
    solid would be stretched because the dark pores are gone, and the network would answer to that.

    Parameters
    ----------
    image : (rows, cols) float32 array
    pore, boundary, interior : (rows, cols) bool arrays
        Disjoint.
    rng : Generator
        Of the control.
    margin_px : float
        How far bright rims and shadows reach beyond the mask, pixels; they are filled as well.

    Returns
    -------
    Occluded
    """
    hole = _grown(pore, margin_px) & (pore | boundary | interior)
    return _occluded(image, hole, interior & ~_grown(pore | boundary, margin_px), rng)


def boundaries_erased(
    image: np.ndarray,
    pore: np.ndarray,
    boundary: np.ndarray,
    interior: np.ndarray,
    *,
    rng: np.random.Generator,
    margin_px: float = 2.0,
) -> Occluded:
    """A picture without the lines between its grains: their grey levels run into each other, pores stay as they are.

    Parameters
    ----------
    image : (rows, cols) float32 array
    pore, boundary, interior : (rows, cols) bool arrays
        Disjoint.
    rng : Generator
        Of the control.
    margin_px : float
        How far grooves and their bright edges reach beyond the mask, pixels; they are erased as well. Nothing is drawn
        from rims of pores up to this distance.

    Returns
    -------
    Occluded
    """
    grain = interior & ~_grown(pore, margin_px)
    near = _grown(boundary, margin_px)
    return _occluded(image, boundary | (near & grain), grain & ~near, rng)


def filled(image: np.ndarray, hole: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Fill holes with what surrounds them.

    The grey level is bridged by normalised convolutions from fine to coarse (Knutsson and Westin 1993, CVPR, 515), each
    pixel from the finest that reaches a source. Texture is the surroundings' own: each hole takes it from the nearest
    place where all of its shape finds a source, or the most of it, and what finds none there from another place.

    Parameters
    ----------
    image : (rows, cols) float32 array
    hole : (rows, cols) bool array
        What is replaced.
    source : (rows, cols) bool array
        Pixels that may be drawn from, where not in `hole`; what is in neither is left alone.

    Returns
    -------
    (rows, cols) float32 array
        The picture as it was outside the holes, and everywhere if there is no source.
    """
    source = source & ~hole
    if not hole.any() or not source.any():
        return image.copy()
    smooth = _bridged(image, source, hole)
    texture = np.where(source, image - smooth, np.float32(0))
    at = _texture_places(hole, source)
    result = image.copy()
    result[hole] = smooth[hole] + texture[at]
    return result


def control_mask(mask: np.ndarray, allowed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same shapes somewhere else.

    Each connected part of the mask is moved, around the edges of the picture, to the best of some random places, large
    parts first; what there is no room for is cut off and moved again.

    Parameters
    ----------
    mask, allowed : (rows, cols) bool arrays
        Allowed: the interior of grains.
    rng : Generator

    Returns
    -------
    (rows, cols) bool array
        Within `allowed`, with the area of the mask to 1 %, less where there is no room for it.
    """
    free, left = allowed.copy(), mask
    for _ in range(_MOST_ROUNDS):
        if np.count_nonzero(left) <= _LEAST_LEFT * np.count_nonzero(mask):
            break
        cut = np.zeros(mask.shape, bool)
        for part in _parts(left):
            shifts = rng.integers(mask.shape, size=(_TRIES, 2))
            rows, cols = ((part[axis] + shifts[:, axis, None]) % mask.shape[axis] for axis in (0, 1))
            fits = free[rows, cols]
            best = fits.sum(axis=1).argmax()
            free[rows[best], cols[best]] = False
            cut[tuple(part[:, ~fits[best]])] = True
        left = cut
    return allowed & ~free


def _parts(mask: np.ndarray) -> list[np.ndarray]:
    """(2, k) rows and columns of each connected part, largest first."""
    _, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    at = np.stack(np.nonzero(mask))
    owner = labels[mask]
    order = np.argsort(owner, kind="stable")
    parts = np.split(at[:, order], np.cumsum(np.bincount(owner)[1:])[:-1], axis=1)
    return sorted(parts, key=lambda part: -part.shape[1])


def _occluded(image: np.ndarray, hole: np.ndarray, grain: np.ndarray, rng: np.random.Generator) -> Occluded:
    """`hole` filled from `grain`, and beside it the same shapes moved into `grain`."""
    elsewhere = control_mask(hole, grain, rng)
    area = np.count_nonzero(hole)
    return Occluded(
        filled(image, hole, grain),
        filled(image, elsewhere, grain),
        np.count_nonzero(elsewhere) / area if area else np.nan,
    )


def _grown(mask: np.ndarray, margin_px: float) -> np.ndarray:
    """The mask and what lies within the margin of it."""
    if not mask.any():
        return mask
    return cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) <= margin_px


def _texture_places(hole: np.ndarray, source: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel of the holes takes its texture from."""
    rows, cols = np.nonzero(hole)
    places = distance_transform_edt(~source, return_distances=False, return_indices=True)[:, rows, cols]
    served = np.zeros(len(rows), bool)
    n, labels = cv2.connectedComponents(hole.view(np.uint8), connectivity=8)
    owner = labels[hole]
    size = np.maximum(np.bincount(owner, minlength=n), 1)
    best = np.zeros(n)
    for length in _SHIFTS_PX:
        for turn in np.arange(8) * np.pi / 4:
            moved = np.stack([rows + round(length * np.sin(turn)), cols + round(length * np.cos(turn))])
            found = _hits(moved, source)
            share = np.bincount(owner, found, minlength=n) / size
            better = share > best + _CLEARLY
            taken = found & (better[owner] | ~served)
            places[:, taken] = moved[:, taken]
            served |= found
            best = np.where(better, share, best)
    return places[0], places[1]


def _hits(places: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(k,) bool: which of (2, k) places lie in the picture and in the mask."""
    inside = (places >= 0).all(axis=0) & (places[0] < mask.shape[0]) & (places[1] < mask.shape[1])
    inside[inside] = mask[tuple(places[:, inside])]
    return inside


def _bridged(image: np.ndarray, source: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Local mean of the sources around each source and hole, as local as sources are near."""
    weight = source.astype(np.float32)
    value = image * weight
    middle = np.float32(value.sum() / weight.sum())
    value -= middle * weight
    result, missing = np.zeros(image.shape, np.float32), np.ones(image.shape, np.float32)
    sigma = _TEXTURE_SIGMA_PX
    while sigma < 2 * max(image.shape):
        share = cv2.GaussianBlur(weight, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
        mean = cv2.GaussianBlur(value, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT) / np.maximum(share, 1e-6)
        # A finer mean gives way to the next coarser one where few sources back it: no seams between them.
        trusted = np.minimum(share / np.float32(0.1), 1) * missing
        result += trusted * mean
        missing -= trusted
        if not (missing[hole] > 1e-3).any():
            break
        sigma *= 2
    return result + middle
