"""How figures of two models show a sign, and what all figures of several panels share."""

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from micro_features.report.axes import DARK, SMALL_PT, TEXT_PT, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RAISES, LOWERS = "#1B9E5A", "#9B59B6"
"""Green raises a prediction, purple lowers it: told apart by everybody, and not the blue and amber of pores and grains.

Both are equally dark, so that neither sign looks stronger; in grey print dots (maps) and hatching (bars) mark what
lowers.
"""
SIGNED_MAP = LinearSegmentedColormap.from_list("signed", [LOWERS, "white", RAISES])
UP: dict[str, Any] = {"facecolor": RAISES, "edgecolor": DARK, "linewidth": 0.6}
DOWN: dict[str, Any] = {"facecolor": LOWERS, "edgecolor": DARK, "linewidth": 0.6, "hatch": "/////"}
"""Bars and patches of what raises and lowers."""
METHOD_NAMES = {"gradcam": "Grad-CAM", "hirescam": "HiResCAM"}
PHASE_NAMES = {"pore": "pores", "boundary": "grain boundaries", "interior": "grain interiors", "solid": "solid"}
SHAP_NAMES = {"pore": "pores", "boundary": "grain structure"}
"""What sums of SHAP values by phase are of: shape and size of grains are told by their boundaries."""
WIDTH = 7.2
"""Of figures of several panels, inches: the type area of a journal's page."""
MARGIN = 0.06
LETTERS = 118
"""Of the smallest type across such a figure."""
CAPTION: dict[str, Any] = {"fontsize": SMALL_PT, "color": DARK, "linespacing": 1.2}


def captioned(figure: Figure, caption: str) -> Figure:
    """Words beneath a figure of `WIDTH` with a constrained layout, broken into lines."""
    figure.supxlabel(textwrap.fill(caption, LETTERS), x=MARGIN / WIDTH, ha="left", **CAPTION)
    return figure


def signed(value: float, scale: float = 1.0) -> str:
    """A value with its sign, to a hundredth of the scale that it is seen on."""
    if np.isnan(value):
        return "not known"
    decimals = max(0, int(np.floor(2 - np.log10(scale))))
    return (f"{value:+.{decimals}f}" if decimals < 6 else f"{value:+.1e}").replace("-", "−")


def rounded_up(value: float) -> float:
    """To one figure, so that the ends of colour bars are short; 1 for 0."""
    if not value > 0:
        return 1.0
    decade = 10.0 ** np.floor(np.log10(value))
    return float(f"{np.ceil(value / decade - 1e-6) * decade:.1g}")


def both_sides(values: np.ndarray, middle: float = 0.0, least: float = 0.0) -> tuple[float, float]:
    """Ends of an axis with room on both sides of the middle, so that a value's side is seen; NaN does not count."""
    away = np.asarray(values, float) - middle
    below, above = (float(np.nanmax([least, *(side * away).ravel(), 0.0])) for side in (-1, 1))
    if below == above == 0:
        below = above = 1.0
    return middle - 1.1 * max(below, above / 3), middle + 1.1 * max(above, below / 3)


def plain_ticks(axis: Any) -> None:
    """Ticks as they are: a power of ten that stands apart at the axis's end is overlooked."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))


def colour_bar(figure: Any, limit: float, values: np.ndarray, **place: Any) -> Any:
    """White at 0 and the same length on both sides; an arrow where values lie beyond the end."""
    beyond = (bool((values < -limit).any()), bool((values > limit).any()))
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}[beyond]
    bar = figure.colorbar(
        ScalarMappable(Normalize(-limit, limit), SIGNED_MAP), extend=extend, orientation="horizontal", **place
    )
    bar.set_ticks([-limit, 0, limit], labels=[f"−{number(limit)}", "0", f"+{number(limit)}"])
    bar.ax.tick_params(labelsize=SMALL_PT, length=2, pad=1)
    bar.outline.set_linewidth(0.5)
    return bar


def titled(ax: "Axes", title: str) -> None:
    """A panel's name."""
    ax.set_title(title, fontsize=TEXT_PT, loc="left", fontweight="bold")
