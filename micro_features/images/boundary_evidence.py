"""What can be said of each place where two basins touch: a bank of named filters, read along watershed lines.

Only the lines between basins can become grain boundaries, so only their pixels are described and, later, judged: a
tenth of the picture. Grey levels are those of the flattened picture, in units of its local standard deviation, and
lengths are pixels of the picture as it was shrunk, so that values mean the same in every picture.
"""

from collections.abc import Iterator

import cv2
import numpy as np
from scipy import ndimage

from micro_features.images.boundaries import CueWeights, ridges, slopes
from micro_features.images.watershed import Contacts

_SIGMAS_PX = (1.0, 2.0, 4.0)
_TANGENT_SIGMA_PX = 1.5
# Grey levels are read on both sides of the line, this far from it, and averaged along it over the short places, or over
# the short and the long ones.
_ACROSS_PX = (1.5, 3.0, 5.0, 8.0)
_SHORT_PX = (-4.0, -2.0, 0.0, 2.0, 4.0)
_LONG_PX = (-8.0, -6.0, 6.0, 8.0)
_MIDDLE_PX = 3.0
# So many contacts at once stay in the cache.
_BLOCK = 8192
# OpenCV reads at given places only of pictures with shorter sides; otherwise SciPy does, several times as slowly.
_REMAP_LIMIT_PX = 32_766

BOUNDARY_FEATURES: tuple[str, ...] = (
    *(f"{cue}_{sigma:g}px" for sigma in _SIGMAS_PX for cue in ("groove", "rim", "step")),
    "grey_1px",
    "grey_4px",
    "grey_10px",
    "spread_4px",
    "noise_3px",
    "coherence_3px",
    "solid_3px",
    *(f"{side}_side_{across:g}px" for across in _ACROSS_PX for side in ("darker", "brighter")),
    "darker_side_long",
    "brighter_side_long",
    "depth_least",
    "depth_most",
    "step_least",
    "basin_contrast",
    "basin_darker_side",
    "basin_brighter_side",
    "basin_smaller_px",
    "basin_larger_px",
    "basin_spread_smaller",
    "basin_spread_larger",
    "basin_strength",
    "strength",
    "picture_groove_weight",
    "picture_rim_weight",
    "picture_noise",
    "picture_groove_depth",
    "picture_rim_height",
    "picture_step_height",
    "relative_groove_depth",
    "relative_step_height",
)
"""Names of the columns of `boundary_features`. `groove`, `rim` and `step` as in `images.boundaries`; a `side` is the
grey level beside the line minus that on it. The last ones tell what lines of this picture are like, by the 95th
percentile over all contacts, and set a contact against it: where grains are set off by deep grooves, a mere step of
grey level is part of a grain."""


def boundary_features(
    flat: np.ndarray,
    valid: np.ndarray,
    labels: np.ndarray,
    contacts: Contacts,
    *,
    strength: np.ndarray,
    weights: CueWeights,
) -> np.ndarray:
    """Describe every contact between two basins.

    Parameters
    ----------
    flat : (rows, cols) float32 array
        Flattened picture: about unit local standard deviation, 0 where not valid.
    valid : (rows, cols) bool array
    labels : (rows, cols) int32 array
        Basins from 1; 0 is background.
    contacts : Contacts
        Of these basins.
    strength : (rows, cols) float32 array
        Boundary strength, 0 to 1.
    weights : CueWeights
        Of this picture.

    Returns
    -------
    (n, k) float32 array
        A row for each contact, a column for each of `BOUNDARY_FEATURES`.
    """
    table = np.empty((len(BOUNDARY_FEATURES), len(contacts.at)), np.float32)
    if len(contacts.at) == 0:
        return table.T
    column = iter(range(len(table)))
    for image in _maps(flat, valid):
        table[next(column)] = image.ravel().take(contacts.at)
    grey = cv2.GaussianBlur(flat, (0, 0), 0.7)
    for values in (
        *_profiles(grey, strength, contacts.at),
        *_basins(grey, labels, contacts, strength),
        strength.ravel()[contacts.at],
    ):
        table[next(column)] = values
    high = flat - grey
    darker, brighter = (
        table[BOUNDARY_FEATURES.index(f"{side}_side_{_MIDDLE_PX:g}px")] for side in ("darker", "brighter")
    )
    groove, rim, step = (max(float(np.percentile(x, 95)), 0.0) for x in (darker, -brighter, brighter - darker))
    noise = float(np.median(np.abs(high[::3, ::3])))
    for number in (weights.groove, weights.rim, noise, groove, rim, step):
        table[next(column)] = number
    # A tenth of the local contrast is not seen as a line.
    table[next(column)] = darker / (groove + 0.1)
    table[next(column)] = (brighter - darker) / (groove + rim + 0.1)
    return table.T


