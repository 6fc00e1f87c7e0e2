"""Shapley values of trees: how far each feature moves a prediction, exactly and not by sampling."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xgboost


def tree_shap(booster: "xgboost.Booster", X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SHAP values of every feature for every row.

    Exact TreeSHAP (Lundberg et al. 2020, Nature Machine Intelligence 2, 56), path dependent: what a tree says where a
    feature is not known is the mean of its branches, weighed by the training rows that went there.

    Parameters
    ----------
    booster : xgboost.Booster
        Of trees; all of them count, so one that stopped early is cut first, ``booster[:best]``.
    X : (n, k) float array
        Columns in the order of the training; NaN is missing.

    Returns
    -------
    values : (n, k) or (n, classes, k) float array
        In the unit of the booster's raw output: that of the target for regression, log odds for classes.
    base : (n,) or (n, classes) float array
        Mean raw output over the training rows; base + values.sum(axis=-1) is the raw output.

    Raises
    ------
    ValueError
        If X does not have the booster's number of columns.
    """
    both = booster.predict(_matrix(booster, X), pred_contribs=True, strict_shape=True).astype(float)
    values, base = both[..., :-1], both[..., -1]
    return (values[:, 0], base[:, 0]) if values.shape[1] == 1 else (values, base)


def interactions(booster: "xgboost.Booster", X: np.ndarray) -> np.ndarray:
    """SHAP interaction values of every pair of features for every row.

    Exact (Lundberg et al. 2020). Off the diagonal each of the two equal cells holds half of what the pair does beyond
    its single features; the diagonal holds what a feature does alone.

    Parameters
    ----------
    booster : xgboost.Booster
        As for `tree_shap`.
    X : (n, k) float array
        Time and memory grow with n k^2: a few hundred rows show what there is.

    Returns
    -------
    (n, k, k) or (n, classes, k, k) float array
        Symmetric; summed over the last axis they are the SHAP values.

    Raises
    ------
    ValueError
        If X does not have the booster's number of columns.
    """
    cells = booster.predict(_matrix(booster, X), pred_interactions=True, strict_shape=True).astype(float)
    cells = cells[..., :-1, :-1]
    return cells[:, 0] if cells.shape[1] == 1 else cells


def bands(refits: np.ndarray | Sequence[np.ndarray], *, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
    """Band of each attribution over models fitted again, on groups drawn with replacement.

    Percentile bootstrap; quantiles are interpolated between refits.

    Parameters
    ----------
    refits : (B, n, k) float array, or B of (n, k)
        Attributions of the same rows by every refit; NaN is not counted (a row that the refit was trained on, where
        bands out of fold are wanted).
    level : float
        Share of refits inside, 0 to 1.

    Returns
    -------
    low, high : (n, k) float array
        NaN where fewer than two refits count.
    """
    shape = np.shape(refits[0])
    low, high = np.full(shape, np.nan), np.full(shape, np.nan)
    # Column by column, so that no second copy of all refits is made; sorted, because nanquantile takes minutes here.
    for column in range(shape[1]):
        ordered = np.sort(np.stack([each[:, column] for each in refits]), axis=0)
        last = np.isfinite(ordered).sum(axis=0) - 1
        for end, share in ((low, (1 - level) / 2), (high, (1 + level) / 2)):
            place = share * np.maximum(last, 0)
            below = place.astype(int)
            above = np.minimum(below + 1, np.maximum(last, 0))
            first, second = (np.take_along_axis(ordered, rank[None], axis=0)[0] for rank in (below, above))
            end[:, column] = np.where(last > 0, first + (place - below) * (second - first), np.nan)
    return low, high


def _matrix(booster: "xgboost.Booster", X: np.ndarray) -> "xgboost.DMatrix":
    import xgboost

    if X.ndim != 2 or X.shape[1] != booster.num_features():
        raise ValueError(f"X has shape {X.shape}, the booster was trained on {booster.num_features()} columns")
    # One thread: making the matrix is cheap, and starting threads for it is not where many are made.
    names, types = booster.feature_names, booster.feature_types
    return xgboost.DMatrix(X, feature_names=names, feature_types=types, nthread=1)
