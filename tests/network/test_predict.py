"""Predictions of pictures: by networks that did not see them, and one line for each that can not be predicted."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from micro_features.errors import OutputError, SettingsError
from micro_features.network import predict as network_predict
from micro_features.network.predict import Request, predict

from .conftest import TARGET


def ask(trained, *paths, **more):
    options = {"pixel_um": 0.25, "n_workers": 1, "level": 0.5}
    return predict(Request(tuple(paths), str(trained / "model"), **(options | more)))


@pytest.fixture
def pictures(trained):
    return trained.parent / "set" / "pictures"


@pytest.fixture
def mirrored(pictures, tmp_path):
    """A picture that no network has seen."""
    path = tmp_path / "new.png"
    Image.fromarray(np.asarray(Image.open(pictures / "p02.png"))[:, ::-1].copy()).save(path)
    return path


def test_pictures_of_the_training_get_what_was_predicted_without_them(trained, pictures):
    found = ask(trained, pictures).table.set_index("micrograph_id")
    told = pd.read_csv(trained / "predictions.csv").set_index("micrograph_id")
    assert list(found.index) == list(told.index)
    for column in (f"predicted_{TARGET}", "probability_high"):
        np.testing.assert_allclose(found[column], told[column], rtol=1e-7)
    assert list(found["predicted_class"]) == list(told["predicted_class"])
    assert set(found["warning"]) == {"a picture of the training: asked of the 2 of 4 networks that did not see it"}
    assert (found["networks"] == 2).all()
    half = ask(trained, pictures, level=0.6).table
    assert (half["interval_low"] < half[f"predicted_{TARGET}"]).all()
    assert ask(trained, pictures / "p00.png", level=0.8).table["interval_low"].isna().all()


def test_a_new_picture_is_asked_of_all_networks(trained, mirrored, tmp_path):
    result = ask(trained, mirrored, output=tmp_path / "out.csv", level=0.8)
    (row,) = result.table.to_dict("records")
    assert row["networks"] == 4
    assert row["warning"] == ""
    assert row["interval_low"] < row[f"predicted_{TARGET}"] < row["interval_high"]
    assert row["networks_sd"] > 0
    assert row["probability_low"] + row["probability_median"] + row["probability_high"] == pytest.approx(1)
    written = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    assert list(written.columns) == list(result.table.columns)
    lines = list(result.lines())
    assert "date alone" in next(line for line in lines if line.startswith("right class of 3"))
    assert any("80 %" in line and "S/cm" in line for line in lines)
    assert lines[-1] == f"predictions: {tmp_path / 'out.csv'}"


def test_a_wider_level_is_a_wider_interval(trained, mirrored):
    ends = [ask(trained, mirrored, level=level).table.loc[0, ["interval_low", "interval_high"]] for level in (0.3, 0.8)]
    assert ends[1]["interval_low"] < ends[0]["interval_low"] < ends[0]["interval_high"] < ends[1]["interval_high"]
    with pytest.raises(SettingsError, match="4 groups allow at most 80 %"):
        ask(trained, mirrored, level=0.9)


def test_what_can_not_be_predicted_costs_only_itself(trained, mirrored, tmp_path):
    Image.fromarray(np.zeros((40, 40), np.uint8)).save(tmp_path / "small.png")
    Image.fromarray(np.full((96, 96), 9, np.uint8)).save(tmp_path / "flat.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    result = ask(trained, tmp_path, tmp_path / "none.png", output=tmp_path / "out.csv")
    reasons = {failure.path.rsplit("/")[-1]: f"{failure.stage}: {failure.reason}" for failure in result.failures}
    assert set(reasons) == {"small.png", "flat.png", "broken.png", "none.png"}
    assert reasons["small.png"].startswith("predict: ")
    assert "smaller than a window of 64 px" in reasons["small.png"]
    assert "one colour" in reasons["flat.png"]
    assert reasons["broken.png"].startswith("read: ")
    assert reasons["none.png"].startswith("find: ")
    # Whoever has the table alone misses nothing.
    table = pd.read_csv(tmp_path / "out.csv").set_index("path")
    predicted = table[table[f"predicted_{TARGET}"].notna()]
    assert list(predicted["micrograph_id"]) == ["new"]
    told = table.drop(predicted.index)["warning"]
    assert {path.rsplit("/")[-1]: reason for path, reason in told.items()} == {
        name: f"not predicted: {reason}" for name, reason in reasons.items()
    }
    assert table.drop(predicted.index).drop(columns=["micrograph_id", "warning"]).isna().all(axis=None)
    assert table.loc[predicted.index, ["page", "networks"]].to_numpy().tolist() == [[1, 4]]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError("Unable to allocate 2.3 GiB"), "predict: not enough memory"),
        (ZeroDivisionError("division by zero"), "predict: defect of the program: ZeroDivisionError: division by zero"),
    ],
)
def test_whatever_goes_wrong_with_a_picture_others_go_on(trained, mirrored, tmp_path, monkeypatch, error, said):
    asked = network_predict.network_picture

    def wrong(micrograph, *given):
        if micrograph.image.shape[0] < 50:
            raise error
        return asked(micrograph, *given)

    monkeypatch.setattr(network_predict, "network_picture", wrong)
    Image.fromarray(np.arange(1600, dtype=np.uint8).reshape(40, 40)).save(tmp_path / "odd.png")
    result = ask(trained, tmp_path)
    (failure,) = result.failures
    assert f"{failure.stage}: {failure.reason}".startswith(said)
    assert result.table[f"predicted_{TARGET}"].notna().sum() == 1


def test_failures_are_never_cut_away(trained, pictures, tmp_path):
    """Neither on the screen nor in the table; predictions are where they are in no table."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(25):
        (folder / f"broken{number}.png").write_bytes(b"no picture")
        (folder / f"good{number}.png").symlink_to(pictures / "p00.png")
    result = ask(trained, folder)
    lines = list(result.lines())
    assert sum(": read: " in line for line in lines) == 25
    assert sum(line.startswith("  good") for line in lines) == 25
    lines = list(dataclasses.replace(result, written=tmp_path / "out.csv").lines())
    assert sum(": read: " in line for line in lines) == 25
    assert sum(line.startswith("  good") for line in lines) == 20
    assert "  and 5 more in the table" in lines
    assert len(result.table) == 50


