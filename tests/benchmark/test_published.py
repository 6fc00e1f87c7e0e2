"""The published pictures beside the study's table: matching, rank and ratio, contact sheets."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from micro_features.benchmark import published
from micro_features.cli import main
from micro_features.errors import FeatureTableError
from micro_features.settings import Settings
from micro_features.synthetic import quick_micrograph, with_databar

CONDUCTIVITIES = (3.80e-4, 3.87e-4, 4.01e-4)


@pytest.fixture(scope="module")
def pictures():
    """Three drawn pictures whose pores become larger."""
    bar = {"layout": "jeol", "magnification": 1500, "kV": 5.0, "WD_mm": 10.0, "taken": datetime(2024, 5, 2, 10, 12, 5)}
    drawn = [
        quick_micrograph(
            shape=(160, 576), pixel_um=0.25, grain_diameter_mean_um=9.0, porosity=0.06, pore_diameter_mean_um=d, seed=3
        )
        for d in (2.0, 4.0, 8.0)
    ]
    return [with_databar(np.rint(each.image * 255).astype(np.uint8), pixel_um=0.25, **bar)[0] for each in drawn]


@pytest.fixture
def folder(tmp_path, pictures, monkeypatch):
    """A set as it is fetched, and the table as it is read: pores half as large as the drawn ones, one picture more."""
    manifest = pd.DataFrame(
        {
            "file": [f"High/{number}.tif" for number in range(4)],
            "conductivity_S_per_cm": [*CONDUCTIVITIES, 1e-4],
            "conductivity_class": "high",
            "sintering_schedule": ["1200C-12h-20pct"] * 3 + ["800C-12h"],
        }
    )
    manifest.to_csv(tmp_path / "manifest.csv", index=False)
    (tmp_path / "High").mkdir()
    for number, picture in enumerate([*pictures, pictures[0]]):
        Image.fromarray(picture).save(tmp_path / "High" / f"{number}.tif")
    (tmp_path / published.HAND_MEASURED).touch()
    table = pd.DataFrame(
        {
            "conductivity_S_per_cm": [4.01e-4, 3.80e-4, 3.87e-4, 1e-4],
            "pore_area_mean_um2": [32.0, 2.0, 8.0, 99.0],
            "pore_number": [4.0, 90.0, 20.0, 99.0],
        }
    )
    monkeypatch.setattr(published, "read_hand_measured", lambda path: table)
    return tmp_path


def test_pores_are_held_against_the_row_of_the_same_specimen(folder, capsys):
    assert main(["benchmark", "published", str(folder), "-j", "1", "-o", str(folder / "pores.csv")]) == 0
    table = pd.read_csv(folder / "pores.csv").set_index("file")
    assert list(table.index) == ["High/0.tif", "High/1.tif", "High/2.tif"]  # the fourth was measured otherwise
    assert list(table["hand_pore_area_mean_um2"]) == [2.0, 8.0, 32.0]
    assert list(table["hand_pore_area_total_um2"]) == [180.0, 160.0, 128.0]
    assert table["pore_area_mean_um2"].is_monotonic_increasing
    area = table["pore_area_total_um2"] / (160 * 576 * 0.25**2)
    assert area.to_numpy() == pytest.approx(table["porosity"], rel=1e-6)
    told = capsys.readouterr().out
    ratio = table["pore_area_mean_um2"].mean() / 14
    assert f"mean pore area, µm², n = 3: Spearman r = 1.00 (95 %: 1.00 to 1.00), ratio of means {ratio:.2f}" in told
    assert told.count("High/") == 3


def test_sheets_hold_every_picture_and_a_broken_one_stops_no_other(folder, capsys):
    (folder / "High" / "0.tif").write_bytes(b"no picture")
    sheets = folder / "sheets"
    assert main(["benchmark", "published", str(folder), "-j", "1", "--sheets", str(sheets)]) == 1
    assert "0.tif" in capsys.readouterr().err
    found = {path.name: np.asarray(Image.open(path)) for path in sorted(sheets.iterdir())}
    assert list(found) == [f"high_{name}.png" for name in ("1200C-12h-20pct_1", "1200C-12h-20pct_2", "800C-12h")]
    for sheet in found.values():
        plain, outlined = sheet[:160, :576], sheet[:160, sheet.shape[1] // 2 :][:, :576]
        assert (plain == plain[..., :1]).all()
        assert not (outlined == outlined[..., :1]).all()
    assert main(["benchmark", "published", str(folder), "--sheets", str(sheets)]) == 2
    assert "name a new folder" in capsys.readouterr().err


def test_sheets_need_no_table(folder):
    (folder / published.HAND_MEASURED).unlink()
    assert len(published.pages(folder, Settings(), sheets=folder / "sheets")) == 3
    with pytest.raises(FeatureTableError, match="only --sheets can do without it"):
        published.pages(folder, Settings())


def test_what_is_no_such_set_is_refused(folder, monkeypatch):
    monkeypatch.setattr(
        published, "read_hand_measured", lambda path: pd.DataFrame({"conductivity_S_per_cm": [3.8e-4, 3.8e-4]})
    )
    with pytest.raises(FeatureTableError, match=r"2 rows for High/0\.tif"):
        published.pages(folder, Settings())
    manifest = pd.read_csv(folder / "manifest.csv")
    manifest.assign(sintering_schedule="800C-12h").to_csv(folder / "manifest.csv", index=False)
    with pytest.raises(FeatureTableError, match="no picture of the schedules 1000C"):
        published.pages(folder, Settings())
    manifest.drop(columns="conductivity_class").to_csv(folder / "manifest.csv", index=False)
    with pytest.raises(FeatureTableError, match="no column 'conductivity_class'"):
        published.pages(folder, Settings())


def test_all_eight_published_pictures_are_matched(shared_data):
    todo = published.pages(shared_data / "llzto", Settings())
    rows = [row for page in todo for _, row in page.pictures]
    assert len(rows) == 8
    assert {row["file"]: row["hand_pore_area_mean_um2"] for row in rows}["High/3.80e-4.tif"] == 7.51002  # by eye
    assert all(row["hand_pore_number"] > 100 for row in rows)
