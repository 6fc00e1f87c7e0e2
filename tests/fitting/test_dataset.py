import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micro_features.errors import FeatureTableError
from micro_features.fitting.dataset import check_classes, read_dataset
from micro_features.fitting.dataset_request import DatasetRequest

LLZTO = Path(__file__).parents[2] / "data" / "llzto" / "manifest.csv"
N = 12
NAMES = [f"p{row:02}" for row in range(N)]


def plain_table(**columns):
    """12 pictures in 4 groups, as the extraction writes them, with two features."""
    return pd.DataFrame(
        {
            "micrograph_id": NAMES,
            "path": [f"in/{name}.tif" for name in NAMES],
            "sample_id": NAMES,
            "settings_digest": "d1",
            "surface": "unknown",
            "acquisition_kV": 5.0,
            "acquisition_date": [f"2024-01-{1 + row // 6:02}" for row in range(N)],
            "quality_noise": np.arange(N),
            "porosity": np.linspace(0.1, 0.3, N),
            "porosity_ci95_low": np.linspace(0.05, 0.2, N),
            "pore_area_mean_um2": np.arange(N)[::-1] ** 2.0,
            "sigma_S_per_cm": 10.0 ** np.linspace(-6, -3, N),
            "batch": [f"b{row // 3}" for row in range(N)],
        }
        | columns
    )


def read(folder, table, manifest=None, **options):
    table.to_csv(folder / "f.csv", index=False)
    if manifest is not None:
        manifest.to_csv(folder / "m.csv", index=False)
        options["manifest"] = folder / "m.csv"
    return read_dataset(folder / "f.csv", DatasetRequest(**{"target": "sigma_S_per_cm", "group": "batch"} | options))


def stated(**columns):
    return pd.DataFrame({"file": [f"{name}.tif" for name in NAMES]} | columns)


def test_only_what_was_measured_of_the_material_is_a_feature(tmp_path):
    by_hand = {"corrections_applied": np.arange(N), "corrections_missed": np.arange(N) % 3}
    data = read(tmp_path, plain_table(stage_x_mm=np.arange(N), quality_of_polish=np.arange(N), **by_hand))
    assert list(data.X.columns) == ["porosity", "pore_area_mean_um2"]
    np.testing.assert_allclose(data.X["porosity"], np.linspace(0.1, 0.3, N))
    assert data.ids == tuple(NAMES) == tuple(data.X.index)
    assert (data.target.unit, data.target.log10) == ("S/cm", True)
    np.testing.assert_allclose(data.y, np.linspace(-6, -3, N))
    assert data.groups.tolist() == [row // 3 for row in range(N)]
    assert data.phases == {"porosity": "pore", "pore_area_mean_um2": "pore"}
    assert data.units == {"porosity": "1", "pore_area_mean_um2": "um2"}
    assert data.settings_digests == ("d1",)
    assert data.left_out == {
        "micrograph_id": "the id",
        "path": "names the row, or how it was made",
        "sample_id": "names the row, or how it was made",
        "settings_digest": "names the row, or how it was made",
        "surface": "names the row, or how it was made",
        "acquisition_kV": "how the picture was taken: a confounder",
        "acquisition_date": "how the picture was taken: a confounder",
        "quality_noise": "says how well the picture could be measured",
        "quality_of_polish": "says how well the picture could be measured",
        "porosity_ci95_low": "says how sure another column is",
        "sigma_S_per_cm": "the target",
        "batch": "the group",
        "stage_x_mm": "not in the catalogue of features",
        "corrections_applied": "names the row, or how it was made",
        "corrections_missed": "names the row, or how it was made",
    }


def test_named_columns_replace_the_catalogue(tmp_path):
    manifest = stated(temperature_C=np.arange(N) * 10)
    data = read(tmp_path, plain_table(), manifest, features=["quality_noise", "temperature_C"])
    assert list(data.X.columns) == ["quality_noise", "temperature_C"]
    assert data.X["temperature_C"].tolist() == list(range(0, 120, 10))
    assert data.phases == {"quality_noise": "", "temperature_C": ""}
    assert data.units["temperature_C"] == "C"
    assert data.left_out["porosity"] == "not named"
    assert data.process.empty


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("porsity", "no column 'porsity'; alike: porosity"),
        ("sigma_S_per_cm", "can not be a feature: it is the target"),
        ("corrections_applied", "can not be a feature: it tells what a person did"),
        ("acquisition_date", "'acquisition_date' holds '2024-01-01' in row 'p00', not a number"),
    ],
)
def test_names_that_can_not_be_features_are_refused(tmp_path, name, message):
    with pytest.raises(FeatureTableError, match=message):
        read(tmp_path, plain_table(corrections_applied=0), features=[name])


