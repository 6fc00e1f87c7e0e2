"""One region of a picture: its rulers, its text, and which of them belong together."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np

from micro_features.calibration.fields import Length, doubted, is_round, parse_length, texts_of
from micro_features.calibration.scalebar import Ruler
from micro_features.calibration.text import Line, Word, read_line
from micro_features.data import Box

NEAR = 4.0  # glyph heights between a scale bar and its own text, mostly
SURE_DIGITS = 0.7  # confidence of the least certain digit beside a scale bar
SMALL_DIGITS = 8  # rows; a decimal point between smaller ones is less than a pixel
FAINT = 0.25  # of the strongest ink
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


def pair(
    rulers: Sequence[Ruler], lines: Sequence[Line], signal: np.ndarray, *, reach: float, anywhere: bool = False
) -> Match | None:
    """The ruler and the length text that belong together: nearest to each other, and read twice alike.

    `reach` is in glyph heights. If there is one ruler and one length, they may be `anywhere`.
    """
    _, labelled = texts_of(lines)
    taken = {word.box for word in labelled}
    lengths = _length_texts(lines, taken)
    alone = anywhere and len(rulers) == 1 and len(lengths) == 1 and lengths[0][1].sure and is_round(lengths[0][1])
    candidates = []
    for words, length in lengths:
        height = max(word.height for word in words)
        box = hull(words)
        for ruler in rulers:
            gap = distance(box, ruler.box) / height
            if (
                (alone or gap <= (reach if ruler.kind != "solid" else min(reach, 10.0)))
                and ruler.length_px >= 1.2 * height
                and not _within_word(ruler, lines)
            ):
                candidates.append((gap + (1.0 if ruler.kind == "solid" else 0.0), ruler, words, length))
    if not candidates:
        return None
    candidates.sort(key=lambda c: (not c[3].sure, c[0], -len(c[2])))
    _, ruler, words, length = candidates[0]
    own = {word.box for word in words}
    height = max(word.height for word in words)
    # Smaller signs next to a length may be a power of its unit.
    others = [word for line in lines for word in line.words if word.text and word.height >= 0.7 * height]
    rest = [*ruler.strokes, *(word.box for word in others if word.box not in own)]
    digit_rows = _digit_rows(signal, words, rest)
    confirmed = _confirmed(signal, words, length) if digit_rows else None
    if confirmed and digit_rows < SMALL_DIGITS and re.match(r"\d\d", confirmed.text):
        confirmed = doubted(confirmed)  # there may have been a decimal point
    match = Match(ruler, words, " ".join(word.text for word in words), confirmed)
    apart = [c for c in candidates if c[0] <= NEAR and c[1] is not ruler and not own & {word.box for word in c[2]}]
    return unless_contradicted(match, [Match(r, w, "", size) for _, r, w, size in apart if size.sure])


def unless_contradicted(match: Match, others: Sequence[Match]) -> Match:
    """The match, its length withheld where another scale bar of the same picture says something else."""
    if match.length is None:
        return match
    size = match.length.um / match.ruler.length_px
    # Lengths that are not round are what somebody measured.
    lengths = [(other.ruler, other.length) for other in others if other.length]
    sizes = [length.um / ruler.length_px for ruler, length in lengths if is_round(length) or not is_round(match.length)]
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


def _digit_rows(signal: np.ndarray, words: tuple[Word, ...], rest: Sequence[Box]) -> int:
    """Height of the first digit of a text that is whole, else 0.

    A whole text has no more tall glyphs than were read, and no ink next to it: `10` is no part of `100`.
    """
    first_row, last_row, first_col, last_col = hull(words)
    height = last_row - first_row + 1
    beside, raised = round(0.5 * height), min(first_row, round(0.4 * height))
    left, right = max(0, first_col - beside), min(signal.shape[1], last_col + 1 + beside)
    around = signal[first_row - raised : last_row + 1, left:right].copy()
    for top, bottom, start, end in rest:
        rows = slice(max(0, top - 1 - first_row + raised), max(0, bottom + 2 - first_row + raised))
        around[rows, max(0, start - 1 - left) : max(0, end + 2 - left)] = 0
    own = slice(first_col - left, last_col + 1 - left)
    strongest = around[:, own].max(initial=1)
    # What was cut off may be paler than what was read; a power of the unit stands higher, but not above other text.
    faint = around > FAINT * strongest
    outside = np.count_nonzero(faint[raised:, : own.start]) + np.count_nonzero(faint[:, own.stop :])
    _, _, stats, _ = cv2.connectedComponentsWithStats((around[raised:, own] > 0.5 * strongest).astype(np.uint8))
    top, rows_high = stats[1:, 1], stats[1:, 3]
    high = np.flatnonzero(rows_high >= 0.5 * height)
    if not high.size or outside > 0.05 * height * height:
        return 0
    # As tall as the first digit are digits and capitals; small letters are not, and a µ goes below the baseline.
    digit = high[stats[1:][high, 0].argmin()]
    slack = 0.12 * rows_high[digit]
    lower, deeper = top - top[digit], top + rows_high - top[digit] - rows_high[digit]
    tall = (lower <= slack) & (np.abs(deeper) <= 1 + slack) & (lower >= -1 - slack)
    read = sum(c.isdigit() or c.isupper() or c in "bdfhkltÅ" for word in words for c in word.text)
    return int(rows_high[digit]) if np.count_nonzero(tall) <= read else 0


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
    if len(certain) < 2 or certain[0] is not first or len({length.text.split()[0] for length, _ in readings}) > 1:
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
            if k and _ends_in_number(words[k - 1]) and word.box[2] - words[k - 1].box[3] <= 1.3 * word.height:
                continue  # the number begins further left: `0 5µm` was 0.5 µm
            for end in range(k + 1, min(k + 3, len(words)) + 1):
                group = words[k:end]
                if any(b.box[2] - a.box[3] > 1.3 * word.height for a, b in pairwise(group)):
                    continue
                length = parse_length(" ".join(w.text for w in group))
                if length is not None and not any(w.box in taken for w in group):
                    found.append((group, length))
    return found


def _ends_in_number(word: Word) -> bool:
    return re.fullmatch(r"[\d.,oO]*[\d.,]", word.text) is not None


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
