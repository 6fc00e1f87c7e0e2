"""Power spectrum and autocorrelation: at which lengths the contrast of a picture sits."""

import cv2
import numpy as np
from scipy import fft

from micro_features.features.feature import Feature
from micro_features.features.greyfield import GreyField, ratio

BANDS_PX = ((4, 8), (8, 16), (16, 32), (32, 64), (64, 128))
SLOPE_BAND_PX = (8.0, 64.0)
_FEWEST_ROWS = 32

_WELCH = "Hann-windowed periodogram (Welch 1967, doi 10.1109/TAU.1967.1161901), averaged over directions"

SPECTRUM_FEATURES = (
    Feature(
        "texture_spectrum_slope",
        "1",
        "texture",
        "Slope of log power density over log frequency between wavelengths of 8 and 64 px: 0 for white noise, "
        "about -3 for smooth relief.",
        _WELCH,
    ),
    *(
        Feature(
            f"texture_spectrum_share_{low}to{high}px",
            "1",
            "texture",
            f"Share of the contrast (variance at wavelengths 4 to 128 px) that sits at wavelengths {low} to {high} px.",
            _WELCH,
        )
        for low, high in BANDS_PX
    ),
    *(
        Feature(
            f"texture_spectrum_frequency_{name}_per_um",
            "1/um",
            "texture",
            f"Spatial frequency, cycles per micrometre, below which {share} of the contrast sits "
            "(wavelengths above 4 px).",
            _WELCH,
        )
        for name, share in (("p10", "a tenth"), ("median", "half"), ("p90", "nine tenths"))
    ),
    Feature(
        "texture_autocorrelation_length_um",
        "um",
        "texture",
        "Distance over which the direction-averaged autocorrelation of grey level, noise removed, falls to 1/e.",
        "Wiener-Khinchin; noise by extrapolation to zero lag (Thong, Sim and Phang 2001, doi 10.1002/sca.4950230506)",
    ),
    Feature(
        "texture_autocorrelation_half_length_um",
        "um",
        "texture",
        "Distance over which the direction-averaged autocorrelation of grey level, noise removed, falls to 1/2.",
        "Wiener-Khinchin; noise by extrapolation to zero lag (Thong, Sim and Phang 2001, doi 10.1002/sca.4950230506)",
    ),
)


def spectrum_features(field: GreyField, *, pixel_um: float) -> dict[str, float]:
    """Measure `SPECTRUM_FEATURES`.

    Parameters
    ----------
    field : GreyField
    pixel_um : float
        Edge of a pixel of the picture, micrometres.

    Returns
    -------
    dict
        NaN where the picture is too small, or holds no contrast at the lengths in question.
    """
    out = {feature.name: np.nan for feature in SPECTRUM_FEATURES}
    if min(field.grey.shape) < _FEWEST_ROWS:
        return out
    windowed, window = windowed_grey(field)
    power = np.abs(fft.rfft2(windowed, workers=1)) ** 2
    frequency, copies = _frequencies(windowed.shape[0], windowed.shape[1], field.px)
    out.update(_spectrum(power, frequency, copies, field, pixel_um))
    acf = autocorrelation(power, window)
    for name, level in (("length", 1 / np.e), ("half_length", 0.5)):
        out[f"texture_autocorrelation_{name}_um"] = fall_to(acf, level) * field.px * pixel_um
    return out


def windowed_grey(field: GreyField) -> tuple[np.ndarray, np.ndarray]:
    """Grey level without its large-scale trend, and the window by which it was multiplied: 0 at frame and masks.

    Returns
    -------
    windowed, window : (rows, cols) float32 array
        Sizes are rounded up to what a Fourier transform does fast; the window is 0 there.
    """
    rows, cols = field.grey.shape
    window = np.outer(_hann(rows), _hann(cols)) * field.valid
    windowed = (field.grey - _trend(field.grey, window)) * window
    size = fft.next_fast_len(rows, real=True), fft.next_fast_len(cols, real=True)
    margin = ((0, size[0] - rows), (0, size[1] - cols))
    return np.pad(windowed, margin), np.pad(window, margin)


