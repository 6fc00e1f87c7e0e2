"""Scale bars and text drawn straight onto a picture, without a background of their own."""

import re
from collections.abc import Sequence

import cv2
import numpy as np

from micro_features.calibration.databar import crop
from micro_features.calibration.fields import plain
from micro_features.calibration.region import (
    Found,
    distance,
    glyph_boxes,
    likeliest,
    moved_line,
    moved_match,
    moved_ruler,
    pair,
    unless_contradicted,
    without_rulers,
)
from micro_features.calibration.scalebar import Ruler, find_rulers
from micro_features.calibration.text import Line, find_lines, read_line
from micro_features.data import Box

WHITE, BLACK, COLOUR = 232, 16, 56  # levels, and difference between channels, that burned-in ink has
PALENESS = (0.5, 0.7)


def read_burned(image: np.ndarray, grey: np.ndarray, masked: Sequence[Box], reading: bool) -> Found:
    """Ruler and text drawn straight onto the picture, in white, black or a pure colour."""
    # Thin lines of pictures that were shrunk or enlarged have paled: they are looked for if nothing stronger is there.
    for paleness in PALENESS if reading else PALENESS[:1]:
        found: list[Found] = []
        for signal in _burned_layers(image, grey, paleness):
            for box in masked:
                crop(signal, box)[:] = 0
            found += _read_layer(signal, reading)
        matches = [one.match for one in found if one.match]
        if matches:
            lines = next(one.lines for one in found if one.match)
            return Found(lines, unless_contradicted(matches[0], matches[1:]))
    return Found((), None)


def _read_layer(signal: np.ndarray, reading: bool) -> list[Found]:
    ink = signal >= 128
    if not ink.any():
        return []
    shortest = max(20, round(0.03 * min(ink.shape[1], 1400)))
    rulers = [r for r in find_rulers(ink, signal, shortest_px=shortest) if _is_crisp(r, ink)]
    if not reading:  # a bright streak is no bar
        return [Found((), likeliest([r])) for r in rulers if r.kind != "solid"]
    rulers = sorted(rulers, key=lambda r: (r.kind == "solid", -r.length_px))[:8]
    return [_read_around(ink, signal, ruler) for ruler in rulers]


def _burned_layers(image: np.ndarray, grey: np.ndarray, paleness: float) -> list[np.ndarray]:
    """Signals in which ink of one colour is bright: white, black and, in colour pictures, coloured.

    Ink begins where a pixel is closer than `paleness` (of the way from the picture's own brightest grey) to white, and
    likewise for black and colour.
    """
    dark, bright = np.percentile(grey[::4, ::4], (3, 97))
    white = min(255 - paleness * (255 - bright), 255 - 2 * paleness * (255 - WHITE))
    black = max(paleness * dark, 2 * paleness * BLACK)
    layers = [_stretched(grey, 2 * white - 255, 255), 255 - _stretched(grey, 0, 2 * black)]
    if image.ndim == 3:
        spread = image.max(axis=2) - image.min(axis=2)
        if np.count_nonzero(spread > COLOUR) >= 40:
            layers.insert(0, _stretched(_likeness(image, spread), 0, 255 * 2 * (1 - paleness)))
            for layer in layers[1:]:
                layer[spread > 24] = 0
    return layers


def _likeness(image: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """How far each pixel is on the way from the picture's usual colour to that of the coloured ink, 0 to 255."""
    ink = np.median(image[spread > max(COLOUR, np.percentile(spread[spread > COLOUR], 60) - 1)], axis=0)
    usual = np.median(image[::8, ::8].reshape(-1, 3), axis=0)
    way = ink - usual
    weights = 255 * way / max(float(way @ way), 1.0)
    likeness = cv2.transform(image, np.array([[*weights, -float(weights @ usual)]]))
    # Half-covered pixels have some colour; white or black picture has none.
    likeness[cv2.dilate(spread, np.ones((3, 3), np.uint8)) <= 24] = 0
    return np.asarray(likeness)


def _stretched(values: np.ndarray, low: float, high: float) -> np.ndarray:
    table = np.clip((np.arange(256) - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    return cv2.LUT(values, table)


def _is_crisp(ruler: Ruler, ink: np.ndarray) -> bool:
    """Whether a ruler stands free: mostly no ink just around it, as picture of the same level would be."""
    first_row, last_row, first_col, last_col = ruler.box
    if ruler.kind != "solid":
        return True
    rows, _ = ink.shape
    above = ink[max(0, first_row - 3) : max(0, first_row - 1), first_col : last_col + 1]
    below = ink[min(rows, last_row + 2) : min(rows, last_row + 4), first_col : last_col + 1]
    return bool((above.mean() if above.size else 0) < 0.1 and (below.mean() if below.size else 0) < 0.1)


def _read_around(ink: np.ndarray, signal: np.ndarray, ruler: Ruler) -> Found:
    """Text near a ruler; where it holds a length, all text in the same band of rows."""
    rows = ink.shape[0]
    first_row, last_row, first_col, last_col = ruler.box
    margin = max(40, round(0.09 * rows))
    top, bottom = max(0, first_row - margin), min(rows, last_row + margin + 1)
    band = ink[top:bottom]
    strip = signal[top:bottom]
    here = moved_ruler(ruler, -top, 0)
    lines = find_lines(glyph_boxes(without_rulers(band, [here]), band.shape[0]))
    width = last_col - first_col + 1
    near = []
    for line in lines:
        words = [w for w in line.words if distance(w.box, here.box) <= max(0.6 * width, 8 * w.height) and w.height >= 7]
        if words:
            near.append(Line(tuple(words)))
    near = sorted(near, key=lambda line: min(distance(w.box, here.box) / w.height for w in line.words))[:6]
    read = [read_line(strip, line) for line in near]
    match = pair([here], read, strip, reach=8.0)
    if match is None or match.length is None:
        return Found((), None)
    height = max(word.height for word in match.words)
    alike = [Line(tuple(w for w in line.words if 0.4 * height <= w.height <= 2 * height)) for line in lines]
    alike = [line for line in alike if line.words][:12]
    texts = [read_line(strip, line) for line in alike]
    sure = [_certain(line) for line in texts]
    return Found(tuple(moved_line(line, top, 0) for line in sure if line.words), moved_match(match, top, 0))


def _certain(line: Line) -> Line:
    """A line's words that are text beyond doubt: two characters or more, or one beside such a word."""
    words = [w for w in line.words if w.confidence >= 0.7 and re.search(r"\w", w.text)]
    whole = [w for w in words if len(w.text) >= 2 and plain(w.text).replace("µ", "u").isascii()]
    near = [w for w in words if any(distance(w.box, other.box) <= 1.5 * w.height for other in whole)]
    return Line(tuple(near))