def test_columns_that_tell_nothing_are_left_out_with_their_reason(tmp_path):
    columns = {"pore_number": 7.0, "grain_area_cv": np.nan, "pore_area_cv": np.linspace(0.1, 0.3, N)}
    data = read(tmp_path, plain_table(**columns))
    assert list(data.X.columns) == ["porosity", "pore_area_mean_um2"]
    reasons = {name: data.left_out[name] for name in columns}
    assert reasons == {
        "pore_number": "constant (7)",
        "grain_area_cv": "all missing",
        "pore_area_cv": "equal to porosity",
    }


def test_missing_cells_stay_missing_and_make_columns_differ(tmp_path):
    porosity = np.linspace(0.1, 0.3, N)
    data = read(tmp_path, plain_table(pore_area_cv=np.where(np.arange(N) == 4, np.nan, porosity)))
    assert np.flatnonzero(data.X["pore_area_cv"].isna()).tolist() == [4]


def test_other_units_are_left_out_and_said(tmp_path):
    table = plain_table(porosity_percent=np.arange(N)).rename(columns={"pore_area_mean_um2": "pore_area_mean_nm2"})
    data = read(tmp_path, table)
    assert data.left_out["pore_area_mean_nm2"] == "in other units (nm2) than pore_area_mean_um2"
    assert data.left_out["porosity_percent"] == "in other units (%) than porosity"
    assert any("pore_area_mean_nm2" in note for note in data.notes)
    with pytest.raises(FeatureTableError, match=r"no column is in the catalogue.*name columns with --features.*nm2"):
        read(tmp_path, table.drop(columns=["porosity"]))


def test_lengths_in_pixels_are_features_if_all_are(tmp_path):
    table = plain_table().rename(columns={"pore_area_mean_um2": "pore_area_mean_px2"})
    data = read(tmp_path, table)
    assert (data.units["pore_area_mean_px2"], data.phases["pore_area_mean_px2"]) == ("px2", "pore")
    assert any("lengths are in pixels" in note for note in data.notes)
    table["pore_area_max_um2"] = np.where(np.arange(N) < 5, np.nan, np.arange(N))
    table.loc[5:, "pore_area_mean_px2"] = np.nan
    with pytest.raises(FeatureTableError, match="in pixels in 5 rows, such as 'p00', and in micrometres in 7"):
        read(tmp_path, table)
    assert list(read(tmp_path, table, features=["porosity"]).X.columns) == ["porosity"]


@pytest.mark.parametrize(("cell", "found"), [(np.inf, "infinite"), ("x", "not a number")])
def test_cells_that_are_no_finite_numbers_are_named(tmp_path, cell, found):
    table = plain_table(porosity=[cell if row == 3 else 0.1 * row for row in range(N)])
    with pytest.raises(FeatureTableError, match=f"f.csv: column 'porosity' holds .* in row 'p03', {found}"):
        read(tmp_path, table)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"micrograph_id": [None, *NAMES[1:]]}, "'micrograph_id' is empty in row 1"),
        ({"micrograph_id": ["p01", *NAMES[1:]]}, "'p01' is more than once in column 'micrograph_id'"),
        (
            {"sigma_S_per_cm": [*[1.0] * 11, 0.0]},
            "sigma_S_per_cm is 0.0 in row 'p11', which has no logarithm; use --no",
        ),
        ({"sigma_S_per_cm": [*["1.0"] * 11, "low"]}, "sigma_S_per_cm is 'low' in row 'p11', not a number"),
        ({"sigma_S_per_cm": [*[1.0] * 11, np.inf]}, "sigma_S_per_cm is 'inf' in row 'p11', not a number"),
        ({"sigma_S_per_cm": 2.0}, "sigma_S_per_cm is 2 in all rows"),
        (
            {"sigma_S_per_cm": [1.0, *[None] * 11]},
            r"1 rows are left and 8 are needed: 11 left out, no 'sigma.*p01, p02",
        ),
        ({"batch": "b"}, "all rows are in one group, batch 'b'"),
        ({"porosity": 1.0, "pore_area_mean_um2": np.nan}, "no feature is left: porosity constant"),
    ],
)
def test_tables_that_can_not_be_used_are_refused(tmp_path, change, message):
    with pytest.raises(FeatureTableError, match=message):
        read(tmp_path, plain_table(**change))


