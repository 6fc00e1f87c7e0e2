"""Scale bars and text drawn straight onto a picture, without a background of their own."""

import re
from collections.abc import Sequence

import cv2
import numpy as np

from micro_features.calibration.databar import crop
from micro_features.calibration.fields import is_round, plain
from micro_features.calibration.region import (
    Found,
    Match,
    distance,
    glyph_boxes,
    hull,
    likeliest,
    moved_line,
    moved_match,
    moved_ruler,
    pair,
    unless_contradicted,
    without_rulers,
)
from micro_features.calibration.scalebar import Ruler, find_rulers
from micro_features.calibration.text import Line, Word, find_lines, read_line
from micro_features.data import Box

WHITE, BLACK, COLOUR = 232, 16, 56  # levels, and difference between channels, that burned-in ink has
PALENESS = (0.5, 0.7)


def read_burned(image: np.ndarray, grey: np.ndarray, masked: Sequence[Box], reading: bool) -> Found:
    """Ruler and text drawn straight onto the picture, in white, black or a pure colour."""
    # Thin lines of pictures that were shrunk or enlarged have paled: they are looked for if nothing stronger is there.
    for paleness in PALENESS if reading else PALENESS[:1]:
        found: list[Found] = []
        for signal, plain_signal in _burned_layers(image, grey, paleness):
            for box in masked:
                crop(signal, box)[:] = 0
            found += _read_layer(signal, plain_signal, reading)
        # What somebody measured is mostly not round.
        found.sort(key=lambda one: not (one.match and one.match.length and is_round(one.match.length)))
        matches = [one.match for one in found if one.match]
        if matches:
            lines = next(one.lines for one in found if one.match)
            return Found(lines, unless_contradicted(matches[0], matches[1:]))
    return Found((), None)


def _read_layer(signal: np.ndarray, plain_signal: np.ndarray, reading: bool) -> list[Found]:
    ink = signal >= 128
    if not ink.any():
        return []
    shortest = max(20, round(0.03 * min(ink.shape[1], 1400)))
    rulers = [r for r in find_rulers(ink, signal, shortest_px=shortest) if _is_crisp(r, ink, plain_signal)]
    if not reading:  # a bright streak is no bar
        return [Found((), likeliest([r])) for r in rulers if r.kind != "solid"]
    rulers = sorted(rulers, key=lambda r: (r.kind == "solid", -r.length_px))[:8]
    return [_read_around(ink, signal, plain_signal, ruler) for ruler in rulers]


