import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from micro_features.images.pore_evidence import PORE_FEATURES, pore_evidence

SHAPE = (192, 256)


def everywhere(image):
    return np.ones(image.shape, bool)


def drawn(dark, *, depth=0.3, seed=0):
    image = np.random.default_rng(seed).normal(0.6, 0.02, SHAPE)
    return (image - depth * cv2.GaussianBlur(dark.astype(np.float64), (0, 0), 0.8)).astype(np.float32)


def disc(radius, centre=(128, 96)):
    return cv2.circle(np.zeros(SHAPE, np.uint8), centre, radius, 1, -1)


def line(width):
    return cv2.line(np.zeros(SHAPE, np.uint8), (0, 96), (SHAPE[1], 96), 1, width)


def at(image, row, col):
    """Features of one pixel by name."""
    evidence = pore_evidence(image, everywhere(image))
    assert evidence.candidates[row, col]
    place = np.count_nonzero(evidence.candidates.ravel()[: row * SHAPE[1] + col])
    return dict(zip(PORE_FEATURES, evidence.values[place], strict=True))


def test_a_row_a_candidate_a_column_a_name():
    image = drawn(disc(10))
    evidence = pore_evidence(image, everywhere(image))
    assert evidence.values.shape == (np.count_nonzero(evidence.candidates), len(PORE_FEATURES))
    assert evidence.values.dtype == np.float32
    assert len(set(PORE_FEATURES)) == len(PORE_FEATURES)


def test_dark_pixels_are_candidates_bright_ones_are_not():
    dark = disc(10)
    image = drawn(dark)
    image[20:40, 20:40] = 0.9
    candidates = pore_evidence(image, everywhere(image)).candidates
    assert candidates[dark > 0].all()
    assert not candidates[22:38, 22:38].any()
    assert candidates.mean() < 0.4


def test_brightness_and_gain_change_nothing():
    image = drawn(disc(10))
    for brightness in (0.0, 0.25):
        first, second = (pore_evidence(picture, everywhere(image)) for picture in (image, 0.5 * image + brightness))
        same = first.candidates & second.candidates
        assert np.mean(first.candidates != second.candidates) < 1e-3
        values = [evidence.values[same[evidence.candidates]] for evidence in (first, second)]
        columns = [brightness == 0 or not name.startswith("weber") for name in PORE_FEATURES]
        np.testing.assert_allclose(*(value[:, columns] for value in values), rtol=1e-3, atol=0.01)


@pytest.mark.parametrize("missing", [1.0, 0.5])
def test_weber_is_the_share_of_grey_that_is_missing(missing):
    found = at(drawn(disc(20), depth=0.6 * missing), 96, 128)
    for scale in (1, 2, 4):
        assert found[f"weber_{scale}"] == pytest.approx(missing, abs=0.06)


def test_a_turned_picture_has_turned_features():
    image = drawn(disc(10))
    first, second = (pore_evidence(picture, everywhere(picture)) for picture in (image, np.ascontiguousarray(image.T)))
    turned = np.zeros((len(PORE_FEATURES), *SHAPE[::-1]), np.float32)
    turned[:, second.candidates] = second.values.T
    same = first.candidates & second.candidates.T
    values = turned.transpose(0, 2, 1)[:, same].T
    # Rounding of places to 1/32 pixel is all that may differ.
    assert np.quantile(np.abs(first.values[same[first.candidates]] - values), 0.99) < 0.05


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_a_hole_is_a_blob_a_groove_a_ridge(scale):
    width = 5 * scale
    hole, groove = at(drawn(disc(width // 2)), 96, 128), at(drawn(line(width)), 96, 128)
    assert hole[f"blob_{scale}"] > 0.5
    assert groove[f"ridge_{scale}"] > 0.5
    assert abs(groove[f"blob_{scale}"]) < 0.3 * hole[f"blob_{scale}"]


def test_compact_is_what_no_line_holds():
    hole, groove = at(drawn(disc(5)), 96, 128), at(drawn(line(10)), 96, 128)
    assert hole["compact_share_2"] > 0.8
    assert groove["compact_share_2"] < 0.2


def test_the_darkest_parts_are_the_unit_of_hats():
    alone = at(drawn(disc(8), depth=0.15), 96, 128)["hat_4"]
    beside = at(drawn(disc(8) + 2 * disc(20, (40, 40)), depth=0.15), 96, 128)["hat_4"]
    assert alone == pytest.approx(1, abs=0.3)
    assert beside == pytest.approx(alone / 3, rel=0.2)


def test_what_is_masked_does_not_matter():
    image = drawn(disc(10))
    valid = everywhere(image)
    valid[150:] = False
    white, black = image.copy(), image.copy()
    white[150:], black[150:] = 1, 0
    first, second = (pore_evidence(picture, valid) for picture in (white, black))
    np.testing.assert_array_equal(first.candidates, second.candidates)
    np.testing.assert_allclose(first.values, second.values, atol=1e-5)
    assert not first.candidates[~valid].any()


@given(
    image=hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40),
        elements=st.floats(0, 1, width=32),
    ),
    data=st.data(),
)
@settings(max_examples=40, deadline=None)
def test_odd_pictures_are_answered(image, data):
    valid = data.draw(hnp.arrays(bool, image.shape))
    evidence = pore_evidence(image, valid)
    assert not evidence.candidates[~valid].any()
    assert np.isfinite(evidence.values).all()
