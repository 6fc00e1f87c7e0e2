"""Where a network looks, beside what a model of features rests on: one figure a picture, and sheets of several."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import matplotlib
import numpy as np
import pandas as pd
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.transforms import ScaledTranslation

from micro_features.data import HeatMaps
from micro_features.images.cells import Cells
from micro_features.report.axes import DARK, SMALL_PT, TEXT_PT, broken, number
from micro_features.report.comparison_figures import draw_phase_bars
from micro_features.report.overlay import GRAIN_COLOUR, PORE_COLOUR
from micro_features.report.signs import (
    CAPTION,
    DOWN,
    LETTERS,
    MARGIN,
    METHOD_NAMES,
    PHASE_NAMES,
    SHAP_NAMES,
    SIGNED_MAP,
    WIDTH,
    captioned,
    colour_bar,
    rounded_up,
    signed,
    titled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL_WIDTH = 2.25
_MOST_PX = 640  # of a drawn picture's longer side: what a third of a page can show
_FAINT = 0.3  # darkest a picture gets under a map
_DOTS = 26  # across a map of one picture; on a sheet fewer, or dots drown what they stand on
_DOTS_ON_SHEET = 18
_DOTS_FROM = 0.1  # of the colour scale: what is nearer to zero counts as neither sign
_COLOURS_END = 0.98  # quantile of a map's cells, signs dropped, that its colours end at
_PHASE_COLOURS = {"pore": PORE_COLOUR, "boundary": GRAIN_COLOUR}
_NO_PHASE_COLOUR = (180, 180, 180)


def sample_figure(
    image: np.ndarray,
    *,
    name: str,
    pixel_um: float,
    phases: Mapping[str, np.ndarray],
    shap: Mapping[str, float],
    maps: HeatMaps,
    cells: Cells,
    enrichment: pd.DataFrame,
    limit: float,
    predictions: Mapping[str, float],
    target: tuple[str, str],
    shap_unit: str,
    caption: str,
    note: str = "",
) -> Figure:
    """One picture, what both models say about it, and whether they point at the same phase.

    Parameters
    ----------
    image : (rows, cols) float array
        0 black to 1 white: the part of the picture that the network saw.
    name : str
        Of the picture, one of the maps' ids.
    pixel_um : float
        Micrometres; NaN draws no scale bar and says so.
    phases : mapping
        (rows, cols) bool masks, disjoint, together all that is valid: ``pore``, ``boundary`` and ``interior``, or
        ``pore`` and ``solid`` where grains are not resolved.
    shap : mapping
        Sums of SHAP values of features, by ``pore`` and ``boundary`` (all features of grains) and whatever else there
        is, which has no place in the picture (``texture``). A phase that is not named has no feature in the model.
    maps : HeatMaps
    cells : Cells
        Of this map, in pixels of the picture.
    enrichment : DataFrame
        Of this map, as `micro_features.explain.enrichment.enrichment` gives: ``positive``, ``negative`` and ``lean`` by
        phase.
    limit : float
        End of the colours of the SHAP sums, the same for all pictures of a set, above 0. Those of the map end where
        most of its own cells do: heat of pictures differs by more than a colour scale can show.
    predictions : mapping
        Value by what it is called, as in ``network, this picture``; NaN is not known.
    target : (str, str)
        Name and unit of what is predicted; the unit is empty where it is not known.
    shap_unit : str
        ``"decades"``.
    caption : str
        What the figure shows and what it does not.
    note : str
        Said of the phases, once: ``"grains are not resolved in this picture"``.

    Returns
    -------
    Figure
    """
    place = maps.ids.index(name)
    said = " · ".join(
        f"{called} {number(value) if np.isfinite(value) else 'not known'}" for called, value in predictions.items()
    )
    called = f"{target[0]} / ({target[1]})" if target[1] else target[0]
    title = f"{broken(name, 80)}\n{textwrap.fill(f'{called}: {said}', 108)}"
    # Inches, from the bottom; below each row of panels there is room for what is written there.
    panel = (_PANEL_WIDTH, float(np.clip(_PANEL_WIDTH * image.shape[0] / image.shape[1], 1.2, 3.2)))
    lower = 0.15 * len(textwrap.wrap(caption, LETTERS)) + 1.35
    upper = lower + panel[1] + 0.95 + 0.15 * max(1, len(set(shap) - set(SHAP_NAMES)))
    height = upper + panel[1] + 0.3 + 0.17 * (title.count("\n") + 1)
    with matplotlib.rc_context({"text.parse_math": False, "hatch.linewidth": 0.6}):
        figure = Figure(figsize=(WIDTH, height))

        def axes_at(left: float, bottom: float, size: tuple[float, float]) -> "Axes":
            return figure.add_axes((left / WIDTH, bottom / height, size[0] / WIDTH, size[1] / height))

        left, middle, right = (MARGIN + column * (WIDTH - 2 * MARGIN - panel[0]) / 2 for column in range(3))
        _draw_picture(axes_at(left, upper, panel), image, pixel_um)
        _draw_phases(axes_at(middle, upper, panel), image, phases, note)
        _draw_shap(axes_at(right, upper, panel), image, phases, shap, limit, shap_unit)
        ax, end = axes_at(left, lower, panel), _colours_end(maps.values[place])
        _draw_map(ax, image, maps.values[place], cells, end, _DOTS)
        _describe_map(ax, maps, place, cells, end)
        bars = ((WIDTH - middle - 1.35) / 2, panel[1])
        shares, sums = axes_at(middle + 0.8, lower, bars), axes_at(WIDTH - MARGIN - bars[0], lower, bars)
        draw_phase_bars(shares, sums, shap, enrichment, heat=maps.values[place], limit=limit, unit=shap_unit)
        figure.text(MARGIN / WIDTH, 1 - 0.05 / height, title, va="top", fontsize=TEXT_PT, linespacing=1.3)
        figure.text(MARGIN / WIDTH, 0.05 / height, textwrap.fill(caption, LETTERS), va="bottom", **CAPTION)
    return figure


def maps_sheet(
    images: Sequence[np.ndarray],
    maps: HeatMaps,
    *,
    cells: Sequence[Cells],
    labels: Sequence[str],
    caption: str,
) -> Figure:
    """Pictures beside their maps, two pairs a row; where the colours of each map end is written on it.

    Parameters
    ----------
    images : sequence of n (rows, cols) float arrays
        As `sample_figure` takes them, in the order of the maps.
    maps : HeatMaps
        n maps.
    cells : sequence of n Cells
        Of each map, in pixels of its picture: these differ where pictures of several scales are brought to one.
    labels : sequence of n str
        Above each pair; what does not fit loses its middle.
    caption : str

    Returns
    -------
    Figure
    """
    n_rows = -(-len(images) // 2)
    titles = [broken(label, 48) for label in labels]
    words = 0.2 + 0.15 * max(title.count("\n") for title in titles)
    below = 0.7 + 0.15 * len(textwrap.wrap(caption, LETTERS))
    height = 1.72 * float(np.median([image.shape[0] / image.shape[1] for image in images]))
    with matplotlib.rc_context({"text.parse_math": False}):
        figure = Figure(
            figsize=(WIDTH, n_rows * (np.clip(height, 0.8, 2.4) + words + 0.1) + below), layout="constrained"
        )
        figure.get_layout_engine().set(w_pad=0.02, h_pad=0.05)  # type: ignore[union-attr,call-arg]
        axes = figure.subplots(n_rows, 4, squeeze=False)
        for ax in axes.ravel():
            ax.set_axis_off()
        for place, (image, title) in enumerate(zip(images, titles, strict=True)):
            left, right = axes[place // 2, 2 * (place % 2) :][:2]
            _bare(left)
            left.imshow(_grey(_small(image)), interpolation="antialiased")
            left.set_title(title, fontsize=SMALL_PT, loc="left")
            _draw_scale(left, image.shape, maps.cell_um[place] / cells[place].edge)
            end = _colours_end(maps.values[place])
            _draw_map(right, image, maps.values[place], cells[place], end, _DOTS_ON_SHEET)
            rows, cols = right.images[0].get_array().shape[:2]
            _boxed(right, f"±{number(end)}", (0.965 * cols, 0.95 * rows), ha="right")
        bar = colour_bar(figure, 1.0, np.array([-2.0, 2.0]), ax=axes, aspect=60, shrink=0.6, pad=0.02)
        bar.set_ticks([-1, 0, 1], labels=["− what is written on the map", "0", "+ what is written on the map"])
        bar.set_label(
            f"{METHOD_NAMES.get(maps.method, maps.method)}, {maps.unit} per cell, each map on a scale of its own: "
            "they tell where, not how much; dots: lowers the prediction"
        )
        bar.ax.xaxis.label.set_fontsize(SMALL_PT)
        return captioned(figure, caption)


def _draw_picture(ax: "Axes", image: np.ndarray, pixel_um: float) -> None:
    titled(_bare(ax), "a  picture")
    ax.imshow(_grey(_small(image)), interpolation="antialiased")
    _draw_scale(ax, image.shape, pixel_um)


def _draw_scale(ax: "Axes", shape: tuple[int, ...], pixel_um: float) -> None:
    """A bar at the lower right of a picture of `shape` pixels, drawn smaller."""
    rows, cols = ax.images[0].get_array().shape[:2]  # type: ignore[union-attr]
    px = 0.0
    if np.isfinite(pixel_um):
        # The largest round length that covers at most a third of the width.
        third = shape[1] * pixel_um / 3
        decade = 10.0 ** np.floor(np.log10(third))
        length = max(step for step in (1, 2, 5) if step * decade <= third) * decade
        px = length / pixel_um * cols / shape[1]
    said = f"{length:g} µm" if px else "scale not known"
    _boxed(ax, said, (0.965 * cols - px / 2, 0.95 * rows), ha="center" if px else "right")
    if not px:
        return
    for width, colour in ((4.5, "black"), (2.5, "white")):
        ax.plot(
            [0.965 * cols - px, 0.965 * cols], [0.95 * rows] * 2, color=colour, linewidth=width, solid_capstyle="butt"
        )


def _boxed(ax: "Axes", said: str, above: tuple[float, float], *, ha: str) -> None:
    ax.annotate(
        said,
        above,
        (0, 3),
        textcoords="offset points",
        ha=ha,
        va="bottom",
        fontsize=SMALL_PT,
        color="white",
        bbox={"facecolor": "black", "edgecolor": "none", "alpha": 0.7, "pad": 1.5},
    )


def _draw_phases(ax: "Axes", image: np.ndarray, phases: Mapping[str, np.ndarray], note: str) -> None:
    titled(_bare(ax), "b  phases")
    # Lighter than the picture, or pores would vanish among grains in grey print.
    canvas = 0.5 + 0.45 * _grey(_small(image))
    valid = sum(int(mask.sum()) for mask in phases.values())
    handles = []
    for phase, mask in phases.items():
        red, green, blue = _PHASE_COLOURS.get(phase, _NO_PHASE_COLOUR)
        colour = (red / 255, green / 255, blue / 255)
        if phase in _PHASE_COLOURS:
            canvas[_small_mask(mask)] = colour
        share = f"{100 * mask.sum() / valid:.2g} %"
        handles.append(Patch(facecolor=colour, label=f"{PHASE_NAMES.get(phase, phase)}, {share} of the area"))
    ax.imshow(canvas, interpolation="antialiased")
    if note:
        handles.append(Patch(facecolor="none", label=textwrap.fill(note, 34)))
    _legend(ax, handles)


def _draw_shap(
    ax: "Axes",
    image: np.ndarray,
    phases: Mapping[str, np.ndarray],
    shap: Mapping[str, float],
    limit: float,
    unit: str,
) -> None:
    titled(_bare(ax), "c  SHAP by phase")
    # As under a map: a sum near zero is white and draws no eye.
    canvas = _grey(_faint(_small(image)))
    handles = []
    for phase, called in SHAP_NAMES.items():
        value = shap.get(phase, np.nan)
        if phase not in shap:
            handles.append(Patch(facecolor="none", label=f"{called}: no feature"))
        elif phase not in phases:
            handles.append(Patch(facecolor="none", label=f"{called} {signed(value, limit)} (no place)"))
        else:
            colour = SIGNED_MAP(Normalize(-limit, limit)(value))[:3]
            canvas[_small_mask(phases[phase])] = colour
            where = f"\n(painted on {PHASE_NAMES[phase]})" if called != PHASE_NAMES[phase] else ""
            handles.append(_sign_patch(value, colour, f"{called} {signed(value, limit)}{where}"))
    for group, value in shap.items():
        if group not in SHAP_NAMES:
            handles.append(Patch(facecolor="none", label=f"{broken(group, 24)} {signed(value, limit)} (no place)"))
    ax.imshow(canvas, interpolation="antialiased")
    _bar_below(ax, limit, np.array([*shap.values(), 0.0]), unit)
    _legend(ax, handles, below=0.3)


def _draw_map(ax: "Axes", image: np.ndarray, values: np.ndarray, cells: Cells, limit: float, most_dots: int) -> None:
    """Cells in their own size over the faint picture; what lowers the prediction is dotted, for grey print."""
    _bare(ax)
    small = _grey(_faint(_small(image)))
    colours = SIGNED_MAP(Normalize(-limit, limit)(_cells_at(values, cells, image.shape, small.shape[:2])))[..., :3]
    ax.imshow(colours * small, interpolation="antialiased")
    pitch = max(small.shape) / most_dots
    dots = tuple(max(1, round(side / pitch)) for side in small.shape[:2])
    rows, cols = np.nonzero(_cells_at(values, cells, image.shape, dots) < -_DOTS_FROM * limit)
    ax.scatter(
        (cols + 0.5) * small.shape[1] / dots[1] - 0.5,
        (rows + 0.5) * small.shape[0] / dots[0] - 0.5,
        s=0.7,
        color="black",
        linewidth=0,
    )


def _describe_map(ax: "Axes", maps: HeatMaps, place: int, cells: Cells, limit: float) -> None:
    titled(ax, f"d  {METHOD_NAMES.get(maps.method, maps.method)} of the network")
    _bar_below(ax, limit, maps.values[place], f"{maps.unit}\nper cell")
    rows, cols = maps.values[place].shape
    length = maps.cell_um[place]
    um = "scale not known" if np.isnan(length) else f"{number(length)} µm"
    said = [f"1 cell = {number(cells.edge)} px = {um}", f"map {rows} × {cols} cells, layer {maps.layer}"]
    _say(ax, [*said, "dots: lowers the prediction"], below=0.3)


def _colours_end(values: np.ndarray) -> float:
    heat = np.abs(values)
    return rounded_up(float(np.quantile(heat, _COLOURS_END) or heat.max()))


def _sign_patch(value: float, colour: Any, label: str) -> Patch:
    hatch = {"hatch": DOWN["hatch"]} if value < 0 else {}
    return Patch(
        facecolor="#E6E6E6" if np.isnan(value) else colour, edgecolor=DARK, linewidth=0.6, label=label, **hatch
    )


def _bar_below(ax: "Axes", limit: float, values: np.ndarray, unit: str) -> None:
    """A colour bar an inch wide under a panel, its unit beside."""
    panel, (width, height) = ax.get_position(original=True), ax.figure.get_size_inches()  # type: ignore[union-attr]
    beside = ax.figure.add_axes((panel.x0 + 0.2 / width, panel.y0 - 0.12 / height, 1 / width, 0.07 / height))
    colour_bar(ax.figure, limit, values, cax=beside).ax.tick_params(pad=0.5)
    beside.annotate(
        unit,
        (1, 0.5),
        (24, -2 - 5 * unit.count("\n")),
        xycoords="axes fraction",
        textcoords="offset points",
        va="center",
        fontsize=SMALL_PT,
    )


def _legend(ax: "Axes", handles: Sequence[Patch], *, below: float = 0.0) -> None:
    ax.legend(
        handles=handles,
        fontsize=SMALL_PT,
        frameon=False,
        loc="upper left",
        bbox_to_anchor=(0, 0),
        bbox_transform=ax.transAxes + ScaledTranslation(-0.06, -below, ax.figure.dpi_scale_trans),
        handlelength=1.1,
        handleheight=0.9,
        handletextpad=0.5,
        labelspacing=0.25,
        borderaxespad=0.2,
    )


def _say(ax: "Axes", lines: Sequence[str], *, below: float = 0.0) -> None:
    ax.annotate(
        "\n".join(lines),
        (0, 0),
        (0, -72 * below - 3),
        xycoords="axes fraction",
        textcoords="offset points",
        va="top",
        fontsize=SMALL_PT,
        linespacing=1.25,
    )


def _bare(ax: "Axes") -> "Axes":
    ax.set_axis_on()
    # A picture much wider or higher than its panel stays beside its words.
    ax.set(xticks=[], yticks=[], anchor="SW")
    ax.spines[:].set_linewidth(0.5)
    return ax


def _small(image: np.ndarray) -> np.ndarray:
    """As many pixels as a panel can show: files stay small, thin lines are not drawn at random."""
    scale = min(1.0, _MOST_PX / max(image.shape))
    size = tuple(max(1, round(side * scale)) for side in image.shape[::-1])
    return cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_AREA)


def _small_mask(mask: np.ndarray) -> np.ndarray:
    # A quarter is enough, or boundaries three pixels wide would break up.
    return _small(mask) > 0.25


def _faint(image: np.ndarray) -> np.ndarray:
    """White but for the dark marks of a picture, so that a map's zero stays white over it."""
    dark, light = np.quantile(image, [0.01, 0.5])
    return 1 - _FAINT * np.clip((light - image) / max(light - dark, 1e-6), 0, 1)


def _grey(image: np.ndarray) -> np.ndarray:
    return np.repeat(np.clip(image, 0, 1)[..., None], 3, axis=2)


def _cells_at(values: np.ndarray, cells: Cells, shape: tuple[int, ...], size: tuple[int, ...]) -> np.ndarray:
    """Value of the cell under each of `size` evenly spread points of a picture of `shape` pixels."""
    rows, cols = (
        cells.holding((np.arange(points) + 0.5) * side / points, n)
        for points, side, n in zip(size, shape, values.shape, strict=True)
    )
    return values[np.ix_(rows, cols)]
