"""What the network sees of a picture: by hand, and what must not change."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from micro_features.data import Micrograph
from micro_features.errors import CalibrationError, FeatureTableError, ImageError, SettingsError
from micro_features.fitting.dataset import read_dataset
from micro_features.fitting.dataset_request import DatasetRequest
from micro_features.network import window_fit
from micro_features.network.pictures import Geometry, network_picture, read_pictures

SMALL = Geometry(4, 2, 2)


def micrograph(image, valid=None, pixel_um=1.0, **more):
    image = np.asarray(image, np.float32)
    return Micrograph(image, np.ones(image.shape, bool) if valid is None else valid, pixel_um, **more)


def noise(rows, cols, seed=0):
    return np.random.default_rng(seed).random((rows, cols)).astype(np.float32)


def test_a_network_pixel_is_the_mean_of_its_pixels_and_the_data_bar_is_cut_off():
    image = noise(11, 9)
    valid = np.ones((11, 9), bool)
    valid[9:] = False  # the bar; of the 9 rows and columns left the last is no whole network pixel
    seen = network_picture(micrograph(image, valid), SMALL)
    assert seen.frame == (0, 7, 0, 7)
    assert seen.reduction == (2.0, 2.0)
    means = image[:8, :8].reshape(4, 2, 4, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(seen.x, (means - means.mean()) / means.std(), atol=1e-5)
    assert seen.valid.all()
    assert seen.shape == (11, 9)
    np.testing.assert_array_equal(seen.boxes(SMALL), [[r, c] for r in (0, 1, 2) for c in (0, 1, 2)])


def test_what_is_no_material_is_0_and_does_not_move_the_mean():
    image, valid = noise(16, 16), np.ones((16, 16), bool)
    valid[5:9, 5:9] = False  # covers one network pixel whole, and those around it in part
    seen = network_picture(micrograph(np.where(valid, image, 5), valid), SMALL)
    assert not seen.valid[3, 3]
    assert seen.valid.sum() == 63
    assert (seen.x[~seen.valid] == 0).all()
    assert seen.x[seen.valid].mean() == pytest.approx(0, abs=1e-6)
    assert seen.x[seen.valid].std() == pytest.approx(1, abs=1e-6)
    other = network_picture(micrograph(np.where(valid, image, 0), valid), SMALL)
    np.testing.assert_array_equal(seen.x, other.x)


@given(st.floats(0.1, 5), st.floats(-2, 2))
def test_brightness_and_contrast_of_a_picture_do_not_count(gain, offset):
    image = noise(12, 12)
    x = network_picture(micrograph(image), SMALL).x
    np.testing.assert_allclose(network_picture(micrograph(gain * image + offset), SMALL).x, x, atol=1e-3)


def test_an_altered_picture_is_standardised_over_its_material():
    valid = np.ones((12, 16), bool)
    valid[:5, :7] = False
    seen = network_picture(micrograph(noise(12, 16), valid), SMALL)
    altered = np.stack([seen.x, 1.25 * seen.x + 0.5, np.where(seen.valid, -seen.x, 9)]).astype(np.float32)
    found = seen.standardised(altered)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [seen.x, seen.x, -seen.x], atol=1e-6)


def test_windows_in_micrometres_bring_pictures_to_one_scale():
    geometry = Geometry(16, 8, 2, window_um=8.0)  # 8 network pixels of 1 µm
    assert geometry.network_pixel_um == 1
    fine = network_picture(micrograph(noise(80, 80), pixel_um=0.25), geometry)
    coarse = network_picture(micrograph(noise(20, 20), pixel_um=1.0), geometry)
    uneven = network_picture(micrograph(noise(50, 50), pixel_um=0.4), geometry)
    assert fine.x.shape == coarse.x.shape == uneven.x.shape == (20, 20)
    assert (fine.reduction, coarse.reduction, uneven.reduction) == ((4, 4), (1, 1), (2.5, 2.5))
    with pytest.raises(ImageError, match=r"is 40 x 40 µm .*window of 1000 µm\.$") as found:
        network_picture(micrograph(noise(80, 80), pixel_um=0.5), Geometry(40, 20, 2, window_um=1000.0))
    assert found.value.largest == 40
    with pytest.raises(CalibrationError, match="coarser than a network pixel"):
        network_picture(micrograph(noise(80, 80), pixel_um=1.1), geometry)
    with pytest.raises(CalibrationError, match="no pixel size"):
        network_picture(micrograph(noise(80, 80), calibrated=False), geometry)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [((340, 340, 2), "smaller than the window"), ((341, 170, 2), "--window 341: choose"), ((340, 170, 0), "1 or more")],
)
def test_windows_that_can_not_be(numbers, words):
    with pytest.raises(SettingsError, match=words):
        Geometry(*numbers)


def test_pictures_that_can_not_be_used_say_why():
    with pytest.raises(ImageError, match="one colour"):
        network_picture(micrograph(np.full((32, 32), 0.5)), SMALL)
    with pytest.raises(ImageError, match=r"32 x 30 px .* smaller than a window of 64 px"):
        network_picture(micrograph(noise(30, 32)), Geometry(64, 32, 2))
    with pytest.raises(ImageError, match="no pixel that is material"):
        network_picture(micrograph(noise(8, 8), np.zeros((8, 8), bool)), SMALL)


# ---- the pictures of a table -----------------------------------------------------------------------------------------


def read(table, folder=None, geometry=None):
    dataset = read_dataset(table, DatasetRequest("sigma_S_per_cm", "batch"))
    return read_pictures(dataset, table, folder, geometry or Geometry(64, 32, 2))


def changed(table, **columns):
    pd.read_csv(table).assign(**columns).to_csv(table, index=False)


def test_pictures_are_found_from_the_table_or_from_a_folder(drawn, tmp_path, monkeypatch):
    table, _ = drawn
    found = read(table)
    assert list(found) == [f"p{row:02}" for row in range(12)]
    assert {each.x.shape for each in found.values()} == {(48, 51)}
    assert {each.pixel_um for each in found.values()} == {0.25}
    (table.parent / "pictures").rename(tmp_path / "pictures")
    with pytest.raises(ImageError, match=r"12 of 12 .* pictures/p00\.png.* --pictures"):
        read(table)
    again = read(table, tmp_path)
    monkeypatch.chdir(tmp_path)
    for one, other in zip(read(table).values(), again.values(), strict=True):
        np.testing.assert_array_equal(one.x, other.x)


def test_a_folder_that_is_not_there_is_an_error_also_where_pictures_are_found_without_it(drawn, tmp_path):
    table, _ = drawn
    with pytest.raises(ImageError, match=r"--pictures .*nowhere: there is no such folder"):
        read(table, tmp_path / "nowhere")


def test_all_pictures_that_can_not_be_used_are_named(drawn):
    table, _ = drawn
    (table.parent / "pictures" / "p03.png").write_bytes(b"")
    Image.fromarray(np.zeros((40, 40), np.uint8)).save(table.parent / "pictures" / "p07.png")
    with pytest.raises(ImageError, match=r"2 of 12 .*p03\.png is empty.*p07\.png is 40 x 40 px"):
        read(table)


def test_scales_must_agree_or_windows_be_in_micrometres(drawn):
    table, _ = drawn
    mixed = [None] * 2 + [0.25] * 10
    changed(table, pixel_um=mixed)
    with pytest.raises(CalibrationError, match=r"2 of 12 pictures have no pixel size \(p00, p01\)"):
        read(table)
    changed(table, pixel_um=[0.25] * 11 + [0.27])
    with pytest.raises(SettingsError, match=r"0\.25 µm \(p00\) to 0\.27 µm \(p11\).*--window-um"):
        read(table)
    shapes = [each.x.shape for each in read(table, geometry=Geometry(64, 32, 2, window_um=16.0)).values()]
    assert shapes == [(48, 51)] * 11 + [(52, 56)]
    changed(table, pixel_um=None)
    with pytest.raises(CalibrationError, match="--window-um: no picture has a pixel size"):
        read(table, geometry=Geometry(64, 32, 2, window_um=16.0))
    assert {each.pixel_um for each in read(table).values()} == {None}


def test_another_picture_than_the_measured_one_is_refused(drawn):
    table, _ = drawn
    told = {"settings_digest": "d", "settings": {}, "settings_of_earlier_rows": {}, "models_digest": {}}
    path = table.parent / "provenance.json"
    path.write_text(json.dumps({**told, "inputs_sha256": {"pictures/p04.png": "0" * 64}}))
    with pytest.raises(FeatureTableError, match=r"p04\.png: is not the picture"):
        read(table)


def test_a_table_of_other_origin_names_no_pictures(drawn):
    table, _ = drawn
    pd.read_csv(table).drop(columns="path").to_csv(table, index=False)
    dataset = read_dataset(table, DatasetRequest("sigma_S_per_cm", "batch"))
    assert dataset.pictures == {}
    with pytest.raises(FeatureTableError, match="no column 'path'"):
        read_pictures(dataset, table, None, Geometry())


def test_what_the_table_tells_of_pictures_is_kept(drawn):
    table, _ = drawn
    changed(table, page=2, pixel_um=["x", -1, *[0.5] * 10])
    found = read_dataset(table, DatasetRequest("sigma_S_per_cm", "batch")).pictures
    assert found["p02"] == ("pictures/p02.png", 1, 0.5, "user")
    assert found["p00"].pixel_um is None
    assert found["p01"].pixel_um is None


def test_geometry_is_told_whole():
    assert dataclasses.asdict(Geometry()) == {"window_px": 340, "overlap_px": 170, "reduction": 2, "window_um": None}
    assert (Geometry().window, Geometry().step) == (170, 85)


def test_few_small_pictures_are_named():
    few = [(f"{name}.png", window_fit.Refused("is small", 40.0)) for name in "abcd"]
    told = window_fit.complaint(few, 9, "--window 64")
    assert told == (
        "--window 64: 4 of 9 pictures are smaller than a window (a.png, b.png, c.png, …), and training needs all; "
        "choose at most 40."
    )
    assert "(" not in window_fit.complaint(few, 4, "--window 64")
