import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micro_features.learn.draws import times_drawn
from micro_features.visual_words import steps
from micro_features.visual_words.steps import fit_steps, q_values, steps_table
from micro_features.visual_words.tree import grow, reached


def one_split(right, picture, z, groups, *, n_draws, seed=0, **asked):
    """The step of a tree whose only question sends the windows marked in `right` right."""
    asked["times"] = times_drawn(groups, n_draws, seed)
    shares = np.column_stack([right, 1 - right]).astype(float)
    tree = grow(shares[:, :1], right.astype(int), right.astype(float), 2)
    (step,) = fit_steps(tree, reached(tree, shares[:, :1]), picture, z, groups, **asked)
    return step


def schedules(seed, n_groups=8, each=3, windows=6, k=5, strength=3.0):
    """Pictures whose parameter 0 sends their windows right."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_groups), each)
    z = rng.normal(size=(n_groups, k))[groups] + 0.2 * rng.normal(size=(len(groups), k))
    picture = np.repeat(np.arange(len(groups)), windows)
    right = rng.random(len(picture)) < 1 / (1 + np.exp(-strength * z[picture, 0]))
    return right, picture, (z - z.mean(axis=0)) / z.std(axis=0), groups


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_regression_of_windows(seed):
    from sklearn.linear_model import LogisticRegression

    right, picture, z, groups = schedules(seed)
    rows = LogisticRegression(l1_ratio=1, solver="liblinear", C=0.9, tol=1e-9, max_iter=10_000, random_state=1)
    rows.fit(z[picture], right)
    step = one_split(right, picture, z, groups, n_draws=1)
    assert np.allclose(step.coefficients, rows.coef_[0], atol=2e-3)
    assert np.allclose(step.intercept, rows.intercept_[0], atol=2e-3)
    assert (step.coefficients != 0).any()


def test_planted_cause_is_found_and_nothing_else_is_sure():
    step = one_split(*schedules(0, n_groups=16), n_draws=100)
    assert step.coefficients[0] > 1
    assert 0 < step.low[0] < step.high[0]
    assert step.same_sign[0] == 1
    assert step.p[0] == pytest.approx(2 / 101)
    assert (step.p[1:] > 0.05).all()
    assert step.note == ""


def test_turned_round_the_signs_turn():
    right, picture, z, groups = schedules(1)
    one, other = (one_split(side, picture, z, groups, n_draws=20) for side in (right, ~right))
    assert np.allclose(one.coefficients, -other.coefficients, atol=2e-3)
    assert np.allclose(one.low, -other.high, atol=5e-3)


def test_counts_and_reference_worked_by_hand():
    picture = np.array([0, 0, 0, 1, 1, 2])
    right = np.array([0, 1, 1, 0, 0, 1], bool)
    z = np.array([[1.0], [-1.0], [0.0], [50.0]])
    step = one_split(right, picture, z, np.array(["a", "a", "b", "c"]), n_draws=3)
    assert (step.node, step.left, step.right) == (0, 1, 2)
    assert (step.n_left, step.n_right) == (3, 3)
    assert (step.pictures_left, step.pictures_right) == (2, 2)
    assert (step.groups_left, step.groups_right) == (1, 2)
    assert np.allclose(step.reference, [1 / 6])
    assert step.note == "only 2 groups on the node: how sure can not be told"
    assert np.isnan([step.low, step.high, step.same_sign, step.p]).all()
    assert np.isnan(step.draws).all()
    assert step.draws.shape == (3, 2)


def test_pictures_of_a_group_are_drawn_together():
    """Cutting each picture in two that share its schedule and parameters must not make anything surer."""
    right, picture, z, groups = schedules(2)
    whole = one_split(right, picture, z, groups, n_draws=30)
    half = 2 * picture + np.arange(len(picture)) % 2
    halves = one_split(right, half, np.repeat(z, 2, axis=0), np.repeat(groups, 2), n_draws=30)
    assert halves.pictures_left > whole.pictures_left
    assert np.allclose(whole.draws, halves.draws, atol=0.01)


def test_draws_without_both_sides_are_not_fitted():
    right, picture, z, groups = schedules(3, n_groups=4)
    right = groups[picture] == 0
    step = one_split(right, picture, z, groups, n_draws=200)
    without = np.isnan(step.draws).all(axis=1)
    # All four of a draw are other groups (0.75^4), or all are this one (0.25^4).
    assert without.mean() == pytest.approx(0.75**4 + 0.25**4, abs=0.1)
    assert np.isfinite(step.draws[~without]).all()
    assert np.isfinite(step.p).all()
    fewer = np.minimum((step.draws <= 0).sum(axis=0), (step.draws >= 0).sum(axis=0))[:-1]
    assert np.allclose(step.p, np.minimum(1, 2 * (1 + fewer) / (1 + (~without).sum())))
    ends = np.quantile(step.draws[~without, :-1], [0.025, 0.975], axis=0)
    assert np.allclose([step.low, step.high], ends)


def test_too_few_draws_with_both_sides():
    right, picture, z, groups = schedules(3, n_groups=3)
    right = (groups[picture] == 0) & (np.arange(len(picture)) == 0)
    seeds = [one_split(right, picture, z, groups, n_draws=1, seed=seed) for seed in range(6)]
    noted = [step for step in seeds if step.note]
    assert 0 < len(noted) < 6
    for step in noted:
        assert step.note == "only 0 of 1 draws have windows on both sides: how sure can not be told"
        assert np.isnan(step.p).all()
        assert np.isfinite(step.coefficients).all()


def test_all_windows_with_parameters_go_one_way():
    tree = grow(np.array([[0.0], [0.0], [1.0]]), np.array([0, 0, 1]), np.zeros(3), 2)
    at = reached(tree, np.zeros((3, 1)))
    (step,) = fit_steps(tree, at, np.zeros(3, int), np.ones((1, 2)), np.zeros(1, int), times=np.ones((2, 1), int))
    assert step.coefficients.tolist() == [0, 0]
    assert step.intercept == pytest.approx(np.log(0.5 / 3.5))
    assert step.note == "all windows with parameters go one way: nothing to fit"
    (step,) = fit_steps(tree, at[:0], np.zeros(0, int), np.ones((1, 2)), np.zeros(1, int), times=np.ones((2, 1), int))
    assert step.intercept == 0
    assert step.reference.tolist() == [0, 0]


def test_fits_that_do_not_settle_do_not_disturb(monkeypatch):
    monkeypatch.setattr(steps, "_MOST_ITERATIONS", 1)
    assert np.isfinite(one_split(*schedules(6), n_draws=3).coefficients).all()


def test_the_draws_are_those_that_are_given():
    """A draw is a fit to pictures that count as often as it says: what is not drawn could as well not be there."""
    right, picture, z, groups = schedules(4)
    shares = (1 - right[:, None]).astype(float)
    tree = grow(shares, right.astype(int), right.astype(float), 2)
    at = reached(tree, shares)
    times = np.array([groups % 2, np.ones_like(groups), 2 * (groups < 6)])
    (step,) = fit_steps(tree, at, picture, z, groups, times=times)
    assert np.allclose(step.draws[1], [*step.coefficients, step.intercept])
    there = (groups % 2 == 1)[picture]
    (without,) = fit_steps(tree, at[there], picture[there], z, groups, times=times[:1])
    assert np.allclose(step.draws[0], [*without.coefficients, without.intercept], atol=0.01)
    assert np.allclose(without.draws[0], [*without.coefficients, without.intercept])
    twice = np.concatenate([np.flatnonzero((groups < 6)[picture])] * 2)
    (double,) = fit_steps(tree, at[twice], picture[twice], z, groups, times=times[:1])
    assert np.allclose(step.draws[2], [*double.coefficients, double.intercept], atol=0.01)


def test_all_nodes_have_the_same_draws():
    """Of two nodes with the same windows, whatever one draw makes of one it makes of the other."""
    right, picture, z, groups = schedules(4)
    n = len(right)
    shares = np.column_stack([np.repeat([0.0, 1.0], n), np.tile(1.0 - right, 2)])
    tree = grow(shares, np.repeat([0, 2], n) + np.tile(right, 2), np.zeros(2 * n), 4, max_depth=2)
    at = reached(tree, shares)
    found = fit_steps(tree, at, np.tile(picture, 2), z, groups, times=times_drawn(groups, 5, 0))
    assert len(found) == 3
    for one, other in [(step, after) for step in found for after in found if step.node < after.node]:
        if one.n_left + one.n_right == other.n_left + other.n_right:
            assert np.allclose(one.draws, other.draws, atol=0.01)
            break
    else:
        raise AssertionError("no two nodes have the same windows")


def test_same_seed_same_draws():
    asked = schedules(4)
    one, again, other = (one_split(*asked, n_draws=5, seed=seed) for seed in (1, 1, 2))
    assert (one.draws == again.draws).all()
    assert (one.draws != other.draws).any()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_parameters_that_are_one_another_do_no_harm(seed):
    right, picture, z, groups = schedules(seed, strength=50.0)
    z = np.hstack([z, z, -z, np.zeros((len(z), 1))])
    if 0 < right.sum() < len(right):
        step = one_split(right, picture, z, groups, n_draws=5)
        assert np.isfinite(step.coefficients).all()
        assert step.coefficients[-1] == 0


def test_false_discovery_rates_worked_by_hand():
    found = q_values(np.array([[0.01, 0.04, np.nan], [0.03, 0.5, np.nan]]))
    third = 0.04 * 4 / 3
    assert np.allclose(found, [[0.04, third, np.nan], [third, 0.5, np.nan]], equal_nan=True)
    assert np.isnan(q_values(np.full(3, np.nan))).all()
    assert q_values(np.zeros(0)).shape == (0,)


def test_table_has_a_row_for_each_node_and_parameter():
    sure, unsure = one_split(*schedules(5), n_draws=20), one_split(*schedules(5, n_groups=2), n_draws=2)
    found = steps_table([sure, unsure], list("abcde"))
    assert found.columns.tolist() == [
        *("node", "parameter", "coefficient", "low", "high", "same_sign", "p", "q", "n_left", "n_right"),
        *("pictures_left", "pictures_right", "groups_left", "groups_right", "note"),
    ]
    assert found["parameter"].tolist() == list("abcde") * 2
    assert np.allclose(found["coefficient"][:5], sure.coefficients)
    assert np.allclose(found["q"][:5], q_values(sure.p))
    assert found["q"][5:].isna().all()
    assert found["note"].tolist() == [""] * 5 + [unsure.note] * 5
    assert steps_table([], ["a"]).columns.tolist() == found.columns.tolist()
