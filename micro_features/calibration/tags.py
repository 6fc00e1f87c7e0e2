"""What vendors store with a picture: pixel size, acquisition, height of the data bar.

A tag is believed only as far as it speaks of the picture at hand: where it states the width of the picture it was
written for and that is not the width found, the picture was resized or cropped afterwards and its tags say nothing.
Print resolution (dots per inch) is no pixel size and is not looked at here.
"""

import contextlib
import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from xml.etree import ElementTree  # entities that unfold are refused before parsing

from micro_features.data import Acquisition

Tags = Mapping[str, Mapping[str, Any]]

# Vendors print four digits or more.
_REL_ERROR = 5e-4
_AGREE = 0.01
# A 20 mm field on 1000 px is the widest of any SEM. Print resolution that a converter took for a pixel size is coarser
# (1200 dpi is 21 um).
_COARSEST_UM = 20.0

# The letter before m is Greek mu, the micro sign, or what a wrong code page made of either.
_UM_PER_UNIT = {
    "fm": 1e-9, "pm": 1e-6, "a": 1e-4, "å": 1e-4, "angstrom": 1e-4, "nm": 1e-3, "nanometer": 1e-3, "nanometre": 1e-3,
    "um": 1.0, "?m": 1.0, "\ufffdm": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0, "micrometre": 1.0,
    "mm": 1e3, "m": 1e6,
}  # fmt: skip


def pixel_size_from_tags(tags: Tags, image_shape: tuple[int, int]) -> list[tuple[str, float, float]]:
    """Pixel sizes that vendor metadata gives for this picture.

    Parameters
    ----------
    tags : mapping
        `data.Picture.tags`.
    image_shape : (rows, cols)
        Of the whole frame as stored, data bar included.

    Returns
    -------
    list of (source, pixel_um, rel_error)
        Source is ``"metadata <vendor>"``. Empty where no tag states a size, or all speak of another width. Two
        entries of one vendor mean that its own fields contradict each other. The error is that of the printed
        digits or, if larger, by how much pixels are not square.
    """
    found: list[tuple[str, float, float]] = []
    for key, vendor, read in (
        ("zeiss", "Zeiss", _zeiss_sizes),
        ("fei", "FEI", _fei_sizes),
        ("fei_xml", "Thermo", _fei_xml_sizes),
        ("sis", "Olympus SIS", _sis_sizes),
        ("tescan", "TESCAN", _tescan_sizes),
        ("ome", "OME", _ome_sizes),
        ("imagej", "ImageJ", _imagej_sizes),
        ("gatan", "Gatan", _gatan_sizes),
    ):
        if key in tags:
            # What can not be understood says nothing.
            with contextlib.suppress(ValueError, TypeError, ZeroDivisionError, OverflowError):
                for width_um, height_um in read(tags[key], image_shape):
                    if 0 < width_um <= _COARSEST_UM:
                        square = abs(height_um / width_um - 1) if height_um > 0 else 0.0
                        found.append((f"metadata {vendor}", width_um, max(_REL_ERROR, square)))
    return found


def acquisition_from_tags(tags: Tags) -> Acquisition:
    """How the picture was taken, as far as vendor metadata tells.

    Parameters
    ----------
    tags : mapping
        `data.Picture.tags`.

    Returns
    -------
    Acquisition
        From the first vendor that says anything; dates as ISO 8601.
    """
    for key, read in (
        ("zeiss", _zeiss_acquisition),
        ("fei", _fei_acquisition),
        ("tescan", _tescan_acquisition),
        ("fei_xml", _phenom_acquisition),
        ("sis", _sis_acquisition),
    ):
        if key in tags:
            with contextlib.suppress(ValueError, TypeError, AttributeError):
                acquisition = read(tags[key])
                if acquisition != Acquisition():
                    return acquisition
    return Acquisition()


def length_um(value: float, unit: str) -> float | None:
    """A length in micrometres; None where the unit is none of length (or of print: inch, cm)."""
    name = unit.replace("\\u00B5", "u").replace("µ", "u").replace("μ", "u").strip().lower()
    factor = _UM_PER_UNIT.get(name)
    return None if factor is None else value * factor


Sizes = Iterator[tuple[float, float]]  # pixel width and height, µm; height 0 where unknown


def _zeiss_sizes(zeiss: Mapping[str, Any], shape: tuple[int, int]) -> Sizes:
    """`ap_pixel_size` is for the live frame, often half or twice as wide as the file: it is not used."""
    rows, cols = shape
    stored = re.findall(r"\d+", str(_zeiss_value(zeiss, "dp_image_store") or ""))
    if len(stored) == 2 and int(stored[0]) != cols:
        return
    width, height = (_zeiss_length(zeiss, name) for name in ("ap_width", "ap_height"))
    from_field = width / cols if width else None
    pixel = _zeiss_length(zeiss, "ap_image_pixel_size")
    if not pixel and not from_field:
        return
    if pixel and from_field and abs(pixel / from_field - 1) > _AGREE:
        if not stored:
            return  # nothing tells which width the tags were written for
        yield from_field, 0.0
    whole = height and len(stored) == 2 and int(stored[1]) == rows
    yield (pixel or from_field or 0.0), (height / rows if whole and height else 0.0)