@pytest.mark.parametrize("what", ["target", "group", "classes"])
def test_a_column_that_is_empty_is_there(tmp_path, what):
    with pytest.raises(FeatureTableError, match=r"f\.csv: column 'empty' has no value"):
        read(tmp_path, plain_table(empty=None), **{what: "empty"})
    with pytest.raises(FeatureTableError, match=r"m\.csv: column 'empty' has no value"):
        read(tmp_path, plain_table(), stated(empty=None), **{what: "empty"})
    with_it, without = (
        read(tmp_path, plain_table(), stated(**columns, law=range(N))) for columns in ({"empty": None}, {})
    )
    assert list(with_it.process) == list(without.process) == ["law"]


def test_where_samples_are_counted_samples_are_left_out(tmp_path):
    # Two pictures a sample; of the second sample one picture has no value, of the last three samples none has.
    table = plain_table(sample_id=[f"s{row // 2}" for row in range(N)], batch=[f"b{row // 4}" for row in range(N)])
    sigma = np.repeat(10.0 ** np.linspace(-6, -3, 6), 2)
    sigma[[3, *range(6, 12)]] = np.nan
    words = r"3 samples are left and 8 are needed: 3 left out, no 'sigma_S_per_cm' \(s3, s4, s5\)\.$"
    with pytest.raises(FeatureTableError, match=words):
        read(tmp_path, table.assign(sigma_S_per_cm=sigma))


def test_targets_need_no_logarithm(tmp_path):
    data = read(tmp_path, plain_table(sigma_S_per_cm=np.arange(N) - 3.0), log10=False)
    assert data.y.tolist() == data.y_native.tolist() == [row - 3.0 for row in range(N)]


def test_columns_that_are_not_there_are_named_with_those_alike(tmp_path):
    with pytest.raises(
        FeatureTableError, match=r"no column 'sigma'.*If the file names are its values, say --target-from-name"
    ):
        read(tmp_path, plain_table(), target="sigma")
    with pytest.raises(FeatureTableError, match="no column 'bath'; alike: batch"):
        read(tmp_path, plain_table(), group="bath")
    table = plain_table().drop(columns=["micrograph_id", "path", "sample_id"])
    with pytest.raises(
        FeatureTableError, match=r"names the rows; say which one does with --id\. There are settings_dig"
    ):
        read(tmp_path, table)
    assert read(tmp_path, table.assign(specimen=NAMES), id_column="specimen").ids == tuple(NAMES)


@settings(max_examples=40)
@given(st.data())
def test_every_row_is_used_or_left_out_for_a_reason(data):
    kinds = data.draw(
        st.lists(st.sampled_from(["good", "good", "target", "group", "unstated"]), min_size=20, max_size=25)
    )
    order = data.draw(st.permutations(range(len(kinds))))
    good = [f"p{row}" for row, kind in enumerate(kinds) if kind == "good"]
    table = pd.DataFrame({"micrograph_id": [f"p{row}" for row in range(len(kinds))]})
    table["path"] = "in/" + table["micrograph_id"] + ".tif"
    table["porosity"] = np.arange(len(kinds)) / 100
    manifest = pd.DataFrame(
        {
            "file": [f"p{row}.tif" for row in order],
            "sigma": [None if kinds[row] == "target" else row + 1 for row in order],
            "batch": [None if kinds[row] == "group" else f"b{row % 3}" for row in order],
        }
    )
    manifest = manifest[[kinds[row] != "unstated" for row in order]]
    reason = {"target": "no 'sigma'", "group": "no 'batch'", "unstated": "no row in m.csv"}
    with tempfile.TemporaryDirectory() as folder:
        if len(good) < 8:
            with pytest.raises(FeatureTableError, match=f"{len(good)} rows are left and 8 are needed"):
                read(Path(folder), table, manifest, target="sigma")
            return
        found = read(Path(folder), table, manifest, target="sigma")
    assert list(found.ids) == good
    assert found.y_native.tolist() == [int(name[1:]) + 1 for name in good]
    assert list(found.group_names) == [f"b{int(name[1:]) % 3}" for name in good]
    assert found.excluded_rows == {f"p{row}": reason[kind] for row, kind in enumerate(kinds) if kind != "good"}


