"""Every number of the feature table: name, unit, phase, meaning, source.

A new feature is one function in its module, one row beside it; the data dictionary follows.
"""

from micro_features.features.boundary_contrast import BOUNDARY_CONTRAST_FEATURES
from micro_features.features.contrast import CONTRAST_FEATURES
from micro_features.features.feature import Feature
from micro_features.features.fields import FIELD_FEATURES
from micro_features.features.intercepts import INTERCEPT_FEATURES
from micro_features.features.populations import POPULATION_FEATURES, PUBLISHED
from micro_features.features.texture import TEXTURE_FEATURES

FEATURES: dict[str, Feature] = {
    feature.name: feature
    for feature in (
        *FIELD_FEATURES,
        *POPULATION_FEATURES,
        *INTERCEPT_FEATURES,
        *BOUNDARY_CONTRAST_FEATURES,
        *TEXTURE_FEATURES,
    )
}
"""The catalogue, in the order of the table's columns."""

SUBSETS: dict[str, tuple[str, ...]] = {
    "published": PUBLISHED,
    "unevenness": tuple(feature.name for feature in CONTRAST_FEATURES),
}
"""Named sets of features.

``published``: the 22 parameters of Zhang et al., Nano Letters 2024, 24, 5292. ``unevenness``: is detail spread evenly
or gathered at some places? These are free of gain and brightness.
"""
