import numpy as np
import pytest

from micro_features.images.prepare import background, flatten, masked_blur


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def everywhere(image):
    return np.ones(image.shape, bool)


@pytest.mark.parametrize("sigma_px", [0.7, 5.0, 30.0])
def test_mask_leaves_no_trace_in_the_mean_beside_it(sigma_px):
    image = np.full((90, 120), 0.4, np.float32)
    valid = everywhere(image)
    valid[70:] = False
    image[70:] = 1.0
    mean = masked_blur(image, valid, sigma_px=sigma_px)
    np.testing.assert_allclose(mean[valid], 0.4, atol=1e-5)


def test_mean_far_from_all_material_is_the_overall_mean():
    image = np.zeros((200, 200), np.float32)
    valid = np.zeros(image.shape, bool)
    image[:, :4], valid[:, :4] = 0.25, True
    assert masked_blur(image, valid, sigma_px=3.0)[100, 150] == pytest.approx(0.25)


def test_background_follows_a_slope_up_to_the_frame_and_across_a_hole():
    rows, cols = np.mgrid[:200, :300].astype(np.float32)
    slope = 0.2 + 0.001 * rows + 0.0015 * cols
    solid = everywhere(slope)
    solid[60:120, 100:180] = False
    image = np.where(solid, slope, np.float32(0))
    np.testing.assert_allclose(background(image, solid, sigma_px=40), slope, atol=0.02)
    # A mean lags behind by most of the slope times the window.
    assert np.abs(masked_blur(image, solid, sigma_px=40) - slope).max() > 0.06


def test_background_without_anything_solid_near_is_the_overall_mean():
    image = np.zeros((200, 200), np.float32)
    solid = np.zeros(image.shape, bool)
    image[:, :4], solid[:, :4] = 0.25, True
    assert background(image, solid, sigma_px=5.0)[100, 180] == pytest.approx(0.25)


def test_flattening_ignores_brightness_gain_and_shading(rng):
    image = rng.normal(0.5, 0.1, (150, 200)).astype(np.float32)
    flat = flatten(image, everywhere(image), window_px=15)
    turned_up = flatten(0.3 * image + 0.2, everywhere(image), window_px=15)
    np.testing.assert_allclose(turned_up, flat, atol=1e-4)
    shaded = image + np.linspace(-0.2, 0.2, 200, dtype=np.float32)
    inside = np.s_[20:-20, 20:-20]
    # Both mean and contrast are those of the picture without shading, up to the slope across one window.
    assert (
        np.corrcoef(flatten(shaded, everywhere(image), window_px=15)[inside].ravel(), flat[inside].ravel())[0, 1] > 0.99
    )


def test_flattened_contrast_is_one_on_both_sides_of_a_change_of_gain(rng):
    image = rng.normal(0.5, 0.1, (200, 400)).astype(np.float32)
    image[:, 200:] = 0.5 + 0.4 * (image[:, 200:] - 0.5)
    flat = flatten(image, everywhere(image), window_px=12)
    assert flat[:, 60:140].std() == pytest.approx(1, rel=0.1)
    assert flat[:, 260:340].std() == pytest.approx(1, rel=0.25)


def test_what_lies_under_the_mask_does_not_matter(rng):
    image = rng.normal(0.5, 0.1, (120, 160)).astype(np.float32)
    valid = everywhere(image)
    valid[100:] = False
    white, black = image.copy(), image.copy()
    white[100:], black[100:] = 1.0, 0.0
    np.testing.assert_array_equal(flatten(white, valid, window_px=10), flatten(black, valid, window_px=10))


@pytest.mark.parametrize("level", [0.0, 0.37, 1.0])
def test_one_grey_level_is_flat(level):
    image = np.full((40, 50), level, np.float32)
    assert not flatten(image, everywhere(image), window_px=10).any()


def test_nothing_valid_is_flat(rng):
    image = rng.random((40, 50), np.float32)
    assert not flatten(image, np.zeros(image.shape, bool), window_px=10).any()
