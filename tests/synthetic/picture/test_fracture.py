"""Fracture surfaces against the crystal they are cut from."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from micro_features.synthetic.picture.fracture import fracture_surface
from micro_features.synthetic.picture.scene import Scene
from micro_features.synthetic.polycrystal import Polycrystal, polycrystal
from micro_features.synthetic.structure.cavities import pore_depth_at
from micro_features.synthetic.structure.laguerre import PowerDiagram

SHAPE = (60, 80)
PIXEL_UM = 0.25
POSITION_UM = (3.0, -2.0, 5.0)
EDGE = 2.0  # of cubic grains


@pytest.fixture(scope="module")
def crystal() -> Polycrystal:
    return polycrystal(
        size_um=(12, 15, 20), grain_diameter_mean_um=2.5, porosity=0.08, pore_diameter_mean_um=1.0, seed=4
    )


@pytest.fixture(scope="module")
def dense(crystal: Polycrystal) -> Polycrystal:
    return replace(crystal, pores=without_pores(crystal))


@pytest.fixture(scope="module")
def cubes(crystal: Polycrystal) -> Polycrystal:
    counts = np.array([6, 7, 10])
    sites = EDGE * (np.stack(np.meshgrid(*map(np.arange, counts), indexing="ij"), -1).reshape(-1, 3) + 0.5)
    return replace(
        crystal,
        grains=PowerDiagram(EDGE * counts, sites, np.zeros(len(sites))),
        grain_diameters_um=np.full(len(sites), EDGE * np.cbrt(6 / np.pi)),
        pores=replace(without_pores(crystal), size_um=EDGE * counts),
    )


def without_pores(crystal: Polycrystal) -> Any:
    pores = crystal.pores
    return replace(pores, **{name: getattr(pores, name)[:0] for name in ("centres_um", "semi_axes_um", "turns")})


def broken(crystal: Polycrystal, *, seed: int = 0, **changes: Any) -> Scene:
    request = {"relief": 0.7, "boundary_contrast": 0.5, "position_um": POSITION_UM} | changes
    return fracture_surface(np.random.default_rng(seed), crystal, shape=SHAPE, pixel_um=PIXEL_UM, **request)


def points(scene: Scene, shift_um: float = 0.0) -> np.ndarray:
    """Where each pixel's middle meets the surface, or above it."""
    rows, cols = np.indices(SHAPE)
    assert scene.height_um is not None
    y, x = (start + (n + 0.5) * PIXEL_UM for start, n in zip(POSITION_UM[1:], (rows, cols), strict=True))
    return np.stack([scene.height_um + shift_um, y, x], axis=-1)


def cell_at(crystal: Polycrystal, places: np.ndarray) -> np.ndarray:
    return crystal.grains.nearest(places)[1][..., 0]


def test_a_crack_through_cubes_runs_along_their_faces(cubes: Polycrystal) -> None:
    scene = broken(cubes, transgranular=0.0)
    assert scene.height_um is not None
    assert len(np.unique(np.rint(scene.height_um / EDGE))) > 1
    np.testing.assert_allclose(scene.height_um / EDGE, np.rint(scene.height_um / EDGE), atol=1e-9)
    np.testing.assert_array_equal(scene.grains - 1, cell_at(cubes, points(scene, -EDGE / 2)))
    assert not scene.pores.any()


def test_a_crack_between_grains_runs_along_their_walls(dense: Polycrystal) -> None:
    scene = broken(dense, transgranular=0.0)
    below, above = cell_at(dense, points(scene, -1e-6)), cell_at(dense, points(scene, 1e-6))
    np.testing.assert_array_equal(scene.grains - 1, below)
    assert (below != above).all()


def test_a_cleaved_grain_lies_on_both_sides_of_the_crack(dense: Polycrystal) -> None:
    scene = broken(dense, transgranular=1.0)
    below, above = cell_at(dense, points(scene, -1e-6)), cell_at(dense, points(scene, 1e-6))
    np.testing.assert_array_equal(scene.grains - 1, below)
    assert (below == above).mean() > 0.7
    shares = [
        (cell_at(dense, points(part, 1e-6)) == part.grains - 1).mean()
        for part in (broken(dense, transgranular=share) for share in (0.2, 0.5))
    ]
    assert 0.05 < shares[0] < shares[1] < 0.7


def test_cleavage_makes_the_surface_flatter(dense: Polycrystal) -> None:
    rough, flat = (np.std(broken(dense, transgranular=share).height_um) for share in (0.0, 1.0))
    assert flat < 0.7 * rough


