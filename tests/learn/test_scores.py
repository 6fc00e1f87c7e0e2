"""Scores: textbook values, intervals over groups, and what is not defined."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, spearmanr, t
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    precision_score,
    r2_score,
    recall_score,
)

from micro_features.learn.scores import advantage, class_scores, per_group, precision_recall, r2, regression_scores

CUTS = (-0.5, 0.5)


def drawn(seed=0, *, n_groups=12, a_group=4):
    """Groups that differ, rows that resemble their group, predictions that are off by group."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_groups), a_group)
    measured = rng.normal(size=n_groups)[groups] + 0.2 * rng.normal(size=len(groups))
    predicted = measured + 0.5 * rng.normal(size=n_groups)[groups]
    return measured.round(1), predicted.round(1), groups


def textbook(measured, predicted, spread):
    classes, found = np.digitize(measured, CUTS), np.digitize(predicted, CUTS)
    return {
        "r2": 1 - mean_squared_error(measured, predicted) / spread,
        "mae": mean_absolute_error(measured, predicted),
        "spearman": spearmanr(measured, predicted).statistic,
        "accuracy": accuracy_score(classes, found),
        "balanced_accuracy": balanced_accuracy_score(classes, found),
        "balanced_accuracy_below_1": balanced_accuracy_score(measured < CUTS[0], predicted < CUTS[0]),
        "balanced_accuracy_below_2": balanced_accuracy_score(measured < CUTS[1], predicted < CUTS[1]),
    }


def test_values_and_intervals_are_those_of_a_plain_loop():
    measured, predicted, groups = drawn(n_groups=24)
    scores = regression_scores(measured, predicted, groups, cuts=CUTS, n_resamples=150, level=0.9, seed=3)
    rng = np.random.default_rng(3)
    draws = [np.concatenate([np.flatnonzero(groups == g) for g in rng.integers(24, size=24)]) for _ in range(150)]
    resampled = [textbook(measured[rows], predicted[rows], measured.var()) for rows in draws]
    of_all = textbook(measured, predicted, measured.var())
    outside = norm.sf(np.sqrt(24 / 23) * t.ppf(0.95, 23))  # Hesterberg 2015: percentiles as far out as t with 24 groups
    assert list(scores) == list(of_all)
    assert scores["r2"][1] == pytest.approx(r2_score(measured, predicted))
    for name, value in of_all.items():
        low, high = np.quantile([each[name] for each in resampled], [outside, 1 - outside])
        assert scores[name] == pytest.approx((low, value, high), abs=1e-12), name


def test_one_group_that_holds_the_spread_does_not_make_the_interval_of_r2_endless():
    groups = np.repeat(np.arange(12), 4)
    measured = np.where(groups == 0, -3.0, 0.0)
    predicted = measured + 0.3 * np.random.default_rng(0).normal(size=48)
    low, value, high = r2(measured, predicted, groups)
    assert 0.8 < low < value < high < 1


def test_resamples_without_a_class_do_not_count():
    # The only high group is missing in a third of the resamples: there is no recall of nothing.
    measured, groups = np.repeat([0.0, 0.0, 0.0, 1.0], 3), np.repeat(np.arange(4), 3)
    predicted = np.where(np.arange(12) == 0, 1.0, measured)
    scores = regression_scores(measured, predicted, groups, cuts=(0.5,))
    low, value, high = scores["balanced_accuracy"]
    assert value == pytest.approx((8 / 9 + 1) / 2)
    assert low >= (2 / 3 + 1) / 2 - 1e-12
    assert high == 1


def test_more_pictures_of_the_same_groups_do_not_make_it_surer():
    measured, predicted, groups = drawn()
    once = regression_scores(measured, predicted, groups, cuts=CUTS)
    fourfold = regression_scores(*(np.repeat(a, 4) for a in (measured, predicted, groups)), cuts=CUTS)
    for name in once:
        assert fourfold[name] == pytest.approx(once[name], abs=1e-12)
    as_rows = regression_scores(measured, predicted, np.arange(len(measured)))
    assert once["r2"][2] - once["r2"][0] > 1.5 * (as_rows["r2"][2] - as_rows["r2"][0])


def test_units_and_order_of_rows_do_not_matter():
    measured, predicted, groups = drawn()
    scores = regression_scores(measured, predicted, groups, cuts=CUTS)
    order = np.random.default_rng(1).permutation(len(groups))
    shuffled = regression_scores(measured[order], predicted[order], groups[order] * 7 + 2, cuts=CUTS)
    scaled = regression_scores(1e3 * measured - 5e6, 1e3 * predicted - 5e6, groups)
    for name in scores:
        assert shuffled[name] == pytest.approx(scores[name], abs=1e-12)
    assert scaled["r2"] == pytest.approx(scores["r2"], abs=1e-6)
    assert scaled["spearman"] == pytest.approx(scores["spearman"])
    assert scaled["mae"] == pytest.approx(1e3 * np.array(scores["mae"]))


def test_r2_is_about_the_overall_mean_and_may_be_negative():
    measured, groups = np.array([0.0, 0, 1, 1, 2, 2]), np.array([0, 0, 1, 1, 2, 2])
    # Mean of the other groups, as a dummy left out group by group answers: worse than the overall mean.
    dummy = np.array([1.5, 1.5, 1, 1, 0.5, 0.5])
    assert regression_scores(measured, dummy, groups)["r2"][1] == pytest.approx(1 - 2 * 2 * 1.5**2 / 4)


