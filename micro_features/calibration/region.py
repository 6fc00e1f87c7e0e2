"""One region of a picture: its rulers, its text, and which of them belong together."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np

from micro_features.calibration.fields import Length, parse_length, texts_of
from micro_features.calibration.scalebar import Ruler
from micro_features.calibration.text import Line, Word, read_line
from micro_features.data import Box

NEAR = 4.0  # glyph heights between a scale bar and its own text, mostly
SURE_DIGITS = 0.7  # confidence of the least certain digit beside a scale bar
REREAD_MARGINS = (0.1, 0.28)


@dataclass(frozen=True)
class Match:
    """A ruler, the text beside it and the length that the text says."""

    ruler: Ruler
    words: tuple[Word, ...]
    text: str
    length: Length | None


@dataclass(frozen=True)
class Found:
    """What one panel, or the picture outside panels, holds."""

    lines: tuple[Line, ...]
    match: Match | None


def without_rulers(ink: np.ndarray, rulers: Sequence[Ruler]) -> np.ndarray:
    """Ink without the strokes of rulers; those no longer than a few glyphs stay, since they may be glyphs."""
    rest = ink.copy()
    glyph_rows = _usual_height(ink)
    for ruler in rulers:
        if ruler.length_px >= 4 * glyph_rows:
            for first_row, last_row, first_col, last_col in ruler.strokes:
                rest[max(0, first_row - 1) : last_row + 2, max(0, first_col - 1) : last_col + 2] = False
    return rest


def _usual_height(ink: np.ndarray) -> float:
    """Median height of the pieces of ink that are not specks."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    heights = stats[1:, 3]
    return float(np.median(heights[heights >= 5])) if (heights >= 5).any() else 10.0


def glyph_boxes(ink: np.ndarray, tallest: int) -> np.ndarray:
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    stats = stats[1:]
    keep = (stats[:, 3] <= 0.9 * tallest) & (stats[:, 2] <= 30 * stats[:, 3])
    stats = stats[keep][:1500]
    return np.column_stack(
        (stats[:, 1], stats[:, 1] + stats[:, 3] - 1, stats[:, 0], stats[:, 0] + stats[:, 2] - 1)
    ).astype(int)


def likeliest(rulers: Sequence[Ruler]) -> Match | None:
    """The likeliest ruler where nothing can be read: the longest with caps or ticks, else the longest."""
    if not rulers:
        return None
    return Match(max(rulers, key=lambda r: (r.kind != "solid", r.length_px)), (), "", None)


def pair(rulers: Sequence[Ruler], lines: Sequence[Line], signal: np.ndarray, *, reach: float) -> Match | None:
    """The ruler and the length text that belong together: nearest to each other, and read twice alike."""
    _, labelled = texts_of(lines)
    taken = {word.box for word in labelled}
    candidates = []
    for words, length in _length_texts(lines, taken):
        height = max(word.height for word in words)
        box = hull(words)
        for ruler in rulers:
            gap = distance(box, ruler.box) / height
            if (
                gap <= (reach if ruler.kind != "solid" else min(reach, 10.0))
                and ruler.length_px >= 1.2 * height
                and not _within_word(ruler, lines)
            ):
                candidates.append((gap + (1.0 if ruler.kind == "solid" else 0.0), ruler, words, length))
    if not candidates:
        return None
    candidates.sort(key=lambda c: (not c[3].sure, c[0], -len(c[2])))
    _, ruler, words, length = candidates[0]
    own = {word.box for word in words}
    rest = [*ruler.strokes, *(word.box for line in lines for word in line.words if word.text and word.box not in own)]
    confirmed = _confirmed(signal, words, length) if _is_whole(signal, words, rest) else None
    match = Match(ruler, words, " ".join(word.text for word in words), confirmed)
    others = [c for c in candidates if c[0] <= NEAR and c[1] is not ruler and not own & {word.box for word in c[2]}]
    return unless_contradicted(match, [Match(r, w, "", size) for _, r, w, size in others if size.sure])


def unless_contradicted(match: Match, others: Sequence[Match]) -> Match:
    """The match, its length withheld where another scale bar of the same picture says something else."""
    if match.length is None:
        return match
    size = match.length.um / match.ruler.length_px
    sizes = [other.length.um / other.ruler.length_px for other in others if other.length]
    return match if all(abs(s / size - 1) <= 0.05 for s in sizes) else replace(match, length=None)