def _trend(grey: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Quadratic surface that fits best where the window weights most: uneven illumination and detector shadow."""
    rows, cols = grey.shape
    size = min(cols, 64), min(rows, 64)
    weight = cv2.resize(window, size, interpolation=cv2.INTER_AREA).astype(float)
    value = cv2.resize(grey * window, size, interpolation=cv2.INTER_AREA).astype(float)

    def terms(n_rows: int, n_cols: int) -> list[np.ndarray]:
        # Cell centres between -1 and 1.
        y = ((2 * np.arange(n_rows) + 1) / n_rows - 1)[:, None]
        x = ((2 * np.arange(n_cols) + 1) / n_cols - 1)[None, :]
        return [np.ones((1, 1)), x, y, x * y, x * x, y * y]

    basis = np.stack([np.broadcast_to(t, weight.shape).ravel() for t in terms(*weight.shape)])
    normal = (basis * weight.ravel()) @ basis.T
    coefficients, *_ = np.linalg.lstsq(normal, basis @ value.ravel(), rcond=1e-9)
    one, x, y, xy, xx, yy = (c * t for c, t in zip(coefficients, terms(rows, cols), strict=True))
    return ((one + x + xx) + (y + yy) + xy).astype(np.float32)


def autocorrelation(power: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Direction-averaged autocorrelation at lags 0, 1, 2, ... pixels of the field, noise removed, 1 at lag 0.

    Noise that is independent from pixel to pixel adds to lag 0 only; the structure's own value there is
    extrapolated from lags 1 and 2. Dividing by the window's autocorrelation corrects for window and mask.
    """
    raw = radial_autocorrelation(power, window)
    structure = structure_variance(raw)
    if not structure > 0:
        return np.full(raw.shape, np.nan)
    acf = raw / structure
    acf[0] = 1.0
    return acf


def radial_autocorrelation(power: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Direction-averaged autocovariance of the grey level at lags 0, 1, 2, ... pixels of the field."""
    rows, cols = window.shape
    reach = min(rows, cols) // 4
    shape = window.shape
    grey = fft.irfft2(power, s=shape, workers=1)
    weight = fft.irfft2(np.abs(fft.rfft2(window, workers=1)) ** 2, s=shape, workers=1)
    # Lags of both signs lie at both ends; the transform of a real picture is symmetric, so half of them suffice.
    lag_rows = np.r_[0 : reach + 1, -reach:0]
    corner = np.ix_(lag_rows % rows, np.r_[0 : reach + 1])
    lags = np.rint(np.hypot(lag_rows[:, None], np.arange(reach + 1)[None, :])).astype(np.intp).ravel()
    # A zero column lag holds both signs, any other stands for its mirror image too.
    copies = np.where(np.arange(reach + 1) == 0, 1.0, 2.0)[None, :].repeat(lag_rows.size, axis=0).ravel()
    total = np.bincount(lags, weights=grey[corner].ravel() * copies)[: reach + 1]
    norm = np.bincount(lags, weights=weight[corner].ravel() * copies)[: reach + 1]
    return np.where(norm > 1e-6 * norm[0], total / np.maximum(norm, 1e-30), 0.0)


def structure_variance(autocovariance: np.ndarray) -> float:
    """Autocovariance at lag 0 without noise, extrapolated from lags 1 and 2 and never above the measured one."""
    at_0, at_1, at_2 = autocovariance[:3]
    return float(min(at_0, at_1 + max(at_1 - at_2, 0.0)))


def fall_to(acf: np.ndarray, level: float) -> float:
    """First lag at which `acf` falls to `level`, between lags linearly; NaN where it never does."""
    below = np.flatnonzero(acf <= level)
    if below.size == 0 or below[0] == 0:
        return np.nan
    i = below[0]
    return float(i - 1 + (acf[i - 1] - level) / (acf[i - 1] - acf[i]))


def _spectrum(
    power: np.ndarray, frequency: np.ndarray, copies: np.ndarray, field: GreyField, pixel_um: float
) -> dict[str, float]:
    out: dict[str, float] = {}
    # Nearly even steps in log frequency, each at least as wide as the window's main lobe.
    finest, coarsest = 1 / (2 * field.px), 2 / (min(field.grey.shape) * field.px)
    low = max(1 / BANDS_PX[-1][1], coarsest)
    both = power * copies
    share_of: dict[str, float] = {}
    for low_px, high_px in BANDS_PX:
        inside = (frequency > 1 / high_px) & (frequency <= 1 / low_px)
        share_of[f"texture_spectrum_share_{low_px}to{high_px}px"] = float(both[inside].sum(dtype=float))
    total = sum(share_of.values())
    out.update({name: ratio(value, total) for name, value in share_of.items()})

    inside = (frequency > 1 / SLOPE_BAND_PX[1]) & (frequency <= 1 / SLOPE_BAND_PX[0])
    edges = np.geomspace(1 / SLOPE_BAND_PX[1], 1 / SLOPE_BAND_PX[0], 10)
    bin_of = np.digitize(frequency[inside], edges)
    n = np.bincount(bin_of, weights=copies[inside], minlength=11)[1:10]
    density = np.bincount(bin_of, weights=both[inside], minlength=11)[1:10]
    filled = n > 0
    if filled.sum() >= 5 and np.all(density[filled] > 0):
        centre = np.log(np.sqrt(edges[1:] * edges[:-1]))
        out["texture_spectrum_slope"] = float(np.polyfit(centre[filled], np.log(density[filled] / n[filled]), 1)[0])

    inside = (frequency > low) & (frequency <= finest)
    step = 1 / (max(field.grey.shape) * field.px)
    cumulative = np.cumsum(np.bincount((frequency[inside] / step).astype(np.intp), weights=both[inside].astype(float)))
    if cumulative.size and cumulative[-1] > 0:
        upper = np.arange(1, cumulative.size + 1) * step
        for name, share in (("p10", 0.1), ("median", 0.5), ("p90", 0.9)):
            value = np.interp(share * cumulative[-1], cumulative, upper)
            out[f"texture_spectrum_frequency_{name}_per_um"] = float(value / pixel_um)
    return out


def _frequencies(rows: int, cols: int, px: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequency of each entry of a half spectrum, cycles per picture pixel, and how many entries it stands for."""
    frequency = np.hypot(fft.fftfreq(rows, px)[:, None], fft.rfftfreq(cols, px)[None, :]).astype(np.float32)
    copies = np.full(frequency.shape, 2.0, np.float32)
    copies[:, 0] = 1.0
    if cols % 2 == 0:
        copies[:, -1] = 1.0
    return frequency, copies


def _hann(n: int) -> np.ndarray:
    return (0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(n) + 0.5) / n)).astype(np.float32)
