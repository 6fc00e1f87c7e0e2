"""Pores of given share, size, shape and place in a grain structure."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.csgraph import connected_components

from micro_features.errors import SettingsError
from micro_features.synthetic.structure.cavities import Pores, pore_depth_um, roughness
from micro_features.synthetic.structure.laguerre import PowerDiagram
from micro_features.synthetic.structure.necks import necks
from micro_features.synthetic.structure.packing import inside_box
from micro_features.synthetic.structure.placing import INSIDE, KINDS, choose_places, find_places, turned
from micro_features.synthetic.structure.sizes import lognormal_diameters

_SHAPE_SPREAD = 0.1  # standard deviation of the semi-axes' logarithm, pore by pore
_GAP = 0.04  # of the mean diameter, between closed pores
_OPEN_CLOSENESS = 0.7  # open pores may overlap
_UNPLACED = 0.05  # of the pores' volume may find no place: swelling makes up for it
_SURELY_FITS = 0.75  # of what found a place when too much was asked for
_NECK_DIAMETER = 0.5  # of the mean pore diameter
_LEAST_IN_PORES = 0.3  # of the pore volume; the rest may be necks
_LEAST_OPEN = 0.5  # of the volume of open pores must hang together through the box
_PASSES = 6
_MOST_SWELLING = 0.02  # of the mean diameter: closed pores do not meet by it

_STEPS_PER_DIAMETER = 4.5
_FEWEST_POINTS, _MOST_POINTS = 500_000, 8_000_000


@dataclass(frozen=True)
class PoreMeasures:
    """Pores as a fine grid sees them.

    Attributes
    ----------
    porosity : float
        Share of the volume, 0 to 1.
    open_share : float
        Share of the pore volume that hangs together with pores that reach through the box; NaN without pores.
    surface_per_um : float
        Area of pore walls per volume of the box.
    """

    porosity: float
    open_share: float
    surface_per_um: float


@dataclass(frozen=True, eq=False)
class PlacedPores:
    """Pores, and what they are as placed.

    Attributes
    ----------
    pores : Pores
        Pores first, then necks.
    diameters_um : (m,) float array
        Equivalent sphere diameters, without necks.
    shares : (3,) float array
        By number: on triple lines, on boundaries, inside grains.
    measures : PoreMeasures
    """

    pores: Pores
    diameters_um: np.ndarray
    shares: np.ndarray
    measures: PoreMeasures


def place_pores(
    rng: np.random.Generator,
    grains: PowerDiagram,
    *,
    porosity: float,
    diameter_um: float,
    sigma: float,
    shares: tuple[float, float, float],
    aspect: float,
    raggedness: float,
    open_pores: bool,
) -> PlacedPores:
    """Pores that take a given share of the volume; arguments as those of `polycrystal`.

    Raises
    ------
    SettingsError
        If they do not fit, or the share is less than one pore or, of open pores, less than their necks.
    """
    size, box = grains.size_um, float(np.prod(grains.size_um))
    rough = roughness(rng, size, height_um=raggedness * diameter_um / 2, wavelength_um=diameter_um)
    none = Pores(size, np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3, 3)), 0.0, rough)
    if porosity == 0:
        return PlacedPores(none, np.zeros(0), np.full(3, np.nan), PoreMeasures(0.0, float("nan"), 0.0))
    share = porosity
    for _ in range(_PASSES):
        diameters = rng.permutation(lognormal_diameters(share * box, mean=diameter_um, sigma=sigma))
        if len(diameters) == 0 or share < _LEAST_IN_PORES * porosity:
            raise SettingsError(_too_few(porosity, diameter_um, box, open_pores))
        bodies = _semi_axes(rng, diameters, aspect)
        places = find_places(rng, grains, len(diameters))
        place = choose_places(
            rng,
            size,
            places,
            rng.choice(len(KINDS), len(diameters), p=shares),
            bodies,
            gap_um=0.0 if open_pores else (_GAP + raggedness) * diameter_um,
            closeness=_OPEN_CLOSENESS if open_pores else 1.0,
        )
        settled = place >= 0
        place, diameters, bodies = place[settled], diameters[settled], bodies[settled]
        settled_share = float(np.pi / 6 * (diameters**3).sum() / box)
        if settled_share < (1 - _UNPLACED) * share:
            raise SettingsError(_too_many(porosity, diameter_um, settled_share, open_pores))
        kind = places.kind[place]
        pores = replace(
            none,
            centres_um=places.points_um[place],
            semi_axes_um=bodies[np.arange(len(kind)), kind],
            turns=places.turns[place],
        )
        if open_pores:
            pores = _with_necks(grains, pores, kind != INSIDE, _NECK_DIAMETER / 2 * diameter_um)
        pores, found = _swollen(pores, porosity, diameter_um)
        if abs(pores.swelling_um) <= _MOST_SWELLING * diameter_um:
            break
        share *= porosity / found
    else:
        raise SettingsError(_too_few(porosity, diameter_um, box, open_pores))
    measures = measure_pores(pores, diameter_um)
    if open_pores and measures.open_share < _LEAST_OPEN:
        raise SettingsError(_too_few(porosity, diameter_um, box, open_pores))
    by_kind = np.bincount(kind, minlength=len(KINDS)) / len(kind)
    return PlacedPores(pores, diameters + 2 * pores.swelling_um, by_kind, measures)


def measure_pores(pores: Pores, diameter_um: float) -> PoreMeasures:
    """Measure pores of given mean diameter, on a grid shifted against the one that they were swollen on."""
    depth, steps = _sampled(pores, diameter_um, shift=0.37)
    inside = depth > 0
    labels, _ = ndimage.label(inside)
    volumes = np.bincount(labels.ravel())
    faces = [(labels.take(0, axis), labels.take(-1, axis)) for axis in range(3)]
    meeting = np.concatenate([np.stack([a, b])[:, (a > 0) & (b > 0)] for a, b in faces], axis=1)
    graph = sparse.coo_matrix((np.ones(meeting.shape[1]), meeting), (len(volumes), len(volumes)))
    _, together = connected_components(graph, directed=False)
    through = np.unique(np.concatenate([np.intersect1d(a, b) for a, b in faces]))
    is_open = np.isin(together, together[through[through > 0]])
    is_open[0] = False
    # Area = integral of |grad depth| over a thin shell about the walls, by its thickness (coarea formula).
    shell = 0.5 * float(steps.mean())
    with np.errstate(invalid="ignore"):
        slope = np.sqrt(sum(part**2 for part in np.gradient(depth, *steps)))[np.abs(depth) < shell]
    slope = slope[np.isfinite(slope)]  # where a wall strays to where no depth is known
    return PoreMeasures(
        porosity=float(inside.mean()),
        open_share=float(volumes[is_open].sum() / volumes[1:].sum()),
        surface_per_um=float(slope.sum() / depth.size / (2 * shell)),
    )


def _semi_axes(rng: np.random.Generator, diameters_um: np.ndarray, aspect: float) -> np.ndarray:
    """(m, 3 kinds, 3) semi-axes: drawn out along triple lines, flat on boundaries, round inside grains."""
    logs = np.log(aspect) / 3 * np.array([[2.0, -1.0, -1.0], [-2.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    varied = rng.normal(0, _SHAPE_SPREAD, (len(diameters_um), 1, 3))
    logs = logs + varied - varied.mean(axis=2, keepdims=True)
    return diameters_um[:, None, None] / 2 * np.exp(logs)


def _with_necks(grains: PowerDiagram, pores: Pores, joined: np.ndarray, radius_um: float) -> Pores:
    """Pores, some of them joined along triple lines by slender ellipsoids, with beads where these meet."""
    ends = necks(grains, pores.centres_um[joined])
    along = ends[:, 1] - ends[:, 0]
    half = np.linalg.norm(along, axis=1) / 2
    thick = np.full_like(half, radius_um)
    rods, beads = np.stack([half + radius_um, thick, thick], axis=1), np.stack([thick, thick, thick], axis=1)
    centres = inside_box(np.concatenate([ends.mean(axis=1), ends[:, 0]]), pores.size_um)
    return replace(
        pores,
        centres_um=np.concatenate([pores.centres_um, centres]),
        semi_axes_um=np.concatenate([pores.semi_axes_um, rods, beads]),
        turns=np.concatenate([pores.turns, turned(along), turned(along)]),
    )


def _swollen(pores: Pores, porosity: float, diameter_um: float) -> tuple[Pores, float]:
    """Pores with the swelling, or shrinking, that gives the porosity; and the porosity without it."""
    depth, _ = _sampled(pores, diameter_um)
    count = round(porosity * depth.size)
    level = np.partition(depth.ravel(), depth.size - 1 - count)[depth.size - 1 - count]
    return replace(pores, swelling_um=float(-level)), float((depth > 0).mean())


def _sampled(pores: Pores, diameter_um: float, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Depth on a grid over the whole box that resolves pores of this diameter; and the grid's steps."""
    box = float(np.prod(pores.size_um))
    finest, coarsest = np.cbrt(box / _MOST_POINTS), np.cbrt(box / _FEWEST_POINTS)
    counts = np.ceil(pores.size_um / np.clip(diameter_um / _STEPS_PER_DIAMETER, finest, coarsest)).astype(int)
    steps = pores.size_um / counts
    z, y, x = ((np.arange(n) + shift) * step for n, step in zip(counts, steps, strict=True))
    return pore_depth_um(pores, z[:, None, None], y, x), steps


def _too_many(porosity: float, diameter_um: float, settled_share: float, open_pores: bool) -> str:
    other = "another pore diameter" if open_pores else "rounder and smoother pores, or open_pores=True"
    return (
        f"porosity {porosity:g} does not fit with pores of {diameter_um:.3g} um: about "
        f"{np.floor(100 * _SURELY_FITS * settled_share) / 100:g} does; give that, {other}."
    )


def _too_few(porosity: float, diameter_um: float, box_um3: float, open_pores: bool) -> str:
    if open_pores:
        return (
            f"porosity {porosity:g} is too little to join pores of {diameter_um:.3g} um through the box: give more, "
            "smaller pores, or open_pores=False."
        )
    return (
        f"porosity {porosity:g} of {box_um3:.4g} um3 is too little for pores of {diameter_um:.3g} um: give more, "
        "smaller pores, or a larger box."
    )
