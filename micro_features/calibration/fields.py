"""Burned-in text becomes numbers: lengths beside scale bars, and acquisition fields.

Text comes from a reader that makes mistakes. What does not parse wholly is None, never a guess, and a unit that may
have been misread says so.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date as calendar_date
from itertools import pairwise

from micro_features.calibration.text import Line, Word
from micro_features.data import Acquisition

_UM_PER = {"nm": 1e-3, "µm": 1.0, "mm": 1e3, "cm": 1e4, "Å": 1e-4}
_UNITS = {
    **dict.fromkeys(("µm", "um", "Um", "UM", "microns", "micron", "micrometers", "micrometer"), "µm"),
    **dict.fromkeys(("micrometres", "micrometre", "microm", "mikron"), "µm"),
    **dict.fromkeys(("nm", "Nm", "NM", "nanometers", "nanometres", "nanometer"), "nm"),
    **dict.fromkeys(("mm", "MM", "millimeters", "millimetres"), "mm"),
    **dict.fromkeys(("cm",), "cm"),
    **dict.fromkeys(("Å", "A", "angstrom"), "Å"),
}
# What readers make of a µ they do not know: taken for µm only where something else says so too.
_DOUBTFUL = re.compile(r"^(?:[pyjlghHiuµvq/|I1]{1,2}\s?[mrn]{1,2}|u[ni]|µ|[^\dnmcdk]?m)$")
_NUMBER = r"\d+(?:[.,]\d+)?"
_LENGTH = re.compile(rf"^({_NUMBER})\s*([^\d\s.,=:;()<>-]{{1,12}}\.?)$")

_LABELS = {
    "kV": ("hv", "eht", "acc.v", "accv", "accv.", "acc.v.", "ebeam", "e-beam", "energy", "semhv", "landing"),
    "WD": ("wd", "workingdistance", "w.d."),
    "magnification": ("mag", "magn", "mag.", "magnification", "magn.", "semmag"),
    "detector": ("det", "det.", "detector", "signala", "signal", "detectors"),
    "field": ("hfw", "fw", "hfov", "fov", "viewfield", "width", "fieldofview", "fieldwidth", "field"),
    "pixel": ("pixelsize", "imagepixelsize", "pixel", "px"),
    "date": ("date", "date(m/d/y)"),
    "time": ("time",),
    "other": (
        *(
            "spot",
            "curr",
            "current",
            "mode",
            "int",
            "int.",
            "vac",
            "vac.",
            "dwell",
            "pressure",
            "user",
            "tilt",
            "stage",
        ),
        *("scan", "bi", "beamintensity", "exp", "lens", "frame", "vacuum", "i", "type", "spotsize", "probe", "name"),
    ),
}
_OTHER = "other"
_LABEL_NAMES = {
    **{"kV": "HV", "WD": "WD", "magnification": "Mag", "detector": "Det", "field": "HFW", "pixel": "Pixel Size"},
    **{"date": "Date", "time": "Time", "other": _OTHER},
}
_LABEL_OF = {label: key for key, labels in _LABELS.items() for label in labels}

WD_MM = (0.1, 200.0)  # working distances there are

_DETECTORS = re.compile(
    r"(?<![A-Za-z0-9])(SE\([A-Z]{1,2}(?:,[A-Z0-9]+)?\)|LA\d*\([A-Z]\)|(?:In-?Beam|Low-?kV|Mid-?Angle) ?(?:SE|BSE)|"
    r"HE-SE2|BSE-?(?:COMP|TOPO|3D|[A-Z])|PDBSE(?:\([A-Z]+\))?|YAGBSE|LA-?BSE|UVD|BSD Full|BSD|NTS BSD|QBSD|AsB|EsB|ESB|"
    r"InLens|In[- ]?Lens(?: Duo)?|E-T|ETD|TLD|LFD|GSED|CBS|vCD|ICD|MD|DBS|HAADF|LEI|LED|LBE|LABE|UED|USD|SED|BED|SEI|"
    r"BEI|BEC|BES|BET|COMPO|TOPO|SE1|SE2|SE|BSE|BF|DF|CL|T1|T2|T3)(?![A-Za-z0-9])"
)
_INSTRUMENTS = re.compile(
    r"(?<![A-Za-z])(JEOL|ZEISS|TESCAN|(?:SU|TM|S-|FlexSEM)\d{4}[A-Za-z]?|Phenom[A-Za-z ]*|Helios|Quanta|Nova ?NanoSEM|"
    r"Verios|Apreo|Teneo|Sirion|Scios|MIRA\d?|VEGA\d?|AMBER|LYRA\d?|GAIA\d?|MAIA\d?|SUPRA[ \d]*|MERLIN|AURIGA|"
    r"GeminiSEM|Sigma|LEO|EVO)(?![a-z])"
)
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}


@dataclass(frozen=True)
class Length:
    """A length as printed.

    Attributes
    ----------
    um : float
        Micrometres.
    sure : bool
        False where the unit or a digit may have been misread: to be believed only with other evidence.
    text : str
        As printed, unit spelt properly.
    """

    um: float
    sure: bool
    text: str


def plain(text: str) -> str:
    """Text with one spelling for the signs that have several."""
    text = text.replace("μ", "µ").replace("×", "x").replace("✕", "x").replace("：", ":").replace("，", ",")
    text = text.replace("（", "(").replace("）", ")").replace("．", ".").replace("－", "-").replace("−", "-")
    text = text.replace("Å", "Å").strip()
    # The wide pitch of typewriter faces is read as spaces within numbers.
    return re.sub(r"(?<=\d) ?([.:]) ?(?=\d)", r"\1", text)


def parse_length(text: str) -> Length | None:
    """A whole text as a length: ``100µm``, ``0,5 µm``, ``500nm``, ``30 Microns``; None for anything else.

    ``pm`` and its like are never picometres: they are taken for a misread ``µm`` and marked unsure. A question mark
    behind the unit, as `doubted` puts there, tells of doubt.
    """
    cleaned = plain(text).strip(" |[]_-–—:;*'\"<>").rstrip(".,")  # a point in front has lost its digit
    cleaned = re.sub(r"(?<=\d)[oO](?=[\d.,\sonµmu]|$)", "0", cleaned)
    cleaned = re.sub(r"^[lI|](?=[\d\s.,])", "1", cleaned)
    match = _LENGTH.match(re.sub(r"(?<=[A-Za-zµÅ])\s+(?=[A-Za-z])", "", cleaned))
    if match is None:
        return None
    value = float(match[1].replace(",", "."))
    unit = re.sub(r"^(?:µu|uµ|µµ)m$", "µm", match[2].rstrip("?"))
    if value <= 0:
        return None
    known = _UNITS.get(unit) or _UNITS.get(unit.rstrip("."))
    if re.fullmatch("[mµun]M", unit):  # of concentration
        return None
    if known is None and unit.lower().rstrip(".") in _UNITS:
        known = _UNITS[unit.lower().rstrip(".")]
    if known == "Å" and unit == "A":
        return Length(value * _UM_PER["Å"], False, f"{match[1]} Å")
    if known is not None and match[2].endswith("?"):
        return Length(value * _UM_PER[known], False, f"{match[1]} {known}?")
    if known is not None:
        return Length(value * _UM_PER[known], True, f"{match[1]} {known}")
    if _DOUBTFUL.match(unit):
        return Length(value, False, f"{match[1]} {unit}")
    return None


def doubted(length: Length) -> Length:
    """The same length, of which a digit or point may have been misread."""
    return replace(length, sure=False, text=f"{length.text}?") if length.sure else length


def is_round(length: Length) -> bool:
    """Whether a length is one that people put beside a bar: one digit and zeros, or a half or a quarter of that."""
    digits = length.text.split()[0].replace(",", "").replace(".", "").strip("0")
    return len(digits) == 1 or digits in ("12", "15", "25", "75", "125")


def texts_of(lines: Sequence[Line]) -> tuple[tuple[str, ...], tuple[Word, ...]]:
    """Lines as texts, and the words that are some label's value.

    A row of labels above a row of values is turned into ``label = value``, one text each, ahead of the lines
    themselves. Values of labels never belong to a scale bar.
    """
    pairs, labelled = _labelled_values(lines)
    texts = [f"{label} = {value}" for label, value in pairs.items() if label != _OTHER] + [line.text for line in lines]
    return tuple(plain(text) for text in texts if text), tuple(labelled)


def parse_fields(texts: Sequence[str]) -> Acquisition:
    """Acquisition fields from texts such as ``WD = 4.6 mm``, ``15.0kV 9.1mm X3.50k BSE-COMP`` or ``HV = 5.00 kV``."""
    whole = " \n ".join(plain(text) for text in texts)
    whole = re.sub(r"(?<=\d)[oO](?=\d|\.)|(?<=\d\.)[oO]", "0", whole)
    instrument = _INSTRUMENTS.search(whole)
    return Acquisition(
        magnification=_magnification(whole),
        kV=_kilovolt(whole),
        WD_mm=_working_distance(whole),
        detector=_detector(whole),
        date=_date(whole, us_order="JEOL" in whole or "m/d/y" in whole.lower()),
        time=_time(whole),
        instrument=instrument[1].strip() if instrument else None,
    )


def field_width(texts: Sequence[str]) -> Length | None:
    """Width of the field of view, where it is printed: ``HFW = 1.73 mm``, ``Width = 20.00 µm``."""
    return _quantity(texts, r"(?:HFW|HFOV|FOV|FW|View ?field|Field of view|(?:(?<![A-Za-z] )|(?<=mm )|(?<=kV ))Width)")


def printed_pixel_size(texts: Sequence[str]) -> Length | None:
    """Pixel size, where it is printed: ``Pixel Size = 9.766 nm``."""
    return _quantity(texts, r"Pixel ?Size")


def _key(text: str) -> str | None:
    return _LABEL_OF.get(re.sub(r"[\s:=]", "", plain(text)).lower())


def _labels_in(line: Line) -> list[tuple[str, int, int]]:
    """Labels of a line with their first and last column; two words may make one label."""
    found: list[tuple[str, int, int]] = []
    words = [word for word in line.words if word.text]
    k = 0
    while k < len(words):
        pair = words[k].text + words[k + 1].text if k + 1 < len(words) else ""
        if pair and words[k + 1].box[2] - words[k].box[3] < words[k].height and _key(pair):
            found.append((_LABEL_NAMES[str(_key(pair))], words[k].box[2], words[k + 1].box[3]))
            k += 2
            continue
        parts = words[k].text.split()
        width = (words[k].box[3] - words[k].box[2] + 1) / max(1, len(words[k].text))
        at = 0
        for part in parts:
            at = words[k].text.index(part, at)
            if _key(part):
                first = words[k].box[2] + round(at * width)
                found.append((_LABEL_NAMES[str(_key(part))], first, first + round(len(part) * width)))
            at += len(part)
        k += 1
    return found


def _labelled_values(lines: Sequence[Line]) -> tuple[dict[str, str], list[Word]]:
    """Values by the label above them, and every word that is a label's value."""
    values: dict[str, list[str]] = {}
    labelled: list[Word] = []
    for line in lines:
        words = [word for word in line.words if word.text]
        for word, after in pairwise(words):
            # `WD 10.1mm`, `HFW: 1.73 mm`, `15.0kV 9.1mm`: the value stands behind its label.
            near = after.box[2] - word.box[3] <= 3 * word.height
            if near and (_key(word.text) or re.search(r"(?:[=:]|\d ?k[Vv])$", plain(word.text))):
                labelled.append(after)
        labels = _labels_in(line)
        below = _line_below(line, lines)
        inline = any(re.search(r"[=:]$", word.text) for word in words) or any(
            re.search(r"\d", w.text) for w in words[:2]
        )
        if not labels or below is None or inline:
            continue
        of_label: str | None = None
        for before, word in zip((None, *below.words), below.words, strict=False):
            # A unit stays with its number, however near the next label is.
            if before is None or not _is_unit_of(before, word):
                distance = [_gap((word.box[2], word.box[3]), (first, last)) for _, first, last in labels]
                best = min(range(len(labels)), key=lambda k: (distance[k], abs(labels[k][1] - word.box[2])))
                of_label = labels[best][0] if distance[best] <= 3 * word.height else None
            if word.text and of_label:
                values.setdefault(of_label, []).append(word.text)
                labelled.append(word)
    return {label: " ".join(parts) for label, parts in values.items()}, labelled


