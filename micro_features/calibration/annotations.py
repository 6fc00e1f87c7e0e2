"""What is drawn on a picture: data bar, boxes, scale bar and text, and what the text says."""

from dataclasses import fields, replace

import cv2
import numpy as np

from micro_features.calibration import databar
from micro_features.calibration.burned import read_burned
from micro_features.calibration.databar import Panel, crop
from micro_features.calibration.fields import parse_fields, texts_of
from micro_features.calibration.region import (
    Found,
    Match,
    glyph_boxes,
    likeliest,
    moved_line,
    moved_match,
    pair,
    unless_contradicted,
    without_rulers,
)
from micro_features.calibration.scalebar import Ruler, find_rulers
from micro_features.calibration.tags import acquisition_from_tags
from micro_features.calibration.text import can_read, find_lines, read_line
from micro_features.data import Acquisition, Annotations, Box, Picture, ScaleBar

SHORTEST_RULER = 0.02  # of the picture's width
MASK_MARGIN = 3  # pixels around ink burned straight onto the picture
MOST_LINES = 30  # of text that are read in one picture


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

    panels: list[tuple[Panel, Found]] = []
    for panel in databar.find_panels(grey):
        found = _read_panel(grey, panel, reading)
        if _is_written(found, in_corner=_in_corner(panel.box, shape)) if reading else found.lines:
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
        match = unless_contradicted(match, [found.match for _, found in panels if found.match])

    if match is None or (reading and match.length is None):
        burned = read_burned(image, grey, masked, reading)
        if burned.match is not None:
            match = burned.match
            lines += list(burned.lines)
            drawn = [match.ruler.box, *(w.box for w in match.words)]
            drawn += [word.box for line in burned.lines for word in line.words]
            masked += [_widened(box, shape) for box in drawn]
            side = "inside" if side == "none" else side

    if match is not None and _may_be_cut(match.ruler, shape):
        match = replace(match, length=None)
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


def _may_be_cut(ruler: Ruler, shape: tuple[int, int]) -> bool:
    """Whether a bar without caps runs into a side of the picture; in the very corner it was put on purpose."""
    first_row, last_row, first_col, last_col = ruler.box
    at_side = first_col <= 1 or last_col >= shape[1] - 2
    return ruler.kind == "solid" and at_side and first_row > 1 and last_row < shape[0] - 2


def _is_written(found: Found, *, in_corner: bool) -> bool:
    """Whether what was read in a panel is text, and not the pattern of a picture.

    A flat rectangle in a corner of the picture is where a figure's ``a)`` is put: one sign is enough there.
    """
    if found.match is not None and found.match.length is not None:
        return True
    confidence, fewest = (0.7, 1) if in_corner else (0.8, 2)
    certain = [word.text for line in found.lines for word in line.words if word.confidence >= confidence]
    return sum(character.isalnum() for text in certain for character in text) >= fewest


def _in_corner(box: Box, shape: tuple[int, int]) -> bool:
    """Whether a box lies in one corner of the picture, and spans none of its sides."""
    first_row, last_row, first_col, last_col = box
    rows, cols = (first_row == 0, last_row == shape[0] - 1), (first_col == 0, last_col == shape[1] - 1)
    return sum(rows) == 1 and sum(cols) == 1


def _merged(first: Acquisition, second: Acquisition) -> Acquisition:
    """The first's fields, and the second's where the first has none."""
    names = [field.name for field in fields(Acquisition)]
    known = {name: getattr(first, name) for name in names if getattr(first, name) is not None}
    return replace(second, **known)


def _scale_bar(match: Match) -> ScaleBar:
    return ScaleBar(
        length_px=match.ruler.length_px,
        length_error_px=match.ruler.length_error_px,
        box=match.ruler.box,
        # The doubtful spelling is what tells of the doubt.
        text=(match.text if match.length is None or match.length.sure else match.length.text) or None,
        length_um=match.length.um if match.length else None,
    )


def _read_panel(grey: np.ndarray, panel: Panel, reading: bool) -> Found:
    top, _, left, _ = panel.box
    signal = databar.contrast(crop(grey, panel.box), panel.level)
    ink = signal > max(24, 3 * panel.tolerance)
    cells = np.zeros(ink.shape, bool)
    for first_row, last_row, first_col, last_col in panel.cells:
        cells[first_row - top : last_row - top + 1, first_col - left : last_col - left + 1] = True
    ink = _without_rules(ink, cells)
    signal = np.where(cv2.dilate(ink.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0, signal, 0)
    shortest = max(14, round(SHORTEST_RULER * min(grey.shape[1], 1400)))
    # Rulers are drawn in the strongest ink; the paler edges of resized ones would hide their shape.
    strong = ink & (signal > 0.45 * signal.max(initial=1))
    rulers = find_rulers(strong, signal, shortest_px=shortest) or find_rulers(ink, signal, shortest_px=shortest)
    lines = find_lines(glyph_boxes(without_rulers(ink, rulers), ink.shape[0]))[:MOST_LINES]
    if reading:
        lines = [read_line(signal, line) for line in lines]
    match = pair(rulers, lines, signal, reach=14.0, anywhere=True) if reading else likeliest(rulers)
    return Found(tuple(moved_line(line, top, left) for line in lines), moved_match(match, top, left))


def _without_rules(ink: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Ink without the lines that part a panel's cells: long pieces that lie between the cells."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    inside = np.bincount(labels.ravel(), weights=cells.ravel(), minlength=len(stats))
    long = np.maximum(stats[:, 2], stats[:, 3]) >= 0.4 * ink.shape[0]
    rule = long & (inside < 0.4 * stats[:, 4])
    rule[0] = True
    rest = ~rule[labels]
    # The outermost lines, where they are no cell's, are the half-covered edge of the panel.
    rows, cols = np.flatnonzero(cells.any(axis=1)), np.flatnonzero(cells.any(axis=0))
    rest[: min(3, rows[0])] = False
    rest[max(len(rest) - 3, rows[-1] + 1) :] = False
    rest[:, : min(3, cols[0])] = False
    rest[:, max(rest.shape[1] - 3, cols[-1] + 1) :] = False
    return rest


def _widened(box: Box, shape: tuple[int, int]) -> Box:
    return (
        max(0, box[0] - MASK_MARGIN),
        min(shape[0] - 1, box[1] + MASK_MARGIN),
        max(0, box[2] - MASK_MARGIN),
        min(shape[1] - 1, box[3] + MASK_MARGIN),
    )
