"""Drawn micrographs with known truth."""

from micro_features.synthetic.databar import with_databar
from micro_features.synthetic.microscope import DrawnMicrograph, Surface, drawn_micrograph

__all__ = ["DrawnMicrograph", "Surface", "drawn_micrograph", "with_databar"]
