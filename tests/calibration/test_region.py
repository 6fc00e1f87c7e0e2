import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from micro_features.calibration import region
from micro_features.calibration.fields import parse_length
from micro_features.calibration.region import Match, pair, unless_contradicted
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


def _words(*parts, gap=4, row=10, height=17):
    """Words in a row on a blank signal, each a row of digit-sized blocks."""
    x, words = 30, []
    for part in parts:
        words.append(Word((row, row + height - 1, x, x + 10 * len(part) - 1), part, 0.99, 0.99))
        x += 10 * len(part) + gap
    return tuple(words)


@pytest.mark.parametrize("before", ["0", "2,", "1"])
def test_number_that_begins_further_left_is_not_cut(before):
    assert pair([RULER], [Line(_words(before, "5um"))], np.zeros((100, 300), np.uint8), reach=14.0) is None


def test_number_behind_another_text_is_its_own(reads):
    reads("50 um", "50 um")
    signal, boxes = _drawn("x250 50 um")
    words = tuple(Word(box, part, 0.99, 0.99) for box, part in zip(boxes, ("x250", "50", "um"), strict=True))
    match = pair([RULER], [Line(words)], signal, reach=14.0)
    assert match is not None
    assert match.length is not None


def _blocks(*glyphs):
    """Ink of glyphs ten pixels apart, each given by its first and last row."""
    signal = np.zeros((100, 300), np.uint8)
    for k, (first, last) in enumerate(glyphs):
        signal[first : last + 1, 30 + 10 * k : 37 + 10 * k] = 255
    return signal


def _read_as(signal, text, height):
    word = Word((10, 9 + height, 30, 26 + 10 * len(text)), text, 0.99, 0.99)
    match = pair([RULER], [Line((word,))], signal, reach=14.0)
    assert match is not None
    return match.length


def test_tall_small_letters_are_no_digits(reads):
    reads("10µm", "10µm")
    length = _read_as(_blocks((10, 23), (10, 23), (12, 28), (12, 23)), "10µm", 19)
    assert length is not None
    assert length.um == 10


def test_paler_digit_in_front_is_noticed(reads):
    reads("10µm", "10µm")
    signal = _blocks((10, 23), (10, 23), (15, 28), (15, 23))
    signal[10:24, 20:26] = 80
    assert _read_as(signal, "10µm", 19) is None


def test_power_of_the_unit_is_noticed(reads):
    reads("2 nm", "2 nm")
    signal, boxes = _drawn("2 nm")
    right, top = boxes[1][3], boxes[0][0]
    power = Word((top - 2, top + 4, right + 3, right + 10), "-1", 0.99, 0.99)
    signal[top - 2 : top + 5, right + 3 : right + 11] = 255
    words = tuple(Word(box, part, 0.99, 0.99) for box, part in zip(boxes, ("2", "nm"), strict=True))
    match = pair([RULER], [Line((power,)), Line(words)], signal, reach=14.0)
    assert match is not None
    assert match.length is None


@pytest.mark.parametrize(("rows", "text", "sure"), [(7, "100nm", False), (9, "100nm", True), (7, "5nm", True)])
def test_small_digits_may_have_lost_their_point(reads, rows, text, sure):
    reads(text, text)
    digits = len(text) - 2
    signal = _blocks(*[(10, 9 + rows)] * digits, *[(12, 9 + rows)] * 2)
    length = _read_as(signal, text, rows)
    assert length is not None
    assert length.sure == sure
    again = parse_length(length.text)
    assert again is not None
    assert (again.um, again.sure) == (length.um, sure)


def test_lone_length_belongs_to_the_lone_ruler(reads):
    reads(*["50 um"] * 4)
    signal, boxes = _drawn("50 um")
    far = Ruler("caps", 90.0, 1.0, (10, 20, 2280, 2369), ())
    words = tuple(Word(box, part, 0.99, 0.99) for box, part in zip(boxes, ("50", "um"), strict=True))
    assert pair([far], [Line(words)], signal, reach=14.0) is None
    assert pair([far, far], [Line(words)], signal, reach=14.0, anywhere=True) is None
    match = pair([far], [Line(words)], signal, reach=14.0, anywhere=True)
    assert match is not None
    assert match.length is not None


@pytest.mark.parametrize(("own", "other", "kept"), [("5 nm", "0.24 nm", True), ("5 nm", "2 nm", False)])
def test_only_a_round_length_contradicts_a_round_one(own, other, kept):
    match = Match(RULER, (), own, parse_length(own))
    found = unless_contradicted(match, [Match(RULER, (), other, parse_length(other))])
    assert (found.length is not None) == kept
