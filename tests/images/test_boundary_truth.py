import numpy as np
import pytest

from micro_features.images.boundary_truth import BOUNDARY, INSIDE, truth_from_labels, truth_from_strokes
from micro_features.images.watershed import Contacts, contacts


def tiles(rows, cols, side):
    """Square basins, numbered along the rows."""
    return np.arange(1, rows * cols + 1, dtype=np.int32).reshape(rows, cols).repeat(side, 0).repeat(side, 1)


def touching(basins):
    return contacts(basins, np.zeros(basins.shape, np.float32))


def of_pairs(truth, where: Contacts):
    """Truth of each pair of basins, which all of its contacts share."""
    answers = {}
    for first, second in np.unique(np.stack((where.first, where.second)), axis=1).T.tolist():
        (answer,) = np.unique(truth[(where.first == first) & (where.second == second)])
        answers[first, second] = float(answer)
    return answers


@pytest.mark.parametrize("line_px", [0, 1, 5, 10])
@pytest.mark.parametrize("enlarge", [1, 2, 3.3])
def test_contacts_between_grains_are_boundaries_however_wide_the_drawn_line(line_px, enlarge):
    # Two rows of four basins; the grain on the left holds the first two of each row, lines between them are drawn.
    basins = tiles(2, 4, 8)  # so small that a wide line covers most of those beside it
    size = [round(side * enlarge) for side in basins.shape]
    grains = np.full(size, 2, np.int32)
    middle = size[1] // 2
    grains[:, :middle] = 1
    grains[:, middle - line_px // 2 : middle + line_px - line_px // 2] = 0
    where = touching(basins)
    found = truth_from_labels(basins, where, grains)
    assert found.dtype == np.float32
    across = {(2, 3), (6, 7)}
    assert of_pairs(found, where) == {pair: float(pair in across) for pair in of_pairs(found, where)}


def test_a_pore_is_one_more_grain():
    basins = tiles(1, 4, 30)
    grains = np.ones(basins.shape, np.int32)
    grains[:, 60:] = 0  # two basins without a grain: a pore, too wide to be a line
    where = touching(basins)
    assert of_pairs(truth_from_labels(basins, where, grains), where) == {(1, 2): 0, (2, 3): 1, (3, 4): 0}


def test_a_basin_that_no_grain_has_half_of_is_not_known():
    basins = tiles(1, 3, 30)
    grains = np.ones(basins.shape, np.int32)
    grains[:, 30:] = np.repeat([2, 3, 4, 4, 5, 5], 10)
    where = touching(basins)
    found = of_pairs(truth_from_labels(basins, where, grains), where)
    # The middle basin holds a third of grain 2, of grain 3 and of grain 4.
    assert np.isnan(found[1, 2])
    assert np.isnan(found[2, 3])
    grains[:, 30:60] = np.repeat([1, 2], [18, 12])
    assert of_pairs(truth_from_labels(basins, where, grains), where) == {(1, 2): 0, (2, 3): 1}


def test_strokes_say_what_they_cover_and_nothing_else():
    basins = tiles(1, 5, 20)
    strokes = np.zeros(basins.shape, np.uint8)
    strokes[:, 18] = BOUNDARY  # beside the first contact, within reach
    strokes[:, 30:50] = INSIDE  # across the second
    strokes[:, 55:65] = INSIDE  # across the third, with a boundary on top of it
    strokes[:, 60] = BOUNDARY
    where = touching(basins)
    found = of_pairs(truth_from_strokes(basins, where, strokes), where)
    assert found[1, 2] == 1
    assert found[2, 3] == 0
    # Half of the contacts lie under one stroke, beside the other: both are true of them.
    assert np.isnan(found[3, 4])
    assert np.isnan(found[4, 5])


def test_a_line_that_ends_at_a_stroke_is_not_under_it():
    basins = tiles(2, 2, 10)  # grains are the upper and the lower half
    strokes = np.zeros(basins.shape, np.uint8)
    strokes[8:12] = BOUNDARY
    where = touching(basins)
    found = of_pairs(truth_from_strokes(basins, where, strokes), where)
    assert found[1, 3] == found[2, 4] == 1
    assert np.isnan(found[1, 2])
    assert np.isnan(found[3, 4])
    strokes[4, 5:15] = INSIDE  # joins two basins in one place: all of the line between them is none
    found = of_pairs(truth_from_strokes(basins, where, strokes), where)
    assert found[1, 2] == 0
    assert np.isnan(found[3, 4])


@pytest.mark.parametrize(("distance_px", "answer"), [(0, 1), (2, 1), (3, np.nan)])
def test_a_boundary_is_known_within_two_pixels_of_its_stroke(distance_px, answer):
    basins = tiles(1, 2, 20)
    where = touching(basins)
    col = int(where.at[0]) % 40
    strokes = np.zeros(basins.shape, np.uint8)
    strokes[:, col - distance_px] = BOUNDARY
    np.testing.assert_array_equal(truth_from_strokes(basins, where, strokes), np.full(20, answer, np.float32))


def test_a_touch_of_inside_says_nothing_of_its_neighbours():
    basins = tiles(1, 2, 20)
    where = touching(basins)
    strokes = np.zeros(basins.shape, np.uint8)
    strokes[:, int(where.at[0]) % 40 - 1] = INSIDE
    assert np.isnan(truth_from_strokes(basins, where, strokes)).all()


def test_nothing_painted_is_nothing_known():
    basins = tiles(2, 2, 10)
    where = touching(basins)
    assert np.isnan(truth_from_strokes(basins, where, np.zeros((80, 80), np.uint8))).all()


@pytest.mark.parametrize("offset", [0, 1, 2, 3])
def test_a_hairline_along_a_boundary_is_seen_in_a_shrunk_picture(offset):
    basins = tiles(1, 2, 20)
    where = touching(basins)
    strokes = np.zeros((80, 160), np.uint8)
    strokes[:, 4 * (int(where.at[0]) % 40) + offset] = BOUNDARY
    np.testing.assert_array_equal(truth_from_strokes(basins, where, strokes), np.ones(20, np.float32))


def test_no_contact_no_answer():
    basins = np.ones((20, 30), np.int32)
    where = touching(basins)
    assert truth_from_labels(basins, where, np.ones((40, 60), np.int32)).shape == (0,)
    assert truth_from_strokes(basins, where, np.zeros((40, 60), np.uint8)).shape == (0,)
