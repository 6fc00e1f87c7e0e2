"""Physical parameters: which picture gets which row, what is missing, and what is said of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from micro_features.errors import FeatureTableError
from micro_features.features.catalogue import SUBSETS
from micro_features.published.parameters import by_hand
from micro_features.published.published import published
from micro_features.published.samples import GROUPED
from micro_features.rows import in_pixels

from .conftest import HOSTILE, LOG10, NAMES, N, changed, read, renamed, request_for

STATISTICS = ["Mean", "Standard Deviation", "Minimum", "Median", "Maximum"]


def hand_measured(path: Path, sigma: list[float]) -> Path:
    """A table laid out as the study's; the first parameter of row k is k, the second 100 + k and so on."""
    header = ["Name"]
    for kind in ("grain", "pore"):
        for quantity in ("area", "perimeter"):
            header += [f"{kind} {quantity}", *STATISTICS]
    header += ["grain number", "pore number"]
    rows: list[list[object]] = [["low", *[None] * (len(header) - 1)]]
    for number, value in enumerate(sigma):
        numbers = iter(range(number, 2200 + number, 100))
        rows.append(
            [f"900℃ 6h {value:.4g}"]
            + [None if cell.endswith((" area", " perimeter")) else next(numbers) for cell in header[1:]]
        )
    pd.DataFrame(rows, columns=[str(place) for place in range(len(header))]).pipe(
        lambda table: pd.concat([pd.DataFrame([header], columns=table.columns), table])
    ).to_excel(path, index=False, header=False)
    return path


def column(drawn: Path, name: str) -> list[float]:
    return pd.read_csv(drawn / "features.csv")[name].tolist()


def test_ours_are_those_of_the_study_that_the_table_has(samples):
    parameters = samples.parameters
    measured = ["grain_area_mean_um2", "pore_area_mean_um2", "pore_area_sd_um2", "pore_number"]
    assert list(parameters.values) == measured
    assert "texture_spectrum_slope" not in parameters.left_out
    assert set(parameters.left_out) == set(SUBSETS["published"]) - set(measured)
    assert set(parameters.left_out.values()) == {"not in the table"}
    assert parameters.phases["pore_number"] == "pore"
    assert parameters.phases["grain_area_mean_um2"] == "grain"
    assert parameters.units["grain_area_mean_um2"] == "um2"
    assert "measured on the same pictures" in parameters.notes[0]
    assert parameters.complete.all()


def test_rows_measured_by_hand_find_their_pictures_by_conductivity(tmp_path):
    path = hand_measured(tmp_path / "hand.xlsx", [3e-4, 1e-6, 4.2e-4, 1e-6, 5e-5])
    found = by_hand(path, ("a", "b", "c", "d"), np.array([1e-6, 4.21e-4, 1e-6, 3e-4]), "sigma")
    assert list(found.columns) == list(SUBSETS["published"])
    # A picture named 4.21e-4 is listed as 4.20e-4; of two rows of one conductivity each picture gets its own.
    assert found["grain_area_mean_um2"][["b", "d"]].tolist() == [2, 0]
    assert set(found["grain_area_mean_um2"][["a", "c"]]) == {1, 3}
    assert (found["pore_number"] - found["grain_area_mean_um2"] == 2100).all()


@pytest.mark.parametrize(
    ("rows", "measured", "what"),
    [([1e-6, 2e-6], [1e-6, 3e-6], "no row of sigma 3e-06, that of p1"), ([1e-6], [1e-6, 1e-6], "no row of sigma 1e-0")],
)
def test_a_picture_without_a_row_is_refused(tmp_path, rows, measured, what):
    path = hand_measured(tmp_path / "hand.xlsx", rows)
    with pytest.raises(FeatureTableError, match=what) as caught:
        by_hand(path, ("p0", "p1"), np.array(measured), "sigma")
    assert str(path) in str(caught.value)


def test_a_property_that_can_not_be_a_conductivity_is_refused(tmp_path):
    path = hand_measured(tmp_path / "hand.xlsx", [1e-6, 2e-6])
    with pytest.raises(FeatureTableError, match="no row of sigma -1, that of p1"):
        by_hand(path, ("p0", "p1"), np.array([1e-6, -1.0]), "sigma")


def test_the_tables_numbers_are_used_and_their_origin_is_said(drawn):
    path = hand_measured(drawn / "hand.xlsx", (10.0**LOG10).tolist())
    samples = read(drawn, hand_measured=path)
    assert samples.parameters.values.shape == (N, 22)
    assert samples.parameters.values["grain_area_mean_um2"].tolist() == list(range(N))
    assert "hand.xlsx" in samples.parameters.origin
    assert any("measured by hand in the study" in note and "other pictures" in note for note in samples.notes)


def test_a_table_of_something_else_is_refused(drawn):
    for path in (drawn / "features.csv", drawn / "nowhere.xls"):
        with pytest.raises(FeatureTableError, match="is not the study's table of grains and pores") as caught:
            read(drawn, hand_measured=path)
        assert str(path) in str(caught.value)
        assert "datasets get llzto" in str(caught.value)


def test_what_few_pictures_lack_leaves_these_out_of_the_steps(drawn):
    renamed(drawn, 3, HOSTILE)
    values = column(drawn, "pore_area_sd_um2")
    values[3] = values[5] = float("nan")
    changed(drawn / "features.csv", pore_area_sd_um2=values)
    samples = read(drawn)
    assert "pore_area_sd_um2" in samples.parameters.values
    assert np.flatnonzero(~samples.parameters.complete).tolist() == [3, 5]
    said = f"2 pictures lack a parameter and are in no logistic step ({HOSTILE}, {NAMES[5]})."
    assert said in samples.notes