def test_table_and_manifest_must_not_contradict_each_other(tmp_path):
    sigma = plain_table()["sigma_S_per_cm"]
    half = plain_table(sigma_S_per_cm=sigma.where(np.arange(N) < 6))
    data = read(tmp_path, half, stated(sigma_S_per_cm=[f"{value:.12e}" for value in sigma]))
    np.testing.assert_allclose(data.y_native, sigma, rtol=1e-9)
    with pytest.raises(
        FeatureTableError, match=r"p00: column 'sigma_S_per_cm' is '1e-06' in .*f.csv and '2.0' in .*m.csv"
    ):
        read(tmp_path, half, stated(sigma_S_per_cm=2.0))


def test_pictures_are_found_by_their_id_where_there_is_no_path(tmp_path):
    table = plain_table(micrograph_id=[f"High/3.{row:02}e-4" for row in range(N)]).drop(columns=["path", "sample_id"])
    manifest = pd.DataFrame({"file": [f"High/3.{row:02}e-4.tif" for row in range(N)], "time_h": np.arange(N)})
    data = read(tmp_path, table, manifest)
    assert data.process["time_h"].tolist() == list(range(N))


def test_the_targets_other_forms_are_kept_out_of_the_process(tmp_path):
    manifest = stated(
        sigma_class=["low"] * 6 + ["high"] * 6, law_S_per_cm=1.5, time_h=np.arange(N), note=None, powder=["x", None] * 6
    )
    data = read(tmp_path, plain_table(), manifest)
    assert list(data.process.columns) == ["time_h", "powder"]
    assert data.process["powder"].tolist() == ["x", None] * 6
    assert data.left_out["sigma_class"] == data.left_out["law_S_per_cm"] == "taken for another form of sigma_S_per_cm"


def test_confounders_come_from_table_and_manifest(tmp_path):
    data = read(tmp_path, plain_table(pixel_um=np.nan), stated(acquisition_detector="SE"))
    assert list(data.confounders.columns) == ["acquisition_date", "acquisition_kV", "acquisition_detector"]
    assert data.confounders["acquisition_kV"].tolist() == [5.0] * N
    assert data.confounders["acquisition_date"].tolist() == ["2024-01-01"] * 6 + ["2024-01-02"] * 6


def two_a_sample(**columns):
    table = pd.concat([plain_table(), plain_table()], ignore_index=True)
    table["micrograph_id"] = table["micrograph_id"] + np.repeat(["a", "b"], N)
    table["path"] = [f"in/{name}.tif" for name in table["micrograph_id"]]
    return table.assign(**columns)


def test_pictures_of_a_sample_are_averaged(tmp_path):
    porosity = np.concatenate([np.linspace(0.1, 0.3, N), np.linspace(0.2, 0.4, N)])
    porosity[:2] = np.nan  # of p00a and p01a
    table = two_a_sample(
        porosity=porosity,
        pixel_um=[0.1] * N + [0.3] * N,
        acquisition_kV=[5.0] * N + [5.0, 10.0] * 6,
        acquisition_detector=["SE", "BSE"] * 6 + ["SE"] * N,
        surface=["polished"] * N + ["fracture"] * N,
    )
    data = read(tmp_path, table)
    assert data.ids == tuple(NAMES)
    assert data.members["p03"] == ("p03a", "p03b")
    assert len(data.y) == len(data.groups) == N
    one, other = porosity[:N], porosity[N:]
    np.testing.assert_allclose(data.X["porosity"], np.where(np.isnan(one), other, (one + other) / 2))
    np.testing.assert_allclose(data.confounders["pixel_um"], 0.2)
    np.testing.assert_array_equal(data.confounders["acquisition_kV"], [5.0, np.nan] * 6)
    assert data.confounders["acquisition_detector"].tolist() == ["SE", "mixed"] * 6
    assert set(data.surface) == {"mixed"}
    assert any("24 pictures were joined into 12 samples" in note for note in data.notes)

    polished = read(tmp_path, table, where=["surface = polished"])
    assert set(polished.surface) == {"polished"}
    assert polished.excluded_rows == {f"{name}b": "not surface=polished" for name in NAMES}
    apart = read(tmp_path, table, per_micrograph=True)
    assert apart.ids == tuple(table["micrograph_id"])
    np.testing.assert_array_equal(apart.X["porosity"], porosity)


