import cv2
import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from micro_features.explain.occlusion import boundaries_erased, control_mask, filled, pores_filled
from micro_features.images.phases import phase_masks

SHAPE = (120, 160)
ROW, COL = np.mgrid[: SHAPE[0], : SHAPE[1]]


def disc(row, col, radius):
    return (ROW - row) ** 2 + (COL - col) ** 2 <= radius**2


def solid_picture(seed=0):
    """Noise with a grain of some pixels on a slope of grey."""
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.normal(size=SHAPE), (0, 0), 1.0)
    return (0.4 + 0.001 * COL + 0.05 * noise / noise.std()).astype(np.float32)


PORE = disc(30, 40, 9) | disc(80, 60, 5) | disc(60, 120, 14) | disc(0, 100, 6)
NOTHING = np.zeros(SHAPE, bool)


def with_pores(picture):
    """Pores, and their bright rims beyond the mask."""
    rim = cv2.dilate(PORE.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.where(PORE, np.float32(0.05), np.where(rim, np.float32(0.95), picture))


def test_filled_pores_look_like_the_solid():
    picture = solid_picture()
    found = pores_filled(with_pores(picture), PORE, NOTHING, ~PORE, rng=np.random.default_rng(0)).picture
    assert found.dtype == np.float32
    # The slope goes on through the holes, to a part of the noise, and neither pores nor rims are left.
    for hole in (disc(30, 40, 9), disc(60, 120, 14)):
        assert found[hole].mean() == pytest.approx(picture[hole].mean(), abs=0.02)
    assert found.min() > picture.min() - 0.1
    assert found.max() < picture.max() + 0.1
    # Nor does smoothness give the holes away: contrast and steps from pixel to pixel are those of the solid.
    residual = found - (0.4 + 0.001 * COL)
    assert residual[PORE].std() == pytest.approx(0.05, rel=0.25)
    inner = PORE[:, 1:] & PORE[:, :-1]
    assert np.diff(found)[inner].std() == pytest.approx(np.diff(picture).std(), rel=0.25)
    # Nor an outline: steps over the rim of the grown holes are no larger than elsewhere.
    grown = cv2.dilate(PORE.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))) > 0
    rim = grown[:, 1:] != grown[:, :-1]
    assert np.abs(np.diff(found)[rim]).mean() < 2 * np.abs(np.diff(picture)).mean()


def test_what_is_no_hole_stays_as_it_was():
    picture = with_pores(solid_picture())
    found = filled(picture, PORE, ~PORE)
    np.testing.assert_array_equal(found[~PORE], picture[~PORE])
    assert (found != picture)[PORE].mean() > 0.99
    for hole, source in ((NOTHING, ~NOTHING), (PORE, NOTHING), (~NOTHING, NOTHING)):
        np.testing.assert_array_equal(filled(picture, hole, source), picture)


def test_gain_brightness_and_turns_do_not_matter():
    picture = with_pores(solid_picture())
    found = filled(picture, PORE, ~PORE)
    np.testing.assert_allclose(filled(3 * picture + 1, PORE, ~PORE), 3 * found + 1, atol=1e-4)
    turned = filled(picture[::-1].copy(), PORE[::-1].copy(), ~PORE[::-1].copy())[::-1]
    assert turned[PORE].mean() == pytest.approx(found[PORE].mean(), abs=0.01)


def test_nothing_is_drawn_from_what_is_not_valid():
    picture = with_pores(solid_picture())
    valid = ROW < 90
    picture[~valid] = 1000
    found = filled(picture, PORE & valid, valid & ~PORE)
    assert found[valid].max() < 1
    assert (found[~valid] == 1000).all()


def grains_in_lattice():
    """Square grains of three grey levels with dark grooves, and a pore with a bright rim."""
    grains = (1 + (ROW // 24) * 7 + COL // 24).astype(np.int32)
    picture = (0.5 + 0.05 * (grains % 3) + 0.01 * np.random.default_rng(0).normal(size=SHAPE)).astype(np.float32)
    pore = disc(60, 84, 6)
    grains[pore] = 0
    phases = phase_masks(grains, pore.astype(np.int32), np.ones(SHAPE, bool), boundary_width_px=4)
    picture[phases.boundary] = 0.1
    picture[disc(60, 84, 7)] = 0.95
    picture[pore] = 0.05
    return picture, phases


def test_erased_boundaries_leave_grains_and_pores():
    picture, phases = grains_in_lattice()
    found = boundaries_erased(picture, *phases, rng=np.random.default_rng(0)).picture
    ring = disc(60, 84, 9) & ~disc(60, 84, 6)
    assert found[phases.boundary & ~ring].min() > 0.4
    assert found[phases.boundary & ~ring].max() < 0.7
    np.testing.assert_array_equal(found[phases.pore], picture[phases.pore])
    inner = phases.interior & ~(cv2.dilate(phases.boundary.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0)
    np.testing.assert_array_equal(found[inner], picture[inner])


@pytest.mark.parametrize("occlude", [pores_filled, boundaries_erased])
def test_controls_leave_the_phase_and_its_rims_in_place(occlude):
    picture, phases = grains_in_lattice()
    both = occlude(picture, *phases, rng=np.random.default_rng(0))
    rims = cv2.dilate((phases.pore | phases.boundary).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    np.testing.assert_array_equal(both.control[rims], picture[rims])
    # As much is changed as in the picture, unless there is no room, and into grain.
    changed = both.control != picture
    assert changed.sum() == pytest.approx(both.control_share * (both.picture != picture).sum(), rel=0.02)
    if occlude is pores_filled:
        assert both.control_share == pytest.approx(1, abs=0.02)
    assert both.control[changed].min() > 0.4
    assert both.control[changed].max() < 0.7
    again = occlude(picture, *phases, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(again.control, both.control)


def test_control_has_the_shapes_elsewhere():
    allowed = (COL >= 20) & ~PORE
    found = control_mask(PORE, allowed, np.random.default_rng(0))
    assert not (found & ~allowed).any()
    assert found.sum() == PORE.sum()
    # Shapes stay whole where there is room: as much is left when they are made thinner.
    thinner = [binary_erosion(np.pad(each, 3, mode="wrap"), iterations=3)[3:-3, 3:-3] for each in (found, PORE)]
    assert thinner[0].sum() >= thinner[1].sum()


def test_control_without_room():
    small = disc(60, 80, 4)
    found = control_mask(PORE, small, np.random.default_rng(0))
    assert found.sum() <= small.sum()
    assert not control_mask(PORE, NOTHING, np.random.default_rng(0)).any()
    nothing = pores_filled(solid_picture(), NOTHING, NOTHING, ~NOTHING, rng=np.random.default_rng(0))
    assert np.isnan(nothing.control_share)
    np.testing.assert_array_equal(nothing.control, nothing.picture)
