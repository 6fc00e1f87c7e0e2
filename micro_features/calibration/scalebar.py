"""Scale bars: drawn rulers, found by shape and measured below the pixel.

Known are: a solid bar, a line between two end caps (also with its text inside, or cut in two by it) or arrow heads,
and a row of equally spaced ticks. The length is that from edge to edge of a solid bar, from tip to tip of arrows, and
from centre to centre of caps or ticks.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from micro_features.data import Box


@dataclass(frozen=True)
class Ruler:
    """A drawn length.

    Attributes
    ----------
    kind : str
        ``"solid"``, ``"caps"``, ``"split"`` (caps, cut in two by its text), ``"arrows"`` or ``"ticks"``.
    length_px, length_error_px : float
        Length, and half width of what the drawing leaves open.
    box : Box
    strokes : tuple of Box
        The pieces it is drawn with; what else lies in its box is text.
    """

    kind: str
    length_px: float
    length_error_px: float
    box: Box
    strokes: tuple[Box, ...] = ()


@dataclass(frozen=True)
class _Segment:
    """A horizontal stroke: where it is, the columns of its left and right end cap, if any, and all that touches it."""

    box: Box
    left: tuple[int, int] | None
    right: tuple[int, int] | None
    cap_rows: tuple[int, int]
    piece_rows: tuple[int, int]
    head_cols: int = 0  # length of an arrow head or a round end, which is no cap

    @property
    def thickness(self) -> int:
        return self.box[1] - self.box[0] + 1


def find_rulers(ink: np.ndarray, signal: np.ndarray, *, shortest_px: int) -> list[Ruler]:
    """Everything in a picture that has the shape of a scale bar.

    Parameters
    ----------
    ink : (rows, cols) bool array
        Where something is drawn.
    signal : (rows, cols) uint8 array
        Strength of ink, for measuring ends below the pixel; 0 is background.
    shortest_px : int
        Shorter strokes are letters.
    """
    segments = _segments(ink, shortest_px)
    segments = [s for s in segments if not any(_framed(s, other) for other in segments)]
    rulers = [_capped(s, s, signal, "caps") for s in segments if s.left and s.right]
    # A line between caps leaves most of its box free; a filled box with text in it does not.
    rulers = [r for r in rulers if ink[r.box[0] : r.box[1] + 1, r.box[2] : r.box[3] + 1].mean() < 0.7]
    for first in segments:
        for second in segments:
            if _two_halves(first, second):
                rulers.append(_capped(first, second, signal, "split"))
    plain = [s for s in segments if not s.left and not s.right]
    for s in plain:
        # Pieces in a row are a divided ruler, or decoration: none of them alone is the length.
        ruler = None if any(_in_a_row(s, other) for other in plain) else _solid(s, signal)
        if ruler is not None:
            rulers.append(ruler)
    return rulers + _tick_rows(ink, signal, shortest_px)


def _segments(ink: np.ndarray, shortest_px: int) -> list[_Segment]:
    binary = ink.astype(np.uint8)
    # An even kernel would shift what it opens by a pixel.
    strokes = cv2.morphologyEx(binary, cv2.MORPH_OPEN, np.ones((1, shortest_px | 1), np.uint8))
    n, labels, stats, _ = cv2.connectedComponentsWithStats(strokes, connectivity=8)
    _, pieces, piece_stats, _ = cv2.connectedComponentsWithStats(binary, connectivity=8)
    segments = []
    for k in range(1, n):
        x, y, w, h, area = (int(v) for v in stats[k])
        if h > 0.5 * w:
            continue
        # The stroke proper is where it is full length; rows beside it belong to text that touches it.
        full = np.flatnonzero((labels[y : y + h, x : x + w] == k).mean(axis=1) >= 0.7)
        if not full.size or full[-1] - full[0] + 1 != full.size:
            continue
        y, h = y + int(full[0]), int(full.size)
        if w < 3 * h or area < 0.75 * w * h:
            continue
        box = (y, y + h - 1, x, x + w - 1)
        # A letter's stroke has more of the letter to its left or right; a bar ends where its piece of ink ends.
        piece = piece_stats[pieces[y : y + h, x : x + w].max()]
        if piece[0] < x - 3 or piece[0] + piece[2] > x + w + 3:
            continue
        left, left_rows, left_head = _cap(binary, box, at_left=True)
        right, right_rows, right_head = _cap(binary, box, at_left=False)
        rows = [r for r in (left_rows, right_rows) if r]
        cap_rows = (min((r[0] for r in rows), default=y), max((r[1] for r in rows), default=y + h - 1))
        if left_rows and right_rows:
            tall = [r[1] - r[0] + 1 for r in rows]
            if min(tall) < 0.6 * max(tall):
                continue
        piece_rows = (int(piece[1]), int(piece[1] + piece[3] - 1))
        heads = max(left_head, right_head) if left_head and right_head else 0
        segments.append(_Segment(box, left, right, cap_rows, piece_rows, heads))
    return segments


def _cap(binary: np.ndarray, box: Box, *, at_left: bool) -> tuple[tuple[int, int] | None, tuple[int, int] | None, int]:
    """Columns and rows of the upright stroke at one end of a horizontal one, or None; columns of an arrow head."""
    first_row, last_row, first_col, last_col = box
    thickness = last_row - first_row + 1
    widest = max(4, thickness + 4, (last_col - first_col + 1) // 6)
    reach = max(2, round(0.6 * thickness))
    columns = (
        np.arange(first_col - 1, first_col + widest) if at_left else np.arange(last_col + 1, last_col - widest, -1)
    )
    columns = columns[(columns >= 0) & (columns < binary.shape[1])]
    tall = []
    extents = []
    for column in columns:
        up, down = first_row, last_row
        if not binary[first_row : last_row + 1, column].all():
            tall.append(False)
            extents.append((up, down))
            continue
        while up > 0 and binary[up - 1, column]:
            up -= 1
        while down < binary.shape[0] - 1 and binary[down + 1, column]:
            down += 1
        extents.append((up, down))
        tall.append((first_row - up) + (down - last_row) >= reach)
    found = np.flatnonzero(tall)
    # The cap must be at the very end and must end before the search does: else it is a letter or a filled corner.
    if not found.size or found[0] > 6 or not np.all(np.diff(found) == 1) or found[-1] == len(columns) - 1:
        return None, None, 0
    heights = np.array([extents[k][1] - extents[k][0] + 1 for k in found])
    if len(found) >= 3 and heights.min() < 0.7 * heights.max():
        if len(found) >= 4 and np.all(np.diff(heights) >= -1):  # it widens inwards from its tip
            return None, None, len(found) + int(found[0])
        found = found[heights >= 0.7 * heights.max()]  # of a blurred cap
    if found[0] > 2:
        return None, None, 0
    cap = columns[found]
    rows = (min(extents[k][0] for k in found), max(extents[k][1] for k in found))
    return (int(cap.min()), int(cap.max())), rows, 0


def _framed(first: _Segment, second: _Segment) -> bool:
    """Whether two strokes are the upper and lower side of one frame."""
    same_cols = abs(first.box[2] - second.box[2]) <= 2 and abs(first.box[3] - second.box[3]) <= 2
    return first is not second and same_cols and bool(first.left and second.left) and first.cap_rows == second.cap_rows


def _two_halves(first: _Segment, second: _Segment) -> bool:
    """Whether two strokes on one line, capped at their outer ends, are one bar cut by its text."""
    if not (first.left and not first.right and second.right and not second.left):
        return False
    a, b = first.box, second.box
    level = abs(a[0] - b[0]) <= 1 and abs(a[1] - b[1]) <= 1
    lengths = (a[3] - a[2] + 1, b[3] - b[2] + 1)
    gap = b[2] - a[3] - 1
    return level and min(lengths) >= 0.5 * max(lengths) and 4 <= gap <= 4 * max(lengths)


def _in_a_row(first: _Segment, second: _Segment) -> bool:
    """Whether two plain strokes of like length and thickness follow each other, level or one step up or down."""
    a, b = first.box, second.box
    lengths = (a[3] - a[2] + 1, b[3] - b[2] + 1)
    thick = max(first.thickness, second.thickness)
    gap_cols = max(a[2], b[2]) - min(a[3], b[3]) - 1
    gap_rows = max(a[0], b[0]) - min(a[1], b[1]) - 1
    like = min(lengths) >= 0.7 * max(lengths) and min(first.thickness, second.thickness) >= 0.6 * thick
    return first is not second and like and -3 <= gap_cols <= 1.2 * max(lengths) and gap_rows <= 1


def _capped(first: _Segment, second: _Segment, signal: np.ndarray, kind: str) -> Ruler:
    assert first.left is not None
    assert second.right is not None
    rows = (min(first.cap_rows[0], second.cap_rows[0]), max(first.cap_rows[1], second.cap_rows[1]))
    line_rows = (min(first.box[0], second.box[0]), max(first.box[1], second.box[1]))
    left = _centre(signal, first.left, rows, line_rows)
    right = _centre(signal, second.right, rows, line_rows)
    thick = max(first.left[1] - first.left[0] + 1, second.right[1] - second.right[0] + 1)
    box = (rows[0], rows[1], first.left[0], second.right[1])
    strokes = [s.box for s in (first, second)]
    strokes += [(*s.cap_rows, *cap) for s in (first, second) for cap in (s.left, s.right) if cap]
    return Ruler(kind, right - left, float(max(1, thick if thick > 4 else 1)), box, tuple(strokes))


def _centre(signal: np.ndarray, columns: tuple[int, int], rows: tuple[int, int], line_rows: tuple[int, int]) -> float:
    """Column of a cap's centre, weighed by ink in the rows above and below the line."""
    at = np.arange(max(0, columns[0] - 1), min(signal.shape[1], columns[1] + 2))
    keep = [r for r in range(rows[0], rows[1] + 1) if not line_rows[0] - 1 <= r <= line_rows[1] + 1]
    if not keep:
        return (columns[0] + columns[1]) / 2
    profile = np.median(signal[keep][:, at].astype(float), axis=0)
    profile[profile < 0.25 * profile.max(initial=1)] = 0
    return float((profile * at).sum() / profile.sum()) if profile.sum() else (columns[0] + columns[1]) / 2


