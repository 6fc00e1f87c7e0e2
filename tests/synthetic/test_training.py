import dataclasses
from collections import Counter

import numpy as np
import pytest
from scipy import ndimage

from micro_features.errors import SettingsError
from micro_features.synthetic.picture.labels import boundary_lines, mean_and_log_sd, whole_diameters
from micro_features.synthetic.training import KINDS, SHAPE, training_picture
from micro_features.synthetic.training.camera import Camera, photographed
from micro_features.synthetic.training.picture import _crystal
from micro_features.synthetic.training.plane import grown
from micro_features.synthetic.training.surface import Boundaries, Interior, Litter, Look, seen

STRAIGHT = {"aspect": 1.0, "even": 0.7, "bend": 0.0, "rough_px": 0.0, "merged": 0.0}
PLAIN = Camera(
    blur_px=0.0,
    noise=0.0,
    shot=0.0,
    noise_blur_px=0.0,
    shading=0.0,
    contrast=1.0,
    brightness=0.0,
    gamma=1.0,
    sharpening=0.0,
    jpeg=None,
    inverted=False,
)


@pytest.fixture(scope="module")
def pictures():
    return [training_picture(index) for index in range(len(KINDS))]


@pytest.fixture(scope="module")
def plane():
    return grown(np.random.default_rng(1), (240, 320), diameter_px=40, sigma=0.3, **STRAIGHT)


def numbered(grains):
    """From 1 without gaps."""
    return (np.unique(grains, return_inverse=True)[1].reshape(grains.shape) + 1).astype(np.int32)


def drawn(plane, **parts):
    return seen(np.random.default_rng(2), plane, Look(40.0, **parts))


def test_same_index_and_seed_draw_the_same_picture(pictures):
    for index in (0, KINDS.index("polished")):
        _crystal.cache_clear()
        again = training_picture(index)
        for field in dataclasses.fields(again):
            np.testing.assert_array_equal(getattr(again, field.name), getattr(pictures[index], field.name))
    assert (training_picture(0, seed=1).grains != pictures[0].grains).mean() > 0.5
    assert (training_picture(len(KINDS)).grains != pictures[0].grains).mean() > 0.5


def test_kinds_take_turns(pictures):
    assert tuple(picture.kind for picture in pictures) == KINDS
    assert set(Counter(KINDS).values()) == {1}


def test_labels_part_the_picture(pictures):
    for picture in pictures:
        assert {a.shape for a in (picture.image, picture.grains, picture.pores)} == {SHAPE}
        assert (picture.image.dtype, picture.grains.dtype, picture.pores.dtype) == (np.float32, np.int32, np.int32)
        assert 0 <= picture.image.min() < picture.image.max() <= 1
        for labels in (picture.grains, picture.pores):
            np.testing.assert_array_equal(np.unique(labels[labels > 0]), np.arange(1, labels.max() + 1))
        assert not ((picture.grains > 0) & (picture.pores > 0)).any()
        neither = ((picture.grains == 0) & (picture.pores == 0)).mean()
        assert 0.02 < neither < 0.7 if picture.kind == "second phase" else neither == 0


def test_grains_are_resolved_and_many(pictures):
    for picture in pictures:
        assert 9 < picture.grain_diameter_mean_px < 150
        assert picture.grains.max() >= 8


def test_what_is_below_zero_is_refused():
    with pytest.raises(SettingsError, match="index"):
        training_picture(-1)
    with pytest.raises(SettingsError, match="seed"):
        training_picture(0, seed=-1)


@pytest.mark.parametrize(("diameter_px", "sigma", "aspect"), [(14, 0.2, 1.0), (25, 0.5, 1.0), (25, 0.3, 2.5)])
def test_grains_have_the_size_asked_for(diameter_px, sigma, aspect):
    plane = grown(
        np.random.default_rng(3), SHAPE, diameter_px=diameter_px, sigma=sigma, **{**STRAIGHT, "aspect": aspect}
    )
    mean, log_sd = mean_and_log_sd(*whole_diameters(numbered(plane.grains)))
    assert mean == pytest.approx(diameter_px, rel=0.1)
    assert log_sd == pytest.approx(sigma, abs=0.12)


