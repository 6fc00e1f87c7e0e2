"""Granulometry: sizes of bright and dark patches, by sieving the grey levels with openings and closings."""

import cv2
import numpy as np

from micro_features.features.feature import Feature
from micro_features.features.greyfield import GreyField, away_from_mask, blurred, ratio

_SOURCE = "Pattern spectrum of openings and closings by octagons (Matheron 1975; Maragos 1989, doi 10.1109/34.192465)"

GRANULOMETRY_FEATURES = tuple(
    Feature(name, unit, "texture", meaning, _SOURCE)
    for kind, what in (("opening", "bright"), ("closing", "dark"))
    for name, unit, meaning in (
        (
            f"texture_{kind}_size_mean_um",
            "um",
            f"Mean diameter of {what} patches, weighted by their contrast times area; sieves from 6 to 146 px.",
        ),
        (
            f"texture_{kind}_size_cv",
            "1",
            f"Spread of the diameters of {what} patches: standard deviation over mean.",
        ),
    )
)

# Radii in pixels of the field. An octagon of radius r is a square grown by a diamond; both parts never shrink from one
# radius to the next, so each sieve lets through no more than the one before (Matheron's condition).
_RADII = (1, 2, 3, 4, 6, 8, 11, 15, 20, 27, 36)
_BLUR = 0.7
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


def granulometry_features(field: GreyField, *, pixel_um: float) -> dict[str, float]:
    """Measure `GRANULOMETRY_FEATURES`; NaN where the field is too small or masked.

    Parameters
    ----------
    field : GreyField
    pixel_um : float
        Edge of a pixel of the picture, micrometres.
    """
    out = {feature.name: np.nan for feature in GRANULOMETRY_FEATURES}
    radii = [r for r in _RADII if 4 * r <= min(field.grey.shape)]
    counted = away_from_mask(field.valid, 2)
    if len(radii) < 3 or not counted.any():
        return out
    # Eight bits over +-4 standard deviations: the sieves run many times faster, a step is 3 % of the contrast.
    levels = np.clip(np.rint(blurred(field.grey, _BLUR) * 32 + 128), 0, 255).astype(np.uint8)
    weight = counted.astype(np.uint8)
    mean = cv2.mean(levels, weight)[0]
    diameters = (2.0 * np.array(radii) + 1) * field.px * pixel_um
    removed = {
        "opening": np.array([mean - cv2.mean(_sieve(levels, r), weight)[0] for r in radii]),
        "closing": np.array([255 - mean - cv2.mean(_sieve(255 - levels, r), weight)[0] for r in radii]),
    }
    for kind, total in removed.items():
        spectrum = np.diff(total, prepend=0.0)
        # What passes one sieve and not the next lies between their sizes.
        between = np.sqrt(diameters * np.r_[field.px * pixel_um, diameters[:-1]])
        size = ratio(float(spectrum @ between), float(spectrum.sum()))
        out[f"texture_{kind}_size_mean_um"] = size
        if np.isfinite(size):
            variance = float(spectrum @ (between - size) ** 2) / float(spectrum.sum())
            out[f"texture_{kind}_size_cv"] = float(np.sqrt(max(variance, 0.0)) / size)
    return out


def _sieve(levels: np.ndarray, radius: int) -> np.ndarray:
    """Grey-level opening by an octagon of `radius` pixels."""
    half_square = int(radius * (np.sqrt(2) - 1) + 0.5)
    square = np.ones((2 * half_square + 1,) * 2, np.uint8)
    diamond = radius - half_square
    opened = levels
    for step in (cv2.erode, cv2.dilate):
        opened = step(step(opened, square), _CROSS, iterations=diamond) if diamond else step(opened, square)
    return opened
