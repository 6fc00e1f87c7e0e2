"""Models whose answer to contrast, brightness, focus and noise is known by hand."""

import numpy as np
import pytest

from micro_features.explain.acquisition import (
    BRIGHTNESS,
    CHANGES,
    GAIN,
    NOISE,
    acquisition_response,
    sentence,
    shifts,
)


@pytest.fixture(scope="module")
def picture():
    x = np.random.default_rng(0).standard_normal((60, 80)).astype(np.float32)
    return (x - x.mean()) / x.std()


def response(predict, picture, seed=0):
    return acquisition_response(predict, picture, seed=seed)


def test_a_model_of_the_mean_answers_to_brightness_alone(picture):
    found = response(lambda x: 3 * x.mean((1, 2)), picture)
    assert tuple(found) == CHANGES
    assert found["brightness"] == pytest.approx(3 * BRIGHTNESS, abs=1e-5)
    assert found["gain"] == pytest.approx(0, abs=1e-5)
    assert abs(found["blur"]) < 0.01
    assert abs(found["noise"]) < 0.02


def test_a_model_of_the_spread_answers_to_gain_by_its_factor_and_to_noise_by_sums_of_squares(picture):
    found = response(lambda x: x.std((1, 2)), picture)
    assert found["gain"] == pytest.approx(GAIN - 1, abs=1e-5)
    assert found["brightness"] == pytest.approx(0, abs=1e-5)
    assert found["noise"] == pytest.approx(np.sqrt(1 + NOISE**2) - 1, abs=0.01)
    # white noise through a binomial filter keeps (3/8)^2 of its variance: 6/16 along each axis
    assert found["blur"] == pytest.approx(3 / 8 - 1, abs=0.02)


def test_standardising_inside_the_model_undoes_gain_and_brightness_only(picture):
    def standardised(x):
        x = (x - x.mean((1, 2), keepdims=True)) / x.std((1, 2), keepdims=True)
        return (x**3 + abs(x)).mean((1, 2)) + (x[:, 1:] * x[:, :-1]).mean((1, 2))

    found = response(standardised, picture)
    assert found["gain"] == pytest.approx(0, abs=1e-5)
    assert found["brightness"] == pytest.approx(0, abs=1e-5)
    assert abs(found["blur"]) > 0.1


def test_the_seed_fixes_the_noise_and_the_picture_is_left_alone(picture):
    before = picture.copy()
    one, same, other = (response(lambda x: x[:, 3, 5], picture, seed)["noise"] for seed in (1, 1, 2))
    assert one == same
    assert one != other
    assert np.array_equal(picture, before)


def test_a_shift_is_the_median_response_in_standard_deviations_of_predictions():
    responses = [dict.fromkeys(CHANGES, value) for value in (0.1, 0.2, 9.0)]
    found = shifts(responses, np.array([0.0, 0.4, 0.8]))
    assert found == pytest.approx(dict.fromkeys(CHANGES, 0.2 / 0.4))
    assert all(np.isnan(value) for value in shifts(responses, np.array([1.0, 1.0])).values())


def test_the_sentence_names_what_moves_predictions_the_largest_first():
    small = {"gain": 0.1, "brightness": -0.49, "blur": 0.0, "noise": 0.0}
    assert "moves the predictions little: at most by 0.49" in sentence(small)
    assert "brightness" in sentence(small)
    told = sentence({"gain": 0.6, "brightness": -1.2, "blur": 0.1, "noise": 0.0})
    assert "reads how a picture was taken" in told
    assert told.index("by -1.20 with") < told.index("brightness") < told.index("by +0.60 with") < told.index("contrast")
    assert "focus" not in told
    assert "can not be said" in sentence(dict.fromkeys(CHANGES, float("nan")))
