"""Overlays, small, and a table that names every picture."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from micro_features.features.standards import PLANE
from micro_features.report.page import Picture, Section, Table
from micro_features.reporting.measured import Measured
from micro_features.reporting.pictures import MOST_SHOWN, chosen, thumbnail
from micro_features.reporting.wording import counted, figures, interval_in_percent, known_number, percent

COLOURS = "Grain outlines are orange, pores blue, data bar and scale bar framed green."


def pictures(measured: Measured) -> Section:
    """Overlays, small, and a table that names every picture."""
    features = measured.features
    ids = chosen(measured)
    rows = {row["micrograph_id"]: row for row in features.to_dict("records")}
    captions = {name: _caption(name, rows[name]) for name in ids}
    shown = [
        Picture(captions[name], thumbnail(measured.overlays[name], len(ids)), f"Overlay of {captions[name]}")
        for name in ids
    ]
    said = [COLOURS] if shown else ["No overlays are there: extract --no-overlays writes none."]
    n_there = len(measured.overlays)
    if n_there > MOST_SHOWN:
        half = len(shown) // 2
        said.append(
            f"{len(shown)} of {n_there} pictures are shown: first the {half} least trusted, then the {half} most "
            "trusted, by whether grains are resolved, the F1 to be expected of them, and how little porosity hangs on "
            "the threshold. The table names all."
        )
    elif shown and n_there < len(features):
        said.append(f"{counted(len(features) - n_there, 'picture')} have no overlay.")
    return Section("Pictures", said, [_picture_table(features)], gallery=shown, large=True)


def _caption(name: str, row: Mapping[Any, Any]) -> str:
    is_apparent = "" if row["stereology"] == PLANE else "apparent "
    words = [name, f"{is_apparent}porosity {percent(known_number(row['porosity']))} %"]
    words.append("grains resolved" if row["quality_grains_resolved"] else "grains not resolved")
    if row["quality_grains_resolved"] and np.isfinite(mean := known_number(row.get("grain_intercept_mean_um"))):
        words.append(f"mean intercept {figures(mean)} µm")
    return ", ".join(words)


def _picture_table(features: pd.DataFrame) -> Table:
    def column(name: str) -> "pd.Series[float]":
        return features.reindex(columns=[name]).iloc[:, 0].astype(float)

    resolved = features["quality_grains_resolved"]
    low, high = column("porosity_ci95_low"), column("porosity_ci95_high")
    told = pd.DataFrame(
        {
            "Picture": features["micrograph_id"],
            "Sample": features["sample_id"],
            "Surface": features["surface"].replace("", "unknown"),
            "Grains resolved": resolved,
            "Expected F1": column("quality_segmentation_confidence").where(resolved),
            "Mean intercept / µm": column("grain_intercept_mean_um").where(resolved),
            "By hand": column("corrections_applied"),
            "Pores": column("pore_number"),
            "Porosity / %": [percent(each) for each in column("porosity")],
            "95 % interval": [interval_in_percent(*pair) for pair in zip(low, high, strict=True)],
            "if the threshold moves": [
                interval_in_percent(*pair)
                for pair in zip(
                    column("porosity") * column("quality_pore_area_low"),
                    column("porosity") * column("quality_pore_area_high"),
                    strict=True,
                )
            ],
        }
    )
    if (told["Sample"] == told["Picture"]).all():
        told = told.drop(columns="Sample")
    told = told.astype({"Pores": "Int64", "By hand": "Int64"})
    if not told["By hand"].fillna(0).any():
        told = told.drop(columns="By hand")
    empty = [name for name in ("Expected F1", "Mean intercept / µm") if told[name].isna().all()]
    return Table(
        "Every picture. The interval holds sampling within the picture; the last column what stricter and laxer "
        "evidence of a pore would give.",
        told.drop(columns=empty),
        rows_named=True,
    )