def _burned_layers(image: np.ndarray, grey: np.ndarray, paleness: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Signals in which ink of one colour is bright, and plain pictures of the same: white, black and coloured.

    Ink begins where a pixel is closer than `paleness` (of the way from the picture's own brightest grey) to white, and
    likewise for black and colour.
    """
    dark, bright = np.percentile(grey[::4, ::4], (3, 97))
    white = min(255 - paleness * (255 - bright), 255 - 2 * paleness * (255 - WHITE))
    black = max(paleness * dark, 2 * paleness * BLACK)
    layers = [(_stretched(grey, 2 * white - 255, 255), grey), (255 - _stretched(grey, 0, 2 * black), 255 - grey)]
    if image.ndim == 3:
        spread = image.max(axis=2) - image.min(axis=2)
        if np.count_nonzero(spread > COLOUR) >= 40:
            for layer, _ in layers:
                layer[spread > 24] = 0
            likeness = _likeness(image, spread)
            layers.insert(0, (_stretched(likeness, 0, 255 * 2 * (1 - paleness)), likeness))
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


def _is_crisp(ruler: Ruler, ink: np.ndarray, plain_signal: np.ndarray) -> bool:
    """Whether a ruler stands free: a solid bar with mostly no ink just around it, and an end to it."""
    if ruler.kind != "solid":
        return True
    first_row, last_row, first_col, last_col = ruler.box
    above = ink[max(0, first_row - 3) : max(0, first_row - 1), first_col : last_col + 1]
    below = ink[last_row + 2 : last_row + 4, first_col : last_col + 1]
    free = all(rows.mean() < 0.1 for rows in (above, below) if rows.size)
    return free and not _goes_on(ruler.box, plain_signal)


def _goes_on(box: Box, plain_signal: np.ndarray) -> bool:
    """Whether a bar goes on paler past one of its ends, or a pale cap stands there: it is part of a thin line."""
    first_row, last_row, first_col, last_col = box
    top, start = max(0, first_row - 4), max(0, first_col - 8)
    around = plain_signal[top : last_row + 5, start : last_col + 9].astype(float)
    beyond = [rows for rows in (around[: max(0, first_row - 1 - top)], around[last_row + 2 - top :]) if len(rows)]
    if not beyond:
        return False
    inside = np.median(around[first_row - top : last_row + 1 - top], axis=0)
    line = inside - np.max([np.median(rows, axis=0) for rows in beyond], axis=0)
    above_and_below = np.min([rows.min(axis=0) for rows in beyond], axis=0)
    left, right = first_col - start, last_col - start
    contrast = float(np.median(line[left : right + 1]))
    ends = (line[: max(0, left - 2)], line[right + 3 :])
    if any(end.size > 0 and np.median(end) > 0.25 * contrast for end in ends):
        return True
    # A cap is narrow: neither further in nor further out is there as much.
    beside = float(np.median(above_and_below[left : right + 1]))
    for end, outside in ((left, above_and_below[: max(0, left - 4)]), (right, above_and_below[right + 5 :])):
        cap = above_and_below[max(0, end - 3) : end + 4].max()
        if cap - max(beside, outside.max(initial=beside)) > 0.5 * contrast:
            return True
    return False


def _read_around(ink: np.ndarray, signal: np.ndarray, plain_signal: np.ndarray, ruler: Ruler) -> Found:
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
    if match is None or match.length is None or not _is_same_in_plain(plain_signal[top:bottom], match):
        return Found((), None)
    height = max(word.height for word in match.words)
    alike = [Line(tuple(w for w in line.words if 0.4 * height <= w.height <= 2 * height)) for line in lines]
    alike = [line for line in alike if line.words][:12]
    texts = [read_line(strip, line) for line in alike]
    sure = [_certain(line) for line in texts]
    return Found(tuple(moved_line(line, top, 0) for line in sure if line.words), moved_match(match, top, 0))


def _is_same_in_plain(plain_signal: np.ndarray, match: Match) -> bool:
    """Whether no more digits are read where nothing was taken for background, and more to the left is looked at."""
    first_row, last_row, first_col, last_col = hull(match.words)
    height = last_row - first_row + 1
    left = max(0, first_col - round(1.5 * height))
    if match.ruler.box[1] >= first_row and match.ruler.box[0] <= last_row and match.ruler.box[3] < first_col:
        left = max(left, min(match.ruler.box[3] + 3, first_col))
    box = (max(0, first_row - 2), last_row + 2, left, last_col + 2)
    there = crop(plain_signal, box)
    usual, most = float(np.median(there)), float(there.max(initial=0))
    signal = _stretched(there, usual, max(most, usual + 1))
    rows, cols = signal.shape
    plainly = read_line(signal, Line((Word((0, rows - 1, 0, cols - 1)),)))
    number, again = (
        re.sub(r"[^\d.,]", "", re.split(r"[^\d.,\s]", text.lstrip(" -"))[0]) for text in (match.text, plainly.text)
    )
    more = len(again) > len(number) and again.endswith(number)
    return not (more and min(word.digits_confidence for word in plainly.words) >= 0.5)


def _certain(line: Line) -> Line:
    """A line's words that are text beyond doubt: two characters or more, or one beside such a word."""
    words = [w for w in line.words if w.confidence >= 0.7 and re.search(r"\w", w.text)]
    whole = [w for w in words if len(w.text) >= 2 and plain(w.text).replace("µ", "u").isascii()]
    near = [w for w in words if any(distance(w.box, other.box) <= 1.5 * w.height for other in whole)]
    return Line(tuple(near))
