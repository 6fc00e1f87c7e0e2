"""From scanning electron micrographs to trustworthy feature tables.

The names below are what a notebook needs; each is imported when it is first asked for, so that ``import
micro_features`` is quick. The way of one picture is in `micro_features.pipeline`: calibrate, segment, measure.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from micro_features.data import Micrograph, Picture, Segmentation
    from micro_features.features.catalogue import FEATURES, SUBSETS
    from micro_features.files.images import read_picture
    from micro_features.settings import Settings

__version__ = "0.1.0.dev0"

__all__ = ["FEATURES", "SUBSETS", "Micrograph", "Picture", "Segmentation", "Settings", "read_picture"]

_HOME = {
    "FEATURES": "features.catalogue",
    "SUBSETS": "features.catalogue",
    "Micrograph": "data",
    "Picture": "data",
    "Segmentation": "data",
    "Settings": "settings",
    "read_picture": "files.images",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'micro_features' has no attribute {name!r}")
    return getattr(import_module(f"micro_features.{_HOME[name]}"), name)
