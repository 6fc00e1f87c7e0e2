"""A polished and etched plane section of a polycrystal, as secondary electrons see it.

Where a boundary meets the surface, etching opens a groove: its depth follows the boundary's energy, so that each pair
of grains has its own, and shoulders of removed material rise beside it (Mullins 1957, doi 10.1063/1.1722742). Grains
differ in grey (orientation contrast) and in height (they polish and etch unequally). Below the section a pore's floor
is known exactly: the deeper it lies for the pore's width, the fewer electrons leave.

Rows run along y, columns along x; the detector looks down z, and the specimen lies below.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, special

from micro_features.synthetic.picture.scan import smooth_field
from micro_features.synthetic.picture.scene import Scene
from micro_features.synthetic.polycrystal import Polycrystal
from micro_features.synthetic.structure.cavities import Pores, pore_depth_at
from micro_features.synthetic.structure.laguerre import walls_near

_NEIGHBOURS = 4  # cells next in line that may have the nearest wall
_DETECTOR = (-0.8, 0.6)  # direction along rows and columns that the surface faces to look bright
_GREY = 0.5  # of a plain grain
_SWAY = 0.03  # of the mean grain diameter
_FLOOR_STEPS = 10
_FLOOR_REACHED = 0.05  # clearance, as a share of that at the mouth, that counts as none
_FAR_PX = 50.0  # beyond it a pore's depth does not matter
_RIM_REACH_PX = 3  # a rim glows no farther
_FLOOR = 0.09  # of a pore so deep that nothing leaves it


@dataclass(frozen=True, eq=False)
class Cut:
    """Where a plane runs through a polycrystal, (rows, cols) arrays.

    Attributes
    ----------
    grains : int32 array
        Index of the grain in the crystal + 1, pores ignored.
    neighbours : (rows, cols, 4) int array
        Likewise the grains behind the nearest walls.
    wall_px : (rows, cols, 4) float array
        Distance to the wall with each neighbour, measured in the plane, pixels, ascending.
    dip : (rows, cols, 4) float array
        Cosine between the wall's normal, out of the pixel's grain, and up: positive where the neighbour overlies it.
    pore_depth_px : float array
        Positive inside pores.
    floor_px : float array
        How far below the plane the floor of a pore lies, 0 beside pores.
    """

    grains: np.ndarray
    neighbours: np.ndarray
    wall_px: np.ndarray
    dip: np.ndarray
    pore_depth_px: np.ndarray
    floor_px: np.ndarray


def cut(
    rng: np.random.Generator,
    crystal: Polycrystal,
    *,
    shape: tuple[int, int],
    pixel_um: float,
    position_um: tuple[float, float, float],
) -> Cut:
    """Cut a polycrystal along a plane of constant z.

    Parameters
    ----------
    position_um : (z, y, x)
        Of the picture's first corner; the crystal repeats.
    """
    # Walls of a power diagram are planes. The picture is drawn a little out of place, by less the width of a groove.
    sway_px = _SWAY * _mean_diameter_um(crystal) / pixel_um
    rows, cols = (
        sway_px * smooth_field(rng, shape, length_px=20 * sway_px + 2) + position
        for position in np.ogrid[: shape[0], : shape[1]]
    )
    z, y, x = position_um
    points = np.stack([np.full(shape, z), y + (rows + 0.5) * pixel_um, x + (cols + 0.5) * pixel_um], axis=-1)
    walls = walls_near(crystal.grains, points, k=1 + _NEIGHBOURS, plane_axis=0)

    depth = pore_depth_at(crystal.pores, points.reshape(-1, 3))
    floor = np.zeros_like(depth)
    inside = np.flatnonzero(depth > 0)
    floor[inside] = _floor_um(crystal.pores, points.reshape(-1, 3)[inside], depth[inside])
    return Cut(
        grains=(walls.cell + 1).astype(np.int32),
        neighbours=walls.neighbour + 1,
        wall_px=walls.distance_um / pixel_um,
        dip=walls.normal[..., 0],
        pore_depth_px=np.clip(depth / pixel_um, -_FAR_PX, None).reshape(shape),
        floor_px=(floor / pixel_um).reshape(shape),
    )


def _floor_um(pores: Pores, points_um: np.ndarray, depth_um: np.ndarray) -> np.ndarray:
    """How far below each point in a pore its floor lies, reached in steps as long as the pore is wide there."""
    below = np.zeros(len(points_um))
    falling, clearance = np.arange(len(points_um)), depth_um
    for _ in range(_FLOOR_STEPS):
        below[falling] += clearance
        clearance = pore_depth_at(pores, points_um[falling] - below[falling, None] * [1, 0, 0])
        far = clearance > _FLOOR_REACHED * depth_um[falling]
        falling, clearance = falling[far], clearance[far]
    return below


def polished_section(
    rng: np.random.Generator,
    crystal: Polycrystal,
    *,
    shape: tuple[int, int],
    pixel_um: float,
    position_um: tuple[float, float, float],
    relief: float,
    boundary_contrast: float,
) -> Scene:
    """Polish, etch and look at a plane section.

    What belongs to the crystal (orientation of a grain, energy of a boundary) is the same in every picture of it; what
    belongs to the preparation (scratches, uneven etching, dust) is drawn from `rng`.

    Parameters
    ----------
    position_um : (z, y, x)
        Of the picture's first corner; the crystal repeats.
    relief : float
        Heights of grains, shoulders and rims, strength of scratches, 0 (none) to 1.
    boundary_contrast : float
        Darkness of grooves, 0 (none) to 1.
    """
    plane = cut(rng, crystal, shape=shape, pixel_um=pixel_um, position_um=position_um)
    grain_px = _mean_diameter_um(crystal) / pixel_um
    groove = _grooves(rng, plane, grain_px)
    signal = (
        _GREY
        + _grain_grey(plane.grains, crystal)
        + _etch_texture(rng, plane.grains, grain_px)
        + relief * _relief(plane, grain_px)
        + relief * _scratches(rng, shape)
    )
    signal -= boundary_contrast * groove * (signal - 0.1)
    signal = _with_pores(rng, signal, plane, relief)
    pores = plane.pore_depth_px > 0
    return Scene(signal=signal + relief * _dust(rng, shape), grains=np.where(pores, 0, plane.grains), pores=pores)


def _mean_diameter_um(crystal: Polycrystal) -> float:
    return float(np.cbrt(6 / np.pi * crystal.grains.size_um.prod() / len(crystal.grains.sites_um)))


def _normals(n: int, what: int) -> np.ndarray:
    """One standard normal number for each grain label, the same in every picture."""
    return np.random.default_rng(what).standard_normal(n + 1)


def pair_normal(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """One standard normal number for each pair of grains, in either order: splitmix64 of the two labels."""
    mixed = np.minimum(one, other).astype(np.uint64) << np.uint64(32) | np.maximum(one, other).astype(np.uint64)
    mixed += np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return special.ndtri((mixed >> np.uint64(11)).astype(float) * 2.0**-53 + 2.0**-54)


def _grooves(rng: np.random.Generator, plane: Cut, grain_px: float) -> np.ndarray:
    """Darkness of grooves, 0 to about 0.7; where several meet they add up."""
    draw = pair_normal(plane.grains[..., None], plane.neighbours)
    energy = np.clip(1 + 0.3 * draw, 0.4, 1.7)
    energy *= np.where(draw < -1.5, 0.4, 1.0)  # boundaries of low energy hardly etch
    along = np.clip(1 + 0.3 * smooth_field(rng, plane.grains.shape, length_px=0.3 * grain_px + 3), 0.3, 1.8)
    across = np.clip(1 + 0.25 * smooth_field(rng, plane.grains.shape, length_px=5 * grain_px), 0.4, 1.6)
    # The wedge that overlies an inclined wall etches away further than the foot on the other side.
    width = 0.024 * grain_px * energy * (1 - 0.6 * plane.dip)
    seen = np.maximum(width, 0.5)
    dark = 0.8 * np.sqrt(energy) * (width / seen) * np.exp(-((plane.wall_px / seen) ** 1.5) / 2)
    flank = 0.2 * energy * np.exp(-plane.wall_px / (0.07 * grain_px + 0.5))
    return 0.72 * (1 - np.exp(-(along * across) * (dark + flank).sum(axis=-1)))


def _grain_grey(grains: np.ndarray, crystal: Polycrystal) -> np.ndarray:
    n = len(crystal.grains.sites_um)
    return (0.04 * np.clip(_normals(n, 1), -2.5, 2.5))[grains]


def _etch_texture(rng: np.random.Generator, grains: np.ndarray, grain_px: float) -> np.ndarray:
    """Uneven grey inside grains: blotches, curved ridges, and fine terraces on the few grains whose faces facet."""
    shape = grains.shape
    n = int(grains.max())
    blotches = 0.016 * smooth_field(rng, shape, length_px=0.35 * grain_px + 1)
    swells = smooth_field(rng, shape, length_px=0.6 * grain_px + 1)
    ridges = 0.035 * np.clip(_normals(n, 5), 0, 2)[grains] * np.exp(-((swells / 0.35) ** 2))
    turn, pitch, facets = np.pi * _normals(n, 2), np.exp(0.3 * _normals(n, 3)), np.clip(_normals(n, 4) - 1.1, 0, 1)
    pitch_px = 0.06 * grain_px * pitch
    facets *= 0.05 * np.clip((pitch_px - 2) / 3, 0, 1)
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    phase = (rows * np.sin(turn)[grains] + cols * np.cos(turn)[grains]) / np.maximum(pitch_px, 1)[grains]
    terraces = np.sin(2 * np.pi * phase + 3 * swells) * np.clip(0.7 + smooth_field(rng, shape, length_px=8), 0, 1)
    return blotches + ridges + facets[grains] * terraces


def _relief(plane: Cut, grain_px: float) -> np.ndarray:
    """Grains stand at unequal heights with rounded edges: steps face the detector or turn away from it."""
    soft = 0.08 * grain_px
    inward = -soft * special.logsumexp(-plane.wall_px / soft, axis=-1)
    dome = np.tanh(np.clip(inward, 0, None) / (0.2 * grain_px))
    standing = _normals(int(plane.grains.max()), 6)[plane.grains]
    height = 0.6 * dome + 0.3 * standing
    height = ndimage.gaussian_filter(height, max(0.7, 0.025 * grain_px))
    down, right = np.gradient(height)
    lit = -(_DETECTOR[0] * down + _DETECTOR[1] * right) * max(1.0, 0.06 * grain_px)
    shoulder = np.exp(-((plane.wall_px[..., 0] / max(0.8, 0.03 * grain_px) - 2.3) ** 2))
    small = 0.06 * dome
    return 0.25 * np.tanh(2 * lit) + 0.05 * shoulder + small


def _scratches(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """A few faint lines that polishing left, most of them along one direction."""
    field = np.zeros(shape)
    main = rng.uniform(0, np.pi)
    for _ in range(rng.poisson(5)):
        turn, bend = main + rng.normal(0, 0.25), rng.normal(0, 1e-4)
        row, col = rng.uniform(0, 1, 2) * shape
        length, width, grey = rng.uniform(0.1, 0.5) * max(shape), rng.uniform(0.5, 1.0), rng.normal(-0.02, 0.02)
        rows, cols = np.ogrid[: shape[0], : shape[1]]
        along = (rows - row) * np.sin(turn) + (cols - col) * np.cos(turn)
        off = (rows - row) * np.cos(turn) - (cols - col) * np.sin(turn) + bend * along**2
        near = np.abs(off) < 4 * width
        field[near] += grey * np.exp(-((off[near] / width) ** 2) / 2 - (along[near] / length) ** 4)
    return field


def _dust(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """A few bright particles with a shadow on the side away from the detector."""
    field = np.zeros(shape)
    for _ in range(rng.poisson(3)):
        row, col = rng.uniform(0, 1, 2) * shape
        radius = rng.uniform(0.6, 2.0)
        window = tuple(slice(max(0, int(place) - 12), int(place) + 13) for place in (row, col))
        rows, cols = (np.arange(n)[span] for n, span in zip(shape, window, strict=True))
        for shift, grey in ((0.0, 0.35), (1.6 * radius, -0.12)):
            down, right = rows - row + shift * _DETECTOR[0], cols - col + shift * _DETECTOR[1]
            field[window] += grey * np.exp(-(down[:, None] ** 2 + right**2) / (2 * radius**2))
    return field


def _with_pores(rng: np.random.Generator, signal: np.ndarray, plane: Cut, relief: float) -> np.ndarray:
    """Sink pores into the signal: floors dark by depth, walls lit from the detector's side, bright uneven rims."""
    inside = plane.pore_depth_px > 0
    if not inside.any():
        return signal
    label, n = ndimage.label(inside)
    radius_px = ndimage.maximum(ndimage.distance_transform_edt(inside), label, np.arange(n + 1))[label]
    floor_px = ndimage.gaussian_filter(plane.floor_px, 0.7)
    sky = radius_px**2 / (radius_px**2 + 3 * floor_px**2 + 1e-9)
    down, right = np.gradient(floor_px)
    lit = np.tanh(0.4 * (_DETECTOR[0] * down + _DETECTOR[1] * right))
    texture = 1 + 0.12 * smooth_field(rng, signal.shape, length_px=5)
    floor = _FLOOR + 0.29 * sky * (1 + 0.5 * lit) * texture

    # Rims glow where they are sharp, that is, unevenly, more on the far side, whose wall the detector sees.
    down, right = np.gradient(ndimage.gaussian_filter(plane.pore_depth_px, 1))
    facing = 1 - 0.6 * (_DETECTOR[0] * down + _DETECTOR[1] * right)
    uneven = np.clip(0.5 + smooth_field(rng, signal.shape, length_px=10), 0, 2) * facing
    rim = 0.24 * uneven * np.exp(-(((plane.pore_depth_px + 0.5) / 0.9) ** 2))
    share = np.clip(0.5 + plane.pore_depth_px, 0, 1)
    # A pore that only grazes the plane from below is no pore of this section: it must not show either.
    cut = ndimage.binary_dilation(inside, iterations=_RIM_REACH_PX)
    rim, share = np.where(cut, rim, 0), np.where(cut, share, 0)
    return (signal + relief * rim) * (1 - share) + floor * share
