"""Depth inside pores: exact for spheres, the same by every route, and rough walls as rough as said."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micro_features.synthetic.structure.cavities import Pores, pore_depth_at, pore_depth_um, roughness
from micro_features.synthetic.structure.placing import turned

BOX = np.array([8.0, 9.0, 10.0])


def pores(n: int = 12, *, height_um: float = 0.05, seed: int = 0) -> Pores:
    rng = np.random.default_rng(seed)
    return Pores(
        BOX,
        rng.uniform(0, 1, (n, 3)) * BOX,
        rng.uniform(0.4, 1.2, (n, 3)),
        turned(rng.standard_normal((n, 3)), rng),
        0.02,
        roughness(rng, BOX, height_um=height_um, wavelength_um=1.5),
    )


def sphere(radius: float = 1.5) -> Pores:
    flat = roughness(np.random.default_rng(0), BOX, height_um=0.0, wavelength_um=1.0)
    return Pores(BOX, np.array([[4.0, 4.5, 5.0]]), np.full((1, 3), radius), np.eye(3)[None], 0.0, flat)


def grid(axes):
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


def test_depth_in_a_sphere_is_the_distance_to_its_wall():
    axes = [np.arange(0, side, 0.25) for side in BOX]
    depth = pore_depth_um(sphere(), axes[0][:, None, None], axes[1], axes[2])
    expected = 1.5 - np.linalg.norm(grid(axes) - [4.0, 4.5, 5.0], axis=-1)
    known = np.isfinite(depth)
    np.testing.assert_allclose(depth[known], expected[known], atol=1e-12)
    assert known[expected > -1.0].all()


def test_volume_of_an_ellipsoid():
    one = replace(sphere(), semi_axes_um=np.array([[2.0, 1.0, 0.6]]), turns=turned(np.array([[1.0, 2.0, 3.0]])))
    axes = [np.arange(0.05, side, 0.1) for side in BOX]
    depth = pore_depth_um(one, axes[0][:, None, None], axes[1], axes[2])
    assert (depth > 0).sum() * 0.001 == pytest.approx(4 / 3 * np.pi * 1.2, rel=0.005)
    # First-order distance: a shell of given depth has the thickness it says.
    shell = np.abs(depth) < 0.1
    with np.errstate(invalid="ignore"):
        slope = np.sqrt(sum(part**2 for part in np.gradient(depth, 0.1)))
    assert np.median(slope[shell]) == pytest.approx(1, abs=0.03)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), shift=st.tuples(*[st.integers(-3, 3)] * 3))
def test_every_route_gives_the_same_depth_and_the_box_repeats(seed, shift):
    some = pores(seed=seed)
    z, y, x = np.linspace(0, 8, 7), np.linspace(-2, 11, 24), np.linspace(1, 12, 20)
    block = pore_depth_um(some, z[:, None, None], y, x)
    known = block > -0.2  # far from pores the routes know less or more
    plane, height_map = (pore_depth_um(some, height, y, x) for height in (z[3], np.full((24, 20), z[3])))
    np.testing.assert_allclose(plane, block[3], atol=1e-9)
    np.testing.assert_allclose(height_map[known[3]], block[3][known[3]], atol=1e-9)
    at = pore_depth_at(some, grid((z, y, x)).reshape(-1, 3)).reshape(block.shape)
    np.testing.assert_allclose(at[known], block[known], atol=1e-9)
    moved = np.array(shift) * BOX
    again = pore_depth_um(some, (z + moved[0])[:, None, None], y + moved[1], x + moved[2])
    np.testing.assert_allclose(again[known], block[known], atol=1e-9)


def test_the_deepest_of_overlapping_pores_counts():
    some = pores(height_um=0.0)
    points = np.random.default_rng(1).uniform(0, 1, (4000, 3)) * BOX
    alone = [
        pore_depth_at(
            replace(some, centres_um=some.centres_um[i : i + 1], semi_axes_um=some.semi_axes_um[i : i + 1], turns=turn),
            points,
        )
        for i, turn in enumerate(some.turns[:, None])
    ]
    together, deepest = pore_depth_at(some, points), np.max(alone, axis=0)
    np.testing.assert_allclose(together[deepest > 0], deepest[deepest > 0], atol=1e-12)
    assert not (together[deepest <= 0] > 0).any()


def test_roughness_has_its_height_and_repeats():
    rough = roughness(np.random.default_rng(2), BOX, height_um=0.3, wavelength_um=1.5)
    points = np.random.default_rng(3).uniform(0, 1, (20_000, 3)) * BOX
    assert rough.at(points).std() == pytest.approx(0.3, rel=0.05)
    assert rough.at(points).mean() == pytest.approx(0, abs=0.02)
    np.testing.assert_allclose(rough.at(points + BOX), rough.at(points), atol=1e-9)
    z, y, x = (np.linspace(0, side, 5) for side in BOX)
    np.testing.assert_allclose(rough.on_grid(z, y, x).ravel(), rough.at(grid((z, y, x)).reshape(-1, 3)), atol=1e-12)


def test_no_pores():
    none = pores(0)
    assert (pore_depth_um(none, 1.0, np.arange(4.0), np.arange(5.0)) == -np.inf).all()
    assert (pore_depth_at(none, np.zeros((3, 3))) == -np.inf).all()
