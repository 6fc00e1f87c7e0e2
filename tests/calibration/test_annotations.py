import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageDraw, ImageFont

from micro_features.calibration import annotations as module
from micro_features.calibration.annotations import read_annotations
from micro_features.calibration.pixel_size import pixel_size
from micro_features.data import Picture
from micro_features.errors import CalibrationError

RED, YELLOW = (255, 0, 0), (255, 255, 0)


def _check(drawn, um):
    found = read_annotations(drawn.picture)
    assert found.side == drawn.side
    assert (found.first_row, found.last_row) == (drawn.rows or (None, None))
    assert found.scale_bar is not None
    assert found.scale_bar.length_px == pytest.approx(drawn.bar_px, abs=0.3)
    assert found.scale_bar.length_um == pytest.approx(um)
    assert pixel_size(found, drawn.picture).pixel_um == pytest.approx(um / drawn.bar_px, rel=5e-3)
    return found


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("kind", ["solid", "caps", "cup", "divided", "split", "ticks"])
@pytest.mark.parametrize(("place", "level"), [("bottom", 0), ("bottom", 53), ("top", 255), ("box", 255), ("burned", 0)])
def test_drawn_bars_are_read(draw, kind, place, level):
    found = _check(draw(place=place, kind=kind, level=level, ink=(255, 255, 255) if place == "burned" else None), 10)
    if place in ("bottom", "top"):
        assert (found.acquisition.kV, found.acquisition.WD_mm) == (15.0, 8.5)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    ("text", "um"), [("500 nm", 0.5), ("2um", 2), ("0.5 um", 0.5), ("1 mm", 1000), ("30 Microns", 30)]
)
def test_units(draw, text, um):
    _check(draw(text=text, length=230), um)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("ink", [(255, 255, 255), (0, 0, 0), RED, YELLOW])
def test_ink_of_any_colour(draw, ink):
    _check(draw(place="burned", ink=ink), 10)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("place", ["bottom", "burned"])
def test_sixteen_bits_and_floats_read_as_eight(draw, place):
    eight = draw(place=place, ink=(255, 255, 255)).picture
    plain = read_annotations(eight)
    sixteen = Picture(eight.pixels.astype(np.uint16) * 257, 65535.0)
    floats = Picture(eight.pixels.astype(np.float32) / 255, 1.0)
    assert read_annotations(sixteen) == plain
    assert read_annotations(floats) == plain


@pytest.mark.usefixtures("reader")
def test_masks_cover_the_ink_and_little_else(draw, blotches):
    drawn = draw(place="burned", ink=(255, 255, 255))
    found = read_annotations(drawn.picture)
    covered = np.zeros(drawn.picture.pixels.shape, bool)
    for first_row, last_row, first_col, last_col in found.masked:
        covered[first_row : last_row + 1, first_col : last_col + 1] = True
    ink = drawn.picture.pixels != blotches(480, 720)
    assert covered[ink].all()
    assert covered.mean() < 0.04


@pytest.mark.usefixtures("reader")
def test_box_is_masked_and_the_picture_beside_it_is_not(draw):
    drawn = draw(place="box", level=0)
    assert read_annotations(drawn.picture).masked == ((*drawn.rows, 30, 390),)


def test_strip_is_masked_to_the_edges(draw):
    drawn = draw(rows_below=2)
    found = read_annotations(drawn.picture)
    assert (found.first_row, found.last_row) == drawn.rows
    assert found.masked == ((drawn.rows[0], 479, 0, 719),)


@pytest.mark.usefixtures("reader")
def test_two_bars_that_contradict_each_other_are_refused(blotches):
    canvas = Image.fromarray(blotches(500, 900))
    drawing = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(24)
    for x, length, text in ((40, 120, "10 um"), (500, 200, "1 um")):
        drawing.rectangle([x, 450, x + length - 1, 456], fill=255)
        drawing.text((x + 20, 415), text, font=font, fill=255)
    picture = Picture(np.array(canvas), 255.0)
    with pytest.raises(CalibrationError, match="no length read beyond doubt"):
        pixel_size(read_annotations(picture), picture)


@pytest.mark.usefixtures("reader")
def test_length_of_a_label_is_not_the_bars(draw):
    found = read_annotations(draw(text="WD 10 mm", others=("15.0 kV",)).picture)
    assert found.scale_bar is None or found.scale_bar.length_um is None


