"""The commands, end to end, on drawn pictures, as a user meets them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from micro_features.cli import main
from micro_features.errors import OutputError
from micro_features.features.catalogue import FEATURES
from micro_features.settings import Settings
from micro_features.synthetic.microscope import quick_micrograph


@pytest.fixture(scope="module")
def drawn():
    """A small polished section, grains resolved, 8-bit."""
    picture = quick_micrograph(
        shape=(240, 320), pixel_um=0.25, grain_diameter_mean_um=8.0, porosity=0.04, pore_diameter_mean_um=3.0, seed=5
    )
    return np.round(picture.image * 255).astype(np.uint8)


@pytest.fixture
def folder(tmp_path, drawn):
    for name, pixels in (("a.png", drawn), ("High/b.tif", drawn[::-1]), ("Low/b.png", drawn[:, ::-1])):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.ascontiguousarray(pixels)).save(path)
    return tmp_path / "pictures"


def extract(*arguments):
    return main(["extract", *map(str, arguments), "--jobs", "1"])


def table(folder):
    return pd.read_csv(folder / "features.csv")


def test_extract_writes_everything_it_promises(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert extract(folder, "-o", out, "--pixel-size", 0.25, "--set", "measure.surface=polished") == 0
    rows = table(out)
    assert list(rows["micrograph_id"]) == ["High/b", "Low/b", "a"]
    assert list(rows["path"]) == [str(folder / name) for name in ("High/b.tif", "Low/b.png", "a.png")]
    assert (rows["sample_id"] == rows["micrograph_id"]).all()
    assert (rows["pixel_um"] == 0.25).all()
    assert (rows["pixel_um_source"] == "user").all()
    assert set(FEATURES) <= set(rows.columns)
    assert rows["porosity"].between(0.01, 0.08).all()
    assert sorted(path.name for path in (out / "overlays").iterdir()) == ["High__b.png", "Low__b.png", "a.png"]
    regions = pd.read_csv(out / "regions.csv")
    assert set(regions["micrograph_id"]) == set(rows["micrograph_id"])
    assert set(regions["phase"]) == {"grain", "pore"}
    assert pd.read_csv(out / "failures.csv").empty
    dictionary = pd.read_csv(out / "dictionary.csv")
    assert list(dictionary.loc[dictionary["table"] == "features", "column"]) == list(rows.columns)
    assert list(dictionary.loc[dictionary["table"] == "regions", "column"]) == list(regions.columns)
    assert dictionary["meaning"].notna().all()
    assert (dictionary["subset"] == "published").sum() == 22
    provenance = json.loads((out / "provenance.json").read_text())
    assert provenance["settings"]["measure"]["surface"] == "polished"
    assert len(provenance["inputs_sha256"]) == 3
    assert "3 done, 0 failed" in capsys.readouterr().out


def test_a_rerun_measures_only_what_is_new_or_changed(folder, tmp_path, capsys):
    out = tmp_path / "out"
    options = ("-o", out, "--pixel-size", 0.25)
    extract(folder, *options)
    before = (out / "features.csv").read_bytes()
    overlay = (out / "overlays" / "a.png").stat().st_mtime_ns
    capsys.readouterr()
    assert extract(folder, *options) == 0
    assert "0 done, 3 unchanged" in capsys.readouterr().out
    assert (out / "features.csv").read_bytes() == before
    assert (out / "overlays" / "a.png").stat().st_mtime_ns == overlay

    os.utime(folder / "a.png")  # a new date is no change
    Image.fromarray(np.full((64, 64), 90, np.uint8)).save(folder / "Low" / "b.png")
    (folder / "new.png").write_bytes((folder / "a.png").read_bytes())  # the same bytes in another place are another
    extract(folder, *options)
    assert "2 done, 2 unchanged" in capsys.readouterr().out
    assert len(table(out)) == 4

    extract(folder, *options, "--set", "pores.sensitivity=0.4")
    assert "4 done, 0 failed" in capsys.readouterr().out
    assert len(set(table(out)["settings_digest"])) == 1


def test_rows_of_earlier_runs_stay(folder, tmp_path, capsys):
    out = tmp_path / "out"
    extract(folder / "High", "-o", out, "--pixel-size", 0.25)
    extract(folder / "Low", "-o", out, "--pixel-size", 0.25)
    assert "1 of earlier runs" in capsys.readouterr().out
    assert list(table(out)["micrograph_id"]) == ["b~2", "b"]
    assert len(list((out / "overlays").iterdir())) == 2


@pytest.mark.parametrize("suffix", [".parquet", ".xlsx", ".csv"])
def test_the_table_may_be_named(folder, tmp_path, suffix):
    target = tmp_path / "new" / f"mine{suffix}"
    assert extract(folder, "-o", target, "--uncalibrated", "--no-overlays") == 0
    reader = {".parquet": pd.read_parquet, ".xlsx": pd.read_excel, ".csv": pd.read_csv}[suffix]
    if suffix == ".xlsx":
        assert len(reader(target, engine="calamine")) == 3
    else:
        assert len(reader(target)) == 3
    beside = {path.name for path in (tmp_path / "new" / "mine_files").iterdir() if not path.name.startswith(".")}
    regions = "regions.parquet" if suffix == ".parquet" else "regions.csv"
    assert beside == {regions, "failures.csv", "dictionary.csv", "provenance.json"}


def test_without_a_scale_there_are_no_micrometres(folder, tmp_path, capsys):
    assert extract(folder / "a.png", "-o", tmp_path / "out") == 1
    assert "--uncalibrated" in capsys.readouterr().out
    failures = pd.read_csv(tmp_path / "out" / "failures.csv")
    assert list(failures["stage"]) == ["calibrate"]
    assert table(tmp_path / "out").empty

    insist = ("--set", "measure.unresolved_grains=true")
    assert extract(folder / "a.png", "-o", tmp_path / "px", "--uncalibrated", *insist) == 0
    rows = table(tmp_path / "px")
    assert [name for name in rows.columns if name.endswith(("_um", "_um2"))] == ["pixel_um"]
    assert rows["pixel_um"].isna().all()
    assert rows["grain_size_G_intercept"].isna().all()
    scaled = tmp_path / "um"
    extract(folder / "a.png", "-o", scaled, "--pixel-size", 0.25, *insist)
    ratio = table(scaled)["grain_intercept_mean_um"][0] / rows["grain_intercept_mean_px"][0]
    assert ratio == pytest.approx(0.25)
    assert list(table(scaled).columns[-20:]) != list(rows.columns[-20:])
    regions = pd.read_csv(tmp_path / "px" / "regions.csv")
    assert {"area_px2", "perimeter_px"} <= set(regions.columns)
    dictionary = pd.read_csv(tmp_path / "px" / "dictionary.csv")
    assert list(dictionary["column"]) == [*rows.columns, *regions.columns]
    assert list(dictionary.loc[dictionary["unit"].str.contains("um", na=False), "column"]) == ["pixel_um"]


def test_pixel_sizes_samples_and_surfaces_come_from_tables(folder, tmp_path):
    (tmp_path / "sizes.csv").write_text("file,pixel_um\na.png,0.5\nHigh/b.tif,0.1\nLow/b.png,0.2\n")
    (tmp_path / "manifest.csv").write_text("file,sample_id,surface\na.png,S1,polished\nHigh/b.tif,S1,fracture\n")
    out = tmp_path / "out"
    options = ("--pixel-size-from", tmp_path / "sizes.csv", "--manifest", tmp_path / "manifest.csv")
    assert extract(folder, "-o", out, *options) == 0
    rows = table(out).set_index("micrograph_id")
    assert rows["pixel_um"].to_dict() == {"a": 0.5, "High/b": 0.1, "Low/b": 0.2}
    assert rows["sample_id"].to_dict() == {"a": "S1", "High/b": "S1", "Low/b": "Low/b"}
    assert rows["surface"].to_dict() == {"a": "polished", "High/b": "fracture", "Low/b": "unknown"}
    assert rows["stereology"].to_dict() == {"a": "plane section", "High/b": "apparent", "Low/b": "apparent"}


def test_bad_pictures_cost_only_themselves(folder, tmp_path, capsys):
    (folder / "empty.png").write_bytes(b"")
    (folder / "cut.tif").write_bytes((folder / "High" / "b.tif").read_bytes()[:3000])
    (folder / "text.jpg").write_text("not a picture")
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(folder / "tiny.png")
    Image.fromarray(np.zeros((64, 64, 4), np.uint8), mode="CMYK").save(folder / "print.tif")
    tifffile.imwrite(folder / "nan.tif", np.full((64, 64), np.nan, np.float32))
    (folder / "gone.png").symlink_to(tmp_path / "nowhere")
    (folder / "odd, 'name'\nµ.png").write_bytes((folder / "a.png").read_bytes())
    out = tmp_path / "out"
    assert extract(folder, tmp_path / "missing", "-o", out, "--pixel-size", 0.25) == 1
    failures = pd.read_csv(out / "failures.csv")
    assert {Path(path).name for path in failures["path"]} == {
        "empty.png", "cut.tif", "text.jpg", "tiny.png", "print.tif", "nan.tif", "gone.png", "missing",
    }  # fmt: skip
    assert set(failures["stage"]) == {"read", "find"}
    assert not failures["reason"].str.contains("\n").any()
    assert not failures["reason"].str.contains("defect").any()
    assert len(table(out)) == 4
    assert "8 failed" in capsys.readouterr().out


def test_a_picture_of_one_colour_has_a_row_and_no_measures(tmp_path):
    Image.fromarray(np.full((64, 80), 77, np.uint8)).save(tmp_path / "flat.png")
    assert extract(tmp_path / "flat.png", "-o", tmp_path / "out", "--pixel-size", 1) == 0
    row = table(tmp_path / "out").iloc[0]
    assert row["quality_flat"]
    assert row[list(FEATURES)].isna().all()


def test_pages_are_rows(tmp_path, drawn):
    tifffile.imwrite(tmp_path / "stack.tif", np.stack([drawn, drawn[::-1]]), photometric="minisblack")
    assert extract(tmp_path / "stack.tif", "-o", tmp_path / "out", "--pixel-size", 0.25) == 0
    rows = table(tmp_path / "out")
    assert list(rows["micrograph_id"]) == ["stack.page1", "stack.page2"]
    assert list(rows["page"]) == [1, 2]
    assert sorted(path.name for path in (tmp_path / "out" / "overlays").iterdir()) == [
        "stack.page1.png",
        "stack.page2.png",
    ]


@pytest.mark.parametrize(
    "name", ["features.csv", "failures.csv", "dictionary.csv", "provenance.json", "regions.csv", "overlays"]
)
def test_what_is_not_ours_is_not_overwritten(folder, tmp_path, capsys, name):
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text("mine")
    for _ in range(2):  # nor the second time
        assert extract(folder, "-o", out, "--uncalibrated") == 2
        assert f"{name}: exists, and was not written by `extract`" in capsys.readouterr().err
    assert (out / name).read_text() == "mine"
    assert [path.name for path in out.iterdir()] == [name]


def test_another_table_beside_our_results_is_not_overwritten(folder, tmp_path):
    out = tmp_path / "out"
    assert extract(folder, "-o", out, "--uncalibrated") == 0
    (out / "features.parquet").write_text("mine")
    assert extract(folder, "-o", out / "features.parquet", "--uncalibrated") == 2
    assert (out / "features.parquet").read_text() == "mine"


@pytest.mark.parametrize("name", ["note.md", "table.tsv"])
def test_a_file_that_is_no_table_is_no_output(folder, tmp_path, name):
    (tmp_path / name).write_text("mine")
    assert extract(folder, "-o", tmp_path / name, "--uncalibrated") == 2
    assert (tmp_path / name).read_text() == "mine"


def test_commands_do_not_share_a_folder(folder, tmp_path, capsys):
    assert main(["segment", str(folder), "-o", str(tmp_path / "out"), "-j", "1"]) == 0
    assert extract(folder, "-o", tmp_path / "out", "--uncalibrated") == 2
    assert "holds the results of `segment`" in capsys.readouterr().err


@pytest.mark.parametrize("place", [".", "results", "features.csv", "High"])
def test_results_among_the_pictures_are_not_measured(folder, place):
    for _ in range(2):
        assert extract(folder, "-o", folder / place, "--uncalibrated") == 0
    out = folder if place == "features.csv" else folder / place
    assert sorted(table(out)["micrograph_id"]) == ["High/b", "Low/b", "a"]


def test_a_picture_is_known_however_its_path_is_written(folder, tmp_path, monkeypatch):
    out = tmp_path / "out"
    extract(folder, "-o", out, "--uncalibrated")
    monkeypatch.chdir(folder.parent)
    extract(folder.name, "-o", out, "--uncalibrated")
    rows = table(out)
    assert list(rows["micrograph_id"]) == ["High/b", "Low/b", "a"]
    assert list(rows["path"])[2] == str(Path("pictures") / "a.png")


def test_a_picture_that_has_become_another_leaves_the_table(folder, tmp_path):
    out = tmp_path / "out"
    extract(folder, "-o", out, "--uncalibrated")
    (folder / "a.png").write_text("no picture any more")
    (folder / "Low" / "b.png").unlink()
    (folder / "Low" / "b.png").symlink_to(tmp_path / "nowhere")  # out of reach: what was found stands
    assert extract(folder, "-o", out, "--uncalibrated") == 1
    assert sorted(table(out)["micrograph_id"]) == ["High/b", "Low/b"]
    assert len(pd.read_csv(out / "failures.csv")) == 2


def test_a_row_that_would_be_refused_now_leaves_the_table(folder, tmp_path):
    assert extract(folder / "a.png", "-o", tmp_path / "out", "--pixel-size", 0.25) == 0
    assert extract(folder / "a.png", "-o", tmp_path / "out") == 1
    assert table(tmp_path / "out").empty


def test_settings_of_earlier_rows_are_kept(folder, tmp_path):
    out = tmp_path / "out"
    extract(folder / "High", "-o", out, "--uncalibrated", "--set", "pores.sensitivity=0.4")
    extract(folder / "Low", "-o", out, "--uncalibrated")
    provenance = json.loads((out / "provenance.json").read_text())
    known = {provenance["settings_digest"], *provenance["settings_of_earlier_rows"]}
    assert known == set(table(out)["settings_digest"])
    (earlier,) = provenance["settings_of_earlier_rows"].values()
    assert earlier["pores"]["sensitivity"] == 0.4


def test_rows_of_a_manifest_that_fit_nothing_are_named(folder, tmp_path, capsys):
    (tmp_path / "manifest.csv").write_text("file,sample_id\na.png,1\nz.png,2\n")
    assert extract(folder, "-o", tmp_path / "out", "--uncalibrated", "--manifest", tmp_path / "manifest.csv") == 0
    assert "'z.png' fit none of these pictures" in capsys.readouterr().out


def test_a_stack_whose_last_page_points_to_the_first_ends(tmp_path, drawn):
    path = tmp_path / "cycle.tif"
    tifffile.imwrite(path, np.stack([drawn, drawn[::-1]]), photometric="minisblack", metadata=None)
    with tifffile.TiffFile(path) as tif:
        first, last = tif.pages[0].offset, tif.pages[1]
        end = last.offset + 2 + 12 * len(last.tags)
    content = bytearray(path.read_bytes())
    content[end : end + 4] = first.to_bytes(4, "little")
    path.write_bytes(content)
    assert extract(path, "-o", tmp_path / "out", "--uncalibrated") == 0
    assert len(table(tmp_path / "out")) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "pores.sensitivity=7"], "pores.sensitivity"),
        (["--set", "pores.sensitivity"], "write NAME=VALUE"),
        (["--settings", "nowhere.toml"], "nowhere.toml: can not be read"),
        (["--manifest", "nowhere.csv"], "nowhere.csv: there is no such file"),
    ],
)
def test_bad_options_are_one_line(folder, tmp_path, capsys, arguments, message):
    assert extract(folder, "-o", tmp_path / "out", *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--pixel-size", "0"], ["--pixel-size", "wide"], ["-j", "0"], ["-j", "two"]])
def test_bad_numbers_are_refused_by_the_parser(folder, tmp_path, capsys, arguments):
    with pytest.raises(SystemExit, match="2"):
        main(["extract", str(folder), "-o", str(tmp_path / "out"), *arguments])
    assert repr(arguments[1]) in capsys.readouterr().err


def test_segment_writes_labels_at_the_size_of_the_picture(folder, tmp_path):
    out = tmp_path / "out"
    assert main(["segment", str(folder), "-o", str(out), "-j", "1"]) == 0
    rows = pd.read_csv(out / "segmentation.csv").set_index("micrograph_id")
    for name in ("High__b", "Low__b", "a"):
        for kind in ("grains", "pores"):
            labels = tifffile.imread(out / kind / f"{name}.tif")
            assert labels.shape == (240, 320)
            assert labels.dtype == np.uint16
            assert labels.max() == rows.loc[name.replace("__", "/"), f"{kind[:-1]}_number"] > 0
        assert (out / "overlays" / f"{name}.png").exists()
    assert rows["note"].notna().all()  # why there is no scale


def test_calibrate_says_what_it_found_and_why_not(folder, tmp_path):
    out = tmp_path / "out"
    assert main(["calibrate", str(folder / "a.png"), "-o", str(out), "-j", "1"]) == 1
    row = pd.read_csv(out / "calibration.csv").iloc[0]
    assert np.isnan(row["pixel_um"])
    assert "--pixel-size" in row["refusal"]
    assert main(["calibrate", str(folder / "a.png"), "-o", str(out), "-j", "1", "--pixel-size", "0.5"]) == 0
    assert pd.read_csv(out / "calibration.csv").iloc[0]["pixel_um"] == 0.5


def test_settings_are_printed_with_overrides(tmp_path, capsys):
    (tmp_path / "mine.toml").write_text("[pores]\nsensitivity = 0.3\n")
    assert main(["settings", "--settings", str(tmp_path / "mine.toml"), "--set", "seed=5"]) == 0
    printed = Settings.from_toml(capsys.readouterr().out)
    assert (printed.pores.sensitivity, printed.seed) == (0.3, 5)


def test_help_is_there_at_once():
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "micro_features", "--help"], capture_output=True, check=True)
        seconds.append(time.perf_counter() - began)
    assert b"extract" in done.stdout
    heavy = (
        "import sys, micro_features.cli; print([m for m in ('numpy', 'pandas', 'cv2', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"
    assert min(seconds) < 5


def test_an_interrupt_leaves_a_whole_table_and_loses_no_finished_picture(tmp_path, drawn):
    for number in range(40):
        Image.fromarray(np.roll(drawn, 7 * number, axis=1)).save(tmp_path / f"p{number:02d}.png")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "micro_features", "extract", str(tmp_path), "-o", str(out), "--uncalibrated"]
    journal = out / ".micro-features" / "extract.jsonl"

    def finished():
        return journal.read_bytes().count(b"\n") if journal.exists() else 0

    for sign in (signal.SIGINT, signal.SIGKILL):
        before = finished()
        process = subprocess.Popen([*command, "-j", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while finished() < before + 3 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(sign)
        process.communicate(timeout=60)
        if sign == signal.SIGINT:
            assert process.returncode == 130
            assert len(table(out)) == finished()
        else:
            assert len(table(out)) <= finished() < 40
    at_kill = finished()
    done = subprocess.run([*command, "-j", "2"], capture_output=True, text=True, check=True)
    assert f"{40 - at_kill} done, {at_kill} unchanged" in done.stdout
    rows = table(out)
    assert list(rows["micrograph_id"]) == [f"p{number:02d}" for number in range(40)]
    assert not list(out.rglob(".writing-*"))


def test_processes_do_not_change_a_table(folder, tmp_path):
    options = ["--pixel-size", "0.25"]
    main(["extract", str(folder), "-o", str(tmp_path / "one"), "-j", "1", *options])
    main(["extract", str(folder), "-o", str(tmp_path / "two"), "-j", "2", *options])
    for name in ("features.csv", "regions.csv", "dictionary.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(
    ("words", "method"),
    [
        (["--method", "fast"], "watershed"),
        (["--method", "best"], "learned"),
        (["--set", "grains.method=learned", "--method", "fast", "--set", "pores.sensitivity=0.4"], "learned"),
        (["--settings", "{file}"], "watershed"),
        (["--settings", "{file}", "--method", "best"], "learned"),
    ],
)
def test_a_method_stands_between_the_settings_file_and_single_settings(folder, tmp_path, monkeypatch, words, method):
    from micro_features import runs

    seen = []

    def not_run(command, paths, output, settings, **_):
        seen.append(settings)
        raise OutputError("looked at only")

    monkeypatch.setattr(runs, "run", not_run)
    file = tmp_path / "settings.toml"
    file.write_text('[grains]\nmethod = "watershed"\n')
    for command in ("extract", "segment"):
        assert main([command, str(folder), "-o", str(tmp_path / "out"), *(w.format(file=file) for w in words)]) == 2
    assert [settings.grains.method for settings in seen] == [method, method]


@pytest.mark.parametrize("command", ["extract", "segment"])
def test_a_missing_or_foreign_model_is_told_before_any_picture_is_opened(folder, tmp_path, capsys, command):
    out, foreign = tmp_path / "out", tmp_path / "foreign"
    foreign.mkdir()
    for name in ("contacts.ubj", "pairs.ubj"):
        (foreign / name).write_bytes(b"something else")
    (folder / "a.png").write_bytes(b"no picture")
    for model, words in ((tmp_path / "none", "can not be read"), (foreign, "train it anew")):
        with_model = ["-o", str(out), "--uncalibrated", "--set", f"grains.model={model}", "-j", "1"]
        assert main([command, str(folder), "--set", "grains.method=learned", *with_model]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"{model}/contacts.ubj" in line
        assert words in line
        assert not out.exists()
    # What needs no model asks for none.
    assert main(["calibrate", str(folder / "Low"), *with_model]) == 0