def _solid(segment: _Segment, signal: np.ndarray) -> Ruler | None:
    first_row, last_row, first_col, last_col = segment.box
    # A solid bar is all of its piece of ink, but for arrow heads; the stroke of a letter is a part of it.
    if not segment.head_cols and (segment.piece_rows[0] < first_row - 3 or segment.piece_rows[1] > last_row + 3):
        return None
    profile = np.median(signal[first_row : last_row + 1].astype(float), axis=0)
    top = np.median(profile[first_col : last_col + 1])
    left = _crossing(profile, first_col, -1, top / 2)
    right = _crossing(profile, last_col, 1, top / 2)
    kind = "arrows" if segment.head_cols else "solid"
    box = (*segment.piece_rows, first_col, last_col)
    return Ruler(kind, right - left, float(max(1, segment.head_cols)), box, (box,))


def _crossing(profile: np.ndarray, start: int, step: int, half: float) -> float:
    """Where a profile falls through half its level, going outwards from `start`; pixel centres are whole numbers."""
    k = start
    while 0 <= k + step < len(profile) and profile[k + step] > half:
        k += step
    while 0 <= k - step < len(profile) and profile[k] <= half:
        k -= step
    if not 0 <= k + step < len(profile):
        return k + 0.5 * step
    return float(k + step * (profile[k] - half) / (profile[k] - profile[k + step]))


