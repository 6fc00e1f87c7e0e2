"""Figures of checks: whether heat maps hang on what was learned, and how models answer when a phase is taken away."""

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from micro_features.report.axes import BLUE, DARK, GREY, ORANGE, SMALL_PT, TEXT_PT, broken, dressed
from micro_features.report.prediction_figures import Interval
from micro_features.report.signs import LETTERS, WIDTH, both_sides, captioned, plain_ticks, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STRAY = 0.61803  # dots of one strip: spread evenly, and the same each time
_ASKED_FOR = "#E3EFE8"


class Judged(NamedTuple):
    """One check of the maps.

    Attributes
    ----------
    verdict : str
        ``passes``, ``fails``, ``not shown``, ``not run``; with the number of groups where that is below 6.
    interval : (float, float, float)
        Low, value, high; NaN where it was not run.
    limit : float
    at_least : bool
        Whether values above the limit are what is asked for.
    by_group : tuple of float
        Values of groups that are too few for an interval; drawn open.
    """

    verdict: str
    interval: Interval
    limit: float
    at_least: bool
    by_group: tuple[float, ...] = ()


class Curve(NamedTuple):
    """Change of the prediction as cells are replaced, and its least and largest for moved maps; (k,) float arrays."""

    change: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Change(NamedTuple):
    """What taking a phase away does to one model's predictions, beside the same treatment of as much other area.

    Attributes
    ----------
    taken, control : (n,) float array
        Prediction after less before, model units.
    taken_mean, control_mean : (float, float, float)
        Low, mean over pictures, high.
    """

    taken: np.ndarray
    control: np.ndarray
    taken_mean: Interval
    control_mean: Interval


def sanity_figure(
    layers: pd.DataFrame,
    similarities: Mapping[str, Judged],
    concentrations: Mapping[str, Judged],
    replaced: np.ndarray,
    curves: Mapping[str, Curve],
    *,
    limit: float,
    unit: str,
    caption: str,
) -> Figure:
    """Do the maps depend on what the network learned, and does the prediction hang on what they point at?

    Parameters
    ----------
    layers : DataFrame
        As `micro_features.explain.sanity.randomised_layers` gives.
    similarities : mapping
        Checks of how alike maps are (seeds, random weights, random labels), by what they are called.
    concentrations : mapping
        Checks of heat over area (border, flat area).
    replaced : (k,) float array
        Share of the area that is replaced, 0 to 1.
    curves : mapping
        Of k points, by what is replaced first; drawn alike, told apart by line and mark.
    limit : float
        Most similarity that may be left when all layers are random.
    unit : str
        Of the curves: ``"decades"``.
    caption : str

    Returns
    -------
    Figure
    """
    with matplotlib.rc_context({"text.parse_math": False}):
        figure = Figure(figsize=(WIDTH, 5.3 + 0.15 * len(textwrap.wrap(caption, LETTERS))), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.06, h_pad=0.06)  # type: ignore[union-attr,call-arg]
        (first, second), (third, fourth) = figure.subplots(2, 2)
        _draw_layers(first, layers, limit)
        ends = [end for each in similarities.values() for end in (*each.interval[:2], *each.by_group)]
        least = np.nanmin([-0.25, *(end - 0.05 for end in ends)])
        _draw_checks(second, similarities, "similarity of maps (rank correlation)", (least, 1.05))
        titled(second, "b  what maps share")
        _draw_curves(third, replaced, curves, unit)
        ends = [end for each in concentrations.values() for end in (*each.interval[1:], *each.by_group)]
        most = np.nanmax([2.0, *ends])
        _draw_checks(fourth, concentrations, "share of attribution over share of area", (0, 1.08 * most))
        fourth.axvline(1, color=DARK, linewidth=0.8, zorder=0)
        titled(fourth, "d  where heat has no business")
        return captioned(figure, caption)


def _draw_layers(ax: "Axes", layers: pd.DataFrame, limit: float) -> None:
    steps = np.arange(len(layers) + 1)
    ax.vlines(steps[1:], layers["kept_low"], layers["kept_high"], color=BLUE, linewidth=2, alpha=0.5)
    for column, line, label in (("kept", "o-", "signs may be turned (judged)"), ("signed", "s--", "with signs")):
        ax.plot(steps, [1.0, *layers[column]], line, color=BLUE, markersize=4.5, linewidth=1.2, label=label)
    ax.axhline(0, color=DARK, linewidth=0.8, zorder=0)
    ax.axhline(limit, color=ORANGE, linewidth=1.4, linestyle=":", label=f"most that may be left, {limit:g}")
    ax.set_xticks(steps, ["none", *(broken(step, 8) for step in layers["step"])])
    ax.set_ylim(min(-0.25, layers["signed"].min() - 0.1), 1.05)
    ax.legend(fontsize=SMALL_PT, frameon=False, loc="upper right")
    dressed(ax, x="random weights, from the head down to", y="similarity of maps")
    titled(ax, "a  randomised layers")


