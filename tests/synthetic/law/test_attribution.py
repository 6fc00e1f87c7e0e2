"""Effects and Shapley values against laws whose answers are known in closed form."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from micro_features.errors import SettingsError
from micro_features.synthetic.law.attribution import effects, shapley_values, unexplained_variance
from micro_features.synthetic.law.causes import Range

ANGLES = {name: Range(-np.pi, np.pi) for name in "abc"}
UNIT = {name: Range(0.0, 1.0) for name in "abc"}


def ishigami(a, b, c):
    return np.sin(a) + 7 * np.sin(b) ** 2 + 0.1 * c**4 * np.sin(a)


def additive(a, b, c):
    return 3 * a + 2 * b - c


def product(a, b, c):
    return a * b + 0 * c


def test_ishigami_function_has_its_textbook_indices():
    found = effects(ishigami, ANGLES, nodes=40)
    parts = np.array([0.5 * (1 + 0.1 * np.pi**4 / 5) ** 2, 49 / 8, 0.0])
    both = 0.1**2 * np.pi**8 * 8 / 225
    variance = parts.sum() + both
    assert found.mean == pytest.approx(3.5)
    assert found.variance == pytest.approx(variance)
    np.testing.assert_allclose(found.first, parts / variance, atol=1e-12)
    np.testing.assert_allclose(found.total, (parts + np.array([both, 0, both])) / variance, atol=1e-12)
    np.testing.assert_allclose(found.shapley, (parts + np.array([both, 0, both]) / 2) / variance, atol=1e-12)


def test_effects_agree_with_scipys_sampled_indices():
    found = effects(ishigami, ANGLES)
    uniform = stats.uniform(-np.pi, 2 * np.pi)
    sampled = stats.sobol_indices(
        func=lambda x: ishigami(*x), n=2**13, dists=[uniform] * 3, rng=np.random.default_rng(1)
    )
    np.testing.assert_allclose(found.first, sampled.first_order, atol=0.02)
    np.testing.assert_allclose(found.total, sampled.total_order, atol=0.02)


def test_causes_of_an_additive_law_keep_their_own_variance():
    found = effects(additive, UNIT)
    expected = np.array([9, 4, 1]) / 14
    for shares in (found.first, found.total, found.shapley):
        np.testing.assert_allclose(shares, expected, atol=1e-12)
    table = found.table()
    assert table["cause"].tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(table["shapley_sd"], np.array([3, 2, 1]) / np.sqrt(12))


def test_a_cause_without_effect_has_no_share_at_all():
    table = effects(product, UNIT).table().set_index("cause")
    assert (table.loc["c", ["sobol_first", "sobol_total", "shapley_effect", "shapley_sd"]] >= 0).all()
    assert table.loc["c"].max() < 1e-7
    assert np.isfinite(table).all(axis=None)


def test_a_range_that_is_logarithmic_is_drawn_evenly_in_the_logarithm():
    found = effects(lambda a: np.log10(a), {"a": Range(0.01, 100.0, logarithmic=True)})
    assert found.mean == pytest.approx(0, abs=1e-12)
    assert found.variance == pytest.approx(16 / 12)


@given(st.lists(st.floats(-3, 3), min_size=7, max_size=7))
def test_shapley_effects_add_up_to_one_and_lie_between_first_and_total(terms):
    def law(a, b, c):
        p, q, r, s, t, u, v = terms
        return 5 * a + p * a**2 + q * b + r * c + s * a * b + t * b * c + u * a * c + v * a * b * c

    found = effects(law, UNIT)
    assert found.shapley.sum() == pytest.approx(1)
    assert (found.first <= found.shapley + 1e-9).all()
    assert (found.shapley <= found.total + 1e-9).all()


def test_what_a_hidden_cause_leaves_unexplained():
    variance = effects(ishigami, ANGLES).variance
    total = effects(ishigami, ANGLES).total
    assert unexplained_variance(ishigami, ANGLES, ("a",)) == pytest.approx(total[0] * variance)
    assert unexplained_variance(ishigami, ANGLES, ("b",)) == pytest.approx(49 / 8)
    assert unexplained_variance(ishigami, ANGLES, ("a", "b", "c")) == pytest.approx(variance)
    assert unexplained_variance(ishigami, ANGLES, ()) == pytest.approx(0, abs=1e-12)


def test_shapley_values_of_a_product_worked_by_hand():
    # v(a) = a / 2, v(b) = b / 2, v() = 1/4: a gets half of (a/2 - 1/4) and half of (ab - b/2).
    causes = pd.DataFrame({"a": [0.2, 1.0], "b": [0.6, 0.5], "c": [0.1, 0.9]}, index=["s1", "s2"])
    found = shapley_values(product, UNIT, causes)
    a, b = causes["a"], causes["b"]
    np.testing.assert_allclose(found["a"], ((a / 2 - 1 / 4) + (a * b - b / 2)) / 2)
    np.testing.assert_allclose(found["b"], ((b / 2 - 1 / 4) + (a * b - a / 2)) / 2, atol=1e-15)
    np.testing.assert_allclose(found["c"], 0, atol=1e-15)
    np.testing.assert_allclose(found["base"], 1 / 4)
    assert found.index.tolist() == ["s1", "s2"]


def test_shapley_values_add_up_to_the_law_whatever_the_specimen():
    causes = pd.DataFrame(np.random.default_rng(0).uniform(-np.pi, np.pi, (50, 3)), columns=list("abc"))
    found = shapley_values(ishigami, ANGLES, causes, nodes=30)
    np.testing.assert_allclose(found.sum(axis=1), ishigami(causes["a"], causes["b"], causes["c"]), atol=1e-12)


def test_shapley_values_of_a_population_have_the_shapley_effects_order():
    rng = np.random.default_rng(0)
    causes = pd.DataFrame(rng.uniform(0, 1, (400, 3)), columns=list("abc"))
    found = shapley_values(additive, UNIT, causes)
    np.testing.assert_allclose(found[["a", "b", "c"]].var(), np.array([9, 4, 1]) / 12, rtol=0.15)


@pytest.mark.parametrize(
    ("law", "ranges", "nodes", "words"),
    [
        (lambda a, b, c: 0 * a + 1.0, UNIT, 8, "the law is 1"),
        (lambda a, b, c: 1 / (a - a), UNIT, 8, "not finite"),
        (additive, UNIT, 1, "nodes is 1"),
        (lambda: 1.0, {}, 8, "ranges are empty"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_nothing_to_attribute_is_refused(law, ranges, nodes, words):
    with pytest.raises(SettingsError, match=words):
        effects(law, ranges, nodes=nodes)


def test_a_table_without_a_cause_is_refused():
    with pytest.raises(SettingsError, match="'c'"):
        shapley_values(additive, UNIT, pd.DataFrame({"a": [0.1], "b": [0.1]}))