def test_where_nothing_was_predicted_nothing_is_said_of_the_model(trained, mirrored, tmp_path):
    assert list(ask(trained, tmp_path / "none.png").lines()) == [
        f"  {tmp_path / 'none.png'}: find: there is no such file or folder"
    ]
    (line,) = ask(trained, mirrored, pixel_um=1.0).lines()
    assert line.startswith("  new: other magnification: pixel 1 µm")
    assert ask(trained, tmp_path / "none.png").table["micrograph_id"].tolist() == [str(tmp_path / "none.png")]


def test_pixel_sizes_that_disagree_fail_calibration(trained, pictures, tmp_path):
    grey = np.asarray(Image.open(pictures / "p00.png"))
    tifffile.imwrite(tmp_path / "a.tif", grey, imagej=True, resolution=(4, 4), metadata={"unit": "um"})
    (failure,) = ask(trained, tmp_path / "a.tif", pixel_um=0.3).failures
    assert failure.stage == "calibrate"
    assert "disagree" in failure.reason


def test_scale_is_compared_with_that_of_the_training(trained, mirrored, tmp_path):
    def warning(**more):
        return ask(trained, mirrored, **more).table.loc[0, "warning"]

    assert warning(pixel_um=0.26) == ""
    assert warning(pixel_um=0.27).startswith(
        "other magnification: pixel 0.27 µm, in training 0.25 µm; the number is of"
    )
    assert warning(pixel_um=None) == warning(pixel_um=None, uncalibrated=True)
    assert warning(pixel_um=None) == "pixel size not known; in training 0.25 µm"
    (tmp_path / "sizes.csv").write_text("file,pixel_um\nnew.png,0.5\n")
    assert warning(pixel_um=None, pixel_size_table=tmp_path / "sizes.csv").startswith("other magnification: pixel 0.5")


def test_at_another_magnification_the_number_stands_alone(trained, mirrored, pictures):
    result = ask(trained, mirrored, pictures / "p00.png", pixel_um=0.5)
    known = ask(trained, mirrored, pictures / "p00.png").table
    column = f"predicted_{TARGET}"
    np.testing.assert_array_equal(result.table[column], known[column])
    withheld = ["interval_low", "interval_high", "level", "networks_sd", "predicted_class"]
    withheld += [name for name in known if name.startswith("probability_")]
    assert result.table[withheld].isna().all(axis=None)
    assert known[withheld].notna().all(axis=None)
    assert (result.table["warning"].str.split(":").str[0] == "other magnification").all()
    for line in result.lines():
        assert line.split(": ")[1] == "other magnification"
        assert not any(word in line for word in ("%", "S/cm", "probability"))


@pytest.mark.slow
def test_processes_do_not_change_what_is_said(trained, mirrored, pictures):
    one = ask(trained, mirrored, pictures / "p00.png").table
    two = ask(trained, mirrored, pictures / "p00.png", n_workers=2).table
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_pages_are_pictures(trained, pictures, tmp_path):
    pages = [Image.open(pictures / name).copy() for name in ("p00.png", "p01.png")]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    found = ask(trained, tmp_path / "stack.tif").table
    assert list(found["micrograph_id"]) == ["stack.page1", "stack.page2"]
    assert list(found["page"]) == [1, 2]
    assert (found["networks"] == 2).all()  # known again by their pixels


@pytest.mark.parametrize(
    ("name", "how"), [("a.tif", {"compression": "tiff_deflate"}), ("a.png", {"compress_level": 0})]
)
@pytest.mark.parametrize("mode", ["L", "RGB", "I;16"])
def test_a_training_picture_that_was_saved_anew_is_known_again(trained, pictures, tmp_path, name, how, mode):
    grey = Image.open(pictures / "p00.png")
    other = Image.fromarray(np.uint16(257) * np.asarray(grey)) if mode == "I;16" else grey.convert(mode)
    other.save(tmp_path / name, **how)
    known, again = (ask(trained, path).table.loc[0] for path in (pictures / "p00.png", tmp_path / name))
    assert known["networks"] == again["networks"] == 2
    assert again[f"predicted_{TARGET}"] == known[f"predicted_{TARGET}"]


def test_another_grey_level_or_shape_makes_another_picture(trained, pictures, tmp_path):
    grey = np.asarray(Image.open(pictures / "p00.png")).copy()
    Image.fromarray(grey.reshape(grey.shape[::-1])).save(tmp_path / "same_bytes.png")
    grey[50, 50] += 1
    Image.fromarray(grey).save(tmp_path / "a.png")
    assert (ask(trained, tmp_path).table["networks"] == 4).all()


def test_nothing_is_overwritten(trained, mirrored, tmp_path):
    (tmp_path / "out.csv").write_text("mine")
    with pytest.raises(OutputError, match=r"out\.csv: exists"):
        ask(trained, mirrored, output=tmp_path / "out.csv")
    with pytest.raises(OutputError, match="tables are written as"):
        ask(trained, mirrored, output=tmp_path / "out.json")