def _is_unit_of(number: Word, word: Word) -> bool:
    unit = re.fullmatch(r"(?:[kM]?e?V|[mcµun]m|[kK]?[xX]|[kM]?Pa|m?bar|Torr|[numµ]?[As]|°)", plain(word.text))
    return bool(unit and number.text[-1:].isdigit() and word.box[2] - number.box[3] <= 1.5 * word.height)


def _gap(a: tuple[int, int], b: tuple[int, int]) -> int:
    return max(0, max(a[0], b[0]) - min(a[1], b[1]))


def _line_below(line: Line, lines: Sequence[Line]) -> Line | None:
    last = max(word.box[1] for word in line.words)
    first = min(word.box[0] for word in line.words)
    span = (line.words[0].box[2], line.words[-1].box[3])
    below = [
        other
        for other in lines
        if 0 <= min(w.box[0] for w in other.words) - last <= 1.6 * (last - first + 1)
        and _gap(span, (other.words[0].box[2], other.words[-1].box[3])) == 0
    ]
    return min(below, key=lambda other: min(w.box[0] for w in other.words), default=None)


def _kilovolt(text: str) -> float | None:
    match = re.search(rf"({_NUMBER})\s*k\s?e?[Vv](?![A-Za-z])", text)
    if match is None:
        return None
    value = float(match[1].replace(",", "."))
    return value if 0.01 <= value <= 400 else None


