"""A table of regions becomes a few numbers: how many, how large, how spread, which shape.

Regions cut by the edge of the picture have no known size, and leaving them out favours small ones. So only whole
regions are measured, each weighted by ``W H / ((W - w - 1)(H - h - 1))``, one over the probability that a region with
its bounding box (w by h pixels) lies whole, off the edge pixels, in a frame of W by H pixels (Miles 1974;
Lantuejoul 1978). Means, spreads, quantiles and densities of a random field are then right on average.
"""

import numpy as np
import pandas as pd
from scipy.special import ndtr

from micro_features.features.feature import Feature, Phase

_MILES = "whole regions with Miles-Lantuejoul weights"

_STATISTICS = {
    "mean": ("Mean", _MILES),
    "sd": ("Standard deviation", f"{_MILES}; sum w (x - mean)^2 / (sum w - sum w^2 / sum w)"),
    "cv": ("Standard deviation over mean", _MILES),
    "min": ("Smallest", "smallest whole region"),
    "p10": ("10th percentile", f"{_MILES}; weighted quantile, Hazen's plotting position"),
    "median": ("Median", f"{_MILES}; weighted quantile, Hazen's plotting position"),
    "p90": ("90th percentile", f"{_MILES}; weighted quantile, Hazen's plotting position"),
    "max": ("Largest", "largest whole region"),
    "skewness": ("Skewness", f"{_MILES}; third central moment / second^1.5"),
    "area_weighted_mean": ("Mean over area rather than over number", f"{_MILES}; sum w A x / sum w A"),
}

_FULL = tuple(_STATISTICS)

# quantity -> (column of the region table, unit, what it is, statistics)
_QUANTITIES = {
    "area": ("area_um2", "um2", "area", _FULL),
    "diameter": ("equivalent_diameter_um", "um", "equivalent circle diameter, sqrt(4 A / pi),", _FULL),
    "perimeter": ("perimeter_um", "um", "perimeter (Crofton, 4 directions)", ("mean", "sd", "min", "median", "max")),
    "feret_max": ("feret_max_um", "um", "largest Feret diameter", ("mean", "max")),
    "aspect_ratio": ("aspect_ratio", "1", "aspect ratio (ellipse of the same moments)", ("mean", "sd")),
    "circularity": ("circularity", "1", "circularity, 4 pi A / P^2, not clipped at 1,", ("mean", "sd")),
    "solidity": ("solidity", "1", "solidity (share of the convex hull that is filled)", ("mean",)),
}

_DIMENSIONLESS = ("cv", "skewness")


def _name(phase: str, quantity: str, statistic: str, unit: str) -> str:
    return f"{phase}_{quantity}_{statistic}" + (f"_{unit}" if unit != "1" else "")


def _quantities(phase: str) -> dict[str, tuple[str, str, str, tuple[str, ...]]]:
    touching = {"neighbours": ("neighbours", "1", "number of grains that touch a grain", ("mean",))}
    return _QUANTITIES | (touching if phase == "grain" else {})


def _rows(phase: Phase) -> list[Feature]:
    rows = [
        Feature(f"{phase}_number", "1", phase, f"{phase.capitalize()}s counted, cut ones included.", "plain count"),
        Feature(
            f"{phase}_number_density_per_um2",
            "1/um2",
            phase,
            f"{phase.capitalize()}s per area of picture.",
            "sum of Miles-Lantuejoul weights of whole regions / valid area (Miles 1974, Lantuejoul 1978)",
            stereological=True,
        ),
    ]
    for quantity, (_, unit, words, statistics) in _quantities(phase).items():
        for statistic in statistics:
            of_it = "1" if statistic in _DIMENSIONLESS else unit
            meaning, source = _STATISTICS[statistic]
            name = _name(phase, quantity, statistic, of_it)
            rows.append(
                Feature(
                    name,
                    of_it,
                    phase,
                    f"{phase.capitalize()} {words.rstrip(',')}: {meaning[0].lower()}{meaning[1:]}.",
                    source,
                )
            )
    fit = f"{_MILES}; mean and standard deviation of ln(diameter)"
    return [
        *rows,
        Feature(f"{phase}_diameter_geometric_mean_um", "um", phase, f"Geometric mean of {phase} diameter.", fit),
        Feature(
            f"{phase}_diameter_geometric_sd", "1", phase, f"Geometric standard deviation of {phase} diameter.", fit
        ),
        Feature(
            f"{phase}_diameter_lognormal_ks",
            "1",
            phase,
            f"Largest distance of the {phase} diameter distribution from the lognormal one (0 fits).",
            "Kolmogorov-Smirnov distance to the lognormal fit, weighted",
        ),
    ]


POPULATION_FEATURES: tuple[Feature, ...] = (*_rows("grain"), *_rows("pore"))

PUBLISHED: tuple[str, ...] = (
    *(
        _name(phase, quantity, statistic, unit)
        for phase in ("grain", "pore")
        for quantity, unit in (("area", "um2"), ("perimeter", "um"))
        for statistic in ("mean", "sd", "min", "median", "max")
    ),
    "grain_number",
    "pore_number",
)
"""The 22 grain and pore parameters of Zhang et al., Nano Letters 24 (2024) 5292."""


