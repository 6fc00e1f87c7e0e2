"""Words drawn on a picture: found by their shape, read by a small network that is loaded once per process.

Finding the words ourselves and only recognising them costs a twentieth of the reader's own search for text, and
gives the exact place of every word, which says what belongs to what.
"""

import importlib.util
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from micro_features.data import Box

READ_ROWS = 48  # height of a line as the network wants it
READ_COLS = 1600  # longest line given to it at once
WORD_GAP = 0.72  # of the glyph height: more is a space, less may be the wide pitch of a typewriter face
MARGIN = 0.16  # of the glyph height, blank above and below a line
PASTED_GAP = 1.1  # of the glyph height: wider gaps are shortened to this before reading


@dataclass(frozen=True)
class Word:
    """Glyphs without a space between them.

    Attributes
    ----------
    box : Box
        Of its ink.
    text : str
        As read; empty where nothing was.
    confidence : float
        Of the least certain character, 0 to 1.
    digits_confidence : float
        Of the least certain digit; 1 where there is none.
    """

    box: Box
    text: str = ""
    confidence: float = 0.0
    digits_confidence: float = 1.0

    @property
    def height(self) -> int:
        """Rows from the first to the last of its ink."""
        return self.box[1] - self.box[0] + 1


@dataclass(frozen=True)
class Line:
    """Words on one baseline, left to right."""

    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        """Its words, parted by single spaces."""
        return " ".join(word.text for word in self.words if word.text)


def can_read() -> bool:
    """Whether the optional text reader is installed."""
    try:
        return all(importlib.util.find_spec(name) is not None for name in ("rapidocr", "onnxruntime"))
    except ValueError:  # a module that was blocked has no specification
        return False


def find_lines(glyphs: np.ndarray) -> list[Line]:
    """Glyph boxes gathered into words and the words into lines, top to bottom.

    Parameters
    ----------
    glyphs : (n, 4) int array
        First row, last row, first column, last column of each connected piece of ink.
    """
    if not len(glyphs):
        return []
    heights = glyphs[:, 1] - glyphs[:, 0] + 1
    # A logo is taller than text: letters beside it are not its dots, nor lines beside it one line.
    usual = float(np.median(heights[heights >= 5])) if (heights >= 5).any() else 5.0
    words = _groups(_one_word(glyphs, usual), glyphs)
    labels = _labels(_one_line(words, usual))
    lines = []
    for label in np.unique(labels):
        members = words[labels == label]
        # A speck is no text: something in a line must be as tall as a small letter.
        if (members[:, 1] - members[:, 0]).max() >= 4:
            boxes = members[members[:, 2].argsort()].tolist()
            lines.append(Line(tuple(Word((box[0], box[1], box[2], box[3])) for box in boxes)))
    return sorted(lines, key=lambda line: (min(w.box[0] for w in line.words), line.words[0].box[2]))


def _one_word(glyphs: np.ndarray, usual: float) -> np.ndarray:
    """Which pairs of glyphs stand together; dots, commas and dashes count by their taller neighbour."""
    heights, widths = glyphs[:, 1] - glyphs[:, 0] + 1, glyphs[:, 3] - glyphs[:, 2] + 1
    taller, shorter = np.maximum.outer(heights, heights), np.minimum.outer(heights, heights)
    narrower = np.minimum.outer(widths, widths)
    small = (shorter <= 0.45 * taller) & (narrower <= 0.8 * taller) & (taller <= 2.2 * usual)
    rows_shared, gap = _shared(glyphs[:, 0], glyphs[:, 1]), -_shared(glyphs[:, 2], glyphs[:, 3])
    beside = (rows_shared >= 0.4 * shorter) & (
        gap <= WORD_GAP * np.where(small, taller, np.minimum(taller, 1.6 * shorter))
    )
    # The two strokes of `=` and the dots of `:` lie above one another.
    stacked = (gap < 0) & (-gap >= 0.7 * narrower) & (taller <= 4) & (rows_shared >= -1.5 * narrower)
    return (beside & (small | (taller <= 2.3 * shorter))) | stacked


def _one_line(words: np.ndarray, usual: float) -> np.ndarray:
    """Which pairs of words share a baseline; a lone ``=`` or dash goes with the words beside it."""
    heights, widths = words[:, 1] - words[:, 0] + 1, words[:, 3] - words[:, 2] + 1
    taller, shorter = np.maximum.outer(heights, heights), np.minimum.outer(heights, heights)
    rows_shared, gap = _shared(words[:, 0], words[:, 1]), -_shared(words[:, 2], words[:, 3])
    sign = (shorter <= 0.5 * np.minimum(taller, usual)) & (np.minimum.outer(widths, widths) <= taller)
    sign &= (gap <= 1.5 * taller) & (taller <= 2.2 * usual)
    return (rows_shared >= 0.65 * shorter) & ((taller <= 1.8 * shorter) | sign)


def read_line(signal: np.ndarray, line: Line, *, margin: float = MARGIN) -> Line:
    """The same line with its words read.

    Parameters
    ----------
    signal : (rows, cols) uint8 array
        Strength of ink: 0 is background, the brighter the more certainly text.
    margin : float
        Blank rows left above and below, of the glyph height; another margin makes another reading.
    """
    height = max(word.height for word in line.words)
    longest = READ_COLS / READ_ROWS * 1.3 * height
    read: list[Word] = []
    batch: list[Word] = []
    length = 0.0
    for word in line.words:
        width = word.box[3] - word.box[2] + 1 + PASTED_GAP * height
        if batch and length + width > longest:
            read += _read_words(signal, batch, margin)
            batch, length = [], 0.0
        batch.append(word)
        length += width
    return Line(tuple(read + _read_words(signal, batch, margin)))


