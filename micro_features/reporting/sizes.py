"""Sizes of all grains or pores of each specimen, each with how many it stands for."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from micro_features.features.populations import whole_region_weights
from micro_features.reporting.measured import Measured


@dataclass(frozen=True, eq=False)
class Sizes:
    """Regions of one phase in one specimen.

    Attributes
    ----------
    specimen : str
    diameters : (n,) float array
        Of the circle of equal area.
    weights : (n,) float array
        How many regions each stands for: large ones lie whole in a picture more seldom.
    n_pictures : int
    """

    specimen: str
    diameters: np.ndarray
    weights: np.ndarray
    n_pictures: int

    @property
    def areas(self) -> np.ndarray:
        """Of the circles, in the square of the unit."""
        return np.pi / 4 * self.diameters**2


def sizes_of(measured: Measured, phase: str, unit: str) -> list[Sizes]:
    """Every specimen that has whole regions of a phase.

    Parameters
    ----------
    measured : Measured
    phase : {"grain", "pore"}
        Grains only of pictures in which they are resolved.
    unit : {"um", "px"}
        Of pictures with a scale, or without.

    Returns
    -------
    list of Sizes
        In the order of the table.
    """
    scaled = measured.features["pixel_um"] > 0
    taken = measured.features[scaled if unit == "um" else ~scaled]
    if phase == "grain":
        taken = taken[taken["quality_grains_resolved"]]
    regions = measured.regions
    if regions.empty or f"equivalent_diameter_{unit}" not in regions:
        return []
    by_picture = dict(iter(regions[regions["micrograph_id"].isin(taken["micrograph_id"])].groupby("micrograph_id")))
    found = []
    for specimen, pictures in taken.groupby("specimen", sort=False):
        parts = [
            _of_picture(by_picture[row["micrograph_id"]], phase, unit, row["pixel_um"] if unit == "um" else 1.0)
            for row in pictures.to_dict("records")
            if row["micrograph_id"] in by_picture
        ]
        diameters = np.concatenate([part[0] for part in parts]) if parts else np.zeros(0)
        if len(diameters):
            weights = np.concatenate([part[1] for part in parts])
            found.append(Sizes(str(specimen), diameters, weights, len(pictures)))
    return found


def _of_picture(regions: pd.DataFrame, phase: str, unit: str, pixel: float) -> tuple[np.ndarray, np.ndarray]:
    """Diameters and weights; the frame is what all regions of the picture, of either phase, reach over."""
    boxes = regions[[f"height_{unit}", f"width_{unit}"]].set_axis(["height_um", "width_um"], axis=1)
    centres = regions[["centroid_row_px", "centroid_col_px"]].to_numpy(float)
    reach = boxes.to_numpy(float) / pixel / 2
    frame = np.ptp(np.concatenate([centres - reach, centres + reach]), axis=0)
    whole = ((regions["phase"] == phase) & ~regions["touches_border"]).to_numpy(bool)
    diameters = regions.loc[whole, f"equivalent_diameter_{unit}"].to_numpy(float)
    valid = np.ones(np.maximum(np.ceil(frame), 1).astype(int), bool)
    weights = whole_region_weights(boxes[whole], valid, pixel)
    known = np.isfinite(diameters) & np.isfinite(weights) & (diameters > 0)
    return diameters[known], weights[known]
