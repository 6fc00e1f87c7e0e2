import importlib.util
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.spatial import cKDTree

from micro_features.images.score import boundary_agreement, mask_agreement, region_agreement


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
    assert np.isnan(mask_agreement(a, b)).all()
    a[0], b[0, :2] = True, True
    assert mask_agreement(a, b) == (0.5, pytest.approx(2 / 3), 1.0)
    assert mask_agreement(b, a).area_error == -0.5


def halves(at, gap=0):
    """Two regions, the right one from column `at` on, with a gap of background around the line between them."""
    labels = np.ones((40, 80), int)
    labels[:, at:] = 2
    labels[:, at - gap // 2 : at + gap // 2] = 0
    return labels


@pytest.mark.parametrize(("shift", "f1"), [(0, 1.0), (1, 1.0), (2, 1.0), (3, 0.0)])
@pytest.mark.parametrize("gap", [0, 4, 10])
def test_a_line_matches_up_to_the_tolerance_whatever_its_width(shift, f1, gap):
    assert boundary_agreement(halves(40 + shift), halves(40, gap)).f1 == f1
    assert boundary_agreement(halves(40 - shift), halves(40, gap)).f1 == f1


def test_a_line_too_many_costs_precision_and_one_too_few_recall():
    true = halves(40)
    found = true.copy()
    found[:, 60:] = 3
    assert boundary_agreement(found, true) == (pytest.approx(2 / 3), 0.5, 1.0)
    assert boundary_agreement(true, found) == (pytest.approx(2 / 3), 1.0, 0.5)


def test_no_line_agrees_with_none():
    none = np.ones((40, 80), int)
    assert np.isnan(boundary_agreement(none, none)).all()
    f1, precision, recall = boundary_agreement(none, halves(40))
    assert (f1, recall) == (0.0, 0.0)
    assert np.isnan(precision)


def scorer(shared_data):
    """The script by which other tools were measured."""
    path = shared_data.parent / "tools" / "score_segmentation.py"
    if not path.is_file():
        pytest.skip("the shared scorer is not here (../shared/tools)")
    spec = importlib.util.spec_from_file_location("score_segmentation", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check_grains(scorer, found, true):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of measures that are not compared
        theirs = scorer.score_grains(found, true)
    if found.any() or true.any():
        assert region_agreement(found, true) == (theirs["f1_50"], pytest.approx(theirs["ap"], abs=1e-12))


def check_pores(scorer, found, true):
    theirs = scorer.score_pores(found, true)
    ours = mask_agreement(found > 0, true > 0)
    assert ours == pytest.approx((theirs["iou"], theirs["dice"], theirs["area_err"]), abs=1e-12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 25),
    gap=st.integers(0, 12),
    shift=st.integers(0, 8),
    merged=st.integers(0, 5),
)
def test_drawn_regions_score_as_the_shared_scorer_says(shared_data, seed, n, gap, shift, merged):
    theirs = scorer(shared_data)
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 64, (n, 2))
    distance, owner = cKDTree(points).query(np.argwhere(np.ones((64, 64))), k=2)
    true = np.where(distance[:, 1] - distance[:, 0] < gap, 0, owner[:, 0] + 1).reshape(64, 64)
    found = np.roll(owner[:, 0].reshape(64, 64) + 1, shift, axis=1)
    found = np.where(found <= merged, 1, found)
    check_grains(theirs, found, true)
    check_grains(theirs, true, found)
    check_pores(theirs, true, np.where(found > n // 2, 0, found))


def test_a_share_of_exactly_nine_tenths_is_not_above_it(shared_data):
    true = np.zeros((60, 60), int)
    true[10:30, 10:30] = 1
    found = true.copy()
    found[28:30] = 0
    found, true = (np.where(labels == 0, 2, labels) for labels in (found, true))  # nothing grows: 360 of 400 px shared
    assert region_agreement(found, true).average_precision == pytest.approx((8 + 2 * 1 / 3) / 10)
    check_grains(scorer(shared_data), found, true)


def test_annotated_pictures_score_as_the_shared_scorer_says(shared_data):
    theirs = scorer(shared_data)
    folder = shared_data / "ground_truth"
    for name in ("perovskite_film_sem/labels/perovskite_left.png", "steel_nist_optical/labels/nist_steel_001.png"):
        true = np.asarray(Image.open(folder / name)).astype(int)
        found = np.roll(true, 5, axis=0)
        found[found < 60] = 7
        check_grains(theirs, found, true)
    true = np.asarray(Image.open(folder / "ceramic_pores_sem/labels/ceramic_001.png"))
    check_pores(theirs, np.roll(true, 2, axis=1), true)
