"""What stands in the tables: the columns of a row, their order, and what each means."""

import re
from collections.abc import Iterable
from typing import Any

import pandas as pd

from micro_features.data import Micrograph, Segmentation
from micro_features.features.catalogue import FEATURES, SUBSETS
from micro_features.features.quality import QUALITY_COLUMNS
from micro_features.pipeline import DEPEND_ON_THRESHOLDS, Calibrated, Measured
from micro_features.settings import Settings

# name -> (unit, meaning): the columns that are no features.
ID_COLUMNS: dict[str, tuple[str, str]] = {
    "micrograph_id": (
        "",
        "Unique name: path below the given folder without suffix; page added where a file has several",
    ),
    "path": ("", "The file, as given"),
    "page": ("", "Page in the file, from 1"),
    "sample_id": ("", "The specimen: from the manifest, else the micrograph's own id; what validation groups by"),
    "settings_digest": ("", "Hash of the settings that change numbers"),
    "surface": ("", "Kind of surface: polished, fracture or unknown"),
    "stereology": ("", "'plane section', or 'apparent' where the surface is no plane random section"),
}
CORRECTION_COLUMNS: dict[str, tuple[str, str]] = {
    "corrections_applied": ("1", "Corrections by hand that changed this picture's grains or pores"),
    "corrections_missed": ("1", "Corrections by hand that found nothing to act on with these settings"),
}
SCALE_COLUMNS: dict[str, tuple[str, str]] = {
    "pixel_um": ("um", "Edge of a pixel; empty where lengths are in pixels"),
    "pixel_um_source": ("", "What the pixel size was taken from"),
    "pixel_um_rel_error": ("1", "Half width of the pixel size's uncertainty, relative"),
    "pixel_um_evidence": ("", "Every source of the pixel size that was present"),
    "databar_side": ("", "Side of the data bar; 'inside' where it is drawn on the picture; 'none'"),
    "databar_first_row": ("px", "First row of the data bar or box, from 0"),
    "databar_last_row": ("px", "Last row of the data bar or box, inclusive"),
    "scale_bar_px": ("px", "Length of the scale bar, as measured"),
    "scale_bar_text": ("", "Text of the scale bar, as read"),
}
ACQUISITION_COLUMNS: dict[str, tuple[str, str]] = {
    "acquisition_magnification": ("1", "Magnification, as the vendor counts it"),
    "acquisition_kV": ("kV", "Accelerating voltage"),
    "acquisition_WD_mm": ("mm", "Working distance"),
    "acquisition_detector": ("", "Detector"),
    "acquisition_date": ("", "Day of acquisition, ISO 8601 where day and month can be told apart"),
    "acquisition_time": ("", "Time of acquisition"),
    "acquisition_instrument": ("", "Vendor or model"),
}
SEGMENTATION_COLUMNS: dict[str, tuple[str, str]] = {
    "grain_number": ("1", "Number of grains in the label image"),
    "pore_number": ("1", "Number of pores in the label image"),
    "porosity": ("1", "Pore area over measured area"),
    "working_scale": ("1", "Factor by which the picture was shrunk to find grains"),
    "note": ("", "Why lengths would be in pixels, where the picture gives no scale"),
}
QUALITY = {column.name: (column.unit, column.meaning) for column in QUALITY_COLUMNS}
REGIONS: dict[str, tuple[str, str]] = {
    "micrograph_id": ("", "The micrograph that the region is in"),
    "label": ("1", "Value of the region in the label image"),
    "phase": ("", "grain or pore"),
    "area_um2": ("um2", "Area: pixels times the area of a pixel"),
    "equivalent_diameter_um": ("um", "Diameter of the circle of the same area"),
    "perimeter_um": ("um", "Length of the outline, holes included; Crofton's formula with four directions"),
    "feret_max_um": ("um", "Largest distance of parallel tangents"),
    "feret_min_um": ("um", "Smallest distance of parallel tangents"),
    "aspect_ratio": ("1", "Long over short axis of the ellipse with the same second moments"),
    "orientation_deg": ("deg", "Angle of its long axis from the rows, 0 to 180, anticlockwise as seen on the picture"),
    "circularity": ("1", "4 pi area / perimeter squared; not cut off at 1"),
    "solidity": ("1", "Area over the area of the convex hull"),
    "mean_grey": ("1", "Mean grey level, 0 black to 1 white"),
    "touches_border": ("", "Whether the region is cut by the edge of the picture or of its measured part"),
    "centroid_row_px": ("px", "Row of the centroid, from 0"),
    "centroid_col_px": ("px", "Column of the centroid, from 0"),
    "height_um": ("um", "Height of the bounding box"),
    "width_um": ("um", "Width of the bounding box"),
    "neighbours": ("1", "Number of regions of the same phase that touch it"),
    "stability": (
        "1",
        "Of a grain: largest overlap (intersection over union) with a grain at other merge levels, mean over them; 1 "
        "where it stays the same",
    ),
}
REFUSAL_COLUMN = {"refusal": ("", "Why no pixel size is given")}

