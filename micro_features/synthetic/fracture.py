"""A fracture surface of a polycrystal as secondary electrons see it.

The crack follows a wavy front. Grains whose site lies below it stay whole, those above go with the other half, so that
the surface runs along grain boundaries; some of the grains that the front crosses are cleaved instead. Pores that are
met open as cavities. All of this is exact geometry; only the signal rounds grains off and strews debris.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any as Polycrystal

import numpy as np
from scipy import ndimage

from micro_features.synthetic.cavities import Pores, pore_depth_at, pore_depth_um
from micro_features.synthetic.cleavage import Cleavage, cleavage
from micro_features.synthetic.electrons import secondary_electrons
from micro_features.synthetic.laguerre import PowerDiagram
from micro_features.synthetic.relief import Bodies, bodies, exposed
from micro_features.synthetic.scan import smooth_field
from micro_features.synthetic.scene import Scene

_WAVES = ((3.0, 0.35), (12.0, 0.8))  # of the front: length and standard deviation of its height, in grain diameters
_CLEAVED_FLATTER = 0.7  # by which share cleavage all over lowers the waves
_NEAR = 0.8  # of its radius from the front, within which a grain may be cleaved
_FLOOR_STEPS = 12  # at most, towards the floor of a pore
_FLOOR_NEAR = 0.02  # of the mean pore, that counts as there

_GREY = 0.5  # of a plain surface
_SHADOW = 1.5  # mean grain diameters, over which hills shadow ...
_SHADOW_PX = (5.0, 60.0)  # ... within these bounds
_WIDTH, _WIDTH_POROUS = 0.1, 0.35  # of a grain's radius that is rounded off, without pores and with many
_POROUS = 0.15  # share of pores that is many
_SLOPE, _SLOPE_POROUS = 0.4, 1.2  # how deep a rounded edge falls for its width
_CLEAVED_CLEFT = 0.1  # of that depth where the crack did not part two grains
_ROUGHNESS_PX = 0.06
_FRAGMENTS = 1e-4  # per pixel


@dataclass(frozen=True, eq=False)
class _Broken:
    """What of the crystal is left: its bodies, which of them are whole, which are cleaved and how."""

    cells: Bodies
    whole: np.ndarray
    cuts: Mapping[int, Cleavage]


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

    Labels and heights depend neither on `relief` nor on `boundary_contrast`.

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
    radius = crystal.grain_diameters_um / 2
    diameter_um = 2 * float(np.cbrt(np.mean(radius**3)))
    broken = _broken(rng, crystal.grains, radius, shape, pixel_um, position_um, transgranular)

    # Twice as fine as the picture, so that edges do not look like stairs; every second sample is a pixel's centre.
    fine_um = pixel_um / 2
    samples = (2 * shape[0] + 1, 2 * shape[1] + 1)
    centres = (slice(1, None, 2), slice(1, None, 2))
    diameter = diameter_um / fine_um
    y_um, x_um = (start + fine_um * np.arange(n) for start, n in zip(position_um[1:], samples, strict=True))
    top_um, body = exposed(broken.cells, broken.whole, broken.cuts, y_um, x_um)
    height_um, pores = _down_to_floors(crystal.pores, top_um, y_um, x_um)
    cell = broken.cells.cell[body]
    grains = np.where(pores, 0, cell + 1).astype(np.int32)

    cleaved = np.isin(body, list(broken.cuts))
    cleft = np.clip(1 + 0.4 * smooth_field(rng, samples, length_px=diameter), 0.2, 2) * (0.2 + 0.8 * boundary_contrast)
    cleft[cleaved] *= _CLEAVED_CLEFT
    rounded = np.minimum(radius[cell] / fine_um, diameter / 2)
    surface = height_um / fine_um - _rounding(cell, rounded, cleft, min(1, pores.mean() / _POROUS))
    patchy = np.exp(0.5 * smooth_field(rng, samples, length_px=1.5 * diameter))
    surface += 2 * _ROUGHNESS_PX * patchy * smooth_field(rng, samples, length_px=3)
    surface += _fragments(rng, samples, diameter)
    signal = secondary_electrons(
        ndimage.gaussian_filter(surface, 0.7),
        reach_px=2 * np.clip(_SHADOW * diameter / 2, *_SHADOW_PX),
        relief=relief,
        edges=np.clip(0.8 + 0.3 * smooth_field(rng, samples, length_px=2 * diameter), 0.1, 2),
    )
    signal = ndimage.convolve1d(ndimage.convolve1d(signal, [0.25, 0.5, 0.25], axis=0), [0.25, 0.5, 0.25], axis=1)
    tone = (0.02 * rng.standard_normal(len(radius) + 1))[grains] + 0.015 * smooth_field(
        rng, samples, length_px=0.4 * diameter
    )
    return Scene(
        signal=(_GREY * signal * (1 + tone))[centres],
        grains=grains[centres],
        pores=pores[centres],
        height_um=height_um[centres],
    )


def _broken(
    rng: np.random.Generator,
    diagram: PowerDiagram,
    radius_um: np.ndarray,
    shape: tuple[int, int],
    pixel_um: float,
    position_um: tuple[float, float, float],
    transgranular: float,
) -> _Broken:
    """Run a crack through the cells below a picture."""
    diameter = 2 * np.cbrt(np.mean(radius_um**3))
    reach = 2 * radius_um.max() * diagram.stretch
    margin = int(np.ceil(reach[1:].max() / pixel_um))
    canvas = (shape[0] + 2 * margin, shape[1] + 2 * margin)
    front = np.full(canvas, float(position_um[0]))
    for length, height in _WAVES:
        wave = smooth_field(rng, canvas, length_px=length * diameter / pixel_um)
        front += (1 - _CLEAVED_FLATTER * transgranular) * height * diameter * wave

    def below(field: np.ndarray, sites: np.ndarray) -> np.ndarray:
        """A field on the canvas at the places of sites."""
        pixels = (sites[:, 1:] - position_um[1:]) / pixel_um + margin - 0.5
        return ndimage.map_coordinates(field, pixels.T, order=1, mode="nearest")

    start = np.array([front.min(), position_um[1], position_um[2]])
    end = np.array([front.max(), position_um[1] + shape[0] * pixel_um, position_um[2] + shape[1] * pixel_um])
    cells = bodies(
        diagram, start - reach, end + reach, lambda sites: np.abs(sites[:, 0] - below(front, sites)) < reach[0]
    )
    above = cells.site_um[:, 0] - below(front, cells.site_um)
    slopes = np.stack([below(slope, cells.site_um) for slope in np.gradient(front, pixel_um)], axis=1)
    brittle = rng.random(len(radius_um)) < transgranular
    crossed = np.abs(above) < _NEAR * diagram.stretch[0] * radius_um[cells.cell]
    cuts = {
        int(i): cleavage(rng, cells.site_um[i] - [above[i], 0, 0], radius_um[cells.cell[i]], slopes[i])
        for i in np.flatnonzero(brittle[cells.cell] & crossed)
    }
    return _Broken(cells, above < 0, cuts)


def _down_to_floors(
    pores: Pores, top_um: np.ndarray, y_um: np.ndarray, x_um: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Heights, lowered to the floor of pores that lie open there, and where that is."""
    depth = pore_depth_um(pores, top_um, y_um, x_um)
    hollow = depth > 0
    floor_um = top_um.copy()
    rows, cols = np.nonzero(hollow)
    above = depth[hollow]
    for _ in range(_FLOOR_STEPS):
        # No step leads past the nearest wall.
        floor_um[rows, cols] -= above
        above = pore_depth_at(pores, np.stack([floor_um[rows, cols], y_um[rows], x_um[cols]], axis=1))
        far = above > _FLOOR_NEAR * pores.semi_axes_um.mean()
        rows, cols, above = rows[far], cols[far], above[far]
    return floor_um, hollow


