"""What is seen of cells: known exactly on a cubic lattice, and column by column in a random diagram."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micro_features.synthetic.picture.relief import Bodies, bodies, exposed
from micro_features.synthetic.structure.laguerre import PowerDiagram

EDGE = 2.0  # of the cubes


def lattice() -> PowerDiagram:
    """4 x 4 x 4 cubes with corners at multiples of EDGE."""
    sites = EDGE * (np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), -1).reshape(-1, 3) + 0.5)
    return PowerDiagram(np.full(3, 4 * EDGE), sites, np.zeros(len(sites)))


def random_diagram(seed: int, cells: int = 40) -> PowerDiagram:
    rng = np.random.default_rng(seed)
    size = np.array([6.0, 7.0, 8.0])
    weights = rng.uniform(0, 0.4 * (size.prod() / cells) ** (2 / 3), cells)
    return PowerDiagram(size, rng.uniform(0, 1, (cells, 3)) * size, weights, stretch=rng.uniform(0.7, 1.4, 3))


def around(diagram: PowerDiagram, y_um: np.ndarray, x_um: np.ndarray) -> Bodies:
    low = np.array([-diagram.size_um[0], y_um[0] - diagram.size_um[1], x_um[0] - diagram.size_um[2]])
    high = np.array([2 * diagram.size_um[0], y_um[-1] + diagram.size_um[1], x_um[-1] + diagram.size_um[2]])
    return bodies(diagram, low, high, lambda cell, sites: np.ones(len(sites), dtype=bool))


def test_cubes_have_their_corners_and_faces() -> None:
    diagram = lattice()
    cells = around(diagram, np.array([0.0, 8.0]), np.array([0.0, 8.0]))
    inner = np.flatnonzero(((cells.site_um > 0) & (cells.site_um < 8)).all(axis=1))
    assert len(inner) == 64
    np.testing.assert_allclose(cells.low_um[inner], cells.site_um[inner] - EDGE / 2, atol=1e-9)
    np.testing.assert_allclose(cells.high_um[inner], cells.site_um[inner] + EDGE / 2, atol=1e-9)
    for body in inner:
        apart = np.abs(cells.site_um[cells.neighbours[body]] - cells.site_um[body])
        assert (np.isclose(apart.sum(axis=1), EDGE)).sum() == 6  # through its faces
        assert apart.max() <= EDGE + 1e-9  # others touch it in edges or corners


def test_what_is_left_of_cubes_is_a_staircase() -> None:
    diagram = lattice()
    y, x = np.arange(0.05, 16, 0.1), np.arange(0.05, 8, 0.1)  # twice the box along y
    cells = around(diagram, y, x)
    stairs = 4.0 + EDGE * np.floor(cells.site_um[:, 1] / EDGE) % 6  # a step of one cube, down again after three
    height, body = exposed(cells, cells.site_um[:, 0] < stairs, {}, y, x)
    want = 4.0 + EDGE * np.floor(y / EDGE) % 6
    np.testing.assert_allclose(height, np.broadcast_to(want[:, None], height.shape), atol=1e-9)
    site = cells.site_um[body]
    assert (np.abs(site[..., 1] - y[:, None]) < EDGE / 2).all()
    assert (np.abs(site[..., 2] - x) < EDGE / 2).all()
    np.testing.assert_allclose(site[..., 0] + EDGE / 2, height, atol=1e-9)
    periodic = diagram.nearest(np.stack(np.broadcast_arrays(height - 1e-6, y[:, None], x), axis=-1))[1][..., 0]
    np.testing.assert_array_equal(cells.cell[body], periodic)


def test_a_cut_body_ends_at_its_cut() -> None:
    y = x = np.arange(0.05, 8, 0.1)
    cells = around(lattice(), y, x)
    whole = cells.site_um[:, 0] < 4
    # Cubes from 4 to 6: cut at a slope that passes their floor and their top: what they do not reach stays as it is.
    cut = np.flatnonzero((cells.site_um[:, 0] > 4) & (cells.site_um[:, 0] < 6))
    height, _ = exposed(cells, whole, {int(i): lambda y, x: 3.5 + 0.4 * y + 0 * x for i in cut}, y, x)
    want = np.clip(3.5 + 0.4 * y, 4, 6)
    np.testing.assert_allclose(height, np.broadcast_to(want[:, None], height.shape), atol=1e-9)


def test_columns_are_seen_from_above_as_their_bases() -> None:
    # Hexagonal prisms in layers: their flanks are seen edge-on.
    size = np.array([6.0, 4 * np.sqrt(3), 6.0])
    layers, rows, cols = (grid.ravel() for grid in np.meshgrid(range(3), range(4), range(3), indexing="ij"))
    sites = np.column_stack([2.0 * layers + 1, np.sqrt(3) * (rows + 0.5), 2.0 * cols + 0.5 + rows % 2])
    diagram = PowerDiagram(size, sites, np.zeros(len(sites)))
    y, x = np.linspace(0, size[1], 90), np.linspace(0, size[2], 80)
    cells = around(diagram, y, x)
    height, body = exposed(cells, cells.site_um[:, 0] < 2, {}, y, x)
    np.testing.assert_allclose(height, 2, atol=1e-9)
    apart = [
        start[:, None, None] - at
        for start, at in zip(cells.site_um.T[1:], np.meshgrid(y, x, indexing="ij"), strict=True)
    ]
    nearest = np.hypot(*apart).min(axis=0)
    np.testing.assert_allclose(np.hypot(*(np.take_along_axis(a, body[None], axis=0)[0] for a in apart)), nearest)


def test_nothing_is_seen_of_nothing() -> None:
    y = x = np.arange(0.5, 8)
    cells = around(lattice(), y, x)
    height, body = exposed(cells, np.zeros(len(cells.cell), dtype=bool), {}, y, x)
    assert (height == -np.inf).all()
    assert (body == -1).all()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.1, 0.9))
def test_every_line_of_sight_ends_at_the_first_cell_that_is_there(seed: int, share: float) -> None:
    diagram = random_diagram(seed)
    rng = np.random.default_rng(seed)
    y, x = np.sort(rng.uniform(-3, 10, 6)), np.sort(rng.uniform(-3, 10, 6))
    cells = around(diagram, y, x)
    front = share * diagram.size_um[0]
    height, body = exposed(cells, cells.site_um[:, 0] < front, {}, y, x)

    z = np.linspace(diagram.size_um[0] * 1.8, -diagram.size_um[0] * 0.8, 4001)
    points = np.stack(np.broadcast_arrays(z, y[:, None, None], x[:, None]), axis=-1)
    cell = diagram.nearest(points)[1][..., 0]
    there = z - diagram.offset(points, cell)[..., 0] < front
    first = there.argmax(axis=-1)
    step = z[0] - z[1]
    # A corner thinner than a step may escape the samples, so nothing is lower than they say ...
    assert (height > z[first] - 1e-9).all()
    close = height < z[first] + step + 1e-9
    assert close.mean() > 0.9
    # ... and what is seen is the cell just below, gone just above.
    seen = np.take_along_axis(cell, first[..., None], axis=-1)[..., 0]
    agree = cells.cell[body] == seen
    assert agree[close].mean() > 0.9
    just_below, just_above = (
        np.stack(np.broadcast_arrays(height + shift, y[:, None], x), axis=-1) for shift in (-1e-7, 1e-7)
    )
    np.testing.assert_array_equal(diagram.nearest(just_below)[1][..., 0], cells.cell[body])
    above = diagram.nearest(just_above)[1][..., 0]  # may be the next periodic image of the same cell
    assert (just_above[..., 0] - diagram.offset(just_above, above)[..., 0] >= front).all()


@pytest.mark.parametrize("shift", [(0, 1, 0), (0, 0, -2), (1, 0, 0)])
def test_the_box_repeats(shift: tuple[int, int, int]) -> None:
    diagram = random_diagram(3)
    seen = []
    for move in (np.zeros(3), np.array(shift) * diagram.size_um):
        low, high = -diagram.size_um + move, 2 * diagram.size_um + move
        cells = bodies(diagram, low, high, lambda cell, sites: np.ones(len(sites), dtype=bool))
        y, x = np.linspace(0, 7, 40) + move[1], np.linspace(0, 8, 50) + move[2]
        height, body = exposed(cells, cells.site_um[:, 0] < 3 + move[0], {}, y, x)
        seen.append((height - move[0], cells.cell[body]))
    np.testing.assert_allclose(seen[1][0], seen[0][0], atol=1e-9)
    np.testing.assert_array_equal(seen[1][1], seen[0][1])
