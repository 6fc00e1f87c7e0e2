"""Porous polycrystals in space, of known truth.

Grains are the cells of a periodic power (Laguerre) diagram; the diameters of spheres of their volumes are lognormal by
number. Pores are ellipsoids on triple lines, on boundaries and inside grains. Both are exact geometry, which pictures
and voxels only sample. Lengths are micrometres, axes z, y, x; the box repeats in all three directions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from micro_features.errors import SettingsError
from micro_features.synthetic.checks import positive, within
from micro_features.synthetic.structure.cavities import Pores, pore_depth_at, pore_depth_um
from micro_features.synthetic.structure.laguerre import PowerDiagram, with_volumes
from micro_features.synthetic.structure.porosity import PlacedPores, place_pores
from micro_features.synthetic.structure.sizes import lognormal_diameters

_MOST_GRAINS = 100_000  # some minutes, and 3 GB
_MOST_PORES = 200_000
_LARGEST_IN_BOX = 2 / 3  # of the shortest edge: a larger grain may touch its own periodic image
_WALL_POINTS = 100_000
_VOXELS_AT_ONCE = 2**18


@dataclass(frozen=True)
class Achieved:
    """What a polycrystal is, beside what was asked for. Grains are measured with the pores in them.

    Attributes
    ----------
    grains : int
        Number in the box, coarse ones included.
    grain_diameter_mean_um, grain_diameter_sigma : float
        Number mean of the equivalent sphere diameter, and standard deviation of its logarithm, without coarse grains.
    coarse_share, coarse_ratio : float
        Volume share of the coarse grains; their mean diameter over that of the others (NaN without them).
    porosity : float
        Share of the volume, 0 to 1.
    pores : int
        Number, without necks.
    pore_diameter_mean_um, pore_diameter_sigma : float
        As for grains; NaN without pores, as the next two.
    pore_shares : (float, float, float)
        Number of pores on triple lines, on boundaries, inside grains, as shares of all.
    open_share : float
        Share of the pore volume that hangs together with pores that reach through the box, 0 to 1.
    surface_per_volume_per_um : float
        S_V: area of boundaries between grains, not in pores, per volume of grains.
    grain_intercept_mean_um : float
        Mean chord of the grains: 4 V / (2 S_gg + S_gp), with V their volume, S_gg and S_gp the areas of boundaries and
        of pore walls (Underwood, Quantitative Stereology, 1970: S_V = 2 P_L).
    """

    grains: int
    grain_diameter_mean_um: float
    grain_diameter_sigma: float
    coarse_share: float
    coarse_ratio: float
    porosity: float
    pores: int
    pore_diameter_mean_um: float
    pore_diameter_sigma: float
    pore_shares: tuple[float, float, float]
    open_share: float
    surface_per_volume_per_um: float
    grain_intercept_mean_um: float


@dataclass(frozen=True, eq=False)
class Polycrystal:
    """Grains and pores in a periodic box.

    Attributes
    ----------
    grains : PowerDiagram
        Cell i is grain i + 1 in voxels and pictures.
    pores : Pores
        Taken out of the grains.
    grain_diameters_um : (n,) float array
        Equivalent sphere diameters, with the pores in them.
    coarse : (n,) bool array
        The coarse grains of a bimodal structure.
    requested : mapping
        The arguments of `polycrystal`.
    achieved : Achieved
    """

    grains: PowerDiagram
    pores: Pores
    grain_diameters_um: np.ndarray
    coarse: np.ndarray
    requested: Mapping[str, Any]
    achieved: Achieved

    @property
    def size_um(self) -> np.ndarray:
        """(3,) edges of the box."""
        return self.grains.size_um


def polycrystal(
    *,
    size_um: tuple[float, float, float],
    grain_diameter_mean_um: float,
    grain_diameter_sigma: float = 0.35,
    coarse_share: float = 0.0,
    coarse_ratio: float = 3.0,
    elongation: float = 1.0,
    elongation_axis: int = 0,
    porosity: float = 0.05,
    pore_diameter_mean_um: float = 1.5,
    pore_diameter_sigma: float = 0.3,
    pore_shares: tuple[float, float, float] = (0.6, 0.3, 0.1),
    pore_aspect: float = 1.5,
    pore_raggedness: float = 0.06,
    open_pores: bool = False,
    seed: int = 0,
) -> Polycrystal:
    """Make a random porous polycrystal.

    Parameters
    ----------
    size_um : (z, y, x)
        Edges of the box.
    grain_diameter_mean_um : float
        Number mean of the grains' equivalent sphere diameter; of the others if some are coarse.
    grain_diameter_sigma : float
        Standard deviation of the diameters' logarithm, 0.05 to 0.7; for coarse grains, too.
    coarse_share : float
        Volume share of coarse grains among the others, as in over-sintered garnets, 0 (none) to 0.9.
    coarse_ratio : float
        Mean diameter of the coarse grains over that of the others, 1.5 to 10.
    elongation : float
        Length of the grains along `elongation_axis` over their width, 0.2 to 5; volumes stay.
    elongation_axis : {0, 1, 2}
        z, y or x.
    porosity : float
        Share of the volume, 0 to 0.25.
    pore_diameter_mean_um : float
        Number mean of the pores' equivalent sphere diameter, at most a quarter of the shortest edge.
    pore_diameter_sigma : float
        Standard deviation of its logarithm, 0 to 0.6.
    pore_shares : three floats that add up to 1
        Numbers of pores centred on triple lines, on boundaries, inside grains. Where there is no room, a pore lies
        elsewhere.
    pore_aspect : float
        Length over width of pores on triple lines, which run along them, and width over thickness of pores on
        boundaries, which lie flat, 1 to 3. Pores inside grains are round.
    pore_raggedness : float
        Standard deviation of the pores' outline, as a share of their mean radius, 0 to 0.3.
    open_pores : bool
        Joined by necks along triple lines to one network through the box, or closed: apart from each other (but for
        the few per cent that ragged walls let touch).
    seed : int
        The same request with the same seed makes the same polycrystal.

    Returns
    -------
    Polycrystal

    Raises
    ------
    SettingsError
        If a value is out of bounds, grains are too large for the box or too many, or pores do not fit.
    """
    requested = dict(locals())
    _check(requested)
    rng = np.random.default_rng(seed)
    size = np.array(size_um, dtype=float)
    stretch = np.full(3, elongation ** (-1 / 3))
    stretch[elongation_axis] *= elongation

    diameters, coarse = _grain_diameters(requested, size / stretch)
    order = rng.permutation(len(diameters))
    diameters, coarse = diameters[order], coarse[order]
    cells = with_volumes(rng, size / stretch, diameters**3)
    grains = replace(cells, size_um=size, sites_um=cells.sites_um * stretch, stretch=stretch)
    placed = place_pores(
        rng,
        grains,
        porosity=porosity,
        diameter_um=pore_diameter_mean_um,
        sigma=pore_diameter_sigma,
        shares=pore_shares,
        aspect=pore_aspect,
        raggedness=pore_raggedness,
        open_pores=open_pores,
    )
    volumes, _ = grains.walls.volumes_and_centroids(len(diameters))
    diameters = np.cbrt(6 / np.pi * volumes)
    achieved = _achieved(rng, grains, diameters, coarse, placed)
    return Polycrystal(grains, placed.pores, diameters, coarse, requested, achieved)


def grain_voxels(
    crystal: Polycrystal,
    *,
    voxel_um: float,
    shape: tuple[int, int, int],
    origin_um: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> np.ndarray:
    """Grains and pores at the centres of cubic voxels.

    Parameters
    ----------
    voxel_um : float
        Edge of a voxel.
    shape : (nz, ny, nx)
    origin_um : (z, y, x)
        Corner of the block of voxels, anywhere; the crystal repeats.

    Returns
    -------
    (nz, ny, nx) int32 array
        0 in pores, else the cell's index + 1.

    Raises
    ------
    SettingsError
        If the voxel is not larger than 0, or there is none.
    """
    positive("voxel_um", voxel_um)
    if min(shape) < 1:
        raise SettingsError(f"shape is {tuple(shape)}: give at least 1 voxel along each axis.")
    z, y, x = (start + (np.arange(n) + 0.5) * voxel_um for start, n in zip(origin_um, shape, strict=True))
    labels = np.empty(shape, dtype=np.int32)
    layers = max(1, _VOXELS_AT_ONCE // (len(y) * len(x)))
    for first in range(0, len(z), layers):
        block = slice(first, first + layers)
        points = np.stack(np.meshgrid(z[block], y, x, indexing="ij"), axis=-1)
        labels[block] = crystal.grains.nearest(points)[1][..., 0] + 1
    labels[pore_depth_um(crystal.pores, z[:, None, None], y, x) > 0] = 0
    return labels


def _check(requested: Mapping[str, Any]) -> None:
    """Refuse requests out of bounds."""
    size = requested["size_um"]
    if len(size) != 3:
        raise SettingsError(f"size_um has {len(size)} values: give three, along z, y and x.")
    shortest = min(size)
    if not (shortest > 0 and max(size) < np.inf):
        raise SettingsError(f"size_um is {tuple(size)}: give three lengths above 0.")
    bounds = {
        "grain_diameter_mean_um": (shortest / 1000, shortest / 3),
        "grain_diameter_sigma": (0.05, 0.7),
        "coarse_share": (0, 0.9),
        "coarse_ratio": (1.5, 10),
        "elongation": (0.2, 5),
        "porosity": (0, 0.25),
        "pore_diameter_mean_um": (shortest / 1000, shortest / 4),
        "pore_diameter_sigma": (0, 0.6),
        "pore_aspect": (1, 3),
        "pore_raggedness": (0, 0.3),
        "seed": (0, 2**63),
    }
    for name, (low, high) in bounds.items():
        within(name, requested[name], low, high)
    if requested["elongation_axis"] not in (0, 1, 2):
        raise SettingsError(f"elongation_axis is {requested['elongation_axis']!r}: give 0 (z), 1 (y) or 2 (x).")
    shares = requested["pore_shares"]
    if len(shares) != 3 or not min(shares) >= 0 or not abs(sum(shares) - 1) < 1e-6:
        raise SettingsError(f"pore_shares is {tuple(shares)}: give three shares that add up to 1.")
    box = float(np.prod(size))
    pore_volume = np.pi / 6 * requested["pore_diameter_mean_um"] ** 3
    if not requested["porosity"] * box / pore_volume <= _MOST_PORES:
        raise SettingsError(
            f"porosity {requested['porosity']:g} in pores of {requested['pore_diameter_mean_um']:g} um makes more than "
            f"{_MOST_PORES} of them: give larger pores or a smaller box."
        )


def _grain_diameters(requested: Mapping[str, Any], size_um: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Diameters of grains that fill the box, and which of them are coarse."""
    mean, sigma = requested["grain_diameter_mean_um"], requested["grain_diameter_sigma"]
    share, box = requested["coarse_share"], float(np.prod(size_um))
    typical = np.pi / 6 * mean**3 * np.exp(3 * sigma**2)
    if box * (1 - share) / typical > _MOST_GRAINS:
        raise SettingsError(
            f"grain_diameter_mean_um {mean:g} makes more than {_MOST_GRAINS} grains: give larger grains or a smaller "
            "box."
        )
    matrix = lognormal_diameters((1 - share) * box, mean=mean, sigma=sigma)
    coarse = lognormal_diameters(share * box, mean=requested["coarse_ratio"] * mean, sigma=sigma)
    if share > 0 and len(coarse) == 0:
        raise SettingsError(f"coarse_share {share:g} of the box is less than one coarse grain: give a larger box.")
    diameters = np.concatenate([matrix, coarse])
    largest = float(diameters.max())
    if largest > _LARGEST_IN_BOX * size_um.min():
        raise SettingsError(
            f"the largest grain would be {largest:.3g} um across, more than {_LARGEST_IN_BOX:.0%} of the box's "
            f"shortest edge ({size_um.min():.3g} um before elongation): give smaller grains, less spread or a larger "
            "box."
        )
    return diameters, np.arange(len(diameters)) >= len(matrix)


