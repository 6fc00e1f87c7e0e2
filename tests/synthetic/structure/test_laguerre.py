"""Power diagrams: cells by brute force, walls that add up, volumes as asked for."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from micro_features.errors import SettingsError
from micro_features.synthetic.structure.laguerre import PowerDiagram, walls_near, with_volumes

BOX = np.array([9.0, 10.0, 12.0])


def diagram(n: int = 60, *, seed: int = 0, stretch: tuple[float, float, float] = (1, 1, 1)) -> PowerDiagram:
    rng = np.random.default_rng(seed)
    return PowerDiagram(BOX, rng.uniform(0, 1, (n, 3)) * BOX, rng.uniform(0, 1.5, n), np.array(stretch, dtype=float))


def powers(cells: PowerDiagram, points: np.ndarray) -> np.ndarray:
    """Power of each point (p, 3) to every cell's nearest image (p, n), spelled out."""
    apart = points[:, None] - cells.sites_um
    apart -= cells.size_um * np.rint(apart / cells.size_um)
    return ((apart / cells.stretch) ** 2).sum(axis=2) - cells.weights_um2


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(8, 80), stretch=st.floats(0.5, 2))
def test_nearest_cells_are_those_of_least_power(seed, n, stretch):
    cells = diagram(n, seed=seed, stretch=(1, stretch, 1))
    points = np.random.default_rng(seed + 1).uniform(-20, 30, (50, 3))
    power, cell = cells.nearest(points, 3)
    expected = powers(cells, points)
    order = np.argsort(expected, axis=1)[:, :3]
    np.testing.assert_allclose(power, np.take_along_axis(expected, order, axis=1), atol=1e-9)
    np.testing.assert_array_equal(cell, order)


def test_the_box_repeats_and_its_edge_belongs_to_it():
    cells = diagram()
    points = np.random.default_rng(1).uniform(0, 1, (500, 3)) * BOX
    np.testing.assert_array_equal(cells.nearest(points)[1], cells.nearest(points + BOX * [3, -2, 1])[1])
    np.testing.assert_array_equal(cells.nearest(np.array([[-1e-17, 0, 0]]))[1], cells.nearest(np.zeros((1, 3)))[1])


