"""A fracture surface of a polycrystal as secondary electrons see it.

The crack follows a wavy front. Grains whose site lies below it stay whole, those above go with the other half, so that
the surface runs along grain boundaries; some of the grains that the front crosses are cleaved instead. Pores that are
met open as cavities. All of this is exact geometry; only the signal rounds grains off and strews debris.
"""

import numpy as np
from scipy import ndimage

from micro_features.synthetic.cavities import Pores, pore_depth_at
from micro_features.synthetic.cleavage import cleavage
from micro_features.synthetic.crystal_sketch import Polycrystal
from micro_features.synthetic.electrons import secondary_electrons
from micro_features.synthetic.relief import bodies, cell_radii_um, exposed
from micro_features.synthetic.scan import smooth_field
from micro_features.synthetic.scene import Scene

_WAVES = ((3.0, 0.35), (12.0, 0.8))  # of the front: length and standard deviation of its height, in grain diameters
_NEAR = 0.8  # of its radius from the front, within which a grain may be cleaved
_SWAY = 0.03  # of the mean grain diameter
_GREY = 0.5  # of a plain surface
_FLOOR_STEPS = 12


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
    diagram = crystal.grains
    radius = cell_radii_um(diagram)
    diameter = 2 * np.cbrt(np.mean(radius**3))
    reach = 2 * radius.max() * diagram.stretch

    margin = int(np.ceil(reach[1:].max() / pixel_um))
    canvas = (shape[0] + 2 * margin, shape[1] + 2 * margin)
    front = position_um[0] + (1 - 0.7 * transgranular) * diameter * sum(
        height * smooth_field(rng, canvas, length_px=length * diameter / pixel_um) for length, height in _WAVES
    )

    def at_front(field: np.ndarray, points_um: np.ndarray) -> np.ndarray:
        pixels = (points_um[:, 1:] - position_um[1:]) / pixel_um + margin - 0.5
        return ndimage.map_coordinates(field, pixels.T, order=1, mode="nearest")

    corner = np.array([front.min(), *position_um[1:]])
    far = np.array([front.max(), *(np.array(position_um[1:]) + np.array(shape) * pixel_um)])
    cells = bodies(
        diagram, corner - reach, far + reach, lambda sites: np.abs(sites[:, 0] - at_front(front, sites)) < reach[0]
    )
    above = cells.site_um[:, 0] - at_front(front, cells.site_um)
    dips = [at_front(dip, cells.site_um) for dip in np.gradient(front, pixel_um)]
    brittle = rng.random(len(radius)) < transgranular
    cleaved = brittle[cells.cell] & (np.abs(above) < _NEAR * radius[cells.cell] * diagram.stretch[0])
    cuts = {
        i: cleavage(
            rng,
            cells.site_um[i] - [above[i], 0, 0],
            radius[cells.cell[i]],
            np.array([dips[0][i], dips[1][i]]),
        )
        for i in np.flatnonzero(cleaved)
    }

    sway = _SWAY * diameter / pixel_um
    rows, cols = (
        sway * smooth_field(rng, shape, length_px=20 * sway + 2) + place for place in np.ogrid[: shape[0], : shape[1]]
    )
    y = position_um[1] + (rows + 0.5) * pixel_um
    x = position_um[2] + (cols + 0.5) * pixel_um
    top, body = exposed(cells, above < 0, cuts, y, x)
    height, pores = _into_pores(crystal.pores, top, y, x)
    grains = np.where(pores, 0, cells.cell[body] + 1).astype(np.int32)

    round_ = _rounding(grains, radius[cells.cell[body]] / pixel_um, cleaved[body], pores.mean(), boundary_contrast)
    rough = height / pixel_um - round_ + 0.1 * ndimage.gaussian_filter(rng.standard_normal(shape), 1.0)
    fragments = _debris(rng, shape, diameter / pixel_um)
    surface = ndimage.gaussian_filter(rough + fragments, 0.5)
    edges = np.clip(0.8 + 0.5 * smooth_field(rng, shape, length_px=1.5 * diameter / pixel_um), 0.1, 2)
    signal = secondary_electrons(
        surface, reach_px=np.clip(1.5 * diameter / pixel_um, 4, 60), relief=relief, edges=edges
    )
    tone = 0.02 * rng.standard_normal(len(radius) + 1)[grains] + 0.02 * smooth_field(
        rng, shape, length_px=0.5 * diameter / pixel_um
    )
    return Scene(_GREY * signal * (1 + tone), grains, pores, height)


def _into_pores(pores: Pores, top_um, y_um, x_um):
    """Heights lowered to the floor of pores that are open there, and where."""
    points = np.stack([top_um, y_um, x_um], axis=-1).reshape(-1, 3)
    depth = pore_depth_at(pores, points)
    open_ = depth > 0
    inside = np.flatnonzero(open_)
    for _ in range(_FLOOR_STEPS):
        points[inside, 0] -= depth[inside]
        depth[inside] = np.clip(pore_depth_at(pores, points[inside]), 0, None)
    return points[:, 0].reshape(top_um.shape), open_.reshape(top_um.shape)


def _rounding(grains, radius_px, cleaved, porosity, boundary_contrast):
    """How far, px, grains fall off towards their border: those that parted from their neighbours, not the cleaved."""
    change = np.zeros(grains.shape, bool)
    for axis in (0, 1):
        differs = np.diff(grains, axis=axis) != 0
        near, far = [slice(None)] * 2, [slice(None)] * 2
        near[axis], far[axis] = slice(None, -1), slice(1, None)
        change[tuple(near)] |= differs
        change[tuple(far)] |= differs
    distance = ndimage.distance_transform_edt(~change)
    width = np.maximum((0.12 + 0.25 * min(1, porosity / 0.15)) * radius_px, 0.8)
    depth = width * (0.3 + 0.7 * boundary_contrast) * np.where(cleaved, 0.15, 1)
    inward = np.clip(distance / width, 0, 1)
    return np.where(grains > 0, depth * (1 - np.sqrt(1 - (1 - inward) ** 2)), 0)


def _debris(rng, shape, diameter_px):
    """Height, px, of a few fragments that lie about."""
    height = np.zeros(shape)
    for _ in range(rng.poisson(5e-5 * shape[0] * shape[1])):
        size = np.clip(diameter_px * rng.uniform(0.04, 0.15), 0.8, 4)
        aspect, angle = rng.uniform(1, 2.5), rng.uniform(0, np.pi)
        row, col = rng.uniform(0, 1, 2) * shape
        y, x = np.ogrid[: shape[0], : shape[1]]
        u = ((x - col) * np.cos(angle) + (y - row) * np.sin(angle)) / (size * aspect)
        v = ((y - row) * np.cos(angle) - (x - col) * np.sin(angle)) / size
        height += size * np.clip(1.5 * (1 - u**2 - v**2), 0, 1)
    return height
