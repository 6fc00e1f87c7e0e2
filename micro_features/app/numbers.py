"""The numbers beside the picture: main features, how far to trust them, what the model predicts."""

from typing import Any

import numpy as np

from micro_features.app.engine import Outcome
from micro_features.app.predicting import predict_row
from micro_features.features.catalogue import FEATURES
from micro_features.features.quality import QUALITY_COLUMNS
from micro_features.fitting.property_model import PropertyModel
from micro_features.pipeline import Measured
from micro_features.settings import Settings

MAIN_FEATURES = (
    "porosity",
    "pore_number_density_per_um2",
    "pore_diameter_mean_um",
    "pore_diameter_area_weighted_mean_um",
    "pore_on_boundary_number_share",
    "grain_number",
    "grain_diameter_mean_um",
    "grain_diameter_area_weighted_mean_um",
    "grain_diameter_cv",
    "grain_aspect_ratio_mean",
    "grain_intercept_mean_um",
    "grain_size_G_intercept",
    "surface_per_volume_per_um",
    "boundary_length_per_area_per_um",
    "boundary_groove_depth_median",
)
"""Rows of the live table, in their order."""

# Pictures that were cut at black or white lose pores or pale grains there.
_SATURATED = 0.02
# A blur of 2 px; narrower grooves and pores are no longer seen for what they are.
_SHARPNESS = 0.2
_NOISE = 1.0


def main_features() -> list[dict[str, str]]:
    """Name, unit and meaning of the live table's rows."""
    return [{"name": name, "unit": FEATURES[name].unit, "meaning": FEATURES[name].meaning} for name in MAIN_FEATURES]


def main_values(measured: Measured) -> dict[str, float]:
    """The rows of the live table. Names are the catalogue's also where lengths are in pixels."""
    return {name: measured.features[name] for name in MAIN_FEATURES}


def numbers(outcome: Outcome, settings: Settings, model: PropertyModel | None) -> dict[str, Any]:
    """What the page shows beside the picture.

    Parameters
    ----------
    outcome : Outcome
    settings : Settings
        With which it was found.
    model : PropertyModel or None

    Returns
    -------
    dict
    """
    measured, found = outcome.measured, outcome.segmentation
    return {
        "features": main_values(measured),
        "intervals": intervals(measured),
        "quality": {column.name: measured.quality[column.name] for column in QUALITY_COLUMNS},
        "flags": flags(measured, settings),
        "n_grains": n_regions(found.grains),
        "n_pores": n_regions(found.pores),
        "corrections_applied": outcome.applied,
        "corrections_missed": outcome.missed,
        "prediction": None if model is None else predict_row(model, outcome.row, settings),
        "settings_digest": settings.digest,
        "seconds": outcome.seconds,
    }


def n_regions(labels: np.ndarray) -> int:
    """Number of labels that occur; 0 is none."""
    return int(np.count_nonzero(np.bincount(labels.reshape(-1))[1:]))


def intervals(measured: Measured) -> dict[str, tuple[float, float]]:
    """95 % confidence intervals of main features, and what the choice of a threshold leaves open, where known.

    Intervals of area and length by choice come from the quality columns, which hold them as shares of what was found.
    """
    of, quality = measured.features, measured.quality
    found = {"porosity": (of["porosity_ci95_low"], of["porosity_ci95_high"])}
    mean, halfwidth = of["grain_intercept_mean_um"], of["grain_intercept_ci95_halfwidth_um"]
    found["grain_intercept_mean_um"] = (mean - halfwidth, mean + halfwidth)
    for name in ("surface_per_volume_per_um", "boundary_length_per_area_per_um"):
        low, high = (float(quality[f"quality_boundary_length_{end}"]) for end in ("low", "high"))
        found[name] = (low * of[name], high * of[name])
    return {name: ends for name, ends in found.items() if np.isfinite(ends).all()}


def flags(measured: Measured, settings: Settings) -> list[dict[str, Any]]:
    """What to look at before believing the numbers.

    Parameters
    ----------
    measured : Measured
    settings : Settings
        Its limits say when grains are resolved.

    Returns
    -------
    list of dict
        name, good : bool, text. Signs that are not known are left out.
    """
    quality, limits = measured.quality, settings.measure
    if quality["quality_flat"]:
        return [{"name": "flat", "good": False, "text": "one colour: nothing to measure"}]
    across, whole = float(quality["quality_pixels_across_grain"]), int(quality["quality_whole_grains"])
    calm = float(quality["quality_calm_grain_share"])
    confidence = float(quality["quality_segmentation_confidence"])
    saturated, sharp = float(quality["quality_saturated_share"]), float(quality["quality_sharpness"])
    noise = float(quality["quality_noise"])
    wanting = [
        reason
        for short, reason in (
            (not across >= limits.min_pixels_across_grain, f"{across:.0f} px across a grain"),
            (whole < limits.min_whole_grains, f"{whole} whole grains"),
            (not calm >= limits.min_calm_share, f"calm inside {100 * calm:.0f} % of their area"),
            (confidence < limits.min_confidence, f"expected F1 {confidence:.2f}"),
        )
        if short
    ]
    resolved = bool(quality["quality_grains_resolved"])
    said = "grains resolved" if resolved else f"grains not resolved: {', '.join(wanting)}"
    signs = [
        ("grains", True, resolved, said),
        (
            "confidence",
            resolved and np.isfinite(confidence),  # else it is among the reasons
            confidence >= limits.min_confidence,
            f"expected F1 of the grains {confidence:.2f} ± 0.1",
        ),
        ("saturation", True, saturated <= _SATURATED, f"{100 * saturated:.2g} % of the pixels black or white"),
        ("focus", np.isfinite(sharp), sharp >= _SHARPNESS, f"sharpness {sharp:.2f} (1 is sharp)"),
        ("noise", np.isfinite(noise), noise <= _NOISE, f"noise {noise:.2g} of the structure"),
    ]
    return [{"name": name, "good": bool(good), "text": text} for name, known, good, text in signs if known]


def regions_of(measured: Measured) -> dict[str, np.ndarray]:
    """Phase, label and diameter of each region, as the page's histograms and filters need them.

    Returns
    -------
    dict of str to array
        region_phase : uint8 (0 grain, 1 pore), region_label : uint32, region_diameter_um : float32.
    """
    table = measured.regions
    return {
        "region_phase": (table["phase"] == "pore").to_numpy(np.uint8),
        "region_label": table["label"].to_numpy(np.uint32),
        "region_diameter_um": table["equivalent_diameter_um"].to_numpy(np.float32),
    }
