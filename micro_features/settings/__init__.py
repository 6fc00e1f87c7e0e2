"""Every choice that changes a number, with its bounds, unit and meaning, stated once.

Validation, the annotated ``settings.toml``, command-line overrides and, later, the page's sliders all read the
fields below. Lengths that belong to the picture are in pixels; thresholds are relative to the picture's own noise,
contrast and structure size, so that one default serves all pictures and magnifications.
"""

from micro_features.settings.controls import Control, controls
from micro_features.settings.model import METHODS, QUICK, Settings
from micro_features.settings.sections import Words
from micro_features.settings.toml_file import annotated_toml, merged_toml

__all__ = ["METHODS", "QUICK", "Control", "Settings", "Words", "annotated_toml", "controls", "merged_toml"]