@pytest.mark.parametrize("transgranular", [0.0, 0.5])
def test_pores_open_where_the_crack_meets_them(crystal: Polycrystal, dense: Polycrystal, transgranular: float) -> None:
    scene, closed = (broken(solid, transgranular=transgranular) for solid in (crystal, dense))
    met = pore_depth_at(crystal.pores, points(closed).reshape(-1, 3)).reshape(SHAPE) > 0
    assert 0.02 < met.mean() < 0.5
    np.testing.assert_array_equal(scene.pores, met)
    np.testing.assert_array_equal(scene.grains == 0, met)
    np.testing.assert_array_equal(scene.grains[~met], closed.grains[~met])
    np.testing.assert_allclose(scene.height_um[~met], closed.height_um[~met])


def test_in_a_pore_its_floor_is_seen(crystal: Polycrystal, dense: Polycrystal) -> None:
    scene, closed = broken(crystal), broken(dense)
    floor, top = points(scene)[scene.pores], points(closed)[scene.pores]
    assert (floor[:, 0] < top[:, 0]).all()
    depth = pore_depth_at(crystal.pores, floor)
    assert (np.abs(depth) < 0.1 * crystal.pores.semi_axes_um.mean()).mean() > 0.97
    for share in (0.25, 0.75):  # nothing but pore on the way down
        assert (pore_depth_at(crystal.pores, share * floor + (1 - share) * top) > 0).mean() > 0.99


def test_the_same_request_breaks_the_same_way(crystal: Polycrystal) -> None:
    one, other, another = broken(crystal, seed=7), broken(crystal, seed=7), broken(crystal, seed=8)
    for name in ("signal", "grains", "pores", "height_um"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (one.grains != another.grains).mean() > 0.3


def test_what_is_true_does_not_depend_on_how_it_shows(crystal: Polycrystal) -> None:
    faint, strong = (broken(crystal, relief=show, boundary_contrast=show) for show in (0.0, 1.0))
    for name in ("grains", "pores", "height_um"):
        np.testing.assert_array_equal(getattr(faint, name), getattr(strong, name))
    assert strong.signal.std() > 2 * faint.signal.std()


def test_clefts_between_grains_darken_with_boundary_contrast(dense: Polycrystal) -> None:
    scenes = [broken(dense, boundary_contrast=contrast, transgranular=0.1) for contrast in (0.0, 0.5, 1.0)]
    labels = scenes[0].grains
    border = np.zeros(SHAPE, dtype=bool)
    border[:-1] |= labels[:-1] != labels[1:]
    border[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    contrast = [scene.signal[border].mean() - scene.signal[~border].mean() for scene in scenes]
    assert contrast[2] + 0.005 < contrast[1] < contrast[0] - 0.005


def test_pores_are_dark(crystal: Polycrystal) -> None:
    scene = broken(crystal)
    deep = scene.pores & (scene.signal < np.quantile(scene.signal, 0.1))
    assert np.median(scene.signal[scene.pores]) < 0.85 * np.median(scene.signal[~scene.pores])
    assert deep.sum() > 0.2 * scene.pores.sum()
    assert 0.4 < np.median(scene.signal[~scene.pores]) < 0.55


@pytest.mark.parametrize("shift", [(0, 1, 0), (1, 0, 2)])
def test_the_crystal_repeats(crystal: Polycrystal, shift: tuple[int, int, int]) -> None:
    here = broken(crystal)
    there = broken(crystal, position_um=tuple(np.array(POSITION_UM) + shift * crystal.size_um))
    assert (here.grains == there.grains).mean() > 0.999  # rounding may move a border
    height = there.height_um - shift[0] * crystal.size_um[0]
    assert (np.abs(height - here.height_um) < 1e-6).mean() > 0.999


@pytest.mark.parametrize(
    "kind",
    [
        {"elongation": 2.0, "elongation_axis": 0},
        {"elongation": 0.5, "elongation_axis": 2},
        {"coarse_share": 0.5, "coarse_ratio": 3.0},
    ],
    ids=["standing", "flat", "bimodal"],
)
def test_every_kind_of_crystal_breaks_along_its_grains(kind: dict[str, Any]) -> None:
    crystal = polycrystal(
        size_um=(12, 12, 13), grain_diameter_mean_um=1.8, grain_diameter_sigma=0.2, pore_diameter_mean_um=0.8, **kind
    )
    scene = broken(crystal, transgranular=0.3)
    assert np.isfinite(scene.height_um).all()
    assert ((scene.grains == 0) == scene.pores).all()
    below = cell_at(crystal, points(scene, -1e-6))
    np.testing.assert_array_equal(scene.grains[~scene.pores] - 1, below[~scene.pores])
    # Nothing hangs in the air: what lies two largest grains deeper is solid, and never a hole in the picture.
    assert np.ptp(scene.height_um) < 6 * crystal.grain_diameters_um.max()