def _rounding(cell: np.ndarray, radius: np.ndarray, cleft: np.ndarray, porous: float) -> np.ndarray:
    """How far grains fall off towards their border, in samples.

    Among many pores grains touch in small necks only, and stand out like pebbles.
    """
    border = np.zeros(cell.shape, dtype=bool)
    for label, edge in ((cell, border), (cell.T, border.T)):
        differs = label[1:] != label[:-1]
        edge[1:] |= differs
        edge[:-1] |= differs
    distance = ndimage.distance_transform_edt(~border)
    width = np.maximum((_WIDTH + (_WIDTH_POROUS - _WIDTH) * porous) * radius, 1.5)
    inward = np.clip(distance / width, 0, 1)
    depth = (_SLOPE + (_SLOPE_POROUS - _SLOPE) * porous) * width * cleft
    return depth * (1 - np.sqrt(1 - (1 - inward) ** 2))


def _fragments(rng: np.random.Generator, shape: tuple[int, int], diameter: float) -> np.ndarray:
    """Height of a few splinters that lie about, in samples."""
    height = np.zeros(shape)
    for _ in range(rng.poisson(_FRAGMENTS / 4 * shape[0] * shape[1])):
        size = np.clip(0.05 * diameter * rng.lognormal(0, 0.6), 1.2, 10)
        aspect, angle = rng.uniform(1, 2.5), rng.uniform(0, np.pi)
        lean = rng.normal(0, 0.5, 2)
        middle = rng.uniform(0, 1, 2) * shape
        window = tuple(slice(max(0, int(place - size * aspect)), int(place + size * aspect) + 2) for place in middle)
        y, x = np.meshgrid(
            *(np.arange(*span.indices(side)) for span, side in zip(window, shape, strict=True)), indexing="ij"
        )
        y, x = y - middle[0], x - middle[1]
        along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        inside = np.abs(along / (size * aspect)) ** 3 + np.abs(across / size) ** 3 < 1
        height[window] += np.where(inside, np.clip(size * 0.8 + lean[0] * y + lean[1] * x, 0, None), 0)
    return height