def test_giants_take_the_room_asked_for_among_small_grains():
    plane = grown(
        np.random.default_rng(3), SHAPE, diameter_px=12, sigma=0.2, giants=0.4, giant_diameter=7.0, **STRAIGHT
    )
    area = np.bincount(plane.grains.ravel())
    diameter = np.sqrt(4 / np.pi * area[area > 0])
    giant = diameter > 40
    assert area[area > 0][giant].sum() / area.sum() == pytest.approx(0.4, abs=0.12)
    assert np.median(diameter[giant]) == pytest.approx(7 * 12, rel=0.2)
    assert np.median(diameter[~giant]) == pytest.approx(12, rel=0.15)


def test_grains_are_as_long_as_asked_for():
    def stretch(aspect):
        plane = grown(np.random.default_rng(3), SHAPE, diameter_px=25, sigma=0.2, **{**STRAIGHT, "aspect": aspect})
        ratios = []
        for grain in np.unique(plane.grains):
            where = np.argwhere(plane.grains == grain)
            if len(where) > 100:
                long, short = np.linalg.eigvalsh(np.cov(where.T))[::-1]
                ratios.append(np.sqrt(long / short))
        return np.median(ratios)

    assert stretch(1.0) < 1.5
    assert 2.3 < stretch(2.5) < 3.2


@pytest.mark.parametrize("aspect", [1.0, 2.5])
def test_walls_are_where_labels_change(aspect):
    plane = grown(np.random.default_rng(4), (240, 320), diameter_px=30, sigma=0.3, **{**STRAIGHT, "aspect": aspect})
    wall = plane.wall_px.min(axis=-1)
    away = ndimage.distance_transform_edt(~boundary_lines(plane.grains + 1))
    assert wall.min() >= 0
    inside = np.s_[30:-30, 30:-30]  # a wall just outside the picture is no change of label
    wall, away = wall[inside], away[inside]
    near = np.minimum(wall, away) < 6
    np.testing.assert_allclose(wall[near], away[near], atol=1.5)


def test_joined_grains_have_no_wall_between_them():
    apart, joined = (
        grown(np.random.default_rng(5), (240, 320), diameter_px=30, sigma=0.3, **{**STRAIGHT, "merged": merged})
        for merged in (0.0, 0.3)
    )
    assert len(np.unique(joined.grains)) < 0.9 * len(np.unique(apart.grains))
    lines = boundary_lines(joined.grains + 1)
    were_lines = boundary_lines(apart.grains + 1) & ~ndimage.binary_dilation(lines, iterations=4)
    assert were_lines.sum() > 50
    assert (joined.wall_px.min(axis=-1)[were_lines] > 2).all()


def test_facets_are_steps_inside_grains_as_soft_as_asked_for(plane):
    inside = ndimage.distance_transform_edt(~boundary_lines(plane.grains + 1)) > 3
    steepest = []
    for edge_px in (1.0, 8.0):
        scene = drawn(plane, interior=Interior(grey=0.6, facets=0.1, facet_edge_px=edge_px))
        steepest.append(np.abs(np.gradient(scene.signal)).max(axis=0)[inside].max())
        changed = [
            np.ptp(scene.signal[(plane.grains == grain) & inside]) > 0.02 for grain in np.unique(plane.grains[inside])
        ]
        assert 0.1 < np.mean(changed) < 0.7  # some have them
    assert steepest[0] > 2.5 * steepest[1] > 0


@pytest.mark.parametrize(("grey", "sign"), [(0.1, -1), (0.95, 1)])
def test_boundaries_are_darker_or_brighter_than_grains(plane, grey, sign):
    scene = drawn(plane, boundaries=Boundaries(depth=1.0, grey=grey, width_px=1.5), interior=Interior(grey=0.6))
    lines = boundary_lines(scene.grains)
    assert sign * (scene.signal[lines].mean() - scene.signal[~lines].mean()) > 0.1


def test_second_phase_lies_between_grains_and_is_dark(plane):
    scene = drawn(plane, boundaries=Boundaries(gap_px=8.0, gap_grey=0.15), interior=Interior(grey=0.7))
    gap = scene.grains == 0
    assert 0.1 < gap.mean() < 0.6
    assert scene.signal[gap].mean() < 0.4 < scene.signal[~gap].mean()
    assert np.median(plane.wall_px.min(axis=-1)[gap]) < 4 < np.median(plane.wall_px.min(axis=-1)[~gap])
    sizes = np.bincount(scene.grains.ravel())[1:]
    assert sizes[sizes > 0].min() >= 20


