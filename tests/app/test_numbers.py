"""The numbers beside the picture, and what the page says of them."""

import dataclasses

import numpy as np
import pytest

from micro_features import jobs
from micro_features.app.engine import Bench
from micro_features.app.numbers import MAIN_FEATURES, flags, intervals, main_features, n_regions, numbers
from micro_features.features.catalogue import FEATURES
from micro_features.files.artefacts import shipped
from micro_features.settings import Settings


@pytest.fixture(scope="module")
def outcome():
    jobs.use_one_thread()
    path = shipped("data", "synthetic", "micrographs") / "s02b.png"
    bench = Bench(path, 0, micrograph_id="a", stated=jobs.Stated(uncalibrated=True), max_pixels=10**9)
    return bench.result(Settings(), ())


def by_name(found):
    return {each["name"]: each for each in found}


def test_main_features_are_of_the_catalogue():
    assert [each["name"] for each in main_features()] == list(MAIN_FEATURES)
    assert {FEATURES[name].phase for name in MAIN_FEATURES} == {"pore", "grain", "boundary"}
    assert len(set(MAIN_FEATURES)) == len(MAIN_FEATURES)


def test_intervals_hold_their_value(outcome):
    found = intervals(outcome.measured)
    assert set(found) == {
        "porosity", "grain_intercept_mean_um", "surface_per_volume_per_um", "boundary_length_per_area_per_um",
    }  # fmt: skip
    for name, (low, high) in found.items():
        assert low <= outcome.measured.features[name] <= high
        assert low < high


def test_what_is_not_measured_has_no_interval(outcome):
    features = {**outcome.measured.features, "porosity_ci95_high": np.nan, "grain_intercept_mean_um": np.nan}
    found = intervals(dataclasses.replace(outcome.measured, features=features))
    assert set(found) == {"surface_per_volume_per_um", "boundary_length_per_area_per_um"}


def test_a_good_picture_has_good_flags(outcome):
    found = by_name(flags(outcome.measured, Settings()))
    assert all(each["good"] for each in found.values())
    assert set(found) == {"grains", "confidence", "saturation", "focus", "noise"}


@pytest.mark.parametrize(
    ("column", "value", "flag", "said"),
    [
        ("quality_saturated_share", 0.05, "saturation", "5 %"),
        ("quality_sharpness", 0.1, "focus", "0.10"),
        ("quality_noise", 1.5, "noise", "1.5"),
    ],
)
def test_what_is_wrong_with_a_picture_is_flagged(outcome, column, value, flag, said):
    measured = dataclasses.replace(outcome.measured, quality={**outcome.measured.quality, column: value})
    found = by_name(flags(measured, Settings()))
    assert [name for name, each in found.items() if not each["good"]] == [flag]
    assert said in found[flag]["text"]


def test_why_grains_are_not_resolved(outcome):
    strict = Settings().updated(
        {"measure.min_whole_grains": 10_000, "measure.min_confidence": 1.0, "measure.min_pixels_across_grain": 1}
    )
    quality = {**outcome.measured.quality, "quality_grains_resolved": False}
    found = by_name(flags(dataclasses.replace(outcome.measured, quality=quality), strict))
    assert not found["grains"]["good"]
    assert "whole grains" in found["grains"]["text"]
    assert "expected F1" in found["grains"]["text"]
    assert "across" not in found["grains"]["text"]
    assert "confidence" not in found  # said once


def test_a_picture_of_one_colour(outcome):
    measured = dataclasses.replace(outcome.measured, quality={**outcome.measured.quality, "quality_flat": True})
    assert [each["name"] for each in flags(measured, Settings())] == ["flat"]


def test_regions_are_counted_whatever_their_labels(outcome):
    assert n_regions(np.array([[0, 3], [7, 3]])) == 2
    assert n_regions(np.zeros((2, 2), int)) == 0
    told = numbers(outcome, Settings(), None)
    assert told["n_grains"] == outcome.segmentation.grains.max()
    assert told["features"]["grain_number"] > 20
