"""The picture as a field: how much of it is pore, of which look, where, and how evenly spread."""

import cv2
import numpy as np
import pandas as pd
from scipy.spatial import cKDTree
from scipy.special import gammaincinv

from micro_features.features.feature import Feature

_RESAMPLES = 2000
_FEWEST_BLOCKS = 10

FIELD_FEATURES: tuple[Feature, ...] = (
    Feature("porosity", "1", "pore", "Share of the measured area that is pore.", "area fraction A_A = V_V", True),
    Feature(
        "porosity_ci95_low",
        "1",
        "pore",
        "Lower end of the 95 % confidence interval of the porosity: sampling only, not the choice of threshold.",
        "block bootstrap t, blocks of several pore spacings; few pores: gamma interval (Fay and Feuer 1997)",
        True,
    ),
    Feature(
        "porosity_ci95_high",
        "1",
        "pore",
        "Upper end of the 95 % confidence interval of the porosity: sampling only, not the choice of threshold.",
        "as the lower end; empty where no pore was seen",
        True,
    ),
    Feature(
        "porosity_rounded",
        "1",
        "pore",
        "Share of the measured area in rounded pores.",
        "whole and cut pores with circularity 4 pi A / P^2 of at least the limit",
        True,
    ),
    Feature(
        "porosity_open",
        "1",
        "pore",
        "Share of the measured area in open-looking (ragged, branched) pores.",
        "porosity - porosity_rounded",
        True,
    ),
    Feature(
        "pore_on_boundary_number_share",
        "1",
        "boundary",
        "Share by number of pores that touch two grains or more.",
        "pores on boundaries / pores that touch any grain",
    ),
    Feature(
        "pore_on_boundary_area_share",
        "1",
        "boundary",
        "Share by area of pores that touch two grains or more.",
        "pores on boundaries / pores that touch any grain",
    ),
    Feature(
        "pore_nearest_distance_mean_um",
        "um",
        "pore",
        "Mean distance of a pore's centre to the nearest other pore's.",
        "between centroids, uncorrected for the edge",
    ),
    Feature(
        "pore_clark_evans",
        "1",
        "pore",
        "Evenness of pore places: 1 random, below clustered, above regular (pores do not overlap, which raises it).",
        "mean nearest distance / (sqrt(A / n) / 2 + (0.0514 + 0.041 / sqrt n) L / n), Clark and Evans 1954, "
        "edge correction of Donnelly 1978",
    ),
)


def field_features(
    grains: np.ndarray,
    pores: np.ndarray,
    pore_regions: pd.DataFrame,
    valid: np.ndarray,
    *,
    pixel_um: float,
    rounded_circularity: float,
    reach_px: int,
    seed: int,
) -> dict[str, float]:
    """Porosity and the places of pores.

    Parameters
    ----------
    grains, pores : (rows, cols) int32 arrays
        Labels from 1, 0 is background; no grain where there is a pore.
    pore_regions : DataFrame
        `regions.region_table` of `pores`.
    valid : (rows, cols) bool array
        Where there is material.
    pixel_um : float
        Edge of a pixel, micrometres.
    rounded_circularity : float
        Pores of at least this circularity look rounded, the others open; 0.6 is a sensible choice.
    reach_px : int
        A pore touches the grains found at this distance from its rim, pixels: more than the width of a boundary line.
    seed : int
        Of the bootstrap.

    Returns
    -------
    dict
        Every name of `FIELD_FEATURES`; see the functions below for what is NaN.
    """
    features = porosity_features(pores, valid, seed=seed)
    area = np.count_nonzero(valid) * pixel_um**2
    rounded = pore_regions["area_um2"][pore_regions["circularity"] >= rounded_circularity].sum()
    features["porosity_rounded"] = float(min(rounded / area, features["porosity"])) if area else np.nan
    features["porosity_open"] = features["porosity"] - features["porosity_rounded"]
    features |= boundary_pores(grains, pores, valid, reach_px=reach_px)
    centres = pore_regions[["centroid_row_px", "centroid_col_px"]].to_numpy(float) * pixel_um
    rows, cols = (np.count_nonzero(valid.any(axis=axis)) for axis in (1, 0))
    return features | spacing_features(centres, area_um2=area, perimeter_um=2 * (rows + cols) * pixel_um)


