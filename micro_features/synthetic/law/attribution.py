"""True attributions: how much of a known law each independent cause explains, in all and specimen by specimen.

Everything follows from the law's mean with some causes held fixed and the others drawn from their ranges. For a smooth
law of few causes a tensor of Gauss-Legendre nodes gives those means exactly to many digits.

Variance-based effects: Sobol, Math. Comput. Simul. 55 (2001) 271, doi 10.1016/S0378-4754(00)00270-6; Shapley effects:
Owen, SIAM/ASA J. Uncertain. Quantif. 2 (2014) 245, doi 10.1137/130936233, and Song, Nelson & Staum, ibid. 4 (2016)
1060, doi 10.1137/15M1048070. Shapley values of single predictions: Lundberg & Lee, NeurIPS 30 (2017), with the other
causes drawn from their ranges (interventional).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import pandas as pd

from micro_features.errors import SettingsError
from micro_features.synthetic.law.causes import Range

Law = Callable[..., np.ndarray]
"""A function of the causes as keyword arguments, arrays that broadcast; its result has their common shape."""

_NODES = 24


@dataclass(frozen=True, eq=False)
class Effects:
    """How the variance of a law divides among independent causes.

    Attributes
    ----------
    names : tuple of str
        The causes.
    mean, variance : float
        Of the law over the ranges, in its unit and its unit squared.
    first : (k,) float array
        Sobol' first-order indices: share of the variance that goes when the cause alone becomes known.
    total : (k,) float array
        Sobol' total indices: share that is left when all causes but this one are known.
    shapley : (k,) float array
        Shapley effects: shares that add up to 1, each between `first` and `total`.
    """

    names: tuple[str, ...]
    mean: float
    variance: float
    first: np.ndarray
    total: np.ndarray
    shapley: np.ndarray

    def table(self) -> pd.DataFrame:
        """One row per cause: the shares, and the Shapley effect as a variance and its root in the law's unit."""
        variance = self.shapley * self.variance
        return pd.DataFrame(
            {
                "cause": self.names,
                "sobol_first": self.first,
                "sobol_total": self.total,
                "shapley_effect": self.shapley,
                "shapley_variance": variance,
                "shapley_sd": np.sqrt(variance),
            }
        )


def effects(law: Law, ranges: Mapping[str, Range], *, nodes: int = _NODES) -> Effects:
    """Sobol' indices and Shapley effects of a law whose causes are drawn independently from their ranges.

    Parameters
    ----------
    law : function of the causes as keyword arguments
        Smooth; called once with arrays that broadcast to (nodes,) * k.
    ranges : mapping of cause to Range
        At least one.
    nodes : int
        Quadrature nodes per cause; a polynomial up to degree 2 nodes - 1 is integrated exactly.

    Raises
    ------
    SettingsError
        If the law does not vary over the ranges, so that there is nothing to attribute, or is not finite there.
    """
    names = tuple(ranges)
    values, weights = _tensor(law, ranges, nodes)
    everything = tuple(range(len(names)))
    mean = _mean_over(values, weights, everything).item()
    known = {
        held: _mean_over((_mean_over(values, weights, _others(held, names)) - mean) ** 2, weights, held).item()
        for held in _subsets(len(names))
    }
    variance = known[everything]
    if not variance > 1e-20 * (1 + mean**2):
        raise SettingsError(f"the law is {mean:g} all over its ranges: let at least one cause change it.")
    return Effects(
        names=names,
        mean=mean,
        variance=variance,
        first=_shares([known[(i,)] for i in everything], variance),
        total=_shares([variance - known[_others((i,), names)] for i in everything], variance),
        shapley=_shares([_shapley(known, i) for i in everything], variance),
    )


def unexplained_variance(
    law: Law, ranges: Mapping[str, Range], hidden: tuple[str, ...], *, nodes: int = _NODES
) -> float:
    """Variance of a law that no model of the other causes can explain, in its unit squared.

    The mean, over what is visible, of the variance that the hidden causes give (closed total effect of `hidden`).
    The best possible R² without them is 1 - unexplained / variance.
    """
    names = tuple(ranges)
    values, weights = _tensor(law, ranges, nodes)
    axes = tuple(names.index(name) for name in hidden)
    expected = _mean_over(values, weights, axes)
    return _mean_over((values - expected) ** 2, weights, tuple(range(len(names)))).item()


