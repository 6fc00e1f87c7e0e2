"""What a fitted model says of the row that is on the page."""

from typing import Any

import numpy as np
import pandas as pd

from micro_features import pipeline
from micro_features.errors import SettingsError
from micro_features.fitting import property_model
from micro_features.fitting.predict import row_warnings
from micro_features.fitting.property_model import PropertyModel
from micro_features.learn.intervals import check_level
from micro_features.settings import Settings

LEVELS = (0.8, 0.5)
UNLIKE = "unlike the training rows"


def level_of(model: PropertyModel) -> float | None:
    """The level of the interval: the usual one that the model's groups allow; None where there is no interval."""
    if model.known is None:
        return None
    n_groups = len(np.unique(model.known.groups))
    for level in LEVELS:
        try:
            check_level(level, n_groups)
        except SettingsError:
            continue
        return level
    return None


def predict_row(model: PropertyModel, row: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Predict one micrograph, whatever its settings; that they are not those of the training is said.

    Parameters
    ----------
    model : PropertyModel
    row : dict
        As in ``features.csv``; a feature of the model that it lacks is taken as not measured.
    settings : Settings
        With which it was measured.

    Returns
    -------
    dict
        value, low, high : float or None, in the target's unit; unit, class : str or None; level : float or None;
        warning : str.
    """
    X = pd.DataFrame([row]).reindex(columns=model.columns).apply(pd.to_numeric, errors="coerce").astype(float)
    X.index = pd.Index([row["micrograph_id"]])
    level = level_of(model)
    [warning] = row_warnings(model, pd.DataFrame([row]), X, [measured_otherwise(model, settings)])
    told: dict[str, Any] = {
        "value": None, "low": None, "high": None, "unit": model.target.unit, "class": None, "level": level,
    }  # fmt: skip
    if model.known is not None and level is None:
        return {**told, "warning": "; ".join(filter(None, ("too few groups for an interval", warning)))}
    predicted = property_model.predict(model, X, level=level or LEVELS[0]).iloc[0]
    said = [] if predicted["in_domain"] else [UNLIKE]
    if model.known is None:
        told["class"] = predicted[model.predicted_column]
    else:
        told |= {
            "value": float(predicted[model.predicted_column]),
            "low": float(predicted["interval_low"]),
            "high": float(predicted["interval_high"]),
        }
        said.append(str(predicted["range"]))
    return {**told, "warning": "; ".join(filter(None, (*said, warning)))}


def measured_otherwise(model: PropertyModel, settings: Settings) -> bool:
    """Whether other settings, or other segmentation models, measured the model's training pictures."""
    known = model.extraction
    return known.settings_digests != (settings.digest,) or known.models_digest not in (
        None,
        pipeline.models_used(settings),
    )
