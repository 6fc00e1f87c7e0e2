"""One pixel size from every source that speaks of it; disagreement is an error, never a silent choice."""

from dataclasses import dataclass

from micro_features.calibration.fields import Length, field_width, is_round, parse_length, printed_pixel_size
from micro_features.calibration.tags import pixel_size_from_tags
from micro_features.data import Annotations, Picture, PixelSize
from micro_features.errors import CalibrationError

AGREEMENT = 0.02  # relative; trustworthy sources that differ by more contradict each other
# Pixel size times columns times magnification is the width of the print that a vendor had in mind: a photograph, a
# monitor or a wall. Outside this range a unit or a digit was misread.
PRINT_WIDTH_MM = (30.0, 1000.0)
# Up to here it may be an objective's own: then the width is that of a camera's chip.
OBJECTIVE_MAGNIFICATION = 100.0
CHIP_WIDTH_MM = 3.0
# From the finest lattice image to a photograph of a part.
PIXEL_UM = (2e-6, 50.0)

WAYS_OUT = "Give it with --pixel-size UM or --pixel-size-from FILE.csv, or measure in pixels with --uncalibrated."


@dataclass(frozen=True)
class _Source:
    name: str
    pixel_um: float
    rel_error: float
    slack: float  # what its drawing or rounding explains of a disagreement, relative
    sure: bool = True

    def agrees(self, other: "_Source") -> bool:
        return self.apart(other) <= max(AGREEMENT, self.slack, other.slack)

    def apart(self, other: "_Source") -> float:
        return abs(self.pixel_um - other.pixel_um) / min(self.pixel_um, other.pixel_um)

    def __str__(self) -> str:
        return f"{self.name} {self.pixel_um:.6g} µm"


def pixel_size(annotations: Annotations, picture: Picture, *, user_pixel_um: float | None = None) -> PixelSize:
    """Settle on the pixel size.

    Trustworthy are: the user's value, vendor metadata, a scale bar with its text, a printed width of the field of
    view, a printed pixel size. Print resolution over magnification (25.4 mm / dpi / magnification) may confirm one of
    them, and alone is not enough: vendors count magnification differently.

    Parameters
    ----------
    annotations : Annotations
        From `read_annotations` of the same picture.
    picture : Picture
    user_pixel_um : float or None
        What the user says, micrometres. Where other sources contradict each other it decides, if it agrees with one.

    Raises
    ------
    CalibrationError
        No trustworthy source; a unit that may have been misread and nothing that confirms it; two trustworthy
        sources that differ by more than 2 % and by more than one pixel at each end of the bar explains.
    """
    cols = picture.pixels.shape[1]
    sources = _sources(annotations, picture)
    prints = _print_resolution(annotations, picture)
    confirming = [prints] if prints else []
    evidence = [*sources, *confirming]

    trusted = [s for s in sources if _believable(s, annotations, cols)]
    doubted = [s for s in sources if s not in trusted]
    # What was doubted is believed where something independent says the same.
    trusted += [s for s in doubted if any(s.agrees(other) for other in [*trusted, *confirming])]
    if len(doubted) >= 2 and not trusted:
        trusted += [s for s in doubted if any(s.agrees(other) for other in doubted if other is not s)]

    if user_pixel_um is not None:
        user = _Source("user", user_pixel_um, 0.0, 0.0)
        if trusted and not any(user.agrees(other) for other in trusted):
            raise _contradiction(user, max(trusted, key=user.apart))
        return PixelSize(user.pixel_um, user.name, _rel_error(user, trusted), _as_evidence([user, *evidence]))
    if not trusted:
        raise CalibrationError(_nothing_found(annotations, doubted, prints))
    # A scale bar read beyond doubt is not overruled, however ill it fits the magnification.
    speaking = trusted + [s for s in doubted if s not in trusted and s.name == "scale bar" and s.sure]
    for k, one in enumerate(speaking):
        for other in speaking[k + 1 :]:
            if not one.agrees(other):
                raise _contradiction(one, other)
    best = min(trusted, key=lambda s: (not s.name.startswith("metadata"), s.rel_error))
    return PixelSize(best.pixel_um, best.name, best.rel_error, _as_evidence(evidence))


