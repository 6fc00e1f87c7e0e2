"""Figures of predictions: against what was measured, and how much a random split flatters them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from micro_features.report.axes import (
    BLUE,
    COLOURS,
    DARK,
    GREY,
    MARKERS,
    MOST_VECTOR_POINTS,
    ORANGE,
    SMALL_PT,
    broken,
    dressed,
    with_unit,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PREDICTED_SIZE = (7.0, 5.0)
OPTIMISM_SIZE = (7.0, 4.0)
CURVE_SIZE = (5.2, 3.8)
"""Inches; for `figure_of`."""

Interval = tuple[float, float, float]

_MOST_GROUPS = 12
_SMALL = 0.1
_LOWEST_R2 = -1.0


def predicted_against_measured(
    ax: "Axes",
    measured: np.ndarray,
    predicted: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    *,
    groups: Sequence[str],
    in_domain: np.ndarray,
    name: str,
    unit: str,
    log10: bool,
    scores: Mapping[str, Interval],
) -> "Axes":
    """Predictions out of fold with their intervals, and the line where both agree.

    Parameters
    ----------
    ax : Axes
    measured, predicted, low, high : (n,) float array
        In the target's own unit; low and high NaN where there is no interval. Intervals of more than 1000 rows would
        cover each other and are not drawn.
    groups : sequence of n str
        What was left out together; up to 12 have a mark of their own.
    in_domain : (n,) bool array
        False is drawn open: a picture unlike those the model was trained on.
    name, unit : str
        Of the target.
    log10 : bool
        Whether the model predicts the logarithm: both axes are then logarithmic.
    scores : mapping
        (low, value, high) by what the box shall call them: ``{"R²": …, "MAE (decades)": …}``.

    Returns
    -------
    Axes
    """
    if log10:
        ax.set_xscale("log")
        ax.set_yscale("log")
    many = len(measured) > MOST_VECTOR_POINTS
    labels = np.asarray(groups)
    alone = len(set(groups)) > _MOST_GROUPS
    # Marks follow the target, so that the legend reads as the points lie.
    there = ["all"] if alone else sorted(sorted(set(groups)), key=lambda group: np.median(measured[labels == group]))
    legend: list[Any] = []
    size: dict[str, Any] = {"s": 6 if many else 30, "rasterized": many, "alpha": 0.3 if many else 1.0}
    for rank, group in enumerate(there):
        members = np.ones(len(labels), bool) if alone else labels == group
        colour = GREY if alone else COLOURS[rank % len(COLOURS)]
        # The second round of colours comes with other marks.
        marker = MARKERS[0] if alone else MARKERS[(rank + rank // len(COLOURS)) % len(MARKERS)]
        if not many:
            ax.vlines(measured[members], low[members], high[members], color=colour, linewidth=0.8, alpha=0.45, zorder=2)
        for inside in (True, False):
            drawn = members & (in_domain == inside)
            ax.scatter(
                measured[drawn],
                predicted[drawn],
                marker=marker,
                facecolors=colour if inside else "none",
                edgecolors=ORANGE if alone and not inside else colour,
                linewidths=0 if many and inside else 1.0,
                zorder=3,
                **size,
            )
        if not alone:
            legend += ax.plot([], [], marker, color=colour, markersize=5.5, label=broken(group, 24))
    # One range on both axes, and one length for it, so that the line of agreement is the diagonal.
    ends = (min(ax.get_xlim()[0], ax.get_ylim()[0]), max(ax.get_xlim()[1], ax.get_ylim()[1]))
    ax.plot(ends, ends, color=DARK, linewidth=0.9, zorder=4 if many else 1)
    ax.set(xlim=ends, ylim=ends, aspect="equal")
    if not in_domain.all():
        legend += ax.plot(
            [],
            [],
            "o",
            color=ORANGE if alone else DARK,
            fillstyle="none",
            markersize=5.5,
            label="open: unlike the training",
        )
    if legend:
        beside: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
        # Told which lines, it drops none whose name begins with an underscore.
        ax.legend(handles=legend, fontsize=SMALL_PT, frameon=False, **({"loc": "lower right"} if alone else beside))
    if scores:
        said = "\n".join(f"{label} {_said(score)}" for label, score in scores.items())
        ax.text(
            0.02,
            0.98,
            said,
            transform=ax.transAxes,
            va="top",
            fontsize=SMALL_PT,
            bbox={"boxstyle": "round", "facecolor": "white", "edgecolor": GREY, "alpha": 0.85},
        )
    return dressed(
        ax, x=with_unit(f"measured {name}", unit), y=with_unit(f"predicted {name}, its group left out", unit)
    )


def _said(score: Interval) -> str:
    """Two decimals, of small numbers as errors in S/cm two digits."""
    low, value, high = score
    form = ".2g" if max(map(abs, score)) < _SMALL else ".2f"
    return f"{value:{form}} [{low:{form}}, {high:{form}}]"


def optimism(
    ax: "Axes", scores: Mapping[str, tuple[Interval, Interval]], *, references: Mapping[str, float], left_out: str
) -> "Axes":
    """R² of each model with whole groups left out, beside what a random split promises.

    Parameters
    ----------
    ax : Axes
    scores : mapping
        By model: (low, value, high) with groups left out, and the same at a random split.
    references : mapping
        R² that something simple would reach with groups left out, by what it is called.
    left_out : str
        What a group is: ``"sintering_schedule"``.

    Returns
    -------
    Axes
    """
    rows = np.arange(len(scores))[::-1]
    ends = np.array([[each[0][1], each[1][1]] for each in scores.values()]).reshape(-1, 2)
    ax.hlines(rows, *np.maximum(ends, _LOWEST_R2).T, color=GREY, linewidth=0.9, linestyle=":", zorder=1)
    for side, offset, colour, marker, label in (
        (0, 0.1, BLUE, "o", f"whole groups left out ({left_out})"),
        (1, -0.1, ORANGE, "D", "random split: each group on both sides"),
    ):
        low, value, high = np.array([each[side] for each in scores.values()]).reshape(-1, 3).T
        ax.hlines(rows + offset, *np.maximum([low, high], _LOWEST_R2), color=colour, linewidth=1.6)
        inside = value >= _LOWEST_R2
        ax.plot(value[inside], (rows + offset)[inside], marker, color=colour, markersize=6, label=label)
        for row in np.flatnonzero(~inside):
            ax.plot(_LOWEST_R2, rows[row] + offset, "<", color=colour, markersize=7)
            ax.annotate(
                f"{value[row]:.1f}".replace("-", "−"),
                (_LOWEST_R2, rows[row] + offset),
                (0, 6),
                textcoords="offset points",
                fontsize=SMALL_PT,
            )
    for step, (called, level) in enumerate(sorted(references.items(), key=lambda item: item[1])):
        ax.axvline(level, color=DARK, linewidth=0.8, linestyle="--", zorder=0)
        ax.annotate(
            f"{called} {level:.2f}".replace("-", "−"),
            (level, len(rows) - 0.45 + 0.4 * step),
            (3, 0),
            textcoords="offset points",
            fontsize=SMALL_PT,
            color=DARK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        )
    ax.set_yticks(rows, [broken(model, 30) for model in scores])
    ax.set_ylim(-0.6, len(rows) - 0.4 + 0.4 * len(references))
    ax.legend(fontsize=SMALL_PT, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2)
    dressed(ax, x="R²")
    ax.tick_params("y", length=0)
    return ax


def learning_curve(ax: "Axes", curve: Mapping[int, tuple[float, float, float]], *, whole: tuple[int, float]) -> "Axes":
    """R² by how many groups there were to learn from: does it still rise where the data end?

    Parameters
    ----------
    ax : Axes
    curve : mapping
        Number of training groups to (least, median, largest) R² over draws of groups.
    whole : (int, float)
        All training groups, and R² with them.

    Returns
    -------
    Axes
    """
    sizes = np.array([*curve, whole[0]])
    low, middle, high = np.array([*curve.values(), (whole[1],) * 3]).T
    floor = np.maximum([low, middle, high], _LOWEST_R2)
    ax.fill_between(
        sizes[:-1],
        floor[0][:-1],
        floor[2][:-1],
        color=GREY,
        alpha=0.25,
        linewidth=0,
        label="least to largest over draws of groups",
    )
    ax.plot(sizes, floor[1], "o-", color=BLUE, markersize=5, linewidth=1.4, label="median")
    ax.axhline(0, color=DARK, linewidth=0.8, zorder=0)
    ax.set_xticks(sizes)
    ax.set_ylim(min(-0.05, float(floor.min()) - 0.05), 1)
    ax.legend(fontsize=SMALL_PT, frameon=False, loc="lower right")
    return dressed(ax, x="groups to learn from", y="R², the other groups left out")