def test_what_more_than_a_quarter_lack_is_left_out_itself(drawn):
    values = np.array(column(drawn, "pore_area_sd_um2"))
    values[: N // 4] = np.nan
    changed(drawn / "features.csv", pore_area_sd_um2=values)
    assert "pore_area_sd_um2" in read(drawn).parameters.values  # a quarter
    values[N // 4] = np.nan
    changed(drawn / "features.csv", pore_area_sd_um2=values)
    samples = read(drawn)
    assert samples.parameters.left_out["pore_area_sd_um2"] == f"missing in {N // 4 + 1} of {N} pictures"
    assert samples.parameters.complete.all()
    assert any("pore_area_sd_um2" in note and f"missing in {N // 4 + 1} of {N}" in note for note in samples.notes)


def test_a_parameter_that_never_varies_is_left_out(drawn):
    changed(drawn / "features.csv", pore_number=[7] * N)
    samples = read(drawn)
    assert "pore_number" not in samples.parameters.values
    assert samples.parameters.left_out["pore_number"] == "constant (7)"
    assert any("pore_number" in note and "constant (7)" in note for note in samples.notes)


def test_what_never_varies_in_the_studys_table_is_left_out(drawn):
    path = hand_measured(drawn / "hand.xlsx", (10.0**LOG10).tolist())
    from micro_features.published import parameters

    read_table = parameters.read_hand_measured
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parameters, "read_hand_measured", lambda path: read_table(path).assign(pore_number=1.0))
        samples = read(drawn, hand_measured=path)
    assert samples.parameters.left_out == {"pore_number": "the same in all pictures"}


def test_a_parameter_that_another_column_repeats_is_kept(drawn):
    """Columns that are no parameters must not take one's place."""
    changed(drawn / "features.csv", porosity=column(drawn, "pore_area_sd_um2"))
    assert "pore_area_sd_um2" in read(drawn).parameters.values


def test_uncalibrated_tables_name_pixels(drawn):
    table = pd.read_csv(drawn / "features.csv").drop(columns="pixel_um")
    table = table.rename(columns={name: in_pixels(name) for name in table})
    table.assign(pore_area_sd_px2=4.0).to_csv(drawn / "features.csv", index=False)
    parameters = read(drawn).parameters
    assert list(parameters.values) == ["grain_area_mean_px2", "pore_area_mean_px2", "pore_number"]
    assert parameters.units["pore_area_mean_px2"] == "px2"
    assert parameters.phases["pore_area_mean_px2"] == "pore"
    assert parameters.left_out["pore_area_sd_px2"] == "constant (4)"


def test_no_parameter_at_all_is_refused(drawn):
    names = ["pore_area_mean_um2", "pore_area_sd_um2", "pore_number", "grain_area_mean_um2"]
    changed(drawn / "features.csv", **dict.fromkeys(names))
    with pytest.raises(FeatureTableError, match=r"No physical parameter is left .*not in the table"):
        read(drawn)


def test_a_fold_without_a_complete_picture_has_nothing_to_ask(drawn):
    left_out = np.flatnonzero(read(drawn).fold == 0)
    for name, rows in (("pore_area_sd_um2", left_out[::2]), ("pore_area_mean_um2", left_out[1::2])):
        values = np.array(column(drawn, name))
        values[rows] = np.nan
        changed(drawn / "features.csv", **{name: values})
    with pytest.raises(FeatureTableError, match=r"No picture that is left out has all parameters.*run all folds"):
        published(request_for(drawn, first_fold_only=True, protocols=(GROUPED,)))
    found = published(request_for(drawn, protocols=(GROUPED,)))  # the other folds have answers
    assert set(found.answer.attributions.ids) == {name for row, name in enumerate(NAMES) if row not in left_out}
    assert found.scores[GROUPED]["steps"]["n"] == N - len(left_out)
    assert found.scores[GROUPED]["tree"]["n"] == N


def test_the_tables_own_error_counts_as_missing_and_is_said(drawn):
    path = hand_measured(drawn / "hand.xlsx", (10.0**LOG10).tolist())
    from micro_features.published import parameters

    read_table, name = parameters.read_hand_measured, "pore_perimeter_sd_um"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            parameters,
            "read_hand_measured",
            lambda path: read_table(path).assign(**{name: [40.0, 1003.355, 1003.4, *range(N - 3)]}),
        )
        samples = read(drawn, hand_measured=path)
    assert np.flatnonzero(samples.parameters.values[name].isna()).tolist() == [1]
    assert samples.parameters.values[name].iloc[[0, 2]].tolist() == [40, 1003.4]
    assert f"hand.xlsx: {name} 1003.355 of {NAMES[1]} is an error of the table and counts as missing." in samples.notes
    assert f"1 pictures lack a parameter and are in no logistic step ({NAMES[1]})." in samples.notes
    clean = read(drawn, hand_measured=path)
    assert not any("error of the table" in note for note in clean.notes)
    assert clean.parameters.complete.all()


def test_what_we_measured_ourselves_is_no_error_of_the_table(drawn):
    changed(drawn / "features.csv", pore_perimeter_sd_um=[1003.355, *range(N - 1)])
    assert read(drawn).parameters.complete.all()
