"""Grains in a plane: a power diagram of random sites, grown to the sizes asked for, bent, and merged here and there.

A plane cut through a three-dimensional power diagram is a two-dimensional one, so this is a section drawn at once,
without the crystal behind it. A power diagram in the plane is an ordinary nearest-site search with one more coordinate
(Aurenhammer 1987, doi 10.1137/0216006).
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from micro_features.synthetic.picture.scan import smooth_field

_NEIGHBOURS = 7  # cells next in line that may have the nearest wall
_ROUNDS = 12
_POINTS_ACROSS = 5  # test points along a mean diameter while sites settle
_FAR_PX = 1e4
_STEEPEST = 0.25  # standard deviation of the slope of a displacement: four of them do not fold the plane


@dataclass(frozen=True, eq=False)
class Plane:
    """Grains side by side and the way to their walls.

    Attributes
    ----------
    grains : (rows, cols) int array
        Index of the grain that a pixel lies in, from 0, with gaps.
    neighbours : (rows, cols, 7) int array
        Grains behind the nearest walls.
    wall_px : (rows, cols, 7) float array
        Distance to the wall with each neighbour; far where the neighbour is part of the same grain.
    """

    grains: np.ndarray
    neighbours: np.ndarray
    wall_px: np.ndarray


def grown(
    rng: np.random.Generator,
    shape: tuple[int, int],
    *,
    diameter_px: float,
    sigma: float,
    aspect: float,
    even: float,
    bend: float,
    rough_px: float,
    merged: float,
    giants: float = 0.0,
    giant_diameter: float = 6.0,
) -> Plane:
    """Fill a picture with grains.

    Parameters
    ----------
    shape : (rows, cols)
    diameter_px : float
        Number mean of the equivalent circle diameter, before merging.
    sigma : float
        Standard deviation of its logarithm.
    aspect : float
        Length over width of the grains, 1 or more, along one random direction.
    even : float
        How far sites move to the middle of their cells, 0 (slivers among blocks) to 1 (all compact).
    bend : float
        Displacement of walls over about a diameter, as a share of it; 0 leaves them straight.
    rough_px : float
        Displacement of walls over a few pixels.
    merged : float
        Share of grains that are joined with a neighbour to one of odd shape.
    giants : float
        Share of the area taken by grains that have grown far beyond the others.
    giant_diameter : float
        Their median diameter over that of the others.
    """
    stretch = _stretch(rng, aspect)
    rows, cols = (
        position
        + _displacement(rng, shape, bend * diameter_px, 1.2 * diameter_px)
        + _displacement(rng, shape, rough_px, 8)
        for position in np.ogrid[: shape[0], : shape[1]]
    )
    middle = np.array(shape) / 2
    points = (np.stack([rows, cols], axis=-1).reshape(-1, 2) - middle) @ stretch.T
    margin = 1.5 * diameter_px
    low, sides = points.min(axis=0) - margin, np.ptp(points, axis=0) + 2 * margin
    target = _areas(
        rng, sides.prod(), diameter_px=diameter_px, sigma=sigma, giants=giants, giant_diameter=giant_diameter
    )
    sites, weights = _sites(rng, sides, target, step_px=diameter_px / _POINTS_ACROSS, even=even)
    sites += low

    _, near = _lifted(sites, weights).query(_with_zero(points), k=1 + min(_NEIGHBOURS, len(sites) - 1))
    power = sum((points[:, axis, None] - sites[near, axis]) ** 2 for axis in (0, 1)) - weights[near]
    seen_at = (sites @ stretch)[near]  # differences of sites, measured per pixel of the picture
    wall = _to_walls(seen_at, power, own=0)
    grain = _joined(rng, near, wall, len(sites), merged)[near]
    same = grain[:, 1:] == grain[:, :1]
    for one in range(1, near.shape[1]):  # a grain of two cells ends where the farther of their walls is
        rows_of = np.flatnonzero(same[:, one - 1])
        wall[rows_of] = np.maximum(wall[rows_of], _to_walls(seen_at[rows_of], power[rows_of], own=one))
    wall[same] = _FAR_PX
    return Plane(
        grains=grain[:, 0].reshape(shape),
        neighbours=grain[:, 1:].reshape(*shape, -1),
        wall_px=wall.reshape(*shape, -1),
    )


def _to_walls(sites: np.ndarray, power: np.ndarray, *, own: int) -> np.ndarray:
    """Distance of each point to the walls of its cell `own` with cells 1, 2, ...

    Parameters
    ----------
    sites : (points, cells, 2) float array
        Such that power changes by twice a difference of sites per pixel.
    power : (points, cells) float array
    """
    down, right = (sites[:, 1:, axis] - sites[:, own, None, axis] for axis in (0, 1))
    return (power[:, 1:] - power[:, own, None]) / np.maximum(2 * np.hypot(down, right), 1e-9)


def _stretch(rng: np.random.Generator, aspect: float) -> np.ndarray:
    """From the picture to a plane where grains are as long as wide: (2, 2), area stays."""
    turn = rng.uniform(0, np.pi)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.diag([np.sqrt(aspect), 1 / np.sqrt(aspect)]) @ rotation


def _displacement(rng: np.random.Generator, shape: tuple[int, int], size_px: float, length_px: float) -> np.ndarray:
    """Random displacement, no steeper than keeps neighbouring points in order."""
    # The slope of a smooth field has standard deviation sqrt(2) / length.
    return min(size_px, _STEEPEST * length_px / np.sqrt(2)) * smooth_field(rng, shape, length_px=length_px)


def _areas(
    rng: np.random.Generator, box: float, *, diameter_px: float, sigma: float, giants: float, giant_diameter: float
) -> np.ndarray:
    """Areas that fill a box, of grains of lognormal diameters: most of one kind, some giants."""
    typical = np.pi / 4 * diameter_px**2
    n = max(6, round((1 - giants) * box / (typical * np.exp(sigma**2))))
    n_giants = round(giants * box / (typical * giant_diameter**2 * np.exp(sigma**2)))
    median = np.repeat([1.0, giant_diameter**2], [n, n_giants])
    target = median * np.exp(2 * sigma * rng.standard_normal(n + n_giants))
    return target * box / target.sum()


def _sites(
    rng: np.random.Generator, sides: np.ndarray, target: np.ndarray, *, step_px: float, even: float
) -> tuple[np.ndarray, np.ndarray]:
    """Sites and weights whose cells have the areas asked for: weights grow where a cell is too small."""
    box, n = sides.prod(), len(target)
    grid = np.meshgrid(*(np.arange(step_px / 2, side, step_px) for side in sides), indexing="ij")
    points = np.stack(grid, axis=-1).reshape(-1, 2)
    sites, weights = rng.uniform(0, 1, (n, 2)) * sides, target / np.pi
    for _ in range(_ROUNDS):
        _, owner = _lifted(sites, weights).query(_with_zero(points))
        count = np.bincount(owner, minlength=n)
        middle = np.stack([np.bincount(owner, points[:, axis], n) for axis in (0, 1)], axis=1)
        full = count > 0
        sites[full] += even * (middle[full] / count[full, None] - sites[full])
        # A wall moves by dw / (2 x distance of the sites): half an area's error a round settles without swinging.
        weights = weights + 0.3 * (target - count * box / len(points))
    return sites, weights


def _lifted(sites: np.ndarray, weights: np.ndarray) -> cKDTree:
    """The nearest point here, seen from height 0, is the site of least power."""
    return cKDTree(np.column_stack([sites, np.sqrt(weights.max() - weights)]))


def _with_zero(points: np.ndarray) -> np.ndarray:
    return np.column_stack([points, np.zeros(len(points))])


def _joined(rng: np.random.Generator, near: np.ndarray, wall: np.ndarray, n: int, share: float) -> np.ndarray:
    """Which grain each cell belongs to, some joined with a neighbour: (n,) int array."""
    beside = wall[:, 0] < 1
    pairs = np.unique(np.sort(near[beside, :2], axis=1), axis=0)
    pairs = pairs[rng.random(len(pairs)) < share * n / max(len(pairs), 1)]
    joins = sparse.coo_matrix((np.ones(len(pairs)), pairs.T), shape=(n, n))
    return sparse.csgraph.connected_components(joins, directed=False)[1]
