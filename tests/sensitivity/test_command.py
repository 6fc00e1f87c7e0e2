"""The command `sensitivity`, and the ranges that `extract` adds, as a user meets them."""

import json

import numpy as np
import pandas as pd
import pytest

from micro_features import Settings, jobs, pipeline
from micro_features.cli import main
from micro_features.files.artefacts import shipped
from micro_features.files.outputs import write_png
from micro_features.network.pictures import read_micrograph
from micro_features.pipeline.varying import Varied, feature_ranges, threshold_ranges

FAST = ("--method", "fast", "--jobs", "1", "--pixel-size", "0.125")
THRESHOLDS = "pores.sensitivity,phases.boundary_width_px"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Parts of two drawn sections."""
    jobs.use_one_thread()
    folder = tmp_path_factory.mktemp("pictures")
    for name in ("s01a.png", "s02b.png"):
        whole = read_micrograph(shipped("data", "synthetic", "micrographs") / name).image
        write_png(folder / name, np.round(255 * whole[:220, :260]).astype(np.uint8))
    return folder


@pytest.fixture(scope="module")
def found(pictures, tmp_path_factory):
    out = tmp_path_factory.mktemp("found") / "out"
    arguments = ["sensitivity", str(pictures), "-o", str(out), *FAST, "--thresholds", THRESHOLDS, "--draws", "4"]
    assert main([*arguments, "--model", "llzto-xgboost"]) == 0
    return out


def test_each_number_has_its_range_and_what_drives_it(found):
    ranges = pd.read_csv(found / "ranges.csv")
    porosity = ranges[ranges["number"] == "porosity"].set_index("micrograph_id")
    assert list(porosity.index) == ["s01a", "s02b"]
    assert (porosity["low"] < porosity["base"]).all()
    assert (porosity["base"] < porosity["high"]).all()
    assert (porosity["setting"] == "pores.sensitivity").all()
    assert (porosity["share"] == 1).all()  # the width of a boundary does not move it
    assert (porosity["joint_low"] <= porosity["joint_high"]).all()


def test_what_stands_in_the_table_is_what_extract_measures(found, pictures, tmp_path):
    moved = pd.read_csv(found / "sensitivity.csv").set_index(["micrograph_id", "number", "setting"])
    low, high = threshold_ranges(Settings().updated({"pores.method": "local"}))["pores.sensitivity"].at(0), 0.6
    for value, column in ((low, "at_low"), (high, "at_high")):
        out = tmp_path / column
        change = ("--set", f"pores.sensitivity={value}")
        assert main(["extract", str(pictures), "-o", str(out), *FAST, *change, "--no-overlays"]) == 0
        table = pd.read_csv(out / "features.csv").set_index("micrograph_id")
        for name in table.index:
            row = moved.loc[(name, "porosity", "pores.sensitivity")]
            assert row[column] == pytest.approx(table.loc[name, "porosity"], rel=1e-9)


def test_a_prediction_that_rests_on_texture_does_not_move_and_that_is_said(found, pictures, tmp_path, capsys):
    moved = pd.read_csv(found / "sensitivity.csv")
    of = moved[moved["number"] == "predicted_conductivity_S_per_cm"]
    assert (of["low"] == of["high"]).all()
    out = tmp_path / "out"
    arguments = ["sensitivity", str(pictures / "s01a.png"), "-o", str(out), *FAST, "--thresholds", THRESHOLDS]
    assert main([*arguments, "--joint", "none", "--model", "llzto-xgboost"]) == 0
    said = capsys.readouterr().out
    assert "no threshold moves it" in said
    assert "texture alone" in said
    assert "pores.sensitivity does 100 % of it" in said


def test_tables_figures_and_provenance_are_there(found):
    assert {path.name for path in found.iterdir()} >= {"sensitivity.csv", "ranges.csv", "summary.csv", "failures.csv"}
    assert (found / "figures" / "tornado_porosity.png").stat().st_size > 5_000
    assert (found / "figures" / "morris_porosity.png").stat().st_size > 5_000
    provenance = json.loads((found / "provenance.json").read_text())
    assert provenance["joint"] == "morris"
    assert len(provenance["inputs_sha256"]) == 2
    summary = pd.read_csv(found / "summary.csv").set_index(["number", "setting"])
    assert summary.loc[("porosity", "pores.sensitivity"), "drives_share"] == 1
    assert summary.loc[("porosity", "phases.boundary_width_px"), "relative_range_median"] == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--thresholds", "pores.level"), "pores.level does nothing with these settings, only where"),
        (("--thresholds", "pores.nonsense"), "is no threshold with a plausible range"),
        (("--model", "nonsense"), "nonsense"),
    ],
)
def test_what_can_not_be_asked_is_told_in_one_line(pictures, tmp_path, capsys, more, said):
    assert main(["sensitivity", str(pictures), "-o", str(tmp_path / "out"), *FAST, *more]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert not (tmp_path / "out").exists()


def test_results_are_not_written_over(found, pictures, capsys):
    assert main(["sensitivity", str(pictures), "-o", str(found), *FAST]) == 2
    assert "name a new folder" in capsys.readouterr().err


def test_a_picture_that_fails_costs_only_itself(pictures, tmp_path, capsys):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes((pictures / "s01a.png").read_bytes())
    (folder / "b.png").write_bytes(b"no picture")
    out = tmp_path / "out"
    arguments = ["sensitivity", str(folder), "-o", str(out), *FAST, "--joint", "none"]
    assert main([*arguments, "--thresholds", "phases.boundary_width_px"]) == 1
    assert "b.png: read:" in capsys.readouterr().out
    assert set(pd.read_csv(out / "ranges.csv")["micrograph_id"]) == {"a"}


def test_a_value_outside_of_the_range_widens_it_and_is_said(pictures, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["sensitivity", str(pictures / "s01a.png"), "-o", str(out), *FAST, "--joint", "none"]
    changed = ("--set", "phases.boundary_width_px=9", "--thresholds", "phases.boundary_width_px")
    assert main([*arguments, *changed]) == 0
    assert "phases.boundary_width_px = 9 lies outside of what is plausible, 2 to 5" in capsys.readouterr().out


def test_extract_adds_ranges_that_hold_the_value(pictures, tmp_path):
    out = tmp_path / "out"
    assert main(["extract", str(pictures / "s01a.png"), "-o", str(out), *FAST, "--sensitivity", "--no-overlays"]) == 0
    [row] = pd.read_csv(out / "features.csv").to_dict("records")
    assert row["porosity_low"] < row["porosity"] < row["porosity_high"]
    named = [name for name in row if name.endswith("_low") and name.removesuffix("_low") in row]
    assert len(named) > 30
    for name in named:
        low, value, high = (
            row[each] for each in (name, name.removesuffix("_low"), f"{name.removesuffix('_low')}_high")
        )
        if value == value:
            assert low <= value <= high
    dictionary = pd.read_csv(out / "dictionary.csv").set_index("column")
    assert "plausible range" in dictionary.loc["porosity_low", "meaning"]
    assert set(row) <= set(dictionary.index)


def test_corrections_by_hand_stay_while_thresholds_move(pictures):
    from micro_features.corrections import Paint

    micrograph = read_micrograph(pictures / "s01a.png", pixel_um=0.125)
    settings = Settings().updated({"grains.method": "watershed", "pores.method": "local"})
    painted = (Paint("pore", ((20.0, 20.0), (200.0, 240.0)), 15.0),)
    plain, with_hand = feature_ranges(micrograph, settings), feature_ranges(micrograph, settings, painted)
    assert with_hand["porosity"][0] > plain["porosity"][1]
    measured = Varied(micrograph, settings, operations=painted)({"pores.sensitivity": 0.5})
    segmentation, _, _ = pipeline.corrected(pipeline.segment(micrograph, settings), painted)
    expected = pipeline.measure(micrograph, segmentation, settings)
    assert measured.features["porosity"] == expected.features["porosity"]
