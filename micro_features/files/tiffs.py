"""TIFF pages and the vendors' tags in them, through tifffile."""

import contextlib
import logging
import math
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import tifffile

from micro_features.errors import ImageError
from micro_features.files.pixels import composite, full_scale_of, to_working_type, upright

# tifffile reports damaged tags by log; what matters is raised or left out here.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_REDUCED, _MASK = 0b1, 0b100  # bits of NewSubfileType
_ZEISS, _SIS, _SIS_INI, _FEI_SFEG, _FEI_HELIOS, _FEI_XML, _TESCAN = (
    34118, 33560, 33471, 34680, 34682, 34683, 50431,
)  # fmt: skip
_GATAN_UNIT, _GATAN_SCALE = 65003, 65009
_CM_PER_INCH = 2.54
# Size, bits, compression, colours, layout, where the parts lie, predictor, palette, tiles, extra channels, format.
_ESSENTIAL = frozenset((256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 338, 339))


@dataclass(frozen=True)
class TiffPicture:
    """A decoded page: what `data.Picture` needs of it."""

    pixels: np.ndarray
    full_scale: float
    tags: Mapping[str, Mapping[str, Any]]
    dpi: float | None
    n_pages: int


def count_pages(file: BinaryIO) -> int:
    """Number of full pictures in a TIFF."""
    with tifffile.TiffFile(file) as tif:
        return len(_pages(tif))


def read_page(file: BinaryIO, number: int, check_size: Callable[[int, int], None]) -> TiffPicture:
    """Decode one page.

    Parameters
    ----------
    file : binary file
    number : int
        Among the full pictures, from 0.
    check_size : callable (rows, cols)
        Called before decoding; raises what it does not allow.

    Raises
    ------
    ImageError
        What was found and what to do, without the file's name.
    """
    with tifffile.TiffFile(file) as tif:
        pages = _pages(tif)
        if not 0 <= number < len(pages):
            raise ImageError(f"has {len(pages)} pages, no page {number + 1}")
        page = pages[number]
        check_size(page.imagelength, page.imagewidth)
        _check_directory(tif, page)
        _check_kind(page)
        _check_complete(page, file)
        pixels, full_scale = _pixels(page)
        return TiffPicture(
            upright(pixels, int(page.tags.valueof(274, default=1) or 1)),
            full_scale,
            _vendor_tags(tif, page),
            _dpi(page),
            len(pages),
        )


def _pages(tif: tifffile.TiffFile) -> list[tifffile.TiffPage]:
    # By number: the iterator of a file whose last page points back to its first never ends.
    numbered = (tif.pages[number] for number in range(len(tif.pages)))
    every = [page for page in numbered if isinstance(page, tifffile.TiffPage)]
    pages = [page for page in every if not page.subfiletype & (_REDUCED | _MASK)]
    if not pages:
        raise ImageError("is a TIFF without a picture: copy it again from its source")
    if _next_page(tif) >= tif.filehandle.size:
        raise ImageError(f"is truncated after page {len(pages)}: copy it again from its source")
    if len(pages) == 1 and pages[0].is_imagej and (tif.imagej_metadata or {}).get("images", 1) > 1:
        raise ImageError("is an ImageJ stack with one header for all its pictures: save it as an image sequence")
    return pages


def _next_page(tif: tifffile.TiffFile) -> int:
    """Where the last page says that another follows; 0 where it ends the chain."""
    where = tif.pages.next_page_offset
    if where is None:
        return 0
    tif.filehandle.seek(where)
    return int(struct.unpack(tif.tiff.offsetformat, tif.filehandle.read(tif.tiff.offsetsize))[0])


def _check_directory(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> None:
    """No tag that says how pixels are stored is unreadable; tifffile would take its default instead."""
    file, layout = tif.filehandle, tif.tiff
    file.seek(page.offset)
    (n_tags,) = struct.unpack(layout.tagnoformat, file.read(layout.tagnosize))
    entries = file.read(n_tags * layout.tagsize)
    stored = {
        struct.unpack_from(f"{layout.byteorder}H", entries, start)[0]
        for start in range(0, len(entries) - layout.tagsize + 1, layout.tagsize)
    }
    if lost := (stored & _ESSENTIAL) - {tag.code for tag in page.tags}:
        names = ", ".join(tifffile.TIFF.TAGS.get(code, str(code)) for code in sorted(lost))
        raise ImageError(f"is truncated or damaged: tag {names} can not be read; copy it again from its source")


def _check_kind(page: tifffile.TiffPage) -> None:
    photometric = tifffile.PHOTOMETRIC
    if page.photometric == photometric.SEPARATED:
        raise ImageError("is in CMYK, colours for print: export it as grey or RGB")
    known = (
        photometric.MINISWHITE, photometric.MINISBLACK, photometric.RGB, photometric.PALETTE, photometric.YCBCR,
    )  # fmt: skip
    if page.photometric not in known:
        name = getattr(page.photometric, "name", page.photometric)
        raise ImageError(f"stores colours as {name}: export it as grey or RGB")
    if page.photometric == photometric.YCBCR and page.compression not in (6, 7):
        raise ImageError("stores colours as YCbCr without JPEG: export it as grey or RGB")
    if page.imagedepth > 1:
        raise ImageError(f"holds a volume of {page.imagedepth} slices: export the slices as pages")
    if page.dtype is None or page.dtype.kind not in "buif":
        raise ImageError(f"holds {page.dtype or 'unknown'} numbers a pixel: export it as 8-bit or 16-bit grey")


def _check_complete(page: tifffile.TiffPage, file: BinaryIO) -> None:
    """All strips or tiles lie inside the file; tifffile would fill what lies beyond with zeros."""
    size = file.seek(0, 2)
    missing = sum(
        offset <= 0 or count <= 0 or offset + count > size
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False)
    )
    total = math.prod(page.chunked)
    missing += max(0, total - min(len(page.dataoffsets), len(page.databytecounts)))
    if missing:
        raise ImageError(f"is truncated: {missing} of {total} parts of the picture are missing; copy it again")


