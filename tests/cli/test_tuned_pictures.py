"""What was tuned by hand for single pictures counts in `extract` and `segment`, and is said."""

import json

import pandas as pd
import pytest
import tifffile

from micro_features.cli import main
from micro_features.files.artefacts import shipped
from micro_features.files.search import file_sha256
from micro_features.files.tuned import sidecar, write_tuned
from micro_features.settings import Settings

FAST = ("--method", "fast", "--jobs", "1")
ERASE = {"kind": "erase", "phase": "pore", "at": [10_000, 5]}
PAINT = {"kind": "paint", "phase": "pore", "stroke": [[100, 100], [100, 220]], "radius_px": 6}


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("s01a.png", "s02b.png"):
        (folder / name).write_bytes((shipped("data", "synthetic", "micrographs") / name).read_bytes())
    return folder


def tune(picture, settings=None, corrections=(), folder=None):
    path = sidecar(picture, folder)
    write_tuned(
        path,
        picture=picture.name,
        page=0,
        sha256=file_sha256(picture),
        settings=settings or {},
        corrections=corrections,
        seen=None,
    )
    return path


def extract(pictures, out, *more):
    code = main(["extract", str(pictures), "-o", str(out), *FAST, *map(str, more)])
    return code, pd.read_csv(out / "features.csv").set_index("micrograph_id")


def test_corrections_and_own_settings_count_and_are_counted(pictures, tmp_path, capsys):
    _, before = extract(pictures, tmp_path / "out")
    assert (before[["corrections_applied", "corrections_missed"]] == 0).all(axis=None)
    capsys.readouterr()
    path = tune(pictures / "s01a.png", {"phases.boundary_width_px": 5.0}, [PAINT, ERASE])
    code, after = extract(pictures, tmp_path / "out")
    said = capsys.readouterr().out
    assert code == 0
    assert "1 done, 1 unchanged" in said
    assert "1 of 2 pictures with settings or corrections by hand" in said
    assert after.loc["s01a", ["corrections_applied", "corrections_missed"]].tolist() == [1, 1]
    assert after.loc["s01a", "porosity"] > before.loc["s01a", "porosity"]
    pd.testing.assert_series_equal(after.loc["s02b"], before.loc["s02b"])
    fast = Settings().updated({"grains.method": "watershed", "pores.method": "local"})
    own = fast.updated({"phases.boundary_width_px": 5.0})
    assert after.loc["s01a", "settings_digest"] == own.digest
    provenance = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert provenance["settings_of_earlier_rows"] == {own.digest: own.model_dump(mode="json")}

    extract(pictures, tmp_path / "out")
    assert "0 done, 2 unchanged" in capsys.readouterr().out
    path.unlink()
    _, again = extract(pictures, tmp_path / "out")
    assert "1 done, 1 unchanged" in capsys.readouterr().out
    pd.testing.assert_frame_equal(again, before)


def test_they_may_lie_elsewhere_or_be_ignored(pictures, tmp_path, capsys):
    elsewhere = tmp_path / "notes"
    tune(pictures / "s01a.png", corrections=[PAINT], folder=elsewhere)
    _, table = extract(pictures, tmp_path / "beside")
    assert table["corrections_applied"].sum() == 0
    _, table = extract(pictures, tmp_path / "there", "--tuned", elsewhere)
    assert table["corrections_applied"].sum() == 1
    tune(pictures / "s02b.png", corrections=[PAINT])
    capsys.readouterr()
    _, table = extract(pictures, tmp_path / "ignored", "--ignore-tuned")
    assert table["corrections_applied"].sum() == 0
    assert "left out of account" in capsys.readouterr().out
    assert main(["extract", str(pictures), "-o", str(tmp_path / "no"), "--tuned", str(tmp_path / "none")]) == 2


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.write_text("{"), "not what `tune` writes"),
        (lambda path: path.write_text(path.read_text().replace("paint", "melt")), "correction 1: kind is 'melt'"),
        (lambda path: path.write_text(path.read_text().replace('"settings": {}', '"settings": {"a.b": 1}')), "'a.b'"),
        (lambda path: path.write_text(path.read_text().replace('"sha256": "', '"sha256": "0')), "another content"),
    ],
)
def test_one_that_is_not_as_it_should_be_stops_its_picture_alone(pictures, tmp_path, spoil, said):
    spoil(tune(pictures / "s01a.png", corrections=[PAINT]))
    code, table = extract(pictures, tmp_path / "out")
    assert code == 1
    assert list(table.index) == ["s02b"]
    [failure] = pd.read_csv(tmp_path / "out" / "failures.csv").to_dict("records")
    assert failure["stage"] == "corrections"
    assert said in failure["reason"]
    assert "s01a.png.tuned.json" in failure["reason"]


def test_label_images_are_corrected_too(pictures, tmp_path):
    tune(pictures / "s01a.png", corrections=[PAINT])
    assert main(["segment", str(pictures), "-o", str(tmp_path / "out"), *FAST]) == 0
    assert tifffile.imread(tmp_path / "out" / "pores" / "s01a.tif")[100, 150] > 0
    assert tifffile.imread(tmp_path / "out" / "grains" / "s01a.tif")[100, 150] == 0
    table = pd.read_csv(tmp_path / "out" / "segmentation.csv").set_index("micrograph_id")
    assert table["corrections_applied"].to_dict() == {"s01a": 1, "s02b": 0}


def test_counts_of_corrections_are_no_features(pictures):
    from micro_features.features.catalogue import FEATURES
    from micro_features.rows import CORRECTION_COLUMNS

    assert not set(CORRECTION_COLUMNS) & set(FEATURES)
