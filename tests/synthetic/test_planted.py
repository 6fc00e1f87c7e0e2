"""Planted sets: what drives, what shows, what is independent, and what the truth is said to be."""

import pickle
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from micro_features.errors import SettingsError
from micro_features.synthetic.law.causes import CAUSE_RANGES, CAUSES
from micro_features.synthetic.planted import (
    PRESETS,
    SESSIONS,
    TELLING_SESSIONS,
    Preset,
    best_r2,
    law_of,
    preset_named,
    specimen_requests,
    true_attributions,
    true_effects,
)

DRIVERS = {"porosity": "porosity", "grain-size": "grain_diameter_um", "boundary": "boundary_resistance_ohm_cm2"}


@cache
def requests_of(preset, surface, n):
    return specimen_requests(PRESETS[preset], surface=surface, n=n, seed=5)


def table(requests):
    """One row per specimen."""
    return pd.DataFrame(
        {
            **{name: [getattr(r.causes, name) for r in requests] for name in CAUSES},
            "pore_diameter_um": [r.pore_diameter_um for r in requests],
            "boundary_contrast": [r.boundary_contrast for r in requests],
            "brightness": [r.session.brightness for r in requests],
            "half": [r.half for r in requests],
            "log10_S_per_cm": np.log10([r.law_S_per_cm for r in requests]),
        }
    )


@pytest.mark.parametrize("preset", ["example", "hidden"])
def test_causes_fill_their_ranges_independently(preset, surface):
    drawn = table(requests_of(preset, surface, n=50))
    for name in CAUSES:
        np.testing.assert_array_equal(np.histogram(CAUSE_RANGES[name].share(drawn[name]), 10, (0, 1))[0], 5)
    ranks = stats.spearmanr(drawn[[*CAUSES, "pore_diameter_um"]]).statistic
    assert np.abs(ranks - np.eye(4)).max() < 0.15


@pytest.mark.parametrize("preset", PRESETS)
def test_a_set_is_the_same_for_the_same_seed_and_travels_between_processes(preset, surface):
    requests = requests_of(preset, surface, n=10)
    assert requests == specimen_requests(PRESETS[preset], surface=surface, n=10, seed=5)
    assert requests == pickle.loads(pickle.dumps(requests))
    assert requests != specimen_requests(PRESETS[preset], surface=surface, n=10, seed=6)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_specimen_is_pictured_at_least_twice_at_different_heights(preset, surface):
    requests = requests_of(preset, surface, n=10)
    assert len(requests) == 10
    assert len({r.sample_id for r in requests}) == len(requests)
    assert len({view.picture_id for r in requests for view in r.views}) == sum(len(r.views) for r in requests)
    for request in requests:
        assert [view.surface for view in request.views][:2] == ["polished", "polished"]
        assert len({view.height for view in request.views}) == len({view.seed for view in request.views}) >= 2


def test_the_example_is_48_pictures_of_20_specimens(surface):
    views = [view for r in specimen_requests(PRESETS["example"], surface=surface) for view in r.views]
    assert [sum(view.surface == kind for view in views) for kind in ("polished", "fracture")] == [40, 8]


@pytest.mark.parametrize("preset", ["example", "porosity", "nuisance"])
def test_boundaries_of_high_resistance_etch_deeper(preset, surface):
    drawn = table(requests_of(preset, surface, n=20))
    assert stats.spearmanr(drawn["boundary_contrast"], drawn["boundary_resistance_ohm_cm2"]).statistic == pytest.approx(
        1
    )


def test_a_hidden_resistance_does_not_show(surface):
    drawn = table(requests_of("hidden", surface, n=60))
    ranks = stats.spearmanr(drawn[[*CAUSES, "boundary_contrast", "pore_diameter_um", "brightness"]]).statistic
    assert np.abs(ranks - np.eye(6)).max() < 0.2
    by_resistance = stats.spearmanr(drawn["log10_S_per_cm"], drawn["boundary_resistance_ohm_cm2"]).statistic
    assert by_resistance < -0.3


@pytest.mark.parametrize("preset", ["example", "boundary"])
def test_sessions_and_halves_are_independent_of_conductivity(preset, surface):
    drawn = table(requests_of(preset, surface, n=60))
    assert abs(stats.spearmanr(drawn["brightness"], drawn["log10_S_per_cm"]).statistic) < 0.2
    assert drawn["half"].value_counts().tolist() == [30, 30]
    assert drawn["brightness"].value_counts().tolist() == [15] * 4


