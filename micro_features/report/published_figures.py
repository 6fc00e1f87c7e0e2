"""Figures of the published method: its training, the scores of its stages, its answer, and other methods beside it."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from micro_features.report.axes import BLUE, DARK, GREY, ORANGE, SMALL_PT, broken, dressed, with_unit
from micro_features.report.prediction_figures import Interval
from micro_features.report.signs import (
    DOWN,
    LOWERS,
    PHASE_NAMES,
    RAISES,
    SHAP_NAMES,
    UP,
    WIDTH,
    captioned,
    plain_ticks,
    titled,
)
from micro_features.report.tree_figure import class_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_PARAMETERS = 22
"""Rows of the answer's figure: as many as the hand-measured table has parameters."""
_PROTOCOLS = (("grouped", 0.13, BLUE, "o", "groups left out"), ("in sample", -0.13, ORANGE, "D", "in sample"))
_SAME = 0.005  # a gap that is 0.00 to the two decimals shown

_PLAIN: dict[str, Any] = {
    "fontsize": SMALL_PT,
    "color": DARK,
    "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 1.5},
}


def epochs_figure(table: pd.DataFrame, class_names: Sequence[str], *, caption: str) -> Figure:
    """Precision and recall of each class after each epoch, a row of panels for each run.

    Parameters
    ----------
    table : DataFrame
        ``run``, ``epoch``, ``split`` (``train`` or ``left out``), ``class``, ``precision`` and ``recall`` from 0 to 1,
        NaN where not defined (a class that was never predicted has no precision).
    class_names : sequence of str
        In order, lowest first, as in ``class``.
    caption : str

    Returns
    -------
    Figure
    """
    runs = table["run"].drop_duplicates().tolist()
    with matplotlib.rc_context({"text.parse_math": False}):
        figure = Figure(figsize=(WIDTH, 1.2 + 1.25 * len(runs)), layout="constrained")
        grid = figure.subplots(len(runs), 2, squeeze=False, sharex=True, sharey=True)
        for axes, run in zip(grid, runs, strict=True):
            for ax, measure in zip(axes, ("precision", "recall"), strict=True):
                _draw_epochs(ax, table[table["run"] == run], class_names, measure)
                last = run == runs[-1]
                dressed(ax, x="epoch" if last else "", y=broken(str(run), 14) if measure == "precision" else "")
        for ax, measure in zip(grid[0], ("precision", "recall"), strict=True):
            titled(ax, measure)
        grid[0, 0].set(ylim=(-0.04, 1.04), yticks=[0, 0.5, 1])
        grid[0, 0].xaxis.get_major_locator().set_params(integer=True)
        colours = class_colours(len(class_names))
        handles = [Line2D([], [], color=colour, label=name) for colour, name in zip(colours, class_names, strict=True)]
        handles += [
            Line2D([], [], color=GREY, linestyle="--", linewidth=1, label="train"),
            Line2D([], [], color=GREY, label="left out"),
        ]
        figure.legend(handles=handles, loc="outside right center", fontsize=SMALL_PT, frameon=False)
        return captioned(figure, caption)


def _draw_epochs(ax: "Axes", table: pd.DataFrame, class_names: Sequence[str], measure: str) -> None:
    for name, colour in zip(class_names, class_colours(len(class_names)), strict=True):
        for split, style in (("train", "--"), ("left out", "-")):
            rows = table[(table["class"] == name) & (table["split"] == split)].sort_values("epoch")
            width = 1.0 if split == "train" else 1.7
            # Dots, too, as an epoch between two without a value has no line.
            ax.plot(rows["epoch"], rows[measure], style, marker=".", markersize=3, color=colour, linewidth=width)


