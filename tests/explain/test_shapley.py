import warnings

import numpy as np
import pytest
import xgboost

from micro_features.explain.shapley import bands, interactions, tree_shap


def drawn(n=120, k=4, missing=0.1, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, k))
    y = X[:, 0] + X[:, 1] * (X[:, 2] > 0)
    X[rng.random(X.shape) < missing] = np.nan
    return X, y


def fitted(X, y, rounds=20, **parameters):
    settings = {"max_depth": 3, "eta": 0.3, "nthread": 1, "seed": 0, **parameters}
    return xgboost.train(settings, xgboost.DMatrix(X, y), rounds)


def test_values_and_base_add_up_to_the_prediction():
    X, y = drawn()
    booster = fitted(X, y)
    values, base = tree_shap(booster, X)
    assert values.shape == X.shape
    assert np.ptp(base) == 0
    np.testing.assert_allclose(base + values.sum(axis=1), booster.predict(xgboost.DMatrix(X)), atol=1e-4)


def test_one_split_by_hand():
    # Half the rows answer 0, half 2: the base is their mean, and the only feature that is asked gets all the rest.
    X = np.repeat([[0.0, 5.0], [1.0, 5.0]], 10, axis=0)
    y = 2 * X[:, 0]
    booster = fitted(X, y, rounds=1, max_depth=1, eta=1.0, reg_lambda=0.0, base_score=0.0)
    values, base = tree_shap(booster, X)
    np.testing.assert_allclose(base, 1.0)
    np.testing.assert_allclose(values, np.column_stack([y - 1, np.zeros(20)]), atol=1e-6)


def test_same_values_as_the_shap_package():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap 0.51 sets a matplotlib callback that matplotlib 3.11 will drop
        import shap
    X, y = drawn()
    booster = fitted(X, y)
    explainer = shap.TreeExplainer(booster, feature_perturbation="tree_path_dependent")
    np.testing.assert_allclose(tree_shap(booster, X)[0], explainer.shap_values(X), atol=1e-5)


def test_classes_add_up_to_log_odds():
    X, y = drawn()
    cls = np.digitize(y, [-0.5, 0.5])
    booster = fitted(X, cls, objective="multi:softprob", num_class=3)
    values, base = tree_shap(booster, X)
    assert values.shape == (len(X), 3, X.shape[1])
    margin = booster.predict(xgboost.DMatrix(X), output_margin=True)
    np.testing.assert_allclose(base + values.sum(axis=-1), margin, atol=1e-4)
    cells = interactions(booster, X[:5])
    np.testing.assert_allclose(cells.sum(axis=-1), values[:5], atol=1e-4)


def test_interactions_are_symmetric_and_add_up_to_the_values():
    X, y = drawn()
    booster = fitted(X, y)
    cells = interactions(booster, X)
    np.testing.assert_allclose(cells.sum(axis=2), tree_shap(booster, X)[0], atol=1e-4)
    np.testing.assert_allclose(cells, cells.transpose(0, 2, 1), atol=1e-5)


def test_interactions_find_the_pair_that_acts_together():
    X, y = drawn(n=400, missing=0.0)
    strength = np.abs(interactions(fitted(X, y), X)).mean(axis=0)
    np.fill_diagonal(strength, 0)
    assert set(np.unravel_index(strength.argmax(), strength.shape)) == {1, 2}


def test_named_boosters_take_plain_arrays():
    X, y = drawn(n=40)
    named = xgboost.train({"nthread": 1}, xgboost.DMatrix(X, y, feature_names=list("abcd")), 5)
    np.testing.assert_array_equal(
        tree_shap(named, X)[0], tree_shap(xgboost.train({"nthread": 1}, xgboost.DMatrix(X, y), 5), X)[0]
    )


@pytest.mark.parametrize("function", [tree_shap, interactions])
def test_another_number_of_columns_is_refused(function):
    X, y = drawn(n=40)
    with pytest.raises(ValueError, match="trained on 4 columns"):
        function(fitted(X, y, rounds=2), X[:, :3])


def test_bands_are_quantiles_of_the_refits_that_count():
    rng = np.random.default_rng(0)
    refits = rng.normal(size=(30, 6, 3))
    refits[rng.random(refits.shape) < 0.4] = np.nan
    low, high = bands(refits, level=0.8)
    np.testing.assert_allclose(low, np.nanquantile(refits, 0.1, axis=0))
    np.testing.assert_allclose(high, np.nanquantile(refits, 0.9, axis=0))


def test_a_band_needs_two_refits():
    refits = np.array([[[1.0, 1.0, np.nan]], [[3.0, np.nan, np.nan]]])
    low, high = bands(list(refits), level=1.0)
    np.testing.assert_array_equal(low, [[1, np.nan, np.nan]])
    np.testing.assert_array_equal(high, [[3, np.nan, np.nan]])