def test_numbers_that_differ_in_their_last_digit_are_constant(tmp_path):
    data = read(tmp_path, plain_table(pore_area_cv=0.1 * (1 + 1e-15 * np.arange(N))))
    assert data.left_out["pore_area_cv"] == "constant (0.1)"


def test_a_sample_is_in_one_group_and_has_one_target(tmp_path):
    table = two_a_sample()
    batch = [*table["batch"][:-1], "b0"]
    with pytest.raises(FeatureTableError, match=r"batch of sample 'p11' is b3 and b0.* belongs to one group"):
        read(tmp_path, table.assign(batch=batch), per_micrograph=True)
    sigma = table["sigma_S_per_cm"].where(np.arange(2 * N) != 13, 0.5)
    with pytest.raises(FeatureTableError, match=r"sigma_S_per_cm of sample 'p01' is .* and 0.5; .*--per-micrograph"):
        read(tmp_path, table.assign(sigma_S_per_cm=sigma))
    assert len(read(tmp_path, table.assign(sigma_S_per_cm=sigma), per_micrograph=True).y) == 2 * N


def test_the_manifest_states_the_sample(tmp_path):
    data = read(tmp_path, two_a_sample(sample_id=two_a_sample()["micrograph_id"]))
    assert len(data.ids) == 2 * N  # the extraction gives a picture without a stated specimen its own id
    assert read(tmp_path, plain_table(), group="sample_id").group_names == tuple(NAMES)
    table = two_a_sample(sample_id=two_a_sample()["micrograph_id"])
    manifest = pd.DataFrame({"file": [f"{name}.tif" for name in table["micrograph_id"]], "sample_id": NAMES * 2})
    data = read(tmp_path, table, manifest, group="sample_id")
    assert data.ids == data.group_names == tuple(NAMES)


def test_an_unknown_surface_is_one_that_the_manifest_may_state(tmp_path):
    surface = ["polished"] * 10 + ["fracture", None]
    data = read(tmp_path, plain_table(), stated(surface=surface))
    assert data.surface == ("polished",) * 10 + ("fracture", "unknown")
    assert "Surfaces differ (fracture 1, polished 10, unknown 1)" in data.notes[0]
    assert len(read(tmp_path, plain_table(), stated(surface=surface), where=["surface=polished"]).ids) == 10


@pytest.mark.parametrize("cell", ["NA", "n/a", "NaN", " "])
def test_words_for_a_missing_target_leave_the_row_out(tmp_path, cell):
    data = read(tmp_path, plain_table(sigma_S_per_cm=[cell, *(str(row) for row in range(1, N))]))
    assert data.excluded_rows == {"p00": "no 'sigma_S_per_cm'"}


def test_conditions_that_nothing_meets_are_refused(tmp_path):
    with pytest.raises(FeatureTableError, match="acquisition_kV is 7 in no row; it is 5"):
        read(tmp_path, plain_table(), where=["acquisition_kV=7"])
    with pytest.raises(FeatureTableError, match="--where 'surface': write column=value"):
        read(tmp_path, plain_table(), where=["surface"])
    assert len(read(tmp_path, plain_table(), where=["acquisition_kV=5"]).ids) == N


