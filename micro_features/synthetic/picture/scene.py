"""What the microscope looks at: a surface of a polycrystal, before the scan."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Scene:
    """A surface seen from above, pixel by pixel, without the microscope's blur, noise and brightness.

    Attributes
    ----------
    signal : (rows, cols) float array
        Secondary electrons a pixel sends to the detector: 0 dark, about 0.45 to 0.5 a plain surface, 1 bright; a few
        edges may exceed 1.
    grains : (rows, cols) int32 array
        Exposed grain: its index in the crystal + 1; 0 where a pore is seen.
    pores : (rows, cols) bool array
        Where the wall of a pore is seen: exactly where `grains` is 0.
    height_um : (rows, cols) float array or None
        Height of what is seen along z, towards the detector; None for a flat section.
    """

    signal: np.ndarray
    grains: np.ndarray
    pores: np.ndarray
    height_um: np.ndarray | None = None
