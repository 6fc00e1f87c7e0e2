"""What was tuned by hand for single pictures counts in `extract` and `segment`, and is said."""

import json
import shutil

import pandas as pd
import pytest
import tifffile

from micro_features.cli import main
from micro_features.files.artefacts import model_folder, shipped
from micro_features.files.search import file_sha256
from micro_features.files.tuned import sidecar, write_tuned
from micro_features.pipeline.models import PORE_WEIGHTS, _weights
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


def test_one_that_can_not_be_read_at_all_stops_its_picture_alone(pictures, tmp_path, capsys):
    extract(pictures, tmp_path / "out")
    sidecar(pictures / "s01a.png").mkdir()
    code, table = extract(pictures, tmp_path / "out")
    assert code == 1
    assert list(table.index) == ["s02b"]  # and no number stays that would be another with it
    assert "s01a.png.tuned.json: can not be read" in capsys.readouterr().out


def test_corrections_that_find_nothing_are_told(pictures, tmp_path, capsys):
    tune(pictures / "s01a.png", corrections=[PAINT, ERASE, ERASE])
    extract(pictures, tmp_path / "out")
    assert "2 corrections by hand found nothing to act on" in capsys.readouterr().out


def test_another_model_of_a_picture_alone_is_a_change(pictures, tmp_path, capsys):
    model = tmp_path / "mine"
    shutil.copytree(model_folder("pore-xgboost"), model)
    tune(pictures / "s01a.png", {"pores.method": "classified", "pores.model": str(model)})
    code, _ = extract(pictures, tmp_path / "out")
    assert code == 0
    with (model / PORE_WEIGHTS[0]).open("ab") as file:
        file.write(b" ")
    _weights.cache_clear()
    capsys.readouterr()
    extract(pictures, tmp_path / "out")
    assert "1 unchanged" in capsys.readouterr().out


def test_rows_of_earlier_versions_stand_among_new_ones(pictures, tmp_path):
    for name in ("s01a.png", "s02b.png"):
        assert main(["extract", str(pictures / name), "-o", str(tmp_path / "out"), *FAST]) == 0
    before = pd.read_csv(tmp_path / "out" / "features.csv")
    journal = tmp_path / "out" / ".micro-features" / "extract.jsonl"
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    for entry in entries:
        for row in entry["rows"]:
            del row["corrections_applied"], row["corrections_missed"]
    journal.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    assert main(["extract", str(pictures / "s02b.png"), "-o", str(tmp_path / "out"), *FAST]) == 0
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "out" / "features.csv"), before)


def test_label_images_are_corrected_too(pictures, tmp_path):
    tune(pictures / "s01a.png", corrections=[PAINT])
    assert main(["segment", str(pictures), "-o", str(tmp_path / "out"), *FAST]) == 0
    assert tifffile.imread(tmp_path / "out" / "pores" / "s01a.tif")[100, 150] > 0
    assert tifffile.imread(tmp_path / "out" / "grains" / "s01a.tif")[100, 150] == 0
    table = pd.read_csv(tmp_path / "out" / "segmentation.csv").set_index("micrograph_id")
    assert table["corrections_applied"].to_dict() == {"s01a": 1, "s02b": 0}
