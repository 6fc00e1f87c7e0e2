"""How figures of two models show a sign, and what all figures of several panels share."""

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

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


def signed(value: float) -> str:
    """Two decimals with their sign."""
    return "not known" if np.isnan(value) else f"{value:+.2f}".replace("-", "−")


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
