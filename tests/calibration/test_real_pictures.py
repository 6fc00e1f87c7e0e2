"""Real pictures beside the checkout: the study's 67, and 20 of other vendors with what a person reads off them."""

import re
from pathlib import Path

import pandas as pd
import pytest

from micro_features.calibration.annotations import read_annotations
from micro_features.calibration.pixel_size import pixel_size
from micro_features.errors import CalibrationError
from micro_features.files.images import read_picture

pytestmark = pytest.mark.usefixtures("reader")

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def _study(every: int) -> list[Path]:
    return sorted(
        p for folder in ("llzto", "llto") for p in SHARED.glob(f"{folder}/*/*") if p.suffix in (".tif", ".jpg")
    )[::every]


def _check_study(path):
    picture = read_picture(path)
    found = read_annotations(picture)
    size = pixel_size(found, picture)
    assert (found.side, found.first_row, found.last_row) == ("bottom", 960, 1023)
    assert found.scale_bar is not None
    assert found.scale_bar.length_px == pytest.approx(267, abs=0.5)
    assert size.pixel_um == pytest.approx(0.3745, rel=5e-3)
    acquisition = found.acquisition
    assert (acquisition.magnification, acquisition.detector, acquisition.instrument) == (250, "LED", "JEOL")
    assert acquisition.kV in (1.0, 5.0)
    assert 5 < acquisition.WD_mm < 11
    assert re.fullmatch(r"202[12]-\d\d-\d\d", acquisition.date)
    assert re.fullmatch(r"\d\d:\d\d:\d\d", acquisition.time)


@pytest.mark.parametrize("path", _study(9), ids=lambda path: path.stem)
def test_study(path):
    _check_study(path)


@pytest.mark.slow
@pytest.mark.parametrize("path", _study(1), ids=lambda path: path.stem)
def test_whole_study(path):
    _check_study(path)


def _manifest() -> list[dict]:
    path = SHARED / "databars" / "manifest.csv"
    return pd.read_csv(path).to_dict("records") if path.is_file() else []


@pytest.mark.parametrize("truth", _manifest(), ids=lambda truth: truth["file"])
def test_other_vendors(truth):
    picture = read_picture(SHARED / "databars" / truth["file"])
    found = read_annotations(picture)
    assert found.side == truth["bar_side"]
    if pd.notna(truth["bar_top_row"]):
        assert found.first_row == pytest.approx(truth["bar_top_row"], abs=2)
        assert found.last_row == pytest.approx(truth["bar_last_row"], abs=2)
    if pd.isna(truth["pixel_size_um"]):
        with pytest.raises(CalibrationError):
            pixel_size(found, picture)
        return
    one_bar_pixel = 1 / truth["scale_bar_length_px"] if pd.notna(truth["scale_bar_length_px"]) else 0
    assert pixel_size(found, picture).pixel_um == pytest.approx(truth["pixel_size_um"], rel=max(0.02, one_bar_pixel))
    if pd.notna(truth["kV"]):
        assert found.acquisition.kV == pytest.approx(truth["kV"])
    if pd.notna(truth["WD_mm"]):
        assert found.acquisition.WD_mm == pytest.approx(truth["WD_mm"], abs=0.06)


def test_bar_cut_off_leaves_nothing_to_crop(shared_data):
    path = sorted((shared_data / "llzto").glob("*/*.tif"))[0]
    picture = read_picture(path)
    without = type(picture)(picture.pixels[:960], picture.full_scale)
    found = read_annotations(without)
    assert (found.side, found.masked) == ("none", ())


def test_pictures_without_bar_are_left_alone(shared_data):
    for name in ("nobar_darkbottom_profile.jpg", "nobar_zeiss_merlin_tag.tif"):
        found = read_annotations(read_picture(shared_data / "databars" / name))
        assert (found.side, found.masked, found.scale_bar) == ("none", (), None)