def test_targets_groups_and_classes_are_read_from_file_and_folder_names(tmp_path):
    names = [
        "Low/1e-6.tif",
        "Low/2.5e-6.tif",
        *[f"High/4.{row}e-4.tif" for row in range(8)],
        "High/4.0e-4 (2).jpg",
        "x.tif",
    ]
    table = plain_table(path=["..\\data\\" + name.replace("/", "\\") for name in names])
    data = read(
        tmp_path, table, target="conductivity_S_per_cm", target_from_name=True, group="folder", classes="folder"
    )
    assert data.excluded_rows == {"p11": "no 'conductivity_S_per_cm' in its file name"}
    manifest = pd.DataFrame({"file": ["1e-6.tif"], "time_h": [3]})
    options = {"target": "conductivity_S_per_cm", "target_from_name": True, "group": "folder"}
    assert read(tmp_path, table, manifest, **options).excluded_rows == data.excluded_rows
    expected = [1e-6, 2.5e-6, *(4e-4 + 1e-5 * row for row in range(8)), 4e-4]
    np.testing.assert_allclose(data.y_native, expected)
    assert data.group_names == ("Low", "Low", *["High"] * 9)
    assert data.class_names == ("Low", "High")
    np.testing.assert_allclose(data.cuts, [np.sqrt(2.5e-6 * 4e-4)])
    np.testing.assert_allclose(data.model_cuts, np.log10(data.cuts))


def test_classes_of_one_member_are_noted_and_can_not_be_learned(tmp_path):
    data = read(tmp_path, plain_table(), cuts=[2e-6, 5e-4])
    assert (data.class_names, np.bincount(data.classes).tolist()) == (("low", "median", "high"), [2, 8, 2])
    check_classes(data)
    data = read(tmp_path, plain_table(), cuts=[1.5e-6, 1.0])
    assert data.notes[-2].startswith("Class 'low' has 1 row: ")
    with pytest.raises(FeatureTableError, match=r"'low' has 1 row: .* other --cuts"):
        check_classes(data)
    assert data.notes[-1].startswith("Class 'high' has no rows: ")
    with pytest.raises(FeatureTableError, match="There are no classes"):
        check_classes(read(tmp_path, plain_table()))


def test_rows_without_a_label_get_their_class_from_the_cuts(tmp_path):
    grade = ["low"] * 5 + [None, None] + ["high"] * 5
    data = read(tmp_path, plain_table(grade=grade), classes="grade")
    assert data.classes.tolist() == [0] * 5 + [0, 1] + [1] * 5
    assert any("2 rows have no grade (p05, p06)" in note for note in data.notes)
    assert data.left_out["grade"] == "the class"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cuts": [2.0, 1.0]}, "Cut points 2, 1: give rising numbers"),
        ({"cuts": [-1.0]}, "above 0 with log"),
        ({"cuts": [1.0], "classes": "batch"}, "not both"),
        ({"classes": "acquisition_kV"}, "column 'acquisition_kV': All values are of one class"),
    ],
)
def test_classes_that_can_not_be_are_refused(tmp_path, options, message):
    with pytest.raises(FeatureTableError, match=message):
        read(tmp_path, plain_table(), **options)


def test_tables_of_different_settings_are_noted(tmp_path):
    data = read(tmp_path, plain_table(settings_digest=["d1", "d2"] * 6))
    assert data.settings_digests == ("d1", "d2")
    assert any("different settings (d1, d2)" in note for note in data.notes)


def test_the_published_pictures(tmp_path):
    manifest = pd.read_csv(LLZTO)
    files = [*("llzto/" + manifest["file"]), *(f"llto/Low/{row}.tif" for row in range(20))]
    table = pd.DataFrame({"micrograph_id": files, "path": files, "porosity": np.linspace(0, 1, len(files))})
    table.to_csv(tmp_path / "f.csv", index=False)
    asked = DatasetRequest("conductivity_S_per_cm", "sintering_schedule", LLZTO, classes="conductivity_class")
    data = read_dataset(tmp_path / "f.csv", asked)
    assert (len(data.ids), data.groups.max() + 1) == (47, 12)
    assert data.class_names == ("low", "median", "high")
    assert np.bincount(data.classes).tolist() == [12, 16, 19]
    np.testing.assert_allclose(data.cuts, [1.66e-4, 3.64e-4], rtol=2e-3)
    expected = ["sintering_temperature_C", "sintering_time_h", "powder_percent"]
    assert list(data.process.columns) == expected
    assert data.notes[0].startswith("Rows: 20 left out, no row in manifest.csv (llto/Low/0.tif, ")