def stages_figure(
    stages: pd.DataFrame,
    *,
    chance: float,
    references: Mapping[str, Interval],
    metric: str,
    caption: str,
) -> Figure:
    """How well does each stage do on groups that it has not seen, and how much better does it look in sample?

    Parameters
    ----------
    stages : DataFrame
        ``stage``, ``protocol`` (``grouped`` or ``in sample``), ``low``, ``value``, ``high``; NaN is not known.
        Stages are drawn in their order.
    chance : float
        Score by chance.
    references : mapping
        (low, value, high) of what something simple reaches, by what it is called: ``"acquisition date alone"``.
    metric : str
        ``"balanced accuracy"``; between 0 and 1.
    caption : str

    Returns
    -------
    Figure
    """
    names = stages["stage"].drop_duplicates().tolist()
    rows = np.arange(len(names))[::-1]
    lines = {"chance": (np.nan, chance, np.nan), **references}
    top = len(names) - 0.35
    with matplotlib.rc_context({"text.parse_math": False}):
        figure = Figure(figsize=(WIDTH, 1.5 + 0.45 * len(names) + 0.2 * len(lines)), layout="constrained")
        ax = figure.subplots()
        found: dict[str, np.ndarray] = {}
        for protocol, offset, colour, marker, label in _PROTOCOLS:
            of = stages[stages["protocol"] == protocol].set_index("stage")[["low", "value", "high"]].reindex(names)
            low, value, high = of.to_numpy(float).T
            found[protocol] = value
            if np.isfinite(value).any():
                ax.hlines(rows + offset, low, high, color=colour, linewidth=1.8)
                ax.plot(value, rows + offset, marker, color=colour, markersize=6, label=label, clip_on=False)
        for row, gap in zip(rows, found["in sample"] - found["grouped"], strict=True):
            if np.isfinite(gap):
                ax.text(1.03, row, _gap(gap), fontsize=SMALL_PT, va="center", color=DARK)
        for step, (called, (least, level, most)) in enumerate(sorted(lines.items(), key=lambda item: -item[1][1])):
            # Words to the right of their line, the lowest value on top: no line crosses the words of another.
            height = top + 0.45 * step
            ax.plot([level, level], [-0.6, height + 0.15], color=DARK, linewidth=0.8, linestyle="--", zorder=0)
            between = f" [{least:.2f}, {most:.2f}]" if np.isfinite([least, most]).all() else ""
            ax.text(level + 0.008, height, f"{called} {level:.2f}{between}", va="center", **_PLAIN)
        ax.set_yticks(rows, [broken(str(name), 26) for name in names])
        ax.set(xlim=(0, 1.01), ylim=(-0.6, top + 0.45 * len(lines)))
        dressed(ax, x=metric).tick_params("y", length=0)
        ax.spines["left"].set_visible(False)
        figure.legend(
            handles=ax.get_legend_handles_labels()[0],
            fontsize=SMALL_PT,
            frameon=False,
            loc="outside upper center",
            ncols=2,
        )
        return captioned(figure, caption)


def _gap(gap: float) -> str:
    if abs(gap) < _SAME:
        return "the same in sample"
    return f"{abs(gap):.2f} {'better' if gap > 0 else 'worse'} in sample"


def answer_figure(table: pd.DataFrame, *, unit: str, caption: str) -> Figure:
    """Which parameters, in which direction, go with the property?

    Parameters
    ----------
    table : DataFrame
        A row for each parameter: ``parameter``, ``unit``, ``phase``; ``effect``, ``low``, ``high``, change of the
        property with one standard deviation of the parameter and its interval; ``share`` of all attribution, 0 to 1;
        ``sure`` (bool), whether its direction is; ``steps``, nodes of the tree that it drives; ``same_sign``, the part
        of the folds in which its direction is the same. The 22 of largest effect are drawn.
    unit : str
        Of the effect: ``"decades"``.
    caption : str

    Returns
    -------
    Figure
    """
    known = table[table["effect"].notna()]
    largest = known["effect"].abs().sort_values(ascending=False, kind="stable").index[:MOST_PARAMETERS]
    drawn = known.loc[largest]
    if len(table) > len(drawn):
        caption = f"{caption} Not drawn: {len(table) - len(drawn)} of smaller or unknown effect."
    top = len(drawn) - 0.4
    with matplotlib.rc_context({"text.parse_math": False}):
        figure = Figure(figsize=(WIDTH, 2.0 + 0.22 * (top + 0.4)), layout="constrained")
        ax, words = figure.subplots(1, 2, sharey=True, width_ratios=(1, 0.85))
        words.set_axis_off()
        rows = np.arange(len(drawn))[::-1]
        for row, (_, each) in zip(rows, drawn.iterrows(), strict=True):
            _draw_effect(ax, float(row), each)
            called = PHASE_NAMES.get(each["phase"], str(each["phase"]))
            said = (called, _percent(each["share"]), str(int(each["steps"])), _percent(each["same_sign"]))
            _columns(words, float(row), said)
        _columns(words, top, ("phase", "share\nof all", "tree\nnodes", "folds of\nsame sign"), head=True)
        ax.axvline(0, color=DARK, linewidth=0.8)
        named = [with_unit(str(name), of) for name, of in zip(drawn["parameter"], drawn["unit"], strict=True)]
        ax.set_yticks(rows, [shortened(name, 34) for name in named])
        ax.set_ylim(-0.6, top)
        ax.locator_params(axis="x", nbins=5)
        plain_ticks(ax.xaxis)
        dressed(ax, x=f"change with one standard deviation / {unit}").tick_params("y", length=0)
        ax.spines["left"].set_visible(False)
        handles = [
            Patch(**UP, label="more of it, higher"),
            Patch(**DOWN, label="more of it, lower"),
            Patch(facecolor="white", edgecolor=DARK, linewidth=0.8, label="direction not sure"),
        ]
        figure.legend(handles=handles, fontsize=SMALL_PT, frameon=False, loc="outside upper center", ncols=3)
        return captioned(figure, caption)


def _draw_effect(ax: "Axes", row: float, each: "pd.Series[Any]") -> None:
    """A filled bar where its direction is sure, else its outline; the interval in the middle of it."""
    kind, colour = (UP, RAISES) if each["effect"] >= 0 else (DOWN, LOWERS)
    style = kind if each["sure"] else {"facecolor": "white", "edgecolor": colour, "linewidth": 1.1}
    ax.barh(row, each["effect"], height=0.62, **style)
    ax.hlines(row, each["low"], each["high"], color=DARK, linewidth=1.1, zorder=3)


