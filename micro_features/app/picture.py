"""What is known of one picture, and of one region in it."""

import dataclasses
from typing import Any

import numpy as np

from micro_features import rows
from micro_features.app.engine import Bench, Outcome
from micro_features.features.regions import region_table

_PLACE = ("label", "phase", "centroid_row_px", "centroid_col_px")
_OF_ALL = ("neighbours", "stability")


def about(bench: Bench) -> dict[str, Any]:
    """Size, scale, mask and origin of a picture.

    Parameters
    ----------
    bench : Bench

    Returns
    -------
    dict
    """
    micrograph, calibrated = bench.micrograph, bench.calibrated
    n_rows, n_cols = micrograph.image.shape
    masked = [
        (max(r0, 0), min(r1, n_rows - 1), max(c0, 0), min(c1, n_cols - 1))
        for r0, r1, c0, c1 in calibrated.annotations.masked
    ]
    return {
        "rows": n_rows,
        "cols": n_cols,
        "pixel_um": micrograph.pixel_um if micrograph.calibrated else None,
        "refusal": " ".join(bench.refusal.split()),
        "masked": masked,
        "acquisition": dataclasses.asdict(calibrated.acquisition),
        "n_valid_px": int(np.count_nonzero(micrograph.valid)),
    }


def region_at(bench: Bench, outcome: Outcome, row: int, col: int) -> dict[str, Any]:
    """The grain or pore at a pixel, and its row of the region table.

    Parameters
    ----------
    bench : Bench
    outcome : Outcome
        Of this picture.
    row, col : int
        Pixel of the picture.

    Returns
    -------
    dict
        phase : ``"grain"``, ``"pore"`` or None; label : int; values : list of dict, with name, value, unit, meaning.
    """
    found, micrograph = outcome.segmentation, bench.micrograph
    n_rows, n_cols = micrograph.image.shape
    if not (0 <= row < n_rows and 0 <= col < n_cols):
        return {"phase": None}
    for phase, labels in (("pore", found.pores), ("grain", found.grains)):
        if label := int(labels[row, col]):
            return {"phase": phase, "label": label, "values": _values(bench, outcome, phase, label, labels)}
    return {"phase": None}


def _values(bench: Bench, outcome: Outcome, phase: str, label: int, labels: np.ndarray) -> list[dict[str, Any]]:
    micrograph, table = bench.micrograph, outcome.measured.regions
    table = table[(table["phase"] == phase) & (table["label"] == label)]
    left_out: tuple[str, ...] = _PLACE
    if table.empty:  # grains that are not resolved have no rows; one that is clicked is measured by itself
        alone = (labels == label).astype(np.int32)
        table = region_table(alone, micrograph.image, micrograph.valid, pixel_um=micrograph.pixel_um, phase="grain")
        left_out += _OF_ALL
    described = rows.REGIONS
    values = []
    for name, value in table.iloc[0].items():
        if name in left_out:
            continue
        unit, meaning = described[str(name)]
        if not micrograph.calibrated:
            name, unit = rows.in_pixels(str(name)), unit.replace("um", "px")
        values.append({"name": name, "value": value, "unit": unit, "meaning": meaning})
    return values
