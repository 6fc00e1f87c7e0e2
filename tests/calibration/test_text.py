import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from micro_features.calibration.text import Line, Word, can_read, find_lines, read_line


def _glyphs(*boxes):
    return np.array(boxes)


def test_glyphs_become_words_and_words_lines():
    # Two words of 12 px glyphs 3 px apart, a space of 14 px between them, and a second line below.
    first = [(10, 21, 10 + 11 * k, 17 + 11 * k) for k in range(3)]
    second = [(10, 21, 60 + 11 * k, 67 + 11 * k) for k in range(2)]
    below = [(40, 51, 10, 17)]
    lines = find_lines(_glyphs(*first, *second, *below))
    assert [[word.box for word in line.words] for line in lines] == [
        [(10, 21, 10, 39), (10, 21, 60, 78)],
        [(40, 51, 10, 17)],
    ]


def test_dots_go_with_their_digits_and_equals_is_one_word():
    digits = [(10, 27, 10, 20), (25, 27, 24, 26), (10, 27, 30, 40)]
    equals = [(16, 17, 56, 66), (21, 22, 56, 66)]
    (line,) = find_lines(_glyphs(*digits, *equals))
    assert [word.box for word in line.words] == [(10, 27, 10, 40), (16, 22, 56, 66)]


def test_logo_does_not_join_the_lines_beside_it():
    logo = [(10, 70, 5, 60)]
    lines = [(14, 26, 70 + 12 * k, 78 + 12 * k) for k in range(6)] + [
        (50, 62, 70 + 12 * k, 78 + 12 * k) for k in range(6)
    ]
    assert len(find_lines(_glyphs(*logo, *lines))) == 3


def test_nothing_and_specks_are_no_text():
    assert find_lines(np.empty((0, 4), int)) == []
    assert find_lines(_glyphs((5, 6, 5, 6), (50, 52, 80, 82))) == []


def test_reader_that_is_blocked_or_missing_can_not_read(monkeypatch):
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    assert not can_read()


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("size", [14, 20, 40])
@pytest.mark.parametrize("text", ["100 um", "WD = 10.1 mm", "15.0 kV", "3/19/2021", "15:33:46"])
def test_words_are_read_where_they_stand(text, size):
    canvas = Image.new("L", (700, 80))
    drawing = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(size)
    drawing.text((10, 10), text, font=font, fill=255)
    drawing.text((450, 10), "x250", font=font, fill=255)
    signal = np.array(canvas)
    rows, cols = np.nonzero(signal > 60)
    left, right = cols < 440, cols >= 440
    line = Line(
        tuple(
            Word((int(rows[part].min()), int(rows[part].max()), int(cols[part].min()), int(cols[part].max())))
            for part in (left, right)
        )
    )
    read = read_line(signal, line)
    assert read.words[-1].text == "x250"
    assert read.words[-1].box[2] >= 450
    assert "".join(word.text for word in read.words[:-1]) == text.replace(" ", "")
    assert all(word.box[3] < 440 for word in read.words[:-1])
