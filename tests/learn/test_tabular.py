"""Models of a property: they learn, keep to what they were told, and give probabilities where classes are asked for."""

import numpy as np
import pytest

from micro_features.learn.tabular import MODELS, Problem, loss


def _data(n: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    return X, X[:, 0] - 0.5 * X[:, 1]


@pytest.mark.parametrize("name", MODELS)
def test_every_model_predicts_and_beats_the_mean(name: str) -> None:
    X, y = _data()
    for variant in MODELS[name].variants:
        predicted = MODELS[name].fit(X[:90], y[:90], variant, Problem()).predict(X[90:])
        assert predicted.shape == (30,)
        squares = ((predicted - y[90:]) ** 2).mean() / y[90:].var()
        assert squares < 0.5 or name == "mean"


@pytest.mark.parametrize("name", MODELS)
def test_missing_values_and_whole_columns_of_them_are_taken(name: str) -> None:
    X, y = _data()
    X[::3, 1], X[:, 3] = np.nan, np.nan
    assert np.isfinite(MODELS[name].fit(X, y, MODELS[name].variants[0], Problem()).predict(X)).all()


@pytest.mark.parametrize("name", MODELS)
def test_classes_get_probabilities_also_those_that_training_lacked(name: str) -> None:
    X, y = _data()
    codes = np.digitize(y, [-0.5, 0.5]).astype(float)
    kept = codes != 2 if name != "xgboost" else np.ones(len(codes), bool)
    probabilities = MODELS[name].fit(X[kept], codes[kept], MODELS[name].variants[0], Problem(3)).predict(X)
    assert probabilities.shape == (120, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    if name not in ("mean", "xgboost"):
        assert (probabilities[:, 2] == 0).all()


@pytest.mark.parametrize("name", MODELS)
def test_rows_of_one_class_teach_that_class(name: str) -> None:
    X, _ = _data()
    probabilities = MODELS[name].fit(X, np.ones(120), MODELS[name].variants[0], Problem(3)).predict(X)
    assert (probabilities.argmax(axis=1) == 1).all()


def test_a_constrained_sign_is_kept_against_the_data() -> None:
    X, y = _data()
    model, variant = MODELS["xgboost"], {"max_depth": 3, "rounds": 60}
    grid = np.zeros((50, 4))
    grid[:, 0] = np.linspace(-3, 3, 50)
    falling = model.fit(X, y, variant, Problem(monotone=(-1, 0, 0, 0))).predict(grid)
    free = model.fit(X, y, variant, Problem()).predict(grid)
    assert np.diff(falling).max() <= 1e-6  # y rises with it, but it must not
    assert free[-1] - free[0] > 2


def test_a_constraint_follows_its_column_into_a_subset() -> None:
    assert Problem(monotone=(1, 0, -1), seed=3).of([2, 0]) == Problem(monotone=(-1, 1), seed=3)


def test_losses_after_each_round_are_those_of_the_model_stopped_there() -> None:
    X, y = _data()
    out = np.arange(120) % 3 == 0
    model, variant = MODELS["xgboost"], {"max_depth": 2}
    curve = model.losses(X, y, out, variant, Problem(seed=1))
    fitted = model.fit(X[~out], y[~out], {**variant, "rounds": 17}, Problem(seed=1))
    assert curve[16] == pytest.approx(loss(y[out], fitted.predict(X[out])), rel=1e-3)


def test_the_loss_of_classes_is_the_surprise_at_the_right_one() -> None:
    probabilities = np.array([[0.5, 0.5], [0.25, 0.75]])
    assert loss(np.array([0.0, 1.0]), probabilities) == pytest.approx(-np.log(0.5) - np.log(0.75))