def _pixels(page: tifffile.TiffPage) -> tuple[np.ndarray, float]:
    """Grey or RGB pixels, and the grey value that means white."""
    stored = page.asarray(maxworkers=1)
    if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and stored.ndim == 3:
        stored = np.moveaxis(stored, 0, -1)
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        pixels = _through_palette(stored, page.colormap)
        return pixels, full_scale_of(pixels)
    stored = stored[..., np.newaxis] if stored.ndim == 2 else stored
    n_colours = 1 if page.photometric in (tifffile.PHOTOMETRIC.MINISWHITE, tifffile.PHOTOMETRIC.MINISBLACK) else 3
    extra = page.extrasamples
    if stored.shape[2] < n_colours or (stored.shape[2] > n_colours and not (n_colours == 3 or _alpha(extra))):
        raise ImageError(f"has {stored.shape[2]} channels, of which none is known as colour: export it as grey or RGB")
    pixels = to_working_type(stored[..., :n_colours])
    if _alpha(extra):
        alpha = stored[..., n_colours]
        pixels = to_working_type(composite(pixels, alpha, premultiplied=extra[0] == tifffile.EXTRASAMPLE.ASSOCALPHA))
    full_scale = full_scale_of(pixels)
    if 1 < page.bitspersample < 16 and pixels.dtype != np.float32:  # packed: the file says how many bits are used
        full_scale = float(2**page.bitspersample - 1)
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        pixels = _inverted(pixels, full_scale)
    return pixels, full_scale


def _alpha(extra: tuple[int, ...]) -> bool:
    return bool(extra) and extra[0] in (tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA)


def _inverted(pixels: np.ndarray, full_scale: float) -> np.ndarray:
    if pixels.dtype == np.float32:
        return -pixels
    return pixels.dtype.type(full_scale) - pixels


def _through_palette(indices: np.ndarray, palette: np.ndarray | None) -> np.ndarray:
    if palette is None or indices.max() >= palette.shape[1]:
        raise ImageError("has palette colours but no palette that holds them: export it as grey or RGB")
    # 16-bit entries by the standard; some writers fill in 8 bits only.
    palette = (palette >> 8 if palette.max() > 255 else palette).astype(np.uint8)
    if (palette[0] == palette[1]).all() and (palette[0] == palette[2]).all():
        return palette[0][indices]
    return palette.T[indices]


def _dpi(page: tifffile.TiffPage) -> float | None:
    with contextlib.suppress(Exception):
        numerator, denominator = page.tags.valueof(282)
        per_unit = numerator / denominator
        unit = int(page.tags.valueof(296, default=2))
        dpi = {2: per_unit, 3: per_unit * _CM_PER_INCH}.get(unit, 0.0)
        return dpi if dpi > 1 else None
    return None


def _vendor_tags(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> dict[str, dict[str, Any]]:
    """Metadata by vendor. The first page speaks for all of its size that are silent; damaged tags are left out."""
    found: dict[str, dict[str, Any]] = {}
    first = tif.pages.first
    for source in (first, page) if page is not first and page.shape == first.shape else (page,):
        for vendor, codes, parse in _PARSERS:
            for code in codes:
                with contextlib.suppress(Exception):  # any damage: as if the tag were not there
                    if (value := source.tags.valueof(code)) is not None and (parsed := parse(value)):
                        found.setdefault(vendor, {}).update(parsed)
        with contextlib.suppress(Exception):
            found.update(_from_description(tif, source))
    return found


def _as_mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _xml(value: Any) -> dict[str, Any]:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return {"xml": text.strip("\0 \r\n")} if "<" in text else {}


def _tescan(value: bytes) -> dict[str, str]:
    """Lines ``key=value`` between binary records (thumbnail, lengths) whose layout differs between versions."""
    pairs = re.findall(rb"([A-Za-z]\w+)=([^\r\n\0]*)", value)
    return {key.decode("ascii"): text.decode("utf-8", "replace") for key, text in pairs}


_PARSERS: tuple[tuple[str, tuple[int, ...], Callable[[Any], dict[str, Any]]], ...] = (
    ("zeiss", (_ZEISS,), _as_mapping),
    ("fei", (_FEI_SFEG, _FEI_HELIOS), _as_mapping),
    ("fei_xml", (_FEI_XML,), _xml),
    ("sis", (_SIS_INI, _SIS), _as_mapping),
    ("tescan", (_TESCAN,), _tescan),
)


def _from_description(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    text = page.description or ""
    if page.is_imagej:
        settings = dict(tif.imagej_metadata or {})
        numerator, denominator = page.tags.valueof(282, default=(0, 1))
        found["imagej"] = {"unit": settings.get("unit"), "pixels_per_unit": numerator / denominator}
    elif page.is_ome:
        found["ome"] = {"xml": text}
    elif "<FeiImage" in text or "<BinaryResult" in text:
        found["fei_xml"] = _xml(text)
    if page.tags.valueof(_GATAN_SCALE) is not None:
        unit = page.tags.valueof(_GATAN_UNIT)
        found["gatan"] = {"unit": unit, "scale": page.tags.valueof(_GATAN_SCALE)}
    return found
