"""Secondary electrons that leave a rough surface towards the detector.

More leave from slopes (the yield grows as 1/cos of the tilt) and from edges, whose flanks lie within reach of the
electrons; fewer come out of hollows, and more from sides that face the detector (Goldstein et al., Scanning Electron
Microscopy and X-Ray Microanalysis, 4th ed. 2018, ch. 5).
"""

import numpy as np
from scipy import ndimage

_DETECTOR = np.array([1.0, 0.4])  # the surface looks bright where it rises along rows and columns: facing up and left
_STEEPEST = 2.5  # 1/cos of the tilt beyond which the yield grows no more
_TILT, _FACING, _EDGE = 0.26, 0.28, 0.38  # how much each adds to a plain surface's signal
_HOLLOW = 1.3  # power of the share of the sky that counts
_ESCAPE_PX = (1.4, 4.0)  # reach of the edge effect
_DIRECTIONS = 12
_DISTANCES = 8


def secondary_electrons(height_px: np.ndarray, *, reach_px: float, relief: float, edges: np.ndarray) -> np.ndarray:
    """Signal of a surface; 1 for a plane one.

    Parameters
    ----------
    height_px : (rows, cols) float array
        In pixels.
    reach_px : float
        How far away a hill still shadows, at least 1.
    relief : float
        How much the shape of the surface shows, 0 (not at all) to 1.
    edges : (rows, cols) float array
        How much edges show there, 1 as a rule.
    """
    along = np.gradient(height_px)
    tilt = np.sqrt(1 + along[0] ** 2 + along[1] ** 2)  # 1 / cos
    facing = np.tanh(0.8 * (_DETECTOR[0] * along[0] + _DETECTOR[1] * along[1]))
    edge = sum(
        np.tanh(np.clip(height_px - ndimage.gaussian_filter(height_px, escape), 0, None) / escape)
        for escape in _ESCAPE_PX
    )
    shape = _TILT * (np.minimum(tilt, _STEEPEST) - 1) + _FACING * facing + _EDGE * edges * edge
    # Half of the sky's rim is hidden from an open slope, too; but from there nothing falls back on it.
    hollow = np.minimum(sky_view(height_px, reach_px) / (0.5 + 0.5 / tilt), 1)
    return (1 + relief * shape) * hollow ** (relief * _HOLLOW)


def sky_view(height: np.ndarray, reach: float) -> np.ndarray:
    """Share of the sky seen from each pixel, weighted by the cosine to the zenith; height and reach in pixels."""
    reach = max(1, round(reach))
    rows, cols = height.shape
    padded = np.pad(height, reach, mode="edge")
    distances = np.unique(np.rint(np.geomspace(1, reach, _DISTANCES)))
    sky = np.zeros_like(height)
    for angle in 2 * np.pi / _DIRECTIONS * np.arange(_DIRECTIONS):
        horizon = np.zeros_like(height)  # tangent of its elevation
        for distance in distances:
            down, right = round(distance * np.sin(angle)), round(distance * np.cos(angle))
            there = padded[reach + down : reach + down + rows, reach + right : reach + right + cols]
            np.maximum(horizon, (there - height) / np.hypot(down, right), out=horizon)
        sky += 1 / (1 + horizon**2)
    return sky / _DIRECTIONS
