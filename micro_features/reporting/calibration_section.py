"""Where pixel sizes are from, whether their sources agree, and how the pictures were taken."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from micro_features.report.page import Section, Table
from micro_features.reporting.measured import Measured
from micro_features.reporting.wording import UNKNOWN, counted, figures, known_number, listed, same_in_all

SAME = "The same in all: "
_EVIDENCE = re.compile(r"(.+) ([\d.eE+-]+) um \(\+-([\d.eE+-]+) %\)")
_ACQUISITION = {
    "acquisition_instrument": "Instrument",
    "acquisition_magnification": "Magnification",
    "acquisition_kV": "Voltage / kV",
    "acquisition_WD_mm": "Working distance / mm",
    "acquisition_detector": "Detector",
    "acquisition_date": "Date",
    "acquisition_time": "Time",
}


def calibration(measured: Measured) -> Section:
    """Where the pixel sizes are from, whether sources agree, and how the pictures were taken."""
    features = measured.features
    sources = [_sources(text) for text in features.get("pixel_um_evidence", pd.Series("", features.index))]
    told = pd.DataFrame(
        {
            "Picture": features["micrograph_id"],
            "Pixel / µm": [figures(each, 4) for each in features["pixel_um"]],
            "± %": features["pixel_um_rel_error"].astype(float) * 100 if "pixel_um_rel_error" in features else np.nan,
            "Taken from": features.get("pixel_um_source"),
            "Sources that were found": [tuple(f"{name}: {figures(um, 4)} µm" for name, um in each) for each in sources],
            "Apart by / %": [_apart(each) for each in sources],
            "Scale bar": [_bar(row) for row in features.to_dict("records")],
            "Data bar": [_databar(row) for row in features.to_dict("records")],
        }
    )
    same = same_in_all(told[["Taken from", "Scale bar", "Data bar"]])
    told = told.drop(columns=[*same]).dropna(axis=1, how="all")
    conflicts = measured.failures[measured.failures["stage"] == "calibrate"]
    said = [_agreement(sources)]
    if len(conflicts):
        said.append(
            f"{counted(len(conflicts), 'picture')} {'was' if len(conflicts) == 1 else 'were'} refused for "
            "the scale, since a wrong one is worse than none: "
            + " ".join(f"{row['path']}: {row['reason']}" for row in conflicts.head(3).to_dict("records"))
        )
    if same:
        said.append(f"{SAME}{', '.join(f'{name.lower()} {value}' for name, value in same.items())}.")
    table = Table("Pixel size of every picture, and every source of it.", told, rows_named=True)
    return Section("Calibration", said, [table], parts=[_acquisition(features)])


def _sources(text: object) -> list[tuple[str, float]]:
    """``"scale bar 0.125 um (+-0.62 %); …"`` as names and values."""
    if not isinstance(text, str):
        return []
    found = (_EVIDENCE.fullmatch(each.strip()) for each in text.split(";"))
    return [(each[1], float(each[2])) for each in found if each]


def _apart(sources: Sequence[tuple[str, float]]) -> float:
    sizes = [um for _, um in sources]
    return 100 * (max(sizes) / min(sizes) - 1) if len(sizes) > 1 else np.nan


def _agreement(sources: Sequence[Sequence[tuple[str, float]]]) -> str:
    several = [_apart(each) for each in sources if len(each) > 1]
    one = sum(len(each) == 1 for each in sources)
    none = sum(not each for each in sources)
    said = []
    if several:
        said.append(
            f"In {counted(len(several), 'picture')} two sources or more tell the pixel size; they are at most "
            f"{figures(max(several), 2)} % apart. Sources that disagree by more than 2 %, or than a pixel at each end "
            "of the bar explains, are refused."
        )
    if one:
        said.append(f"In {counted(one, 'picture')} one source alone tells it, and nothing confirms it.")
    if none:
        said.append(f"Of {counted(none, 'picture')} no source is noted.")
    return " ".join(said)


def _bar(row: Mapping[Any, Any]) -> str:
    length, text = known_number(row.get("scale_bar_px")), row.get("scale_bar_text")
    said = f"{length:.4g} px" if np.isfinite(length) else ""
    return " = ".join(each for each in (said, text if isinstance(text, str) else "") if each) or UNKNOWN


def _databar(row: Mapping[Any, Any]) -> str:
    side, first, last = (
        row.get("databar_side"),
        known_number(row.get("databar_first_row")),
        known_number(row.get("databar_last_row")),
    )
    if not isinstance(side, str) or side == "none":
        return "none"
    return f"{side}, rows {first:.0f} to {last:.0f}" if np.isfinite(first) and np.isfinite(last) else side


def _acquisition(features: pd.DataFrame) -> Section:
    told = features.reindex(columns=[*_ACQUISITION]).rename(columns=_ACQUISITION)
    told = told.dropna(axis=1, how="all")
    heading = "How the pictures were taken"
    if told.empty or not len(told.columns):
        return Section(heading, ["Nothing is known: neither vendor tags nor text in a data bar told it."])
    same = same_in_all(told)
    differing = told.drop(columns=[*same])
    said = []
    if same:
        said.append(f"{SAME}{', '.join(f'{name} {value}' for name, value in same.items())}.")
    dates = told.get("Date", pd.Series(dtype=object)).dropna().unique()
    if len(dates) > 1:
        said.append(
            f"Pictures are of {len(dates)} days ({listed(sorted(map(str, dates)))}). What differs between days (focus, "
            "brightness, charging) can be mistaken for the material: see the audit of confounders where a model was "
            "fitted."
        )
    tables = []
    if len(differing.columns):
        differing.insert(0, "Picture", features["micrograph_id"])
        tables.append(Table("What differs between pictures.", differing, rows_named=True))
    return Section(heading, said, tables)