def _working_distance(text: str) -> float | None:
    """In mm; a number in µm or nm behind `WD` is the length of a scale bar."""
    value = rf"({_NUMBER})(?![\d.,]*\s?[µun]m)\s*(mm|cm)?"
    for match in (
        *re.finditer(rf"\bW\.?D\.?\s*[=:]?\s*{value}", text),
        *re.finditer(rf"k[Vv]\s+(?:x[\d.]+k?\s+)?({_NUMBER})\s*(mm)\b", text),
    ):
        distance_mm = float(match[1].replace(",", ".")) * (10.0 if match[2] == "cm" else 1.0)
        if WD_MM[0] <= distance_mm <= WD_MM[1]:
            return distance_mm
    return None


def _magnification(text: str) -> float | None:
    number = r"(\d{1,3}(?: \d{3})+|\d{1,3}(?:,\d{3})+|\d+(?:[.,]\d+)?)"
    patterns = [
        rf"Mag[a-z.]*\s*[=:]?\s*x?\s*{number}\s*([kKM])?\s*[xX]?(?![A-Za-z0-9µ])",
        rf"(?<![A-Za-z0-9])[xX]\s?{number}\s?([kKM])?(?![A-Za-z0-9.µ])",
        rf"(?<![A-Za-z0-9.]){number}\s?([kKM])?\s?[xX](?![A-Za-z0-9])",
    ]
    for pattern in patterns:
        match = re.search(pattern, text)
        if match is None:
            continue
        digits = match[1].replace(" ", "")
        digits = digits.replace(",", "") if re.fullmatch(r"\d{1,3}(,\d{3})+", digits) else digits.replace(",", ".")
        value = float(digits) * {"k": 1e3, "K": 1e3, "M": 1e6}.get(match[2] or "", 1.0)
        if 1 <= value <= 5e7:
            return value
    return None


