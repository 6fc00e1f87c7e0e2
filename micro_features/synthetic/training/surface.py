"""How grains in a plane look: grooves, rims and second phase between them, and whatever lies on them."""

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage, special
from skimage.measure import label

from micro_features.synthetic.picture.scan import smooth_field
from micro_features.synthetic.picture.scene import Scene
from micro_features.synthetic.picture.section import pair_normal
from micro_features.synthetic.training import marks
from micro_features.synthetic.training.plane import Plane

_LEAST_GRAIN_PX = 20  # smaller splinters belong to what surrounds them


@dataclass(frozen=True)
class Boundaries:
    """What tells one grain from the next; greys are shares of full scale.

    Attributes
    ----------
    depth : float
        Of a typical groove: 1 takes 63 % of the way from the grain's grey to `grey`.
    grey : float
        At the bottom of a groove; above the grains' for bright boundaries.
    width_px : float
        Scale of a groove's profile: its half width at 60 % of its depth.
    flank : float
        Depth of the soft shade beside a groove, which reaches about 4 widths.
    spread : float
        Standard deviation of the logarithm of depth from boundary to boundary.
    faint : float
        Share of boundaries that are nearly invisible.
    uneven : float
        Standard deviation of depth along a boundary, as a share of it.
    step : float
        How much brighter or darker a boundary is for being a step towards or away from the detector.
    rim : float
        How bright the upper grain's edge is.
    gap_px : float
        Typical width of a second phase between grains; 0 is none.
    gap_grey : float
    """

    depth: float = 0.0
    grey: float = 0.1
    width_px: float = 1.0
    flank: float = 0.0
    spread: float = 0.3
    faint: float = 0.0
    uneven: float = 0.2
    step: float = 0.0
    rim: float = 0.0
    gap_px: float = 0.0
    gap_grey: float = 0.1


@dataclass(frozen=True)
class Interior:
    """What is seen inside grains: amplitudes as shares of full scale.

    Attributes
    ----------
    grey : float
        Of a typical grain.
    grey_sd : float
        From grain to grain.
    dome : float
        How much brighter the middle of a grain is than its edge.
    round : float
        How much brighter a grain's side is that faces the detector, as on a ball.
    tilt : float
        Change of grey across a grain.
    mottle : float
        Blotches of about a third of a grain.
    texture : float
        Standard deviation of grey over a few pixels.
    ridges : float
        Curved bright or dark lines.
    steps : float
        Curved lines, bright on one side and dark on the other, that fade away from the line.
    terraces : float
        Fine parallel steps, on some grains.
    terrace_px : float
        Their pitch.
    facets : float
        Steps of grey right across some grains, sharp or soft, and no boundary for all that.
    facet_edge_px : float
        How soft they are.
    twins : float
        Straight bands on some grains, darker or brighter and edged by fine lines.
    """

    grey: float = 0.6
    grey_sd: float = 0.0
    dome: float = 0.0
    round: float = 0.0
    tilt: float = 0.0
    mottle: float = 0.0
    texture: float = 0.0
    ridges: float = 0.0
    steps: float = 0.0
    terraces: float = 0.0
    terrace_px: float = 5.0
    facets: float = 0.0
    facet_edge_px: float = 1.0
    twins: float = 0.0


@dataclass(frozen=True)
class Litter:
    """What lies anywhere on the surface.

    Attributes
    ----------
    pits : int
        Small dark dots.
    pit_px : float
        Radius of the largest.
    scratches : int
    scratch_grey : float
        Added by a strong scratch.
    particles : int
        Dust and inclusions.
    particle_px : float
        Radius of the largest.
    particle_grey : float
        Added by one.
    porosity : float
        Share of the area, about, of pores strewn over walls and grains.
    open_junctions : float
        How far pores open where three grains meet, in mean diameters; grains stay joined by necks.
    missing : float
        Share of grains that have left a hole.
    pore_px : float
        Typical radius.
    pore_grey : float
        Of the floor, above 0.
    """

    pits: int = 0
    pit_px: float = 2.0
    scratches: int = 0
    scratch_grey: float = 0.0
    particles: int = 0
    particle_px: float = 5.0
    particle_grey: float = 0.0
    porosity: float = 0.0
    open_junctions: float = 0.0
    missing: float = 0.0
    pore_px: float = 6.0
    pore_grey: float = 0.1


