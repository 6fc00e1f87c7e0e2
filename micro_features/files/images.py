"""Pixels from PNG, JPEG, BMP and TIFF files: every storage form becomes grey or RGB; what is broken is refused.

A file is known by its first bytes, never by its suffix, and judged by its header before anything is decoded.
"""

import contextlib
import hashlib
import warnings
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
from PIL import BmpImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin

from micro_features.data import Picture
from micro_features.errors import ImageError
from micro_features.files import tiffs
from micro_features.files.pixels import composite, full_scale_of, to_working_type, upright

SMALLEST_SIDE = 32

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# The plug-ins themselves, not `PIL.Image.open`: its guard against bombs is a global limit far below 1e9 pixels;
# ours is `max_pixels`.
_PILLOW: dict[bytes, type[ImageFile.ImageFile]] = {
    b"\x89PNG\r\n\x1a\n": PngImagePlugin.PngImageFile,
    b"\xff\xd8\xff": JpegImagePlugin.JpegImageFile,
    b"BM": BmpImagePlugin.BmpImageFile,
}
_REFUSED = {
    b"GIF8": "a GIF",
    b"RIFF": "a WebP or another RIFF file",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive or office document",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 file",
}
_READ = "PNG, JPEG, BMP and TIFF are read: save it as one of these"
_ORIENTATION = 0x0112


def count_pages(path: Path) -> int:
    """Number of pictures in a file; thumbnails and pyramid levels are none.

    Raises
    ------
    ImageError
        The file can not be opened, or is none of the formats that are read.
    """
    with _opened(path) as file, _plainly(path):
        return tiffs.count_pages(file) if _is_tiff(file) else 1


def read_picture(path: Path, page: int = 0, *, max_pixels: int = 1_000_000_000) -> Picture:
    """One page of an image file as it was stored, upright; palette, alpha and inverted scales are resolved.

    Where a pixel is wholly transparent there is no picture: such pictures become float with NaN there. What is partly
    transparent is laid over black.

    Parameters
    ----------
    path : Path
        PNG, JPEG, BMP or TIFF, whatever its suffix.
    page : int
        From 0, below `count_pages`.
    max_pixels : int
        Largest picture that is decoded.

    Returns
    -------
    Picture
        Pixels uint8, uint16 or float32. Full scale of integers is 255 in 8 bits; in 16 bits the smallest of 255,
        4095, 16383 and 65535 that holds the brightest pixel (MaxSampleValue tags are too often wrong).

    Raises
    ------
    ImageError
        The file is missing, empty, truncated, no picture, animated, CMYK, has no finite pixel, is smaller than
        32 px on a side or larger than `max_pixels`.
    """
    with _opened(path) as file, _plainly(path):
        if _is_tiff(file):
            stored = tiffs.read_page(file, page, lambda rows, cols: _check_size(rows, cols, max_pixels))
            n_pages = stored.n_pages
            pixels, full_scale, tags, dpi = stored.pixels, stored.full_scale, stored.tags, stored.dpi
        else:
            n_pages = 1
            if page != 0:
                raise ImageError(f"has 1 page, no page {page + 1}")
            pixels, full_scale, tags, dpi = _read_simple(file, max_pixels)
        if pixels.dtype == np.float32 and not np.isfinite(pixels).any():
            raise ImageError("has no pixel with a finite value: export the picture again")
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Picture(pixels, full_scale, tags, dpi, page, n_pages, sha256)


def grey_levels(picture: Picture) -> tuple[np.ndarray, np.ndarray]:
    """Grey levels from 0 to 1, and where there are any.

    Integers are divided by the full scale, so pictures of one instrument stay comparable. Float data has no scale
    of its own: its finite range is stretched over 0 to 1. Colour becomes luminance (Rec. 601).

    Parameters
    ----------
    picture : Picture

    Returns
    -------
    image : (rows, cols) float32 array
        0 black to 1 white; 0 where a pixel has no value.
    finite : (rows, cols) bool array
        False where a pixel is NaN or infinite.
    """
    grey = picture.pixels if picture.pixels.ndim == 2 else cv2.cvtColor(picture.pixels, cv2.COLOR_RGB2GRAY)
    if grey.dtype != np.float32:
        return np.divide(grey, np.float32(picture.full_scale), dtype=np.float32), np.ones(grey.shape, bool)
    finite = np.isfinite(grey)
    image = np.zeros(grey.shape, np.float32)
    if finite.any():
        values = grey[finite].astype(np.float64)  # the range of float32 values can exceed float32
        low, high = values.min(), values.max()
        image[finite] = (values - low) / (high - low) if high > low else 0.0
    return image, finite


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for ever
            raise ImageError(f"{str(path)!r} is a folder or device, not a picture: name a file")
        file = path.open("rb")
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        raise ImageError(f"{str(path)!r} can not be opened: {_reason(error)}") from error
    with file:
        yield file