def shapley_values(law: Law, ranges: Mapping[str, Range], causes: pd.DataFrame, *, nodes: int = 12) -> pd.DataFrame:
    """Exact Shapley values of a law for single specimens, against causes drawn from their ranges.

    Parameters
    ----------
    law, ranges, nodes
        As for `effects`.
    causes : DataFrame
        A row per specimen, a column per cause.

    Returns
    -------
    DataFrame
        Index of `causes`; one column per cause in the law's unit, and `base`, the law's mean over the ranges. A row
        adds up to the law at that specimen.

    Raises
    ------
    SettingsError
        If a cause has no column.
    """
    names = tuple(ranges)
    missing = [name for name in names if name not in causes]
    if missing:
        raise SettingsError(f"causes lack the column {missing[0]!r}: give one for each of {', '.join(names)}.")
    points, weights = _nodes(ranges, nodes)
    at = [causes[name].to_numpy(dtype=float).reshape(-1, *[1] * len(names)) for name in names]
    among = [node[None] for node in points]

    def expected(held: tuple[int, ...]) -> np.ndarray:
        values = law(**{name: at[i] if i in held else among[i] for i, name in enumerate(names)})
        mean = _mean_over(values, [weight[None] for weight in weights], _others(held, names), first_axis=1)
        return np.broadcast_to(mean.reshape(-1), len(causes))

    known = {held: expected(held) for held in _subsets(len(names))}
    table = {name: _shapley(known, i) for i, name in enumerate(names)}
    return pd.DataFrame({**table, "base": known[()]}, index=causes.index)


def _shares(parts: list[Any], variance: float) -> np.ndarray:
    """Shares of the variance; a cause without effect has none, not a rounding error below 0."""
    return np.maximum(np.array(parts) / variance, 0)


def _nodes(ranges: Mapping[str, Range], nodes: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Gauss-Legendre nodes of each cause and their weights, shaped to broadcast along the cause's own axis."""
    if nodes < 2:
        raise SettingsError(f"nodes is {nodes}: give at least 2.")
    if not ranges:
        raise SettingsError("ranges are empty: give at least one cause.")
    node, weight = np.polynomial.legendre.leggauss(nodes)
    shapes = [tuple(nodes if axis == i else 1 for axis in range(len(ranges))) for i in range(len(ranges))]
    points = [r.at((node + 1) / 2).reshape(shape) for r, shape in zip(ranges.values(), shapes, strict=True)]
    return points, [(weight / 2).reshape(shape) for shape in shapes]


def _tensor(law: Law, ranges: Mapping[str, Range], nodes: int) -> tuple[np.ndarray, list[np.ndarray]]:
    points, weights = _nodes(ranges, nodes)
    values = np.broadcast_to(law(**dict(zip(ranges, points, strict=True))), (nodes,) * len(ranges))
    if not np.isfinite(values).all():
        raise SettingsError("the law is not finite all over its ranges: give narrower ones.")
    return values, weights


def _mean_over(values: np.ndarray, weights: list[np.ndarray], axes: tuple[int, ...], first_axis: int = 0) -> np.ndarray:
    """Mean over the causes `axes`, their axes kept with length 1; cause i lies along axis first_axis + i."""
    for i in axes:
        values = (values * weights[i]).sum(axis=first_axis + i, keepdims=True)
    return values


def _subsets(n: int) -> Iterator[tuple[int, ...]]:
    for size in range(n + 1):
        yield from combinations(range(n), size)


def _others(held: tuple[int, ...], names: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(i for i in range(len(names)) if i not in held)


def _shapley(worth: Mapping[tuple[int, ...], float | np.ndarray], player: int) -> float | np.ndarray:
    """What a player adds to a coalition, averaged over the orders in which all may join."""
    players = len(max(worth, key=len))
    total: float | np.ndarray = 0.0
    for coalition in worth:
        if player not in coalition:
            joined = tuple(sorted((*coalition, player)))
            gain = worth[joined] - worth[coalition]
            total = total + gain / (players * comb(players - 1, len(coalition)))
    return total
