import pytest
from hypothesis import given
from hypothesis import strategies as st

from micro_features.calibration.fields import (
    field_width,
    is_round,
    parse_fields,
    parse_length,
    printed_pixel_size,
    texts_of,
)
from micro_features.calibration.text import Line, Word
from micro_features.data import Acquisition


@pytest.mark.parametrize(
    ("text", "um"),
    [
        ("100µm", 100), ("100 μm", 100), ("10.0um", 10), ("0,5 µm", 0.5), ("500nm", 0.5), ("1.00 mm", 1000),
        ("2μm", 2), ("30 Microns", 30), ("1 micron", 1), ("5 Å", 5e-4), ("0.2 cm", 2000), ("1 µ m", 1),
        ("| 4 µm |", 4), ("20 µμm", 20), ("l0 nm", 0.01), ("1O nm", 0.01), ("300.0μum", 300),
    ],
)  # fmt: skip
def test_lengths(text, um):
    length = parse_length(text)
    assert length is not None
    assert length.sure
    assert length.um == pytest.approx(um)


@pytest.mark.parametrize("text", ["100 pm", "100pm", "50 ym", "100 jm", "20 Hm", "5 lm", "50.0m", "100¢m", "3 µ"])
def test_a_micro_sign_that_may_be_misread_is_unsure_and_never_pico(text):
    length = parse_length(text)
    assert length is not None
    assert not length.sure
    assert length.um >= 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "µm",
        "15.0kV",
        "WD 10.1mm",
        "x250",
        "10:20",
        "2021-03-19",
        "0 µm",
        "SE2",
        "4 µm 10",
        "5.3 Pa",
        "120 x",
        "3 km",
        "2 mM",
        "5 µM",
    ],
)
def test_other_text_is_no_length(text):
    assert parse_length(text) is None


@given(
    value=st.sampled_from([1, 2, 3, 4, 5, 10, 15, 20, 25, 50, 100, 200, 500, 0.5, 0.2, 1.5]),
    unit=st.sampled_from([("nm", 1e-3), ("µm", 1.0), ("μm", 1.0), ("um", 1.0), ("mm", 1e3)]),
    space=st.sampled_from(["", " ", "  "]),
    comma=st.booleans(),
)
def test_every_round_length_comes_back(value, unit, space, comma):
    number = f"{value:g}".replace(".", "," if comma else ".")
    length = parse_length(f"{number}{space}{unit[0]}")
    assert length is not None
    assert length.um == pytest.approx(value * unit[1])
    assert is_round(length)


@given(st.text(max_size=40))
def test_no_text_breaks_the_parsers(text):
    parse_length(text)
    parse_fields([text])
    field_width([text])
    printed_pixel_size([text])


@pytest.mark.parametrize(
    ("text", "round_"), [("10.1 mm", False), ("1.73 mm", False), ("560 nm", False), ("2.5 µm", True)]
)
def test_round_lengths(text, round_):
    length = parse_length(text)
    assert length is not None
    assert is_round(length) == round_


@pytest.mark.parametrize(
    ("text", "magnification"),
    [
        ("x250", 250), ("X3.50k", 3500), ("x50.0k", 50000), ("Mag = 1.50 K X", 1500), ("Mag =   105 X", 105),
        ("35 000 x", 35000), ("1.12 kx", 1120), ("125000x", 125000), ("870 ×", 870), ("X1,000", 1000),
        ("SEM MAG: 1.00 kx", 1000), ("Mag = 50.00 KX", 50000), ("15kV X500", 500), ("X50 500µm", 50),
        ("no number", None), ("xyz", None),
    ],
)  # fmt: skip
def test_magnification(text, magnification):
    assert parse_fields([text]).magnification == magnification


@pytest.mark.parametrize(
    ("text", "kV"),
    [
        ("5.0kV", 5), ("EHT = 25.00 kV", 25), ("HV 5.00 kV", 5), ("30 keV", 30), ("5. 0kV", 5), ("HV 20,0 kV", 20),
        ("SEM HV: 20.0 kV", 20), ("9999 kV", None), ("kV", None),
    ],
)  # fmt: skip
def test_accelerating_voltage(text, kV):
    assert parse_fields([text]).kV == kV


@pytest.mark.parametrize(
    ("text", "WD_mm"),
    [
        ("WD 10.1mm", 10.1), ("WD = 4.6 mm", 4.6), ("WD: 10.00 mm", 10), ("10.0kV 11.2mm x4.00k SE(UL)", 11.2),
        ("WD 10 . 0mm", 10), ("WD = 5,32 mm", 5.32), ("HFW = 1.73 mm", None), ("WD", None),
        ("WD 20 µm", None), ("WD 500nm", None), ("WD 20 µm WD = 9.7 mm", 9.7), ("WD = 0.05 mm", None),
    ],
)  # fmt: skip
def test_working_distance(text, WD_mm):
    assert parse_fields([text]).WD_mm == WD_mm


