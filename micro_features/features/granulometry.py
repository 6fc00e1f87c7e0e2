"""Granulometry: sizes of bright and dark patches, by sieving the grey levels with openings and closings."""

import cv2
import numpy as np

from micro_features.features.feature import Feature
from micro_features.features.greyfield import GreyField, away_from_mask, blurred, quantiles

_SOURCE = "Pattern spectrum of openings and closings by octagons (Matheron 1975; Maragos 1989, doi 10.1109/34.192465)"

GRANULOMETRY_FEATURES = tuple(
    Feature(
        f"texture_{kind}_size_{statistic}_um",
        "um",
        "texture",
        f"Sieve size at which {share} of the contrast of {what} patches is gone, that contrast being {contrast}; "
        "sieves of 6 to 146 px, empty where these do not suffice.",
        _SOURCE,
    )
    for kind, what, contrast in (
        ("opening", "bright", "mean less 1st percentile of grey level"),
        ("closing", "dark", "99th percentile less mean of grey level"),
    )
    for statistic, share in (("p25", "a quarter"), ("median", "half"))
)

# Radii in pixels of the field. An octagon of radius r is a square grown by a diamond; both parts never shrink from one
# radius to the next, so each sieve lets through no more than the one before (Matheron's condition).
_RADII = (1, 2, 3, 5, 8, 12, 18, 26, 36)
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
    smooth = blurred(field.grey, _BLUR) * 32 + 128
    levels = np.clip(np.rint(smooth), 0, 255).astype(np.uint8)
    weight = counted.astype(np.uint8)
    mean = cv2.mean(smooth, weight)[0]
    darkest, brightest = quantiles(smooth[counted], (0.01, 0.99))
    diameters = (2.0 * np.array(radii) + 1) * field.px * pixel_um
    for kind, grey, all_of_it in (("opening", levels, mean - darkest), ("closing", 255 - levels, brightest - mean)):
        level = cv2.mean(grey, weight)[0]
        removed = [level - cv2.mean(_sieve(grey, r), weight)[0] for r in radii]
        for statistic, share in (("p25", 0.25), ("median", 0.5)):
            # The whole range of grey levels is the measure: what the coarsest sieve removes would depend on its size.
            size = np.interp(share * all_of_it, np.r_[0, removed], np.r_[0, diameters], right=np.nan)
            out[f"texture_{kind}_size_{statistic}_um"] = float(size) if all_of_it > 0 else np.nan
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