def test_the_nuisance_is_reversed_in_the_test_half(surface):
    drawn = table(requests_of("nuisance", surface, n=40))
    for half, sign in (("train", 1), ("test", -1)):
        rows = drawn[drawn["half"] == half]
        assert len(rows) == 20
        assert sign * stats.spearmanr(rows["brightness"], rows["log10_S_per_cm"]).statistic > 0.9
        assert sorted(rows["brightness"].unique()) == sorted(session.brightness for session in SESSIONS)
    assert abs(stats.spearmanr(drawn["brightness"], drawn["log10_S_per_cm"]).statistic) < 0.1


def test_the_nuisance_alone_differs_by_the_current_of_the_probe(surface):
    for preset in PRESETS:
        taken = {r.session for r in requests_of(preset, surface, n=10)}
        assert taken == set(TELLING_SESSIONS if preset == "nuisance" else SESSIONS)
    blur, noise = (np.array([getattr(each, name) for each in TELLING_SESSIONS]) for name in ("blur_px", "noise"))
    assert (np.diff(blur) < 0).all()  # sharp pictures go with a high conductivity
    np.testing.assert_allclose(blur * noise, 0.028, rtol=0.02)  # one as the root of the current, one as 1 over it
    np.testing.assert_allclose((blur[:-1] / blur[1:]) ** 2, 1.6, rtol=0.02)


@pytest.mark.parametrize(("preset", "driver"), DRIVERS.items())
def test_one_driver_has_all_of_the_effect_and_of_every_attribution(preset, driver, surface):
    found = true_effects(PRESETS[preset], surface)
    expected = np.array([name == driver for name in CAUSES], dtype=float)
    for shares in (found.first, found.total, found.shapley):
        np.testing.assert_allclose(shares, expected, atol=1e-12)
    requests = requests_of(preset, surface, n=10)
    values = true_attributions(PRESETS[preset], surface, requests)
    others = [name for name in CAUSES if name != driver]
    np.testing.assert_allclose(values[others], 0, atol=1e-12)
    assert stats.spearmanr(table(requests)["log10_S_per_cm"], table(requests)[driver]).statistic == pytest.approx(
        1 if driver == "grain_diameter_um" else -1
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_attributions_add_up_to_the_planted_conductivity(preset, surface):
    requests = requests_of(preset, surface, n=10)
    values = true_attributions(PRESETS[preset], surface, requests)
    assert values["sample_id"].tolist() == [request.sample_id for request in requests]
    total = values[[*CAUSES, "base"]].sum(axis=1)
    np.testing.assert_allclose(total, np.log10([request.law_S_per_cm for request in requests]), atol=1e-12)


def test_where_all_causes_drive_each_has_a_fair_share(surface):
    found = true_effects(PRESETS["example"], surface)
    assert found.shapley.sum() == pytest.approx(1)
    assert found.shapley.min() > 0.1


def test_the_best_r2_lacks_what_is_hidden(surface):
    for name, preset in PRESETS.items():
        if name != "hidden":
            assert best_r2(preset, surface) == 1
    total = true_effects(PRESETS["hidden"], surface).total
    assert best_r2(PRESETS["hidden"], surface) == pytest.approx(1 - total[CAUSES.index("boundary_resistance_ohm_cm2")])
    # A regression on what shows, fitted to many specimens, comes up to it.
    rng = np.random.default_rng(0)
    causes = {name: CAUSE_RANGES[name].at(rng.random(20_000)) for name in CAUSES}
    y = law_of(PRESETS["hidden"], surface)(**causes)
    p, d = causes["porosity"], np.log(causes["grain_diameter_um"])
    design = np.stack([np.ones_like(p), p, d, p**2, p * d, d**2], axis=1)
    missed = y - design @ np.linalg.lstsq(design, y)[0]
    assert 1 - missed.var() / y.var() == pytest.approx(best_r2(PRESETS["hidden"], surface), abs=0.02)


@pytest.mark.parametrize(
    ("preset", "change", "words"),
    [
        ("example", {"n": 1}, "n is 1"),
        ("example", {"n": 0}, "n is 0"),
        ("example", {"seed": -1}, "seed is -1"),
        ("nuisance", {"n": 7}, "n is 7: give at least 8"),
    ],
)
def test_impossible_sets_are_refused(preset, change, words, surface):
    with pytest.raises(SettingsError, match=words) as refusal:
        specimen_requests(PRESETS[preset], surface=surface, **change)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"drivers": ("porosity",), "solved": True}, "porosity alone drives"), ({"drivers": ("humidity",)}, "humidity")],
)
def test_presets_that_contradict_themselves_are_refused(change, words):
    with pytest.raises(SettingsError, match=words):
        Preset("One line.", **change)


def test_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(SettingsError, match=r"'exmaple'.*example, porosity"):
        preset_named("exmaple")
    assert preset_named("example") is PRESETS["example"]