def test_walls_of_cubes():
    side = 2.0
    sites = np.stack(np.meshgrid(*[np.arange(5) * side + 0.3] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    walls = PowerDiagram(np.full(3, 10.0), sites, np.zeros(125)).walls
    assert walls.area_um2.sum() / 1000 == pytest.approx(3 / side)
    volumes, to_centroid = walls.volumes_and_centroids(125)
    np.testing.assert_allclose(volumes, side**3)
    np.testing.assert_allclose(to_centroid, 0, atol=1e-9)
    lengths = np.linalg.norm(walls.edges_um[:, 0] - walls.edges_um[:, 1], axis=1)
    assert lengths.max() == pytest.approx(side)


@pytest.mark.parametrize("stretch", [(1, 1, 1), (1.5, 0.9, 0.8)])
def test_walls_and_edges_are_where_cells_meet(stretch):
    cells = diagram(150, stretch=stretch)
    walls = cells.walls
    middle = powers(cells, walls.corners_um.mean(axis=1))
    rows = np.arange(len(middle))
    here, there = middle[rows, walls.cells[:, 0]], middle[rows, walls.cells[:, 1]]
    np.testing.assert_allclose(here, there, atol=1e-7)
    np.testing.assert_allclose(here, middle.min(axis=1), atol=1e-7)
    across = cells.nearest(walls.corners_um.mean(axis=1) + 1e-6 * walls.normal)[1][:, 0]
    large = walls.area_um2 > 1e-4
    np.testing.assert_array_equal(across[large], walls.cells[large, 1])
    in_wall = walls.corners_um[:, 1:] - walls.corners_um[:, :1]
    np.testing.assert_allclose(np.einsum("mca,ma->mc", in_wall, walls.normal), 0, atol=1e-7)
    on_edges = np.sort(powers(cells, walls.edges_um.mean(axis=1)), axis=1)
    np.testing.assert_allclose(on_edges[:, 0], on_edges[:, 2], atol=1e-7)


@pytest.mark.parametrize("stretch", [(1, 1, 1), (1.5, 0.9, 0.8)])
def test_volumes_are_those_that_random_points_find(stretch):
    cells = diagram(150, stretch=stretch)
    volumes, to_centroid = cells.walls.volumes_and_centroids(len(cells.sites_um))
    assert volumes.sum() == pytest.approx(BOX.prod())
    points = np.random.default_rng(2).uniform(0, 1, (200_000, 3)) * BOX
    cell = cells.nearest(points)[1][:, 0]
    share = np.bincount(cell, minlength=len(cells.sites_um)) / len(points)
    deviation = (share - volumes / BOX.prod()) / np.sqrt(np.maximum(share, 1e-6) / len(points))
    assert np.sqrt((deviation**2).mean()) < 1.4
    largest = int(np.argmax(volumes))
    offset = cells.offset(points[cell == largest], np.array(largest)).mean(axis=0)
    np.testing.assert_allclose(to_centroid[largest], offset, atol=0.05)


def test_a_swallowed_cell_has_no_volume():
    cells = diagram()
    weights = cells.weights_um2.copy()
    weights[7] = -50
    volumes, _ = replace(cells, weights_um2=weights).walls.volumes_and_centroids(len(cells.sites_um))
    assert volumes[7] == 0
    assert volumes.sum() == pytest.approx(BOX.prod())


def test_lines_cross_walls_as_stereology_says():
    """S_V = 2 P_L, with P_L from points along random lines so dense that no crossing is missed to speak of."""
    cells = diagram(40)
    rng = np.random.default_rng(3)
    direction = rng.standard_normal((1500, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    start = rng.uniform(0, 1, (1500, 3)) * BOX
    steps = np.arange(0, 10, 0.02)
    cell = cells.nearest(start[:, None] + steps[:, None] * direction[:, None])[1][..., 0]
    crossings = np.count_nonzero(np.diff(cell, axis=1)) / (1500 * steps[-1])
    assert 2 * crossings == pytest.approx(cells.walls.area_um2.sum() / BOX.prod(), rel=0.02)


@pytest.mark.parametrize("stretch", [(1, 1, 1), (1.5, 0.9, 0.8)])
@pytest.mark.parametrize("axis", [None, 0])
def test_walls_are_as_near_as_said(stretch, axis):
    cells = diagram(150, stretch=stretch)
    points = np.random.default_rng(4).uniform(0, 1, (2000, 3)) * BOX
    near = walls_near(cells, points, k=12, plane_axis=axis)
    np.testing.assert_array_equal(near.cell, cells.nearest(points)[1][:, 0])
    assert (np.diff(near.distance_um, axis=1) >= 0).all()
    direction = near.normal[:, 0].copy()
    if axis is not None:
        direction[:, axis] = 0
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    reach = near.distance_um[:, :1]
    before = cells.nearest(points + 0.999 * reach * direction)[1][:, 0]
    behind = cells.nearest(points + (1.001 * reach + 1e-6) * direction)[1][:, 0]
    assert np.mean(before == near.cell) > 0.995
    assert np.mean(behind == near.neighbour[:, 0]) > 0.995


@pytest.mark.parametrize(("sigma", "n"), [(0.05, 60), (0.35, 500), (0.6, 500), (0.7, 300)])
def test_cells_get_the_volumes_asked_for(sigma, n):
    rng = np.random.default_rng(5)
    wanted = np.exp(3 * sigma * rng.standard_normal(n))
    wanted *= 20.0**3 / wanted.sum()
    cells = with_volumes(rng, np.full(3, 20.0), wanted)
    volumes, _ = cells.walls.volumes_and_centroids(n)
    np.testing.assert_allclose(volumes, wanted, rtol=0.01)


def test_cells_are_compact():
    """S_V between that of equal truncated octahedra (2.66) and of cells about random points (2.91), both known."""
    cells = with_volumes(np.random.default_rng(6), BOX, np.ones(300))
    spacing = np.cbrt(BOX.prod() / 300)
    assert 2.66 < cells.walls.area_um2.sum() / BOX.prod() * spacing < 2.75
    _, to_centroid = cells.walls.volumes_and_centroids(300)
    assert np.linalg.norm(to_centroid, axis=1).mean() < 0.02 * spacing


def test_same_seed_same_cells():
    one, two = (with_volumes(np.random.default_rng(7), BOX, np.arange(1.0, 80)) for _ in range(2))
    np.testing.assert_array_equal(one.sites_um, two.sites_um)
    np.testing.assert_array_equal(one.weights_um2, two.weights_um2)


def test_too_few_cells_for_a_periodic_box_are_refused():
    with pytest.raises(SettingsError, match="box"):
        with_volumes(np.random.default_rng(8), np.array([1.0, 30.0, 30.0]), np.ones(30))


def test_diagram_without_weights_is_that_of_nearest_sites():
    cells = replace(diagram(), weights_um2=np.zeros(60))
    points = np.random.default_rng(9).uniform(0, 1, (1000, 3)) * BOX
    nearest = cKDTree(cells.sites_um, boxsize=BOX).query(points)[1]
    np.testing.assert_array_equal(cells.nearest(points)[1][:, 0], nearest)