def _fei_sizes(fei: Mapping[str, Any], shape: tuple[int, int]) -> Sizes:
    width = _number(_section(fei, "Image").get("ResolutionX"))
    scan = _section(fei, "Scan")
    pixel, height = (_number(scan.get(name)) for name in ("PixelWidth", "PixelHeight"))
    if pixel is None or (width is not None and width != shape[1]):
        return
    field = _number(scan.get("HorFieldsize"))
    if field is not None and abs(field / shape[1] / pixel - 1) > _AGREE:
        if width is None:
            return  # resized
        yield field / shape[1] * 1e6, 0.0
    yield pixel * 1e6, (height or 0.0) * 1e6


def _fei_xml_sizes(tag: Mapping[str, Any], shape: tuple[int, int]) -> Sizes:
    """`FeiImage` of Phenom desktop instruments; `Metadata/BinaryResult` of newer Thermo software."""
    root = _xml_root(tag)
    if root is None:
        return
    columns = _number(root.findtext(".//{*}BinaryResult/{*}ImageSize/{*}X"))
    if columns is not None and columns != shape[1]:
        return
    for x, y in (("pixelWidth", "pixelHeight"), ("BinaryResult/{*}PixelSize/{*}X", "BinaryResult/{*}PixelSize/{*}Y")):
        width, height = (_xml_length(root.find(f".//{{*}}{name}")) for name in (x, y))
        if width is not None:
            yield width, height or 0.0
            return


def _sis_sizes(sis: Mapping[str, Any], shape: tuple[int, int]) -> Sizes:
    if (pixel := _number(sis.get("pixelsizex"))) is not None:
        yield pixel * 1e6, (_number(sis.get("pixelsizey")) or 0.0) * 1e6


def _tescan_sizes(tescan: Mapping[str, Any], shape: tuple[int, int]) -> Sizes:
    if (pixel := _number(tescan.get("PixelSizeX"))) is not None:
        yield pixel * 1e6, (_number(tescan.get("PixelSizeY")) or 0.0) * 1e6


