"""A fracture surface of a polycrystal as secondary electrons see it.

The crack follows a wavy front. Grains whose site lies below it stay whole, those above go with the other half, so that
the surface runs along grain boundaries; some of the grains that the front crosses are cleaved instead. Pores that are
met open as cavities. All of this is exact geometry; only the signal rounds grains off and strews splinters.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from micro_features.synthetic.picture.cleavage import Cleavage, cleavage
from micro_features.synthetic.picture.electrons import secondary_electrons
from micro_features.synthetic.picture.relief import Bodies, bodies, exposed
from micro_features.synthetic.picture.scan import smooth_field
from micro_features.synthetic.picture.scene import Scene
from micro_features.synthetic.polycrystal import Polycrystal
from micro_features.synthetic.structure.cavities import Pores, pore_depth_at, pore_depth_um

_WAVES = ((3.0, 0.35), (12.0, 0.8))  # of the front: length and standard deviation of its height, in grain diameters
_CLEAVED_FLATTER = 0.7  # by which share cleavage all over lowers the waves
_REACH = 1.25  # sums of two grains' radii: no further apart are the sites of neighbours
_NEAR = 0.8  # of its radius from the front, within which a grain may be cleaved
_FLOOR_STEPS = 12  # at most, towards the floor of a pore
_AT_FLOOR = 0.01  # of the deepest: near enough

_GREY = 0.47  # of a plain surface
_GRAIN_CONTRAST, _MOTTLING = 0.02, 0.015
_SHADOW = 0.75  # mean grain diameters, over which hills shadow ...
_SHADOW_SAMPLES = (10.0, 120.0)  # ... within these bounds
_POROUS = 0.15  # share of pores from which on grains stand out like pebbles, as they touch in small necks only
_WIDTH = (0.12, 0.4)  # of a grain's radius that is rounded off, in a dense and in a porous solid
_SLOPE = (0.5, 1.2)  # how deep it falls there for its width
_CLEAVED_CLEFT = 0.1  # of that depth where the crack did not part two grains
_ROUGHNESS = 0.12  # standard deviation of the height, samples
_SPLINTERS = 2.5e-5  # per sample
_SPLINTER_SIZE = 0.05  # mean grain diameters
_HALVING = np.array([0.25, 0.5, 0.25])  # weights of three samples that make a pixel


@dataclass(frozen=True, eq=False)
class _Remains:
    """What of the crystal is left: its bodies, which of them are whole, which are cleaved and how."""

    cells: Bodies
    whole: np.ndarray
    cuts: dict[int, Cleavage]


@dataclass(frozen=True, eq=False)
class _Surface:
    """What is seen of the remains, (rows, cols) arrays: height, cell (pores ignored), pores and cleaved grains."""

    height_um: np.ndarray
    cell: np.ndarray
    pores: np.ndarray
    cleaved: np.ndarray


def fracture_surface(
    rng: np.random.Generator,
    crystal: Polycrystal,
    *,
    shape: tuple[int, int],
    pixel_um: float,
    position_um: tuple[float, float, float],
    relief: float,
    boundary_contrast: float,
    transgranular: float = 0.2,
) -> Scene:
    """Break a polycrystal and look at the lower half from above.

    Labels and heights are the crystal's own at the middle of each pixel; they depend neither on `relief` nor on
    `boundary_contrast`.

    Parameters
    ----------
    shape : (rows, cols)
    pixel_um : float
        Edge of a pixel, micrometres.
    position_um : (z, y, x)
        Mean height of the crack, and first corner of the picture; the crystal repeats.
    relief : float
        How much the shape of the surface shows, 0 to 1.
    boundary_contrast : float
        How deep the clefts between grains look, 0 to 1.
    transgranular : float
        Share of the grains in the crack's way that are cleaved, 0 to 1; the more, the flatter the surface.
    """
    remains = _broken(rng, crystal, shape, pixel_um, position_um, transgranular)
    # Twice as fine as the picture, so that edges do not look like stairs; every second sample is a pixel's middle.
    sample_um = pixel_um / 2
    y_um, x_um = (start + sample_um * np.arange(2 * n + 1) for start, n in zip(position_um[1:], shape, strict=True))
    surface = _seen(remains, crystal.pores, y_um, x_um)
    signal = _signal(rng, surface, crystal.grain_diameters_um / sample_um, sample_um, relief, boundary_contrast)
    for axis in (0, 1):
        signal = ndimage.convolve1d(signal, _HALVING, axis=axis)
    middles = (slice(1, None, 2), slice(1, None, 2))
    pores = surface.pores[middles]
    return Scene(
        signal=signal[middles],
        grains=np.where(pores, 0, surface.cell[middles] + 1).astype(np.int32),
        pores=pores,
        height_um=surface.height_um[middles],
    )


def _mean_diameter(diameters: np.ndarray) -> float:
    """By volume, so that many small grains among large ones count little."""
    return float(np.cbrt(np.mean(diameters**3)))


def _broken(
    rng: np.random.Generator,
    crystal: Polycrystal,
    shape: tuple[int, int],
    pixel_um: float,
    position_um: tuple[float, float, float],
    transgranular: float,
) -> _Remains:
    """Run a crack through the crystal below a picture."""
    radius = crystal.grain_diameters_um / 2
    diameter = _mean_diameter(crystal.grain_diameters_um)
    furthest = _REACH * (radius + radius.max())[:, None] * crystal.grains.stretch
    reach = furthest.max(axis=0)
    margin = int(np.ceil(reach[1:].max() / pixel_um))
    canvas = (shape[0] + 2 * margin, shape[1] + 2 * margin)
    front = np.full(canvas, float(position_um[0]))
    for length, height in _WAVES:
        wave = smooth_field(rng, canvas, length_px=length * diameter / pixel_um)
        front += (1 - _CLEAVED_FLATTER * transgranular) * height * diameter * wave

    def at(sites: np.ndarray, field: np.ndarray) -> np.ndarray:
        """A field on the canvas at the places of sites."""
        pixels = (sites[:, 1:] - position_um[1:]) / pixel_um + margin - 0.5
        return ndimage.map_coordinates(field, pixels.T, order=1, mode="nearest")

    start = np.array([front.min(), position_um[1], position_um[2]])
    end = np.array([front.max(), position_um[1] + shape[0] * pixel_um, position_um[2] + shape[1] * pixel_um])
    cells = bodies(
        crystal.grains,
        start - reach,
        end + reach,
        within=lambda cell, sites: np.abs(sites[:, 0] - at(sites, front)) < furthest[cell, 0],
    )
    above = cells.site_um[:, 0] - at(cells.site_um, front)
    slope = np.stack([at(cells.site_um, field) for field in np.gradient(front, pixel_um)], axis=1)
    crossed = np.abs(above) < _NEAR * crystal.grains.stretch[0] * radius[cells.cell]
    brittle = rng.random(len(radius)) < transgranular
    cuts = {
        int(i): cleavage(rng, cells.site_um[i] - [above[i], 0, 0], radius[cells.cell[i]], slope[i])
        for i in np.flatnonzero(crossed & brittle[cells.cell])
    }
    return _Remains(cells, above < 0, cuts)


def _seen(remains: _Remains, pores: Pores, y_um: np.ndarray, x_um: np.ndarray) -> _Surface:
    """Look at the remains along straight lines; where one meets an open pore, down to its floor."""
    height_um, body = exposed(remains.cells, remains.whole, remains.cuts, y_um, x_um)
    depth = pore_depth_um(pores, height_um, y_um, x_um)
    hollow = depth > 0
    rows, cols = np.nonzero(hollow)
    step = depth[hollow]
    near = _AT_FLOOR * step.max(initial=0)
    for _ in range(_FLOOR_STEPS):
        # The nearest wall is no nearer than the depth, so that no step leads through it.
        height_um[rows, cols] -= step
        step = pore_depth_at(pores, np.stack([height_um[rows, cols], y_um[rows], x_um[cols]], axis=1))
        falling = step > near
        rows, cols, step = rows[falling], cols[falling], step[falling]
    return _Surface(height_um, remains.cells.cell[body], hollow, np.isin(body, list(remains.cuts)))


def _signal(
    rng: np.random.Generator,
    surface: _Surface,
    diameters: np.ndarray,
    sample_um: float,
    relief: float,
    boundary_contrast: float,
) -> np.ndarray:
    """Secondary electrons of a surface, somewhat worn; `diameters` are those of all cells, in samples."""
    shape = surface.cell.shape
    mean = _mean_diameter(diameters)

    cleft = (0.1 + 1.2 * boundary_contrast) * np.clip(1 + 0.4 * smooth_field(rng, shape, length_px=mean), 0.2, 2)
    cleft[surface.cleaved] *= _CLEAVED_CLEFT
    radius = np.minimum(diameters, mean)[surface.cell] / 2  # large grains are rounded off no wider than the others
    roughness = _ROUGHNESS * np.exp(0.5 * smooth_field(rng, shape, length_px=1.5 * mean))
    height = (
        surface.height_um / sample_um
        - cleft * _rounding(surface.cell, radius, min(1.0, surface.pores.mean() / _POROUS))
        + roughness * smooth_field(rng, shape, length_px=3)
        + _splinters(rng, shape, _SPLINTER_SIZE * mean)
    )
    electrons = secondary_electrons(
        ndimage.gaussian_filter(height, 0.7),
        reach_px=float(np.clip(_SHADOW * mean, *_SHADOW_SAMPLES)),
        relief=relief,
        edges=np.clip(0.8 + 0.3 * smooth_field(rng, shape, length_px=2 * mean), 0.1, 2),
    )
    tone = _GRAIN_CONTRAST * rng.standard_normal(len(diameters))[surface.cell]
    tone += _MOTTLING * smooth_field(rng, shape, length_px=0.4 * mean)
    return _GREY * electrons * (1 + tone)


def _rounding(cell: np.ndarray, radius: np.ndarray, porous: float) -> np.ndarray:
    """How far grains fall off towards their border in a dense (0) to porous (1) solid, in samples."""
    border = np.zeros(cell.shape, dtype=bool)
    for labels, edge in ((cell, border), (cell.T, border.T)):
        differs = labels[1:] != labels[:-1]
        edge[1:] |= differs
        edge[:-1] |= differs
    width = np.maximum(np.interp(porous, (0, 1), _WIDTH) * radius, 2.0)
    outward = 1 - np.minimum(ndimage.distance_transform_edt(~border) / width, 1)
    return np.interp(porous, (0, 1), _SLOPE) * width * (1 - np.sqrt(1 - outward**2))


def _splinters(rng: np.random.Generator, shape: tuple[int, int], size: float) -> np.ndarray:
    """Height of a few splinters that lie about, in samples."""
    height = np.zeros(shape)
    for _ in range(rng.poisson(_SPLINTERS * shape[0] * shape[1])):
        width = np.clip(size * rng.lognormal(0, 0.6), 1.2, 10)
        length, turn = width * rng.uniform(1, 2.5), rng.uniform(0, np.pi)
        row, col = rng.uniform(0, 1, 2) * shape
        window = (
            slice(max(0, int(row - length)), int(row + length) + 2),
            slice(max(0, int(col - length)), int(col + length) + 2),
        )
        y, x = np.ogrid[window]
        y, x = y[: shape[0] - window[0].start] - row, x[:, : shape[1] - window[1].start] - col
        along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        top = 0.8 * width + rng.normal(0, 0.5) * y + rng.normal(0, 0.5) * x
        inside = np.abs(along / length) ** 3 + np.abs(across / width) ** 3 < 1
        height[window] += np.where(inside, np.maximum(top, 0), 0)
    return height
