"""Where pores lie in a grain structure: on triple lines, on boundaries, inside grains."""

from dataclasses import dataclass

import numpy as np

from micro_features.synthetic.structure.laguerre import PowerDiagram, walls_near
from micro_features.synthetic.structure.packing import inside_box, keep_apart

KINDS = ("triple lines", "boundaries", "inside grains")
TRIPLE_LINE, BOUNDARY, INSIDE = range(3)

_PLACES_PER_PORE = 10
_FEWEST_PLACES = 3000
_ROUNDS = 200
_ROUNDS_AT_WISH = 60  # thereafter a pore takes any place
_LEAST_CHOICE = 0.1  # share of the places, the roomiest, that are open to every pore


@dataclass(frozen=True, eq=False)
class Places:
    """Points of a grain structure where a pore may be centred.

    Attributes
    ----------
    points_um : (p, 3) float array
    kind : (p,) int array
        ``TRIPLE_LINE``, ``BOUNDARY`` or ``INSIDE``; each kind is together, roomiest places first.
    turns : (p, 3, 3) float array
        Three directions: on a triple line the first runs along it, on a boundary the first is its normal.
    room_um : (p,) float array
        Distance to the next triple line for places on boundaries, to the next boundary for places inside grains.
    """

    points_um: np.ndarray
    kind: np.ndarray
    turns: np.ndarray
    room_um: np.ndarray


def find_places(rng: np.random.Generator, grains: PowerDiagram, pores: int) -> Places:
    """Plenty of places of each kind, evenly spread over the triple lines, the boundaries and the volume."""
    count = max(_FEWEST_PLACES, _PLACES_PER_PORE * pores)
    edges, walls = grains.walls.edges_um, grains.walls

    along = edges[:, 1] - edges[:, 0]
    length = np.linalg.norm(along, axis=1)
    chosen = rng.choice(len(edges), count, p=length / length.sum())
    on_lines = edges[chosen, 0] + rng.uniform(0, 1, (count, 1)) * along[chosen]

    on_walls, triangle, share = walls.random_points(rng, count)
    base = np.linalg.norm(walls.corners_um[triangle, 1] - walls.corners_um[triangle, 2], axis=1)
    to_edge = 2 * share[:, 0] * walls.area_um2[triangle] / np.maximum(base, 1e-12)

    inside = rng.uniform(0, 1, (count, 3)) * grains.size_um
    to_wall = walls_near(grains, inside).distance_um[:, 0]

    groups = (
        (on_lines, turned(along[chosen], rng), np.full(count, np.inf)),
        (on_walls, turned(walls.normal[triangle], rng), to_edge),
        (inside, turned(rng.standard_normal((count, 3)), rng), to_wall),
    )
    ordered = [tuple(part[np.argsort(-group[2], kind="stable")] for part in group) for group in groups]
    points, turns, room = (np.concatenate(parts) for parts in zip(*ordered, strict=True))
    return Places(inside_box(points, grains.size_um), np.repeat(np.arange(3), count), turns, room)


def choose_places(
    rng: np.random.Generator,
    size_um: np.ndarray,
    places: Places,
    wanted: np.ndarray,
    semi_axes_um: np.ndarray,
    *,
    gap_um: float,
    closeness: float,
) -> np.ndarray:
    """Places for pores that keep apart.

    Two pores keep apart if a plane across the line of their centres parts them.

    Parameters
    ----------
    wanted : (m,) int array
        Kind of place that each pore asks for; where that has no room, it takes any place.
    semi_axes_um : (m, 3, 3) float array
        Of each pore, in a place of each kind, along its three directions.
    gap_um : float
        Left between pores.
    closeness : float
        Share of the distance at which pores would touch that is kept; 1 parts them, less lets them overlap.

    Returns
    -------
    (m,) int array
        Index of the place; -1 for a pore that found none.
    """
    count = len(places.kind) // len(KINDS)
    radius = np.cbrt(semi_axes_um[:, 0].prod(axis=1))
    roomy = np.stack([np.searchsorted(-places.room_um[k * count : (k + 1) * count], -radius) for k in range(3)], axis=1)
    roomy = np.maximum(roomy, int(np.ceil(_LEAST_CHOICE * count)))

    def draw(pores: np.ndarray, attempt: int) -> np.ndarray:
        if attempt >= _ROUNDS_AT_WISH:
            return rng.integers(len(places.kind), size=len(pores))
        return wanted[pores] * count + rng.integers(roomy[pores, wanted[pores]])

    def extent(pore: np.ndarray, place: np.ndarray, direction: np.ndarray) -> np.ndarray:
        along = np.einsum("nka,na->nk", places.turns[place], direction)
        return np.sqrt(((semi_axes_um[pore, places.kind[place]] * along) ** 2).sum(axis=1))

    def clash(
        pore: np.ndarray, place: np.ndarray, other: np.ndarray, other_place: np.ndarray, apart_um: np.ndarray
    ) -> np.ndarray:
        distance = np.linalg.norm(apart_um, axis=1)
        direction = apart_um / np.maximum(distance, 1e-12)[:, None]
        touching = extent(pore, place, direction) + extent(other, other_place, direction)
        return distance < closeness * touching + gap_um

    reach = closeness * semi_axes_um.max(axis=(1, 2)) + gap_um / 2
    return keep_apart(size_um, places.points_um, reach, draw, clash, rounds=_ROUNDS)


def turned(first: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
    """Right-angled triples of unit vectors (n, 3, 3): the first along those given, the others any, or random."""
    first = first / np.linalg.norm(first, axis=1, keepdims=True)
    aside = (
        np.roll(np.eye(3)[np.abs(first).argmax(axis=1)], 1, axis=1) if rng is None else rng.standard_normal(first.shape)
    )
    second = np.cross(first, aside)
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    return np.stack([first, second, np.cross(first, second)], axis=1)
