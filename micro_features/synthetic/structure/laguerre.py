"""Periodic power (Laguerre) diagrams in space, with cells of prescribed volume.

Point x belongs to the site i of least power |x - p_i|² - w_i. Which cell a point lies in is a search for the nearest
neighbour with one more coordinate, sqrt(w_max - w_i); walls, edges and corners of the cells are dual to the lower
convex hull of the points (p_i, |p_i|² - w_i) (Aurenhammer 1987, doi 10.1137/0216006).
"""

from dataclasses import dataclass, field
from functools import cached_property
from itertools import product

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import cg
from scipy.spatial import ConvexHull, cKDTree

from micro_features.errors import SettingsError
from micro_features.synthetic.structure.packing import inside_box, shortest, spread_out, summed

_FIRST_REACH = 1.0  # how far neighbours are looked for at first, in sums of the two radii
_WIDER = 1.6
_WIDENINGS = 5
_MISSING = 1e-6  # of the box's volume, that tells a neighbour was overlooked

_SPHERES = 0.9  # radii of the spheres that are packed first, as a share of the cells' radii
_LLOYD_STEPS = 2  # more make the cells rounder than grains are
_MOST_STEPS = 100
_VOLUME_TOLERANCE = 0.01  # of each cell's volume; the last step usually leaves far less
_SHRINKING = 0.3  # a step that leaves a cell less of its relative volume is halved


