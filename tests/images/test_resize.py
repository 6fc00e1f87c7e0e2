import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micro_features.images.resize import enlarged, shrunk


def everywhere(image):
    return np.ones(image.shape, bool)


@pytest.mark.parametrize("factor", [2**0.5, 2.0, 3.7, 8.0])
def test_shrinking_keeps_the_mean_and_the_slope(factor):
    rows, cols = np.mgrid[:120, :160].astype(np.float32)
    small, valid = shrunk(rows + 2 * cols, everywhere(rows), factor)
    assert small.shape == (round(120 / factor), round(160 / factor))
    assert valid.all()
    assert small.mean() == pytest.approx((rows + 2 * cols).mean(), rel=1e-3)
    # Weights of pixels that lie in two larger ones come in steps.
    middle = (np.arange(small.shape[1]) + 0.5) * 160 / small.shape[1] - 0.5
    np.testing.assert_allclose(small.mean(axis=0), 59.5 + 2 * middle, atol=0.4)


def test_not_shrinking_changes_nothing():
    image = np.random.default_rng(0).random((7, 9), np.float32)
    valid = image > 0.5
    small, still = shrunk(image, valid, 1)
    np.testing.assert_array_equal(small, image)
    np.testing.assert_array_equal(still, valid)


@pytest.mark.parametrize("factor", [2.0, 2.7])
def test_only_what_is_valid_is_averaged(factor):
    valid = np.random.default_rng(0).random((60, 80)) < 0.7
    small, still = shrunk(np.where(valid, np.float32(0.4), np.float32(0)), valid, factor)
    np.testing.assert_allclose(small[still], 0.4, rtol=1e-4)


def test_a_pixel_is_valid_that_is_half_valid():
    valid = np.ones((4, 6), bool)
    valid[:, :1] = False  # half of the first of three columns
    valid[:3, 4:] = False  # all of the last one above, half of it below
    _, still = shrunk(np.ones(valid.shape, np.float32) * valid, valid, 2)
    np.testing.assert_array_equal(still, [[True, True, False], [True, True, True]])


@pytest.mark.parametrize("factor", [1.2, 2**0.5, 2.0, 4.0, 8.0])
@pytest.mark.parametrize("degrees", [0, 30, 90])
def test_enlarging_puts_a_line_back_where_it_was(factor, degrees):
    rows, cols = np.mgrid[:200, :240]
    distance = (cols - 119.5) * np.cos(np.deg2rad(degrees)) + (rows - 99.5) * np.sin(np.deg2rad(degrees))
    small, _ = shrunk((distance > 0).astype(np.float32), everywhere(rows), factor)
    large = enlarged((small > 0.5).astype(np.int32) + 1, rows.shape)
    wrong = (large == 2) != (distance > 0)
    # To half a pixel of the shrunk picture, without steps of its size.
    assert np.abs(distance[wrong]).max(initial=0) <= 0.5 * factor + 0.5


@pytest.mark.parametrize("size", [499, 425, 300, 150])
@pytest.mark.parametrize("axis", [0, 1])
def test_enlarging_moves_boundaries_to_neither_side(size, axis):
    small = np.tile(np.arange(1, size // 5 + 2, dtype=np.int32).repeat(5)[:size], (20, 1))
    large = enlarged(small if axis else np.ascontiguousarray(small.T), (40, 600) if axis else (600, 40))
    line = large[20] if axis else large[:, 20]
    found, true = np.flatnonzero(np.diff(line)) + 1, (np.flatnonzero(np.diff(small[0])) + 1) * 600 / size
    assert abs(np.mean(found - true)) < 0.1


def test_labels_of_the_same_size_stay():
    labels = np.random.default_rng(0).integers(1, 9, (12, 15)).astype(np.int32)
    np.testing.assert_array_equal(enlarged(labels, labels.shape), labels)


def test_what_has_no_label_takes_the_nearest():
    labels = np.zeros((5, 12), np.int32)
    labels[:, :3], labels[:, 9:] = 4, 7
    large = enlarged(labels, labels.shape)
    np.testing.assert_array_equal(large[2], [4] * 6 + [7] * 6)


def test_no_label_at_all():
    assert not enlarged(np.zeros((3, 4), np.int32), (9, 12)).any()


@given(
    seed=st.integers(0, 2**16),
    small=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    factor=st.floats(1, 9),
)
@settings(max_examples=60, deadline=None)
def test_enlarged_pixels_have_the_label_of_a_neighbour(seed, small, factor):
    labels = np.random.default_rng(seed).integers(1, 6, small).astype(np.int32)
    shape = tuple(round(side * factor) for side in small)
    large = enlarged(labels, shape)
    assert large.shape == shape
    assert large.dtype == np.int32
    row, col = (
        np.clip((np.arange(length) + 0.5) * side / length - 0.5, 0, side - 1)
        for length, side in zip(shape, small, strict=True)
    )
    near = [
        labels[np.ix_(round_row(row).astype(int), round_col(col).astype(int))]
        for round_row in (np.floor, np.ceil)
        for round_col in (np.floor, np.ceil)
    ]
    assert (large == np.stack(near)).any(axis=0).all()


def test_the_largest_bilinear_weight_wins():
    # Halfway along, three of four corners outvote the one that is nearest.
    labels = np.array([[1, 2], [2, 2]], np.int32)
    large = enlarged(labels, (16, 16))
    row = (np.arange(16) + 0.5) / 8 - 0.5
    share = np.clip(1 - row, 0, 1)
    weight_of_one = np.clip(share, 0, 1)[:, None] * np.clip(share, 0, 1)[None, :]
    np.testing.assert_array_equal(large == 1, weight_of_one > 0.5)
