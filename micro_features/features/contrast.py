"""Unevenness of local contrast: is detail spread evenly, or gathered at some places with calm ones between?

Sintering turns a heap of like particles into dense, smooth facets with pores and steps between. All measures are
ratios of contrasts, so gain, brightness and much of the imaging session drop out. Each level looks at the picture
blurred by the number of pixels in the name.
"""

import cv2
import numpy as np

from micro_features.features.feature import Feature
from micro_features.features.greyfield import (
    FEWEST_PIXELS,
    GreyField,
    away_from_mask,
    blurred,
    coarser,
    quantiles,
    ratio,
)

BLURS_PX = (2, 4, 8)
_WINDOW = 7
_SMOOTH = 0.3
_PORE_GREY = -1.5  # standard deviations: the bottom of a pore is dark and smooth, and no facet
_SMALLEST_FACET_PX2 = 400
_SCATTERED_PX = {8: (16, 32), 16: (32,)}

_OWN = "Defined here; after the observation that evenness of detail, not its scale, holds across imaging sessions"
_SCATTERING = "Second over first order scattering coefficients, Mallat 2012, doi 10.1002/cpa.21413"

CONTRAST_FEATURES = (
    *(
        Feature(name, "1", "texture", meaning, source)
        for px in BLURS_PX
        for name, meaning, source in (
            (
                f"texture_gradient_cv_{px}px",
                f"Gradient magnitude after a blur of {px} px: standard deviation over mean.",
                _OWN,
            ),
            (
                f"texture_gradient_p95_over_median_{px}px",
                f"Gradient magnitude after a blur of {px} px: 95th percentile over median.",
                _OWN,
            ),
            (
                f"texture_band_kurtosis_{px}to{2 * px}px",
                f"Excess kurtosis of grey levels between blurs of {px} and {2 * px} px: 0 for Gaussian, high where "
                "strong detail is rare.",
                "Fourth standardised moment of a difference of Gaussians",
            ),
            (
                f"texture_local_contrast_p5_over_median_{px}px",
                f"Standard deviation in windows of {_WINDOW * px} px after a blur of {px} px: 5th percentile over "
                "median; low where calm facets lie in busy surroundings.",
                _OWN,
            ),
            (
                f"texture_local_contrast_p25_over_median_{px}px",
                f"Standard deviation in windows of {_WINDOW * px} px after a blur of {px} px: 25th percentile over "
                "median.",
                _OWN,
            ),
        )
    ),
    Feature(
        "texture_facet_share",
        "1",
        "texture",
        f"Share of the area that is smooth: local standard deviation (blur 2 px, windows of {_WINDOW * 2} px) below "
        f"{_SMOOTH} of its 90th percentile, and not as dark as a pore (1.5 standard deviations below the mean).",
        _OWN,
    ),
    Feature(
        "texture_facet_size_mean_um",
        "um",
        "texture",
        "Area-weighted mean equivalent-circle diameter of smooth facets, as in texture_facet_share, of at least "
        f"{_SMALLEST_FACET_PX2} px2; empty where there is none.",
        _OWN,
    ),
    *(
        Feature(
            f"texture_scattering_{first}px_{second}px",
            "1",
            "texture",
            f"How strongly the amplitude of detail at wavelengths near {first} px varies at wavelengths near "
            f"{second} px, over that amplitude; four directions each.",
            _SCATTERING,
        )
        for first, seconds in _SCATTERED_PX.items()
        for second in seconds
    ),
    Feature(
        "texture_anisotropy",
        "1",
        "texture",
        "Coherence of the mean structure tensor, blur 2 px: 0 for no preferred direction, 1 for stripes.",
        "Bigun and Granlund 1987",
    ),
)


def contrast_features(field: GreyField, *, pixel_um: float) -> dict[str, float]:
    """Measure `CONTRAST_FEATURES`; NaN where the field is too small, masked or without contrast.

    Parameters
    ----------
    field : GreyField
    pixel_um : float
        Edge of a pixel of the picture, micrometres.
    """
    out = {feature.name: np.nan for feature in CONTRAST_FEATURES}
    level = field
    levels = [field]
    for px in BLURS_PX:
        if min(level.grey.shape) >= 4 * _WINDOW:
            out.update(_at_level(level, px, pixel_um))
        level = coarser(level)
        levels.append(level)
    out.update(_scattering(levels))
    return out


