"""Contact sheets: pieces of several pictures beside what was found in them, large enough to judge outlines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np

from micro_features.images.phases import label_edges
from micro_features.report.overlay import CAPTION_BACKGROUND, GRAIN_COLOUR, PORE_COLOUR, caption_strip

COLOURS = {"grains": GRAIN_COLOUR, "pores": PORE_COLOUR}
PANEL_PX = 560
"""Longest side of a panel, pixels."""
REGION_PX = 36
"""A typical region is shown at least this large, pixels, though less of the picture be seen."""
MAX_ZOOM = 3.0
_GAP_PX = 6


@dataclass(frozen=True)
class Window:
    """The part of a picture that is shown, and how large.

    Attributes
    ----------
    rows, cols : slice
    zoom : float
        Pixels of the panel to one of the picture.
    """

    rows: slice
    cols: slice
    zoom: float

    @classmethod
    def around_middle(cls, labels: np.ndarray, *, panel_px: int = PANEL_PX, region_px: float = REGION_PX) -> Self:
        """The whole picture where a typical region is shown large enough then, else its middle.

        Parameters
        ----------
        labels : (rows, cols) integer array
            Labels from 1 of what is looked at.
        panel_px : int
            Longest side of the panel, pixels.
        region_px : float
            Diameter at which a typical region is shown, pixels: the one of the mean area.
        """
        area = np.bincount(labels.ravel())[1:]
        diameter = np.sqrt(4 / np.pi * area[area > 0].mean()) if area.any() else np.inf
        zoom = max(panel_px / max(labels.shape), min(region_px / diameter, MAX_ZOOM))
        rows, cols = (_middle(length, round(panel_px / zoom)) for length in labels.shape)
        return cls(rows, cols, zoom)

    @classmethod
    def one_to_one(cls, valid: np.ndarray, shape: tuple[int, int]) -> Self:
        """The middle of what is valid, not enlarged.

        Parameters
        ----------
        valid : (rows, cols) bool array
            Where there is material.
        shape : (int, int)
            Rows and columns that are shown, pixels, at most.
        """
        rows, cols = (
            _middle(int(np.flatnonzero(valid.any(axis=axis)).max(initial=-1)) + 1, wanted)
            for axis, wanted in zip((1, 0), shape, strict=True)
        )
        return cls(rows, cols, 1.0)


def _middle(length: int, wanted: int) -> slice:
    start = max(0, (length - wanted) // 2)
    return slice(start, min(length, start + wanted))


def panel(
    image: np.ndarray,
    window: Window,
    *,
    outlines: Mapping[str, np.ndarray] | None = None,
    caption: str,
) -> np.ndarray:
    """A part of a picture with outlines one pixel of the panel wide, and a caption below.

    Parameters
    ----------
    image : (rows, cols) float32 array
        0 black to 1 white.
    window : Window
    outlines : mapping, optional
        Label images (rows, cols) by kind, ``grains`` or ``pores``.
    caption : str

    Returns
    -------
    (rows, cols, 3) uint8 array
        RGB.
    """
    part = (window.rows, window.cols)
    grey = np.clip(image[part] * 255.0 + 0.5, 0, 255).astype(np.uint8)
    size = (max(1, round(grey.shape[1] * window.zoom)), max(1, round(grey.shape[0] * window.zoom)))
    shown = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if window.zoom < 1 else cv2.INTER_CUBIC)
    canvas = np.repeat(shown[..., None], 3, axis=2)
    for kind, labels in (outlines or {}).items():
        enlarged = cv2.resize(labels[part].astype(np.int32), size, interpolation=cv2.INTER_NEAREST)
        canvas[label_edges(enlarged)] = COLOURS[kind]
    return np.vstack([canvas, caption_strip(caption, canvas.shape[1])])


def contact_sheet(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Panels in rows and columns.

    Parameters
    ----------
    rows : sequence of rows of (rows, cols, 3) uint8 arrays
        Panels of any size.

    Returns
    -------
    (rows, cols, 3) uint8 array
        Every row as high as its highest panel, every column as wide as its widest.
    """
    n_columns = max(len(row) for row in rows)
    widths = [max(row[column].shape[1] for row in rows if column < len(row)) for column in range(n_columns)]
    strips = []
    for row in rows:
        height = max(each.shape[0] for each in row)
        strip = np.full((height + _GAP_PX, sum(widths) + n_columns * _GAP_PX, 3), CAPTION_BACKGROUND, np.uint8)
        for column, each in enumerate(row):
            left = sum(widths[:column]) + column * _GAP_PX
            strip[: each.shape[0], left : left + each.shape[1]] = each
        strips.append(strip)
    return np.vstack(strips)