@pytest.mark.usefixtures("reader")
def test_bar_without_text_and_text_without_bar(draw, blotches):
    without_text = draw(place="burned", text="", ink=(255, 255, 255)).picture
    with pytest.raises(CalibrationError):
        pixel_size(read_annotations(without_text), without_text)
    canvas = Image.fromarray(blotches(480, 720))
    ImageDraw.Draw(canvas).text((40, 400), "x10,000  5 um", font=ImageFont.load_default(24), fill=255)
    without_bar = Picture(np.array(canvas), 255.0)
    with pytest.raises(CalibrationError):
        pixel_size(read_annotations(without_bar), without_bar)


@pytest.mark.parametrize("kind", ["caps", "ticks", "split", "solid"])
def test_without_the_reader_geometry_remains(draw, monkeypatch, kind):
    monkeypatch.setattr(module, "can_read", lambda: False)
    drawn = draw(kind=kind)
    found = read_annotations(drawn.picture)
    assert not found.text_read
    assert (found.side, found.first_row, found.last_row) == ("bottom", *drawn.rows)
    assert found.scale_bar is not None
    assert found.scale_bar.length_um is None
    assert found.text == ()
    with pytest.raises(CalibrationError, match=r"micro-features\[ocr\]"):
        pixel_size(found, drawn.picture)


def test_plain_picture_has_nothing_and_needs_no_reader(blotches, monkeypatch):
    monkeypatch.setattr(module, "can_read", lambda: False)
    found = read_annotations(Picture(blotches(480, 720), 255.0))
    assert (found.side, found.masked, found.scale_bar, found.text_read) == ("none", (), None, True)


@settings(max_examples=25, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.uint16, np.float32]),
        st.sampled_from([(32, 32), (40, 90), (33, 64, 3), (200, 33)]),
    )
)
def test_no_picture_breaks_it(pixels):
    found = read_annotations(Picture(pixels, 255.0))
    assert found.scale_bar is None or found.scale_bar.length_px > 0


def _burned(blotches, *, text="10 um", first_col=420, last_col=579, row=420):
    image = blotches(480, 640, spread=8)
    image[row : row + 5, first_col : last_col + 1] = 255
    canvas = Image.fromarray(image)
    ImageDraw.Draw(canvas).text((450, row + 14), text, font=ImageFont.load_default(18), fill=255)
    return np.array(canvas)


@pytest.mark.usefixtures("reader")
def test_bar_that_runs_into_a_side_may_be_cut(blotches):
    whole = read_annotations(Picture(_burned(blotches), 255.0)).scale_bar
    assert whole is not None
    assert whole.length_um == 10
    for side in ({"last_col": 639}, {"first_col": 0}):
        cut = read_annotations(Picture(_burned(blotches, **side), 255.0)).scale_bar
        assert cut is not None
        assert cut.length_um is None


@pytest.mark.usefixtures("reader")
def test_bar_in_the_very_corner_is_whole(blotches):
    image = _burned(blotches, first_col=500, last_col=639, row=0)
    bar = read_annotations(Picture(image, 255.0)).scale_bar
    assert bar is not None
    assert (bar.length_um, bar.length_px) == (10, 140)


@pytest.mark.usefixtures("reader")
def test_pale_part_of_a_thin_line_is_not_left_out(blotches):
    image = _burned(blotches)
    image[421:425] = blotches(480, 640, spread=8)[421:425]  # one row is left
    image[420, 420:500] = 180
    bar = read_annotations(Picture(image, 255.0)).scale_bar
    assert bar is None or bar.length_um is None or bar.length_px == pytest.approx(160, abs=1)


@pytest.mark.usefixtures("reader")
def test_pale_caps_are_not_left_out(blotches):
    image = _burned(blotches)
    image[421:425] = blotches(480, 640, spread=8)[421:425]
    for at in (417, 582):
        image[414:427, at] = 200
    bar = read_annotations(Picture(image, 255.0)).scale_bar
    assert bar is None or bar.length_um is None or bar.length_px == pytest.approx(165, abs=1)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("pale", [150, 175, 200])
def test_pale_start_of_a_number_is_not_left_out(blotches, pale):
    canvas = Image.fromarray(_burned(blotches, text="     5 um"))
    width = ImageFont.load_default(18).getlength("     5 um") - ImageFont.load_default(18).getlength("2.5 um")
    ImageDraw.Draw(canvas).text((450 + width, 434), "2.", font=ImageFont.load_default(18), fill=pale)
    bar = read_annotations(Picture(np.array(canvas), 255.0)).scale_bar
    assert bar is None or bar.length_um in (None, 2.5)
