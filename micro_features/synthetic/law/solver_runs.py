"""Many small structures with causes spread over their ranges, each solved: what a response surface is fitted to."""

from dataclasses import dataclass, replace

import numpy as np

from micro_features.synthetic.law.block import solved_block, voxel_for
from micro_features.synthetic.law.causes import (
    CAUSE_RANGES,
    CAUSES,
    GRAIN_SIGMA,
    PORE_DIAMETERS_UM,
    PORES_ALIKE,
    Causes,
    spread,
)
from micro_features.synthetic.polycrystal import polycrystal

_BEYOND = 0.04  # of each range, on either side, so that the surface reaches all of it
_LEAST_DIAMETERS = 4  # across a crystal


@dataclass(frozen=True)
class RunRequest:
    """A structure to be drawn and solved.

    Attributes
    ----------
    run : int
        Runs of equal number have the same structure.
    causes : Causes
    pore_diameter_um : float
    size_um : float
        Edge of the periodic crystal; the block is cut from it.
    voxels : int
        Along each edge of the block.
    voxel_um : float
    seed : int
        Of the structure.
    """

    run: int
    causes: Causes
    pore_diameter_um: float
    size_um: float
    voxels: int
    voxel_um: float
    seed: int


def run_requests(n: int, *, seed: int, voxels: int = 48) -> list[RunRequest]:
    """Runs spread evenly over the ranges of the causes and of the pore diameter, and a little beyond.

    Raises
    ------
    SettingsError
        If n is below 2 or above 100 000.
    """
    rng = np.random.default_rng(seed)
    shares = spread(n, len(CAUSES) + 1, rng)
    seeds = rng.integers(2**32, size=n)
    requests = []
    for run, (share, own) in enumerate(zip(shares, seeds, strict=True)):
        wide = -_BEYOND + (1 + 2 * _BEYOND) * share
        causes = Causes(*(float(r.at(s)) for r, s in zip(CAUSE_RANGES.values(), wide[:3], strict=True)))
        pore_um = float(PORE_DIAMETERS_UM.at(share[3]))
        voxel_um = voxel_for(causes.grain_diameter_um, pore_um)
        size_um = max(voxels * voxel_um, _LEAST_DIAMETERS * causes.grain_diameter_um)
        requests.append(RunRequest(run, causes, pore_um, size_um, voxels, voxel_um, int(own)))
    return requests


def refined(request: RunRequest) -> RunRequest:
    """The same block of the same structure, with voxels half as large."""
    return replace(request, voxels=2 * request.voxels, voxel_um=request.voxel_um / 2)


def solver_run(request: RunRequest) -> dict[str, float]:
    """Draw and solve one structure: a row of the table that `response.fit_surface` takes.

    Returns
    -------
    dict
        run, seed, voxels, voxel_um; the causes and pore_diameter_um as achieved in the crystal; block_porosity and
        intercept_voxels as they are in the block; conductivity_S_per_cm and boundary_share, the share of the power
        that is lost in boundaries.

    Raises
    ------
    SettingsError, ConvergenceError
        As `polycrystal` and `effective_conductivity` do.
    """
    causes = request.causes
    crystal = polycrystal(
        size_um=(request.size_um,) * 3,
        grain_diameter_mean_um=causes.grain_diameter_um,
        grain_diameter_sigma=GRAIN_SIGMA,
        porosity=causes.porosity,
        pore_diameter_mean_um=request.pore_diameter_um,
        **PORES_ALIKE,
        seed=request.seed,
    )
    block = solved_block(
        crystal,
        voxels=request.voxels,
        voxel_um=request.voxel_um,
        boundary_resistance_ohm_cm2=causes.boundary_resistance_ohm_cm2,
    )
    solved, achieved = block.conduction, crystal.achieved
    return {
        "run": request.run,
        "seed": request.seed,
        "voxels": request.voxels,
        "voxel_um": request.voxel_um,
        "porosity": achieved.porosity,
        "grain_diameter_um": achieved.grain_diameter_mean_um,
        "boundary_resistance_ohm_cm2": causes.boundary_resistance_ohm_cm2,
        "pore_diameter_um": achieved.pore_diameter_mean_um,
        "block_porosity": solved.porosity,
        "intercept_voxels": solved.intercept_voxels,
        "conductivity_S_per_cm": solved.conductivity_S_per_cm,
        "boundary_share": solved.boundary_share,
    }