def porosity_features(pores: np.ndarray, valid: np.ndarray, *, seed: int) -> dict[str, float]:
    """Area share of pores with a 95 % confidence interval.

    The picture is cut into blocks of several pore spacings (5 x 5 to 15 x 15 blocks); whole blocks are drawn again
    and again with replacement, and the interval is that of the studentised share (bootstrap t), which follows the
    skewness that few large pores bring. Where pores are so few that fewer than 10 blocks hold any, blocks tell too
    little: then pores are taken as thrown at random, and the interval is the gamma interval of a weighted Poisson
    sum (Fay and Feuer 1997). Above one half, pores and the rest change places.

    Parameters
    ----------
    pores : (rows, cols) int array
        Labels or mask of pores.
    valid : (rows, cols) bool array
        Where there is material.
    seed : int
        Of the resampling.

    Returns
    -------
    dict
        ``porosity``, ``porosity_ci95_low``, ``porosity_ci95_high``, 0 to 1. NaN where nothing is valid. Without pores
        the share is 0 and its lower end 0; the upper end is NaN, because nothing tells how large an unseen pore is.
        Where all is pore, likewise the lower end.
    """
    share = low = high = np.nan
    rows, cols = (np.flatnonzero(valid.any(axis=axis)) for axis in (1, 0))
    if len(rows):
        frame = (slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1))
        inside = valid[frame]
        pore = (pores[frame] > 0) & inside
        share = np.count_nonzero(pore) / np.count_nonzero(inside)
        if share <= 0.5:
            low, high = _interval(pore, inside, seed)
        else:
            high, low = (1 - end for end in _interval(inside & ~pore, inside, seed))
    return {"porosity": share, "porosity_ci95_low": low, "porosity_ci95_high": high}


