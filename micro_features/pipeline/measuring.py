"""The numbers of a segmented micrograph."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from micro_features.data import Micrograph, Segmentation
from micro_features.features.boundary_contrast import boundary_contrast_features
from micro_features.features.catalogue import FEATURES
from micro_features.features.fields import field_features
from micro_features.features.intercepts import intercept_features
from micro_features.features.populations import population_features
from micro_features.features.quality import quality_features
from micro_features.features.regions import region_table
from micro_features.features.texture import texture_features
from micro_features.pipeline.frame import frame_of
from micro_features.settings import Settings


@dataclass(frozen=True, eq=False)
class Measured:
    """The numbers of one micrograph.

    Attributes
    ----------
    features : dict of str to float
        Every name of the catalogue; NaN where a number does not exist or is withheld.
    quality : dict
        What to trust.
    regions : DataFrame
        One row per grain (where grains are resolved) and pore.
    """

    features: dict[str, float]
    quality: dict[str, float | int | bool]
    regions: pd.DataFrame


def measure(micrograph: Micrograph, segmentation: Segmentation, settings: Settings) -> Measured:
    """Every feature of the catalogue, the quality flags, and the regions.

    Grain and boundary features are NaN, and grains are left out of the regions, where grains are not resolved, unless
    the settings insist. Of a picture of one colour nothing is measured.

    Parameters
    ----------
    micrograph : Micrograph
    segmentation : Segmentation
        Of this micrograph.
    settings : Settings

    Returns
    -------
    Measured
    """
    frame = frame_of(micrograph.valid)
    image, valid = micrograph.image[frame], micrograph.valid[frame]
    grains, pores = segmentation.grains[frame], segmentation.pores[frame]
    pixel_um = micrograph.pixel_um
    quality = quality_features(
        image,
        valid,
        grains,
        boundary=segmentation.boundary[frame],
        min_pixels_across_grain=settings.measure.min_pixels_across_grain,
        min_whole_grains=settings.measure.min_whole_grains,
        min_calm_share=settings.measure.min_calm_share,
        grain_dependence=segmentation.grain_dependence,
        confidence=segmentation.confidence,
        min_confidence=settings.measure.min_confidence,
        stability=segmentation.stability,
        agreement=segmentation.agreement,
        count_range=segmentation.count_range,
        boundary_range=segmentation.boundary_range,
        pore_area_range=segmentation.pore_area_range,
    )
    # Shares speak of the file's frame, not of the rectangle that was looked at.
    quality["quality_measured_share"] = float(micrograph.valid.mean())
    features = dict.fromkeys(FEATURES, np.nan)
    pore_regions = region_table(pores, image, valid, pixel_um=pixel_um, phase="pore")
    pore_regions["stability"] = np.nan
    regions = [pore_regions]
    if quality["quality_flat"]:
        return Measured(features, quality, pore_regions.iloc[:0])
    features |= texture_features(image, valid, pixel_um=pixel_um)
    features |= field_features(
        grains,
        pores,
        pore_regions,
        valid,
        pixel_um=pixel_um,
        rounded_circularity=settings.measure.rounded_circularity,
        reach_px=round(settings.phases.boundary_width_px),
        seed=settings.seed,
    )
    features |= population_features(pore_regions, valid, phase="pore", pixel_um=pixel_um)
    if quality["quality_grains_resolved"] or settings.measure.unresolved_grains:
        grain_regions = region_table(grains, image, valid, pixel_um=pixel_um, phase="grain")
        grain_regions["stability"] = _of_labels(segmentation.stability, grain_regions["label"])
        regions.insert(0, grain_regions)
        features |= population_features(grain_regions, valid, phase="grain", pixel_um=pixel_um)
        features |= intercept_features(grains, valid, pixel_um=pixel_um)
        features |= boundary_contrast_features(image, grains, pores, valid, pixel_um=pixel_um)
    else:
        features |= {name: np.nan for name, feature in FEATURES.items() if feature.needs_grains}
    if not micrograph.calibrated:
        features |= {name: np.nan for name, feature in FEATURES.items() if feature.unit == "G"}
    table = pd.concat(regions, ignore_index=True)
    table["centroid_row_px"] += frame[0].start
    table["centroid_col_px"] += frame[1].start
    return Measured(features, quality, table)


def _of_labels(values: np.ndarray, labels: pd.Series) -> np.ndarray:
    """The value of each label; NaN where none is known."""
    return values[labels] if len(values) else np.full(len(labels), np.nan)