def test_a_number_on_a_cut_belongs_to_the_class_above():
    scores = regression_scores(np.array([0.0, 1, 1, 2]), np.array([0.0, 1, 0.99, 1]), np.arange(4), cuts=(1,))
    assert scores["accuracy"][1] == 0.75


def test_what_is_not_defined_is_nan():
    flat = np.ones(8)
    groups = np.arange(8) // 2
    scores = regression_scores(flat, np.arange(8.0), groups, cuts=(0.5,))
    for name in ("r2", "spearman", "balanced_accuracy", "balanced_accuracy_below_1"):
        assert np.isnan(scores[name]).all(), name
    assert np.isfinite(scores["mae"]).all()
    assert np.isnan(regression_scores(np.arange(8.0), flat, groups)["accuracy"]).all()
    two = regression_scores(np.arange(8.0), np.arange(8.0), groups // 2)
    assert two["r2"][1] == 1
    assert np.isnan([two["r2"][0], two["r2"][2]]).all()
    with pytest.raises(ValueError, match="finite"):
        regression_scores(np.arange(8.0), np.full(8, np.nan), groups)


@given(
    st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2), st.integers(0, 4)), min_size=1, max_size=30),
    st.sampled_from([(), (0,), (-1, 1)]),
)
def test_any_input_gives_ordered_ends_and_bounded_scores(rows, cuts):
    measured, predicted, groups = np.array(rows, float).T
    for name, (low, value, high) in regression_scores(
        measured, predicted, groups.astype(int), cuts=cuts, n_resamples=50
    ).items():
        assert np.isnan([low, high]).all() or low <= high
        if name != "mae":
            assert np.isnan(value) or value <= 1
        if name not in ("mae", "r2", "spearman"):
            assert np.isnan(value) or value >= 0


def test_classes_from_probabilities():
    classes = np.array([0, 0, 1, 1, 2, 2])
    p = np.array([[0.6, 0.3, 0.1], [0.4, 0.3, 0.3], [0.2, 0.5, 0.3], [0.4, 0.3, 0.3], [0.1, 0.2, 0.7], [0.3, 0.4, 0.3]])
    scores = class_scores(classes, p, np.arange(6) // 2)
    assert scores["accuracy"][1] == pytest.approx(4 / 6)
    assert scores["balanced_accuracy"][1] == pytest.approx(4 / 6)
    # Below 1: the first row alone has more than a half there. Below 2: all but the fifth.
    assert scores["balanced_accuracy_below_1"][1] == pytest.approx((1 / 2 + 1) / 2)
    assert scores["balanced_accuracy_below_2"][1] == pytest.approx((1 + 1 / 2) / 2)
    assert scores["log_loss"][1] == pytest.approx(log_loss(classes, p))
    assert scores["log_loss"][0] <= scores["log_loss"][1] <= scores["log_loss"][2]


def test_a_class_without_rows_is_no_part_of_the_balance():
    scores = regression_scores(np.arange(4.0), np.arange(4.0), np.arange(4), cuts=(0.5, 9))
    assert scores["balanced_accuracy"][1] == 1
    assert np.isnan(scores["balanced_accuracy_below_2"]).all()


def test_one_sure_error_does_not_make_the_log_loss_infinite():
    p = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    assert class_scores(np.array([1, 1, 0]), p, np.arange(3))["log_loss"][1] == pytest.approx(-np.log(1e-15) / 3)


def test_one_prediction_per_group():
    measured, predicted = per_group(np.array([1.0, 3, 5]), np.array([2.0, 2, 7]), np.array([4, 4, 1]))
    np.testing.assert_array_equal(measured, [5, 2])
    np.testing.assert_array_equal(predicted, [7, 2])


def test_r2_alone_is_that_of_all_scores():
    measured, predicted, groups = drawn()
    assert r2(measured, predicted, groups, seed=5) == regression_scores(measured, predicted, groups, seed=5)["r2"]


def test_advantage_is_a_difference_of_r2_and_turns_its_sign():
    measured, predicted, groups = drawn()
    rival = np.roll(predicted, 4)
    low, value, high = advantage(measured, predicted, rival, groups)
    assert value == pytest.approx(r2_score(measured, predicted) - r2_score(measured, rival))
    assert advantage(measured, rival, predicted, groups) == pytest.approx((-high, -value, -low))
    assert np.isnan(advantage(np.ones(48), predicted, rival, groups)).all()


def test_advantage_is_sure_where_two_intervals_overlap():
    # Some groups are hard for both: which of them are drawn moves both scores alike.
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(12), 4)
    measured = rng.normal(size=12)[groups] + 0.1 * rng.normal(size=48)
    error = (rng.random(12) ** 4)[groups] * rng.normal(size=48)
    better, worse = measured + error, measured + 1.3 * error
    assert r2(measured, worse, groups)[2] > r2(measured, better, groups)[0]
    assert advantage(measured, better, worse, groups)[0] > 0


def test_precision_and_recall_are_those_of_the_textbook():
    true, said = np.random.default_rng(0).integers(3, size=(2, 60))
    confusion = np.zeros((3, 3), int)
    np.add.at(confusion, (true, said), 1)
    found = precision_recall(confusion)
    for one, other in zip(found, (precision_score, recall_score), strict=True):
        np.testing.assert_allclose(one, other(true, said, average=None))