_COLUMNS_AT = ((0.0, "left"), (0.57, "right"), (0.73, "right"), (1.0, "right"))
"""Of the words beside the bars, in widths of their panel."""


def _columns(ax: "Axes", row: float, said: Sequence[str], *, head: bool = False) -> None:
    for (place, side), words in zip(_COLUMNS_AT, said, strict=True):
        ax.text(
            place,
            row,
            words,
            transform=ax.get_yaxis_transform(),
            ha=side,
            va="bottom" if head else "center",
            fontsize=SMALL_PT,
            color=GREY if head else DARK,
        )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if np.isfinite(share) else "–"


def shortened(name: str, letters: int) -> str:
    """A name on one line: one that is too long loses its middle."""
    half = (letters - 1) // 2
    return name if len(name) <= letters else f"{name[: letters - 1 - half]}…{name[-half:]}"


def beside_figure(methods: pd.DataFrame, agreements: pd.DataFrame, *, chance: float, caption: str) -> Figure:
    """Methods side by side on the same folds: how often they are right, how long they run, whether they say the same.

    Parameters
    ----------
    methods : DataFrame
        A row for each: ``method``; ``accuracy`` and ``balanced``, 0 to 1, each with ``_low`` and ``_high``; ``seconds``
        that it ran, NaN where it took none.
    agreements : DataFrame
        A row for each two methods and phase: ``one``, ``other``, ``phase``; ``value``, rank correlation of what they
        say picture by picture, -1 to 1, with ``low`` and ``high``; ``said``, words for where the value is NaN.
    chance : float
        Accuracy by chance.
    caption : str

    Returns
    -------
    Figure
    """
    high = max(0.42 * len(methods), 0.5 * len(agreements))
    with matplotlib.rc_context({"text.parse_math": False}):
        figure = Figure(figsize=(WIDTH, 1.6 + high), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1, 1))
        _draw_methods(left, methods, chance)
        _draw_agreements(right, agreements)
        handles, _ = left.get_legend_handles_labels()
        figure.legend(handles=handles, fontsize=SMALL_PT, frameon=False, loc="outside upper left", ncols=2)
        return captioned(figure, caption)


def _draw_methods(ax: "Axes", methods: pd.DataFrame, chance: float) -> None:
    rows = np.arange(len(methods))[::-1]
    for name, offset, colour, marker, label in (
        ("accuracy", 0.13, BLUE, "o", "accuracy"),
        ("balanced", -0.13, ORANGE, "D", "balanced accuracy: mean over classes"),
    ):
        low, value, high = methods[[f"{name}_low", name, f"{name}_high"]].to_numpy(float).T
        ax.hlines(rows + offset, low, high, color=colour, linewidth=1.8)
        ax.plot(value, rows + offset, marker, color=colour, markersize=6, label=label)
    ax.axvline(chance, color=DARK, linewidth=0.8, linestyle="--", zorder=0)
    ax.text(chance, len(methods) - 0.35, f"chance {chance:.2f}", ha="center", va="center", **_PLAIN)
    for row, seconds in zip(rows, methods["seconds"], strict=True):
        ax.text(1.05, row, duration(float(seconds)), va="center", fontsize=SMALL_PT, color=DARK)
    ax.set_yticks(rows, [broken(str(method), 18) for method in methods["method"]])
    ax.set(xlim=(0, 1), ylim=(-0.6, len(methods) - 0.2), xticks=[0, 0.5, 1])
    dressed(ax, x="score, groups left out").tick_params("y", length=0)
    ax.spines["left"].set_visible(False)
    titled(ax, "how often right; run time")


def _draw_agreements(ax: "Axes", agreements: pd.DataFrame) -> None:
    rows = np.arange(len(agreements))[::-1]
    names = []
    for row, (_, each) in zip(rows, agreements.iterrows(), strict=True):
        names.append(f"{each['one']}, {each['other']}:\n{SHAP_NAMES.get(each['phase'], each['phase'])}")
        if np.isnan(each["value"]):
            ax.text(0, row, textwrap.fill(str(each["said"]), 30), ha="center", va="center", **_PLAIN)
        else:
            ax.hlines(row, each["low"], each["high"], color=BLUE, linewidth=1.8)
            ax.plot(each["value"], row, "o", color=BLUE, markersize=6)
    ax.axvline(0, color=DARK, linewidth=0.8, zorder=0)
    ax.set_yticks(rows, names)
    ax.set(xlim=(-1, 1), ylim=(-0.6, max(len(agreements), 1) - 0.2), xticks=[-1, -0.5, 0, 0.5, 1])
    dressed(ax, x="rank correlation of what they say").tick_params("y", length=0)
    ax.spines["left"].set_visible(False)
    titled(ax, "the same causes?")


def duration(seconds: float) -> str:
    """A run time as people say it; a dash for NaN."""
    if np.isnan(seconds):
        return "–"
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.{int(seconds < 10 * size)}f} {unit}"
    return f"{seconds:.{int(seconds < 10)}f} s"
