"""Pictures of how far a number hangs on thresholds: tornado plots, and elementary effects."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from micro_features.report.axes import BLUE, DARK, GREY, ORANGE, SMALL_PT, broken, dressed, number, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_BARS = 12


def tornado(moved: pd.DataFrame, named: str, *, unit: str, label: str, ax: "Axes") -> "Axes":
    """What each threshold does to a number by itself: one bar a threshold, the widest on top.

    Of one picture bars go from the least to the largest value, and markers tell which end of the threshold gives
    which; of several they are changes against each picture's own value, medians over pictures, with lines to the 10th
    and 90th percentile.

    Parameters
    ----------
    moved : DataFrame
        Columns picture, number, setting, base, low, high, at_low, at_high.
    named : str
        Which number.
    unit, label : str
        Of the number.
    ax : Axes

    Returns
    -------
    Axes
    """
    of = moved[(moved["number"] == named) & moved["low"].notna()]
    several = len(set(of["picture"])) > 1
    if several:
        known = of[of["base"].notna() & (of["base"] != 0)]
        ends = [(known[column] / known["base"] - 1) * 100 for column in ("low", "high")]
        parts = known.assign(low=ends[0], high=ends[1]).groupby("setting", sort=False)
        bars = (
            parts[["low", "high"]]
            .median()
            .assign(tail_low=parts["low"].quantile(0.1), tail_high=parts["high"].quantile(0.9))
        )
        base, n = 0.0, known["picture"].nunique()
        left_out = of["picture"].nunique() - n
        title = f"{broken(label, 60)}\n{n} pictures: median; lines to the 10th and 90th percentile"
        title += f"; {left_out} without a value left out" if left_out else ""
        axis = "change / %"
    else:
        bars = of.set_index("setting")[["low", "high", "at_low", "at_high", "base"]]
        base = float(bars["base"].iloc[0])
        title, axis = broken(label, 60), with_unit(label, unit)
    width = bars["high"] - bars["low"]
    still = list(bars.index[width == 0])
    bars = bars[width > 0].loc[width[width > 0].sort_values().index][-_MOST_BARS:]
    for row, (_, bar) in enumerate(bars.iterrows()):
        ax.barh(row, bar["high"] - bar["low"], left=bar["low"], height=0.55, color=BLUE, alpha=0.55)
        if several:
            ax.plot([bar["tail_low"], bar["tail_high"]], [row, row], color=DARK, linewidth=1)
        else:
            for end, face in (("at_low", "white"), ("at_high", ORANGE)):
                ax.plot(bar[end], row, "o", markersize=6, markerfacecolor=face, markeredgecolor=DARK)
        for value, side in ((bar["low"], "right"), (bar["high"], "left")):
            offset = (-9, 0) if side == "right" else (9, 0)
            said = number(value) + (" %" if several else "")
            ax.annotate(said, (value, row), offset, textcoords="offset points", ha=side, va="center", fontsize=SMALL_PT)
    if not np.isnan(base):
        ax.axvline(base, color=DARK, linewidth=1)
    ax.set_yticks(range(len(bars)), [broken(str(name)) for name in bars.index])
    ax.use_sticky_edges = False
    ax.margins(x=0.2)
    notes = [] if several or not len(bars) else ["white: threshold at its low end, orange: at its high end"]
    notes += [f"no effect: {', '.join(name.split('.', 1)[-1] for name in still)}"] if still else []
    dressed(ax, x=f"{axis}\n{broken('; '.join(notes), 95)}" if notes else axis, title=title)
    if not len(bars):
        ax.text(0.5, 0.5, "no threshold moves it", transform=ax.transAxes, ha="center", color=GREY)
    return ax


def morris(moved: pd.DataFrame, named: str, *, label: str, ax: "Axes") -> "Axes":
    """Elementary effects (Morris 1991): how large each threshold's is, against how it differs from place to place.

    Parameters
    ----------
    moved : DataFrame
        Columns number, setting, mu_star, mu_star_ci95_low, mu_star_ci95_high, sigma; medians over pictures are drawn.
    named : str
        Which number.
    label : str
    ax : Axes

    Returns
    -------
    Axes
    """
    of = moved[moved["number"] == named].groupby("setting", sort=False)
    points = of[["mu_star", "mu_star_ci95_low", "mu_star_ci95_high", "sigma"]].median().dropna()
    points = points[points["mu_star"] > 0].sort_values("mu_star", ascending=False)[:_MOST_BARS]
    end = 1.15 * max(points["mu_star"].max(), points["sigma"].max(), 1e-300) if len(points) else 1.0
    ax.plot([0, end], [0, end], color=GREY, linewidth=1, linestyle="--")
    ax.annotate(
        "as much interaction or curvature as effect",
        (0.97 * end, 0.97 * end),
        (-12, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=SMALL_PT,
        color=GREY,
    )
    for place, (name, point) in enumerate(points.iterrows(), start=1):
        half = [[point["mu_star"] - point["mu_star_ci95_low"]], [point["mu_star_ci95_high"] - point["mu_star"]]]
        ax.errorbar(point["mu_star"], point["sigma"], xerr=np.abs(half), fmt="o", color=BLUE, capsize=2)
        ax.annotate(
            str(place), (point["mu_star"], point["sigma"]), (4, 4), textcoords="offset points", fontsize=SMALL_PT
        )
        ax.plot([], [], " ", label=f"{place}  {name}")
    ax.set_xlim(0, 1.1 * end)
    ax.set_ylim(bottom=-0.04 * end)
    if len(points):
        ax.legend(fontsize=SMALL_PT, loc="upper left", handlelength=0, frameon=False)
    return dressed(
        ax, x="size of the effect over the whole range (µ*)", y="how it differs from place to place (σ)", title=label
    )