def _read_words(signal: np.ndarray, words: list[Word], margin: float) -> list[Word]:
    strip, starts, ends = _paste(signal, words, margin)
    result = _engine()(strip, use_det=False, use_cls=False, use_rec=True, return_word_box=True)
    if not result.txts or not result.txts[0]:
        return words
    info = result.word_results[0]
    columns = [column for word in info.word_cols for column in word]
    x = (np.array(columns) + 0.5) / info.line_txt_len * strip.shape[1]
    # Each character goes to the word it stands in, or next to; a space that was read parts it further.
    outside = np.maximum(starts[None, :] - x[:, None], x[:, None] - ends[None, :])
    owner = outside.argmin(axis=1) if len(x) else np.zeros(0, int)
    parts: list[list[tuple[int, str, float, float]]] = []
    glyph, spaced = 0, True
    for character, certainty in zip(result.txts[0], info.confs, strict=False):
        if character.isspace() or glyph >= len(owner):
            spaced = True
            continue
        k = int(owner[glyph])
        if spaced or k != parts[-1][-1][0]:
            parts.append([])
        parts[-1].append((k, character, float(certainty), float(x[glyph])))
        glyph, spaced = glyph + 1, False
    return _parts_as_words(signal, words, parts, starts, ends) if parts else words


def _parts_as_words(
    signal: np.ndarray,
    words: list[Word],
    parts: list[list[tuple[int, str, float, float]]],
    starts: np.ndarray,
    ends: np.ndarray,
) -> list[Word]:
    """Runs of characters as words of their own, parted where the widest gap lies between them."""
    found: list[Word] = []
    for number, part in enumerate(parts):
        k = part[0][0]
        first_row, last_row, first, last = words[k].box
        if found and parts[number - 1][0][0] == k:
            scale = (last - first + 1) / (ends[k] - starts[k])
            between = [
                int(np.clip(first + (x - starts[k]) * scale, first, last))
                for x in (parts[number - 1][-1][3], part[0][3])
            ]
            ink = (signal[first_row : last_row + 1, between[0] : between[1] + 1] > 40).any(axis=0)
            gap = _widest_gap(np.asarray(ink))
            before = found[-1]
            found[-1] = Word((*before.box[:3], between[0] + gap[0] - 1), before.text, before.confidence)
            first = between[0] + gap[1] + 1
        text = "".join(character for _, character, _, _ in part)
        certainty = min(c for _, _, c, _ in part)
        digits = min((c for _, sign, c, _ in part if sign.isdigit()), default=1.0)
        found.append(Word((first_row, last_row, first, last), text, certainty, digits))
    return found


def _widest_gap(ink: np.ndarray) -> tuple[int, int]:
    """First and last index of the longest run without ink; the middle where there is none."""
    edges = np.flatnonzero(np.diff(np.concatenate(([1], ink.astype(np.int8), [1]))))
    if not edges.size:
        return len(ink) // 2, len(ink) // 2
    runs = edges.reshape(-1, 2)
    first, end = runs[(runs[:, 1] - runs[:, 0]).argmax()]
    return int(first), int(end - 1)


def _paste(signal: np.ndarray, words: list[Word], blank: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Words side by side, black on white, and the columns at which each starts and ends."""
    first = min(word.box[0] for word in words)
    last = max(word.box[1] for word in words)
    height = last - first + 1
    margin = max(2, round(blank * height))
    pieces, starts, ends = [], [], []
    at = 0
    before: int | None = None
    for word in words:
        gap = round(0.5 * height) if before is None else word.box[2] - before - 1
        gap = min(gap, round(PASTED_GAP * height))
        pieces.append(np.zeros((height + 2 * margin, max(gap, 0)), np.uint8))
        at += max(gap, 0)
        piece = np.zeros((height + 2 * margin, word.box[3] - word.box[2] + 1), np.uint8)
        top = max(word.box[0] - 1, 0)
        ink = signal[top : word.box[1] + 2, word.box[2] : word.box[3] + 1]
        # Grey labels and white values are made equally strong.
        strength = max(int(ink.max(initial=0)), 1)
        offset = margin + top - first
        piece[offset : offset + len(ink)] = np.minimum(ink.astype(np.float32) * (255 / strength), 255)
        starts.append(at)
        at += piece.shape[1]
        ends.append(at)
        pieces.append(piece)
        before = word.box[3]
    pieces.append(np.zeros((height + 2 * margin, round(0.5 * height)), np.uint8))
    strip = 255 - np.hstack(pieces)
    factor = READ_ROWS / strip.shape[0]
    size = (max(1, round(strip.shape[1] * factor)), READ_ROWS)
    scaled = cv2.resize(strip, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    return cv2.cvtColor(scaled, cv2.COLOR_GRAY2RGB), np.array(starts) * factor, np.array(ends) * factor


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR  # takes most of a second and is optional

    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def _shared(first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Pixels that each pair of intervals has in common; negative is the gap between them."""
    return np.minimum.outer(last, last) - np.maximum.outer(first, first) + 1


def _labels(joined: np.ndarray) -> np.ndarray:
    labels: np.ndarray = connected_components(csr_array(joined), directed=False)[1]
    return labels


def _groups(joined: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    labels = _labels(joined)
    n = int(labels.max()) + 1
    hull = np.empty((n, 4), int)
    for column, (reduce, start) in enumerate(((np.minimum, 1 << 30), (np.maximum, -1)) * 2):
        hull[:, column] = start
        reduce.at(hull[:, column], labels, boxes[:, column])
    return hull
