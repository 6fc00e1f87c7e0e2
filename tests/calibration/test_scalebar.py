import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from micro_features.calibration.scalebar import find_rulers


def _rulers(signal, shortest_px=20):
    return find_rulers(signal > 100, signal, shortest_px=shortest_px)


@pytest.mark.parametrize(
    ("kind", "found_as"),
    [
        ("solid", "solid"), ("caps", "caps"), ("cup", "caps"), ("divided", "caps"), ("split", "split"),
        ("ticks", "ticks"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("length", [120, 267])
def test_length_of_each_kind(draw, kind, found_as, length):
    drawn = draw(kind=kind, length=length, others=(), rows=200, image=np.zeros((200, 720), np.uint8), text="")
    (ruler,) = _rulers(drawn.picture.pixels)
    assert ruler.kind == found_as
    assert ruler.length_px == pytest.approx(length, abs=0.05)
    assert ruler.box == drawn.bar_box


@settings(max_examples=60, deadline=None)
@given(start=st.floats(10, 20), length=st.floats(40, 150), thickness=st.integers(3, 12))
def test_solid_bar_is_measured_below_the_pixel(start, length, thickness):
    edges = np.arange(201)
    covered = np.clip(np.minimum(edges[1:], start + length) - np.maximum(edges[:-1], start), 0, 1)
    signal = np.zeros((40, 200), np.uint8)
    signal[10 : 10 + thickness] = np.round(255 * covered)
    (ruler,) = _rulers(signal)
    assert ruler.length_px == pytest.approx(length, abs=0.25)


@pytest.mark.parametrize("cap", [1, 3, 8])
def test_caps_are_measured_between_their_centres(cap):
    signal = np.zeros((60, 300), np.uint8)
    signal[28:31, 50 : 150 + cap] = 255
    for left in (50, 150):
        signal[20:40, left : left + cap] = 255
    (ruler,) = _rulers(signal)
    assert ruler.length_px == pytest.approx(100, abs=0.01)
    # Thick caps leave it open which of their edges is meant.
    assert ruler.length_error_px == (8 if cap == 8 else 1)


@pytest.mark.parametrize("present", [8, 9, 10])
def test_row_of_ticks_that_lost_some_is_no_ruler(present):
    signal = np.zeros((60, 400), np.uint8)
    for k in range(present):
        signal[20:34, 30 + 30 * k : 32 + 30 * k] = 255
    assert _rulers(signal) == []


def test_divided_black_and_white_ruler_is_not_one_of_its_parts():
    signal = np.zeros((60, 400), np.uint8)
    for k in range(4):
        rows = slice(20 + 6 * (k % 2), 26 + 6 * (k % 2))
        signal[rows, 40 + 50 * k : 90 + 50 * k] = 255
    assert _rulers(signal) == []


def test_dashes_in_a_row_are_not_one_of_them():
    signal = np.zeros((60, 400), np.uint8)
    for k in range(5):
        signal[20:26, 40 + 60 * k : 80 + 60 * k] = 255
    assert _rulers(signal) == []


def test_letters_are_no_rulers():
    canvas = Image.new("L", (900, 60))
    ImageDraw.Draw(canvas).text((10, 10), "TEFLZ HTML mm 4711 JEOL WD=10", font=ImageFont.load_default(36), fill=255)
    assert _rulers(np.array(canvas)) == []


def test_frame_is_no_ruler():
    signal = np.zeros((80, 400), np.uint8)
    cv2.rectangle(signal, (20, 10), (380, 70), 255, 2)
    assert _rulers(signal) == []


def test_arrows_are_measured_from_tip_to_tip():
    signal = np.zeros((60, 300), np.uint8)
    signal[29:31, 50:250] = 255
    for tip, inwards in ((50, 1), (249, -1)):
        for k in range(10):
            signal[30 - k // 2 - 1 : 30 + k // 2 + 1, tip + inwards * k] = 255
    (ruler,) = _rulers(signal)
    assert ruler.kind == "arrows"
    assert ruler.length_px == pytest.approx(200, abs=0.1)
    assert ruler.length_error_px >= 8


def test_blurred_caps_are_no_arrow_heads():
    signal = np.zeros((60, 300), np.uint8)
    signal[29:32, 50:251] = 255
    for at in (50, 250):
        signal[22:39, at - 1 : at + 2] = 255
    (ruler,) = _rulers(cv2.GaussianBlur(signal, (0, 0), 1.2))
    assert ruler.kind == "caps"
    assert ruler.length_px == pytest.approx(200, abs=0.1)


def test_filled_box_with_text_is_no_ruler():
    canvas = Image.new("L", (300, 120))
    drawing = ImageDraw.Draw(canvas)
    drawing.rectangle([60, 30, 220, 90], fill=255)
    drawing.rectangle([70, 40, 210, 45], fill=0)
    drawing.text((100, 55), "200 nm", font=ImageFont.load_default(22), fill=0)
    assert _rulers(np.array(canvas)) == []
