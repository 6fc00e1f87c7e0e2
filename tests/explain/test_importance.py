import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from micro_features.explain.importance import (
    clusters,
    columns_of,
    groups_by_phase,
    importance_table,
    mean_abs,
    shares,
    strongest_interaction,
)


def test_phases_keep_their_order_and_lose_nothing():
    phases = {"a": "texture", "b": "pore", "c": "furnace", "d": "pore"}
    groups = groups_by_phase(["a", "b", "c", "d", "e"], phases)
    assert list(groups.items()) == [("pore", ["b", "d"]), ("texture", ["a"]), ("other", ["c", "e"])]


def test_features_that_follow_each_other_form_a_cluster():
    rng = np.random.default_rng(0)
    cause, other = rng.normal(size=(2, 300))
    noise = rng.normal(size=(3, 300))
    table = pd.DataFrame(
        {
            "near": cause + 0.5 * noise[0],
            "alone": other,
            "cause": cause,
            "turned": -np.exp(cause + 0.5 * noise[1]),
            "constant": np.ones(300),
        }
    )
    assert clusters(table) == {
        "cause + 2 alike": ["near", "cause", "turned"],
        "alone": ["alone"],
        "constant": ["constant"],
    }
    assert len(clusters(table, min_correlation=0.99)) == 5


def test_clusters_do_not_mind_scale_order_or_missing_values():
    rng = np.random.default_rng(1)
    base = rng.lognormal(size=(400, 3))
    table = pd.DataFrame(np.hstack([base, base**3]), columns=list("abcdef"))
    whole = clusters(table)
    assert sorted(whole.values()) == [["a", "d"], ["b", "e"], ["c", "f"]]
    table[rng.random(table.shape) < 0.2] = np.nan
    assert clusters(np.log(table.sample(frac=1, random_state=0))) == whole


def test_features_never_seen_together_are_not_alike():
    half = np.arange(10.0)
    empty = np.full(10, np.nan)
    table = pd.DataFrame({"a": np.r_[half, empty], "b": np.r_[empty, half], "c": np.full(20, np.nan)})
    assert clusters(table) == {"a": ["a"], "b": ["b"], "c": ["c"]}
    assert clusters(table[["a"]]) == {"a": ["a"]}
    assert clusters(table[[]]) == {}


def test_columns_of_names():
    assert columns_of({"x": ["c", "a"], "y": ["b"]}, ["a", "b", "c"]) == {"x": [2, 0], "y": [1]}


def test_shares_by_hand():
    # Opposite members of a group cancel in the first row: what counts is what the group does together.
    values = np.array([[1.0, -1.0, 2.0], [1.0, 1.0, -2.0]])
    groups = {"pair": [0, 1], "single": [2]}
    np.testing.assert_allclose(mean_abs(values, groups), [1, 2])
    np.testing.assert_allclose(shares(values, groups), [1 / 3, 2 / 3])
    np.testing.assert_array_equal(shares(np.zeros((2, 3)), groups), [0, 0])


@settings(max_examples=50, deadline=None)
@given(arrays(float, (4, 5), elements=st.floats(-1e3, 1e3, allow_subnormal=False)), st.floats(0.1, 10))
def test_shares_are_parts_of_a_whole_whatever_the_unit(values, unit):
    groups = {"a": [0, 3], "b": [1], "c": [2, 4]}
    found = shares(values, groups)
    assert found.sum() == pytest.approx(1) or not found.any()
    np.testing.assert_allclose(shares(values * unit, groups), found, atol=1e-9)


def drawn_values(rng, scale, n=40):
    return rng.normal(size=(n, len(scale))) * scale


def test_the_cause_clears_chance_and_the_rest_does_not():
    rng = np.random.default_rng(0)
    cause, chance = [3.0, 0.3, 0.3, 0.3], [0.5, 0.5, 0.5, 0.5]
    table = importance_table(
        drawn_values(rng, cause),
        {"one": [1], "cause": [0], "two": [2, 3]},
        (drawn_values(rng, cause) for _ in range(30)),
        [drawn_values(rng, chance) for _ in range(30)],
    )
    assert table["group"].tolist() == ["cause", "two", "one"]
    assert table["n_features"].tolist() == [1, 2, 1]
    assert table["clears_null"].tolist() == [True, False, False]
    assert table["share"].sum() == pytest.approx(1)


def test_table_quantiles_by_hand():
    # Column 0 has the share w when it gets w and column 1 gets 1 - w.
    def refits(several):
        return [np.array([[w, 1 - w]]) for w in several]

    table = importance_table(
        np.array([[0.8, 0.2]]),
        {"a": [0], "b": [1]},
        refits(np.linspace(0.5, 1, 101)),
        refits(np.linspace(0, 0.6, 101)),
        level=0.8,
    ).set_index("group")
    assert table.loc["a", ["mean_abs", "share", "share_low", "share_high", "null_p95"]].tolist() == pytest.approx(
        [0.8, 0.8, 0.55, 0.95, 0.57]
    )
    assert not table["clears_null"].any()


def test_without_refits_nothing_is_claimed():
    table = importance_table(np.ones((3, 2)), {"a": [0], "b": [1]}, [], [])
    assert table[["share_low", "share_high", "null_p95"]].isna().all(axis=None)
    assert not table["clears_null"].any()
    assert table["share"].tolist() == [0.5, 0.5]


def test_partner_of_each_feature():
    values = np.zeros((2, 4, 4))
    values[:, 0, 1] = values[:, 1, 0] = [0.2, -0.2]
    values[:, 1, 2] = values[:, 2, 1] = 0.1
    values[:, range(4), range(4)] = 5.0
    assert strongest_interaction(values, list("abcd")) == {"a": "b", "b": "a", "c": "b", "d": None}
    assert strongest_interaction(values[:, :1, :1], ["a"]) == {"a": None}