def _tick_rows(ink: np.ndarray, signal: np.ndarray, shortest_px: int) -> list[Ruler]:
    """Rows of at least nine equally spaced upright strokes that start, or end, on one line."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    _, _, w, h, area = stats[1:].T
    upright = (w <= 0.6 * h) & (w <= 8) & (h >= 4) & (h <= 120) & (area >= 0.55 * w * h)
    strokes = stats[1:][upright]
    rulers: list[Ruler] = []
    for edge in (strokes[:, 1], strokes[:, 1] + strokes[:, 3]):
        for row in np.unique(edge):
            row_mates = np.flatnonzero(np.abs(edge - row) <= 1)
            if len(row_mates) < 9:
                continue
            mates = strokes[row_mates]
            mates = mates[mates[:, 0].argsort()]
            run = _even_run(mates[:, 0] + (mates[:, 2] - 1) / 2)
            if run is None:
                continue
            mates = mates[run]
            box = (
                int(mates[:, 1].min()),
                int((mates[:, 1] + mates[:, 3]).max() - 1),
                int(mates[0, 0]),
                int(mates[-1, 0] + mates[-1, 2] - 1),
            )
            if box[3] - box[2] < shortest_px or any(r.box == box for r in rulers):
                continue
            ends = []
            for mate in (mates[0], mates[-1]):
                at = np.arange(max(0, mate[0] - 1), min(signal.shape[1], mate[0] + mate[2] + 1))
                profile = np.median(signal[mate[1] : mate[1] + mate[3]][:, at].astype(float), axis=0)
                profile[profile < 0.25 * profile.max()] = 0
                ends.append(float((profile * at).sum() / profile.sum()))
            ticks = tuple((int(m[1]), int(m[1] + m[3] - 1), int(m[0]), int(m[0] + m[2] - 1)) for m in mates)
            rulers.append(Ruler("ticks", ends[1] - ends[0], 1.0, box, ticks))
    return rulers


def _even_run(centres: np.ndarray) -> np.ndarray | None:
    """Indices of exactly eleven (or twenty-one) evenly spaced strokes: ten or twenty equal parts."""
    for count in (21, 11):
        for start in range(len(centres) - count + 1):
            for step_to in range(start + 1, min(start + 4, len(centres))):
                step = centres[step_to] - centres[start]
                if step < 3:
                    continue
                wanted = centres[start] + step * np.arange(count)
                # The step of one pair is off by up to a pixel: let it be refined by the far end.
                nearest = np.abs(centres[None, :] - wanted[:, None]).argmin(axis=1)
                wanted = centres[start] + (centres[nearest[-1]] - centres[start]) / (count - 1) * np.arange(count)
                nearest = np.abs(centres[None, :] - wanted[:, None]).argmin(axis=1)
                if len(set(nearest)) == count and np.abs(centres[nearest] - wanted).max() <= 1.5:
                    more = (wanted[0] - step, wanted[-1] + step)
                    if not any(np.abs(centres - m).min() <= 1.5 for m in more):
                        return nearest
    return None
