from pathlib import Path

import pandas as pd
import pytest

from micro_features.errors import FeatureTableError
from micro_features.files.tables import Manifest, as_float, join_tables, read_table, write_table

TABLE = pd.DataFrame(
    {
        "path": ["a.tif", "=1+1", 'with "quotes", commas\nand a new line'],
        "porosity": [0.1, float("nan"), 1 / 3],
        "page": [1, 2, 3],
    }
)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".xlsx"])
def test_what_is_written_is_read_back(tmp_path, suffix):
    write_table(tmp_path / f"table{suffix}", TABLE)
    back = read_table(tmp_path / f"table{suffix}")
    pd.testing.assert_frame_equal(back, TABLE, check_dtype=False, rtol=1e-9)


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(FeatureTableError, match=r"written as .csv, .parquet, .xlsx, not .ods"):
        write_table(tmp_path / "table.ods", TABLE)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00nonsense", b'a,b\n"x'])
def test_a_file_that_is_no_table_is_named(tmp_path, content):
    (tmp_path / "m.csv").write_bytes(content)
    with pytest.raises(FeatureTableError, match=r"m.csv: "):
        read_table(tmp_path / "m.csv")


def test_missing_tables_are_named(tmp_path):
    with pytest.raises(FeatureTableError, match=r"m.csv: there is no such file"):
        read_table(tmp_path / "m.csv")


def manifest(tmp_path, text, **options):
    (tmp_path / "m.csv").write_text(text, encoding="utf-8")
    return Manifest(tmp_path / "m.csv", **options)


def test_manifest_rows_are_found_by_the_end_of_the_path(tmp_path):
    found = manifest(tmp_path, "file,sample_id,surface\nHigh/a.tif,S1,polished\nLow/a.tif,S2,\nb.tif,3,\n")
    high, low, b, other = (Path("data") / name for name in ("High/a.tif", "Low/a.tif", "x/b.tif", "c.tif"))
    rows, unused = found.match([high, low, b, other])
    assert unused == []
    assert rows[high] == {"file": "High/a.tif", "sample_id": "S1", "surface": "polished"}
    assert rows[low] == {"file": "Low/a.tif", "sample_id": "S2"}
    assert rows[b]["sample_id"] == "3"
    assert other not in rows


def test_a_name_is_not_matched_by_its_end(tmp_path):
    rows, unused = manifest(tmp_path, "file,sample_id\na.tif,1\n").match([Path("data/aa.tif")])
    assert not rows
    assert unused == ["a.tif"]


@pytest.mark.parametrize("name", ["007", "NA", "3.670e-4", "1.0"])
def test_names_of_samples_stay_as_they_are_written(tmp_path, name):
    rows, _ = manifest(tmp_path, f"file,sample_id\na.tif,{name}\nb.tif,\n").match([Path("a.tif"), Path("b.tif")])
    assert rows[Path("a.tif")]["sample_id"] == name
    assert "sample_id" not in rows[Path("b.tif")]


def test_a_row_that_fits_two_pictures_is_refused(tmp_path):
    with pytest.raises(FeatureTableError, match=r"'a.tif' fits .*High/a.tif and .*Low/a.tif"):
        manifest(tmp_path, "file\na.tif\n").match([Path("High/a.tif"), Path("Low/a.tif")])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,sample_id\na.tif,1\n", r"no column 'file'; found name, sample_id"),
        ("file,size\na.tif,1\n", r"no column 'pixel_um'; found file, size"),
        ("file,pixel_um\na.tif,1\na.tif,2\n", r"'a.tif' is named more than once"),
    ],
)
def test_manifests_that_can_not_be_used_are_refused(tmp_path, text, message):
    with pytest.raises(FeatureTableError, match=message):
        manifest(tmp_path, text, required=["pixel_um"])


@pytest.mark.parametrize("value", ["wide", None, float("nan"), float("inf"), ""])
def test_cells_that_hold_no_number_are_named(value):
    with pytest.raises(FeatureTableError, match=r"m.csv: column 'pixel_um' holds"):
        as_float(value, column="pixel_um", file="m.csv")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_parts_are_joined_in_order(tmp_path, suffix):
    for number in range(3):
        pd.DataFrame({"label": [number, number]}).to_parquet(tmp_path / f"{number}.parquet")
    join_tables([tmp_path / f"{number}.parquet" for number in (2, 0, 1)], tmp_path / f"all{suffix}")
    assert list(read_table(tmp_path / f"all{suffix}")["label"]) == [2, 2, 0, 0, 1, 1]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_parts_with_other_columns_are_joined_by_name(tmp_path, suffix):
    pd.DataFrame({"label": [1], "area_um2": [2.5]}).to_parquet(tmp_path / "um.parquet")
    pd.DataFrame({"label": [7], "area_px2": [40.0]}).to_parquet(tmp_path / "px.parquet")
    join_tables([tmp_path / "um.parquet", tmp_path / "px.parquet"], tmp_path / f"all{suffix}")
    expected = pd.DataFrame({"label": [1, 7], "area_um2": [2.5, None], "area_px2": [None, 40.0]})
    pd.testing.assert_frame_equal(read_table(tmp_path / f"all{suffix}"), expected)
