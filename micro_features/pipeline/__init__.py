"""Settings bound to kernels: the way of one micrograph from its pixels to its numbers.

Command line, page and notebooks go through here; none of them computes anything itself.
"""

from micro_features.pipeline.correcting import corrected
from micro_features.pipeline.measuring import Measured, measure
from micro_features.pipeline.models import BOUNDARY_WEIGHTS, PORE_WEIGHTS, check_models, models_used
from micro_features.pipeline.scale import UNCALIBRATED, Calibrated, calibrate, calibrate_if_possible, micrograph_of
from micro_features.pipeline.segmenting import phases, put_together, segment
from micro_features.pipeline.varying import DEPEND_ON_THRESHOLDS, feature_ranges

__all__ = [
    "BOUNDARY_WEIGHTS",
    "DEPEND_ON_THRESHOLDS",
    "PORE_WEIGHTS",
    "UNCALIBRATED",
    "Calibrated",
    "Measured",
    "calibrate",
    "calibrate_if_possible",
    "check_models",
    "corrected",
    "feature_ranges",
    "measure",
    "micrograph_of",
    "models_used",
    "phases",
    "put_together",
    "segment",
]
