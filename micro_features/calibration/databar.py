"""Panels: rectangles of one flat grey level, drawn on a picture to carry text, and bars made of them.

A drawn background has what no detector gives: one exact level (a few levels after JPEG), four straight sides, and
inside it marks of strong contrast. A dark picture bottom has the first at best.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from micro_features.data import Box

MAX_PANEL_SHARE = 0.45  # of the picture; more than that is picture, or a blank page
EDGE_ROWS = 4  # picture rows or columns that vendors leave between a bar and the picture's edge
MAX_STRIP_SHARE = 0.3  # of the picture's rows or columns, for strips
MAX_NOISE = 2.0  # grey levels, of a drawn background after JPEG
FRAME_PX = 8  # thickest frame or rule around a panel


@dataclass(frozen=True)
class Panel:
    """A flat rectangle with marks in it.

    Attributes
    ----------
    box : Box
        With its frame.
    level : int
        Grey level of its background, 0 to 255.
    tolerance : int
        How far its background strays from that level.
    cells : tuple of Box
        Its flat parts without the rules between them.
    """

    box: Box
    level: int
    tolerance: int
    cells: tuple[Box, ...]


def eight_bit(pixels: np.ndarray, full_scale: float) -> np.ndarray:
    """Pixels as 8-bit, white at 255, whatever they were stored as; (rows, cols) or (rows, cols, 3)."""
    if pixels.dtype == np.uint8 and full_scale == 255:
        return pixels
    with np.errstate(invalid="ignore"):
        scaled = np.nan_to_num(pixels.astype(np.float32) * np.float32(255 / full_scale), posinf=255, neginf=0)
    return np.clip(scaled + 0.5, 0, 255).astype(np.uint8)


def flat_levels(grey: np.ndarray, most: int = 5) -> list[tuple[int, int]]:
    """Grey levels that stand out in the histogram of the pixels that equal their neighbours.

    Returns
    -------
    list of (level, tolerance)
        The commonest first; the tolerance is 1 for levels that may be exact and 8 for such as JPEG may have spread.
    """
    step = max(1, grey.shape[0] // 1500)
    sample = grey[::step]
    flat = cv2.absdiff(sample[:, 1:], sample[:, :-1]) <= 2
    counts = np.bincount(sample[:, 1:][flat], minlength=256).astype(float)
    near = np.convolve(counts, np.ones(5), "same")
    levels: list[tuple[int, int]] = []
    for _ in range(most):
        top = int(near.argmax())
        if near[top] < 0.002 * sample.size:
            break
        window = slice(max(0, top - 2), top + 3)
        level = max(0, top - 2) + int(counts[window].argmax())
        beside = np.delete(counts[window], int(counts[window].argmax()))
        if counts[level] > 6 * beside.max():
            levels.append((level, 1))
        if counts[level] < 200 * beside.max():
            levels.append((level, 8))
        near[max(0, level - 8) : level + 9] = 0
    return levels


def find_panels(grey: np.ndarray) -> list[Panel]:
    """All panels of a picture, largest first.

    Parameters
    ----------
    grey : (rows, cols) uint8 array
    """
    cells = []
    for level, tolerance in flat_levels(grey):
        for box in _flat_rectangles(grey, level, tolerance):
            suspect = _area(box) > 0.5 * MAX_STRIP_SHARE * grey.size or not _has_marks(grey, box, level, tolerance)
            cells.append((_without_picture(grey, box, level) if suspect else box, level, tolerance))
    written = [cell for cell in cells if _has_marks(grey, *cell)]
    # What JPEG broke up at the strict tolerance is whole at the loose one.
    written = [cell for cell in written if not any(_is_part(cell[0], other[0]) for other in written)]
    panels = []
    while written:
        group, written = _grow(written[:1], written[1:])
        box = _hull([cell[0] for cell in group])
        # Cells without text belong too, where they do not reach beyond the cells that have some.
        group += [
            cell
            for cell in cells
            if cell not in group and abs(cell[1] - group[0][1]) <= cell[2] and _fills_gap(cell[0], box)
        ]
        box = _hull([cell[0] for cell in group])
        level, tolerance = group[0][1], group[0][2]
        box = _snap(grey, _to_full_width(grey, box, level, tolerance), level)
        tolerance = _tolerance(crop(grey, box), level)
        panels.append(
            Panel(_with_frame(grey, box, level, tolerance), level, tolerance, tuple(sorted(c[0] for c in group)))
        )
    panels = [p for p in panels if _area(p.box) <= _largest(p.box, grey.shape)]
    panels.sort(key=lambda p: -_area(p.box))
    outer: list[Panel] = []
    for panel in panels:
        if not any(_overlap(panel.box, o.box) > 0.5 * _area(panel.box) for o in outer):
            outer.append(panel)
    return outer


def side_of(box: Box, shape: tuple[int, int]) -> str:
    """Which side a panel takes up whole, or ``"inside"``."""
    rows, cols = shape
    first_row, last_row, first_col, last_col = box
    wide = last_col - first_col + 1 >= 0.9 * cols and first_col <= 3 * EDGE_ROWS
    high = last_row - first_row + 1 >= 0.9 * rows and first_row <= 3 * EDGE_ROWS
    if wide and last_row >= rows - 1 - EDGE_ROWS:
        return "bottom"
    if wide and first_row <= EDGE_ROWS:
        return "top"
    if high and first_col <= EDGE_ROWS:
        return "left"
    if high and last_col >= cols - 1 - EDGE_ROWS:
        return "right"
    return "inside"


def _largest(box: Box, shape: tuple[int, ...]) -> float:
    strip = side_of(box, (shape[0], shape[1])) != "inside"
    return (MAX_STRIP_SHARE if strip else MAX_PANEL_SHARE) * shape[0] * shape[1]


def to_edges(box: Box, side: str, shape: tuple[int, int]) -> Box:
    """A strip's box stretched over the few picture rows and columns between it and the picture's edge."""
    rows, cols = shape
    first_row, last_row, first_col, last_col = box
    if side in ("bottom", "top"):
        first_col, last_col = 0, cols - 1
    if side in ("left", "right"):
        first_row, last_row = 0, rows - 1
    return (
        0 if side == "top" else first_row,
        rows - 1 if side == "bottom" else last_row,
        0 if side == "left" else first_col,
        cols - 1 if side == "right" else last_col,
    )


def _flat_rectangles(grey: np.ndarray, level: int, tolerance: int) -> list[Box]:
    near = cv2.inRange(grey, max(0, level - tolerance), min(255, level + tolerance))
    opened = cv2.morphologyEx(near, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    n, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    boxes = []
    for k in range(1, n):
        x, y, w, h, area = stats[k]
        if w < 24 or h < 10 or area < 0.0004 * grey.size or area < 0.3 * w * h:
            continue
        if area > 0.98 * grey.size:
            continue
        part = labels[y : y + h, x : x + w] == k
        # A leak into picture of the same grey is thinner than the panel: cut it off from outside.
        for _ in range(2):
            full_rows = np.flatnonzero(part.mean(axis=1) >= 0.45)
            if not full_rows.size:
                break
            y, part = y + full_rows[0], part[full_rows[0] : full_rows[-1] + 1]
            full_cols = np.flatnonzero(part.mean(axis=0) >= 0.3)
            if not full_cols.size:
                break
            x, part = x + full_cols[0], part[:, full_cols[0] : full_cols[-1] + 1]
        h, w = part.shape
        if w < 24 or h < 10:
            continue
        # JPEG's ringing spoils the outermost lines: the best of three counts.
        region = np.abs(grey[y : y + h, x : x + w].astype(np.int16) - level) <= max(8, tolerance)
        by_row, by_col = region.mean(axis=1), region.mean(axis=0)
        sides = (by_row[:3].max(), by_row[-3:].max(), by_col[:3].max(), by_col[-3:].max())
        if min(sides) < 0.6 or np.mean(sides) < 0.9:
            continue
        box = (int(y), int(y + h - 1), int(x), int(x + w - 1))
        if _stands_out(near, box):
            boxes.append(box)
    return boxes


def _without_picture(grey: np.ndarray, box: Box, level: int) -> Box:
    """A strip's box without the dark (or saturated) picture beside it that it was taken together with.

    A strip begins with blank rows; rows of a picture are never wholly of one exact level.
    """
    side = side_of(box, (grey.shape[0], grey.shape[1]))
    share = (contrast(crop(grey, box), level) <= 1).mean(axis=1)
    blank = (share if side == "bottom" else share[::-1]) >= 0.99
    begins = np.flatnonzero(blank[:-1] & blank[1:])
    if side not in ("bottom", "top") or not begins.size or begins[0] < EDGE_ROWS:
        return box
    cut = int(begins[0])
    return (box[0] + cut, *box[1:]) if side == "bottom" else (box[0], box[1] - cut, *box[2:])


def _stands_out(near: np.ndarray, box: Box) -> bool:
    """Whether the level ends just outside each of the rectangle's sides that is not the picture's edge."""
    first_row, last_row, first_col, last_col = box
    rows, cols = near.shape
    above = near[max(0, first_row - 4) : first_row, first_col : last_col + 1].mean(axis=1)
    below = near[last_row + 1 : last_row + 5, first_col : last_col + 1].mean(axis=1)
    left = near[first_row : last_row + 1, max(0, first_col - 4) : first_col].mean(axis=0)
    right = near[first_row : last_row + 1, last_col + 1 : last_col + 5].mean(axis=0)
    # A strip's own picture may be dark where the strip is black; a box has picture all around to tell it from.
    most = (0.4 if side_of(box, (rows, cols)) == "inside" else 0.6) * 255
    return all(shares.size == 0 or shares.min() < most for shares in (above, below, left, right))


def _snap(grey: np.ndarray, box: Box, level: int) -> Box:
    """Box with each side moved out, by up to eight lines, to where the picture sets in.

    JPEG's ringing keeps the outermost lines of a panel from being its level; the change from panel to picture is
    still the largest step there is.
    """
    first_row, last_row, first_col, last_col = box
    rows, cols = slice(first_row, last_row + 1), slice(first_col, last_col + 1)
    reach = 8

    def lines_out(lines: np.ndarray) -> int:
        """How many lines to go out; `lines` run outwards from the outermost of the panel."""
        off = np.median(np.abs(lines.astype(int) - level), axis=1)
        steps = np.diff(off)
        if steps.size and steps.max() > 8:
            return int(steps.argmax())
        return steps.size if steps.size < reach else 0  # at the picture's edge there is no picture to set in

    return (
        first_row - lines_out(grey[max(0, first_row - reach) : first_row + 1, cols][::-1]),
        last_row + lines_out(grey[last_row : last_row + 1 + reach, cols]),
        first_col - lines_out(grey[rows, max(0, first_col - reach) : first_col + 1].T[::-1]),
        last_col + lines_out(grey[rows, last_col : last_col + 1 + reach].T),
    )


def _has_marks(grey: np.ndarray, box: Box, level: int, tolerance: int) -> bool:
    """Whether there are at least two marks of glyph size and strong contrast in a flat rectangle."""
    inside = crop(grey, box)
    background = inside[contrast(inside, level) <= tolerance]
    if _area(box) > MAX_PANEL_SHARE * grey.size or background.std() > MAX_NOISE:
        return False
    ink = (contrast(inside, level) > max(30, 3 * tolerance)).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    stats = stats[1:]
    rows = inside.shape[0]
    glyphs = (stats[:, 3] >= 5) & (stats[:, 3] <= 0.9 * rows) & (stats[:, 4] >= 6) & (stats[:, 2] <= 40 * stats[:, 3])
    return bool(np.count_nonzero(glyphs) >= 2)


def _grow(group: list, rest: list) -> tuple[list, list]:
    """Cells of one level that are parted by rules only, gathered."""
    found = True
    while found:
        found = False
        for cell in list(rest):
            if any(abs(cell[1] - g[1]) <= g[2] and _neighbours(cell[0], g[0]) for g in group):
                group, found = [*group, cell], True
                rest = [other for other in rest if other is not cell]
    return group, rest


def _neighbours(a: Box, b: Box) -> bool:
    gap_rows = max(a[0], b[0]) - min(a[1], b[1]) - 1
    gap_cols = max(a[2], b[2]) - min(a[3], b[3]) - 1
    return gap_rows <= FRAME_PX and gap_cols <= FRAME_PX and min(gap_rows, gap_cols) <= 0


def _fills_gap(cell: Box, box: Box) -> bool:
    in_rows = cell[0] >= box[0] - 1 and cell[1] <= box[1] + 1
    in_cols = cell[2] >= box[2] - 1 and cell[3] <= box[3] + 1
    return (in_rows or in_cols) and _neighbours(cell, box) and _area(cell) <= _area(box)


def _tolerance(inside: np.ndarray, level: int) -> int:
    """1 for a background of one exact level, 8 for one that JPEG has made uneven."""
    off = contrast(inside, level)
    background = off[off <= 12]
    return 8 if np.count_nonzero(background) > 0.02 * background.size else 1


def _to_full_width(grey: np.ndarray, box: Box, level: int, tolerance: int) -> Box:
    """Box taken to the picture's sides where its first and last rows go on that far."""
    ends = grey[[box[0], box[1]]].astype(int)
    if box[3] - box[2] + 1 >= 0.5 * grey.shape[1] and np.mean(np.abs(ends - level) <= tolerance, axis=1).min() >= 0.9:
        return (box[0], box[1], 0, grey.shape[1] - 1)
    return box


