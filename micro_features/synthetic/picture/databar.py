"""Data bars as instruments append them: acquisition in words and a scale bar."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from micro_features.data import Acquisition, Annotations, ScaleBar
from micro_features.errors import SettingsError
from micro_features.synthetic.checks import positive

Layout = Literal["jeol", "zeiss", "fei", "hitachi"]

ROWS = 64
_MIN_COLS = 560


def with_databar(
    image: np.ndarray,
    *,
    pixel_um: float,
    layout: Layout,
    magnification: float,
    kV: float,
    WD_mm: float,
    taken: datetime,
) -> tuple[np.ndarray, Annotations]:
    """Append a data bar of 64 rows below a picture.

    The scale bar is the round length (1, 2 or 5 times a power of ten) between 0.125 and 0.32 of the width that is
    nearest to a whole number of pixels, the longest of equals.

    Parameters
    ----------
    image : (rows, cols) uint8 array
        At least 560 columns, which the text needs.
    pixel_um : float
        Edge of a pixel, micrometres.
    layout : {"jeol", "zeiss", "fei", "hitachi"}
        jeol: black strip, solid white bar. zeiss: white strip, bar with end ticks. fei: dark grey strip with fields,
        bar with end ticks that its text interrupts. hitachi: black strip, a row of eleven ticks.
    magnification : float
        Printed as it is (by hitachi in thousands, to two decimals): instruments refer it to a print width of their own.
    kV, WD_mm : float
        Accelerating voltage and working distance.
    taken : datetime
        Date and time of acquisition.

    Returns
    -------
    picture : (rows + 64, cols) uint8 array
    annotations : Annotations
        What was drawn. `scale_bar.length_px` is the whole number of pixels drawn (between centres of the first and last
        tick where there are any); it differs from length over pixel size by at most half a pixel.

    Raises
    ------
    SettingsError
        If the picture is not 8-bit grey or too narrow, or a value is out of bounds.
    """
    if image.ndim != 2 or image.dtype != np.uint8:
        raise SettingsError(f"image is {image.dtype} of shape {image.shape}: give an 8-bit grey picture.")
    rows, cols = image.shape
    if cols < _MIN_COLS:
        raise SettingsError(f"image has {cols} columns: the data bar's text needs at least {_MIN_COLS}.")
    for name, value in (("pixel_um", pixel_um), ("magnification", magnification), ("kV", kV), ("WD_mm", WD_mm)):
        positive(name, value)
    if layout not in _LAYOUTS:
        raise SettingsError(f"layout is {layout!r}: choose one of {', '.join(_LAYOUTS)}.")

    length_um = _round_length(cols, pixel_um)
    length_px = round(length_um / pixel_um)
    said = _Said(length_text(length_um), magnification, kV, WD_mm, taken)
    strip, text, box = _LAYOUTS[layout](cols, length_px, said)
    first_row, last_row = rows, rows + ROWS - 1
    bar = ScaleBar(
        length_px=float(length_px),
        length_error_px=0.5,
        box=(rows + box[0], rows + box[1], box[2], box[3]),
        text=said.length,
        length_um=length_um,
    )
    annotations = Annotations(
        side="bottom",
        first_row=first_row,
        last_row=last_row,
        masked=((first_row, last_row, 0, cols - 1),),
        scale_bar=bar,
        text=text,
        acquisition=Acquisition(
            magnification=float(magnification),
            kV=float(kV),
            WD_mm=float(WD_mm),
            detector=_DETECTORS[layout],
            date=taken.date().isoformat(),
            time=taken.strftime(_TIMES[layout]) or None,
            instrument="JEOL" if layout == "jeol" else None,
        ),
    )
    return np.vstack([image, np.asarray(strip)]), annotations


def length_text(length_um: float) -> str:
    """A round length as instruments print it: ``"200nm"``, ``"10µm"``, ``"2mm"``."""
    for factor, unit in ((1e-3, "nm"), (1.0, "µm"), (1e3, "mm")):
        if length_um < 999 * factor or unit == "mm":
            break
    return f"{length_um / factor:.6g}{unit}"


def _round_length(cols: int, pixel_um: float) -> float:
    low, high = 0.125 * cols * pixel_um, 0.32 * cols * pixel_um
    power = np.floor(np.log10(low))
    candidates = [digit * 10.0**exponent for exponent in (power, power + 1) for digit in (1, 2, 5)]
    fitting = [length for length in candidates if low <= length <= high]
    off = [abs(length / pixel_um - round(length / pixel_um)) for length in fitting]
    return float(round(min(zip(off, fitting, strict=True), key=lambda pair: (round(pair[0], 6), -pair[1]))[1], 12))


class _Said(NamedTuple):
    """What a data bar says; `length` is that of the scale bar, as printed."""

    length: str
    magnification: float
    kV: float
    WD_mm: float
    taken: datetime

    @property
    def spaced_length(self) -> str:
        """``"10 µm"``."""
        return f"{self.length[:-2]} {self.length[-2:]}"

    @property
    def day(self) -> str:
        """``"9/5/2024"``: month, day, year."""
        return f"{self.taken.month}/{self.taken.day}/{self.taken.year}"


_Strip = tuple[Image.Image, tuple[str, ...], tuple[int, int, int, int]]
_DETECTORS = {"jeol": "LED", "zeiss": "SE2", "fei": "ETD", "hitachi": "SE(UL)"}
_TIMES = {"jeol": "%H:%M:%S", "zeiss": "%H:%M:%S", "fei": "", "hitachi": "%H:%M"}


def _write(
    draw: ImageDraw.ImageDraw,
    items: Sequence[tuple[float, float, str]],
    size: float,
    grey: int,
    *,
    middle: bool = False,
    bold: bool = False,
) -> tuple[str, ...]:
    """Write each ``(column, baseline, text)``, from its left end or, if `middle`, about it; returns the texts."""
    font = ImageFont.load_default(size)
    for column, baseline, text in items:
        plain = text.replace("µ", "u")
        left = round(column - font.getlength(plain) / 2) if middle else round(column)
        for shift in (0, 1) if bold else (0,):
            draw.text((left + shift, baseline), plain, fill=grey, font=font, anchor="ls")
        if "µ" in text:  # Pillow's font has no such letter: give the u its tail
            stem = left + round(font.getlength(plain[: text.index("µ")]) + size / 14)
            draw.rectangle((stem, baseline - 3, stem + round(size / 16), baseline + round(size / 4)), fill=grey)
    return tuple(text for _, _, text in items)


def _bar_with_ticks(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], grey: int) -> None:
    top, bottom, left, right = box
    draw.line((left, (top + bottom) // 2, right, (top + bottom) // 2), fill=grey)
    for column in (left, right):
        draw.line((column, top, column, bottom), fill=grey)


def _jeol(cols: int, length_px: int, said: _Said) -> _Strip:
    strip = Image.new("L", (cols, ROWS), 0)
    draw = ImageDraw.Draw(strip)
    first = min(round(0.345 * cols), round(0.64 * cols) - length_px)
    box = (5, 19, first, first + length_px - 1)
    draw.rectangle((box[2], box[0], box[3], box[1]), fill=255)
    text = _write(
        draw,
        [
            (0.655 * cols, 24, said.length),
            (0.755 * cols, 24, "JEOL"),
            (0.845 * cols, 24, said.day),
            (0.18 * cols, 55, f"x{said.magnification:,.0f}"),
            (0.335 * cols, 55, f"{said.kV:.1f}kV"),
            (0.455 * cols, 55, "LED"),
            (0.545 * cols, 55, "drawn"),
            (0.65 * cols, 55, f"WD {said.WD_mm:.1f}mm"),
            (0.855 * cols, 55, said.taken.strftime("%H:%M:%S")),
        ],
        size=18 if cols < 1000 else 25,
        grey=255,
        bold=True,
    )
    return strip, text, box


def _zeiss(cols: int, length_px: int, said: _Said) -> _Strip:
    strip = Image.new("L", (cols, ROWS), 255)
    draw = ImageDraw.Draw(strip)
    draw.rectangle((0, 0, cols - 1, ROWS - 1), outline=0)
    first = round(0.025 * cols)
    box = (30, 50, first, first + length_px)
    _bar_with_ticks(draw, box, 0)
    text = _write(
        draw,
        [
            (first, 23, said.spaced_length),
            (0.2 * cols, 23, "drawn"),
            (0.36 * cols, 27, f"EHT = {said.kV:.2f} kV"),
            (0.36 * cols, 52, f"WD = {said.WD_mm:.1f} mm"),
            (0.59 * cols, 27, "Signal A = SE2"),
            (0.59 * cols, 52, f"Mag = {said.magnification:.0f} X"),
            (0.81 * cols, 27, said.taken.strftime("%d %b %Y")),
            (0.81 * cols, 52, said.taken.strftime("%H:%M:%S")),
        ],
        size=17 if cols < 1000 else 20,
        grey=0,
    )
    return strip, text, box


def _fei(cols: int, length_px: int, said: _Said) -> _Strip:
    strip = Image.new("L", (cols, ROWS), 45)
    draw = ImageDraw.Draw(strip)
    fields = [
        ("date", said.day),
        ("det", "ETD"),
        ("mag", f"{said.magnification:,.0f} x".replace(",", " ")),
        ("HV", f"{said.kV:.2f} kV"),
        ("WD", f"{said.WD_mm:.1f} mm"),
    ]
    starts = [0.012, 0.175, 0.245, 0.365, 0.508]
    for start in (*starts[1:], 0.63):
        draw.line((start * cols - 6, 0, start * cols - 6, ROWS), fill=110)
    size = 17 if cols < 1000 else 22
    columns = [start * cols for start in starts]
    text = _write(draw, [(c, 26, name) for c, (name, _) in zip(columns, fields, strict=True)], size=size, grey=255)
    values = [(c, 52, value) for c, (_, value) in zip(columns, fields, strict=True)]
    text += _write(draw, values, size=size, grey=255, bold=True)
    first = round(0.815 * cols - length_px / 2)
    box = (10, 34, first, first + length_px)
    _bar_with_ticks(draw, box, 255)
    centre = first + length_px / 2
    half = ImageFont.load_default(size).getlength(said.spaced_length) / 2 + 5
    draw.rectangle((centre - half, 12, centre + half, 32), fill=45)
    text += _write(draw, [(centre, 28.0, said.spaced_length), (centre, 55, "drawn")], size=size, grey=255, middle=True)
    return strip, text, box


def _hitachi(cols: int, length_px: int, said: _Said) -> _Strip:
    strip = Image.new("L", (cols, ROWS), 0)
    draw = ImageDraw.Draw(strip)
    last = cols - 24
    box = (0, 15, last - length_px, last)
    for n in range(11):
        column = box[2] + round(n * length_px / 10)
        draw.rectangle((column - 1, box[0], column + 1, box[1] if n % 5 == 0 else 11), fill=255)
    number = round(said.magnification)
    size = 20 if cols < 1000 else 27
    short = f"{number / 1000:.2f}k" if number >= 1000 else f"{number:.0f}"
    words = f"{said.kV:.1f}kV {said.WD_mm:.1f}mm x{short} SE(UL) {said.day} {said.taken.strftime('%H:%M')} drawn"
    amount = f"{float(said.length[:-2]):.1f}{said.length[-2:].replace('µ', 'u')}"
    right = cols - 14 - ImageFont.load_default(size).getlength(amount)
    text = _write(draw, [(0.012 * cols, 48, words), (right, 48, amount)], size=size, grey=255)
    return strip, text, box


_LAYOUTS = {"jeol": _jeol, "zeiss": _zeiss, "fei": _fei, "hitachi": _hitachi}
