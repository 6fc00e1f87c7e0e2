"""Drawn micrographs with known truth."""

from micro_features.synthetic.databar import with_databar
from micro_features.synthetic.microscope import DrawnMicrograph, drawn_micrograph

__all__ = ["DrawnMicrograph", "drawn_micrograph", "with_databar"]
