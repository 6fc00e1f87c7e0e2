import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micro_features.errors import FeatureTableError
from micro_features.features.catalogue import FEATURES
from micro_features.learn.target import class_codes, cuts_between, model_values, native_values, unit_of


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("conductivity_S_per_cm", "S/cm"),
        ("resistance_ohm_cm2", "ohm cm2"),
        ("pore_area_min_um2", "um2"),  # not minutes times square micrometres
        ("sintering_time_h", "h"),
        ("porosity", ""),
        ("h", ""),  # a name is not its unit
        ("hardness_per", ""),
    ],
)
def test_names_tell_units(name, unit):
    assert unit_of(name) == unit


def test_the_catalogues_names_tell_their_units():
    for name, feature in FEATURES.items():
        if feature.unit != "G":
            assert (unit_of(name) or "1") == feature.unit


@given(st.lists(st.floats(1e-12, 1e12), min_size=1), st.booleans())
def test_model_units_and_back(values, log10):
    back = native_values(model_values(np.array(values), log10), log10)
    np.testing.assert_allclose(back, values, rtol=1e-12)


def test_what_has_no_logarithm_is_refused():
    with pytest.raises(FeatureTableError, match=r"^-2 has no logarithm; use --no-log\."):
        model_values(np.array([1.0, -2.0]), True)


def test_cuts_lie_midway_between_the_values_that_face_each_other():
    values = np.array([5.0, 1.0, 1e-4, 100.0, 1e-2])
    labels = ["b", "b", "a", "c", "a"]
    names, cuts = cuts_between(values, labels, True)
    assert names == ("a", "b", "c")
    np.testing.assert_allclose(cuts, [np.sqrt(1e-2 * 1.0), np.sqrt(5.0 * 100.0)])
    np.testing.assert_allclose(cuts_between(values, labels, False)[1], [0.505, 52.5])
    assert class_codes(values, cuts).tolist() == [1, 1, 0, 2, 0]


def test_classes_that_overlap_are_named():
    with pytest.raises(FeatureTableError, match=r"'low' \(1 to 3\) and 'high' \(2 to 4\) overlap"):
        cuts_between(np.array([1.0, 3.0, 2.0, 4.0]), ["low", "low", "high", "high"], True)


def test_one_class_is_refused():
    with pytest.raises(FeatureTableError, match="one class, 'low'"):
        cuts_between(np.array([1.0, 3.0]), ["low", "low"], True)


@given(st.lists(st.integers(1, 50), min_size=2, max_size=30, unique=True), st.data())
def test_cuts_give_back_the_labels(values, data):
    values = np.sort(np.array(values, float))
    parts = np.sort(data.draw(st.lists(st.integers(0, 3), min_size=len(values), max_size=len(values))))
    if parts[0] == parts[-1]:
        return
    names, cuts = cuts_between(values, [f"class {part}" for part in parts], True)
    assert [names[code] for code in class_codes(values, cuts)] == [f"class {part}" for part in parts]


def test_a_value_at_a_cut_is_of_the_upper_class():
    assert class_codes(np.array([1.0, 2.0, 2.1]), [2.0]).tolist() == [0, 1, 1]
