"""The pictures in data/synthetic: what the manifest says of them holds, and the script draws them again."""

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

FOLDER = Path(__file__).resolve().parents[2] / "data" / "synthetic"


@pytest.fixture(scope="module")
def manifest():
    return pd.read_csv(FOLDER / "manifest.csv")


def _pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_manifest_names_every_picture_once_and_two_of_each_specimen(manifest):
    pictures = sorted(path.relative_to(FOLDER).as_posix() for path in (FOLDER / "micrographs").iterdir())
    assert sorted(manifest["file"]) == pictures
    assert (manifest["sample_id"].value_counts() == 2).all()
    assert set(manifest["surface"]) == {"polished", "fracture"}


def test_labels_hold_what_the_manifest_says(manifest):
    for row in manifest.itertuples():
        picture = _pixels(FOLDER / row.file)
        grains, pores = (
            _pixels(FOLDER / "labels" / kind / f"{Path(row.file).stem}.png") for kind in ("grains", "pores")
        )
        assert picture.dtype == np.uint8
        assert picture.shape == (grains.shape[0] + 64, grains.shape[1]) == (544, 640)
        assert grains.shape[0] == row.databar_first_row_true
        np.testing.assert_array_equal(grains > 0, pores == 0)
        assert np.mean(pores > 0) == pytest.approx(row.porosity_true, abs=1e-5)
        assert row.scale_bar_px_true * row.pixel_um_true == float(row.scale_bar_text_true.removesuffix("µm"))


def test_set_is_small():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 3e6


@pytest.mark.parametrize(("sample_id", "view"), [("dense_coarse", 1), ("porous", 0)])
def test_script_draws_the_same_again(manifest, sample_id, view):
    row, picture, drawn = runpy.run_path(str(FOLDER / "make.py"))["draw"](sample_id, view)
    stem = Path(row["file"]).stem
    for kind in ("grains", "pores"):
        np.testing.assert_array_equal(getattr(drawn, kind), _pixels(FOLDER / "labels" / kind / f"{stem}.png"))
    difference = np.abs(picture.astype(int) - _pixels(FOLDER / row["file"]).astype(int))
    assert difference[: drawn.grains.shape[0]].max() <= 1
    shipped = manifest.set_index("file").loc[row["file"]]
    assert shipped["porosity_true"] == row["porosity_true"]
    assert shipped["grain_diameter_mean_true_um"] == pytest.approx(row["grain_diameter_mean_true_um"], rel=1e-3)
