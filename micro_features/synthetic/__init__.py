"""Drawn micrographs with known truth: structures in space, pictures of them, their conductivity, and its causes."""

from micro_features.synthetic.microscope import DrawnMicrograph, Surface, drawn_micrograph, quick_micrograph
from micro_features.synthetic.picture.databar import with_databar
from micro_features.synthetic.polycrystal import Polycrystal, grain_voxels, polycrystal
from micro_features.synthetic.transport import Conduction, effective_conductivity

__all__ = [
    "Conduction",
    "DrawnMicrograph",
    "Polycrystal",
    "Surface",
    "drawn_micrograph",
    "effective_conductivity",
    "grain_voxels",
    "polycrystal",
    "quick_micrograph",
    "with_databar",
]
