from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from micro_features.visual_words.routing import attribute, hits, route
from micro_features.visual_words.steps import Step, fit_steps
from micro_features.visual_words.tree import grow, inner_nodes, reached


def step_of(tree, node, beta, intercept, reference, draws=((np.nan, np.nan),)):
    k = len(beta)
    unsure = np.full(k, np.nan)
    return Step(
        node=int(node),
        left=int(tree.left[node]),
        right=int(tree.right[node]),
        n_left=3,
        n_right=1,
        **dict.fromkeys(("pictures_left", "pictures_right", "groups_left", "groups_right"), 1),
        coefficients=np.asarray(beta, float),
        intercept=float(intercept),
        reference=np.asarray(reference, float),
        draws=np.asarray(draws, float),
        **dict.fromkeys(("low", "high", "same_sign", "p"), unsure),
        note="",
    )


def random_tree(seed, k=4, scale=1.0, n_draws=3):
    """A tree with steps that nothing was fitted to."""
    rng = np.random.default_rng(seed)
    shares, classes = rng.dirichlet(np.ones(5), 80), rng.integers(3, size=80)
    tree = grow(shares, classes, rng.normal(size=80), 3, max_depth=4)
    steps = [
        step_of(
            tree,
            node,
            scale * rng.normal(size=k) * rng.integers(0, 2, k),
            rng.normal(),
            rng.normal(size=k),
            rng.normal(size=(n_draws, k + 1)),
        )
        for node in inner_nodes(tree)
    ]
    return tree, steps, rng.normal(size=(7, k)), shares


def stump():
    tree = grow(np.array([[0.0], [0.0], [0.0], [1.0]]), np.array([0, 0, 0, 1]), np.array([-5.0, -5, -5, -3]), 2)
    return tree, [step_of(tree, 0, [2.0, 0.0, -1.0], 0.5, [0.1, 0.2, 0.3])]


def test_one_question_worked_by_hand():
    tree, steps = stump()
    z = np.array([[1.0, 9.0, 1.0], [0.1, -4.0, 0.3]])
    p = expit([1.5, 0.4])
    probability, value = route(tree, steps, z)
    assert np.allclose(probability, np.column_stack([1 - p, p]))
    assert np.allclose(value, -5 + 2 * p)
    values, base = attribute(tree, steps, z)
    assert base == pytest.approx(-5 + 2 * expit(0.4))
    # Of the way from 0.4 to 1.5, parameter 0 goes 1.8 and parameter 2 goes -0.7.
    moved = 2 * (expit(1.5) - expit(0.4))
    assert np.allclose(values[0], [moved * 1.8 / 1.1, 0, -moved * 0.7 / 1.1])
    assert not values[1].any()


def test_ways_that_cancel_out_are_shared_by_the_slope():
    tree, steps = stump()
    z = np.array([[0.6, 0.2, 1.3]])  # 2 * 0.5 - 1.0 = 0
    values, _ = attribute(tree, steps, z)
    slope = 2 * expit(0.4) * (1 - expit(0.4))
    assert np.allclose(values, [[slope, 0, -slope]])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1e-9, 1e-3, 1.0, 30.0, 1000.0]))
def test_values_add_up_to_what_route_says(seed, scale):
    tree, steps, z, _ = random_tree(seed, scale=scale)
    z[0] = steps[0].reference
    probability, value = route(tree, steps, z)
    values, base = attribute(tree, steps, z)
    assert np.allclose(base + values.sum(axis=1), value, rtol=0, atol=1e-10)
    assert np.allclose(probability.sum(axis=1), 1)
    assert (tree.value.min() - 1e-9 <= value).all()
    assert (value <= tree.value.max() + 1e-9).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 3))
def test_a_parameter_that_no_step_uses_gets_nothing(seed, unused):
    tree, steps, z, _ = random_tree(seed)
    steps = [replace(step, coefficients=np.where(np.arange(4) == unused, 0.0, step.coefficients)) for step in steps]
    values, _ = attribute(tree, steps, z)
    assert (values[:, unused] == 0).all()


def test_each_picture_is_told_by_itself():
    tree, steps, z, _ = random_tree(3)
    means = tree.value.copy()
    values, _ = attribute(tree, steps, z)
    assert (tree.value == means).all()
    assert np.allclose(values[2:3], attribute(tree, steps, z[2:3])[0])


def test_sure_steps_are_the_tree_itself():
    """Steps that know the side for certain send every picture to one leaf."""
    tree, _, _, shares = random_tree(5)
    at = reached(tree, shares)
    for window in range(10):
        steps = [
            step_of(tree, node, [0.0], 500.0 if at[window, tree.right[node]] else -500.0, [0.0])
            for node in inner_nodes(tree)
        ]
        leaf = np.flatnonzero(at[window] & (tree.left < 0))[0]
        probability, value = route(tree, steps, np.zeros((1, 1)))
        assert np.allclose(probability[0], tree.counts[leaf] / tree.counts[leaf].sum())
        assert np.allclose(value, tree.value[leaf])