def _detector(text: str) -> str | None:
    match = re.search(r"(?:Signal A|Det(?:ector)?\.?)\s*[=:]\s*(\S+(?: (?:Full|Duo|SE|BSE))?)", text)
    if match:
        return match[1].strip(" .,;")
    match = _DETECTORS.search(text)
    return match[1] if match else None


def _date(text: str, us_order: bool) -> str | None:
    match = re.search(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)", text)
    if match:
        return _iso(int(match[1]), int(match[2]), int(match[3]))
    match = re.search(r"(?<!\d)(\d{1,2})[ -]?([A-Za-z]{3})[a-z]*\.?[ ,-]*(\d{4})(?!\d)", text)
    if match and match[2].lower() in _MONTHS:
        return _iso(int(match[3]), _MONTHS[match[2].lower()], int(match[1]))
    match = re.search(r"(?<![A-Za-z])([A-Za-z]{3})[a-z]*\.? (\d{1,2}),? (\d{4})(?!\d)", text)
    if match and match[1].lower() in _MONTHS:
        return _iso(int(match[3]), _MONTHS[match[1].lower()], int(match[2]))
    match = re.search(r"(?<!\d)(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)", text)
    if match is None:
        return None
    first, second = int(match[1]), int(match[3])
    year = int(match[4]) + (2000 if len(match[4]) == 2 else 0)
    if us_order or second > 12 or first == second:
        return _iso(year, first, second)
    if first > 12 or match[2] == ".":
        return _iso(year, second, first)
    return match[0] if 1 <= first <= 12 and 1 <= second <= 12 else None


def _iso(year: int, month: int, day: int) -> str | None:
    try:
        return calendar_date(year, month, day).isoformat() if 1950 <= year <= 2100 else None
    except ValueError:
        return None


def _time(text: str) -> str | None:
    match = re.search(r"(?<!\d)(?<!\d:)([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?(?![\d:])\s*([AaPp][Mm])?", text)
    if match is None:
        return None
    hour = int(match[1])
    if match[4] and 1 <= hour <= 12:
        hour = hour % 12 + (12 if match[4].lower() == "pm" else 0)
    return f"{hour:02d}:{match[2]}" + (f":{match[3]}" if match[3] else "")


def _quantity(texts: Sequence[str], label: str) -> Length | None:
    for text in texts:
        match = re.search(
            rf"(?<![A-Za-z]){label}\s*[=:]?\s*({_NUMBER})\s*([a-zA-Zµ]{{1,2}})(?![A-Za-z])", plain(text), re.I
        )
        if match:
            return parse_length(f"{match[1]} {match[2]}")
    return None
