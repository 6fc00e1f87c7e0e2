"""Conformal intervals over groups, what they cover, and where a model should not be asked."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micro_features.errors import ArtefactError, FeatureTableError, SettingsError
from micro_features.learn.intervals import (
    below_range,
    check_level,
    coverage,
    cv_plus,
    distance,
    domain_from_json,
    domain_to_json,
    fit_domain,
    highest_level,
    left_out_intervals,
)


def test_twelve_groups_allow_at_most_92_percent():
    assert highest_level(12) == pytest.approx(12 / 13)
    check_level(0.92, 12)
    check_level(highest_level(12), 12)
    with pytest.raises(SettingsError, match=r"95 %.*12 groups allow at most 92 %"):
        check_level(0.95, 12)
    for wrong in (0, 1, np.nan):
        with pytest.raises(SettingsError, match="between 0 and 1"):
            check_level(wrong, 12)


def test_interval_worked_by_hand():
    # Four groups, each a fold and a row, and the same prediction by all models: the sorted residuals are 1 2 3 4, each
    # weighs a fifth. 60 % lie at or below the third, 80 % at or below the fourth, more can not be had.
    predicted, fold = np.zeros((1, 4)), np.arange(4)
    for level, end in ((0.6, 3), (0.61, 4), (0.8, 4), (0.81, np.inf)):
        low, high = cv_plus(predicted, np.array([3.0, -1, 4, -2]), fold, fold, level)
        assert high == pytest.approx(end)
        assert low == pytest.approx(-end)


def test_each_row_is_put_to_the_model_that_did_not_see_it():
    # Jackknife+ (Barber 2021, equation 1.4): the ends come from mean + residual of the same fold.
    predicted, residual, fold = np.array([[0.0, 10, 20]]), np.array([5.0, 1, 2]), np.arange(3)
    low, high = cv_plus(predicted, residual, fold, fold, 0.75)
    assert high == pytest.approx(22)
    assert low == pytest.approx(-5)
    low, high = cv_plus(predicted, residual, fold, fold, 0.5)
    assert high == pytest.approx(11)
    assert low == pytest.approx(9)


def test_groups_weigh_the_same_however_many_rows_they_have():
    predicted, groups = np.zeros((1, 4)), np.array([0] * 50 + [1, 2, 3])
    residual = np.array([9.0] * 50 + [1, 2, 3])
    assert cv_plus(predicted, residual, groups, groups, 0.6)[1] == pytest.approx(3)
    assert cv_plus(predicted, residual, groups, groups, 0.61)[1] == pytest.approx(9)


@given(st.integers(0, 10_000), st.integers(2, 8), st.sampled_from([0.3, 0.5, 0.8]))
def test_ends_are_weighted_quantiles(seed, n_groups, level):
    rng = np.random.default_rng(seed)
    groups = np.concatenate([np.arange(n_groups), rng.integers(n_groups, size=10)])
    fold = groups % min(n_groups, 3)
    residual, predicted = rng.normal(size=len(groups)).round(1), rng.normal(size=(5, 3)).round(1)
    low, high = cv_plus(predicted, residual, fold, groups, level)
    weight = 1 / ((n_groups + 1) * np.bincount(groups)[groups])
    for row in range(5):
        ends = predicted[row, fold] + abs(residual)
        reached = [end for end in np.sort(ends) if weight[ends <= end + 1e-9].sum() >= level - 1e-9]
        assert high[row] == pytest.approx(reached[0] if reached else np.inf, abs=1e-6)
        ends = abs(residual) - predicted[row, fold]
        reached = [end for end in np.sort(ends) if weight[ends <= end + 1e-9].sum() >= level - 1e-9]
        assert low[row] == pytest.approx(-reached[0] if reached else -np.inf, abs=1e-6)


def pairs(y, groups):
    """Means as models: each pair of groups is predicted by the mean of all other rows."""
    n = groups.max() + 1
    predicted = np.full((n, n, len(y)), np.nan)
    for a in range(n):
        for b in range(n):
            if a != b:
                out = (groups == a) | (groups == b)
                predicted[a, b, out] = y[~out].mean()
    return predicted


def test_a_left_out_row_is_not_told_its_own_value():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(6), 3)
    y = rng.normal(size=6)[groups] + 0.1 * rng.normal(size=18)
    low, high = left_out_intervals(pairs(y, groups), y, groups, groups, 0.8)
    changed = np.where(groups == 2, y + 100, y)
    same_low, same_high = left_out_intervals(pairs(changed, groups), changed, groups, groups, 0.8)
    np.testing.assert_allclose(same_low[groups == 2], low[groups == 2])
    np.testing.assert_allclose(same_high[groups == 2], high[groups == 2])
    assert (same_high[groups != 2] > high[groups != 2] + 1).all(), "the others learn of it"


def test_left_out_rows_of_new_groups_are_covered_as_often_as_asked():
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(9), 3)
    inside = []
    for _ in range(25):
        y = rng.normal(size=9)[groups] + 0.3 * rng.normal(size=27)
        low, high = left_out_intervals(pairs(y, groups), y, groups, groups, 0.75)
        inside.append(coverage(y, low, high, groups)[1])
    # Not less, and not much more: both ends are quantiles of their own, which is on the safe side.
    assert 0.73 < np.mean(inside) < 0.87


def test_coverage_counts_groups():
    groups = np.array([0] * 8 + [1, 2, 3])
    measured = np.array([5.0] * 8 + [0, 0, 0])
    low, value, high = coverage(measured, np.full(11, -1.0), np.full(11, 1.0), groups)
    assert value == 0.75
    # Clopper-Pearson of 3 in 4, from tables.
    assert (low, high) == pytest.approx((0.1941, 0.9937), abs=1e-4)
    assert coverage(measured, measured, measured, groups) == pytest.approx((0.3976, 1, 1), abs=1e-4)
    assert coverage(measured, measured + 1, measured + 2, groups) == pytest.approx((0, 0, 0.6024), abs=1e-4)


def test_half_a_group_inside_is_half_a_success():
    low, value, high = coverage(np.array([0.0, 9, 0, 0]), np.zeros(4), np.ones(4), np.array([0, 0, 1, 2]))
    assert value == pytest.approx(2.5 / 3)
    all_inside, two_inside = (
        coverage(np.array([0.0, last, 0, 0]), np.zeros(4), np.ones(4), np.array([0, 0, 1, 2])) for last in (0, 9)
    )
    assert two_inside[0] == low < all_inside[0]
    assert value < high < 1


def test_answers_like_the_lowest_group_are_flagged():
    measured, groups = np.array([-5.0, -5, -4, -4, -3.5]), np.array([0, 0, 1, 1, 2])
    np.testing.assert_array_equal(below_range(np.array([-6.0, -4.6, -4.4, -3]), measured, groups), [1, 1, 0, 0])
    assert not below_range(np.array([-9.0]), measured[:2], groups[:2]).any(), "one group is no range"
    # Of forty groups the lowest two are the end: 0 and 1, and the next is 2.
    assert below_range(np.array([1.4, 1.6]), np.arange(40.0), np.arange(40)).tolist() == [True, False]


def test_where_all_groups_are_alike_few_rows_are_at_the_end_of_the_range():
    measured = np.random.default_rng(0).normal(size=2000)
    assert 0.05 < below_range(measured, measured, np.arange(2000) % 100).mean() <= 0.11


def drawn(n_groups=20, a_group=4, k=6):
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(n_groups), a_group)
    return rng.normal(size=(n_groups, k))[groups] + 0.3 * rng.normal(size=(len(groups), k)), groups


def test_distance_worked_by_hand():
    # Quartiles of 0 1 2 3 4: 1, 2, 3; scale 2 / 1.349. The second feature is constant, and counts in its own unit.
    X = np.column_stack([np.arange(5.0), np.full(5, 7.0)])
    domain = fit_domain(X, np.arange(5), neighbours=2)
    found = distance(domain, np.array([[2.0, 7], [6, 7], [np.nan, 7], [2, 10]]))
    unit = 1.349 / 2 / np.sqrt(2)
    assert found[:3] == pytest.approx(np.array([0.5, 2.5, 0.5]) * unit, abs=1e-4), "NaN is the median"
    assert found[3] == pytest.approx(np.mean(np.hypot([0, unit], 3 / np.sqrt(2))), abs=1e-4)
    # Each row but for itself: both neighbours one off, or one and two at the ends.
    assert domain.limit == pytest.approx(1.5 * unit, abs=1e-4)


def test_new_groups_are_mostly_inside_and_strange_ones_are_not():
    X, groups = drawn()
    outside = []
    for group in range(20):
        domain = fit_domain(X[groups != group], groups[groups != group], level=0.9)
        outside.append((distance(domain, X[groups == group]) > domain.limit).mean())
    assert np.mean(outside) == pytest.approx(0.1, abs=0.08)
    domain = fit_domain(X, groups)
    assert (distance(domain, X + 10) > domain.limit).all()
    siblings = fit_domain(X, np.arange(len(X)))
    assert domain.limit > 1.5 * siblings.limit, "pictures of the same group do not make a row look at home"


def test_units_of_features_do_not_matter():
    X, groups = drawn()
    domain, scaled = fit_domain(X, groups), fit_domain(1e6 * X + 3, groups)
    assert scaled.limit == pytest.approx(domain.limit, abs=1e-3)
    np.testing.assert_allclose(distance(scaled, 1e6 * (X + 1) + 3), distance(domain, X + 1), atol=1e-3)


def test_features_that_are_missing_constant_or_mostly_one_value_are_bearable():
    X, groups = drawn()
    X[:, 0] = np.nan
    X[:, 1] = 0
    X[:, 2] = np.where(np.arange(len(X)) % 10 == 0, X[:, 2], 0)
    X[3, 3] = np.nan
    domain = fit_domain(X, groups)
    assert domain.scale[2] == pytest.approx(X[:, 2].std())
    assert np.isfinite(distance(domain, np.full((1, 6), 1e300))).all()
    assert fit_domain(X[:3], np.array([0, 1, 1]), neighbours=9).neighbours == 1
    with pytest.raises(FeatureTableError, match="2 groups"):
        fit_domain(X, np.zeros(len(X)))


def test_a_domain_survives_storing_and_a_damaged_one_is_refused():
    X, groups = drawn()
    domain = fit_domain(X, groups)
    stored = json.loads(json.dumps(domain_to_json(domain)))
    again = domain_from_json(stored)
    np.testing.assert_array_equal(distance(again, X + 1), distance(domain, X + 1))
    assert again.limit == domain.limit
    for damage in (
        {"rows": stored["rows"][0]},
        {"scale": stored["scale"][:-1]},
        {"limit": float("nan")},
        {"limit": "far"},
        {"neighbours": 0},
    ):
        with pytest.raises(ArtefactError, match="damaged"):
            domain_from_json({**stored, **damage})
    with pytest.raises(ArtefactError, match="no applicability domain"):
        domain_from_json({})