@contextlib.contextmanager
def _plainly(path: Path) -> Iterator[None]:
    """Every way in which decoders fail becomes one line that names the file; their chatter is not printed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ImageError as error:
        raise ImageError(f"{str(path)!r} {error}") from error.__cause__
    except MemoryError as error:
        raise ImageError(f"{str(path)!r} is too large for the memory of this machine: cut it into tiles") from error
    except Exception as error:  # decoders raise anything on damaged files
        raise ImageError(
            f"{str(path)!r} can not be decoded (truncated, damaged or unusual): {_reason(error)}"
        ) from error


def _reason(error: Exception) -> str:
    text = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return " ".join(text.split())[:160]


def _is_tiff(file: BufferedReader) -> bool:
    start = file.read(16)
    file.seek(0)
    if not start:
        raise ImageError("is empty (0 bytes): copy it again from its source")
    for magic, name in _REFUSED.items():
        if start.startswith(magic):
            raise ImageError(f"is {name}; {_READ}")
    return start.startswith(_TIFF)


def _check_size(rows: int, cols: int, max_pixels: int) -> None:
    if rows * cols > max_pixels:
        raise ImageError(
            f"has {cols} x {rows} pixels, more than max_pixels = {max_pixels}: cut it into tiles, or raise the limit"
        )
    if min(rows, cols) < SMALLEST_SIDE:
        raise ImageError(f"is {cols} x {rows} pixels; at least {SMALLEST_SIDE} on a side are needed")


def _read_simple(
    file: BufferedReader, max_pixels: int
) -> tuple[np.ndarray, float, Mapping[str, Mapping[str, Any]], float | None]:
    """Pixels, full scale, tags and dots per inch of a PNG, JPEG or BMP."""
    start = file.read(16)
    file.seek(0)
    plugin = next((plugin for magic, plugin in _PILLOW.items() if start.startswith(magic)), None)
    if plugin is None:
        raise ImageError(f"is not an image that is known; {_READ}")
    header = plugin(file)
    cols, rows = header.size
    _check_size(rows, cols, max_pixels)
    if header.mode == "CMYK":
        raise ImageError("is in CMYK, colours for print: export it as grey or RGB")
    file.seek(0)
    data = file.read()
    exif = header.info.get("exif", b"")
    if plugin is PngImagePlugin.PngImageFile:
        chunks = _png_chunks(data)
        if b"acTL" in chunks:
            raise ImageError("is an animation: export one frame as a picture")
        # libpng itself: it checks every chunk, and keeps 16 bits a channel.
        stored = imagecodecs.png_decode(data)
        exif = chunks.get(b"eXIf", b"")
    else:
        header.load()
        mode = {"1": "L", "L": "L", "RGBA": "RGBA"}.get(header.mode, "RGB")
        stored = np.asarray(header if header.mode == mode else header.convert(mode))
    has_alpha = stored.ndim == 3 and stored.shape[2] in (2, 4)
    pixels = composite(stored[..., :-1], stored[..., -1]) if has_alpha else to_working_type(stored)
    return upright(pixels, _orientation(exif)), full_scale_of(pixels), _phenom(data), _dpi(header.info.get("dpi"))


def _png_chunks(data: bytes) -> dict[bytes, bytes]:
    """The chunks of a PNG that are not pixels; the last of each name."""
    chunks: dict[bytes, bytes] = {}
    start = 8
    while start + 12 <= len(data):
        size, name = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8]
        if name == b"IEND":
            return chunks
        if name != b"IDAT":
            chunks[name] = data[start + 8 : start + 8 + size]
        start += 12 + size
    raise ImageError("is truncated: a PNG without its end; copy it again from its source")


def _phenom(data: bytes) -> dict[str, dict[str, Any]]:
    """The XML that Phenom instruments write behind the picture."""
    start = data.rfind(b"<FeiImage")
    end = data.find(b"</FeiImage>", max(start, 0))
    if start < 0 or end < 0:
        return {}
    return {"fei_xml": {"xml": data[start : end + len(b"</FeiImage>")].decode("utf-8", "replace")}}


def _orientation(exif: bytes) -> int:
    stored = Image.Exif()
    with contextlib.suppress(Exception):  # damaged EXIF: as if it had none
        stored.load(exif)
        return int(stored.get(_ORIENTATION, 1))
    return 1


def _dpi(stored: Any) -> float | None:
    try:
        dpi = float(stored[0])
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        return None
    return dpi if 1 < dpi < float("inf") else None  # 1 x 1 states the shape of a pixel only