def _interval(spots: np.ndarray, inside: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % confidence interval of the share of `inside` that is `spots`."""
    number, _, statistics, _ = cv2.connectedComponentsWithStats(spots.astype(np.uint8), connectivity=8)
    if number == 1:
        return 0.0, np.nan
    area, sizes = np.count_nonzero(inside), statistics[1:, cv2.CC_STAT_AREA].astype(float)
    ends = [_block_ends(size, 4 * np.sqrt(area / len(sizes))) for size in spots.shape]
    found, seen = _block_sums(spots, ends), _block_sums(inside, ends)
    if np.count_nonzero(found) >= _FEWEST_BLOCKS:
        return _bootstrap_share(found, seen, seed)
    total, squares, largest = sizes.sum(), np.sum(sizes**2), sizes.max()
    low = gammaincinv(total**2 / squares, 0.025) * squares / total
    squares, total = squares + largest**2, total + largest
    high = gammaincinv(total**2 / squares, 0.975) * squares / total
    return float(low / area), float(min(high / area, 1.0))


def _block_ends(size: int, wanted: float) -> np.ndarray:
    """First pixels of an odd number of blocks, so that the split is the same from either side."""
    blocks = 2 * (int(np.clip(size / wanted, 5, 15)) // 2) + 1
    ends = np.round(np.linspace(0, size, min(blocks, size) + 1)).astype(int)
    return ends[:-1]


def _block_sums(mask: np.ndarray, ends: list[np.ndarray]) -> np.ndarray:
    by_row = np.add.reduceat(mask, ends[0], axis=0, dtype=np.int32)
    return np.add.reduceat(by_row, ends[1], axis=1).ravel()


def _bootstrap_share(found: np.ndarray, seen: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % bootstrap-t interval of sum(found) / sum(seen) over blocks."""
    # Drawn by content, not by place: flipped pictures get the same interval.
    order = np.lexsort([found, seen])[np.count_nonzero(seen == 0) :]
    found, seen = found[order].astype(float), seen[order].astype(float)
    n = len(found)
    share = found.sum() / seen.sum()

    def error(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        ratio = x.sum(axis=-1, keepdims=True) / y.sum(axis=-1, keepdims=True)
        return np.sqrt(n / (n - 1) * np.sum((x - ratio * y) ** 2, axis=-1)) / y.sum(axis=-1)

    drawn = np.random.default_rng(seed).integers(0, n, (_RESAMPLES, n))
    x, y = found[drawn], seen[drawn]
    errors = error(x, y)
    off = x.sum(axis=-1) / y.sum(axis=-1) - share
    own = error(found, seen)
    if own == 0:  # every block holds the same share, as in a lattice
        return share, share
    studentised = off[errors > 0] / errors[errors > 0]
    low, high = share - np.quantile(studentised, [0.975, 0.025]) * own
    return float(np.clip(low, 0, share)), float(np.clip(high, share, 1))


def boundary_pores(grains: np.ndarray, pores: np.ndarray, valid: np.ndarray, *, reach_px: int) -> dict[str, float]:
    """Shares of pores that lie on grain boundaries, by number and by area.

    Parameters
    ----------
    grains, pores : (rows, cols) int32 arrays
        Labels from 1, 0 is background; no grain where there is a pore.
    valid : (rows, cols) bool array
    reach_px : int
        A pore touches the grains found at this distance from its rim, pixels, at least 1.

    Returns
    -------
    dict
        Shares, 0 to 1, of the pores that touch two grains or more among those that touch any; NaN without such.
    """
    names = ("pore_on_boundary_number_share", "pore_on_boundary_area_share")
    on_pore = (pores > 0) & valid
    rim = on_pore & (cv2.erode(on_pore.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) == 0)
    rows, cols = np.nonzero(rim)
    around = np.pad(np.where(valid, grains, 0), reach_px)
    span = range(-reach_px, reach_px + 1)
    circle = [(i, j) for i in span for j in span if (reach_px - 1) ** 2 < i * i + j * j <= reach_px**2]
    grain_of = np.concatenate([around[rows + reach_px + i, cols + reach_px + j] for i, j in circle]).astype(np.int64)
    pore_of = np.tile(pores[rows, cols].astype(np.int64), len(circle))[grain_of > 0]
    base = int(around.max(initial=0)) + 1
    pairs = np.unique(pore_of * base + grain_of[grain_of > 0])
    pore, touched = np.unique(pairs // base, return_counts=True)
    if len(pore) == 0:
        return dict.fromkeys(names, np.nan)
    labels, pixels = np.unique(pores[on_pore], return_counts=True)
    area = pixels[np.searchsorted(labels, pore)]
    on_boundary = touched >= 2
    return dict(zip(names, (float(on_boundary.mean()), float(area[on_boundary].sum() / area.sum())), strict=True))


def spacing_features(centres: np.ndarray, *, area_um2: float, perimeter_um: float) -> dict[str, float]:
    """Mean nearest-neighbour distance, and how even it is.

    Parameters
    ----------
    centres : (n, 2) float array
        Places of pores, micrometres.
    area_um2, perimeter_um : float
        Of the observed frame.

    Returns
    -------
    dict
        ``pore_nearest_distance_mean_um`` (NaN for fewer than two pores) and ``pore_clark_evans`` (NaN for fewer than
        eight, where the edge correction does not hold): 1 for points at random, 0 for all at one place, 2.149 for a
        triangular lattice.
    """
    n = len(centres)
    features = {"pore_nearest_distance_mean_um": np.nan, "pore_clark_evans": np.nan}
    if n >= 2:
        distances, _ = cKDTree(centres).query(centres, k=2)
        mean = float(distances[:, 1].mean())
        features["pore_nearest_distance_mean_um"] = mean
        if n >= 8:
            expected = np.sqrt(area_um2 / n) / 2 + (0.0514 + 0.041 / np.sqrt(n)) * perimeter_um / n
            features["pore_clark_evans"] = mean / float(expected)
    return features