def _ome_sizes(ome: Mapping[str, Any], shape: tuple[int, int]) -> Sizes:
    root = _xml_root(ome)
    pixels = None if root is None else root.find(".//{*}Pixels")
    if pixels is None or (_number(pixels.get("SizeX")) or shape[1]) != shape[1]:
        return
    width, height = (
        length_um(_number(pixels.get(f"PhysicalSize{axis}")) or 0.0, pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        for axis in "XY"
    )
    if width:
        yield width, height or 0.0


def _imagej_sizes(imagej: Mapping[str, Any], shape: tuple[int, int]) -> Sizes:
    """ImageJ turns print resolution into the units inch and cm, which are therefore not believed."""
    per_unit = _number(imagej.get("pixels_per_unit"))
    if per_unit and (width := length_um(1 / per_unit, str(imagej.get("unit")))):
        yield width, 0.0


def _gatan_sizes(gatan: Mapping[str, Any], shape: tuple[int, int]) -> Sizes:
    if width := length_um(_number(gatan.get("scale")) or 0.0, str(gatan.get("unit"))):
        yield width, 0.0


def _zeiss_value(zeiss: Mapping[str, Any], name: str) -> Any:
    entry = zeiss.get(name)
    return entry[1] if isinstance(entry, (tuple, list)) and len(entry) > 1 else None


def _zeiss_length(zeiss: Mapping[str, Any], name: str) -> float | None:
    entry = zeiss.get(name)
    if not isinstance(entry, (tuple, list)) or len(entry) < 3:
        return None
    number = _number(entry[1])
    return None if number is None else length_um(number, str(entry[2]))


def _zeiss_acquisition(zeiss: Mapping[str, Any]) -> Acquisition:
    magnification = re.match(r"\s*([\d.]+)\s*([KkMm])?", str(_zeiss_value(zeiss, "ap_mag") or ""))
    factor = {"k": 1e3, "m": 1e6}.get((magnification[2] or "").lower(), 1.0) if magnification else 1.0
    working_distance = _zeiss_length(zeiss, "ap_wd")
    serial = str(_zeiss_value(zeiss, "sv_serial_number") or "")
    kv = _zeiss_value(zeiss, "ap_actualkv") or _zeiss_value(zeiss, "ap_manualkv")
    return Acquisition(
        magnification=float(magnification[1]) * factor if magnification else None,
        kV=_number(kv),
        WD_mm=working_distance / 1e3 if working_distance else None,
        detector=_zeiss_value(zeiss, "dp_detector_channel") or _zeiss_value(zeiss, "dp_detector_type"),
        date=_date(str(_zeiss_value(zeiss, "ap_date") or ""), "%d %b %Y"),
        time=_time(str(_zeiss_value(zeiss, "ap_time") or "")),
        instrument=f"Zeiss {serial.split('-')[0]}".strip(),
    )


def _fei_acquisition(fei: Mapping[str, Any]) -> Acquisition:
    old, vector = _section(fei, "DatabarData"), _section(fei, "Vector")
    beam = _section(fei, str(_section(fei, "Beam").get("Beam", "EBeam"))) or _section(fei, "Beam")
    volt = _first_number(beam.get("HV"), old.get("flAccV"))
    metres = _number(beam.get("WD"))
    canvas = _number(_section(fei, "Image").get("MagCanvasRealWidth"))
    field = _number(_section(fei, "Scan").get("HorFieldsize"))
    day, _, time = str(_section(fei, "PrivateFei").get("TimeOfCreation", "")).partition(" ")
    system = _section(fei, "System")
    model = str(system.get("SystemType") or system.get("Type") or "").replace('"', "")  # was a trade mark sign
    return Acquisition(
        # Their ratio is the magnification on the instrument's screen, to the six digits that are stored.
        magnification=round(canvas / field, 1) if canvas and field else _number(vector.get("Magnification")),
        kV=None if volt is None else volt / 1e3,
        WD_mm=_number(old.get("flWD")) if metres is None else metres * 1e3,
        detector=_section(fei, "Detectors").get("Name") or None,
        date=_date(day, "%d.%m.%Y"),
        time=_time(time),
        instrument=f"FEI {model}".strip(),
    )


def _tescan_acquisition(tescan: Mapping[str, Any]) -> Acquisition:
    volt, metres = (_number(tescan.get(name)) for name in ("HV", "WD"))
    return Acquisition(
        magnification=_number(tescan.get("Magnification")),
        kV=None if volt is None else volt / 1e3,
        WD_mm=None if metres is None else metres * 1e3,
        detector=tescan.get("Detector") or None,
        date=_date(str(tescan.get("Date", "")), "%Y-%m-%d"),
        time=_time(str(tescan.get("Time", ""))),
        instrument=tescan.get("Device") or "TESCAN",
    )


def _phenom_acquisition(tag: Mapping[str, Any]) -> Acquisition:
    root = _xml_root(tag)
    if root is None:
        return Acquisition()
    volt, distance = (_number(root.findtext(f".//{{*}}{name}")) for name in ("highVoltage", "workingDistance"))
    return Acquisition(
        kV=None if volt is None else abs(volt),  # of the cathode, below ground
        WD_mm=distance,
        detector=root.findtext(".//{*}detector") or None,
        instrument=root.findtext(".//{*}edition") or None,
    )


def _sis_acquisition(sis: Mapping[str, Any]) -> Acquisition:
    taken = sis.get("datetime")
    return Acquisition(
        magnification=_number(sis.get("magnification")) or None,
        date=taken.date().isoformat() if isinstance(taken, datetime) else None,
        time=taken.time().isoformat() if isinstance(taken, datetime) else None,
    )


def _section(tag: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = tag.get(name)
    return section if isinstance(section, Mapping) else {}


def _number(value: Any) -> float | None:
    """A finite number, or None."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _first_number(*values: Any) -> float | None:
    return next((number for value in values if (number := _number(value)) is not None), None)


def _date(text: str, form: str) -> str | None:
    """ISO 8601 where the text has the form, as printed where not."""
    try:
        return datetime.strptime(text.strip(), form).date().isoformat()
    except ValueError:
        return text.strip() or None


def _time(text: str) -> str | None:
    parts = re.fullmatch(r"\s*(\d{1,2}):(\d{2})(?::(\d{2}))?\s*", text)
    return f"{int(parts[1]):02d}:{parts[2]}:{parts[3] or '00'}" if parts else None


def _xml_root(tag: Mapping[str, Any]) -> ElementTree.Element | None:
    text = re.sub(r"^\s*<\?xml.*?\?>", "", str(tag.get("xml", "")))  # its encoding is that of the bytes, long gone
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    try:
        return ElementTree.fromstring(text.encode("utf-8"))  # noqa: S314  no entities, no external parts
    except ElementTree.ParseError:
        return None


def _xml_length(element: ElementTree.Element | None) -> float | None:
    if element is None or (number := _number(element.text)) is None:
        return None
    return length_um(number, element.get("unit", "m"))
