"""Pores in space: ellipsoids with rough walls, and how deep inside them a point lies."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.spatial import cKDTree

from micro_features.synthetic.structure.packing import inside_box, shortest

_RIM = 0.8  # of the mean longest semi-axis: how far outside a pore its depth is still known
_WAVES = 20


@dataclass(frozen=True, eq=False)
class Roughness:
    """A smooth random field that repeats with the box: a sum of plane waves.

    Attributes
    ----------
    height_um : float
        Standard deviation.
    wave_vectors_per_um : (w, 3) float array
    phases : (w,) float array
    """

    height_um: float
    wave_vectors_per_um: np.ndarray
    phases: np.ndarray

    def at(self, points_um: np.ndarray) -> np.ndarray:
        """Value at each of (n, 3) points, um."""
        total = np.zeros(len(points_um))
        for wave, phase in zip(self.wave_vectors_per_um, self.phases, strict=True):
            total += np.cos(points_um[:, 0] * wave[0] + points_um[:, 1] * wave[1] + points_um[:, 2] * wave[2] + phase)
        return total * self._amplitude_um

    def on_grid(self, z_um: np.ndarray, y_um: np.ndarray, x_um: np.ndarray) -> np.ndarray:
        """Values (nz, ny, nx) on a grid, um."""
        kz, ky, kx = self.wave_vectors_per_um.T
        one = z_um[:, None, None] * kz + y_um[None, :, None] * ky + self.phases
        other = x_um[:, None] * kx
        # cos(a + b) = cos a cos b - sin a sin b
        total = (
            np.concatenate([np.cos(one), np.sin(one)], axis=-1)
            @ np.concatenate([np.cos(other), -np.sin(other)], axis=-1).T
        )
        return total * self._amplitude_um

    @property
    def _amplitude_um(self) -> float:
        return self.height_um * float(np.sqrt(2 / max(1, len(self.phases))))


def roughness(rng: np.random.Generator, size_um: np.ndarray, *, height_um: float, wavelength_um: float) -> Roughness:
    """A random field of given standard deviation whose waves all have nearly the given length."""
    if height_um == 0:
        return Roughness(0.0, np.zeros((0, 3)), np.zeros(0))
    direction = rng.standard_normal((_WAVES, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    periods = np.rint(direction * size_um / (wavelength_um * rng.uniform(0.7, 1.4, (_WAVES, 1))))
    return Roughness(height_um, 2 * np.pi * periods / size_um, rng.uniform(0, 2 * np.pi, _WAVES))


@dataclass(frozen=True, eq=False)
class Pores:
    """Ellipsoids in a periodic box, with rough walls; where they overlap they are one pore.

    Attributes
    ----------
    size_um : (3,) float array
        The box, along z, y, x.
    centres_um : (m, 3) float array
        Inside the box.
    semi_axes_um : (m, 3) float array
    turns : (m, 3, 3) float array
        Rows are the directions of the semi-axes.
    swelling_um : float
        Every pore is larger by this much on all sides.
    roughness : Roughness
        Added to the depth inside every pore.
    """

    size_um: np.ndarray
    centres_um: np.ndarray
    semi_axes_um: np.ndarray
    turns: np.ndarray
    swelling_um: float
    roughness: Roughness

    @property
    def rim_um(self) -> float:
        """How far outside the ellipsoids the depth is known."""
        if len(self.semi_axes_um) == 0:
            return 0.0
        return float(
            _RIM * self.semi_axes_um.max(axis=1).mean() + max(self.swelling_um, 0) + 3 * self.roughness.height_um
        )


def pore_depth_um(pores: Pores, z_um: np.ndarray | float, y_um: np.ndarray, x_um: np.ndarray) -> np.ndarray:
    """Depth inside pores on a grid.

    Parameters
    ----------
    z_um : float, (ny, nx) array or (nz, 1, 1) array
        A plane, a map of heights, or ascending planes.
    y_um, x_um : (ny,) and (nx,) arrays
        Ascending. The box repeats.

    Returns
    -------
    (ny, nx) or (nz, ny, nx) float array
        Micrometres, positive inside pores, negative outside, -inf far from all of them. Near a pore's wall it is the
        distance to it, to first order.
    """
    z_um, y_um, x_um = (np.asarray(axis, dtype=float) for axis in (z_um, y_um, x_um))
    if z_um.ndim == 0:
        return pore_depth_um(pores, z_um.reshape(1, 1, 1), y_um, x_um)[0]
    shape = np.broadcast_shapes(z_um.shape, (len(y_um), len(x_um)))
    depth = np.full(shape, -np.inf)
    bounds = [(axis.min(), axis.max()) for axis in (z_um, y_um, x_um)]
    for pore, centre, reach in _near_box(pores, bounds):
        window: tuple[slice, ...] = tuple(_between(axis, centre[a], reach[a]) for a, axis in ((1, y_um), (2, x_um)))
        y, x = y_um[window[0]], x_um[window[1]]
        if z_um.ndim == 3:
            planes = _between(z_um.ravel(), centre[0], reach[0])
            window, z = (planes, *window), z_um[planes]
        else:
            z = z_um[window]
        if depth[window].size:
            away = (z - centre[0], (y - centre[1])[:, None], x - centre[2])
            inside = _depth_in_ellipsoid(*away, pores.semi_axes_um[pore], pores.turns[pore])
            np.maximum(depth[window], inside, out=depth[window])
    depth += pores.swelling_um
    if pores.roughness.height_um > 0:
        if z_um.ndim == 3:
            depth += pores.roughness.on_grid(z_um.ravel(), y_um, x_um)
        else:
            row, column = known = np.nonzero(np.isfinite(depth))
            depth[known] += pores.roughness.at(np.stack([z_um[known], y_um[row], x_um[column]], axis=1))
    return depth


def pore_depth_at(pores: Pores, points_um: np.ndarray) -> np.ndarray:
    """Depth inside pores at any points, as `pore_depth_um` gives it on a grid; (n, 3) to (n,)."""
    depth = np.full(len(points_um), -np.inf)
    if len(pores.centres_um) == 0:
        return depth
    points = inside_box(points_um, pores.size_um)
    reach = pores.semi_axes_um.max(axis=1) + pores.rim_um
    near = cKDTree(points, boxsize=pores.size_um).query_ball_point(pores.centres_um, reach, return_sorted=True)
    pore = np.repeat(np.arange(len(near)), [len(found) for found in near])
    point = np.concatenate([np.asarray(found, dtype=int) for found in near])
    z, y, x = shortest(points[point] - pores.centres_um[pore], pores.size_um).T
    np.maximum.at(depth, point, _depth_in_ellipsoid(z, y, x, pores.semi_axes_um[pore], pores.turns[pore]))
    known = np.isfinite(depth)
    depth[known] += pores.swelling_um + pores.roughness.at(points[known])
    return depth


def _depth_in_ellipsoid(
    z: np.ndarray, y: np.ndarray, x: np.ndarray, semi_axes: np.ndarray, turn: np.ndarray
) -> np.ndarray:
    """First-order distance to an ellipsoid's wall, positive inside.

    With q = |(d_k / s_k)| the wall is q = 1, and (1 - q) / |grad q| the distance to it.
    """
    squares, slopes = 0.0, 0.0
    for k in range(3):
        scaled = (z * turn[..., k, 0] + y * turn[..., k, 1] + x * turn[..., k, 2]) / semi_axes[..., k]
        squares = squares + scaled**2
        slopes = slopes + (scaled / semi_axes[..., k]) ** 2
    q = np.sqrt(squares)
    distance = (1 - q) * q / np.sqrt(np.maximum(slopes, 1e-300))
    return np.where(q < 1e-9, semi_axes.min(axis=-1), np.minimum(distance, semi_axes.min(axis=-1)))


def _near_box(pores: Pores, bounds: list[tuple[float, float]]) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Every periodic image of a pore that may touch a box: its number, its centre, half its extent along z, y, x."""
    reach = np.sqrt(np.einsum("mk,mka->ma", pores.semi_axes_um**2, pores.turns**2)) + pores.rim_um
    low = np.array([b[0] for b in bounds]) - reach
    high = np.array([b[1] for b in bounds]) + reach
    first = np.ceil((low - pores.centres_um) / pores.size_um).astype(int)
    last = np.floor((high - pores.centres_um) / pores.size_um).astype(int)
    for pore in np.flatnonzero((first <= last).all(axis=1)):
        for image in product(*(range(a, b + 1) for a, b in zip(first[pore], last[pore], strict=True))):
            yield int(pore), pores.centres_um[pore] + image * pores.size_um, reach[pore]


def _between(axis: np.ndarray, centre: float, reach: float) -> slice:
    return slice(*np.searchsorted(axis, [centre - reach, centre + reach]))
