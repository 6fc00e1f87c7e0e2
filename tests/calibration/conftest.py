"""Pictures with drawn data bars, boxes and scale bars whose every measure is known."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from micro_features.data import Box, Picture


@dataclass(frozen=True)
class Drawn:
    """A drawn picture and the truth about it."""

    picture: Picture
    side: str
    rows: tuple[int, int] | None
    bar_px: float
    bar_box: Box


def grainy(rows: int, cols: int, *, mean: float = 110, spread: float = 35, seed: int = 0) -> np.ndarray:
    """A picture of blotches with noise, as uint8."""
    rng = np.random.default_rng(seed)
    blotches = cv2.GaussianBlur(rng.normal(size=(rows, cols)), (0, 0), 4)
    image = mean + spread * blotches / blotches.std() + rng.normal(0, 4, (rows, cols))
    return np.clip(image, 0, 255).astype(np.uint8)


def _ruler(draw: ImageDraw.ImageDraw, kind: str, x: int, y: int, length: int, ink: tuple, gap: int) -> Box:
    """Draw a ruler whose length is exactly `length`; y is its middle row."""
    if kind == "solid":
        draw.rectangle([x, y - 4, x + length - 1, y + 4], fill=ink)
        return (y - 4, y + 4, x, x + length - 1)
    if kind == "ticks":
        for k in range(11):
            at, height = x + round(k * length / 10), 16 if k % 5 == 0 else 9
            draw.rectangle([at, y - 8, at + 1, y - 8 + height], fill=ink)
        return (y - 8, y + 8, x, x + length + 1)
    below = 0 if kind == "cup" else 8
    if kind == "split":
        draw.rectangle([x, y, x + (length - gap) // 2, y + 1], fill=ink)
        draw.rectangle([x + (length + gap) // 2, y, x + length + 1, y + 1], fill=ink)
    else:
        draw.rectangle([x, y, x + length + 1, y + 1], fill=ink)
    for at in (x, x + length):
        draw.rectangle([at, y - 8, at + 1, y + 1 + below], fill=ink)
    if kind == "divided":
        for k in range(1, 4):
            draw.rectangle([x + k * length // 4, y - 4, x + k * length // 4 + 1, y], fill=ink)
    return (y - 8, y + 1 + below, x, x + length + 1)


def draw_picture(
    *,
    place: str = "bottom",
    kind: str = "caps",
    length: int = 200,
    text: str = "10 um",
    others: Sequence[str] = ("15.0 kV", "WD 8.5 mm"),
    level: int = 0,
    ink: tuple[int, int, int] | None = None,
    rows: int = 480,
    cols: int = 720,
    font_px: int = 20,
    jpeg: int | None = None,
    rule: int = 0,
    rows_below: int = 0,
    image: np.ndarray | None = None,
) -> Drawn:
    """A picture with a strip ("bottom", "top"), a box ("box") or ink straight on it ("burned").

    `rule` is the thickness of the line between picture and strip, `rows_below` the picture rows below the strip.
    """
    base = grainy(rows, cols) if image is None else image
    rows, cols = base.shape[:2]
    ink = ink or ((255, 255, 255) if level < 128 else (0, 0, 0))
    height = 3 * font_px + 30
    canvas = Image.fromarray(base).convert("RGB")
    first, last = {
        "bottom": (rows - height - rows_below, rows - 1 - rows_below),
        "top": (0, height - 1),
        "box": (rows - height - 20, rows - 21),
        "burned": (rows - height - 20, rows - 21),
    }[place]
    left = 30 if place in ("box", "burned") else 0
    draw = ImageDraw.Draw(canvas)
    if place == "box":
        draw.rectangle([left, first, left + cols // 2, last], fill=(level,) * 3)
    elif place != "burned":
        draw.rectangle([0, first, cols - 1, last], fill=(level,) * 3)
        draw.rectangle([0, first, cols - 1, first + rule - 1], fill=ink) if rule else None
    font = ImageFont.load_default(font_px)
    width = int(font.getlength(text))
    y = first + rule + 24
    gap = (width // 2 + 10) * 2
    box = _ruler(draw, kind, left + 20, y, length, ink, gap)
    if kind == "split":
        top = font.getbbox(text)
        draw.text((left + 20 + length / 2 - width / 2, y - (top[1] + top[3]) / 2), text, font=font, fill=ink)
    else:
        draw.text((left + 24, y + 18), text, font=font, fill=ink)
    if place in ("bottom", "top"):
        for k, other in enumerate(others):
            draw.text((cols // 2 + 40 + 140 * k, y + 18), other, font=font, fill=ink)
    if jpeg:
        buffer = io.BytesIO()
        canvas.save(buffer, "JPEG", quality=jpeg)
        canvas = Image.open(buffer)
    grey = len(set(ink)) == 1
    pixels = np.array(canvas.convert("L") if grey else canvas)
    side = place if place in ("bottom", "top") else "inside"
    return Drawn(Picture(pixels, 255.0), side, None if place == "burned" else (first, last), float(length), box)


@pytest.fixture(scope="session")
def draw() -> Callable[..., Drawn]:
    return draw_picture


@pytest.fixture(scope="session")
def blotches() -> Callable[..., np.ndarray]:
    return grainy


@pytest.fixture(scope="session")
def reader() -> None:
    """Skips where the optional text reader is not installed."""
    pytest.importorskip("rapidocr")
    pytest.importorskip("onnxruntime")
