from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage, stats

from micro_features.synthetic.picture import section
from micro_features.synthetic.picture.section import cut, pair_normal, polished_section
from micro_features.synthetic.structure.cavities import Pores, Roughness
from micro_features.synthetic.structure.laguerre import PowerDiagram, with_volumes

SMOOTH = Roughness(0.0, np.zeros((0, 3)), np.zeros(0))
FRAME = {"shape": (160, 200), "pixel_um": 0.1, "position_um": (4.0, 3.0, 2.0)}


def pores(size_um, centres_um=(), radius_um=1.0):
    n = len(centres_um)
    axes, turns = np.full((n, 3), radius_um), np.tile(np.eye(3), (n, 1, 1))
    return Pores(np.asarray(size_um), np.reshape(centres_um, (n, 3)), axes, turns, 0.0, SMOOTH)


@pytest.fixture(scope="module")
def crystal():
    size = np.array([12.0, 24.0, 30.0])
    rng = np.random.default_rng(1)
    grains = with_volumes(rng, size, np.exp(0.9 * rng.standard_normal(900)))
    return SimpleNamespace(grains=grains, pores=pores(size, rng.uniform(0, 1, (600, 3)) * size, 0.5))


@pytest.fixture
def still(monkeypatch):
    """Walls where the crystal has them."""
    monkeypatch.setattr(section, "_SWAY", 0.0)


def points(shape, pixel_um, position_um):
    rows, cols = np.indices(shape)
    z, y, x = position_um
    return np.stack([np.full(shape, z), y + (rows + 0.5) * pixel_um, x + (cols + 0.5) * pixel_um], axis=-1)


def look(crystal, seed=0, **changes):
    request = FRAME | {"relief": 0.5, "boundary_contrast": 0.6} | changes
    return polished_section(np.random.default_rng(seed), crystal, **request)


def test_labels_are_the_crystals_own(crystal, still):
    """Brute force over all sites and their periodic images."""
    frame = FRAME | {"shape": (50, 60), "pixel_um": 0.3}
    scene = look(crystal, **frame)
    where, grains = points(**frame), crystal.grains
    apart = where[:, :, None] - grains.sites_um
    apart -= grains.size_um * np.rint(apart / grains.size_um)
    nearest = ((apart**2).sum(axis=-1) - grains.weights_um2).argmin(axis=-1) + 1
    apart = where[:, :, None] - crystal.pores.centres_um
    apart -= grains.size_um * np.rint(apart / grains.size_um)
    in_pore = (np.linalg.norm(apart, axis=-1) < 0.5).any(axis=-1)
    assert 0.02 < in_pore.mean() < 0.2
    np.testing.assert_array_equal(scene.grains, np.where(in_pore, 0, nearest))
    np.testing.assert_array_equal(scene.pores, in_pore)


def test_walls_sway_by_a_few_hundredths_of_a_grain(crystal, monkeypatch):
    drawn = look(crystal).grains
    monkeypatch.setattr(section, "_SWAY", 0.0)
    exact = cut(np.random.default_rng(0), crystal, **FRAME)
    moved = (drawn != exact.grains) & (drawn > 0)
    assert 0.005 < moved.mean() < 0.1
    mean_px = np.cbrt(6 / np.pi * crystal.grains.size_um.prod() / 900) / FRAME["pixel_um"]
    assert exact.wall_px[moved][:, 0].max() < 0.15 * mean_px


def test_distance_to_the_wall_is_that_in_the_picture(crystal, still):
    """A pixel's distance to the nearest wall, against the distance to the nearest pixel of another grain."""
    plane = cut(np.random.default_rng(0), crystal, **FRAME)
    inside = np.zeros(plane.grains.shape, dtype=bool)
    inside[20:-20, 20:-20] = True
    rows, cols = np.nonzero(inside)
    for row, col in list(zip(rows, cols, strict=True))[::997]:
        others = np.argwhere(plane.grains != plane.grains[row, col])
        nearest = np.hypot(*(others - [row, col]).T).min()
        if nearest < 20:
            assert plane.wall_px[row, col, 0] == pytest.approx(nearest - 0.5, abs=0.75)


def test_dip_tells_which_grain_lies_on_top(crystal, still):
    """A little higher, the wall has moved away from the grain that lies below, into the one that overlies it."""
    low, high = (
        cut(np.random.default_rng(0), crystal, **(FRAME | {"position_um": (z, 3.0, 2.0)})) for z in (4.0, 4.02)
    )
    near = (low.wall_px[..., 0] < 15) & (low.grains == high.grains)
    near &= low.neighbours[..., 0] == high.neighbours[..., 0]
    slope = (high.wall_px - low.wall_px)[..., 0] / (0.02 / FRAME["pixel_um"])
    dip = low.dip[..., 0]
    flat = np.abs(dip) < 0.9
    expected = -dip / np.sqrt(1 - np.minimum(dip**2, 0.9))
    np.testing.assert_allclose(slope[near & flat], expected[near & flat], atol=1e-6)


