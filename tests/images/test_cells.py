"""Cells on a picture: which pixels each is about, where cells are cut by the edges, too."""

import numpy as np
import pytest

from micro_features.images.cells import Cells


def test_means_by_hand():
    # Cell 0 has one pixel in the picture; the last one ends a pixel behind it.
    np.testing.assert_allclose(
        Cells(4, -3).means(8, 3),
        np.array([[4, 0, 0, 0, 0, 0, 0, 0], [0, 1, 1, 1, 1, 0, 0, 0], [0] * 5 + [4 / 3] * 3]) / 4,
    )
    # Half a pixel at the far edge is in no cell.
    np.testing.assert_allclose(Cells(2, -0.5).means(4, 2), [[2 / 3, 1 / 3, 0, 0], [0, 0.25, 0.5, 0.25]])


def test_pixels_belong_to_the_cell_of_their_centre():
    assert Cells(4, -1).of_pixels((1, 9), (1, 3)).tolist() == [[0, 0, 0, 1, 1, 1, 1, 2, 2]]
    assert Cells(4).of_pixels((5, 5), (1, 1)).tolist() == np.zeros((5, 5)).tolist()  # left out at the far edge
    down = Cells(2).of_pixels((3, 4), (2, 2))
    assert down.tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3]]


def test_other_pixels_same_place():
    fine = Cells(2, -0.5).scaled(3)
    assert fine == Cells(6, -1.5)
    np.testing.assert_allclose(Cells(2, -0.5).means(8, 4), fine.means(24, 4).reshape(4, 8, 3).sum(axis=2))


@pytest.mark.parametrize(
    ("given", "said"), [((0.0,), "edge of a cell is 0.0"), ((2, 1), "begin at 1"), ((2, -2), "-2")]
)
def test_cells_that_hold_no_first_pixel_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        Cells(*given)


@pytest.mark.parametrize("n", [1, 4])
def test_cells_of_another_picture_are_refused(n):
    with pytest.raises(ValueError, match=f"{n} cells of 4 px do not lie on a side of 9 px"):
        Cells(4, -1).means(9, n)