def test_marks_on_grains_are_no_boundaries(plane):
    plain = drawn(plane)
    for parts in (
        {"litter": Litter(pits=200)},
        {"litter": Litter(scratches=30, scratch_grey=-0.2)},
        {"litter": Litter(particles=30, particle_grey=0.3)},
        {"interior": Interior(twins=0.2)},
        {"interior": Interior(terraces=0.1)},
        {"interior": Interior(ridges=0.1)},
        {"interior": Interior(dome=0.1)},
        {"interior": Interior(tilt=0.1)},
        {"interior": Interior(steps=0.1)},
        {"interior": Interior(round=0.2)},
    ):
        marked = drawn(plane, **parts)
        assert np.abs(marked.signal - plain.signal).max() > 0.05, parts
        np.testing.assert_array_equal(marked.grains, plain.grains)


def test_pores_are_dark_and_cover_what_was_asked_for(plane):
    scene = drawn(plane, litter=Litter(porosity=0.1, pore_px=5.0, pore_grey=0.1))
    assert 0.05 < scene.pores.mean() < 0.15
    np.testing.assert_array_equal(scene.grains == 0, scene.pores)
    assert scene.signal[scene.pores].mean() < 0.35 < scene.signal[~scene.pores].mean()


def test_junctions_open_before_boundaries(plane):
    scene = drawn(plane, litter=Litter(open_junctions=0.06))
    assert 0.02 < scene.pores.mean() < 0.3
    nearest, _, third = np.sort(plane.wall_px, axis=-1)[..., :3].transpose(2, 0, 1)
    middle = (nearest < 1) & (third > 12)  # of a boundary, far from where a third grain meets it
    junction = (nearest < 1) & (np.sort(plane.wall_px, axis=-1)[..., 1] < 1)
    assert scene.pores[middle].mean() < 0.4 < 0.9 < scene.pores[junction].mean()


def test_missing_grains_leave_holes(plane):
    scene = drawn(plane, litter=Litter(missing=0.2, pore_grey=0.1))
    shares = np.bincount(plane.grains.ravel(), scene.pores.ravel()) / np.maximum(np.bincount(plane.grains.ravel()), 1)
    assert 0.05 < np.mean(shares > 0.7) < 0.4
    assert np.mean((shares > 0) & (shares < 0.7)) < 0.05
    assert scene.signal[scene.pores].mean() < 0.35


def test_camera_adds_the_noise_asked_for():
    level = np.full((200, 300), 0.5)
    for shot, noise_blur_px in ((0.0, 0.0), (1.0, 1.2)):
        camera = dataclasses.replace(PLAIN, noise=0.08, shot=shot, noise_blur_px=noise_blur_px)
        assert photographed(np.random.default_rng(6), level, camera).std() == pytest.approx(0.08, rel=0.05)
    bright = photographed(np.random.default_rng(6), level + 0.2, dataclasses.replace(PLAIN, noise=0.05, shot=1.0))
    assert bright.std() == pytest.approx(0.05 * np.sqrt(1.4), rel=0.05)


def test_camera_changes_tone():
    ramp = np.tile(np.linspace(0.1, 0.9, 90), (60, 1))
    rng = np.random.default_rng

    def taken(**changes):
        return photographed(rng(7), ramp, dataclasses.replace(PLAIN, **changes))

    np.testing.assert_allclose(taken(), ramp, atol=1 / 255)
    np.testing.assert_allclose(taken(inverted=True), 1 - taken(), atol=1e-6)
    np.testing.assert_allclose(taken(contrast=0.5), 0.25 + ramp / 2, atol=1 / 255)
    np.testing.assert_allclose(taken(brightness=0.05), ramp + 0.05, atol=1 / 255)
    np.testing.assert_allclose(taken(gamma=2.0), ramp**2, atol=1 / 255)
    assert taken(brightness=0.3).max() == 1
    noisy = {"noise": 0.1}
    assert (taken(**noisy, jpeg=30) != taken(**noisy)).mean() > 0.3
    assert taken(**noisy, sharpening=1.0).std() > taken(**noisy).std()
    assert taken(shading=0.1).std() != taken().std()