@dataclass(frozen=True)
class Look:
    """A surface of grains.

    Attributes
    ----------
    diameter_px : float
        Typical diameter of the grains.
    boundaries : Boundaries
    interior : Interior
    litter : Litter
    relief : float
        Size of what is seen inside grains, over that of a grain of such a diameter.
    """

    diameter_px: float
    boundaries: Boundaries = field(default_factory=Boundaries)
    interior: Interior = field(default_factory=Interior)
    litter: Litter = field(default_factory=Litter)
    relief: float = 1.0


def seen(rng: np.random.Generator, plane: Plane, look: Look) -> Scene:
    """Draw a surface; `Scene.grains` and `Scene.pores` are both 0 in a second phase."""
    size = look.diameter_px
    soft = 0.04 * size + 0.3
    inward = -soft * special.logsumexp(-plane.wall_px / soft, axis=-1)  # distance to the walls, corners rounded
    signal = _interiors(rng, plane.grains, np.clip(inward, 0, None) / size, look)
    signal = _edges(rng, signal, plane, look)

    gap = _gap(rng, inward, look)
    grains = _whole(plane.grains, gap)
    if look.boundaries.gap_px > 0:
        signal = np.where(gap, _second_phase(rng, gap.shape, look.boundaries.gap_grey), signal)
    signal = signal + _litter(rng, grains, inward, look)
    pores = _strewn_pores(rng, inward, look) | _left_open(rng, plane, inward, look)
    return Scene(
        signal=_with_pores(rng, signal, pores, look.litter),
        grains=np.where(pores, 0, grains).astype(np.int32),
        pores=pores,
    )


