"""Figures of visual words: what each word looks like, and where words and classes lie beside each other."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from micro_features.report.axes import MOST_VECTOR_POINTS, SMALL_PT
from micro_features.report.contact import contact_sheet
from micro_features.report.overlay import caption_strip
from micro_features.report.signs import WIDTH, captioned, titled
from micro_features.report.tree_figure import class_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WINDOW_PX = 150
"""Longest side of what is shown of a window, pixels."""
CELL_COLOUR = (255, 220, 0)
_MOST_ABREAST = 3
_ASPECT = 1.5
_NAME_LETTERS = 21
LOOKING_ONLY = "For looking only; nothing is computed from it."


@dataclass(frozen=True)
class WordEntry:
    """One visual word and windows in which it is seen.

    Attributes
    ----------
    number : int
    caption : str
        ``"word 3 · 8.1 % of cells · low 70 %, high 12 %"``.
    windows : sequence of (rows, cols) uint8 arrays
        Grey, all of one size; may be none.
    cells : sequence of (first row, last row + 1, first col, last col + 1)
        Where in each window the word is, pixels of the window.
    pictures : sequence of str
        What each window was cut from.
    """

    number: int
    caption: str
    windows: Sequence[np.ndarray]
    cells: Sequence[tuple[int, int, int, int]]
    pictures: Sequence[str]


def word_sheet(words: Sequence[WordEntry]) -> np.ndarray:
    """What do the words mean? Halves of windows of each, around the cell that is the word, which is outlined.

    Parameters
    ----------
    words : sequence of WordEntry
        At least one. All windows of one size.

    Returns
    -------
    (rows, cols, 3) uint8 array
        RGB; up to three words abreast, so that the sheet comes near 3 : 2.
    """
    most = max(len(word.windows) for word in words)
    blocks = [_block(word, most) for word in words]
    height = max(block.shape[0] for block in blocks)
    width = blocks[0].shape[1]

    def off(abreast: int) -> float:
        return abs(float(np.log(abreast * width / (-(-len(blocks) // abreast) * height) / _ASPECT)))

    abreast = min(range(1, _MOST_ABREAST + 1), key=off)
    return contact_sheet([blocks[first : first + abreast] for first in range(0, len(blocks), abreast)])


def _block(word: WordEntry, most: int) -> np.ndarray:
    panels = [
        _panel(window, cell, picture)
        for window, cell, picture in zip(word.windows, word.cells, word.pictures, strict=True)
    ]
    blank = np.zeros((1, WINDOW_PX, 3), np.uint8) + caption_strip("", WINDOW_PX)[:1]
    row = contact_sheet([panels + [blank] * (max(most, 1) - len(panels))])
    return np.vstack([caption_strip(word.caption, row.shape[1]), row])


def _panel(window: np.ndarray, cell: tuple[int, int, int, int], picture: str) -> np.ndarray:
    """The cell and what is around it: of a whole window one would see where the word is and not what it is."""
    rows, cols = (_around(length, cell[2 * axis : 2 * axis + 2]) for axis, length in enumerate(window.shape))
    part = window[rows, cols]
    zoom = WINDOW_PX / max(part.shape)
    size = (max(1, round(part.shape[1] * zoom)), max(1, round(part.shape[0] * zoom)))
    shown = cv2.resize(part, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC)
    canvas = np.repeat(shown[..., None], 3, axis=2)
    top, bottom = (round((edge - rows.start) * zoom) for edge in cell[:2])
    left, right = (round((edge - cols.start) * zoom) for edge in cell[2:])
    # Around the cell, dark beneath bright: what is in it stays visible, and the line is seen on white as on black.
    for grow, colour in ((2, (0, 0, 0)), (1, CELL_COLOUR)):
        cv2.rectangle(canvas, (left - grow, top - grow), (right - 1 + grow, bottom - 1 + grow), colour, 1)
    half = _NAME_LETTERS // 2
    picture = "".join(letter if letter.isprintable() else "�" for letter in picture)  # a name may hold a line's end
    named = picture if len(picture) <= _NAME_LETTERS else f"{picture[:half]}…{picture[-half:]}"
    return np.vstack([canvas, caption_strip(named, canvas.shape[1])])


def _around(length: int, ends: tuple[int, ...]) -> slice:
    """Half of the window, the cell in its middle or as near to it as the window allows; a large cell whole."""
    first, end = ends
    wanted = min(length, max(round(length / 2), end - first))
    start = min(max(0, (first + end - wanted) // 2), length - wanted)
    return slice(start, start + wanted)


@functools.cache
def word_colours(n_words: int) -> np.ndarray:
    """Colours as far from each other as so many can be, none too pale for white.

    Each is the colour of a grid that is farthest, in CIE L*a*b*, from those before it and from white.

    Parameters
    ----------
    n_words : int

    Returns
    -------
    (n_words, 3) float array
        RGB, 0 to 1.
    """
    steps = np.linspace(0, 1, 9, dtype=np.float32)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    lab = cv2.cvtColor(grid[None], cv2.COLOR_RGB2LAB)[0]
    usable = (lab[:, 0] > 25) & (lab[:, 0] < 82)
    grid, lab = grid[usable], lab[usable]
    nearest = np.linalg.norm(lab - [100, 0, 0], axis=1)
    chosen: list[int] = []
    while len(chosen) < n_words:
        chosen.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, np.linalg.norm(lab - lab[chosen[-1]], axis=1))
    return grid[chosen].astype(float)


def tsne_figure(
    xy: np.ndarray,
    word: np.ndarray,
    classes: np.ndarray,
    class_names: Sequence[str],
    *,
    caption: str,
) -> Figure:
    """The same points twice: coloured by word, and by class.

    Parameters
    ----------
    xy : (n, 2) float array
        Places in the plane; distances between groups of points mean nothing.
    word : (n,) int array
        From 0. Its number stands at the median of its points, or just beside another's.
    classes : (n,) int array
        Of the picture that the point is from, 0 the lowest.
    class_names : sequence of str
    caption : str
        Should hold `LOOKING_ONLY`, which is added where it does not.

    Returns
    -------
    Figure
    """
    with matplotlib.rc_context({"text.parse_math": False}):
        figure = Figure(figsize=(WIDTH, 4.4), layout="constrained")
        by_word, by_class = figure.subplots(1, 2)
        colours = word_colours(int(word.max()) + 1)
        _scatter(by_word, xy, colours[word])
        _number_words(by_word, xy, word, colours)
        shades = np.array(class_colours(len(class_names)))
        # In an order that hides no class beneath another, and is the same each time.
        order = np.random.default_rng(0).permutation(len(xy))
        _scatter(by_class, xy[order], shades[classes[order]])
        titled(by_word, "by word")
        titled(by_class, "by class of the picture")
        handles = [
            by_class.plot([], [], "o", color=shade, markersize=5, label=name)[0]
            for shade, name in zip(shades, class_names, strict=True)
        ]
        by_class.legend(
            handles=handles,
            fontsize=SMALL_PT,
            frameon=False,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.01),
            ncols=min(len(handles), 4),
        )
        return captioned(figure, caption if LOOKING_ONLY in caption else f"{caption} {LOOKING_ONLY}".strip())


def _scatter(ax: "Axes", xy: np.ndarray, colours: np.ndarray) -> None:
    many = len(xy) > MOST_VECTOR_POINTS
    ax.scatter(xy[:, 0], xy[:, 1], s=3 if many else 9, c=colours, linewidths=0, rasterized=many)
    middle = (xy.max(axis=0) + xy.min(axis=0)) / 2
    reach = 0.53 * (float(np.ptp(xy, axis=0).max()) or 1.0)
    ax.set(xlim=middle[0] + np.array([-reach, reach]), ylim=middle[1] + np.array([-reach, reach]), aspect="equal")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_color("#C4C4C4")


def _number_words(ax: "Axes", xy: np.ndarray, word: np.ndarray, colours: np.ndarray) -> None:
    there = np.unique(word)
    low, high = np.array([ax.get_xlim(), ax.get_ylim()]).T
    medians = np.array([np.median(xy[word == each], axis=0) for each in there])
    places = low + _apart((medians - low) / (high - low)) * (high - low)
    halo = [withStroke(linewidth=2.2, foreground="white")]
    for each, place in zip(there, places, strict=True):
        ink = colours[each] * 0.65
        ax.text(
            float(place[0]),
            float(place[1]),
            str(each),
            ha="center",
            va="center",
            fontsize=SMALL_PT,
            fontweight="bold",
            color=ink,
            path_effects=halo,
        )


def _apart(places: np.ndarray, room: tuple[float, float] = (0.062, 0.044)) -> np.ndarray:
    """Places (n, 2), as parts of the panel, moved until numbers there no longer lie over each other."""
    moved = places.copy()
    upper = np.triu(np.ones((len(moved),) * 2, bool), 1)
    for _ in range(200):
        away = moved[:, None] - moved[None]
        lack = np.array(room) - np.abs(away)
        clash = (lack > 1e-9).all(axis=2) & upper
        if not clash.any():
            break
        for one, other in np.argwhere(clash):
            axis = int(np.argmin(lack[one, other] / room))
            side = 1.0 if away[one, other, axis] >= 0 else -1.0
            step = 0.55 * side * lack[one, other, axis]
            moved[one, axis] += step
            moved[other, axis] -= step
        moved = np.clip(moved, 0.035, 0.965)
    return moved
