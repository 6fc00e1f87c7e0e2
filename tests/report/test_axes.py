import pytest
from hypothesis import given
from hypothesis import strategies as st

from micro_features.report.axes import broken, number, shown_unit, with_unit


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("porosity", "porosity"),
        ("grain_area_mean_um2", "grain_area_\nmean_um2"),
        ("two words here", "two words\nhere"),
        ("abcdefghijklmno", "abcdefghijk…\nlmno"),
        ("a_name_that_is_much_too_long_to_be_shown", "a_name_that…\n_to_be_shown"),
    ],
)
def test_names_break_where_they_may(name, shown):
    assert broken(name, 12) == shown


@given(st.text("ab_ ", max_size=60), st.integers(4, 30))
def test_no_name_needs_more_than_two_lines(name, width):
    lines = broken(name, width).split("\n")
    assert len(lines) <= 2
    assert max(map(len, lines)) <= width


def test_units_as_they_are_printed():
    assert with_unit("area", "um2") == "area / µm²"
    assert with_unit("density", "1/um2") == "density / 1/µm²"
    assert with_unit("porosity", "1") == "porosity"
    assert shown_unit("S/cm") == "S/cm"
    assert number(-0.001234) == "−0.00123"