def _whole(cells: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """One label a connected piece, 0 in gaps; splinters join the gap or, without one, the piece next to them."""
    grains = label(np.where(gap, 0, cells + 1), connectivity=1)
    splinter = (np.bincount(grains.ravel()) < _LEAST_GRAIN_PX)[grains] & (grains > 0)
    if gap.any():
        return np.where(splinter, 0, grains)
    nearest = ndimage.distance_transform_edt(splinter, return_distances=False, return_indices=True)
    return grains[tuple(nearest)]


def _interiors(rng: np.random.Generator, grains: np.ndarray, depth: np.ndarray, look: Look) -> np.ndarray:
    """Grey of grains; `depth` is the distance to the walls in mean diameters."""
    inside, size, shape = look.interior, look.relief * look.diameter_px, grains.shape
    n = int(grains.max()) + 1

    def each() -> np.ndarray:
        """One normal number a grain, clipped."""
        return np.clip(rng.standard_normal(n), -2.5, 2.5)[grains]

    signal = inside.grey + inside.grey_sd * each()
    signal += inside.dome * (1 + 0.4 * each()) * (np.tanh(depth / 0.2) - 0.6)
    if inside.round > 0:
        light = rng.uniform(0, 2 * np.pi)
        down, right = np.gradient(size * ndimage.gaussian_filter(np.sqrt(depth), 0.03 * size))
        signal += inside.round * np.tanh(np.sin(light) * down + np.cos(light) * right)
    if inside.tilt > 0:
        for position in np.indices(shape):
            count = np.maximum(np.bincount(grains.ravel(), minlength=n), 1)
            middle = np.bincount(grains.ravel(), position.ravel(), n) / count
            signal += inside.tilt * each() * np.clip((position - middle[grains]) / size, -1, 1)
    swells = smooth_field(rng, shape, length_px=0.6 * size + 1)
    signal += inside.mottle * smooth_field(rng, shape, length_px=0.3 * size + 1)
    signal += inside.texture * smooth_field(rng, shape, length_px=3)
    signal += inside.ridges * np.clip(each(), -1, 2) * np.exp(-((swells / 0.25) ** 2))
    if inside.steps > 0:
        bends = smooth_field(rng, shape, length_px=0.7 * size + 1)
        signal += inside.steps * each() * np.tanh(bends / 0.08) * np.exp(-np.abs(bends) / 0.5)
    if inside.terraces > 0:
        phase, _ = marks.stripes(rng, grains, pitch_px=inside.terrace_px)
        fades = np.clip(0.6 + smooth_field(rng, shape, length_px=0.5 * size + 1), 0, 1)
        signal += inside.terraces * np.clip(each(), 0, 1.5) * fades * np.sin(2 * np.pi * phase + 2 * swells)
    if inside.facets > 0:
        signal += inside.facets * (each() > 0.3) * _facets(rng, grains, swells, size, inside.facet_edge_px)
    if inside.twins > 0:
        phase, pitch_px = marks.stripes(rng, grains, pitch_px=0.9 * size)
        twinned, width = each() > 0, 0.1 + 0.2 * rng.random(n)[grains]
        across = phase % 1
        band = across < width
        edge_px = np.minimum(np.minimum(across, np.abs(across - width)), 1 - across) * pitch_px
        signal += inside.twins * twinned * (0.4 * each() * band - 0.8 * np.exp(-((edge_px / 0.8) ** 2)))
    return signal


def _facets(
    rng: np.random.Generator, grains: np.ndarray, swells: np.ndarray, size: float, edge_px: float
) -> np.ndarray:
    """Greys of a few faces a grain, between which the grey changes over `edge_px`: (rows, cols) float array."""
    phase, pitch_px = marks.stripes(rng, grains, pitch_px=0.8 * size)
    phase = phase + 0.15 * swells
    greys = np.clip(rng.standard_normal((int(grains.max()) + 1, 7)), -2, 2)
    face = np.floor(phase).astype(int)
    one, other = greys[grains, face % 7], greys[grains, (face + 1) % 7]
    # The edge lies in the middle between two whole numbers.
    return one + (other - one) * special.expit(4 * (phase - face - 0.5) * pitch_px / edge_px)


def _edges(rng: np.random.Generator, signal: np.ndarray, plane: Plane, look: Look) -> np.ndarray:
    """Grooves, steps and rims."""
    edge, shape, size = look.boundaries, plane.grains.shape, look.diameter_px
    draw = pair_normal(plane.grains[..., None] + 1, plane.neighbours + 1)
    depth = edge.depth * np.exp(edge.spread * draw)
    depth *= np.where(special.ndtr(draw) < edge.faint, 0.12, 1.0)
    along = np.clip(1 + edge.uneven * smooth_field(rng, shape, length_px=0.3 * size + 4), 0.03, 2.5)
    width = edge.width_px * np.exp(0.3 * edge.spread * draw)
    profile = np.exp(-((plane.wall_px / width) ** 1.6) / 2) + edge.flank * np.exp(-plane.wall_px / (4 * width))
    groove = 1 - np.exp(-along * (depth * profile).sum(axis=-1))

    height = rng.standard_normal(1 + int(max(plane.grains.max(), plane.neighbours.max())))
    light = rng.uniform(0, 2 * np.pi)
    surface = ndimage.gaussian_filter(height[plane.grains], max(0.7, edge.width_px))
    down, right = np.gradient(surface)
    lit = np.tanh(2 * edge.width_px * (np.sin(light) * down + np.cos(light) * right))
    above = np.clip(height[plane.grains][..., None] - height[plane.neighbours], 0, 2)
    rim = along * (above * np.exp(-plane.wall_px / edge.width_px)).sum(axis=-1)
    return signal + groove * (edge.grey - signal) + edge.step * lit + edge.rim * rim


def _gap(rng: np.random.Generator, inward: np.ndarray, look: Look) -> np.ndarray:
    """Where a second phase lies between grains, wide here and closed there: (rows, cols) bool array."""
    gap_px, shape = look.boundaries.gap_px, inward.shape
    if gap_px == 0:
        return np.zeros(shape, dtype=bool)
    half = gap_px / 2 * np.exp(0.6 * smooth_field(rng, shape, length_px=0.8 * look.diameter_px))
    ragged = 0.8 * smooth_field(rng, shape, length_px=4) + 0.06 * gap_px * smooth_field(rng, shape, length_px=10)
    return inward < half + ragged


def _second_phase(rng: np.random.Generator, shape: tuple[int, int], grey: float) -> np.ndarray:
    """Dark and crumbly, with bright crumbs."""
    crumbs = smooth_field(rng, shape, length_px=rng.uniform(2, 6))
    return grey + rng.uniform(0.02, 0.15) * crumbs + rng.uniform(0, 0.8) * np.clip(crumbs - 1.3, 0, 1)


def _litter(rng: np.random.Generator, grains: np.ndarray, inward: np.ndarray, look: Look) -> np.ndarray:
    """Scratches, pits and particles."""
    litter, shape = look.litter, grains.shape
    layer = litter.scratch_grey * marks.scratches(rng, shape, litter.scratches) * (grains > 0)
    if litter.pits > 0:
        places = rng.uniform(0, 1, (2 * litter.pits, 2)) * shape
        rows, cols = places.astype(int).T
        # Some grains etch into pits, others do not, and edges more than middles.
        eager = rng.lognormal(0, 1, int(grains.max()) + 1)[grains[rows, cols]]
        eager *= np.exp(-inward[rows, cols] / (0.3 * look.diameter_px)) + 0.2
        chosen = places[np.argsort(-eager * rng.random(len(places)))[: litter.pits]]
        layer -= rng.uniform(0.15, 0.8) * look.interior.grey * marks.spots(rng, chosen, shape, (0.5, litter.pit_px))
    if litter.particles > 0:
        places = rng.uniform(0, 1, (litter.particles, 2)) * shape
        layer += litter.particle_grey * marks.spots(rng, places, shape, (1.0, litter.particle_px))
    return layer


def _strewn_pores(rng: np.random.Generator, inward: np.ndarray, look: Look) -> np.ndarray:
    """Pores, most of them where grains meet: (rows, cols) bool array."""
    litter, shape = look.litter, inward.shape
    radius = litter.pore_px * rng.lognormal(0, 0.4, 4000)
    share = np.cumsum(np.pi * radius**2) / inward.size
    radius = radius[: np.searchsorted(share, litter.porosity)]
    places = rng.uniform(0, 1, (len(radius), 2)) * shape
    walls = np.argwhere(inward < 1)
    at_wall = rng.random(len(radius)) < 0.7
    places[at_wall] = walls[rng.integers(len(walls), size=at_wall.sum())]
    return marks.pore_mask(
        rng, places, shape, radius_px=radius, ragged=rng.uniform(0, 0.7), aspect=float(rng.choice([1.5, 1.5, 3.0, 6.0]))
    )


def _left_open(rng: np.random.Generator, plane: Plane, inward: np.ndarray, look: Look) -> np.ndarray:
    """Pores where grains do not fill the junctions, and where a grain is missing: (rows, cols) bool array."""
    ragged = 0.02 * look.diameter_px * smooth_field(rng, inward.shape, length_px=0.2 * look.diameter_px + 2)
    gone = rng.random(int(plane.grains.max()) + 1) < look.litter.missing
    # Where two grains meet the rounded distance is 0, where three meet it is below: that opens first.
    soft = 2 * look.litter.open_junctions * look.diameter_px
    rounded = -soft * special.logsumexp(-plane.wall_px / max(soft, 1e-9), axis=-1) if soft > 0 else inward
    return (gone[plane.grains] & (inward > ragged)) | ((rounded < -0.35 * soft + ragged) & (soft > 0))


def _with_pores(rng: np.random.Generator, signal: np.ndarray, pores: np.ndarray, litter: Litter) -> np.ndarray:
    """Sink pores into the signal: each floor has its grey, one wall is lit, rims glow at times."""
    if not pores.any():
        return signal
    which, n = ndimage.label(pores)
    depth = ndimage.distance_transform_edt(pores)
    down, right = np.gradient(ndimage.gaussian_filter(depth, 1))
    light = rng.uniform(0, 2 * np.pi)
    lit = np.clip(np.sin(light) * down + np.cos(light) * right, 0, 1) * np.exp(-depth / 6)
    floor = (litter.pore_grey * rng.lognormal(0, 0.4, n + 1))[which]
    floor = floor * np.exp(rng.uniform(0, 0.5) * smooth_field(rng, pores.shape, length_px=rng.uniform(4, 16)))
    floor = np.minimum(floor + rng.uniform(0, 0.2) * lit, 0.75 * signal)
    beside = np.exp(-ndimage.distance_transform_edt(~pores) / 1.2)
    rim = rng.choice([0, 0.1, 0.3]) * beside * np.clip(0.5 + smooth_field(rng, pores.shape, length_px=12), 0, 2)
    share = ndimage.gaussian_filter(pores.astype(float), 0.5)
    return (signal + rim) * (1 - share) + floor * share