def _within_word(ruler: Ruler, lines: Sequence[Line]) -> bool:
    """Whether a supposed ruler is part of a letter or a word."""
    first_row, last_row, first_col, last_col = ruler.box
    area = (last_row - first_row + 1) * (last_col - first_col + 1)
    for word in (word for line in lines for word in line.words if re.search(r"\w", word.text)):
        rows = min(last_row, word.box[1]) - max(first_row, word.box[0]) + 1
        cols = min(last_col, word.box[3]) - max(first_col, word.box[2]) + 1
        alone = len(word.text) == 1 and word.box[3] - word.box[2] <= last_col - first_col + 4
        if rows > 0 and cols > 0 and rows * cols >= 0.6 * area and not alone:
            return True
    return False


def _is_whole(signal: np.ndarray, words: tuple[Word, ...], rest: Sequence[Box]) -> bool:
    """Whether a text has no more tall glyphs than were read, and no ink next to it: `10` is no part of `100`."""
    first_row, last_row, first_col, last_col = hull(words)
    height = last_row - first_row + 1
    beside = round(0.5 * height)
    left, right = max(0, first_col - beside), min(signal.shape[1], last_col + 1 + beside)
    around = signal[first_row : last_row + 1, left:right]
    ink = around > 0.5 * around.max(initial=1)
    for top, bottom, start, end in rest:
        rows = slice(max(0, top - 1 - first_row), max(0, bottom + 2 - first_row))
        ink[rows, max(0, start - 1 - left) : max(0, end + 2 - left)] = False
    own = slice(first_col - left, last_col + 1 - left)
    outside = np.count_nonzero(ink) - np.count_nonzero(ink[:, own])
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink[:, own].astype(np.uint8), connectivity=8)
    # Digits stand tall, and do not break up like the letters of a unit in small print.
    tall = np.count_nonzero((stats[1:, 1] <= 0.12 * height) & (stats[1:, 3] >= 0.6 * height))
    read = sum(c.isdigit() or c.isupper() or c in "bdfhkltÅ" for word in words for c in word.text)
    return bool(outside <= 0.05 * height * height and tall <= read)


def _confirmed(signal: np.ndarray, words: tuple[Word, ...], first: Length) -> Length | None:
    """A length read again, alone and at other sizes: what two readings agree on, and None where digits differ."""
    readings = [(first, min(word.digits_confidence for word in words))]
    whole = Line((Word(hull(words)),))
    for margin in REREAD_MARGINS:
        again = read_line(signal, whole, margin=margin).words
        length = parse_length(" ".join(word.text for word in again))
        if length is not None:
            readings.append((length, min(word.digits_confidence for word in again)))
    certain = [length for length, certainty in readings if certainty >= SURE_DIGITS]
    if len(certain) < 2 or len({length.text.split()[0] for length, _ in readings}) > 1:
        return None
    sure = [length for length in certain if length.sure]
    if len({length.um for length in sure}) > 1:
        return None
    if len(sure) >= 2:
        return sure[0]
    return next(length for length in certain if not length.sure)


def _length_texts(lines: Sequence[Line], taken: set[Box]) -> list[tuple[tuple[Word, ...], Length]]:
    """Up to three neighbouring words that are a length and no label's value."""
    found: list[tuple[tuple[Word, ...], Length]] = []
    for line in lines:
        words = line.words
        for k, word in enumerate(words):
            for group in (words[k : k + 1], words[k : k + 2], words[k : k + 3]):
                if any(b.box[2] - a.box[3] > 1.3 * word.height for a, b in pairwise(group)):
                    continue
                length = parse_length(" ".join(w.text for w in group))
                if length is not None and not any(w.box in taken for w in group):
                    found.append((group, length))
    return found


def hull(words: Sequence[Word]) -> Box:
    boxes = [word.box for word in words]
    return (min(b[0] for b in boxes), max(b[1] for b in boxes), min(b[2] for b in boxes), max(b[3] for b in boxes))


def distance(a: Box, b: Box) -> float:
    rows = max(0, max(a[0], b[0]) - min(a[1], b[1]))
    cols = max(0, max(a[2], b[2]) - min(a[3], b[3]))
    return float(np.hypot(rows, cols))


def _moved_box(box: Box, rows: int, cols: int) -> Box:
    return (box[0] + rows, box[1] + rows, box[2] + cols, box[3] + cols)


def moved_line(line: Line, rows: int, cols: int) -> Line:
    return Line(tuple(replace(word, box=_moved_box(word.box, rows, cols)) for word in line.words))


def moved_ruler(ruler: Ruler, rows: int, cols: int) -> Ruler:
    strokes = tuple(_moved_box(stroke, rows, cols) for stroke in ruler.strokes)
    return replace(ruler, box=_moved_box(ruler.box, rows, cols), strokes=strokes)


def moved_match(match: Match | None, rows: int, cols: int) -> Match | None:
    if match is None:
        return None
    ruler = moved_ruler(match.ruler, rows, cols)
    return replace(match, ruler=ruler, words=moved_line(Line(match.words), rows, cols).words)