def test_draws_take_the_place_of_coefficients():
    tree, steps, z, _ = random_tree(6)
    steps[-1].draws[1] = np.nan
    drawn = [
        replace(step, coefficients=step.draws[1, :-1], intercept=step.draws[1, -1]) for step in steps[:-1]
    ] + steps[-1:]
    for found, expected in zip(attribute(tree, steps, z, draw=1), attribute(tree, drawn, z), strict=True):
        assert np.allclose(found, expected)
    assert not np.allclose(attribute(tree, steps, z, draw=0)[0], attribute(tree, steps, z)[0])


def test_a_tree_that_asks_nothing():
    tree = grow(np.ones((3, 2)), np.array([0, 0, 1]), np.array([1.0, 2.0, 6.0]), 2, max_depth=1)
    probability, value = route(tree, [], np.zeros((2, 3)))
    assert np.allclose(probability, [[2 / 3, 1 / 3]] * 2)
    assert value.tolist() == [3, 3]
    values, base = attribute(tree, [], np.zeros((2, 3)))
    assert base == 3
    assert not values.any()
    assert hits(tree, [], np.ones((2, 1), bool), np.zeros(2, int), np.zeros((1, 3))).empty


def test_hits_worked_by_hand():
    tree, steps = stump()
    at = reached(tree, np.array([[0.0], [1.0], [1.0], [0.0], [1.0]]))
    z = np.array([[1.0, 0, 0], [-1.0, 0, 0], [1.0, 0, 0]])  # right, left, and no window of the third
    found = hits(tree, steps, at, np.array([0, 0, 1, 1, 0]), z)
    assert found.to_dict("records") == [
        {"node": 0, "picture": 0, "n_windows": 3, "told": 2, "majority": 1},
        {"node": 0, "picture": 1, "n_windows": 2, "told": 1, "majority": 1},
    ]
    none = hits(tree, steps, at[:0], np.zeros(0, int), z)
    assert none.columns.tolist() == found.columns.tolist()
    assert none.empty


def test_of_sides_alike_in_training_the_left_is_the_commoner():
    tree, steps = stump()
    at, z = reached(tree, np.array([[0.0], [1.0], [1.0]])), np.zeros((1, 3))
    for n_left, n_right, majority in ((3, 3, 1), (3, 4, 2), (4, 3, 1)):
        asked = [replace(steps[0], n_left=n_left, n_right=n_right)]
        assert hits(tree, asked, at, np.zeros(3, int), z)["majority"].tolist() == [majority]


def test_hits_count_the_windows_that_come_to_a_node_picture_by_picture():
    tree, steps, z, shares = random_tree(8)
    at = reached(tree, shares)
    picture = np.arange(len(shares)) % len(z)
    found = hits(tree, steps, at, picture, z).set_index(["node", "picture"])
    assert found.index.is_unique
    assert found.groupby("node")["n_windows"].sum().to_dict() == {
        step.node: at[:, step.node].sum() for step in steps if at[:, step.node].any()
    }
    by_node = {step.node: step for step in steps}
    for (node, row), counted in found.iterrows():
        step, here = by_node[node], np.flatnonzero(at[:, node] & (picture == row))
        right = step.intercept + z[row] @ step.coefficients > 0
        assert counted["n_windows"] == len(here) > 0
        assert counted["told"] == (at[here, step.right] == right).sum()


@pytest.mark.parametrize("sign", [-1, 1])
def test_planted_porosity_is_named_with_its_sign(sign):
    """Words follow porosity, and conductivity falls (or rises) with it; two other parameters do nothing."""
    rng = np.random.default_rng(7)
    groups = np.repeat(np.arange(10), 3)
    z = np.column_stack([np.repeat(np.linspace(-1.5, 1.5, 10), 3), rng.normal(size=(30, 2))])
    classes = 1 + np.sign(np.round(sign * z[:, 0])).astype(int)
    y = -4 + sign * z[:, 0]
    picture = np.repeat(np.arange(30), 8)
    share = expit(2 * z[picture, 0] + rng.normal(0, 0.3, len(picture)))
    shares = np.column_stack([share, 1 - share])
    tree = grow(shares, classes[picture], y[picture], 3, max_depth=3)
    at = reached(tree, shares)
    steps = fit_steps(tree, at, picture, z, groups, times=np.ones((3, len(z)), int))
    values, _ = attribute(tree, steps, z)
    each = np.abs(values).mean(axis=0)
    assert each[0] > 5 * each[1:].max()
    assert np.corrcoef(values[:, 0], sign * z[:, 0])[0, 1] > 0.8
    assert np.corrcoef(route(tree, steps, z)[1], y)[0, 1] > 0.9
    told = hits(tree, steps, at, picture, z)
    first = told[told["node"] == 0]
    assert first["told"].sum() > 0.85 * first["n_windows"].sum() > first["majority"].sum()


def test_log_odds_are_those_of_going_right():
    tree, steps = stump()
    assert np.allclose(logit(route(tree, steps, np.zeros((1, 3)))[0][0, 1]), 0.5)
