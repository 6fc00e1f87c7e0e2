"""What is seen from above of a polycrystal some of whose grains are taken away or cut.

A cell of a power diagram is a convex body between plane walls: from above, it begins at the lowest of its upper walls
and ends at the highest of its lower ones. Of many bodies, the highest is seen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np
from scipy import sparse

from micro_features.synthetic.structure.laguerre import PowerDiagram, lifted_hull

_EDGE_ON = 1e-9  # how little, um, two sites differ in height if the wall between them is seen edge-on


@dataclass(frozen=True, eq=False)
class Bodies:
    """Cells of a power diagram in some region, each periodic image for itself.

    Attributes
    ----------
    cell : (m,) int array
        Index of the cell in the diagram.
    site_um : (m, 3) float array
        Site z, y, x.
    weight_um2 : (m,) float array
    low_um, high_um : (m, 3) float array
        Box around the body; wrong at the rim of the region, where neighbours are missing.
    neighbours : list of m int arrays
        Bodies it shares a wall with (a few more may touch it in an edge or corner only).
    stretch : (3,) float array
        Of the diagram.
    """

    cell: np.ndarray
    site_um: np.ndarray
    weight_um2: np.ndarray
    low_um: np.ndarray
    high_um: np.ndarray
    neighbours: list[np.ndarray]
    stretch: np.ndarray


def bodies(
    diagram: PowerDiagram,
    low_um: np.ndarray,
    high_um: np.ndarray,
    within: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> Bodies:
    """Cells whose site lies in a box and passes `within`, with their walls.

    Parameters
    ----------
    low_um, high_um : (3,) float array
        Opposite corners of the box; it may be larger than the diagram's, which repeats.
    within : callable
        Takes cells (m,) and sites (m, 3), gives (m,) bool.
    """
    turns = np.floor_divide([low_um, high_um], diagram.size_um).astype(int).T
    cells, sites = [], []
    for turn in product(*(range(first, last + 1) for first, last in turns)):
        image = diagram.sites_um + np.array(turn) * diagram.size_um
        cell = np.flatnonzero(((image >= low_um) & (image <= high_um)).all(axis=1))
        cell = cell[within(cell, image[cell])]
        cells.append(cell)
        sites.append(image[cell])
    cell, site = np.concatenate(cells), np.concatenate(sites)
    weight, n = diagram.weights_um2[cell], len(cell)

    middle = (low_um + high_um) / 2
    centred = (site - middle) / diagram.stretch
    hull, lower, corner = lifted_hull(centred, weight)
    four, corner = hull.simplices[lower], corner[lower] * diagram.stretch + middle
    low, high = np.full((n, 3), np.inf), np.full((n, 3), -np.inf)
    for member in four.T:
        np.minimum.at(low, member, corner)
        np.maximum.at(high, member, corner)

    one, other = np.concatenate([four[:, pair] for pair in permutations(range(4), 2)]).T
    touching = sparse.coo_array((np.ones(len(one), dtype=bool), (one, other)), (n, n)).tocsr()
    neighbours = np.split(touching.indices, touching.indptr[1:-1])
    return Bodies(cell, site, weight, low, high, neighbours, diagram.stretch)


def exposed(
    cells: Bodies,
    whole: np.ndarray,
    cuts: Mapping[int, Callable[[np.ndarray, np.ndarray], np.ndarray]],
    y_um: np.ndarray,
    x_um: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Height of what is seen, and the body it belongs to.

    Parameters
    ----------
    whole : (m,) bool array
        Bodies that are there whole; the others are not there, unless they are cut.
    cuts : dict
        Bodies of which only the part below a surface is there: height of that surface at places y, x.
    y_um, x_um : (rows,), (cols,) float array
        Of the lines of sight, ascending.

    Returns
    -------
    height_um : (rows, cols) float array
        -inf where nothing is there.
    body : (rows, cols) int array
        -1 where nothing is there.
    """
    buried = whole.copy()
    buried[list(cuts)] = False
    bare = [int(i) for i in np.flatnonzero(whole) if not buried[cells.neighbours[i]].all()]
    shown = sorted({*cuts, *bare})
    height, body = np.full((len(y_um), len(x_um)), -np.inf), np.full((len(y_um), len(x_um)), -1)
    first, last = (
        np.stack([np.searchsorted(y_um, corner[shown, 1]), np.searchsorted(x_um, corner[shown, 2])], axis=1)
        for corner in (cells.low_um, cells.high_um)
    )
    for i, start, stop in zip(shown, first, last, strict=True):
        window = (slice(start[0], stop[0]), slice(start[1], stop[1]))
        y, x = y_um[window[0], None], x_um[window[1]]
        if y.size == 0 or x.size == 0:
            continue
        top, bottom = _span(cells, i, y, x)
        if i in cuts:
            top = np.minimum(top, cuts[i](y, x))
        seen = (top > bottom) & (top > height[window])
        height[window][seen] = top[seen]
        body[window][seen] = i
    return height, body


def _span(cells: Bodies, body: int, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Heights of a body's upper and lower side; the upper is -inf or below the lower beside the body."""
    others, site = cells.neighbours[body], cells.site_um[body]
    # Where its power is less than a neighbour's: slope . (p - site) < limit.
    apart = cells.site_um[others] - site
    slopes = apart / cells.stretch**2
    limits = ((apart * slopes).sum(axis=1) + cells.weight_um2[body] - cells.weight_um2[others]) / 2
    top, bottom = np.full((len(y), len(x)), np.inf), np.full((len(y), len(x)), -np.inf)
    for (rise, down, right), limit in zip(slopes, limits + slopes @ site, strict=True):
        if abs(rise) <= _EDGE_ON:
            top[down * y + right * x > limit] = -np.inf
        else:
            wall = (limit / rise - (down / rise) * y) - (right / rise) * x
            if rise > 0:
                np.minimum(top, wall, out=top)
            else:
                np.maximum(bottom, wall, out=bottom)
    return top, bottom
