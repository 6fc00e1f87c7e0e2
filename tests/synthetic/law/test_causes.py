"""Ranges, and what is drawn from them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micro_features.errors import SettingsError
from micro_features.synthetic.law.causes import CAUSE_RANGES, CAUSES, Causes, Range, spread


@given(st.floats(0, 1), st.floats(1e-3, 1e3), st.floats(1.01, 1e3), st.booleans())
def test_share_undoes_at(share, low, factor, logarithmic):
    drawn = Range(low, low * factor, logarithmic)
    assert drawn.share(np.array(drawn.at(share))) == pytest.approx(share, abs=1e-9)


def test_the_middle_of_a_range():
    assert Range(1.0, 4.0).at(0.5) == 2.5
    assert Range(1.0, 4.0, logarithmic=True).at(0.5) == pytest.approx(2.0)


def test_there_is_a_range_for_each_cause_in_order():
    assert tuple(CAUSE_RANGES) == CAUSES == ("porosity", "grain_diameter_um", "boundary_resistance_ohm_cm2")


@pytest.mark.parametrize("n", [2, 20, 100, 600])
def test_causes_are_drawn_evenly_and_independently(n):
    shares = spread(n, 7, np.random.default_rng(3))
    assert np.sort(shares * n // 1, axis=0).astype(int).T.tolist() == [list(range(n))] * 7
    if n > 2:
        assert np.abs(np.corrcoef(shares.T) - np.eye(7)).max() < (2.5 / np.sqrt(n) if n > 500 else 0.2)


@pytest.mark.parametrize(("low", "high"), [(2, 1), (1, 1), (np.nan, 1), (0, np.nan), (0, np.inf), (-np.inf, 0)])
def test_reversed_or_endless_ranges_are_refused(low, high):
    with pytest.raises(SettingsError, match="range is"):
        Range(low, high)


def test_a_logarithmic_range_starts_above_zero():
    with pytest.raises(SettingsError, match="range is 0 to 1"):
        Range(0, 1, logarithmic=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("porosity", -0.01),
        ("porosity", 1.0),
        ("porosity", np.nan),
        ("grain_diameter_um", 0.0),
        ("grain_diameter_um", np.inf),
        ("grain_diameter_um", np.nan),
        ("boundary_resistance_ohm_cm2", -1.0),
        ("boundary_resistance_ohm_cm2", np.inf),
        ("boundary_resistance_ohm_cm2", np.nan),
    ],
)
def test_impossible_causes_are_refused_by_name(name, value):
    causes = {"porosity": 0.1, "grain_diameter_um": 5.0, "boundary_resistance_ohm_cm2": 0.5} | {name: value}
    with pytest.raises(SettingsError, match=name):
        Causes(**causes)


@pytest.mark.parametrize("n", [-3, 0, 1, 10**9])
def test_a_single_specimen_is_no_set_nor_are_a_billion(n):
    with pytest.raises(SettingsError, match=f"n is {n}: "):
        spread(n, 3, np.random.default_rng(0))