@dataclass(frozen=True, eq=False)
class PowerDiagram:
    """Cells that fill a periodic box.

    Attributes
    ----------
    size_um : (3,) float array
        Edges of the box along z, y, x.
    sites_um : (n, 3) float array
        z, y, x, inside the box.
    weights_um2 : (n,) float array
    stretch : (3,) float array
        Cells are elongated by this much along z, y, x: power is |(x - p_i) / stretch|² - w_i.
    """

    size_um: np.ndarray
    sites_um: np.ndarray
    weights_um2: np.ndarray
    stretch: np.ndarray = field(default_factory=lambda: np.ones(3))

    @cached_property
    def _tree(self) -> cKDTree:
        lift = np.sqrt(self.weights_um2.max() - self.weights_um2)
        return cKDTree(
            np.column_stack([self.sites_um / self.stretch, lift]), boxsize=[*(self.size_um / self.stretch), 0]
        )

    def nearest(self, points_um: np.ndarray, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Power and index of the `k` cells of least power at each point.

        Parameters
        ----------
        points_um : (..., 3) array
            Anywhere; the box repeats.

        Returns
        -------
        power_um2 : (..., k) float array
            Ascending.
        cell : (..., k) int array
            From 0.
        """
        points = inside_box(np.reshape(points_um, (-1, 3)) / self.stretch, self.size_um / self.stretch)
        lifted = np.column_stack([points, np.zeros(len(points))])
        distance, cell = self._tree.query(lifted, k=list(range(1, k + 1)))
        shape = (*np.shape(points_um)[:-1], k)
        return (distance**2 - self.weights_um2.max()).reshape(shape), cell.reshape(shape)

    def offset(self, points_um: np.ndarray, cell: np.ndarray) -> np.ndarray:
        """Vector from the nearest periodic image of a cell's site to each point, (..., 3) um."""
        return shortest(points_um - self.sites_um[cell], self.size_um)

    @cached_property
    def walls(self) -> "Walls":
        """The walls between the cells, exactly."""
        size, sites = self.size_um / self.stretch, self.sites_um / self.stretch
        reach = np.sqrt(self.weights_um2 - self.weights_um2.min()) + np.cbrt(np.prod(size) / len(sites))
        walls = _walls(size, sites, self.weights_um2, reach)
        normal = walls.normal / self.stretch
        return Walls(
            cells=walls.cells,
            corners_um=walls.corners_um * self.stretch,
            normal=normal / np.linalg.norm(normal, axis=1, keepdims=True),
            from_sites_um=walls.from_sites_um * self.stretch,
            edges_um=walls.edges_um * self.stretch,
        )


@dataclass(frozen=True, eq=False)
class Walls:
    """The walls between the cells of a power diagram, cut into triangles.

    A wall is a convex polygon. Each triangle runs from its middle to one of its edges, where three cells meet. Every
    wall and every edge occurs once a period; corners are not wrapped into the box.

    Attributes
    ----------
    cells : (m, 2) int array
        On either side of each triangle.
    corners_um : (m, 3, 3) float array
        Middle of the wall, and the two ends of the edge.
    normal : (m, 3) float array
        Unit vector from the first cell to the second.
    from_sites_um : (m, 2, 3) float array
        From each cell's site to the middle of the wall.
    edges_um : (l, 2, 3) float array
        Ends of the edges.
    """

    cells: np.ndarray
    corners_um: np.ndarray
    normal: np.ndarray
    from_sites_um: np.ndarray
    edges_um: np.ndarray

    @cached_property
    def area_um2(self) -> np.ndarray:
        """(m,) areas of the triangles."""
        middle, start, end = np.moveaxis(self.corners_um, 1, 0)
        return 0.5 * np.linalg.norm(np.cross(start - middle, end - middle), axis=1)

    def random_points(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points spread evenly over all walls.

        Returns
        -------
        points_um : (n, 3) float array
            Not wrapped into the box.
        triangle : (n,) int array
            The one that each lies in.
        share : (n, 3) float array
            Of each of its corners: barycentric coordinates.
        """
        triangle = rng.choice(len(self.area_um2), n, p=self.area_um2 / self.area_um2.sum())
        share = rng.dirichlet((1, 1, 1), n)
        return np.einsum("nc,nca->na", share, self.corners_um[triangle]), triangle, share

    def volumes_and_centroids(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """(n,) volumes of the cells, and (n, 3) vectors from their sites to their centroids.

        A cell is made of pyramids from its site to its walls; a pyramid's volume is negative where the site lies
        beyond the wall.
        """
        volume, moment = np.zeros(n), np.zeros((n, 3))
        to_centre = self.corners_um.mean(axis=1) - self.corners_um[:, 0]
        for side, outward in ((0, 1.0), (1, -1.0)):
            height = outward * np.einsum("ij,ij->i", self.from_sites_um[:, side], self.normal)
            pyramid = self.area_um2 * height / 3
            centroid = 0.75 * (self.from_sites_um[:, side] + to_centre)
            volume += np.bincount(self.cells[:, side], pyramid, n)
            moment += summed(self.cells[:, side], pyramid[:, None] * centroid, n)
        return volume, moment / np.where(volume > 0, volume, np.inf)[:, None]


@dataclass(frozen=True, eq=False)
class NearWalls:
    """Walls near each of some points.

    Attributes
    ----------
    cell : (...,) int array
        The cell that each point lies in.
    neighbour : (..., k - 1) int array
        Cells behind the walls.
    distance_um : (..., k - 1) float array
        To the planes of these walls, ascending; infinite where a plane is parallel to the section asked for.
    normal : (..., k - 1, 3) float array
        Unit vectors across the walls, out of `cell`.
    """

    cell: np.ndarray
    neighbour: np.ndarray
    distance_um: np.ndarray
    normal: np.ndarray


def walls_near(diagram: PowerDiagram, points_um: np.ndarray, *, k: int = 6, plane_axis: int | None = None) -> NearWalls:
    """Walls between the cell that each point lies in and the others of the `k` cells of least power.

    The first distance is that to the cell's boundary (with k = 6, all but always).

    Parameters
    ----------
    points_um : (..., 3) array
    plane_axis : int, optional
        Measure within the plane across this axis (0 is z), to the walls' traces; else in space.
    """
    power, cell = diagram.nearest(points_um, k)
    to_point = diagram.offset(np.asarray(points_um, dtype=float)[..., None, :], cell)
    out = 2 * (to_point[..., :1, :] - to_point[..., 1:, :]) / diagram.stretch**2  # how fast the powers draw level
    steepness = np.linalg.norm(out, axis=-1)
    normal = out / steepness[..., None]
    if plane_axis is not None:
        steepness = np.linalg.norm(np.delete(out, plane_axis, axis=-1), axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(steepness > 0, (power[..., 1:] - power[..., :1]) / steepness, np.inf)
    order = np.argsort(distance, axis=-1, kind="stable")
    return NearWalls(
        cell=cell[..., 0],
        neighbour=np.take_along_axis(cell[..., 1:], order, axis=-1),
        distance_um=np.take_along_axis(distance, order, axis=-1),
        normal=np.take_along_axis(normal, order[..., None], axis=-2),
    )


def lifted_hull(points_um: np.ndarray, weights_um2: np.ndarray) -> tuple[ConvexHull, np.ndarray, np.ndarray]:
    """Convex hull of points lifted to |p|² - w; its lower facets are the corners of their power diagram.

    Parameters
    ----------
    points_um : (n, 3) float array
        Best about the origin, so that little precision is lost.
    weights_um2 : (n,) float array

    Returns
    -------
    hull : ConvexHull
        `simplices` (f, 4) are the points of each facet, `neighbors` (f, 4) the facets beside it.
    lower : (f,) bool array
        Facets on the lower side: four cells that meet in a corner.
    corner_um : (f, 3) float array
        Where they meet, half the slope of the facet; NaN for the other facets.
    """
    hull = ConvexHull(np.column_stack([points_um, (points_um**2).sum(axis=1) - weights_um2]))
    down = -hull.equations[:, 3]
    lower = down > 1e-12
    return hull, lower, hull.equations[:, :3] / (2 * np.where(lower, down, np.nan))[:, None]


def with_volumes(rng: np.random.Generator, size_um: np.ndarray, volumes_um3: np.ndarray) -> PowerDiagram:
    """A random diagram whose cells have given volumes, each within 1 %.

    Spheres of the cells' volumes are crowded together, which puts sites and weights near their goal; Newton's method
    on the weights, with the walls' areas as derivatives, does the rest, while two Lloyd steps round the cells
    (Bourne et al. 2020, doi 10.1080/14786435.2020.1790053; Kitagawa et al. 2019, doi 10.4171/JEMS/889).

    Parameters
    ----------
    size_um : (3,) array
    volumes_um3 : (n,) array
        Positive; scaled so that they fill the box.

    Raises
    ------
    SettingsError
        If no such diagram is found; the largest cells are too large for the box.
    """
    size = np.asarray(size_um, dtype=float)
    n, box = len(volumes_um3), float(np.prod(size))
    wanted = np.asarray(volumes_um3, dtype=float) * (box / np.sum(volumes_um3))
    radius = np.cbrt(3 / (4 * np.pi) * wanted)
    sites = spread_out(size, rng.uniform(0, 1, (n, 3)) * size, _SPHERES * radius)
    weights = (_SPHERES * radius) ** 2
    good: tuple[np.ndarray, np.ndarray, float] | None = None
    for step in range(_MOST_STEPS):
        walls = _walls(size, inside_box(sites, size), weights, radius)
        volume, to_centroid = walls.volumes_and_centroids(n)
        share = volume / wanted
        least = float(share.min())
        if good is None and least <= 0:
            weights = 0.7 * weights  # without weights no cell is swallowed
            continue
        if good is not None and least < _SHRINKING * min(1.0, good[2]):
            sites, weights = (sites + good[0]) / 2, (weights + good[1]) / 2
            continue
        if step >= _LLOYD_STEPS and np.abs(share - 1).max() < _VOLUME_TOLERANCE:
            return PowerDiagram(size, inside_box(sites, size), weights)
        good = (sites, weights, least)
        weights = weights + _newton_step(walls, wanted - volume)
        if step < _LLOYD_STEPS:
            sites = sites + to_centroid
    raise SettingsError(
        f"the largest of {n} grains takes {wanted.max() / box:.0%} of the box: give smaller grains, less spread, or a "
        "larger box."
    )


def _newton_step(walls: Walls, lacking_um3: np.ndarray) -> np.ndarray:
    """Change of the weights that would, to first order, add the lacking volumes."""
    n = len(lacking_um3)
    apart = np.linalg.norm(walls.from_sites_um[:, 0] - walls.from_sites_um[:, 1], axis=1)
    rate = walls.area_um2 / (2 * apart)  # volume that passes a wall per change of weight
    one, other = walls.cells.T
    exchange = sparse.coo_matrix((rate, (one, other)), (n, n)).tocsr()
    exchange = exchange + exchange.T
    own = np.asarray(exchange.sum(axis=1)).ravel()
    # Weights count up to a constant: conjugate gradients do not mind a right side that sums to 0.
    step, _ = cg(
        sparse.diags(own) - exchange, lacking_um3 - lacking_um3.mean(), rtol=1e-3, M=sparse.diags(1 / own), maxiter=500
    )
    return step


def _walls(size_um: np.ndarray, sites_um: np.ndarray, weights_um2: np.ndarray, reach_um: np.ndarray) -> Walls:
    """Walls of a diagram; `reach_um` (n,) guesses the cells' radii."""
    box = float(np.prod(size_um))
    for widening in range(_WIDENINGS):
        reach = _FIRST_REACH * _WIDER**widening * (reach_um + reach_um.max())
        walls = _walls_within(size_um, sites_um, weights_um2, reach)
        # A cell whose neighbour was overlooked is too large.
        volume, _ = walls.volumes_and_centroids(len(weights_um2))
        if abs(volume.sum() / box - 1) < _MISSING:
            return walls
    raise SettingsError("grains touch their own periodic images: give smaller grains or a larger box.")


def _walls_within(size_um: np.ndarray, sites_um: np.ndarray, weights_um2: np.ndarray, reach_um: np.ndarray) -> Walls:
    """Walls of a diagram, with periodic images of each site as far as `reach_um` (n,) outside the box."""
    n = len(sites_um)
    points, cell = _with_images(size_um, sites_um, reach_um)
    hull, lower, corner = lifted_hull(points - size_um / 2, weights_um2[cell])
    corner = corner + size_um / 2

    # Neighbouring facets are the two ends of an edge, and share the three cells that meet along it.
    start, end = np.repeat(np.arange(len(lower)), 4), hull.neighbors.ravel()
    trio = hull.simplices[:, [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]].reshape(-1, 3)
    kept = (start < end) & lower[start] & lower[end] & (trio < n).any(axis=1)
    start, end, trio = start[kept], end[kept], trio[kept]
    order = np.argsort(cell[trio], axis=1)
    trio = np.take_along_axis(trio, order, axis=1)
    edges = np.stack([corner[start], corner[end]], axis=1)

    # Three walls meet in an edge. Of the periodic images, that is taken whose cell of lowest number is in the box.
    pair = np.concatenate([trio[:, [0, 1]], trio[:, [0, 2]], trio[:, [1, 2]]])
    ends = np.concatenate([edges, edges, edges])
    mine = (pair[:, 0] < n) & (cell[pair[:, 0]] != cell[pair[:, 1]])
    pair, ends = pair[mine], ends[mine]
    _, wall, sides = np.unique(pair[:, 0] * len(points) + pair[:, 1], return_inverse=True, return_counts=True)
    middle = (summed(wall, ends.mean(axis=1), len(sides)) / sides[:, None])[wall]

    apart = points[pair[:, 1]] - points[pair[:, 0]]
    return Walls(
        cells=cell[pair],
        corners_um=np.concatenate([middle[:, None], ends], axis=1),
        normal=apart / np.linalg.norm(apart, axis=1, keepdims=True),
        from_sites_um=middle[:, None] - points[pair],
        edges_um=edges[trio[:, 0] < n],
    )


def _with_images(size_um: np.ndarray, sites_um: np.ndarray, reach_um: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sites, then those of their periodic images that lie within reach of the box; and which cell each is."""
    points, cells = [sites_um], [np.arange(len(sites_um))]
    for shift in product((-1, 0, 1), repeat=3):
        image = sites_um + np.array(shift) * size_um
        outside = np.maximum(np.maximum(-image, image - size_um), 0)
        near = np.flatnonzero((outside**2).sum(axis=1) <= reach_um**2)
        if any(shift):
            points.append(image[near])
            cells.append(near)
    return np.concatenate(points), np.concatenate(cells)
