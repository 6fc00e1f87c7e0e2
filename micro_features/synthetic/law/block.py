"""A block cut from a crystal and solved: its conductivity, and where in a picture of it the power is lost."""

import warnings
from dataclasses import dataclass

import numpy as np

from micro_features.errors import SettingsError
from micro_features.synthetic.law.causes import BULK_S_PER_CM
from micro_features.synthetic.polycrystal import Polycrystal, grain_voxels
from micro_features.synthetic.transport import CoarseGridWarning, Conduction, effective_conductivity

FLOW_AXIS = 2
"""The current flows along x: the rows of a picture of a section."""

_VOXELS_PER_DIAMETER = 14  # of grains: eleven across the mean intercept of cells, nine where pores cut it
_VOXELS_PER_PORE = 3.5


@dataclass(frozen=True, eq=False)
class Block:
    """A cube of a crystal between electrodes.

    Attributes
    ----------
    origin_um : (z, y, x)
        Its corner in the crystal.
    voxel_um : float
    conduction : Conduction
        Along x.
    """

    origin_um: tuple[float, float, float]
    voxel_um: float
    conduction: Conduction


def voxel_for(grain_diameter_um: float, pore_diameter_um: float) -> float:
    """Edge of voxels that resolve both grains and pores, micrometres."""
    return min(grain_diameter_um / _VOXELS_PER_DIAMETER, pore_diameter_um / _VOXELS_PER_PORE)


def solved_block(
    crystal: Polycrystal,
    *,
    voxels: int,
    voxel_um: float,
    boundary_resistance_ohm_cm2: float,
    origin_um: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Block:
    """Cut a cube of `voxels`³ voxels from a crystal and solve it.

    No warning of a coarse grid is given: choose `voxel_um` by `voxel_for`, which is a little coarser than that warning
    asks where many pores cut the grains' chords. Halving such voxels changes the conductivity by about 3 %.

    Raises
    ------
    SettingsError
        If there are no voxels, their size is not positive or the resistance is negative.
    ConvergenceError
        If the solver does not converge.
    """
    grains = grain_voxels(crystal, voxel_um=voxel_um, shape=(voxels,) * 3, origin_um=origin_um)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CoarseGridWarning)
        conduction = effective_conductivity(
            grains,
            voxel_um=voxel_um,
            bulk_S_per_cm=BULK_S_PER_CM,
            boundary_resistance_ohm_cm2=boundary_resistance_ohm_cm2,
            axis=FLOW_AXIS,
        )
    return Block(origin_um, voxel_um, conduction)


def losses_in_picture(
    block: Block, *, shape: tuple[int, int], pixel_um: float, position_um: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Power lost in grains and in boundaries on the plane of a picture.

    Parameters
    ----------
    shape : (rows, cols)
        Of the picture.
    pixel_um : float
    position_um : (z, y, x)
        Height of the section, and first corner of the picture, in the crystal.

    Returns
    -------
    bulk, boundary : (rows, cols) float32 arrays
        Power density of the voxel at each pixel, mixed linearly between the two layers of voxels about the plane, over
        the block's mean of both together. Boundary loss lies in the voxels on either side of a boundary. NaN where the
        picture shows what is not in the block.

    Raises
    ------
    SettingsError
        If the picture shows nothing of the block.
    """
    lost = block.conduction.bulk_loss, block.conduction.boundary_loss
    layers, rows, cols = lost[0].shape
    level = (position_um[0] - block.origin_um[0]) / block.voxel_um - 0.5
    row, col = (
        np.floor((corner + (np.arange(side) + 0.5) * pixel_um - origin) / block.voxel_um).astype(int)
        for corner, side, origin in zip(position_um[1:], shape, block.origin_um[1:], strict=True)
    )
    inside = np.outer((row >= 0) & (row < rows), (col >= 0) & (col < cols))
    if not (-0.5 <= level <= layers - 0.5 and inside.any()):
        raise SettingsError(f"position_um is {position_um}: the picture's plane does not cut the block.")
    below = int(np.clip(np.floor(level), 0, layers - 2)) if layers > 1 else 0
    above = min(below + 1, layers - 1)
    share = np.clip(level - below, 0, 1)
    pixels = np.ix_(np.clip(row, 0, rows - 1), np.clip(col, 0, cols - 1))
    bulk, boundary = (
        np.where(inside, ((1 - share) * part[below] + share * part[above])[pixels], np.nan).astype(np.float32)
        for part in lost
    )
    return bulk, boundary
