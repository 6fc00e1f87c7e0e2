"""Random places for many bodies in a periodic box: crowded together, or kept apart."""

from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree

_CLASS_RATIO = 0.7  # bodies are handled in classes of like size, largest first
_PUSHES = 60
_PUSHES_PER_SEARCH = 5
_SEARCH_MARGIN = 1.15  # spheres this much nearer than touching may meet before the next search
_PUSH = 0.5


def shortest(apart_um: np.ndarray, size_um: np.ndarray) -> np.ndarray:
    """The shortest periodic image of each vector."""
    return apart_um - size_um * np.rint(apart_um / size_um)


def inside_box(points_um: np.ndarray, size_um: np.ndarray) -> np.ndarray:
    """Points wrapped into the periodic box."""
    points = np.mod(points_um, size_um)
    return np.where(points >= size_um, 0.0, points)  # mod may round up to the edge itself


def summed(index: np.ndarray, vectors: np.ndarray, n: int) -> np.ndarray:
    """Vectors (m, 3) added up by index, (n, 3)."""
    return np.stack([np.bincount(index, component, n) for component in vectors.T], axis=1)


def spread_out(size_um: np.ndarray, centres_um: np.ndarray, radii_um: np.ndarray) -> np.ndarray:
    """Push spheres apart until little overlap is left; (n, 3) centres, not wrapped into the box.

    Of two spheres that overlap the lighter one gives way more.
    """
    n = len(radii_um)
    mass = radii_um**3
    for push in range(_PUSHES):
        if push % _PUSHES_PER_SEARCH == 0:
            pairs = _close_pairs(size_um, inside_box(centres_um, size_um), _SEARCH_MARGIN * radii_um)
            one, other = pairs.T
        apart = shortest(centres_um[one] - centres_um[other], size_um)
        distance = np.linalg.norm(apart, axis=1)
        overlap = np.maximum(radii_um[one] + radii_um[other] - distance, 0)
        move = _PUSH * apart * (overlap / np.maximum(distance, 1e-9 * radii_um[one]))[:, None]
        share = (mass[other] / (mass[one] + mass[other]))[:, None]
        centres_um = centres_um + summed(one, move * share, n) - summed(other, move * (1 - share), n)
    return centres_um


def keep_apart(
    size_um: np.ndarray,
    places_um: np.ndarray,
    reach_um: np.ndarray,
    draw: Callable[[np.ndarray, int], np.ndarray],
    clash: Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    *,
    rounds: int,
) -> np.ndarray:
    """Give each body a place where it clashes with no other; large bodies choose first.

    Random sequential addition, many bodies at a time: in each round all bodies of a class that still lack a place try
    one, and give way to those that are settled and to larger ones that try beside them.

    Parameters
    ----------
    size_um : (3,) array
        The box repeats.
    places_um : (p, 3) array
        Possible places, inside the box.
    reach_um : (n,) array
        Bodies further apart than the sum of their reaches never clash.
    draw : function
        ``draw(bodies, round)``: an index into `places_um` for each of the bodies.
    clash : function
        ``clash(body, place, other, other_place, apart_um)`` for k pairs: (k,) bool; `apart_um` (k, 3) points from the
        other to the body.
    rounds : int
        Tries for each body.

    Returns
    -------
    (n,) int array
        Indices into `places_um`; -1 for a body that found no room.
    """
    chosen = np.full(len(reach_um), -1)

    def clashing(body: np.ndarray, place: np.ndarray, other: np.ndarray, other_place: np.ndarray) -> np.ndarray:
        return clash(body, place, other, other_place, shortest(places_um[place] - places_um[other_place], size_um))

    settled: list[tuple[np.ndarray, cKDTree]] = []  # by class: bodies, and where they are
    for members in _size_classes(reach_um):
        pending, joined = members, settled
        for attempt in range(rounds):
            place = draw(pending, attempt)
            tree = cKDTree(places_um[place], boxsize=size_um)
            free = np.ones(len(pending), dtype=bool)
            for others, settled_tree in joined:
                within = float(reach_um[pending].max() + reach_um[others].max())
                pairs = tree.sparse_distance_matrix(settled_tree, within, output_type="ndarray")
                new, old = pairs["i"], others[pairs["j"]]
                free[new[clashing(pending[new], place[new], old, chosen[old])]] = False
            pairs = tree.query_pairs(2 * float(reach_um[pending].max()), output_type="ndarray")
            first, second = pairs.min(axis=1), pairs.max(axis=1)  # the second is smaller and gives way
            gives_way = clashing(pending[first], place[first], pending[second], place[second])
            free[second[gives_way]] = False
            chosen[pending[free]] = place[free]
            pending = pending[~free]
            here = members[chosen[members] >= 0]
            if len(here):
                joined = [*settled, (here, cKDTree(places_um[chosen[here]], boxsize=size_um))]
            if len(pending) == 0:
                break
        settled = joined
    return chosen


def _close_pairs(size_um: np.ndarray, centres_um: np.ndarray, reach_um: np.ndarray) -> np.ndarray:
    """(k, 2) pairs of bodies closer than the sum of their reaches."""
    classes = _size_classes(reach_um)
    trees = [cKDTree(centres_um[members], boxsize=size_um) for members in classes]
    found = []
    for a, (large, large_tree) in enumerate(zip(classes, trees, strict=True)):
        found.append(large[large_tree.query_pairs(2 * float(reach_um[large].max()), output_type="ndarray")])
        for small, small_tree in zip(classes[a + 1 :], trees[a + 1 :], strict=True):
            within = float(reach_um[large].max() + reach_um[small].max())
            pairs = large_tree.sparse_distance_matrix(small_tree, within, output_type="ndarray")
            found.append(np.stack([large[pairs["i"]], small[pairs["j"]]], axis=1))
    pairs = np.concatenate(found)
    apart = shortest(centres_um[pairs[:, 0]] - centres_um[pairs[:, 1]], size_um)
    return pairs[(apart**2).sum(axis=1) < reach_um[pairs].sum(axis=1) ** 2]


def _size_classes(reach_um: np.ndarray) -> list[np.ndarray]:
    """Bodies in classes of like reach, largest first."""
    order = np.argsort(-reach_um, kind="stable")
    if len(order) == 0:
        return []
    step = np.floor(np.log(reach_um[order[0]] / reach_um[order]) / -np.log(_CLASS_RATIO)).astype(int)
    return np.split(order, np.flatnonzero(np.diff(step)) + 1)