def _at_level(level: GreyField, px: int, pixel_um: float) -> dict[str, float]:
    """Unevenness after a blur by one pixel of the level, which is `px` pixels of the picture."""
    fine, coarse = blurred(level.grey, 1.0), blurred(level.grey, 2.0)
    out: dict[str, float] = {}

    inside = away_from_mask(level.valid, 4)
    if np.count_nonzero(inside) < FEWEST_PIXELS:
        return out
    dx, dy = cv2.Scharr(fine, cv2.CV_32F, 1, 0), cv2.Scharr(fine, cv2.CV_32F, 0, 1)
    gradient = cv2.magnitude(dx, dy)[inside]
    median, p95 = quantiles(gradient, (0.5, 0.95))
    out[f"texture_gradient_cv_{px}px"] = ratio(gradient.std(dtype=float), gradient.mean(dtype=float))
    out[f"texture_gradient_p95_over_median_{px}px"] = ratio(p95, median)
    if px == BLURS_PX[0]:
        out["texture_anisotropy"] = _coherence(dx[inside], dy[inside])

    band = (fine - coarse)[inside]
    squared = (band - np.float32(band.mean(dtype=float))) ** 2
    fourth, second = np.sqrt(np.mean(squared * squared, dtype=float)), np.mean(squared, dtype=float)
    out[f"texture_band_kurtosis_{px}to{2 * px}px"] = ratio(fourth, second) ** 2 - 3

    inside = away_from_mask(level.valid, _WINDOW // 2 + 3)
    if np.count_nonzero(inside) < FEWEST_PIXELS:
        return out
    local = local_deviation(fine)
    p5, p25, median, p90 = quantiles(local[inside], (0.05, 0.25, 0.5, 0.9))
    out[f"texture_local_contrast_p5_over_median_{px}px"] = ratio(p5, median)
    out[f"texture_local_contrast_p25_over_median_{px}px"] = ratio(p25, median)
    if px == BLURS_PX[0]:
        smooth = (local < _SMOOTH * p90) & (fine > _PORE_GREY) & inside
        out.update(_facets(smooth, inside, level.px, pixel_um))
    return out


def local_deviation(grey: np.ndarray) -> np.ndarray:
    """Standard deviation in square windows."""
    size = (_WINDOW, _WINDOW)
    mean = cv2.blur(grey, size, borderType=cv2.BORDER_REFLECT)
    mean_of_squares = cv2.sqrBoxFilter(grey, -1, size, borderType=cv2.BORDER_REFLECT)
    return np.sqrt(np.maximum(mean_of_squares - mean * mean, 0))


def _facets(smooth: np.ndarray, inside: np.ndarray, px: float, pixel_um: float) -> dict[str, float]:
    out: dict[str, float] = {"texture_facet_share": np.count_nonzero(smooth) / np.count_nonzero(inside)}
    _, _, stats, _ = cv2.connectedComponentsWithStats(smooth.astype(np.uint8), connectivity=4)
    area_px2 = stats[1:, cv2.CC_STAT_AREA] * px**2
    area_px2 = area_px2[area_px2 >= _SMALLEST_FACET_PX2]
    if area_px2.size:
        diameter_um = np.sqrt(4 / np.pi * area_px2) * pixel_um
        out["texture_facet_size_mean_um"] = float(area_px2 @ diameter_um / area_px2.sum())
    return out


def _coherence(dx: np.ndarray, dy: np.ndarray) -> float:
    xx, yy, xy = (float(np.mean(a * b, dtype=float)) for a, b in ((dx, dx), (dy, dy), (dx, dy)))
    return ratio(np.hypot(xx - yy, 2 * xy), xx + yy)


def _gabor(frequency: float) -> tuple[np.ndarray, np.ndarray]:
    """Even and odd one-dimensional Gabor filters, bandwidth about an octave at 1/4; `frequency` in cycles per pixel."""
    x = np.arange(-5, 6, dtype=float)
    envelope = np.exp(-(x**2) / (2 * 1.6**2))
    envelope /= envelope.sum()
    return envelope * np.cos(2 * np.pi * frequency * x), envelope * np.sin(2 * np.pi * frequency * x)


def _amplitudes(grey: np.ndarray) -> list[np.ndarray]:
    """Amplitude of detail at wavelengths near 4 px of `grey` in four directions.

    A Gabor filter is a product of a filter along rows and one along columns; those for both diagonals are sums and
    differences of the same four products.
    """

    def product(along_cols: np.ndarray, along_rows: np.ndarray) -> np.ndarray:
        return cv2.sepFilter2D(detail, -1, along_cols, along_rows, borderType=cv2.BORDER_REFLECT)

    envelope, _ = _gabor(0)
    # Even filters have a small mean; taking off the local mean first removes its effect.
    detail = grey - cv2.sepFilter2D(grey, -1, envelope, envelope, borderType=cv2.BORDER_REFLECT)
    even, odd = _gabor(1 / 4)
    upright = [
        cv2.magnitude(product(even, envelope), product(odd, envelope)),
        cv2.magnitude(product(envelope, even), product(envelope, odd)),
    ]
    even, odd = _gabor(np.sqrt(1 / 2) / 4)
    cc, ss, sc, cs = product(even, even), product(odd, odd), product(odd, even), product(even, odd)
    return [*upright, cv2.magnitude(cc - ss, sc + cs), cv2.magnitude(cc + ss, sc - cs)]


def _scattering(levels: list[GreyField]) -> dict[str, float]:
    out: dict[str, float] = {}
    by_wavelength = {round(4 * level.px): level for level in levels}
    for first, seconds in _SCATTERED_PX.items():
        level = by_wavelength[first]
        inside = away_from_mask(level.valid, 5)
        if min(level.grey.shape) < 32 or np.count_nonzero(inside) < FEWEST_PIXELS:
            continue
        amplitudes = _amplitudes(level.grey)
        order_1 = float(np.mean([a[inside].mean(dtype=float) for a in amplitudes]))
        # The directions' mean: what varies is how much detail there is, whatever way it points.
        coarse = GreyField(np.mean(amplitudes, axis=0), inside.astype(np.uint8), level.px)
        for second in seconds:
            coarse = coarser(coarse)
            inside = away_from_mask(coarse.valid, 5)
            if min(coarse.grey.shape) < 16 or np.count_nonzero(inside) < FEWEST_PIXELS:
                break
            order_2 = float(np.mean([a[inside].mean(dtype=float) for a in _amplitudes(coarse.grey)]))
            out[f"texture_scattering_{first}px_{second}px"] = ratio(order_2, order_1)
    return out
