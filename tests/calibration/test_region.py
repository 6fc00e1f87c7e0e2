import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from micro_features.calibration import region
from micro_features.calibration.region import pair
from micro_features.calibration.scalebar import Ruler
from micro_features.calibration.text import Line, Word

RULER = Ruler("caps", 200.0, 1.0, (60, 70, 20, 221), ((60, 70, 20, 221),))


def _drawn(text):
    """A number and its unit, drawn, and the boxes of the two."""
    canvas = Image.new("L", (300, 100))
    drawing = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(24)
    boxes = []
    x = 30
    for part in text.split():
        drawing.text((x, 10), part, font=font, fill=255)
        left, top, right, bottom = (round(v) for v in drawing.textbbox((x, 10), part, font=font))
        boxes.append((top, bottom - 1, left, right - 1))
        x = right + 10
    return np.array(canvas), boxes


@pytest.fixture
def reads(monkeypatch):
    """Makes the reader say what it is told to, whatever it is shown."""

    def says(*texts, certainty=0.99):
        answers = iter(texts)

        def read_line(signal, line, margin):
            return Line((Word(line.words[0].box, next(answers), certainty, certainty),))

        monkeypatch.setattr(region, "read_line", read_line)

    return says


def _match(drawn, read, certainty=0.99):
    signal, boxes = _drawn(drawn)
    words = tuple(Word(box, part, certainty, certainty) for box, part in zip(boxes, read.split(), strict=True))
    match = pair([RULER], [Line(words)], signal, reach=14.0)
    assert match is not None
    return match.length


def test_three_readings_that_agree_are_sure(reads):
    reads("100 um", "100um")
    length = _match("100 um", "100 um")
    assert length is not None
    assert (length.um, length.sure) == (100, True)


@pytest.mark.parametrize("again", [("60 um", "50 um"), ("50 um", "60 um"), ("60 um", "60 um")])
def test_a_reading_with_other_digits_spoils_all(reads, again):
    reads(*again)
    assert _match("50 um", "50 um") is None


def test_digits_that_nobody_is_certain_of_are_none(reads):
    reads("50 um", "50 um", certainty=0.5)
    assert _match("50 um", "50 um", certainty=0.5) is None


def test_a_unit_that_only_one_reading_knows_stays_unsure(reads):
    reads("50 pm", "50 pm")
    length = _match("50 um", "50 um")
    assert length is not None
    assert not length.sure


def test_a_digit_that_was_not_read_is_noticed(reads):
    reads("10 um", "10 um")
    assert _match("100 um", "10 um") is None


def test_ink_that_was_not_read_beside_the_number_is_noticed(reads):
    reads("50 um", "50 um")
    signal, boxes = _drawn("50 um")
    height = boxes[0][1] - boxes[0][0] + 1
    signal[boxes[0][0] : boxes[0][1] + 1, boxes[0][2] - height // 3 : boxes[0][2] - height // 3 + 4] = 255
    words = tuple(Word(box, part, 0.99, 0.99) for box, part in zip(boxes, ("50", "um"), strict=True))
    match = pair([RULER], [Line(words)], signal, reach=14.0)
    assert match is not None
    assert match.length is None


def test_the_nearest_ruler_is_taken(reads):
    reads("50 um", "50 um")
    signal, boxes = _drawn("50 um")
    far = Ruler("caps", 90.0, 1.0, (60, 70, 280, 299), ())
    words = tuple(Word(box, part, 0.99, 0.99) for box, part in zip(boxes, ("50", "um"), strict=True))
    match = pair([far, RULER], [Line(words)], signal, reach=14.0)
    assert match is not None
    assert match.ruler is RULER
