"""How large grains and pores are, and how porous each specimen is."""

import functools
import io
import warnings
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from micro_features.features.standards import mean_over_fields
from micro_features.report import distribution_figures as drawn
from micro_features.report.axes import figure_of
from micro_features.report.page import Picture, Section
from micro_features.reporting.measured import Measured
from micro_features.reporting.pictures import compact
from micro_features.reporting.sizes import Sizes, sizes_of
from micro_features.reporting.wording import counted, figures

MOST_ROWS = 24
"""Specimens in one figure; more go into the next."""
MOST_HISTOGRAMS = 12
_ABREAST = 3
_DPI = 150
_FEWEST = 5
"""Whole regions, below which there is no distribution."""
_UNITS = {"um": "µm", "px": "px"}
_WEIGHTED = (
    "Diameter of the circle of equal area; regions cut by the edge are left out, and the others weighted by one over "
    "their probability of lying whole in the picture (Miles and Lantuéjoul), so that large ones are not missed."
)


def distributions(measured: Measured) -> Section:
    """Grain size, pore size and porosity of each specimen.

    Parameters
    ----------
    measured : Measured

    Returns
    -------
    Section
    """
    parts = [
        *(_sizes(measured, phase, unit) for phase in ("grain", "pore") for unit in _UNITS),
        _porosity(measured),
    ]
    return Section(
        "Distributions",
        [
            "By number every grain or pore counts alike, by area each counts by how much of the picture it fills: the "
            "second is what a look at the picture, or a current through the material, meets."
        ],
        parts=[part for part in parts if part is not None],
        large=True,
    )


def _sizes(measured: Measured, phase: str, unit: str) -> Section | None:
    every = sizes_of(measured, phase, unit)
    found = [each for each in every if len(each.diameters) >= _FEWEST]
    if not found:
        return None
    quantity, shown_unit = f"{phase} diameter", _UNITS[unit]
    figures_made = []
    for start in range(0, len(found), MOST_ROWS):
        part = found[start : start + MOST_ROWS]
        figure = figure_of(
            functools.partial(
                drawn.size_ranges,
                names=[each.specimen for each in part],
                sizes=[each.diameters for each in part],
                weights=[each.weights for each in part],
                areas=[each.areas for each in part],
                quantity=quantity,
                unit=shown_unit,
            ),
            drawn.rows_size(len(part)),
        )
        caption = f"{phase.capitalize()} size of each specimen: median (mark) and 10th to 90th percentile (line)."
        alt = f"{caption} {_told(part, shown_unit)}"
        figures_made.append(Picture(f"{caption} {_WEIGHTED}", drawn_file(figure), alt))
    alike = found if len(found) <= MOST_HISTOGRAMS else sorted(found, key=lambda each: -len(each.diameters))
    shown = alike[:MOST_HISTOGRAMS]
    which = (
        f" The {len(shown)} specimens with most {phase}s of {len(found)}; the figure above has all."
        if len(found) > len(shown)
        else ""
    )
    for start in range(0, len(shown), 2 * _ABREAST):
        part = shown[start : start + 2 * _ABREAST]
        caption = f"{phase.capitalize()} size, shares by number (filled) and by area (dashed).{which}"
        panels = _histograms(part, quantity, shown_unit)
        figures_made.append(Picture(caption, drawn_file(panels), f"{caption} {_told(part, shown_unit)}"))
    few = len(every) - len(found)
    said = [
        f"{counted(few, 'specimen')} with fewer than {_FEWEST} whole {phase}s {'is' if few == 1 else 'are'} left out."
    ]
    of = " in pictures without a scale" if unit == "px" else ""
    return Section(f"{phase.capitalize()} size{of}", said if few else [], figures=figures_made)


def _told(part: Sequence[Sizes], unit: str) -> str:
    """The medians, for who does not see the figure."""
    medians = [
        f"{each.specimen} {figures(float(drawn.weighted_quantiles(each.diameters, each.weights, [0.5])[0]))} {unit} by "
        f"number and {figures(float(drawn.weighted_quantiles(each.diameters, each.weights * each.areas, [0.5])[0]))} "
        f"{unit} by area"
        for each in part
    ]
    return f"Medians: {'; '.join(medians)}."


def _histograms(part: Sequence[Sizes], quantity: str, unit: str) -> Figure:
    rows = -(-len(part) // _ABREAST)
    abreast = min(len(part), _ABREAST)
    figure = Figure(figsize=(drawn.WIDTH * max(abreast, 2) / _ABREAST, 2.1 * rows + 0.3), layout="constrained")
    panels = np.atleast_1d(figure.subplots(rows, abreast, squeeze=False)).ravel()
    for panel, each in zip(panels, part, strict=False):
        drawn.size_histogram(
            panel, each.diameters, each.weights, each.areas, title=each.specimen, quantity=quantity, unit=unit
        )
    for panel in panels[len(part) :]:
        panel.set_visible(False)
    drawn.legend_below(panels[0])
    return figure


def _porosity(measured: Measured) -> Section | None:
    features = measured.features
    known = features[np.isfinite(features["porosity"].astype(float))]
    if known.empty:
        return None
    specimens = [(str(name), rows) for name, rows in known.groupby("specimen", sort=False)]
    made = []
    for start in range(0, len(specimens), MOST_ROWS):
        part = specimens[start : start + MOST_ROWS]
        means = [mean_over_fields(rows["porosity"].to_numpy(float)) for _, rows in part]
        ends = [
            [
                float((rows["porosity"] * rows[f"quality_pore_area_{end}"].astype(float)).mean())
                for end in ("low", "high")
            ]
            if {"quality_pore_area_low", "quality_pore_area_high"} <= set(rows)
            else [np.nan, np.nan]
            for _, rows in part
        ]
        figure = figure_of(
            functools.partial(
                drawn.porosity_rows,
                names=[name for name, _ in part],
                means=np.array([each.value for each in means]),
                half_widths=np.array([each.half_width for each in means]),
                pictures=[rows["porosity"].to_numpy(float) for _, rows in part],
                ranges=np.array(ends),
            ),
            drawn.rows_size(len(part)),
        )
        told = "; ".join(f"{name} {figures(100 * each.value)} %" for (name, _), each in zip(part, means, strict=True))
        caption = (
            "Porosity: each picture (stroke), mean of a specimen (point) with its 95 % interval over pictures (line, "
            "where there are two or more), and what stricter and laxer evidence of a pore would give (grey)."
        )
        made.append(Picture(caption, drawn_file(figure), f"{caption} Means: {told}."))
    return Section("Porosity", figures=made)


def drawn_file(figure: Figure) -> bytes:
    """A figure as a small file; letters of a name that its font lacks are boxes there, and letters in tables."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        figure.savefig(buffer, format="png", dpi=_DPI)
    return compact(Image.open(buffer))
