"""Nothing of a left-out row reaches its prediction; chance is told from a link."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micro_features.learn.tabular import MODELS, Model, Problem
from micro_features.learn.validate import (
    bootstrap,
    choose,
    exchanged,
    in_threads,
    out_of_fold,
    p_value,
    permuted,
)

SEED = Problem(seed=0)
BOOSTED = dataclasses.replace(MODELS["xgboost"], variants=({"max_depth": 2},))


def _grouped(n_groups: int = 10, each: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_groups), each)
    X = rng.normal(size=(n_groups * each, 6))
    return X, X[:, 0] + 0.1 * rng.normal(size=len(X)), groups


def _r2(y: np.ndarray, predicted: np.ndarray) -> float:
    return float(1 - ((y - predicted) ** 2).sum() / ((y - y.mean()) ** 2).sum())


@pytest.mark.parametrize("model", [MODELS["ridge"], BOOSTED], ids=lambda model: model.name)
def test_targets_of_a_fold_do_not_reach_its_predictions(model: Model) -> None:
    X, y, groups = _grouped(6, 4)
    subsets = {"all": range(6), "first": [0, 1]}
    before = out_of_fold(model, X, y, groups, groups, subsets, SEED)
    changed = np.where(groups == 2, y + 100, y)
    after = out_of_fold(model, X, changed, groups, groups, subsets, SEED)
    np.testing.assert_array_equal(after.predicted[groups == 2], before.predicted[groups == 2])
    assert after.choices[2] == before.choices[2]
    assert not np.allclose(after.predicted[groups != 2], before.predicted[groups != 2])


def test_columns_that_only_mark_the_group_are_not_chosen() -> None:
    X, y, groups = _grouped()
    y = y + 3 * np.random.default_rng(1).normal(size=10)[groups]
    marks = np.column_stack([np.cos(groups * k) for k in range(1, 4)])  # tell the group, say nothing of another
    both, subsets = np.column_stack([X, marks]), {"marks": [6, 7, 8], "told": [0]}
    assert choose(MODELS["neighbours"], both, y, groups, subsets, SEED).subset == "told"
    assert choose(MODELS["neighbours"], both, y, np.arange(40), subsets, SEED).subset == "marks"


def test_of_sets_that_do_as_well_the_smallest_is_chosen() -> None:
    X, y, groups = _grouped()
    y = X[:, 0] + 0.1 * X[:, 1] + 0.4 * np.random.default_rng(3).normal(size=40)
    assert choose(MODELS["ridge"], X, y, groups, {"two": [0, 1], "one": [0]}, SEED).subset == "one"


def test_a_set_that_is_clearly_worse_is_not_chosen_for_being_small() -> None:
    X, y, groups = _grouped()
    y = X[:, 0] + X[:, 1] + X[:, 2]
    assert choose(MODELS["ridge"], X, y, groups, {"all": range(6), "one": [0]}, SEED).subset == "all"


def test_early_stopping_is_part_of_the_choice() -> None:
    X, y, groups = _grouped(12, 4)
    noise = choose(BOOSTED, X[:, 3:], y, groups, {"all": range(3)}, SEED)
    signal = choose(BOOSTED, X, y, groups, {"all": range(6)}, SEED)
    assert noise.variant["rounds"] < 25 < signal.variant["rounds"]


def test_threads_change_nothing() -> None:
    X, y, groups = _grouped(5, 4)
    one = out_of_fold(BOOSTED, X, y, groups, groups, {"all": range(6)}, Problem(threads=1))
    two = out_of_fold(BOOSTED, X, y, groups, groups, {"all": range(6)}, Problem(threads=2))
    np.testing.assert_array_equal(one.predicted, two.predicted)
    assert in_threads(lambda i: 2 * i, range(5), 2) == [0, 2, 4, 6, 8]


@given(sizes=st.lists(st.integers(1, 5), min_size=2, max_size=6), seed=st.integers(0, 2**32 - 1), classes=st.booleans())
def test_exchange_keeps_what_is_within_groups(sizes: list[int], seed: int, classes: bool) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    y = np.arange(len(groups), dtype=float) ** 2
    new = exchanged(y, groups, np.random.default_rng(seed), classes=classes)
    if len(set(sizes)) == 1 or classes:
        blocks = [y[groups == g] for g in range(len(sizes))]
        for g, size in enumerate(sizes):
            assert any(np.array_equal(new[groups == g], np.resize(block, size)) for block in blocks)
    else:
        spread = [np.diff(new[groups == g]) - np.diff(y[groups == g]) for g in range(len(sizes))]
        np.testing.assert_allclose(np.concatenate(spread), 0, atol=1e-9)
        old_means = sorted(y[groups == g].mean() for g in range(len(sizes)))
        np.testing.assert_allclose(sorted(new[groups == g].mean() for g in range(len(sizes))), old_means, atol=1e-9)


@pytest.mark.parametrize("sizes", [[2, 2, 2, 2, 2], [1, 2, 3, 4, 5]])
def test_exchange_moves_targets_to_other_groups(sizes: list[int]) -> None:
    groups = np.repeat(np.arange(5), sizes)
    y = groups.astype(float)
    new = exchanged(y, groups, np.random.default_rng(1))
    assert (new != y).mean() > 0.5
    assert sorted({float(value) for value in new}) == [0, 1, 2, 3, 4]


def test_a_link_stands_out_from_exchanged_targets_and_chance_does_not() -> None:
    X, y, groups = _grouped()
    for answer, expected in ((y, True), (np.random.default_rng(5).normal(size=len(y)), False)):
        run = out_of_fold(MODELS["ridge"], X, answer, groups, groups, {"all": range(6)}, SEED)
        null = permuted(
            MODELS["ridge"], X, answer, groups, groups, run.choices, SEED, n=19,
            ask=lambda other, again: _r2(other, again.predicted),
        )  # fmt: skip
        assert (p_value(_r2(answer, run.predicted), null) <= 0.05) == expected


def test_p_is_never_zero_and_one_where_nothing_is_known() -> None:
    assert p_value(0.9, [0.1] * 99) == pytest.approx(0.01)
    assert p_value(0.9, [0.1, 0.95, 0.9]) == pytest.approx(0.75)
    assert p_value(float("nan"), [0.1]) == p_value(0.5, []) == 1


def test_a_bootstrap_draws_whole_groups_and_says_which() -> None:
    X, y, groups = _grouped()
    choice = choose(MODELS["ridge"], X, y, groups, {"all": range(6)}, SEED)
    refits = bootstrap(MODELS["ridge"], X, y, groups, choice, SEED, n=8)
    assert len(refits) == 8
    for refit in refits:
        of_groups = [refit.drawn[groups == g] for g in range(10)]
        assert all(rows.all() or not rows.any() for rows in of_groups)
        assert 0 < refit.drawn.sum() < len(y)
    assert len({refit.model.predict(X)[0] for refit in refits}) == 8
