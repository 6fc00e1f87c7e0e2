"""What is drawn on a picture: data bar, boxes, scale bar and text, and what the text says."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise

import cv2
import numpy as np

from micro_features.calibration import databar
from micro_features.calibration.databar import Panel, crop
from micro_features.calibration.fields import Length, parse_fields, parse_length, texts_of
from micro_features.calibration.scalebar import Ruler, find_rulers
from micro_features.calibration.tags import acquisition_from_tags
from micro_features.calibration.text import Line, Word, can_read, find_lines, read_line
from micro_features.data import Acquisition, Annotations, Box, Picture, ScaleBar

SHORTEST_RULER = 0.02  # of the picture's width
MASK_MARGIN = 2  # pixels around ink burned straight onto the picture
MOST_LINES = 30  # of text that are read in one picture
NEAR = 4.0  # glyph heights between a scale bar and its own text, mostly
SURE_DIGITS = 0.7  # confidence of the least certain digit beside a scale bar
REREAD_MARGINS = (0.1, 0.28)
WHITE, BLACK, COLOUR = 232, 16, 56  # levels, and difference between channels, that burned-in ink has


@dataclass(frozen=True)
class _Match:
    """A ruler, the text beside it and the length that the text says."""

    ruler: Ruler
    words: tuple[Word, ...]
    text: str
    length: Length | None


@dataclass(frozen=True)
class _Found:
    """What one panel, or the picture outside panels, holds."""

    lines: tuple[Line, ...]
    match: _Match | None


def read_annotations(picture: Picture, *, read_text: bool = True) -> Annotations:
    """Find what is drawn on a picture and read it.

    Parameters
    ----------
    picture : Picture
    read_text : bool
        False: geometry only; so it is too where the text reader is not installed.

    Returns
    -------
    Annotations
        ``text_read`` is False where there was text and no reader. A scale bar whose text could not be read beyond
        doubt has ``length_um`` None.
    """
    image = databar.eight_bit(picture.pixels, picture.full_scale)
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    shape = (grey.shape[0], grey.shape[1])
    reading = read_text and can_read()

    panels: list[tuple[Panel, _Found]] = []
    for panel in databar.find_panels(grey):
        found = _read_panel(grey, panel, reading)
        if _is_written(found) if reading else found.lines:
            panels.append((panel, found))
    strips = [pair for pair in panels if databar.side_of(pair[0].box, shape) != "inside"]
    main = next((pair for pair in strips if pair[1].match), None) or next(iter(strips), None)
    main = main or next((pair for pair in panels if pair[1].match), None) or next(iter(panels), None)
    side = databar.side_of(main[0].box, shape) if main else "none"
    masked = [databar.to_edges(panel.box, databar.side_of(panel.box, shape), shape) for panel, _ in panels]
    lines = [line for _, found in panels for line in found.lines]
    match = main[1].match if main else None
    match = match or next((found.match for _, found in panels if found.match and found.match.length), None)
    if match is not None:
        match = _unless_contradicted(match, [found.match for _, found in panels if found.match])

    if match is None or (reading and match.length is None):
        burned = _read_burned(image, grey, masked, reading)
        if burned.match is not None:
            match = burned.match
            lines += list(burned.lines)
            ink = [word.box for line in burned.lines for word in line.words]
            masked += [_widened(box, shape) for box in _line_boxes(burned.lines)] if ink else []
            masked.append(_widened(match.ruler.box, shape))
            side = "inside" if side == "none" else side

    texts, _ = texts_of(lines)
    return Annotations(
        side=side,
        first_row=main[0].box[0] if main else None,
        last_row=main[0].box[1] if main else None,
        masked=tuple(masked),
        scale_bar=_scale_bar(match) if match else None,
        text=texts if reading else (),
        acquisition=_merged(acquisition_from_tags(picture.tags), parse_fields(texts) if reading else Acquisition()),
        text_read=reading or not (panels or match),
    )


def _is_written(found: _Found) -> bool:
    """Whether what was read in a panel is text, and not the pattern of a picture."""
    if found.match is not None and found.match.length is not None:
        return True
    certain = [word.text for line in found.lines for word in line.words if word.confidence >= 0.8]
    return sum(character.isalnum() for text in certain for character in text) >= 2


def _merged(first: Acquisition, second: Acquisition) -> Acquisition:
    """The first's fields, and the second's where the first has none."""
    names = [field.name for field in fields(Acquisition)]
    known = {name: getattr(first, name) for name in names if getattr(first, name) is not None}
    return replace(second, **known)


def _scale_bar(match: _Match) -> ScaleBar:
    return ScaleBar(
        length_px=match.ruler.length_px,
        length_error_px=match.ruler.length_error_px,
        box=match.ruler.box,
        # The doubtful spelling is what tells of the doubt.
        text=(match.text if match.length is None or match.length.sure else match.length.text) or None,
        length_um=match.length.um if match.length else None,
    )


def _read_panel(grey: np.ndarray, panel: Panel, reading: bool) -> _Found:
    top, _, left, _ = panel.box
    signal = cv2.absdiff(crop(grey, panel.box), panel.level)
    ink = signal > max(24, 3 * panel.tolerance)
    cells = np.zeros(ink.shape, bool)
    for first_row, last_row, first_col, last_col in panel.cells:
        cells[first_row - top : last_row - top + 1, first_col - left : last_col - left + 1] = True
    ink = _without_rules(ink, cells)
    signal = np.where(ink | cv2.dilate(ink.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool), signal, 0)
    shortest = max(14, round(SHORTEST_RULER * min(grey.shape[1], 1400)))
    rulers = find_rulers(ink, signal, shortest_px=shortest)
    lines = find_lines(_glyphs(_without(ink, rulers), ink.shape[0]))[:MOST_LINES]
    if reading:
        lines = [read_line(signal, line) for line in lines]
    match = _pair(rulers, lines, signal, reach=14.0) if reading else _without_text(rulers)
    return _Found(tuple(_moved(line, top, left) for line in lines), _moved_match(match, top, left))


def _without_rules(ink: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Ink without the lines that part a panel's cells: long pieces that lie between the cells."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    inside = np.bincount(labels.ravel(), weights=cells.ravel(), minlength=len(stats))
    long = np.maximum(stats[:, 2], stats[:, 3]) >= 0.4 * ink.shape[0]
    rule = long & (inside < 0.4 * stats[:, 4])
    rule[0] = True
    return ~rule[labels]


def _without(ink: np.ndarray, rulers: Sequence[Ruler]) -> np.ndarray:
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


def _glyphs(ink: np.ndarray, tallest: int) -> np.ndarray:
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    stats = stats[1:]
    keep = (stats[:, 3] <= 0.9 * tallest) & (stats[:, 2] <= 30 * stats[:, 3])
    stats = stats[keep][:1500]
    return np.column_stack(
        (stats[:, 1], stats[:, 1] + stats[:, 3] - 1, stats[:, 0], stats[:, 0] + stats[:, 2] - 1)
    ).astype(int)


def _without_text(rulers: Sequence[Ruler]) -> _Match | None:
    """The likeliest ruler where nothing can be read: the longest with caps or ticks, else the longest."""
    if not rulers:
        return None
    return _Match(max(rulers, key=lambda r: (r.kind != "solid", r.length_px)), (), "", None)


def _pair(rulers: Sequence[Ruler], lines: Sequence[Line], signal: np.ndarray, *, reach: float) -> _Match | None:
    """The ruler and the length text that belong together: nearest to each other, and read twice alike."""
    _, labelled = texts_of(lines)
    taken = {word.box for word in labelled}
    candidates = []
    for words, length in _length_texts(lines, taken):
        height = max(word.height for word in words)
        box = _hull(words)
        for ruler in rulers:
            distance = _distance(box, ruler.box) / height
            if distance <= reach and ruler.length_px >= 1.2 * height and not _within_word(ruler, lines):
                candidates.append((distance + (1.0 if ruler.kind == "solid" else 0.0), ruler, words, length))
    if not candidates:
        return None
    candidates.sort(key=lambda c: (not c[3].sure, c[0], -len(c[2])))
    _, ruler, words, length = candidates[0]
    match = _Match(ruler, words, " ".join(word.text for word in words), _confirmed(signal, words, length))
    own = {word.box for word in words}
    others = [c for c in candidates if c[0] <= NEAR and c[1] is not ruler and not own & {word.box for word in c[2]}]
    return _unless_contradicted(match, [_Match(r, w, "", size) for _, r, w, size in others if size.sure])


def _unless_contradicted(match: _Match, others: Sequence[_Match]) -> _Match:
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


def _confirmed(signal: np.ndarray, words: tuple[Word, ...], first: Length) -> Length | None:
    """A length read again, alone and at other sizes: what two readings agree on, and None where digits differ."""
    readings = [(first, min(word.digits_confidence for word in words))]
    whole = Line((Word(_hull(words)),))
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


def _read_burned(image: np.ndarray, grey: np.ndarray, masked: Sequence[Box], reading: bool) -> _Found:
    """Ruler and text drawn straight onto the picture, in white, black or a pure colour."""
    shortest = max(20, round(0.03 * min(grey.shape[1], 1400)))
    found: list[_Found] = []
    for signal in _burned_layers(image, grey):
        for box in masked:
            crop(signal, box)[:] = 0
        ink = signal >= 128
        if not ink.any():
            continue
        rulers = [r for r in find_rulers(ink, signal, shortest_px=shortest) if _is_crisp(r, ink)]
        rulers = sorted(rulers, key=lambda r: (r.kind == "solid", -r.length_px))[:8]
        for ruler in rulers:
            if reading:
                found.append(_read_around(ink, signal, ruler))
            elif ruler.kind != "solid":  # a bright streak is no bar
                found.append(_Found((), _without_text([ruler])))
    matches = [one.match for one in found if one.match]
    if not matches:
        return _Found((), None)
    lines = next(one.lines for one in found if one.match)
    return _Found(lines, _unless_contradicted(matches[0], matches[1:]))


def _burned_layers(image: np.ndarray, grey: np.ndarray) -> list[np.ndarray]:
    """Signals in which ink of one colour is bright: white, black and, in colour pictures, coloured."""
    # Where the picture itself is nowhere near white, or black, paler ink is ink too.
    dark, bright = np.percentile(grey[::4, ::4], (3, 97))
    white = 255 - 2 * (255 - min(WHITE, (255 + bright) / 2))
    black = 2 * max(BLACK, dark / 2)
    layers = [_stretched(grey, white, 255), 255 - _stretched(grey, 0, black)]
    if image.ndim == 3:
        spread = image.max(axis=2) - image.min(axis=2)
        if np.count_nonzero(spread > COLOUR) >= 40:
            layers.insert(0, _likeness(image, spread))
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


def _read_around(ink: np.ndarray, signal: np.ndarray, ruler: Ruler) -> _Found:
    """Text near a ruler; where it holds a length, all text in the same band of rows."""
    rows, cols = ink.shape
    first_row, last_row, first_col, last_col = ruler.box
    margin = max(40, round(0.09 * rows))
    top, bottom = max(0, first_row - margin), min(rows, last_row + margin + 1)
    band = ink[top:bottom]
    strip = signal[top:bottom]
    here = _moved_ruler(ruler, -top, 0)
    lines = find_lines(_glyphs(_without(band, [here]), band.shape[0]))
    width = last_col - first_col + 1
    near = []
    for line in lines:
        words = [
            w for w in line.words if _distance(w.box, here.box) <= max(0.6 * width, 8 * w.height) and w.height >= 7
        ]
        if words:
            near.append(Line(tuple(words)))
    near = sorted(near, key=lambda line: min(_distance(w.box, here.box) / w.height for w in line.words))[:6]
    read = [read_line(strip, line) for line in near]
    match = _pair([here], read, strip, reach=8.0)
    if match is None or match.length is None:
        return _Found((), None)
    height = max(word.height for word in match.words)
    alike = [Line(tuple(w for w in line.words if 0.4 * height <= w.height <= 2 * height)) for line in lines]
    alike = [line for line in alike if line.words][:12]
    texts = [read_line(strip, line) for line in alike]
    sure = [Line(tuple(w for w in line.words if w.text and w.confidence > 0.3)) for line in texts]
    sure = [line for line in sure if line.words]
    return _Found(tuple(_moved(line, top, 0) for line in sure), _moved_match(match, top, 0))


def _line_boxes(lines: Sequence[Line]) -> list[Box]:
    return [word.box for line in lines for word in line.words]


def _hull(words: Sequence[Word]) -> Box:
    boxes = [word.box for word in words]
    return (min(b[0] for b in boxes), max(b[1] for b in boxes), min(b[2] for b in boxes), max(b[3] for b in boxes))


def _distance(a: Box, b: Box) -> float:
    rows = max(0, max(a[0], b[0]) - min(a[1], b[1]))
    cols = max(0, max(a[2], b[2]) - min(a[3], b[3]))
    return float(np.hypot(rows, cols))


def _widened(box: Box, shape: tuple[int, int]) -> Box:
    return (
        max(0, box[0] - MASK_MARGIN),
        min(shape[0] - 1, box[1] + MASK_MARGIN),
        max(0, box[2] - MASK_MARGIN),
        min(shape[1] - 1, box[3] + MASK_MARGIN),
    )


def _moved_box(box: Box, rows: int, cols: int) -> Box:
    return (box[0] + rows, box[1] + rows, box[2] + cols, box[3] + cols)


def _moved(line: Line, rows: int, cols: int) -> Line:
    return Line(tuple(replace(word, box=_moved_box(word.box, rows, cols)) for word in line.words))


def _moved_ruler(ruler: Ruler, rows: int, cols: int) -> Ruler:
    strokes = tuple(_moved_box(stroke, rows, cols) for stroke in ruler.strokes)
    return replace(ruler, box=_moved_box(ruler.box, rows, cols), strokes=strokes)


def _moved_match(match: _Match | None, rows: int, cols: int) -> _Match | None:
    if match is None:
        return None
    ruler = _moved_ruler(match.ruler, rows, cols)
    return replace(match, ruler=ruler, words=_moved(Line(match.words), rows, cols).words)
