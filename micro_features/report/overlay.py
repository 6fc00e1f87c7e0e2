"""What was measured, drawn on the picture it was measured on."""

import functools
import importlib.util
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from micro_features.data import Annotations
from micro_features.images.phases import label_edges

# Orange and blue are told apart by everybody, and neither occurs in a grey picture.
GRAIN_COLOUR = (255, 190, 0)
PORE_COLOUR = (0, 150, 255)
FOUND_COLOUR = (0, 230, 120)
PORE_OPACITY = 0.35
CAPTION_BACKGROUND = (24, 24, 24)
CAPTION_COLOUR = (235, 235, 235)


def draw_overlay(
    image: np.ndarray,
    *,
    grains: np.ndarray | None,
    pores: np.ndarray | None,
    annotations: Annotations,
    caption: str,
) -> np.ndarray:
    """The picture with grain outlines, pores, and what was found of data bar and scale bar.

    Parameters
    ----------
    image : (rows, cols) float32 array
        0 black to 1 white.
    grains, pores : (rows, cols) int32 array or None
        None is not drawn.
    annotations : Annotations
    caption : str
        Lines of text for the strip below.

    Returns
    -------
    (rows + caption, cols, 3) uint8 array
        RGB.
    """
    grey = np.clip(image * 255.0 + 0.5, 0, 255).astype(np.uint8)
    canvas = np.repeat(grey[..., None], 3, axis=2)
    if grains is not None:
        canvas[label_edges(grains)] = GRAIN_COLOUR
    if pores is not None:
        mask = pores > 0
        tint = np.array(PORE_COLOUR, np.float32)
        canvas[mask] = (canvas[mask] * (1 - PORE_OPACITY) + tint * PORE_OPACITY).astype(np.uint8)
        inner = cv2.erode(mask.view(np.uint8), np.ones((3, 3), np.uint8)).view(bool)
        canvas[mask & ~inner] = PORE_COLOUR
    _draw_found(canvas, annotations)
    return np.vstack([canvas, caption_strip(caption, canvas.shape[1])])


def _draw_found(canvas: np.ndarray, annotations: Annotations) -> None:
    for first_row, last_row, first_col, last_col in annotations.masked:
        cv2.rectangle(canvas, (first_col, first_row), (last_col, last_row), FOUND_COLOUR, 1)
    bar = annotations.scale_bar
    if bar is not None:
        # The bar itself stays visible: its ends are marked, a line runs beside it.
        first_row, last_row, first_col, last_col = bar.box
        row = min(last_row + 3, canvas.shape[0] - 1)
        cv2.line(canvas, (first_col, row), (last_col, row), FOUND_COLOUR, 1)
        for col in (first_col, last_col):
            cv2.line(canvas, (col, max(first_row - 3, 0)), (col, row), FOUND_COLOUR, 1)


@functools.cache
def _font_file() -> str:
    """DejaVu Sans as it comes with matplotlib, which is not imported for it; Pillow's own font has no µ."""
    package = importlib.util.find_spec("matplotlib")
    assert package is not None
    assert package.origin is not None
    return str(Path(package.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf")


def caption_strip(caption: str, width: int) -> np.ndarray:
    """Words on a dark strip, broken into lines.

    Parameters
    ----------
    caption : str
    width : int
        Pixels.

    Returns
    -------
    (rows, width, 3) uint8 array
        RGB, as high as the lines need.
    """
    size = max(11, min(18, width // 70))
    font = ImageFont.truetype(_font_file(), size)
    words = caption.split(" ")
    lines = [""]
    for word in words:
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) > width - size and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    strip = Image.new("RGB", (width, round(len(lines) * size * 1.4 + size * 0.6)), CAPTION_BACKGROUND)
    pen = ImageDraw.Draw(strip)
    for number, line in enumerate(lines):
        pen.text((size // 2, round(size * (0.3 + 1.4 * number))), line, font=font, fill=CAPTION_COLOUR)
    return np.asarray(strip)


def without_caption(pixels: np.ndarray) -> np.ndarray:
    """An overlay less the strip of words below it, which a smaller copy could not show.

    Parameters
    ----------
    pixels : (rows, cols, 3) uint8 array
        RGB, as `draw_overlay` makes it.

    Returns
    -------
    (rows, cols, 3) uint8 array
        Whole where no such strip is found.
    """
    # The strip's margin holds no word, whatever its type size.
    margin = (pixels[:, :5] == CAPTION_BACKGROUND).all(axis=(1, 2))[::-1]
    strip = len(margin) if margin.all() else int(margin.argmin())
    return pixels if strip in (0, len(pixels)) else pixels[: len(pixels) - strip]
