"""Sizes and intercepts of labels drawn so that they are known, and the names of cells that repeat."""

import numpy as np
import pytest

from micro_features.synthetic.picture.labels import (
    along_lines,
    boundary_lines,
    mean_and_log_sd,
    numbered,
    whole_diameters,
)


def test_sizes_of_known_squares():
    """A chequered frame: squares of 20 px, those at the rim left out."""
    rows, cols = (np.indices((200, 240)) + 10) // 20
    grains = (rows * 13 + cols + 1).astype(np.int32)
    sizes, weights = whole_diameters(grains)
    np.testing.assert_allclose(sizes, np.sqrt(4 / np.pi) * 20)
    assert len(sizes) == 9 * 11
    np.testing.assert_allclose(weights, 200 * 240 / ((200 - 21) * (240 - 21)))
    intercept, changes = along_lines(grains)
    assert 1 / changes == pytest.approx(intercept)
    assert intercept == pytest.approx(20 * 4 / (2 + 2 * np.sqrt(2)), rel=0.06)


def test_a_pore_counts_half_a_crossing_at_either_side():
    grains = np.ones((40, 40), dtype=np.int32)
    grains[:, 15:25] = 0
    intercept, changes = along_lines(grains)
    assert changes == 0
    # Of four directions three meet both sides: P = 2 halves a width of 40, diagonals 1/sqrt(2) as often.
    assert intercept == pytest.approx(0.75 * 4 / ((1 + np.sqrt(2)) / 40), rel=0.05)


def test_one_grain_has_no_end_and_no_size():
    grains = np.ones((40, 40), dtype=np.int32)
    assert along_lines(grains) == (np.inf, 0)
    assert np.isnan(mean_and_log_sd(*whole_diameters(grains))).all()
    assert not boundary_lines(grains).any()


def test_weights_count_like_repeats():
    mean, log_sd = mean_and_log_sd(np.array([1.0, 4.0]), np.array([3.0, 1.0]))
    assert mean == pytest.approx(1.75)
    assert log_sd == pytest.approx(np.log([1, 1, 1, 4]).std())


def test_a_boundary_is_two_pixels_wide_and_pores_have_none():
    grains = np.repeat([[1, 1, 1, 2, 2, 0, 3]], 4, axis=0)
    np.testing.assert_array_equal(boundary_lines(grains), np.repeat([[0, 0, 1, 1, 0, 0, 0]], 4, axis=0))


def test_each_repeat_of_a_cell_has_a_label_of_its_own():
    one_period = np.repeat([[5, 5, 0, 9, 9, 9, 9, 5]], 6, axis=0)  # cell 5 lies across the border
    grains, cell = numbered(np.tile(one_period, (1, 2)), np.array([6.0, 8.0]))
    np.testing.assert_array_equal(cell, [-1, 4, 4, 4, 8, 8])
    np.testing.assert_array_equal(grains[0], [1, 1, 0, 4, 4, 4, 4, 2, 2, 2, 0, 5, 5, 5, 5, 3])


def test_without_pores_labels_start_at_one():
    grains, cell = numbered(np.repeat([[3, 3, 1, 1]], 4, axis=0), np.array([8.0, 16.0]))
    np.testing.assert_array_equal(grains[0], [2, 2, 1, 1])
    np.testing.assert_array_equal(cell, [-1, 0, 2])