def _maps(flat: np.ndarray, valid: np.ndarray) -> Iterator[np.ndarray]:
    """One picture for each of the first features."""
    grey, tensor = {}, None
    for sigma in _SIGMAS_PX:
        smooth = cv2.GaussianBlur(flat, (0, 0), sigma)
        grey[sigma] = smooth
        yield from ridges(smooth, sigma_px=sigma)
        x, y = slopes(smooth, sigma_px=sigma)
        yield cv2.magnitude(x, y)
        if sigma == _SIGMAS_PX[1]:
            tensor = [cv2.GaussianBlur(product, (0, 0), 3.0) for product in (x * x, y * y, x * y)]
    yield grey[1.0]
    yield grey[4.0]
    yield _wide_blur(flat, 10.0)
    yield np.sqrt(np.maximum(_wide_blur(flat * flat, 4.0) - grey[4.0] ** 2, 0))
    high = flat - grey[1.0]
    yield np.sqrt(cv2.GaussianBlur(high * high, (0, 0), 3.0))
    assert tensor is not None
    xx, yy, xy = tensor
    yield cv2.magnitude(xx - yy, 2 * xy) / (xx + yy + np.float32(1e-6))
    yield cv2.GaussianBlur(valid.astype(np.float32), (0, 0), 3.0)


def _wide_blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur on a picture of half the size: twice as wide at an eighth of the cost."""
    rows, cols = image.shape
    small = cv2.resize(image, (-(-cols // 2), -(-rows // 2)), interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / 2), (cols, rows), interpolation=cv2.INTER_LINEAR)


def _profiles(grey: np.ndarray, strength: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Grey levels beside the line minus those on it (quantity, contact), the darker and the brighter side apart."""
    lines = _tangents(strength, at)
    parts = (slice(start, start + _BLOCK) for start in range(0, len(at), _BLOCK))
    return np.concatenate([_profile(grey, *(x[part] for x in lines)) for part in parts], axis=1)


def _profile(
    grey: np.ndarray, row: np.ndarray, col: np.ndarray, along_row: np.ndarray, along_col: np.ndarray
) -> np.ndarray:
    def read(across: float, places: tuple[float, ...]) -> np.ndarray:
        """Grey levels (place, contact) at a distance from the line, along it; beyond the frame those at the frame."""
        along = np.array(places, np.float32)[:, None]
        x = col + along * along_col - across * along_row
        y = row + along * along_row + across * along_col
        if max(grey.shape) > _REMAP_LIMIT_PX:
            return ndimage.map_coordinates(grey, (y, x), order=1, mode="nearest")
        return cv2.remap(grey, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    on_line = read(0.0, _SHORT_PX)
    centre = on_line.mean(axis=0)
    found: list[np.ndarray] = []
    for across in _ACROSS_PX:
        found += _sides(read(across, _SHORT_PX).mean(axis=0), read(-across, _SHORT_PX).mean(axis=0), centre)
    one, other = (read(sign * _MIDDLE_PX, _SHORT_PX) for sign in (1, -1))
    further, beyond, before = (read(sign * _MIDDLE_PX, _LONG_PX) for sign in (1, -1, 0))
    found += _sides(
        *(np.concatenate(parts).mean(axis=0) for parts in ((one, further), (other, beyond), (on_line, before)))
    )
    depth = np.minimum(one, other) - on_line
    difference = one - other
    step_least = np.maximum(np.maximum(difference.min(axis=0), -difference.max(axis=0)), 0)
    return np.stack((*found, depth.min(axis=0), depth.max(axis=0), step_least))


def _sides(one: np.ndarray, other: np.ndarray, line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.minimum(one, other) - line, np.maximum(one, other) - line


def _tangents(strength: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows and columns of pixels, and the direction (row, col) of the line of strength through each."""
    smooth = cv2.GaussianBlur(strength, (0, 0), _TANGENT_SIGMA_PX)
    xx, yy, xy = (cv2.Sobel(smooth, cv2.CV_32F, dx, dy, ksize=3).ravel()[at] for dx, dy in ((2, 0), (0, 2), (1, 1)))
    # A ridge bends down most across itself, so that the eigenvector of the larger eigenvalue runs along it.
    angle = np.arctan2(2 * xy, xx - yy) / 2
    row, col = np.divmod(at, strength.shape[1])
    return row.astype(np.float32), col.astype(np.float32), np.sin(angle), np.cos(angle)


def _basins(grey: np.ndarray, labels: np.ndarray, contacts: Contacts, strength: np.ndarray) -> Iterator[np.ndarray]:
    """What the two basins of a contact are like: the smaller and the larger value of each quantity."""
    flat_labels, flat_grey = labels.ravel(), grey.ravel()
    area = np.bincount(flat_labels).astype(np.float32)
    share = 1 / np.maximum(area, 1)
    mean, square, inside = (
        np.bincount(flat_labels, values).astype(np.float32) * share
        for values in (flat_grey, flat_grey * flat_grey, strength.ravel())
    )
    spread = np.sqrt(np.maximum(square - mean * mean, 0))
    one, two = contacts.first, contacts.second
    here = flat_grey[contacts.at]
    yield np.abs(mean[one] - mean[two])
    yield np.minimum(mean[one], mean[two]) - here
    yield np.maximum(mean[one], mean[two]) - here
    diameter = np.sqrt(area)
    for quantity in (diameter, spread):
        yield np.minimum(quantity[one], quantity[two])
        yield np.maximum(quantity[one], quantity[two])
    yield np.maximum(inside[one], inside[two])
