"""The numbers of a picture whose sensitivity is asked for: features of the catalogue, and what a model predicts."""

import numpy as np
import pandas as pd

from micro_features.features.catalogue import FEATURES
from micro_features.fitting.property_model import PropertyModel
from micro_features.learn.target import native_values
from micro_features.pipeline import Measured
from micro_features.rows import in_pixels

MAIN_FEATURES = (
    "porosity",
    "pore_number_density_per_um2",
    "pore_diameter_mean_um",
    "grain_diameter_mean_um",
    "grain_intercept_mean_um",
    "boundary_groove_depth_median",
)
"""Told in words and drawn; tables have all features."""


def features_of(measured: Measured, *, calibrated: bool) -> dict[str, float]:
    """The features of a picture, by the names that their columns have.

    Parameters
    ----------
    measured : Measured
    calibrated : bool
        Else lengths are in pixels, and the names say so.
    """
    return {name if calibrated else in_pixels(name): float(measured.features[name]) for name in FEATURES}


def with_predictions(numbers: pd.DataFrame, model: PropertyModel | None) -> pd.DataFrame:
    """Numbers and, beside them, what a model predicts from them, whatever the settings they were measured with.

    Parameters
    ----------
    numbers : (n, m) DataFrame of float
        Features by name; one that the model knows and that is not there counts as not measured.
    model : PropertyModel or None

    Returns
    -------
    DataFrame
        For regression with a column ``predicted_TARGET``, in the target's own unit; for classes with
        ``probability_NAME`` of each. NaN where none of the model's features was measured.
    """
    if model is None:
        return numbers
    values = numbers.reindex(columns=model.columns).to_numpy(float)
    blank = np.isnan(values[:, model.final.choice.columns]).all(axis=1)
    answer = model.final.predict(values)
    if model.class_names:
        told = {name: answer[:, place] for place, name in enumerate(predicted_names(model))}
    else:
        told = {model.predicted_column: native_values(answer, model.target.log10)}
    return numbers.assign(**{name: np.where(blank, np.nan, each) for name, each in told.items()})


def predicted_names(model: PropertyModel | None) -> list[str]:
    """The columns that `with_predictions` adds."""
    if model is None:
        return []
    return [f"probability_{name}" for name in model.class_names] or [model.predicted_column]
