"""The feature table speaks for itself, and the hand-measured table meets the right pictures."""

from pathlib import Path

import pandas as pd
import pytest

from micro_features.benchmark import conductivity
from micro_features.errors import FeatureTableError, OutputError
from micro_features.published import parameters
from micro_features.settings import Settings


def _stated() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "file": ["High/4.21e-4.tif", "Low/1.0e-6.tif"],
            "conductivity_S_per_cm": ["4.21e-4", "1.0e-6"],
            "sintering_schedule": ["1100C-9h", "800C-12h"],
            "conductivity_class": ["high", "low"],
        }
    )


def _measured(folder: Path) -> Path:
    table = folder / "features.csv"
    pd.DataFrame(
        {
            "micrograph_id": ["Low/1.0e-6", "High/4.21e-4"],  # in another order
            "path": [f"{folder}/set/Low/1.0e-6.tif", f"{folder}/set/High/4.21e-4.tif"],
            "porosity": [0.3, 0.1],
        }
    ).to_csv(table, index=False)
    return table


def test_each_row_gets_what_is_stated_about_its_picture(tmp_path: Path) -> None:
    table = conductivity.with_statements(_measured(tmp_path), _stated(), tmp_path / "set")
    assert table["path"].tolist() == ["Low/1.0e-6.tif", "High/4.21e-4.tif"]
    assert table["sintering_schedule"].tolist() == ["800C-12h", "1100C-9h"]
    assert table["porosity"].tolist() == [0.3, 0.1]
    assert str(tmp_path) not in table.to_csv()


def test_a_picture_meets_the_row_that_names_its_conductivity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    features = conductivity.with_statements(_measured(tmp_path), _stated(), tmp_path / "set")
    listed = pd.DataFrame(
        {
            "conductivity_S_per_cm": [4.2e-4, 4.3e-4, 1e-6],
            "conductivity_class": ["high", "high", "low"],
            "sintering": ["x", "y", "z"],
            "pore_number": [7.0, 8.0, 9.0],
        }
    )
    monkeypatch.setattr(parameters, "read_hand_measured", lambda path: listed)
    found = conductivity.hand_measured_table(Path("t.xls"), features)
    assert found["micrograph_id"].tolist() == ["Low/1.0e-6", "High/4.21e-4"]
    assert found["pore_number"].tolist() == [9.0, 7.0]
    assert list(found.columns) == [
        "micrograph_id", "conductivity_S_per_cm", "sintering_schedule", "conductivity_class", "pore_number"
    ]  # fmt: skip
    monkeypatch.setattr(parameters, "read_hand_measured", lambda path: listed.iloc[1:])
    with pytest.raises(FeatureTableError, match=r"no row of conductivity_S_per_cm 0\.000421"):
        conductivity.hand_measured_table(Path("t.xls"), features)


def test_nothing_is_written_over_and_another_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="exists"):
        conductivity.compare(tmp_path, tmp_path, Settings(), n_workers=1)
    (tmp_path / "manifest.csv").write_text("file\na.tif\n")
    with pytest.raises(FeatureTableError, match="conductivity_S_per_cm"):
        conductivity.compare(tmp_path, tmp_path / "new", Settings(), n_workers=1)