def population_features(regions: pd.DataFrame, valid: np.ndarray, *, phase: Phase, pixel_um: float) -> dict[str, float]:
    """Statistics of the regions of one phase.

    Parameters
    ----------
    regions : DataFrame
        From `regions.region_table`.
    valid : (rows, cols) bool array
        Where there is material; its bounding box is the frame of the weights.
    phase : str
        ``"grain"`` or ``"pore"``.
    pixel_um : float
        Edge of a pixel, micrometres.

    Returns
    -------
    dict
        Every name of `POPULATION_FEATURES` of this phase. Without regions the number and its density are 0 and the
        rest is NaN; where regions exist but none is whole, all but the number is NaN. A spread of one region, a
        skewness of fewer than three or of equal ones, and the distance from a fit to these, are NaN.
    """
    features = {f"{phase}_number": float(len(regions))}
    whole = regions[~regions["touches_border"]]
    weights = whole_region_weights(whole, valid, pixel_um)
    area = np.count_nonzero(valid) * pixel_um**2
    seen = area > 0 and (len(whole) > 0 or len(regions) == 0)
    features[f"{phase}_number_density_per_um2"] = float(weights.sum() / area) if seen else np.nan

    areas = whole["area_um2"].to_numpy(float)
    for quantity, (column, unit, _, statistics) in _quantities(phase).items():
        values = describe(whole[column].to_numpy(float), weights, areas)
        for statistic in statistics:
            of_it = "1" if statistic in _DIMENSIONLESS else unit
            features[_name(phase, quantity, statistic, of_it)] = values[statistic]
    mean, sd, distance = _lognormal(whole["equivalent_diameter_um"].to_numpy(float), weights)
    features[f"{phase}_diameter_geometric_mean_um"] = mean
    features[f"{phase}_diameter_geometric_sd"] = sd
    features[f"{phase}_diameter_lognormal_ks"] = distance
    return features


def whole_region_weights(whole: pd.DataFrame, valid: np.ndarray, pixel_um: float) -> np.ndarray:
    """One over the probability that each region lies whole in the frame (Miles 1974; Lantuejoul 1978).

    Parameters
    ----------
    whole : DataFrame
        Regions that do not touch the border; columns ``height_um`` and ``width_um``.
    valid : (rows, cols) bool array
        Where there is material; its bounding box is the frame.
    pixel_um : float
        Edge of a pixel, micrometres.

    Returns
    -------
    (n,) float array
        At least 1.
    """
    rows, cols = (np.flatnonzero(valid.any(axis=axis)) for axis in (1, 0))
    if len(whole) == 0 or len(rows) == 0:
        return np.zeros(0)
    height, width = np.ptp(rows) + 1, np.ptp(cols) + 1
    free_rows = height - whole["height_um"].to_numpy(float) / pixel_um - 1
    free_cols = width - whole["width_um"].to_numpy(float) / pixel_um - 1
    return height * width / (np.maximum(free_rows, 1) * np.maximum(free_cols, 1))


def describe(values: np.ndarray, weights: np.ndarray, areas: np.ndarray) -> dict[str, float]:
    """Weighted statistics of a sample.

    Parameters
    ----------
    values, weights, areas : (n,) float arrays
        Weights are positive; areas weight the area-weighted mean besides.

    Returns
    -------
    dict
        By the statistic's name; NaN where the sample is too small for it.
    """
    if len(values) == 0:
        return dict.fromkeys(_STATISTICS, np.nan)
    mean, sd = _mean_sd(values, weights)
    skewness = np.nan
    if len(values) > 2 and sd > 0:
        deviation = values - mean
        second, third = (np.average(deviation**power, weights=weights) for power in (2, 3))
        skewness = float(third / second**1.5)
    p10, median, p90 = _quantiles(values, weights, (0.1, 0.5, 0.9))
    return {
        "mean": mean,
        "sd": sd,
        "cv": sd / mean,
        "min": float(values.min()),
        "p10": p10,
        "median": median,
        "p90": p90,
        "max": float(values.max()),
        "skewness": skewness,
        "area_weighted_mean": float(np.average(values, weights=weights * areas)),
    }


def _mean_sd(values: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    mean = float(np.average(values, weights=weights))
    if len(values) < 2:
        return mean, np.nan
    total = weights.sum()
    variance = np.sum(weights * (values - mean) ** 2) / (total - np.sum(weights**2) / total)
    # Equal values differ by rounding only.
    sd = float(np.sqrt(variance))
    return mean, sd if sd > 1e-12 * abs(mean) else 0.0


def _quantiles(values: np.ndarray, weights: np.ndarray, at: tuple[float, ...]) -> list[float]:
    order = np.lexsort([weights, values])  # ties by weight, so that labels do not matter
    middle = np.cumsum(weights[order]) - weights[order] / 2
    return [float(q) for q in np.interp(np.array(at) * weights.sum(), middle, values[order])]


def _lognormal(values: np.ndarray, weights: np.ndarray) -> tuple[float, float, float]:
    """Geometric mean, geometric standard deviation, and distance of the fitted distribution function."""
    if len(values) == 0:
        return np.nan, np.nan, np.nan
    order = np.argsort(values, kind="stable")
    logs, weights = np.log(values[order]), weights[order]
    # Logarithms of lengths can have any mean, so their spread is judged on its own.
    mu, sigma = _mean_sd(logs - logs[0], weights)
    mu += logs[0]
    distance = np.nan
    if len(values) > 2 and sigma > 1e-9:
        fitted = ndtr((logs - mu) / sigma)
        reached = np.cumsum(weights) / weights.sum()
        before = np.append(0.0, reached[:-1])
        distance = float(np.max(np.maximum(np.abs(reached - fitted), np.abs(fitted - before))))
    return float(np.exp(mu)), float(np.exp(sigma)), distance
