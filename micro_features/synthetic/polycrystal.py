"""Plane grain structures with pores, of known truth.

Grains are a power (Laguerre) diagram: pixel x belongs to the site i of least |x - p_i|² - w_i. That is a search for the
nearest neighbour with one more coordinate, sqrt(w_max - w_i) (Aurenhammer 1987, doi 10.1137/0216006). Sites and weights
are adapted until each grain has the area it was given.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, special
from scipy.spatial import cKDTree

from micro_features.errors import SettingsError

_ADAPTATIONS = 30
_POINTS_PER_GRAIN = 50
_PORE_SIGMA = 0.35
_TRIES_PER_PORE = 60
_MAX_SWELLING = 0.2  # of the mean pore diameter


@dataclass(frozen=True, eq=False)
class Tessellation:
    """Grains without pores; lengths in pixels.

    Attributes
    ----------
    labels : (rows, cols) int32 array
        From 1.
    boundary_distance : (rows, cols) float array
        Distance to the nearest grain boundary, exact between pixels.
    """

    labels: np.ndarray
    boundary_distance: np.ndarray


def lognormal_diameters(rng: np.random.Generator, *, area: float, mean: float, sigma: float) -> np.ndarray:
    """Diameters of discs that together fill `area`; number mean `mean`, standard deviation of the logarithm `sigma`.

    The diameters are evenly spaced quantiles in random order, so that the sample has the distribution asked for.
    """
    n = max(1, round(area / (np.pi / 4 * mean**2 * np.exp(sigma**2))))
    for _ in range(2):  # a small sample lacks the largest discs: more of the others fill the area
        diameters = np.exp(sigma * special.ndtri((np.arange(n) + 0.5) / n))
        diameters *= mean / diameters.mean()
        n = max(1, round(n * area / (np.pi / 4 * (diameters**2).sum())))
    diameters = np.exp(sigma * special.ndtri((np.arange(n) + 0.5) / n))
    return rng.permutation(diameters * mean / diameters.mean())


def tessellate(
    rng: np.random.Generator, shape: tuple[int, int], diameters: np.ndarray, *, waviness: float
) -> Tessellation:
    """Divide a frame into grains of given relative sizes.

    Parameters
    ----------
    shape : (rows, cols)
    diameters : (n,) array
        At least 3. Equivalent circle diameters; scaled so that the areas add up to the frame.
    waviness : float
        How far boundaries stray from straight lines, as a share of the mean diameter, 0 to about 0.1.
    """
    extent = np.array(shape, dtype=float)
    areas = diameters**2 * extent.prod() / (diameters**2).sum()
    sites = rng.uniform(0, 1, (len(areas), 2)) * extent
    weights = np.zeros(len(areas))

    # A jittered grid of sample points is enough to adapt sites and weights.
    step = max(1.0, np.sqrt(extent.prod() / (_POINTS_PER_GRAIN * len(areas))))
    grid = np.stack(np.meshgrid(*(np.arange(0.5 * step, side, step) for side in shape), indexing="ij"), axis=-1)
    points = grid.reshape(-1, 2) + rng.uniform(-0.5, 0.5, (grid.shape[0] * grid.shape[1], 2)) * step
    for _ in range(_ADAPTATIONS):
        tree = _tree(sites, weights)
        _, owner = tree.query(_lift(points))
        count = np.bincount(owner, minlength=len(areas))
        for axis in range(2):
            total = np.bincount(owner, weights=points[:, axis], minlength=len(areas))
            sites[:, axis] = np.where(count > 0, total / np.maximum(count, 1), sites[:, axis])
        achieved = count * extent.prod() / len(points)
        # A grain that lost every point comes back where it is, at its full size.
        lost = count == 0
        distance, _ = tree.query(_lift(sites[lost]))
        revived = weights.max() - distance**2 + areas[lost] / np.pi
        weights = weights + 0.5 * (areas - achieved) / np.pi
        weights[lost] = revived

    warp = waviness * np.sqrt(extent.prod() / len(areas))
    rows, cols = np.indices(shape, dtype=float)
    rows += warp * smooth_field(rng, shape, length_px=6 * warp + 4)
    cols += warp * smooth_field(rng, shape, length_px=6 * warp + 4)
    pixels = np.stack([rows.ravel(), cols.ravel()], axis=1)
    distance, nearest = _tree(sites, weights).query(_lift(pixels), k=3)
    first = nearest[:, 0]
    # The boundary between two sites is a straight line; this is the distance from the nearer of two such lines.
    apart = np.linalg.norm(sites[first, None] - sites[nearest[:, 1:]], axis=2)
    gap = ((distance[:, 1:] ** 2 - distance[:, :1] ** 2) / (2 * np.maximum(apart, 1e-6))).min(axis=1)
    _, labels = np.unique(first, return_inverse=True)
    return Tessellation((labels + 1).reshape(shape).astype(np.int32), gap.reshape(shape))


def place_pores(
    rng: np.random.Generator,
    grains: Tessellation,
    *,
    porosity: float,
    diameter: float,
    shares: tuple[float, float, float],
    irregularity: float,
    frame: tuple[slice, slice],
) -> np.ndarray:
    """Depth inside pores, in pixels: positive in pores, negative elsewhere.

    Parameters
    ----------
    porosity : float
        Area share of pores in `frame`, met to the pixel.
    diameter : float
        Mean diameter.
    shares : three floats that add up to 1
        Of the pores' number: centred where three grains meet, on boundaries, inside grains.
    irregularity : float
        0 draws ellipses; 0.3 lobed, ragged outlines.
    frame : pair of slices
        The part of the frame that the share is counted in.

    Raises
    ------
    SettingsError
        If so many pores of this size can not lie apart from each other, or so little porosity needs less than one.
    """
    depth = np.full(grains.labels.shape, -np.inf)
    if porosity == 0:
        return depth
    in_frame = np.zeros(grains.labels.shape, dtype=bool)
    in_frame[frame] = True
    clearance = np.full(grains.labels.shape, np.inf)
    for region in (in_frame, ~in_frame):
        sites = _pore_sites(grains, region, diameter)
        area = porosity * np.count_nonzero(region)
        radii = np.sort(lognormal_diameters(rng, area=area, mean=diameter, sigma=_PORE_SIGMA))[::-1] / 2
        for radius in radii:
            wanted, anywhere = sites[rng.choice(3, p=shares)], sites[3]
            # Where no wanted site has room, the pore goes anywhere.
            tries = np.vstack([some[rng.integers(len(some), size=_TRIES_PER_PORE)] for some in (wanted, anywhere)])
            fits = np.flatnonzero(clearance[tries[:, 0], tries[:, 1]] > radius + 1)
            if len(fits) == 0:
                raise SettingsError(
                    f"porosity {porosity:g} does not fit with pores {diameter:.3g} pixels across: "
                    "give less porosity or another pore diameter."
                )
            _carve(
                rng,
                depth,
                clearance,
                tries[fits[0]],
                radius,
                reach=radius + 1.5 * radii[0] + 3,
                irregularity=irregularity,
            )
    # Overlap and ragged outlines cost area; one small, equal swelling or shrinking of all pores restores it.
    inside = depth[frame].ravel()
    n_pore = round(porosity * inside.size)
    level = np.partition(inside, inside.size - 1 - n_pore)[inside.size - 1 - n_pore]
    if not abs(level) < _MAX_SWELLING * diameter:
        raise SettingsError(
            f"porosity {porosity:g} of {inside.size} pixels can not be met with pores {diameter:.3g} pixels across: "
            "give another pore diameter or a larger shape."
        )
    return depth - level


def smooth_field(rng: np.random.Generator, shape: tuple[int, int], *, length_px: float) -> np.ndarray:
    """Random field of zero mean and unit standard deviation that varies over `length_px`."""
    coarse = max(1.0, length_px / 3)
    small = [int(np.ceil(side / coarse)) + 8 for side in shape]
    field = ndimage.gaussian_filter(rng.standard_normal(small), length_px / coarse / 2)
    rows = 3 + np.arange(shape[0]) / coarse
    cols = 3 + np.arange(shape[1]) / coarse
    field = ndimage.map_coordinates(field, np.meshgrid(rows, cols, indexing="ij"), order=3)
    return (field - field.mean()) / max(field.std(), 1e-12)


def _tree(sites: np.ndarray, weights: np.ndarray) -> cKDTree:
    return cKDTree(np.column_stack([sites, np.sqrt(weights.max() - weights)]))


def _lift(points: np.ndarray) -> np.ndarray:
    return np.column_stack([points, np.zeros(len(points))])


def _pore_sites(grains: Tessellation, region: np.ndarray, diameter: float) -> list[np.ndarray]:
    """Pixels of a region where pores may be centred: triple points, boundaries, interiors; and all of them."""
    labels, distance = grains.labels, grains.boundary_distance
    quad = np.stack([labels[:-1, :-1], labels[1:, :-1], labels[:-1, 1:], labels[1:, 1:]])
    quad.sort(axis=0)
    triple = np.pad((np.diff(quad, axis=0) != 0).sum(axis=0) >= 2, ((0, 1), (0, 1)))
    anywhere = np.argwhere(region)
    kinds = [np.argwhere(kind & region) for kind in (triple, distance < 0.7, distance > 0.6 * diameter)]
    return [kind if len(kind) else anywhere for kind in kinds] + [anywhere]


def _carve(
    rng: np.random.Generator,
    depth: np.ndarray,
    clearance: np.ndarray,
    centre: np.ndarray,
    radius: float,
    *,
    reach: float,
    irregularity: float,
) -> None:
    """Cut one pore, a lobed ellipse, into `depth`; keep `clearance`, the distance to the nearest pore."""
    low = np.maximum(centre - int(reach), 0)
    high = np.minimum(centre + int(reach) + 1, depth.shape)
    window = (slice(low[0], high[0]), slice(low[1], high[1]))
    rows, cols = np.ogrid[window]
    down, right = rows - centre[0], cols - centre[1]
    clearance[window] = np.minimum(clearance[window], np.hypot(down, right) - radius)
    turn = rng.uniform(0, np.pi)
    stretch = np.exp(rng.uniform(0, 1.5 * irregularity + 0.15))
    along = (down * np.sin(turn) + right * np.cos(turn)) / np.sqrt(stretch)
    across = (down * np.cos(turn) - right * np.sin(turn)) * np.sqrt(stretch)
    angle = np.arctan2(across, along)
    outline = np.ones_like(angle)
    for lobes in (2, 3, 4, 5):
        outline += irregularity * rng.normal(0, 0.8 / lobes) * np.cos(lobes * angle + rng.uniform(0, 2 * np.pi))
    inside = radius * np.maximum(outline, 0.3) - np.hypot(along, across)
    depth[window] = np.maximum(depth[window], inside)