def _draw_checks(ax: "Axes", checks: Mapping[str, Judged], x: str, span: tuple[float, float]) -> None:
    """Value and interval of each check; the side that is asked for is shaded from its limit on."""
    rows = np.arange(len(checks))[::-1]
    for row, (_, (low, value, high), limit, at_least, by_group) in zip(rows, checks.values(), strict=True):
        ax.fill_betweenx([row - 0.3, row + 0.3], limit, span[1] if at_least else span[0], color=_ASKED_FOR, linewidth=0)
        ax.vlines(limit, row - 0.3, row + 0.3, color=ORANGE, linewidth=1.6)
        if np.isnan(value):
            continue
        ax.hlines(row, low, high, color=BLUE, linewidth=2)
        if by_group:
            ax.plot(by_group, [row] * len(by_group), "o", markerfacecolor="white", markeredgecolor=BLUE, markersize=4)
        ax.plot(value, row, "o", color=BLUE, markersize=6)
    ax.set_yticks(rows, [f"{broken(name, 16)}\n{each.verdict}" for name, each in checks.items()])
    ax.set(xlim=span, ylim=(-0.6, len(checks) - 0.4))
    few = "; open: single groups" if any(each.by_group for each in checks.values()) else ""
    dressed(ax, x=f"{x}\nshaded: asked for{few}")
    ax.xaxis.label.set_fontsize(SMALL_PT)
    ax.tick_params("y", length=0)


def _draw_curves(ax: "Axes", replaced: np.ndarray, curves: Mapping[str, Curve], unit: str) -> None:
    if not curves:
        titled(ax, "c  replacing cells")
        ax.set_axis_off()
        ax.text(0, 1, "no picture was altered", transform=ax.transAxes, va="top", fontsize=SMALL_PT, color=DARK)
        return
    for (called, curve), colour, line in zip(curves.items(), (BLUE, ORANGE), ("o-", "s--"), strict=False):
        ax.fill_between(100 * replaced, curve.low, curve.high, color=colour, alpha=0.18, linewidth=0)
        ax.plot(100 * replaced, curve.change, line, color=colour, markersize=4, linewidth=1.3, label=called)
    ax.axhline(0, color=DARK, linewidth=0.8, zorder=0)
    ax.margins(y=0.12)
    plain_ticks(ax.yaxis)
    ax.legend(fontsize=SMALL_PT, frameon=False, loc="upper left", bbox_to_anchor=(-0.15, -0.24))
    dressed(ax, x="area replaced / %", y=f"change of the prediction\n/ {unit}")
    titled(ax, "c  replacing cells; bands: moved maps")


def perturbation_figure(changes: Mapping[str, Mapping[str, Change]], *, unit: str, caption: str) -> Figure:
    """How both models answer when a phase is taken from the picture, beside the same treatment elsewhere.

    A row for each model on a scale of its own: what moves one model by a thousandth of what it moves the other has a
    sign too. Lines join the two answers of one picture; bars are means with their interval.

    Parameters
    ----------
    changes : mapping
        By treatment (``pores filled``), then by model (``network``).
    unit : str
        ``"decades"``.
    caption : str

    Returns
    -------
    Figure
    """
    models = list(dict.fromkeys(model for answers in changes.values() for model in answers))
    with matplotlib.rc_context({"text.parse_math": False}):
        figure = Figure(
            figsize=(WIDTH, 0.3 + 2.1 * len(models) + 0.15 * len(textwrap.wrap(caption, LETTERS))), layout="constrained"
        )
        figure.get_layout_engine().set(h_pad=0.06)  # type: ignore[union-attr,call-arg]
        rows = figure.subplots(len(models), len(changes), sharey="row", squeeze=False)
        for row, model in zip(rows, models, strict=True):
            for ax, treatment in zip(row, changes, strict=True):
                _draw_change(ax, changes[treatment][model])
                ax.axhline(0, color=DARK, linewidth=0.8, zorder=0)
                ax.set_xticks([0, 1], ["on the phase", "as much elsewhere"])
                ax.set_xlim(-0.6, 1.4)
                dressed(ax, x="")
                titled(ax, f"{model}: {treatment}")
                ax.tick_params("x", length=0)
            answers = [changes[treatment][model] for treatment in changes]
            row[0].set_ylim(both_sides(np.concatenate([np.concatenate(each) for each in answers])))
            row[0].locator_params(axis="y", nbins=5)
            plain_ticks(row[0].yaxis)
            row[0].set_ylabel(f"change / {unit}\n← lowered   raised →", fontsize=TEXT_PT)
        figure.align_ylabels()
        return captioned(figure, caption)


def _draw_change(ax: "Axes", change: Change) -> None:
    stray = 0.3 * ((np.arange(len(change.taken)) * _STRAY) % 1 - 0.5)
    ax.plot(
        np.stack([stray, 1 + stray]),
        np.stack([change.taken, change.control]),
        color=GREY,
        linewidth=0.5,
        alpha=0.5,
        zorder=1,
    )
    for place, values, mean, filled in (
        (0, change.taken, change.taken_mean, BLUE),
        (1, change.control, change.control_mean, "white"),
    ):
        ax.scatter(place + stray, values, s=14, facecolors=filled, edgecolors=BLUE, linewidths=0.8, zorder=2)
        ax.vlines(place - 0.32, mean[0], mean[2], color=DARK, linewidth=2, zorder=3)
        ax.plot(place - 0.32, mean[1], "D", color=DARK, markersize=3.5, zorder=3)