@pytest.mark.parametrize(
    ("text", "detector"),
    [
        ("1.00kV LED SEM", "LED"), ("Signal A = SE2", "SE2"), ("Signal A = InLens", "InLens"),
        ("x4.00k SE(UL) 3/31", "SE(UL)"),
        ("X3.50k BSE-COMP", "BSE-COMP"), ("Det = E-T", "E-T"), ("Det: SE", "SE"), ("Signal A = HE-SE2", "HE-SE2"),
        ("Det = BSD Full", "BSD Full"), ("SEM", None), ("MODEL", None),
    ],
)  # fmt: skip
def test_detector(text, detector):
    assert parse_fields([text]).detector == detector


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("JEOL 3/19/2021", "2021-03-19"), ("JEOL 9/5/2021", "2021-09-05"), ("2024-04-19 15:39", "2024-04-19"),
        ("Date :8 Aug 2007", "2007-08-08"), ("Date = 2021-01-14", "2021-01-14"), ("19.03.2021", "2021-03-19"),
        ("3/31/2025", "2025-03-31"), ("31/3/2025", "2025-03-31"), ("9/5/2021", "9/5/2021"), ("5/5/2021", "2021-05-05"),
        ("Date(m/d/y): 03/12/19", "2019-03-12"), ("JEOL 13/13/2021", None), ("2021-02-30", None), ("1/2", None),
    ],
)  # fmt: skip
def test_date(text, date):
    assert parse_fields([text]).date == date


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("15:33:46", "15:33:46"), ("2024-04-19 15:39", "15:39"), ("10 :23 : 55", "10:23:55"),
        ("Time :3:05 PM", "15:05"),
        ("25:61", None), ("1:2", None),
    ],
)  # fmt: skip
def test_time(text, time):
    assert parse_fields([text]).time == time


def test_jeol_bar_as_it_is_read():
    texts = ["100µm JEOL 3/19/2021", "x250 1. 00kV LED SEM WD 10 . 1mm 15:33:46"]
    assert parse_fields(texts) == Acquisition(250, 1.0, 10.1, "LED", "2021-03-19", "15:33:46", "JEOL")


@pytest.mark.parametrize(
    ("text", "um"),
    [
        ("HFW = 1.73 mm", 1730),
        ("Width = 20.00 µm", 20),
        ("WD = 2.8 mm Width = 7.520 µm", 7.52),
        ("Line Width = 2 µm", None),
        ("View field: 208 µm", 208),
        ("FW 806 µm", 806),
        ("Bandwidth 3 mm", None),
    ],
)
def test_field_width(text, um):
    length = field_width([text])
    assert (length.um if length else None) == (None if um is None else pytest.approx(um))


def test_printed_pixel_size():
    length = printed_pixel_size(["Image Pixel Size = 9.766 nm"])
    assert length is not None
    assert length.um == pytest.approx(9.766e-3)


def _line(row, *words):
    return Line(tuple(Word((row, row + 10, first, first + 9 * len(text)), text, 1.0) for first, text in words))


def test_labels_above_their_values():
    labels = _line(0, (10, "HV"), (90, "mag"), (190, "HFW"), (300, "det"), (380, "WD"), (600, "500"), (640, "µm"))
    values = _line(20, (5, "5.00"), (45, "kV"), (90, "120"), (125, "x"), (180, "1.73"), (220, "mm"), (300, "ETD"))
    values = Line((*values.words, *_line(20, (375, "4.0"), (405, "mm")).words))
    texts, labelled = texts_of([labels, values])
    acquisition = parse_fields(texts)
    assert (acquisition.kV, acquisition.magnification, acquisition.WD_mm, acquisition.detector) == (5, 120, 4, "ETD")
    width = field_width(texts)
    assert width is not None
    assert width.um == pytest.approx(1730)
    # The scale bar's own length is nobody's value; those of the labels are.
    assert [word.text for word in labelled if word.text in ("1.73", "4.0", "500", "µm")] == ["1.73", "4.0"]


def test_unit_stays_with_its_number():
    labels = _line(0, (10, "HV"), (90, "WD"), (160, "20"), (190, "µm"))
    values = _line(20, (10, "15.00"), (64, "kV"), (90, "9.7"), (125, "mm"), (190, "drawn"))
    texts, _ = texts_of([labels, values])
    assert texts[:2] == ("HV = 15.00 kV", "WD = 9.7 mm")
    acquisition = parse_fields(texts)
    assert (acquisition.kV, acquisition.WD_mm) == (15, 9.7)


def test_value_behind_its_label_belongs_to_it():
    _, labelled = texts_of([_line(0, (10, "WD"), (40, "10"), (400, "50"))])
    assert [word.text for word in labelled] == ["10"]
