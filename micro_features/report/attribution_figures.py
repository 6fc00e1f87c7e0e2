"""Figures of attributions: which features moved the predictions, how far, and together with what."""

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from micro_features.report.axes import (
    BLUE,
    DARK,
    GREY,
    MOST_VECTOR_POINTS,
    ORANGE,
    SMALL_PT,
    VALUES_MAP,
    broken,
    dressed,
    number,
    shown_unit,
    with_unit,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEPENDENCE_SIZE = (5.2, 3.8)
BEESWARM_SIZE = (7.0, 5.0)
WATERFALL_SIZE = (7.0, 4.8)
HEAT_SIZE = (7.5, 6.0)
BARS_SIZE = (7.0, 4.5)
"""Inches; for `figure_of`."""

_MOST_SHOWN = 12
_MOST_STEPS = 9
_MOST_BINS = 20
_FEWEST_A_BIN = 4
_LOG_FROM = 30.0
"""A positive feature whose middle 90 % span more than this factor is drawn on a logarithmic axis."""


def dependence(
    ax: "Axes",
    feature: np.ndarray,
    shap_values: np.ndarray,
    *,
    name: str,
    unit: str,
    target_unit: str,
    low: np.ndarray | None = None,
    high: np.ndarray | None = None,
    partner: np.ndarray | None = None,
    partner_name: str = "",
    assumed_sign: int = 0,
) -> "Axes":
    """How the attribution to one feature depends on its value.

    Points are rows; the rug shows where the feature was seen, the grey band (mean of the rows' bands, in bins of equal
    count) what fitting again would change. Rows without the feature stand at the right.

    Parameters
    ----------
    ax : Axes
    feature : (n,) float array
        In its unit; NaN is missing.
    shap_values : (n,) float array
    name, unit : str
        Of the feature.
    target_unit : str
        Of the SHAP values: ``"decades of conductivity"``.
    low, high : (n,) float array, optional
        Band of each value; NaN where not known.
    partner : (n,) float array, optional
        Feature that colours the points, the one of the strongest interaction; NaN is drawn grey.
    partner_name : str
        With its unit, where it has one.
    assumed_sign : int
        1 or -1 where the model was forced to rise or fall with the feature, 0 where it was free.

    Returns
    -------
    Axes
    """
    # shap's scatter draws its colour bar on pyplot's current figure and has neither band nor place for missing values.
    there = np.isfinite(feature)
    known = feature[there]
    logarithmic = known.size > 0 and known.min() > 0 and np.divide(*np.quantile(known, [0.95, 0.05])) > _LOG_FROM
    if logarithmic:
        ax.set_xscale("log")
    missing_at, edge = _place_of_missing(known, logarithmic)
    ax.axhline(0, color=DARK, linewidth=0.8, zorder=1)
    place = np.where(there, feature, missing_at)
    if not there.all():
        ax.axvline(edge, color=GREY, linewidth=0.8, linestyle=":")
        ax.annotate(
            f"missing ({int((~there).sum())})",
            (missing_at, 1.01),
            xycoords=ax.get_xaxis_transform(),
            ha="center",
            fontsize=SMALL_PT,
            color=DARK,
        )
    if low is not None and high is not None:
        banded = np.isfinite(low) & np.isfinite(high)
        _draw_band(ax, feature[there & banded], low[there & banded], high[there & banded])
        if (~there & banded).any():
            _draw_band(ax, place[~there & banded], low[~there & banded], high[~there & banded])
    many = len(feature) > MOST_VECTOR_POINTS
    points: dict[str, Any] = {
        "s": 6 if many else 22,
        "alpha": 0.4 if many else 0.9,
        "linewidth": 0,
        "zorder": 3,
        "rasterized": many,
    }
    coloured = np.zeros(len(feature), bool) if partner is None else np.isfinite(partner)
    ax.scatter(place[~coloured], shap_values[~coloured], color=BLUE if partner is None else GREY, **points)
    if partner is not None and coloured.any():
        # The middle 90 % span the colours: one extreme row must not make all others look the same.
        first, last = np.quantile(partner[coloured], [0.05, 0.95])
        drawn = ax.scatter(
            place[coloured],
            shap_values[coloured],
            c=partner[coloured],
            cmap=VALUES_MAP,
            vmin=first,
            vmax=last if last > first else first + 1,
            **points,
        )
        # Not of the points themselves, whose paleness it would take.
        bar = ax.figure.colorbar(ScalarMappable(drawn.norm, VALUES_MAP), ax=ax, aspect=30, pad=0.02)
        bar.set_label(broken(partner_name), fontsize=SMALL_PT)
        bar.ax.tick_params(labelsize=SMALL_PT)
        bar.outline.set_visible(False)
    ax.plot(
        known,
        np.full(known.size, 0.012),
        "|",
        color=DARK,
        markersize=6,
        markeredgewidth=0.6,
        alpha=0.15 if many else 0.6,
        transform=ax.get_xaxis_transform(),
        rasterized=many,
    )
    assumed = {0: "", 1: " (assumed rising)", -1: " (assumed falling)"}[assumed_sign]
    return dressed(ax, x=broken(with_unit(name, unit) + assumed, 60), y=f"SHAP value / {target_unit}")


def _draw_band(ax: "Axes", feature: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    order = np.argsort(feature, kind="stable")
    if not order.size:
        return
    ends = feature[order[[0, -1]]]
    if ends[0] == ends[1]:
        ax.vlines(ends[0], low.mean(), high.mean(), color=GREY, alpha=0.3, linewidth=12, zorder=2)
        return
    bins = np.array_split(order, min(_MOST_BINS, max(1, order.size // _FEWEST_A_BIN)))
    middle, lower, upper = (np.array([each[rows].mean() for rows in bins]) for each in (feature, low, high))
    # The outermost bins reach to the outermost rows; one bin alone does so on both sides.
    ax.fill_between(
        np.r_[ends[0], middle[1:-1], ends[1]],
        np.r_[lower[0], lower[1:-1], lower[-1]],
        np.r_[upper[0], upper[1:-1], upper[-1]],
        color=GREY,
        alpha=0.3,
        linewidth=0,
        zorder=2,
    )


def _place_of_missing(known: np.ndarray, logarithmic: bool) -> tuple[float, float]:
    """Where rows without the feature are drawn, right of all others, and where their strip begins."""
    first, last = (known.min(), known.max()) if known.size else (0.0, 1.0)
    if logarithmic:
        return last * (last / first) ** 0.16, last * (last / first) ** 0.06
    span = last - first or 1.0
    return last + 0.16 * span, last + 0.06 * span


def beeswarm(ax: "Axes", values: np.ndarray, features: np.ndarray, names: Sequence[str], *, target_unit: str) -> "Axes":
    """Attributions to the strongest features, one point a row, coloured by the feature's rank.

    Parameters
    ----------
    ax : Axes
    values : (n, k) float array
        SHAP values.
    features : (n, k) float array
        NaN is drawn grey.
    names : sequence of str
    target_unit : str
        ``"decades of conductivity"``.

    Returns
    -------
    Axes
    """
    with warnings.catch_warnings():
        # shap 0.51 sets, when imported, a callback that matplotlib 3.11 will drop.
        warnings.simplefilter("ignore")
        import shap
    # Ranks, because one extreme value would give all others one colour. shap can not colour a column without values.
    ranks = np.where(np.isnan(features).all(axis=0), 0.5, pd.DataFrame(features).rank(pct=True))
    explanation = shap.Explanation(values, data=ranks, feature_names=[broken(name, 34) for name in names])
    colours = ScalarMappable(Normalize(0, 1), VALUES_MAP)
    with _same_random_numbers():
        shap.plots.beeswarm(
            explanation,
            max_display=_MOST_SHOWN,
            color=colours.get_cmap(),
            ax=ax,
            show=False,
            plot_size=None,
            color_bar=False,
        )
    bar = ax.figure.colorbar(colours, ax=ax, aspect=40, pad=0.02)
    bar.set_ticks([0, 1], labels=["low", "high"])
    bar.set_label("rank of the feature's value", fontsize=SMALL_PT, labelpad=-12)
    bar.ax.tick_params(labelsize=SMALL_PT, length=0)
    bar.outline.set_visible(False)
    dressed(ax, x=f"SHAP value / {target_unit}")
    ax.tick_params("y", length=0)
    return ax


@contextlib.contextmanager
def _same_random_numbers() -> Iterator[None]:
    """shap spreads points with numpy's global generator: the same picture each time, and the generator as it was."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002


def waterfall(
    ax: "Axes",
    values: np.ndarray,
    base: float,
    features: np.ndarray,
    *,
    names: Sequence[str],
    units: Sequence[str],
    target: str,
    title: str,
) -> "Axes":
    """How one prediction comes about, from the base value up through the strongest features.

    Parameters
    ----------
    ax : Axes
    values, features : (k,) float array
        SHAP values and the features of one row; NaN is missing.
    base : float
        Mean prediction over the training rows.
    names, units : sequence of str
    target : str
        Of the axis: ``"log10(conductivity / (S/cm))"``.
    title : str
        What is predicted, and the prediction in its own unit.

    Returns
    -------
    Axes
    """
    # shap's waterfall draws on pyplot's current figure only, without units and with type of 13 points.
    order = np.argsort(-np.abs(values), kind="stable")
    shown, rest = order[:_MOST_STEPS], order[_MOST_STEPS:]
    steps = [(_named_value(names[i], features[i], units[i]), values[i]) for i in shown]
    if len(rest):
        steps.append((f"{len(rest)} other features", values[rest].sum()))
    # From the rest, at the bottom, up to the strongest: the last step ends at the prediction.
    steps = steps[::-1]
    path = base + np.cumsum([0.0, *(step for _, step in steps)])
    for height, (_, step) in enumerate(steps):
        ax.barh(height, step, left=path[height], height=0.62, color=ORANGE if step < 0 else BLUE)
        ax.vlines(path[height + 1], height - 0.31, height + 1.31, color=GREY, linewidth=0.7, zorder=0)
        ax.annotate(
            f"{step:+.2f}".replace("-", "−"),
            (path[height : height + 2].max(), height),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL_PT,
        )
    ax.axvline(base, color=DARK, linewidth=0.8, linestyle=":", zorder=0)
    for place, called, row in ((path[0], "mean", -0.75), (path[-1], "prediction", len(steps) - 0.1)):
        said = f"{called} {place:.2f}".replace("-", "−")
        ax.annotate(said, (place, row), ha="center", va="center", fontsize=SMALL_PT, color=DARK)
    span = np.ptp(path) or 1.0
    # Room at both ends for what is written there.
    ax.set_xlim(path.min() - 0.18 * span, path.max() + 0.18 * span)
    ax.set_ylim(-1.1, len(steps) + 0.3)
    ax.set_yticks(range(len(steps)), [label for label, _ in steps])
    dressed(ax, x=target, title=broken(title, 50))
    ax.tick_params("y", length=0)
    return ax


def _named_value(name: str, value: float, unit: str) -> str:
    said = "missing" if np.isnan(value) else f"{number(value)} {shown_unit(unit)}".rstrip()
    return broken(f"{name} = {said}".replace(" ", "\N{NO-BREAK SPACE}"), 38)


def interaction_heat(ax: "Axes", mean_abs: np.ndarray, names: Sequence[str], *, target_unit: str) -> "Axes":
    """What the strongest features do alone (diagonal) and what pairs do beyond that.

    Parameters
    ----------
    ax : Axes
    mean_abs : (k, k) float array
        Mean over rows of the absolute SHAP interaction values. A pair's effect stands half in each of its two cells:
        both halves are drawn in one, below the diagonal.
    names : sequence of str
    target_unit : str
        ``"decades of conductivity"``.

    Returns
    -------
    Axes
    """
    shown = np.sort(np.argsort(-mean_abs.sum(axis=1), kind="stable")[:_MOST_SHOWN])
    cells = mean_abs[np.ix_(shown, shown)] * (2 - np.eye(len(shown)))
    image = ax.imshow(np.where(np.tri(len(shown), dtype=bool), cells, np.nan), cmap="Blues", vmin=0)
    most = cells.max(initial=0.0)
    decimals = 1 - int(np.floor(np.log10(most))) if most > 0 else 1
    for row, column in zip(*np.tril_indices(len(shown)), strict=True):
        value = cells[row, column]
        ax.annotate(
            f"{value:.{max(decimals, 0)}f}",
            (column, row),
            ha="center",
            va="center",
            fontsize=SMALL_PT,
            color="white" if value > most / 2 else DARK,
        )
    labels = [broken(names[each], 26) for each in shown]
    dressed(
        ax,
        x="",
        title="model of all rows: on the diagonal what a feature\ndoes alone, below what a pair does beyond that",
    )
    ax.set_xticks(range(len(shown)), labels, rotation=90)
    ax.set_yticks(range(len(shown)), labels)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    bar = ax.figure.colorbar(image, ax=ax, aspect=40, pad=0.02)
    bar.set_label(f"mean |SHAP interaction| / {target_unit}", fontsize=SMALL_PT)
    bar.ax.tick_params(labelsize=SMALL_PT)
    bar.outline.set_visible(False)
    return ax


def importance_bars(ax: "Axes", table: pd.DataFrame, *, target_unit: str) -> "Axes":
    """Shares of the attribution by group of features, beside what permuted targets give.

    Parameters
    ----------
    ax : Axes
    table : DataFrame
        As `micro_features.explain.importance.importance_table` gives; the first 12 rows are drawn.
    target_unit : str
        Of the mean absolute attribution, ``"decades"``, printed beside each name.

    Returns
    -------
    Axes
    """
    top = table.head(_MOST_SHOWN)
    rows = np.arange(len(top))[::-1]
    ax.barh(rows, top["share"], height=0.6, color=np.where(top["clears_null"], BLUE, "#BFBFBF").tolist())
    ax.hlines(rows, top["share_low"], top["share_high"], color=DARK, linewidth=1.4)
    ax.vlines(top["null_p95"], rows - 0.42, rows + 0.42, color=ORANGE, linewidth=2)
    for colour, width, label in (
        (BLUE, 7, "share, above chance"),
        ("#BFBFBF", 7, "share that chance can give"),
        (DARK, 1.4, "interval, bootstrap over groups"),
        (ORANGE, 2, "95 % of permuted targets stay below"),
    ):
        ax.plot([], [], color=colour, linewidth=width, label=label)
    ax.legend(fontsize=SMALL_PT, frameon=False, loc="upper center", bbox_to_anchor=(0.3, -0.13), ncols=2)
    labels = [
        f"{broken(group, 38)} ({number(size)} {target_unit})"
        for group, size in zip(top["group"], top["mean_abs"], strict=True)
    ]
    ax.set_yticks(rows, labels)
    ax.set_xlim(left=0)
    dressed(ax, x="share of the mean absolute attribution")
    ax.tick_params("y", length=0)
    return ax