_SCALE = [*SCALE_COLUMNS, *ACQUISITION_COLUMNS]
COLUMNS: dict[str, list[str]] = {
    "extract": [*ID_COLUMNS, *CORRECTION_COLUMNS, *_SCALE, *QUALITY, *FEATURES],
    "segment": [
        *("micrograph_id", "path", "page", "settings_digest"),
        *CORRECTION_COLUMNS,
        *_SCALE,
        *SEGMENTATION_COLUMNS,
    ],
    "calibrate": ["micrograph_id", "path", "page", *_SCALE, *REFUSAL_COLUMN],
}
WHOLE_NUMBERS = {
    "page", "corrections_applied", "corrections_missed", "databar_first_row", "databar_last_row",
    "quality_whole_grains", "grain_number", "pore_number",
}  # fmt: skip


def typed(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the type that each column has, also where all its cells are empty."""
    plain = {**SCALE_COLUMNS, **ACQUISITION_COLUMNS, **QUALITY, **SEGMENTATION_COLUMNS}
    numbers = {name for name, (unit, _) in plain.items() if unit not in ("", "bool")}
    numbers |= FEATURES.keys() | {in_pixels(name) for name in FEATURES} | RANGE_COLUMNS.keys()
    types = dict.fromkeys(WHOLE_NUMBERS, "Int64") | dict.fromkeys(numbers - WHOLE_NUMBERS, "float64")
    return table.astype({name: types[name] for name in table.columns if name in types})


def completed(row: dict[str, Any]) -> dict[str, Any]:
    """A row of ``features.csv`` or ``segmentation.csv`` of an earlier version, which knew of no corrections by hand."""
    if "settings_digest" not in row or CORRECTION_COLUMNS.keys() <= row.keys():
        return row
    names = list(row)
    place = 1 + names.index("stereology" if "stereology" in row else "settings_digest")
    names[place:place] = CORRECTION_COLUMNS
    return {name: row.get(name, 0) for name in names}


def in_pixels(name: str) -> str:
    """The name of a column whose lengths are in pixels.

    >>> in_pixels("boundary_length_per_area_per_um"), in_pixels("pore_area_mean_um2")
    ('boundary_length_per_area_per_px', 'pore_area_mean_px2')
    """
    return re.sub(r"_um(2?)(?=_|$)", r"_px\1", name)


def _range_columns() -> dict[str, tuple[str, str]]:
    """Column -> (feature, which end): what `extract --sensitivity` adds."""
    return {
        f"{column}_{end}": (column, word)
        for name in DEPEND_ON_THRESHOLDS
        for column in dict.fromkeys((name, in_pixels(name)))
        for end, word in (("low", "Least"), ("high", "Largest"))
    }


RANGE_COLUMNS = _range_columns()


def range_cells(ranges: dict[str, tuple[float, float]], calibrated: bool) -> dict[str, float]:
    """What `extract --sensitivity` adds to a row.

    Parameters
    ----------
    ranges : dict
        As from `pipeline.feature_ranges`.
    calibrated : bool
        Else lengths are in pixels, and the names say so.
    """
    return {
        f"{name if calibrated else in_pixels(name)}_{end}": value
        for name, ends in ranges.items()
        for end, value in zip(("low", "high"), ends, strict=True)
    }


def feature_row(
    micrograph: Micrograph,
    calibrated: Calibrated,
    measured: Measured,
    *,
    path: str,
    page: int,
    settings: Settings,
    surface: str,
    corrections: tuple[int, int] = (0, 0),
) -> dict[str, Any]:
    """A row of ``features.csv``.

    Parameters
    ----------
    micrograph : Micrograph
    calibrated : Calibrated
    measured : Measured
    path : str
        As given.
    page : int
        From 0.
    settings : Settings
    surface : str
    corrections : (applied, missed)
        By hand.

    Returns
    -------
    dict
        Ids, corrections, scale, acquisition, quality, then the features in the order of the catalogue. Without a
        scale, lengths are in pixels and their columns' names end in ``_px``.
    """
    features = {name: measured.features[name] for name in FEATURES}
    if not micrograph.calibrated:
        features = {in_pixels(name): value for name, value in features.items()}
    return {
        **_ids(micrograph, path, page),
        "sample_id": micrograph.sample_id,
        "settings_digest": settings.digest,
        "surface": surface,
        "stereology": "plane section" if surface == "polished" else "apparent",
        **dict(zip(CORRECTION_COLUMNS, corrections, strict=True)),
        **_scale(calibrated),
        **measured.quality,
        **features,
    }


def segmentation_row(
    micrograph: Micrograph,
    calibrated: Calibrated,
    segmentation: Segmentation,
    *,
    path: str,
    page: int,
    settings: Settings,
    note: str,
    corrections: tuple[int, int] = (0, 0),
) -> dict[str, Any]:
    """A row of ``segmentation.csv``."""
    valid = int(micrograph.valid.sum())
    return {
        **_ids(micrograph, path, page),
        "settings_digest": settings.digest,
        **dict(zip(CORRECTION_COLUMNS, corrections, strict=True)),
        **_scale(calibrated),
        "grain_number": int(segmentation.grains.max(initial=0)),
        "pore_number": int(segmentation.pores.max(initial=0)),
        "porosity": int((segmentation.pores > 0).sum()) / valid if valid else float("nan"),
        "working_scale": segmentation.working_scale,
        "note": note,
    }


def calibration_row(
    micrograph: Micrograph, calibrated: Calibrated, *, path: str, page: int, refusal: str
) -> dict[str, Any]:
    """A row of ``calibration.csv``."""
    row = {**_ids(micrograph, path, page), **_scale(calibrated), "refusal": refusal}
    return {**row, "pixel_um_source": "none"} if refusal else row


def _ids(micrograph: Micrograph, path: str, page: int) -> dict[str, Any]:
    return {"micrograph_id": micrograph.micrograph_id, "path": path, "page": page + 1}


def _scale(calibrated: Calibrated) -> dict[str, Any]:
    annotations, size = calibrated.annotations, calibrated.pixel_size
    bar, acquisition = annotations.scale_bar, calibrated.acquisition
    known = size if calibrated.has_scale else None
    return {
        "pixel_um": known.pixel_um if known else None,
        "pixel_um_source": size.source,
        "pixel_um_rel_error": known.rel_error if known else None,
        "pixel_um_evidence": "; ".join(
            f"{source} {value:.6g} um (+-{100 * error:.2g} %)" for source, value, error in size.evidence
        ),
        "databar_side": annotations.side,
        "databar_first_row": annotations.first_row,
        "databar_last_row": annotations.last_row,
        "scale_bar_px": bar.length_px if bar else None,
        "scale_bar_text": bar.text if bar else None,
        **{name: getattr(acquisition, name.removeprefix("acquisition_")) for name in ACQUISITION_COLUMNS},
    }


def region_rows(regions: pd.DataFrame, micrograph: Micrograph) -> pd.DataFrame:
    """Rows of the region table: the micrograph's id in front, lengths in pixels where there is no scale."""
    table = regions if micrograph.calibrated else regions.rename(columns=in_pixels)
    return table.assign(micrograph_id=micrograph.micrograph_id)[["micrograph_id", *table.columns]]


def caption(row: dict[str, Any], calibrated: bool) -> str:
    """The line below an overlay: what was taken for the scale, and the main numbers of the row."""
    words = []
    if row.get("pixel_um"):
        error = f" ± {100 * row['pixel_um_rel_error']:.2g} %" if row["pixel_um_rel_error"] else ""
        words.append(f"pixel {row['pixel_um']:.4g} µm{error} ({row['pixel_um_source']})")
    else:
        words.append("no scale: lengths in pixels")
    if row.get("scale_bar_text"):
        words.append(f"bar {row['scale_bar_px']:.1f} px = {row['scale_bar_text']}")
    if row.get("porosity") is not None and row["porosity"] == row["porosity"]:
        apparent = "apparent " if row.get("stereology") == "apparent" else ""
        interval = ""
        if row.get("porosity_ci95_high") is not None and row["porosity_ci95_high"] == row["porosity_ci95_high"]:
            interval = f" ({100 * row['porosity_ci95_low']:.2g} to {100 * row['porosity_ci95_high']:.2g} %)"
        words.append(f"{apparent}porosity {100 * row['porosity']:.2g} %{interval}")
    if "quality_grains_resolved" in row:
        unit = "um" if calibrated else "px"
        mean = row.get(f"grain_diameter_mean_{unit}")
        if not row["quality_grains_resolved"]:
            words.append("grains not resolved")
        if mean is not None and mean == mean:
            words.append(f"mean grain {mean:.3g} {'µm' if calibrated else 'px'}")
    elif "grain_number" in row:
        words.append(f"{row['grain_number']} grains, {row['pore_number']} pores")
    if row.get("refusal") or row.get("note"):
        words.append(row.get("refusal") or row["note"])
    return " · ".join(words)


def dictionary(columns: Iterable[str], regions: Iterable[str], *, table: str, apparent: bool) -> pd.DataFrame:
    """The data dictionary of the columns that occur.

    Parameters
    ----------
    columns : iterable of str
        Of the main table.
    regions : iterable of str
        Columns of the table of regions; none where there is no such table.
    table : str
        Name of the main table.
    apparent : bool
        Whether some picture shows no plane random section.

    Returns
    -------
    DataFrame
        table, column, unit, phase, subset, meaning, source.
    """
    plain = {
        **ID_COLUMNS,
        **CORRECTION_COLUMNS,
        **SCALE_COLUMNS,
        **ACQUISITION_COLUMNS,
        **QUALITY,
        **SEGMENTATION_COLUMNS,
        **REFUSAL_COLUMN,
    }
    by_name = {**{in_pixels(name): feature for name, feature in FEATURES.items()}, **FEATURES}
    lines: list[tuple[str, ...]] = []
    for column in columns:
        if column in by_name:
            feature = by_name[column]
            warning = " Apparent where `stereology` says so." if apparent and feature.stereological else ""
            unit, meaning = feature.unit, feature.meaning
            if column not in FEATURES:
                unit, meaning = unit.replace("um", "px"), meaning.replace("micrometre", "pixel")
            subset = " ".join(name for name, members in SUBSETS.items() if feature.name in members)
            lines.append((table, column, unit, feature.phase, subset, meaning + warning, feature.source))
        elif column in RANGE_COLUMNS:
            name, end = RANGE_COLUMNS[column]
            feature = by_name[name]
            unit = feature.unit if name in FEATURES else feature.unit.replace("um", "px")
            meaning = f"{end} {name} when each threshold goes through its plausible range, one at a time"
            lines.append((table, column, unit, "", "", meaning, ""))
        else:
            unit, meaning = plain[column]
            lines.append((table, column, unit, "", "", meaning, ""))
    in_px = {in_pixels(name): (unit.replace("um", "px"), meaning) for name, (unit, meaning) in REGIONS.items()}
    described = {**in_px, **REGIONS}
    lines += [("regions", name, described[name][0], "", "", described[name][1], "") for name in regions]
    return pd.DataFrame(lines, columns=["table", "column", "unit", "phase", "subset", "meaning", "source"])
