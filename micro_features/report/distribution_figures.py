"""Figures of sizes and porosity over specimens: by number and by area, and with what is not known of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter

from micro_features.report.axes import BLUE, DARK, ORANGE, SMALL_PT, broken, dressed, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 7.2
"""Inches."""
BY_NUMBER = "by number"
BY_AREA = "by area"
_ROW = 0.3
_BINS = 16


def rows_size(n_rows: int) -> tuple[float, float]:
    """Width and height of a figure with so many rows, inches."""
    return WIDTH, 1.3 + _ROW * max(n_rows, 2)


def weighted_quantiles(values: np.ndarray, weights: np.ndarray, at: Sequence[float]) -> np.ndarray:
    """Quantiles of values that stand for different numbers of things.

    Parameters
    ----------
    values, weights : (n,) float array
        At least one; weights above 0.
    at : sequence of float
        0 to 1.

    Returns
    -------
    (len(at),) float array
        Hazen's plotting position: half of a value's weight lies below it.
    """
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return np.interp(at, (total - weights[order] / 2) / total[-1], values[order])


def size_ranges(
    ax: "Axes",
    names: Sequence[str],
    sizes: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    areas: Sequence[np.ndarray],
    *,
    quantity: str,
    unit: str,
) -> "Axes":
    """A row a specimen: median, and the range from the 10th to the 90th percentile, by number and by area.

    Parameters
    ----------
    ax : Axes
    names : sequence of str
    sizes, weights, areas : sequence of (k,) float arrays
        Of the regions of each; weights are how many each stands for. None without any.
    quantity, unit : str
        ``"pore diameter"``, ``"µm"``.

    Returns
    -------
    Axes
    """
    places = np.arange(len(names))[::-1]
    for kind, offset, colour, marker in ((BY_NUMBER, 0.13, BLUE, "o"), (BY_AREA, -0.13, ORANGE, "D")):
        by_area = kind == BY_AREA
        ends = np.array(
            [
                weighted_quantiles(size, weight * area if by_area else weight, (0.1, 0.5, 0.9))
                for size, weight, area in zip(sizes, weights, areas, strict=True)
            ]
        )
        ax.hlines(places + offset, ends[:, 0], ends[:, 2], color=colour, linewidth=1.6)
        ax.plot(ends[:, 1], places + offset, marker, color=colour, markersize=5, label=f"{kind}: median, 10 to 90 %")
    ax.set_xscale("log")
    _plain_log(ax)
    ax.set_yticks(places, [f"{broken(name, 34)}  n = {len(size)}" for name, size in zip(names, sizes, strict=True)])
    ax.set_ylim(-0.6, len(names) - 0.4)
    ax.tick_params("y", length=0)
    ax.grid(axis="x", color="#E2E2E2", linewidth=0.6, zorder=0)
    legend_below(ax)
    return dressed(ax, x=f"{quantity} / {unit}")


def size_histogram(
    ax: "Axes", sizes: np.ndarray, weights: np.ndarray, areas: np.ndarray, *, title: str, quantity: str, unit: str
) -> "Axes":
    """Shares of number and of area by size, in steps of equal factors; `legend_below` says which is which.

    Parameters
    ----------
    ax : Axes
    sizes, weights, areas : (k,) float array
        Of the regions; weights are how many each stands for.
    title, quantity, unit : str

    Returns
    -------
    Axes
    """
    low, high = float(sizes.min()), float(sizes.max())
    edges = np.geomspace(low * 0.98, max(high * 1.02, low * 1.5), _BINS + 1)
    for kind, weight, style in (
        (BY_NUMBER, weights, {"color": BLUE, "alpha": 0.45, "histtype": "stepfilled"}),
        (BY_AREA, weights * areas, {"color": ORANGE, "histtype": "step", "linewidth": 1.6, "linestyle": "--"}),
    ):
        kinds: dict[str, Any] = style
        ax.hist(sizes, list(edges), weights=100 * weight / weight.sum(), label=kind, **kinds)
    ax.set_xscale("log")
    _plain_log(ax)
    return dressed(ax, x=f"{quantity} / {unit}", y="share / %", title=f"{broken(title, 26)}  n = {len(sizes)}")


def porosity_rows(
    ax: "Axes",
    names: Sequence[str],
    means: np.ndarray,
    half_widths: np.ndarray,
    pictures: Sequence[np.ndarray],
    ranges: np.ndarray,
) -> "Axes":
    """A row a specimen: its pictures, their mean with 95 % interval, and how far the choice of threshold moves it.

    Parameters
    ----------
    ax : Axes
    names : sequence of n str
    means, half_widths : (n,) float array
        Share of area; NaN half width where there is one picture.
    pictures : sequence of n float arrays
        Porosity of each picture.
    ranges : (n, 2) float array
        Mean porosity where stricter, and where laxer evidence of a pore is asked for; NaN where not known.

    Returns
    -------
    Axes
    """
    places = np.arange(len(names))[::-1]
    known = np.isfinite(ranges).all(axis=1)
    if known.any():
        ax.hlines(
            places[known],
            *100 * ranges[known].T,
            color="#CFCFCF",
            linewidth=7,
            label="if the threshold moves",
            zorder=1,
        )
    low, high = np.maximum(means - half_widths, 0), means + half_widths
    sure = np.isfinite(half_widths)
    if sure.any():
        ax.hlines(
            places[sure],
            100 * low[sure],
            100 * high[sure],
            color=BLUE,
            linewidth=2,
            zorder=2,
            label="95 % interval of the mean",
        )
    for place, values in zip(places, pictures, strict=True):
        ax.plot(100 * values, np.full(len(values), place), "|", color=DARK, markersize=9, markeredgewidth=1.2, zorder=3)
    ax.plot([], [], "|", color=DARK, markersize=9, markeredgewidth=1.2, label="a picture")
    ax.plot(100 * means, places, "o", color=BLUE, markersize=6, zorder=4, label="mean")
    ax.set_yticks(places, [broken(name, 34) for name in names])
    ax.set_ylim(-0.6, len(names) - 0.4)
    ax.set_xlim(left=0)
    ax.tick_params("y", length=0)
    ax.grid(axis="x", color="#E2E2E2", linewidth=0.6, zorder=0)
    legend_below(ax)
    return dressed(ax, x="porosity / %")


def legend_below(ax: "Axes") -> None:
    """What the marks of an axes mean, below the whole figure, which others of its axes share."""
    ax.figure.legend(
        *ax.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=SMALL_PT, frameon=False
    )


def _plain_log(ax: "Axes") -> None:
    """Ticks of a logarithmic axis as numbers, near enough together to be read."""
    low, high = ax.get_xlim()
    decades = np.log10(high / low)
    steps = (1, 2, 5) if decades < 2.5 else (1,)
    exponents = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [step * 10.0**exponent for exponent in exponents for step in steps]
    inside = [tick for tick in ticks if low <= tick <= high]
    ax.set_xticks(inside if len(inside) > 1 else [float(f"{low:.2g}"), float(f"{high:.2g}")])
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    ax.xaxis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    ax.tick_params("x", which="minor", length=0)
