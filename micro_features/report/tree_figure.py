"""A decision tree of visual words on one sheet: root at the left, one row for each leaf at the right."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from micro_features.report.axes import DARK, GREY, SMALL_PT
from micro_features.report.signs import CAPTION, LETTERS, WIDTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Inches, in which the tree is laid out: type has a size in inches too, so nothing that fits once ceases to.
_MARGIN = 0.12
_ROW = 0.24
_COLUMN, _COLUMN_THUMBS = 1.32, 1.72
_THUMB, _NODE_BAR, _LEAF_BAR, _BAR = 0.4, 0.58, 1.2, 0.1
_LEAF_WIDTH = 3.85
_LINE = 0.16
_BRANCH_PT = (0.8, 7.0)
_EXPLAINED = (
    "Branch up: the word's share of a window's cells is above the number; down: it is not. "
    "Bars: windows by class; how many there are says the number beside, and the width of the branch."
)


def class_colours(n_classes: int) -> list[tuple[float, float, float]]:
    """Colours of ordered classes: dark for the lowest, light for the highest, in grey print too.

    Parameters
    ----------
    n_classes : int

    Returns
    -------
    list of (red, green, blue), 0 to 1
    """
    shades = matplotlib.colormaps["cividis"](np.linspace(0.05, 0.9, n_classes))
    return [(float(red), float(green), float(blue)) for red, green, blue, _ in shades]


class _Node(NamedTuple):
    """A node with its place, inches from the left and from the top."""

    row: "pd.Series[float]"
    x: float
    y: float
    leaf: bool


def tree_figure(
    table: pd.DataFrame,
    class_names: Sequence[str],
    *,
    word_thumbs: Mapping[int, np.ndarray] | None,
    caption: str,
) -> Figure:
    """The whole tree: what each node asks, whom it holds, and what its leaves say.

    Parameters
    ----------
    table : DataFrame
        A row for each node: ``node``; ``left`` and ``right``, the nodes below (at most, more than the threshold), in a
        leaf below 0 or NaN; ``parent``, of the root below 0 or NaN; ``depth``; ``word`` and ``threshold``, the share of
        the word that is asked for; ``n_windows``; ``n_<class>`` for each class, windows of it; ``value``, mean log10
        of the property over the node's windows, NaN where not known.
    class_names : sequence of str
        In order, lowest first.
    word_thumbs : mapping, optional
        By word, a (rows, cols) uint8 picture of it.
    caption : str

    Returns
    -------
    Figure
        0.24 inches high for each leaf, as wide as the tree is deep.
    """
    column = _COLUMN_THUMBS if word_thumbs else _COLUMN
    nodes = _placed(table, column)
    leaves = [node for node in nodes.values() if node.leaf]
    right = max(node.x for node in leaves) + _LEAF_WIDTH
    width = max(right + _MARGIN, 5.5)
    letters = round(LETTERS * (width - 2 * _MARGIN) / (WIDTH - 2 * _MARGIN))
    said, explained = textwrap.wrap(caption, letters), textwrap.wrap(_EXPLAINED, letters) if len(nodes) > 1 else []
    top = _MARGIN + _LINE * (len(explained) + 2.6)
    bottom = top + _ROW * max(len(leaves), 2) + _LINE * (len(said) + 0.5) + _MARGIN
    with matplotlib.rc_context({"text.parse_math": False}):
        figure = Figure(figsize=(width, bottom))
        ax = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        _draw_legend(ax, class_names)
        _words(ax, _MARGIN, _MARGIN + 1.3 * _LINE, "\n".join(explained), va="top")
        colours = class_colours(len(class_names))
        shares = table.set_index("node")[[f"n_{name}" for name in class_names]].astype(float)
        shares = shares.div(shares.sum(axis=1), axis=0)
        for name, node in nodes.items():
            _draw_branch(ax, nodes, node, column, top)
            draw = _draw_leaf if node.leaf else _draw_inner
            draw(
                ax, node._replace(y=node.y + top), shares.loc[name].to_numpy(), colours, class_names, word_thumbs or {}
            )
        _draw_heads(ax, leaves[0].x, top - 0.55 * _LINE)
        ax.text(_MARGIN, bottom - _MARGIN, "\n".join(said), va="bottom", **CAPTION)
        ax.set(xlim=(0, width), ylim=(bottom, 0), aspect="auto")
        ax.set_axis_off()
    return figure


def _placed(table: pd.DataFrame, column: float) -> dict[int, _Node]:
    """Each leaf in a row of its own, in the order of the branches, each node halfway between the two below it."""
    rows = {int(row["node"]): row for _, row in table.iterrows()}
    deepest = int(table["depth"].max())
    nodes: dict[int, _Node] = {}
    n_leaves = 0

    def place(name: int) -> float:
        nonlocal n_leaves
        row = rows[name]
        if not row["left"] >= 0:
            y = _ROW * (n_leaves + 0.5)
            n_leaves += 1
            nodes[name] = _Node(row, _MARGIN + column * deepest, y, leaf=True)
            return y
        above, below = place(int(row["right"])), place(int(row["left"]))
        y = (above + below) / 2
        nodes[name] = _Node(row, _MARGIN + column * int(row["depth"]), y, leaf=False)
        return y

    place(next(name for name, row in rows.items() if not row["parent"] >= 0))
    return nodes


def _draw_branch(ax: "Axes", nodes: Mapping[int, _Node], node: _Node, column: float, top: float) -> None:
    """From the node above: out of its right end, up or down, and along to this one."""
    if not node.row["parent"] >= 0:
        return
    parent = nodes[int(node.row["parent"])]
    whole = max(float(each.row["n_windows"]) for each in nodes.values())
    bend = parent.x + column - 0.17
    ax.plot(
        [bend - 0.06, bend, bend, node.x - 0.03],
        [top + parent.y, top + parent.y, top + node.y, top + node.y],
        color="#C4C4C4",
        linewidth=float(np.interp(node.row["n_windows"] / whole, (0, 1), _BRANCH_PT)),
        solid_joinstyle="round",
        solid_capstyle="butt",
        zorder=1,
    )


def _draw_inner(
    ax: "Axes",
    node: _Node,
    shares: np.ndarray,
    colours: Sequence[tuple[float, float, float]],
    _: Sequence[str],
    thumbs: Mapping[int, np.ndarray],
) -> None:
    word = int(node.row["word"])
    left = node.x
    if word in thumbs:
        thumb = thumbs[word]
        tall, wide = _THUMB * np.array(thumb.shape) / max(thumb.shape)
        box = (left, left + wide, node.y + tall / 2, node.y - tall / 2)
        ax.imshow(thumb, cmap="gray", vmin=0, vmax=255, extent=box, interpolation="antialiased", zorder=3)
        left += _THUMB + 0.05
    _words(ax, left, node.y - 0.02, f"word {word} > {node.row['threshold']:.2g}", va="bottom")
    _draw_bar(ax, left, node.y + 0.04, _NODE_BAR, shares, colours)
    _words(ax, left + _NODE_BAR + 0.05, node.y + 0.04 + _BAR / 2, f"{int(node.row['n_windows'])}")


_CLASS_AT, _WINDOWS_AT, _VALUE_AT = _LEAF_BAR + 0.65, _LEAF_BAR + 0.5, 3.75


def _draw_leaf(
    ax: "Axes",
    node: _Node,
    shares: np.ndarray,
    colours: Sequence[tuple[float, float, float]],
    class_names: Sequence[str],
    _: Mapping[int, np.ndarray],
) -> None:
    _draw_bar(ax, node.x, node.y - 0.7 * _BAR, _LEAF_BAR, shares, colours, 1.4 * _BAR)
    _words(ax, node.x + _WINDOWS_AT, node.y, f"{int(node.row['n_windows'])}", ha="right")
    commonest = class_names[int(np.argmax(shares))]
    _words(ax, node.x + _CLASS_AT, node.y, textwrap.shorten(commonest, 18, placeholder="…"))
    value = float(node.row["value"])
    said = "–" if np.isnan(value) else f"{value:.2f}".replace("-", "−")
    _words(ax, node.x + _VALUE_AT, node.y, said, ha="right")


def _draw_heads(ax: "Axes", x: float, y: float) -> None:
    for place, said, side in (
        (0.0, "leaf", "left"),
        (_WINDOWS_AT, "windows", "right"),
        (_CLASS_AT, "commonest class", "left"),
        (_VALUE_AT, "mean log10", "right"),
    ):
        _words(ax, x + place, y, said, ha=side, color=GREY)


def _draw_bar(
    ax: "Axes",
    x: float,
    y: float,
    width: float,
    shares: np.ndarray,
    colours: Sequence[tuple[float, float, float]],
    height: float = _BAR,
) -> None:
    starts = np.cumsum(shares) - shares
    for start, share, colour in zip(starts, shares, colours, strict=True):
        ax.add_patch(Rectangle((x + width * start, y), width * share, height, facecolor=colour, linewidth=0, zorder=2))
    ax.add_patch(Rectangle((x, y), width, height, facecolor="none", edgecolor=DARK, linewidth=0.5, zorder=3))


def _draw_legend(ax: "Axes", class_names: Sequence[str]) -> None:
    left, middle = _MARGIN, _MARGIN + _LINE / 2
    for colour, name in zip(class_colours(len(class_names)), class_names, strict=True):
        size = (0.16, 0.1)
        ax.add_patch(Rectangle((left, middle - 0.05), *size, facecolor=colour, edgecolor=DARK, linewidth=0.5))
        _words(ax, left + 0.21, middle, name)
        left += 0.45 + 0.066 * len(name)


def _words(ax: "Axes", x: float, y: float, said: str, **kind: str) -> None:
    ax.text(x, y, said, **{"fontsize": SMALL_PT, "va": "center", "color": DARK, "zorder": 4, **kind})  # type: ignore[arg-type]