def test_pore_floor_of_a_sphere(still):
    """Cut 0.8 um above its middle, a sphere of 2 um has its floor 0.8 um + sqrt(4 - r²) below."""
    size = (12.0, 16.0, 20.0)
    rng = np.random.default_rng(0)
    grains = PowerDiagram(np.array(size), rng.uniform(0, 1, (40, 3)) * size, np.zeros(40))
    ball = SimpleNamespace(grains=grains, pores=pores(size, [(5.2, 8.0, 10.0)], 2.0))
    plane = cut(rng, ball, shape=(160, 200), pixel_um=0.1, position_um=(6.0, 0.0, 0.0))
    where = points((160, 200), 0.1, (6.0, 0.0, 0.0))
    radius = np.hypot(where[..., 1] - 8, where[..., 2] - 10)
    mouth = np.sqrt(4 - 0.8**2)
    np.testing.assert_array_equal(plane.pore_depth_px > 0, radius < mouth)
    inner = radius < 0.8 * mouth
    np.testing.assert_allclose(plane.floor_px[inner] * 0.1, 0.8 + np.sqrt(4 - radius[inner] ** 2), rtol=0.05)
    assert (plane.floor_px[radius > mouth] == 0).all()


def test_deep_pores_are_darker_than_shallow_ones():
    size = (12.0, 16.0, 20.0)
    rng = np.random.default_rng(0)
    grains = PowerDiagram(np.array(size), rng.uniform(0, 1, (40, 3)) * size, np.zeros(40))
    # Same mouth, 1.2 um in radius: of a ball of 2 um cut above and below its middle.
    both = SimpleNamespace(grains=grains, pores=pores(size, [(4.4, 8.0, 5.0), (7.6, 8.0, 15.0)], 2.0))
    scene = look(both, position_um=(6.0, 0.0, 0.0))
    deep, shallow = (scene.signal[75:85, col - 5 : col + 5].mean() for col in (50, 150))
    assert deep < 0.2 < shallow - 0.05 < 0.45


def test_darkness_of_boundaries_follows_boundary_contrast(crystal, still):
    plane = cut(np.random.default_rng(0), crystal, **FRAME)
    solid = plane.pore_depth_px < -2
    on_wall, far = solid & (plane.wall_px[..., 0] < 0.5), solid & (plane.wall_px[..., 0] > 12)
    levels = np.linspace(0, 1, 5)
    depth = []
    for level in levels:
        signal = look(crystal, boundary_contrast=level, relief=0.0).signal
        depth.append(signal[far].mean() - signal[on_wall].mean())
    assert abs(depth[0]) < 0.02
    assert (np.diff(depth) > 0.03).all()
    assert np.polyfit(levels, depth, 1)[0] == pytest.approx(depth[-1] - depth[0], rel=0.01)


def test_boundaries_differ_from_pair_to_pair_and_keep_their_look(crystal, still):
    """Two preparations of one place: what belongs to the crystal is the same."""
    plane = cut(np.random.default_rng(0), crystal, **FRAME)
    on_wall = (plane.wall_px[..., 0] < 0.7) & (plane.wall_px[..., 1] > 3) & (plane.pore_depth_px < -2)
    low, high = (f(plane.grains, plane.neighbours[..., 0]) for f in (np.minimum, np.maximum))
    pair = np.where(on_wall, low * 1000 + high, 0)
    pairs, count = np.unique(pair, return_counts=True)
    pairs = pairs[(count > 8) & (pairs > 0)]
    assert len(pairs) > 40

    def darkness(seed):
        bare, etched = (look(crystal, seed, relief=0.0, boundary_contrast=c).signal for c in (0.0, 1.0))
        return ndimage.mean(bare - etched, pair, pairs)

    one, other = darkness(1), darkness(2)
    assert one.std() > 0.15 * one.mean()
    assert np.corrcoef(one, other)[0, 1] > 0.5
    energy = pair_normal(pairs // 1000, pairs % 1000)
    assert np.corrcoef(one + other, energy)[0, 1] > 0.4


def test_a_grain_keeps_its_grey(crystal):
    one, other = (look(crystal, seed, boundary_contrast=0.0, relief=0.0) for seed in (1, 2))
    grains = np.arange(1, 901)
    seen = [np.bincount(scene.grains.ravel(), minlength=901)[1:] > 100 for scene in (one, other)]
    grains = grains[seen[0] & seen[1]]
    greys = [ndimage.mean(scene.signal, scene.grains, grains) for scene in (one, other)]
    assert greys[0].std() > 0.02
    assert np.corrcoef(*greys)[0, 1] > 0.8


def test_energy_of_a_pair_is_normal_and_knows_no_order():
    one, other = np.random.default_rng(0).integers(1, 3000, (2, 20_000))
    draw = pair_normal(one, other)
    np.testing.assert_array_equal(draw, pair_normal(other, one))
    assert stats.kstest(draw, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(draw[:-1], draw[1:])[0, 1]) < 0.03
    in_a_row = pair_normal(np.full(2000, 7), np.arange(8, 2008))
    assert stats.kstest(in_a_row, "norm").pvalue > 1e-3


def test_picture_repeats_with_the_crystal(crystal, still):
    """One period on, labels are the same."""
    there = tuple(np.add(FRAME["position_um"], crystal.grains.size_um))
    np.testing.assert_array_equal(look(crystal).grains, look(crystal, position_um=there).grains)


def test_orientation_of_the_axes(still):
    """Rows run along y, columns along x."""
    size = np.array([9.0, 16.0, 20.0])
    sites = np.array([[z, y, x] for z in (4.5, 0.0) for x in (5.0, 15.0) for y in (4.0, 12.0)])
    quarters = SimpleNamespace(grains=PowerDiagram(size, sites, np.zeros(8)), pores=pores(size))
    scene = look(quarters, position_um=(4.5, 0.0, 0.0))
    corners = scene.grains[[0, -1, 0, -1], [0, 0, -1, -1]]
    np.testing.assert_array_equal(corners, [1, 2, 3, 4])
    assert not scene.pores.any()
