import numpy as np
import pytest

from micro_features.images.score import mask_agreement, region_agreement


def squares(gap=0, side=20, n=4):
    labels = np.zeros((side * n, side * n + 10), np.int32)
    for i in range(n):
        for j in range(n):
            labels[i * side : (i + 1) * side - gap, j * side : (j + 1) * side - gap] = 1 + i * n + j
    return labels


def test_the_same_regions_under_other_numbers_agree_wholly():
    labels = squares()
    renumbered = np.where(labels > 0, 40 - labels, 0)
    assert region_agreement(renumbered, labels) == (1.0, 1.0)


def test_boundaries_of_another_width_do_not_matter():
    assert region_agreement(squares(gap=4), squares()).f1 == 1.0


@pytest.mark.parametrize(("shift", "f1", "passed"), [(2, 1.0, 7), (4, 1.0, 4), (8, 0.0, 0)])
def test_shifted_squares_match_up_to_their_overlap(shift, f1, passed):
    """Shifted round by s, squares of side 20 share (20 - s) / (20 + s) of their union: 0.818, 0.667, 0.43."""
    true = squares()[:, :80]
    agreement = region_agreement(np.roll(true, shift, axis=1), true)
    assert agreement == (f1, passed / 10)


def test_merged_and_missed_regions_cost():
    true = squares()
    merged = np.where(true == 2, 1, true)  # two of sixteen became one, of twice the size: it matches neither
    agreement = region_agreement(merged, true)
    assert agreement.f1 == pytest.approx(2 * 14 / (15 + 16))
    assert agreement.average_precision == pytest.approx(14 / 17)


def test_specks_are_left_out_and_nothing_is_nan():
    true = squares()
    found = true.copy()
    found[5:8, 5:8] = 99  # 9 px
    assert region_agreement(found, true).f1 == 1.0
    assert np.isnan(region_agreement(np.zeros((9, 9), int), np.zeros((9, 9), int)).f1)
    assert region_agreement(np.zeros_like(true), true) == (0.0, 0.0)


def test_masks():
    a, b = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    assert np.isnan(mask_agreement(a, b))
    a[0], b[0, :2] = True, True
    assert mask_agreement(a, b) == 0.5
