"""Figures of a comparison: do a network and a model of features lean on the same part of the structure?"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from micro_features.report.axes import (
    BLUE,
    COLOURS,
    DARK,
    GREY,
    MARKERS,
    SMALL_PT,
    broken,
    dressed,
)
from micro_features.report.prediction_figures import Interval
from micro_features.report.signs import (
    DOWN,
    LETTERS,
    PHASE_NAMES,
    SHAP_NAMES,
    UP,
    WIDTH,
    both_sides,
    captioned,
    plain_ticks,
    signed,
    titled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ENRICHMENT_SIZE = (WIDTH, 3.8)
"""Inches; for `figure_of`."""
_MOST_GROUPS = 12
_LEAST_SHARE = 0.05  # of a map's heat: where a sign that holds less lies is chance


class Lean(NamedTuple):
    """What both models say about one phase, picture by picture.

    Attributes
    ----------
    shap, network : (n,) float array
        Sum of the SHAP values of the phase's features; lean of the network's map on the phase. Model units.
    rank : (float, float, float)
        Low, Spearman's correlation of the two, high.
    chance : (float, float)
        The middle 95 % of that correlation with maps moved to where they have no business.
    """

    shap: np.ndarray
    network: np.ndarray
    rank: Interval
    chance: tuple[float, float]


def draw_phase_bars(
    shares: "Axes",
    sums: "Axes",
    shap: Mapping[str, float],
    enrichment: pd.DataFrame,
    *,
    heat: np.ndarray,
    limit: float,
    unit: str,
) -> None:
    """Of one picture, where the network's map lies, and beside it what the features of each phase add.

    Parameters
    ----------
    shares, sums : Axes
    shap, enrichment
        As in `micro_features.report.heat_figures.sample_figure`; of the map ``lean``, too.
    heat : float array
        The map: a sign that holds less than 5 % of its heat is not placed, only said.
    limit : float
        That the axis of the SHAP sums reaches at least, on both sides: the same for all pictures of a set.
    unit : str
        Of the SHAP sums.
    """
    amounts = np.array([np.maximum(heat, 0).sum(), np.maximum(-heat, 0).sum()], float)
    held = amounts / amounts.sum() if amounts.any() else np.zeros(2)
    pairs = enrichment[["positive", "negative"]].to_numpy(float)
    drawn = pd.DataFrame(np.where(held >= _LEAST_SHARE, pairs, np.nan), enrichment.index)
    named = [phase for phase in PHASE_NAMES if phase in enrichment.index or phase in shap]
    rows = [*named, *(group for group in shap if group not in named)]
    places = np.arange(len(rows))[::-1]
    for row, phase in zip(places, rows, strict=True):
        there = phase in enrichment.index
        pair = drawn.loc[phase].to_numpy(float) if there else np.full(2, np.nan)
        for value, offset, kind in zip(pair, (0.19, -0.19), (UP, DOWN), strict=True):
            if np.isfinite(value):
                _draw_share(shares, row + offset, value, 0.34, kind)
        if not np.isfinite(pair).any():
            missing = "no place here" if phase in SHAP_NAMES else "no place of its own"
            _say_instead(shares, row, "too little of it" if there else missing)
        if phase in shap:
            sums.barh(row, shap[phase], height=0.5, **(DOWN if shap[phase] < 0 else UP))
        else:
            _say_instead(sums, row, "no feature")
    for ax, middle in ((shares, 1.0), (sums, 0.0)):
        ax.axvline(middle, color=DARK, linewidth=0.8)
        ax.set_ylim(-0.6, len(rows) - 0.4)
        ax.set_yticks([])
    _share_axis(shares, drawn.to_numpy(float))
    sums.set_xlim(both_sides(np.array([*shap.values()], float), 0.0, limit))
    sums.locator_params(axis="x", nbins=3)
    plain_ticks(sums.xaxis)
    shares.set_yticks(places, [broken(PHASE_NAMES.get(each, each), 16).replace(" ", "\n") for each in rows])
    dressed(shares, x="heat there, times that\nof as much area").tick_params("y", length=0)
    dressed(sums, x=f"sum of SHAP values\n/ {unit}")
    titled(shares, "e  network")
    titled(sums, "f  model of phases")
    _say_signs(sums, shap, enrichment["lean"])
    inches = shares.get_position().height * shares.figure.get_figheight()  # type: ignore[union-attr]
    shares.legend(
        handles=[
            Patch(**kind, label=f"{called} the prediction: {_held(share)}")
            for kind, called, share in ((UP, "raises", held[0]), (DOWN, "lowers", held[1]))
        ],
        fontsize=SMALL_PT,
        frameon=False,
        loc="upper left",
        bbox_to_anchor=(-0.35, -0.58 / inches),
    )


def _say_signs(ax: "Axes", shap: Mapping[str, float], lean: pd.Series) -> None:
    """Under the bars, phase by phase: does the map lean to the side that the SHAP sum has?"""
    said = ["lean of the map / SHAP sum:"]
    for phase, value in shap.items():
        both = np.sign([float(lean.get(phase, np.nan)), value])
        if np.isfinite(both).all() and both.all():
            one, other = ("+" if sign > 0 else "−" for sign in both)
            said.append(f"{SHAP_NAMES.get(phase, phase)} {one} / {other}, {'alike' if one == other else 'opposite'}")
    if len(said) > 1:
        ax.annotate(
            "\n".join(said),
            (0, 0),
            (-4, -42),
            xycoords="axes fraction",
            textcoords="offset points",
            va="top",
            fontsize=SMALL_PT,
            linespacing=1.25,
        )


_MOST_TIMES = 16.0
"""As far as shares are drawn, and their inverse: none at all has no place on an axis where half is as far as double."""


def _draw_share(ax: "Axes", row: float, value: float, height: float, kind: Mapping[str, Any]) -> None:
    ax.barh(row, np.clip(value, 1 / _MOST_TIMES, _MOST_TIMES) - 1, left=1, height=height, **kind)


def _share_axis(ax: "Axes", values: np.ndarray) -> None:
    """Half as far to the left of 1 as double to the right, and at least to these."""
    known = np.clip(values[np.isfinite(values)], 1 / _MOST_TIMES, _MOST_TIMES)
    far = float(max([2.0, *known, *(1 / known)])) * 1.1
    ax.set_xscale("log", base=2)
    ax.set_xlim(1 / far, far)
    ticks = [tick for tick in (0.125, 0.25, 0.5, 1, 2, 4, 8) if 1 / far < tick < far]
    ticks = ticks if len(ticks) <= 5 else ticks[::2]
    ax.set_xticks(ticks, [{0.125: "1/8", 0.25: "1/4", 0.5: "1/2"}.get(tick, f"{tick:g}") for tick in ticks])
    ax.minorticks_off()


def _held(share: float) -> str:
    said = f"{100 * share:.1f} % of the heat"
    return said if share >= _LEAST_SHARE else f"{said},\ntoo little to place"


def lean_figure(
    leans: Mapping[str, Lean | str],
    *,
    groups: Sequence[str],
    measured: np.ndarray,
    unit: str,
    caption: str,
) -> Figure:
    """Do the two models order the pictures alike, phase by phase?

    Under each cloud stands the rank correlation between -1 and 1, with its interval, over what chance gives.

    Parameters
    ----------
    leans : mapping
        By phase (``pore``, ``boundary``); words instead where there is nothing to compare.
    groups : sequence of n str
        Up to 12 have a mark of their own, the same as in figures of predictions.
    measured : (n,) float array
        Orders the groups.
    unit : str
        Of both axes: ``"decades"``. The network's is its map's lean on the phase.
    caption : str

    Returns
    -------
    Figure
    """
    labels = np.asarray(groups)
    there = sorted(sorted(set(groups)), key=lambda group: np.median(measured[labels == group]))
    alone = len(there) > _MOST_GROUPS
    if all(isinstance(lean, str) for lean in leans.values()):
        return _words_figure(leans, caption)
    with matplotlib.rc_context({"text.parse_math": False}):
        figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
        clouds, strips = figure.subplots(2, len(leans), squeeze=False, height_ratios=(1, 0.09))
        for ax, strip, (phase, lean) in zip(clouds, strips, leans.items(), strict=True):
            called = SHAP_NAMES.get(phase, phase)
            if isinstance(lean, str):
                titled(ax, called)
                for each in (ax, strip):
                    each.set_axis_off()
                _say_instead(ax, 0.5, textwrap.fill(lean, 34))
                continue
            dressed(ax, x=f"SHAP sum of {called} / {unit}", y=f"lean on {PHASE_NAMES.get(phase, phase)} / {unit}")
            low, value, high = (signed(each) for each in lean.rank)
            titled(ax, f"{called}\nSpearman {value} [{low}, {high}]")
            for rank, group in enumerate(["all"] if alone else there):
                members = np.full(len(labels), True) if alone else labels == group
                ax.plot(
                    lean.shap[members],
                    lean.network[members],
                    MARKERS[0] if alone else MARKERS[(rank + rank // len(COLOURS)) % len(MARKERS)],
                    color=BLUE if alone else COLOURS[rank % len(COLOURS)],
                    markersize=5,
                    label=broken(group, 24),
                )
            for line in (ax.axhline, ax.axvline):
                line(0, color=DARK, linewidth=0.8, zorder=0)
            ax.margins(0.08)
            ax.locator_params(nbins=5)
            for axis in (ax.xaxis, ax.yaxis):
                plain_ticks(axis)
            _draw_rank(strip, lean)
        if not alone:
            # Told which lines, it drops none whose name begins with an underscore.
            marks = max(([line for line in ax.lines if line.get_marker() in MARKERS] for ax in clouds), key=len)
            figure.legend(handles=marks, loc="outside right center", fontsize=SMALL_PT, frameon=False)
        return captioned(figure, caption)


def _words_figure(leans: Mapping[str, Lean | str], caption: str) -> Figure:
    """Why nothing is drawn, once for all phases that it holds for, as high as the words."""
    phases: dict[str, list[str]] = {}
    for phase, words in leans.items():
        phases.setdefault(str(words), []).append(SHAP_NAMES.get(phase, phase))
    said = [textwrap.fill(words, LETTERS // len(phases) - 5) for words in phases]
    lines = max(words.count("\n") + 1 for words in said) + len(textwrap.wrap(caption, LETTERS))
    with matplotlib.rc_context({"text.parse_math": False}):
        figure = Figure(figsize=(WIDTH, 0.5 + 0.14 * lines), layout="constrained")
        for ax, named, words in zip(
            figure.subplots(1, len(said), squeeze=False)[0], phases.values(), said, strict=True
        ):
            titled(ax, f"{', '.join(named)}: not compared")
            ax.set_axis_off()
            ax.text(0, 1, words, transform=ax.transAxes, va="top", fontsize=SMALL_PT, color=DARK, linespacing=1.2)
        return captioned(figure, caption)


def _draw_rank(ax: "Axes", lean: Lean) -> None:
    low, value, high = lean.rank
    ax.axvspan(*lean.chance, color=GREY, alpha=0.35, linewidth=0)
    ax.axvline(0, color=DARK, linewidth=0.8)
    ax.hlines(0, low, high, color=BLUE, linewidth=2)
    ax.plot(value, 0, "o", color=BLUE, markersize=6)
    ax.set(xlim=(-1, 1), ylim=(-1, 1), yticks=[], xticks=[-1, -0.5, 0, 0.5, 1])
    dressed(ax, x="Spearman; grey: moved maps, 95 %")
    ax.xaxis.label.set_fontsize(SMALL_PT)
    ax.spines["left"].set_visible(False)


def enrichment_bars(ax: "Axes", table: pd.DataFrame) -> "Axes":
    """On which phase the network's maps lie, over all pictures, beside what moved maps give.

    Parameters
    ----------
    ax : Axes
    table : DataFrame
        A row for each phase and sign: ``phase``; ``sign``, 1 for what raises the prediction and -1 for what lowers it;
        ``value``, ``low``, ``high``: mean share of attribution over share of area, and its interval; ``null_low``,
        ``null_high``: the middle 95 % with moved maps. NaN is not known.

    Returns
    -------
    Axes
    """
    phases = table["phase"].drop_duplicates().tolist()
    numbers = table[["sign", "value", "low", "high", "null_low", "null_high"]].to_numpy(float)
    for phase, (sign, value, low, high, null_low, null_high) in zip(table["phase"], numbers, strict=True):
        row = len(phases) - 1 - phases.index(phase) + 0.19 * sign
        if np.isnan(value):
            _say_instead(ax, row, "too little of it")
            continue
        _draw_share(ax, row, value, 0.32, UP if sign > 0 else DOWN)
        ends = np.clip([low, high, null_low, null_high], 1 / _MOST_TIMES, _MOST_TIMES)
        ax.hlines(row, *ends[:2], color=DARK, linewidth=1.4)
        ax.fill_betweenx([row - 0.19, row + 0.19], *ends[2:], color=GREY, alpha=0.45, linewidth=0)
    ax.axvline(1, color=DARK, linewidth=0.8)
    _share_axis(ax, numbers[:, 1:])
    ax.set_yticks(np.arange(len(phases))[::-1], [broken(PHASE_NAMES.get(phase, phase), 16) for phase in phases])
    ax.set_ylim(-0.6, len(phases) - 0.4)
    handles = [
        Patch(**UP, label="raises"),
        Patch(**DOWN, label="lowers the prediction"),
        Patch(facecolor=GREY, alpha=0.45, label="moved maps, 95 %"),
    ]
    ax.legend(
        handles=handles, fontsize=SMALL_PT, frameon=False, loc="upper center", bbox_to_anchor=(0.4, -0.18), ncols=3
    )
    dressed(ax, x="heat on the phase, times that of as much area anywhere")
    ax.tick_params("y", length=0)
    return ax


def _say_instead(ax: "Axes", row: float, words: str) -> None:
    ax.annotate(
        words,
        (0.5, row),
        xycoords=ax.get_yaxis_transform(),
        ha="center",
        va="center",
        fontsize=SMALL_PT,
        color=DARK,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )
