import numpy as np
import pytest

from micro_features.calibration.pixel_size import pixel_size
from micro_features.data import Acquisition, Annotations, Picture, ScaleBar
from micro_features.errors import CalibrationError


def _picture(cols=1000, *, tags=None, dpi=None):
    return Picture(np.zeros((500, cols), np.uint8), 255.0, tags=tags or {}, dpi=dpi)


def _annotations(length_px=100.0, text="10 µm", um=10.0, *, error=1.0, magnification=None, texts=(), text_read=True):
    bar = ScaleBar(length_px, error, (0, 1, 0, 99), text, um) if length_px else None
    return Annotations(
        "bottom", 450, 499, ((450, 499, 0, 999),), bar, tuple(texts), Acquisition(magnification), text_read
    )


def _tags(pixel_um):
    return {"tescan": {"PixelSizeX": str(pixel_um * 1e-6), "PixelSizeY": str(pixel_um * 1e-6)}}


def test_bar_alone():
    size = pixel_size(_annotations(), _picture())
    assert (size.pixel_um, size.source) == (0.1, "scale bar")
    assert size.rel_error == pytest.approx(0.01)
    assert size.evidence == (("scale bar", 0.1, 0.01),)


def test_metadata_alone_and_before_a_short_bar():
    alone = pixel_size(_annotations(None), _picture(tags=_tags(0.1)))
    assert alone.source == "metadata TESCAN"
    both = pixel_size(_annotations(27, "2 µm", 2.0), _picture(tags=_tags(0.0734)))
    assert both.source == "metadata TESCAN"
    assert both.pixel_um == pytest.approx(0.0734)
    assert [name for name, _, _ in both.evidence] == ["metadata TESCAN", "scale bar"]


@pytest.mark.parametrize(
    ("length_px", "factor", "agree"),
    [
        (500, 1.019, True), (500, 1.021, False), (500, 1 / 1.021, False),  # 2 % for a long bar
        (40, 1.049, True), (40, 1.051, False),  # one pixel at each end of a short one
    ],
)  # fmt: skip
def test_where_disagreement_begins(length_px, factor, agree):
    annotations = _annotations(length_px, "10 µm", 10.0)
    picture = _picture(tags=_tags(10.0 / length_px * factor))
    if agree:
        assert pixel_size(annotations, picture).source == "metadata TESCAN"
    else:
        with pytest.raises(CalibrationError, match="disagree"):
            pixel_size(annotations, picture)


def test_disagreement_names_both_values_and_sources():
    with pytest.raises(CalibrationError) as raised:
        pixel_size(_annotations(), _picture(tags=_tags(0.2)))
    assert str(raised.value) == (
        "Sources of the pixel size disagree: metadata TESCAN 0.2 µm, scale bar 0.1 µm (100.0% apart). "
        "Find out which is right and give that one with --pixel-size UM or --pixel-size-from FILE.csv."
    )


def test_user_alone_and_against_others():
    size = pixel_size(_annotations(None), _picture(), user_pixel_um=0.3)
    assert (size.pixel_um, size.source) == (0.3, "user")
    with pytest.raises(CalibrationError, match=r"user 0\.3 µm, scale bar 0\.1 µm"):
        pixel_size(_annotations(), _picture(), user_pixel_um=0.3)
    assert pixel_size(_annotations(), _picture(), user_pixel_um=0.1005).pixel_um == 0.1005


def test_user_settles_a_dispute_by_siding_with_one():
    picture = _picture(tags=_tags(0.2))
    assert pixel_size(_annotations(), picture, user_pixel_um=0.2).source == "user"
    with pytest.raises(CalibrationError, match=r"user 0\.15 µm"):
        pixel_size(_annotations(), picture, user_pixel_um=0.15)


@pytest.mark.parametrize("dpi", [254, 72])
def test_print_resolution_confirms_but_never_contradicts(dpi):
    # 25.4 mm / 254 / 1000 = 0.1 µm; screen resolution says 0.353 µm and is no evidence.
    size = pixel_size(_annotations(magnification=1000), _picture(dpi=dpi))
    assert (size.pixel_um, size.source) == (0.1, "scale bar")
    assert size.evidence[-1][0] == "print resolution"


def test_print_resolution_alone_is_refused():
    with pytest.raises(CalibrationError, match=r"print resolution 0\.1 µm\) alone is not enough.*--pixel-size UM"):
        pixel_size(_annotations(None, magnification=1000), _picture(dpi=254))


def test_misread_unit_needs_something_else_that_says_the_same():
    misread = _annotations(100, "10 pm", 10.0)
    with pytest.raises(CalibrationError, match="scale bar text '10 pm' may be misread"):
        pixel_size(misread, _picture())
    confirmed = _annotations(100, "10 pm", 10.0, magnification=1000)
    assert pixel_size(confirmed, _picture()).pixel_um == 0.1
    assert pixel_size(misread, _picture(tags=_tags(0.1))).source == "metadata TESCAN"


def test_size_that_does_not_fit_the_magnification_is_refused():
    # nm read for µm: the print would be a tenth of a millimetre wide.
    with pytest.raises(CalibrationError, match="does not fit magnification 1000"):
        pixel_size(_annotations(100, "10 nm", 0.01, magnification=1000), _picture())


def test_printed_field_width_confirms_or_contradicts():
    size = pixel_size(_annotations(texts=["HFW = 100.0 µm"]), _picture())
    assert size.pixel_um == pytest.approx(0.1)
    assert {name for name, _, _ in size.evidence} == {"scale bar", "field width"}
    with pytest.raises(CalibrationError, match=r"scale bar 0\.1 µm, field width 0\.2 µm"):
        pixel_size(_annotations(texts=["HFW = 200.0 µm"]), _picture())


@pytest.mark.parametrize("text", ["10 nm", "10 pm"])
def test_bar_at_odds_with_the_magnification_is_overruled_only_where_its_text_is_in_doubt(text):
    annotations = _annotations(100, text, 0.01, magnification=1000, texts=["HFW = 100.0 µm"])
    if text == "10 nm":
        with pytest.raises(CalibrationError, match=r"field width 0\.1 µm, scale bar 0\.0001 µm"):
            pixel_size(annotations, _picture())
    else:
        assert pixel_size(annotations, _picture()).source == "field width"


def test_implausible_size_without_confirmation_is_refused():
    with pytest.raises(CalibrationError, match="may be misread"):
        pixel_size(_annotations(100, "500 mm", 5e5), _picture())


@pytest.mark.parametrize(
    ("annotations", "words"),
    [
        (_annotations(None), "no vendor metadata with one, no scale bar with a length beside it"),
        (_annotations(100, "10 gm", None), "the text '10 gm' beside a scale bar of 100.0 px is no length"),
        (_annotations(None, text_read=False), r"pip install 'micro-features\[ocr\]'"),
    ],
)
def test_nothing_found_says_what_was_looked_for_and_the_ways_out(annotations, words):
    with pytest.raises(CalibrationError, match=words) as raised:
        pixel_size(annotations, _picture())
    for way_out in ("--pixel-size UM", "--pixel-size-from FILE.csv", "--uncalibrated"):
        assert way_out in str(raised.value)
    assert "\n" not in str(raised.value)