def _with_frame(grey: np.ndarray, box: Box, level: int, tolerance: int) -> Box:
    """Box widened by the frame or rule around it: lines of one level other than the panel's."""
    first_row, last_row, first_col, last_col = box
    rows, cols = grey.shape

    def line(side: str, at: int) -> np.ndarray | None:
        if side in ("top", "bottom"):
            return grey[at, first_col : last_col + 1] if 0 <= at < rows else None
        return grey[first_row : last_row + 1, at] if 0 <= at < cols else None

    def thickness(side: str, start: int, step: int) -> int:
        frame_level = None
        for k in range(FRAME_PX + 1):
            values = line(side, start + k * step)
            if values is None:
                return k if k <= 2 else 0  # at the picture's edge nothing tells a thick frame from picture
            middle = int(np.median(values))
            # Ringing makes a thin rule uneven; it is still far from the panel's level everywhere.
            same = np.mean(np.abs(values.astype(int) - middle) <= max(2, 2 * tolerance)) >= 0.95
            if not same or abs(middle - level) <= max(8, 2 * tolerance):
                return k
            if frame_level is not None and abs(middle - frame_level) > max(2, 2 * tolerance):
                return k
            frame_level = middle
        return 0  # no end to it: a picture of one colour, not a frame

    return (
        first_row - thickness("top", first_row - 1, -1),
        last_row + thickness("bottom", last_row + 1, 1),
        first_col - thickness("left", first_col - 1, -1),
        last_col + thickness("right", last_col + 1, 1),
    )


def contrast(image: np.ndarray, level: int) -> np.ndarray:
    """Distance of each pixel of an 8-bit image from a grey level."""
    return cv2.LUT(image, np.abs(np.arange(256) - level).astype(np.uint8)).astype(np.uint8, copy=False)


def crop(image: np.ndarray, box: Box) -> np.ndarray:
    """View of the part of an image that a box encloses."""
    return image[box[0] : box[1] + 1, box[2] : box[3] + 1]


def _hull(boxes: list[Box]) -> Box:
    return (min(b[0] for b in boxes), max(b[1] for b in boxes), min(b[2] for b in boxes), max(b[3] for b in boxes))


def _area(box: Box) -> int:
    return (box[1] - box[0] + 1) * (box[3] - box[2] + 1)


def _is_part(cell: Box, other: Box) -> bool:
    return _area(cell) < _area(other) and _overlap(cell, other) >= 0.8 * _area(cell)


def _overlap(a: Box, b: Box) -> int:
    rows = min(a[1], b[1]) - max(a[0], b[0]) + 1
    cols = min(a[3], b[3]) - max(a[2], b[2]) + 1
    return max(0, rows) * max(0, cols)
