"""Texture: what grey levels tell where grains can not be resolved.

Every number is independent of brightness and gain, of flips and quarter turns, and of what lies under the mask.
Lengths are in micrometres where the name says so. Blurs, wavelengths and distances in pixels belong to the picture;
they are named, and pictures are comparable in them at one magnification only.
"""

from itertools import pairwise

import numpy as np

from micro_features.features.contrast import CONTRAST_FEATURES, contrast_features
from micro_features.features.cooccurrence import COOCCURRENCE_FEATURES, cooccurrence_features
from micro_features.features.granulometry import GRANULOMETRY_FEATURES, granulometry_features
from micro_features.features.greyfield import grey_field
from micro_features.features.spectrum import SPECTRUM_FEATURES, spectrum_features

TEXTURE_FEATURES = SPECTRUM_FEATURES + GRANULOMETRY_FEATURES + COOCCURRENCE_FEATURES + CONTRAST_FEATURES

_TILE = 3000


def texture_features(image: np.ndarray, valid: np.ndarray, *, pixel_um: float) -> dict[str, float]:
    """Measure `TEXTURE_FEATURES`.

    Pictures with a side above 3000 px are measured tile by tile, which bounds the memory; the result is the mean
    over the tiles, weighted by their valid area.

    Parameters
    ----------
    image : (rows, cols) float32 array
        Grey level; only differences count, and only relative to each other.
    valid : (rows, cols) bool array
        False where there is no material: data bar, burned-in text.
    pixel_um : float
        Edge of a pixel, micrometres.

    Returns
    -------
    dict
        Name to value, every name of `TEXTURE_FEATURES` in their order. NaN where a measure does not exist: a picture
        of one colour, too small or mostly masked.
    """
    names = [feature.name for feature in TEXTURE_FEATURES]
    tiles = [(r, c) for r in _parts(image.shape[0]) for c in _parts(image.shape[1])]
    values = np.array([list(_of_tile(image[tile], valid[tile], pixel_um).values()) for tile in tiles])
    weights = np.array([np.count_nonzero(valid[tile]) for tile in tiles], float)[:, None] * np.isfinite(values)
    total = weights.sum(axis=0)
    mean = np.where(total > 0, (np.nan_to_num(values) * weights).sum(axis=0) / np.maximum(total, 1), np.nan)
    return dict(zip(names, map(float, mean), strict=True))


def _of_tile(image: np.ndarray, valid: np.ndarray, pixel_um: float) -> dict[str, float]:
    values = {feature.name: np.nan for feature in TEXTURE_FEATURES}
    field = grey_field(image, valid)
    if field is not None:
        values.update(spectrum_features(field, pixel_um=pixel_um))
        values.update(granulometry_features(field, pixel_um=pixel_um))
        values.update(cooccurrence_features(field))
        values.update(contrast_features(field, pixel_um=pixel_um))
    return values


def _parts(size: int) -> list[slice]:
    """Equal parts of a side, none longer than a tile."""
    n = -(-size // _TILE)
    edges = [round(size * k / n) for k in range(n + 1)]
    return [slice(a, b) for a, b in pairwise(edges)]