def _achieved(
    rng: np.random.Generator,
    grains: PowerDiagram,
    diameters_um: np.ndarray,
    coarse: np.ndarray,
    placed: PlacedPores,
) -> Achieved:
    walls, box = grains.walls, float(np.prod(grains.size_um))
    measures = placed.measures
    points, _, _ = walls.random_points(rng, _WALL_POINTS)
    solid_walls = float((pore_depth_at(placed.pores, points) <= 0).mean())
    boundary_per_um = float(walls.area_um2.sum()) / box * solid_walls
    solid = 1 - measures.porosity
    matrix, pores = diameters_um[~coarse], placed.diameters_um
    return Achieved(
        grains=len(diameters_um),
        grain_diameter_mean_um=float(matrix.mean()),
        grain_diameter_sigma=float(np.log(matrix).std()),
        coarse_share=float((diameters_um[coarse] ** 3).sum() / (diameters_um**3).sum()),
        coarse_ratio=float(diameters_um[coarse].mean() / matrix.mean()) if coarse.any() else float("nan"),
        porosity=measures.porosity,
        pores=len(pores),
        pore_diameter_mean_um=float(pores.mean()) if len(pores) else float("nan"),
        pore_diameter_sigma=float(np.log(pores).std()) if len(pores) else float("nan"),
        pore_shares=(float(placed.shares[0]), float(placed.shares[1]), float(placed.shares[2])),
        open_share=measures.open_share,
        surface_per_volume_per_um=boundary_per_um / solid,
        grain_intercept_mean_um=4 * solid / (2 * boundary_per_um + measures.surface_per_um),
    )
