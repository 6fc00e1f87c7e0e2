"""What all figures share: sizes, colours that everybody can tell apart, and names that fit."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import matplotlib
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TEXT_PT = 9
SMALL_PT = 8
"""The smallest type in any figure, points."""
MOST_VECTOR_POINTS = 1000
"""More points than this are drawn as pixels in SVG and PDF, whose files would otherwise be slow to open."""

BLUE, ORANGE, GREEN, GREY, DARK = "#0072B2", "#D55E00", "#009E73", "#8C8C8C", "#333333"
COLOURS = (BLUE, "#E69F00", GREEN, ORANGE, "#CC79A7", "#56B4E9")
"""Of Okabe and Ito (2008), told apart by colour-blind readers; their yellow is too pale for points on white."""
MARKERS = ("o", "s", "^", "D", "v", "P")
VALUES_MAP = "cividis"
"""Colours of values from low to high; dark to light, so it survives grey print too."""


def figure_of(draw: "Callable[[Axes], object]", size: tuple[float, float]) -> Figure:
    """A figure of one axes, outside pyplot's state: it needs no screen and no closing.

    Parameters
    ----------
    draw : function of an Axes
    size : (float, float)
        Width and height, inches.

    Returns
    -------
    Figure
    """
    with matplotlib.rc_context({"text.parse_math": False}):  # a name with $ signs is a name
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots())
    return figure


def dressed(ax: "Axes", *, x: str, y: str = "", title: str = "") -> "Axes":
    """Labels in one size, and no frame at the top and right."""
    ax.set_xlabel(x, fontsize=TEXT_PT)
    ax.set_ylabel(y, fontsize=TEXT_PT)
    ax.set_title(title, fontsize=TEXT_PT + 1, loc="left")
    ax.tick_params(labelsize=SMALL_PT)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def broken(name: str, width: int = 30) -> str:
    """A long name on two lines, broken after an underscore or at a blank where there is one.

    Parameters
    ----------
    name : str
    width : int
        Letters in a line.

    Returns
    -------
    str
        What does not fit in two lines loses its middle.
    """
    lines = [""]
    for piece in name.replace("_", "_\0").replace(" ", " \0").split("\0"):
        if lines[-1] and len(lines[-1] + piece.rstrip()) > width:
            lines.append(piece)
        else:
            lines[-1] += piece
    if len(lines) > 2 or len(max(lines, key=len).rstrip()) > width:
        lines = [name] if len(name) <= width else [name[: width - 1] + "…", name[max(width - 1, len(name) - width) :]]
    return "\n".join(line.rstrip(" ") for line in lines)


def shown_unit(unit: str) -> str:
    """A unit as it is printed: ``"um2"`` is µm²; ``"1"`` is a pure number, which has none."""
    return "" if unit == "1" else unit.replace("um", "µm").replace("m2", "m²")


def with_unit(name: str, unit: str) -> str:
    """A quantity and its unit as an axis is labelled."""
    return f"{name} / {shown_unit(unit)}" if shown_unit(unit) else name


def number(value: float) -> str:
    """Three figures, the shorter of plain and exponent."""
    return f"{value:.3g}".replace("-", "−")
