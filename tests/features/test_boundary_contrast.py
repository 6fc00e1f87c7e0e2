"""Planted grooves: darkness, depth and width that were drawn come back, whatever the operator's gain and brightness."""

import cv2
import numpy as np
import pytest

from micro_features.features.boundary_contrast import (
    BAND,
    BOUNDARY_CONTRAST_FEATURES,
    boundary_contrast_features,
    pore_floor,
)

GRAIN, BLACK, DARKNESS = 0.7, 0.1, 0.4
STRIPE = 40


def stripes(*, darkness=DARKNESS, groove_px=2.0, blur=0.0, pores=True):
    """Grains as stripes of 40 x 400 px that meet in grooves of flat floor, pores of 6 x 6 px in their middles."""
    grains = np.repeat(np.arange(1, 11, dtype=np.int32), STRIPE)[:, None] * np.ones((1, 400), np.int32)
    from_line = np.abs((np.arange(400) + 0.5 + STRIPE / 2) % STRIPE - STRIPE / 2)
    from_line[[*range(STRIPE // 2), *range(-STRIPE // 2, 0)]] = STRIPE  # no grain beyond the first and last stripe
    groove = (from_line < groove_px / 2).astype(np.float32)[:, None] * np.ones((1, 400), np.float32)
    if blur:
        groove = cv2.GaussianBlur(groove, (0, 0), blur)
    image = (GRAIN - darkness * (GRAIN - BLACK) * groove).astype(np.float32)
    labels = np.zeros_like(grains)
    if pores:
        for k in range(10):
            labels[k * STRIPE + 17 : k * STRIPE + 23, 40 * k + 10 : 40 * k + 16] = k + 1
    image[labels > 0], grains[labels > 0] = BLACK, 0
    return image, grains, labels, np.ones(grains.shape, bool)


def measured(image, grains, pores, valid, pixel_um=0.5):
    return boundary_contrast_features(image, grains, pores, valid, pixel_um=pixel_um)


def half_band_px(grains):
    return BAND * np.sqrt(4 / np.pi * np.bincount(grains.ravel())[1:].mean())


def test_planted_grooves_come_back():
    image, grains, pores, valid = stripes()
    found = measured(image, grains, pores, valid)
    assert list(found) == [feature.name for feature in BOUNDARY_CONTRAST_FEATURES]
    # 2 px wide, 0.4 of the way to black: as much light as 0.8 px of black.
    assert found["boundary_groove_width_um"] == pytest.approx(0.5 * 0.8, rel=1e-3)
    assert found["boundary_groove_depth_median"] == pytest.approx(0.4, rel=1e-3)
    assert found["boundary_darkness_mean"] == pytest.approx(0.8 / (2 * half_band_px(grains)), rel=1e-3)


def test_only_the_width_has_a_length():
    fine, coarse = measured(*stripes(), pixel_um=0.25), measured(*stripes(), pixel_um=0.5)
    assert coarse["boundary_groove_width_um"] == pytest.approx(2 * fine["boundary_groove_width_um"])
    assert coarse["boundary_darkness_mean"] == fine["boundary_darkness_mean"]


def test_gain_and_brightness_change_nothing():
    image, *labels = stripes(blur=0.7)
    assert measured(0.5 * image + 0.3, *labels) == pytest.approx(measured(image, *labels), rel=1e-3)


@pytest.mark.parametrize("turn", [np.fliplr, np.flipud, np.rot90, np.transpose])
def test_flips_and_turns_change_nothing(turn):
    scene = stripes(blur=0.7)
    assert measured(*map(turn, scene)) == pytest.approx(measured(*scene), rel=1e-5)


def test_blur_takes_from_the_depth_and_not_from_the_darkness():
    sharp, blurred = measured(*stripes()), measured(*stripes(blur=2.0))
    assert blurred["boundary_darkness_mean"] == pytest.approx(sharp["boundary_darkness_mean"], rel=0.01)
    assert blurred["boundary_groove_depth_median"] < 0.6 * sharp["boundary_groove_depth_median"]


def test_lines_that_lie_off_by_a_pixel_do_not_change_the_darkness():
    image, grains, pores, valid = stripes()
    off = np.where(pores > 0, 0, np.repeat(np.arange(1, 11), STRIPE)[np.r_[0, :399]][:, None]).astype(np.int32)
    found, told = measured(image, off, pores, valid), measured(image, grains, pores, valid)
    assert found["boundary_darkness_mean"] == pytest.approx(told["boundary_darkness_mean"], rel=0.01)


def test_noise_does_not_pass_for_grooves():
    image, *labels = stripes(darkness=0.0)
    noisy = (image + np.random.default_rng(0).normal(0, 0.05, image.shape)).astype(np.float32)
    assert measured(noisy, *labels) == pytest.approx(dict.fromkeys(measured(image, *labels), 0), abs=0.02)


def test_bright_boundaries_are_negative():
    found = measured(*stripes(darkness=-0.2))
    assert found["boundary_groove_depth_median"] == pytest.approx(-0.2, rel=1e-3)


def test_each_groove_is_seen_from_its_own_grains():
    image, grains, pores, valid = stripes()
    step = np.where(grains % 2, 1.0, 0.8)  # every second grain returns less light, above black
    uneven = np.where(pores > 0, BLACK, BLACK + (image - BLACK) * step).astype(np.float32)
    found = measured(uneven, grains, pores, valid)
    assert found == pytest.approx(measured(image, grains, pores, valid), rel=1e-3)


def test_rims_of_pores_are_no_grooves():
    image, grains, pores, valid = stripes(pores=False)
    on_line = np.zeros_like(pores)
    for k in range(9):
        on_line[k * STRIPE + 34 : k * STRIPE + 46, 40 * k + 100 : 40 * k + 112] = k + 1
    glow = (cv2.dilate(on_line.astype(np.float32), np.ones((5, 5))) > 0) & (on_line == 0)
    bright = np.where(on_line > 0, BLACK, np.where(glow, 1.0, image)).astype(np.float32)
    found = measured(bright, np.where(on_line > 0, 0, grains), on_line, valid)
    assert found["boundary_groove_depth_median"] == pytest.approx(DARKNESS, rel=1e-3)
    assert found["boundary_groove_width_um"] == pytest.approx(0.5 * 0.8, rel=0.02)


def test_glowing_rims_do_not_make_grains_lighter():
    image, grains, pores, valid = stripes()
    glow = (cv2.dilate((pores > 0).astype(np.float32), np.ones((5, 5))) > 0) & (pores == 0)
    found = measured(np.where(glow, 1.0, image).astype(np.float32), grains, pores, valid)
    assert found == pytest.approx(measured(image, grains, pores, valid), rel=1e-3)


def test_a_few_bright_particles_do_not_change_the_median_depth():
    image, grains, pores, valid = stripes()
    image[image == image[STRIPE, 200]] += np.tile([0.5] + 9 * [0.0], 18 * 40).astype(np.float32)
    assert measured(image, grains, pores, valid)["boundary_groove_depth_median"] == pytest.approx(DARKNESS, rel=0.01)


def test_what_is_masked_has_no_influence():
    image, grains, pores, valid = stripes(blur=0.7)
    valid[:, 300:] = False
    found = measured(image, grains, pores, valid)
    image, grains, pores = image.copy(), grains.copy(), pores.copy()
    image[:, 300:], grains[:, 300:], pores[:, 300:] = np.nan, 3, 99
    assert measured(image, grains, pores, valid) == found
    assert found["boundary_groove_width_um"] == pytest.approx(0.4, rel=0.05)


def test_no_number_without_black_or_boundary():
    image, grains, pores, valid = stripes()
    none = np.zeros_like(grains)
    corner = np.ones_like(grains)
    corner[-40:, :40] = 2  # 80 px of boundary
    for scene in (
        stripes(pores=False),
        (image, grains, np.where(pores > 4, 0, pores), valid),  # four pores
        (image, none, pores, valid),
        (image, np.minimum(grains, 1), pores, valid),
        (image, np.where(pores > 0, 0, corner), pores, valid),
        (image, grains, pores, ~valid),
        (np.full_like(image, 0.5), grains, pores, valid),  # grains as dark as pores
        (image[:45, :100], grains[:45, :100], pores[:45, :100], valid[:45, :100]),
    ):
        assert np.isnan(list(measured(*scene).values())).all()


def test_black_is_the_floor_of_a_typical_pore():
    pores = np.zeros((60, 300), np.int32)
    image = np.full(pores.shape, 0.6, np.float32)
    for k, floor in enumerate([0.05, 0.08, 0.1, 0.12, 0.4]):
        pores[20:30, 50 * k + 10 : 50 * k + 20] = k + 1
        image[20:30, 50 * k + 10 : 50 * k + 20] = floor
    pores[50:54, 5:9], image[50:54, 5:9] = 6, 0.0  # too small to be heard
    assert pore_floor(image, pores, np.ones(pores.shape, bool)) == pytest.approx(0.1)


def test_neither_noise_nor_a_masked_neighbour_makes_black_darker():
    pores = np.zeros((60, 300), np.int32)
    for k in range(5):
        pores[20:30, 50 * k + 10 : 50 * k + 20] = k + 1
    valid = np.ones(pores.shape, bool)
    valid[30:] = False
    image = np.where(valid, np.where(pores > 0, 0.3, 0.6), 0).astype(np.float32)
    assert pore_floor(image, pores, valid) == pytest.approx(0.3)
    image += np.random.default_rng(0).normal(0, 0.05, image.shape).astype(np.float32)
    assert pore_floor(image, pores, valid) == pytest.approx(0.3, abs=0.06)  # the darkest single pixel is 0.12 below
