from datetime import datetime

import numpy as np
import pytest

from micro_features.errors import SettingsError
from micro_features.synthetic.picture.databar import with_databar

TAKEN = datetime(2024, 9, 5, 19, 44, 16)
REST = {"magnification": 1500, "kV": 5.0, "WD_mm": 7.4, "taken": TAKEN}
LAYOUTS = ["jeol", "zeiss", "fei", "hitachi"]


@pytest.fixture
def grey():
    return np.full((100, 640), 128, dtype=np.uint8)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("cols", [640, 1280])
def test_picture_is_untouched_and_the_bar_lies_below(layout, cols):
    grey = np.full((100, cols), 128, dtype=np.uint8)
    picture, annotations = with_databar(grey, pixel_um=0.125, layout=layout, **REST)
    assert picture.shape == (164, cols)
    np.testing.assert_array_equal(picture[:100], grey)
    assert (annotations.side, annotations.first_row, annotations.last_row) == ("bottom", 100, 163)
    assert annotations.masked == ((100, 163, 0, cols - 1),)


@pytest.mark.parametrize("pixel_um", [0.0625, 0.125, 0.375, 0.0123, 2.5])
def test_jeol_bar_is_a_solid_white_run_of_the_stated_length(grey, pixel_um):
    picture, annotations = with_databar(grey, pixel_um=pixel_um, layout="jeol", **REST)
    bar = annotations.scale_bar
    top, bottom, left, right = bar.box
    assert (picture[top : bottom + 1, left : right + 1] == 255).all()
    around = picture[top - 1 : bottom + 2, left - 1 : right + 2].astype(int)
    around[1:-1, 1:-1] = 0
    assert around.max() == 0
    assert right - left + 1 == bar.length_px
    assert abs(bar.length_px - bar.length_um / pixel_um) <= 0.5


@pytest.mark.parametrize(("layout", "ink"), [("zeiss", 0), ("fei", 255)])
def test_end_ticks_are_the_stated_length_apart(grey, layout, ink):
    picture, annotations = with_databar(grey, pixel_um=0.125, layout=layout, **REST)
    bar = annotations.scale_bar
    top, bottom, left, right = bar.box
    box = picture[top : bottom + 1, left : right + 1]
    ticks = np.flatnonzero((box == ink).all(axis=0))
    np.testing.assert_array_equal(ticks, [0, right - left])
    assert right - left == bar.length_px == bar.length_um / 0.125
    assert not (picture[top - 1 : bottom + 2, [left - 1, right + 1]] == ink).any()


@pytest.mark.parametrize(
    ("pixel_um", "text", "length_um"),
    [
        (0.125, "20µm", 20.0),
        (0.375, "50µm", 50.0),
        (0.0005, "100nm", 0.1),
        (0.00625, "1µm", 1.0),
        (10.0, "2mm", 2000.0),
    ],
)
def test_length_is_round_and_its_text_says_so(grey, pixel_um, text, length_um):
    bar = with_databar(grey, pixel_um=pixel_um, layout="zeiss", **REST)[1].scale_bar
    assert bar.text == text
    assert bar.length_um == pytest.approx(length_um)
    assert 0.125 * 640 <= bar.length_px <= 0.32 * 640


@pytest.mark.parametrize("layout", LAYOUTS)
def test_text_keeps_clear_of_the_rim(grey, layout):
    picture, annotations = with_databar(grey, pixel_um=0.1, layout=layout, **(REST | {"magnification": 123456}))
    strip = picture[100:]
    paper = np.bincount(strip.ravel()).argmax()
    assert (strip[2:-2, 1:5] == paper).all()
    assert (strip[2:-2, -5:-1] == paper).all()
    assert any("123" in text for text in annotations.text)


@pytest.mark.parametrize("pixel_um", [0.0625, 0.125, 0.0123, 2.5])
def test_hitachi_ruler_is_eleven_ticks_over_the_stated_length(grey, pixel_um):
    picture, annotations = with_databar(grey, pixel_um=pixel_um, layout="hitachi", **REST)
    bar = annotations.scale_bar
    row = picture[bar.box[0] + 2] == 255
    starts = np.flatnonzero(np.diff(row.astype(int), prepend=0) == 1)
    centres = starts + 1
    assert len(centres) == 11
    assert (centres[0], centres[-1]) == (bar.box[2], bar.box[3])
    assert centres[-1] - centres[0] == bar.length_px
    np.testing.assert_allclose(np.diff(centres), bar.length_px / 10, atol=1)
    long = picture[bar.box[1]] == 255
    np.testing.assert_array_equal(centres[long[centres]], centres[[0, 5, 10]])


def test_hitachi_writes_one_line(grey):
    said = with_databar(grey, pixel_um=0.125, layout="hitachi", **REST)[1]
    assert said.text == ("5.0kV 7.4mm x1.50k SE(UL) 9/5/2024 19:44 drawn", "20.0um")
    assert (said.acquisition.time, said.acquisition.detector) == ("19:44", "SE(UL)")


def test_what_was_written_is_what_is_stated(grey):
    said = with_databar(grey, pixel_um=0.125, layout="jeol", **REST)[1]
    assert said.text == ("20µm", "JEOL", "9/5/2024", "x1,500", "5.0kV", "LED", "drawn", "WD 7.4mm", "19:44:16")
    fields = said.acquisition
    assert (fields.magnification, fields.kV, fields.WD_mm) == (1500, 5.0, 7.4)
    assert (fields.date, fields.time, fields.detector, fields.instrument) == ("2024-09-05", "19:44:16", "LED", "JEOL")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"image": np.zeros((100, 320), np.uint8)}, "320 columns"),
        ({"image": np.zeros((100, 640), np.float32)}, "float32"),
        ({"pixel_um": -1.0}, "pixel_um is -1"),
        ({"kV": float("nan")}, "kV is nan"),
        ({"layout": "tescan"}, "jeol, zeiss, fei, hitachi"),
    ],
)
def test_impossible_requests_are_refused_in_one_line(grey, wrong, says):
    with pytest.raises(SettingsError, match=says) as error:
        with_databar(**({"image": grey, "pixel_um": 0.125, "layout": "jeol"} | REST | wrong))
    assert "\n" not in str(error.value)
