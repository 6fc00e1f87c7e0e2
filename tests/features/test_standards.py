import numpy as np
import pandas as pd
import pytest

from micro_features.features.standards import A2, mean_over_fields, mean_planimetric, size_number, standing, standings


def field(**changes):
    return {
        "sample_id": "a",
        "surface": "polished",
        "stereology": "plane section",
        "pixel_um": 0.1,
        "quality_grains_resolved": True,
        "grain_intercept_mean_um": 10.0,
        "grain_size_G_planimetric": 10.0,
        "porosity": 0.1,
        **changes,
    }


def lacks(fields):
    found = standing(pd.DataFrame(fields), "a", "polished")
    return found.grain_size_lacks, found.porosity_lacks


def test_mean_over_fields_by_hand():
    # s = 2, t of 2 degrees of freedom 4.302653: 4.302653 x 2 / sqrt(3) = 4.968275
    found = mean_over_fields(np.array([10.0, 12.0, 14.0, np.nan]))
    assert (found.n, found.value) == (3, 12.0)
    assert found.half_width == pytest.approx(4.968275, abs=1e-6)
    assert found.relative_accuracy_percent == pytest.approx(41.40229, abs=1e-5)
    assert found.ends == pytest.approx((7.031725, 16.968275), abs=1e-6)


def test_one_field_has_no_interval_and_none_no_mean():
    one, none = mean_over_fields(np.array([3.0])), mean_over_fields(np.array([np.nan]))
    assert (one.n, one.value, none.n) == (1, 3.0, 0)
    assert np.isnan([one.half_width, *one.ends, none.value, *none.ends]).all()


def test_an_interval_does_not_reach_below_nothing():
    # s = 0.0141421, t of 1 degree of freedom 12.7062: half width 0.127062
    low, high = mean_over_fields(np.array([0.01, 0.03])).ends
    assert low == 0
    assert high == pytest.approx(0.02 + 0.127062, abs=1e-6)


@pytest.mark.parametrize(("intercept_um", "expected"), [(320.0, 0.0), (10.0, 9.9997), (1.0, 16.6436)])
def test_size_number_of_an_intercept(intercept_um, expected):
    # E112: G is 0 at a mean intercept of 0.32 mm; a tenth of the length is 6.643856 more.
    assert size_number(intercept_um) == pytest.approx(expected, abs=4e-4)


def test_there_is_no_size_number_without_an_intercept():
    assert np.isnan([size_number(np.nan), size_number(0.0)]).all()


def test_numbers_of_grains_are_averaged_and_not_their_logarithms():
    # 100 and 300 grains a mm2 are 200: 3.321928 x 2.301030 - 2.954 = 4.689856
    fields = 3.321928 * np.log10([100.0, 300.0]) - 2.954
    assert mean_planimetric(np.append(fields, np.nan)) == pytest.approx(4.689856, abs=1e-5)
    assert np.isnan(mean_planimetric(np.array([np.nan])))


def test_five_alike_fields_of_a_section_lack_nothing():
    intercepts = [10.0, 10.1, 9.9, 10.2, 9.8]
    found = standing(pd.DataFrame([field(grain_intercept_mean_um=each) for each in intercepts]), "a", "polished")
    assert (found.grain_size_lacks, found.porosity_lacks) == ((), ())
    assert found.grain_size_notes == (A2,)
    # s = 0.158114, t of 4 degrees of freedom 2.776445: half width 0.196324
    assert found.intercept.half_width == pytest.approx(0.196324, abs=1e-6)
    low, high = found.size_number_ends
    assert found.size_number == pytest.approx(9.9997, abs=4e-4)
    assert low < found.size_number < high


@pytest.mark.parametrize(
    ("fields", "grain", "porosity"),
    [
        ([field()] * 4, ["4 fields"], []),
        ([field()] * 2, ["2 fields"], ["2 micrographs"]),
        ([field()], ["1 field"], ["1 micrograph"]),
        ([field(grain_intercept_mean_um=each) for each in (5, 10, 15, 5, 15)], ["%RA is 62.1"], []),
        ([field(stereology="apparent", surface="fracture")] * 5, ["apparent"], ["apparent"]),
        ([field(quality_grains_resolved=False)] * 2 + [field()] * 5, ["grains not resolved in 2 of 7"], []),
        ([field(pixel_um=np.nan)] + [field()] * 5, ["no scale in 1 of 6"], []),
        ([field(porosity=0.04)] * 5, [], ["below 0.05"]),
        ([field(porosity=0.21)] * 5, [], ["above 20 %"]),
        ([field(porosity=0.05)] * 5, [], []),
        ([field(porosity=0.20)] * 5, [], []),
    ],
)
def test_what_keeps_results_from_being_to_standard(fields, grain, porosity):
    for told, expected in zip(lacks(fields), (grain, porosity), strict=True):
        assert len(told) == len(expected)
        assert all(each.startswith(begin) for each, begin in zip(told, expected, strict=True))


def test_numbers_of_unresolved_grains_are_no_fields_even_where_the_user_insisted_on_them():
    fields = [field(grain_intercept_mean_um=1.0, quality_grains_resolved=False), field(), field()]
    assert standing(pd.DataFrame(fields), "a", "polished").intercept.value == 10.0


def test_method_a2_is_asked_for_only_where_there_are_many_pores():
    assert standing(pd.DataFrame([field(porosity=0.05)]), "a", "polished").grain_size_notes == ()
    nothing = [field(porosity=0.3, quality_grains_resolved=False)]
    assert standing(pd.DataFrame(nothing), "a", "polished").grain_size_notes == ()


def test_surfaces_of_a_sample_are_never_averaged_together():
    rows = [field(), field(surface="fracture", stereology="apparent", porosity=0.3), field(sample_id="b")]
    told = standings(pd.DataFrame(rows))
    assert [(each.sample_id, each.surface) for each in told] == [
        ("a", "polished"),
        ("a", "fracture"),
        ("b", "polished"),
    ]
    assert [each.porosity.value for each in told] == [0.1, 0.3, 0.1]


def test_columns_that_are_not_there_are_not_known():
    (told,) = standings(pd.DataFrame({"sample_id": ["a"], "porosity": [0.1]}))
    assert told.intercept.n == 0
    assert "grains not resolved" in told.grain_size_lacks
    assert standings(pd.DataFrame({"sample_id": [], "porosity": []})) == []