def _sources(annotations: Annotations, picture: Picture) -> list[_Source]:
    rows, cols = picture.pixels.shape[:2]
    found = [
        _Source(name, size, error, error) for name, size, error in pixel_size_from_tags(picture.tags, (rows, cols))
    ]
    bar = annotations.scale_bar
    if bar is not None and bar.length_um is not None:
        printed = parse_length(bar.text or "")
        error = bar.length_error_px / bar.length_px
        slack = max(2.0 / bar.length_px, error)
        sure = printed is None or (printed.sure and is_round(printed))
        found.append(_Source("scale bar", bar.length_um / bar.length_px, error, slack, sure))
    field = field_width(annotations.text)
    if field is not None:
        found.append(_Source("field width", field.um / cols, *(_rounding(field),) * 2, field.sure))
    printed = printed_pixel_size(annotations.text)
    if printed is not None:
        found.append(_Source("printed pixel size", printed.um, *(_rounding(printed),) * 2, printed.sure))
    return found


def _print_resolution(annotations: Annotations, picture: Picture) -> _Source | None:
    magnification = annotations.acquisition.magnification
    if not picture.dpi or not magnification:
        return None
    return _Source("print resolution", 25.4e3 / picture.dpi / magnification, AGREEMENT, AGREEMENT)


def _rounding(length: Length) -> float:
    """Half a unit of the last printed digit, relative."""
    number = length.text.split()[0].replace(",", ".")
    decimals = len(number.partition(".")[2])
    return 0.5 * 10.0**-decimals / float(number)


def _believable(source: _Source, annotations: Annotations, cols: int) -> bool:
    """Whether a source can stand alone: read beyond doubt, and not at odds with the magnification's order."""
    if source.name.startswith("metadata"):
        return True
    magnification = annotations.acquisition.magnification
    if magnification is None:
        return source.sure and PIXEL_UM[0] <= source.pixel_um <= PIXEL_UM[1]
    print_width_mm = source.pixel_um * cols * magnification * 1e-3
    narrowest = CHIP_WIDTH_MM if magnification <= OBJECTIVE_MAGNIFICATION and source.sure else PRINT_WIDTH_MM[0]
    return narrowest <= print_width_mm <= PRINT_WIDTH_MM[1]


def _rel_error(user: _Source, trusted: list[_Source]) -> float:
    return min((s.apart(user) for s in trusted if s.agrees(user)), default=0.0)


def _as_evidence(sources: list[_Source]) -> tuple[tuple[str, float, float], ...]:
    return tuple((s.name, s.pixel_um, s.rel_error) for s in sources)


def _contradiction(one: _Source, other: _Source) -> CalibrationError:
    remedy = "Find out which is right and give that one with --pixel-size UM or --pixel-size-from FILE.csv."
    if one.name == "user":
        remedy = "If the picture is wrong, cut its bar off (or save it without its tags) and give the pixel size again."
    return CalibrationError(
        f"Sources of the pixel size disagree: {one}, {other} ({one.apart(other):.1%} apart). {remedy}"
    )


def _nothing_found(annotations: Annotations, doubted: list[_Source], prints: _Source | None) -> str:
    if doubted:
        bar = annotations.scale_bar
        what = f"scale bar text {bar.text!r}" if bar and doubted[0].name == "scale bar" else doubted[0].name
        magnification = annotations.acquisition.magnification
        against = f" and does not fit magnification {magnification:g}" if magnification else ""
        return (
            f"The {what} may be misread ({doubted[0].pixel_um:.6g} µm a pixel){against}, and nothing confirms it. "
            f"{WAYS_OUT}"
        )
    found = "No pixel size: no vendor metadata with one"
    if not annotations.text_read:
        found += ", and the text on the picture was not read (pip install 'micro-features[ocr]' to read it)"
        return f"{found}. {WAYS_OUT}"
    bar = annotations.scale_bar
    if bar is None:
        found += ", no scale bar with a length beside it"
    else:
        found += (
            f", and the text {bar.text!r} beside a scale bar of {bar.length_px:.1f} px is no length read beyond doubt"
        )
    if prints:
        found += f"; print resolution over magnification ({prints}) alone is not enough"
    return f"{found}. {WAYS_OUT}"
