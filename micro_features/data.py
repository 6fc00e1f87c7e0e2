"""The types that flow from a micrograph to a report.

Frozen dataclasses that hold plain arrays and tables. Each checks itself when made; none computes.
Images are (rows, cols). Boxes are ``(first_row, last_row, first_col, last_col)``, last ones inclusive.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Box = tuple[int, int, int, int]


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True, eq=False)
class Picture:
    """One page of an image file as it was stored, upright, before anything is interpreted.

    Attributes
    ----------
    pixels : (rows, cols) or (rows, cols, 3) array, uint8, uint16 or float32
        Palette and alpha are resolved, EXIF orientation is applied, colour order is RGB.
    full_scale : float
        The grey value that means white: 255, 4095 for 12 bits in 16, 1.0 for float data.
    tags : mapping
        Vendor metadata by vendor: ``{"zeiss": {...}, "fei": {...}, "tescan": {...}}``.
    dpi : float or None
        Print resolution stored in the file, dots per inch.
    page : int
        Number of the page in its file, from 0.
    n_pages : int
        Pages in the file.
    sha256 : str
        Of the whole file.
    """

    pixels: np.ndarray
    full_scale: float
    tags: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    dpi: float | None = None
    page: int = 0
    n_pages: int = 1
    sha256: str = ""

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        _check(len(shape) == 2 or (len(shape) == 3 and shape[2] == 3), f"pixels have shape {shape}, not grey or RGB")


@dataclass(frozen=True)
class Acquisition:
    """How the picture was taken, from vendor metadata or burned-in text; None where unknown.

    Attributes
    ----------
    magnification : float or None
        As the vendor counts it, which differs between vendors.
    kV : float or None
        Accelerating voltage, kilovolt.
    WD_mm : float or None
        Working distance, millimetre.
    detector : str or None
    date : str or None
        ISO 8601 day, ``2021-03-19``; as printed where the order of day and month is unknown.
    time : str or None
        ``15:33:46``.
    instrument : str or None
        Vendor or model.
    """

    magnification: float | None = None
    kV: float | None = None
    WD_mm: float | None = None
    detector: str | None = None
    date: str | None = None
    time: str | None = None
    instrument: str | None = None


@dataclass(frozen=True)
class ScaleBar:
    """A drawn scale bar.

    Attributes
    ----------
    length_px : float
        Length that its text speaks of, pixels: the solid bar's length, or centre to centre of end ticks.
    length_error_px : float
        Half width of what the drawing leaves open (one pixel, or the thickness of the end caps).
    box : Box
        Where it is drawn.
    text : str or None
        As read, ``"100µm"``; None where it could not be read.
    length_um : float or None
        The text as a length in micrometres.
    """

    length_px: float
    length_error_px: float
    box: Box
    text: str | None = None
    length_um: float | None = None


@dataclass(frozen=True)
class Annotations:
    """What an instrument or author drew on a picture: data bar, scale bar, text.

    Attributes
    ----------
    side : str
        ``"bottom"``, ``"top"``, ``"left"``, ``"right"``: a strip that is no picture. ``"inside"``: drawn on or
        boxed in the picture. ``"none"``: nothing drawn.
    first_row, last_row : int or None
        Rows of the strip or the box, inclusive; None for text burned straight onto the picture, or none.
    masked : tuple of Box
        Every part that is no picture: the strip, boxes, text, scale bar.
    scale_bar : ScaleBar or None
    text : tuple of str
        All lines of text found, as read; a value printed under its label follows it, ``"HFW = 1.73 mm"``.
    acquisition : Acquisition
        Fields parsed from the text.
    text_read : bool
        False where there was something to read and no reader installed.
    """

    side: str = "none"
    first_row: int | None = None
    last_row: int | None = None
    masked: tuple[Box, ...] = ()
    scale_bar: ScaleBar | None = None
    text: tuple[str, ...] = ()
    acquisition: Acquisition = Acquisition()
    text_read: bool = True

    def __post_init__(self) -> None:
        _check(self.side in ("bottom", "top", "left", "right", "inside", "none"), f"side {self.side!r} is not known")


@dataclass(frozen=True)
class PixelSize:
    """The pixel size that was settled on, and what spoke for it.

    Attributes
    ----------
    pixel_um : float
        Edge of a pixel, micrometres.
    source : str
        ``"user"``, ``"metadata <vendor>"``, ``"scale bar"``, ``"field width"``, ``"printed pixel size"`` or
        ``"uncalibrated"`` (1 px).
    rel_error : float
        Half width of its uncertainty, relative.
    evidence : tuple of (source, pixel_um, rel_error)
        Every source that was present.
    """

    pixel_um: float
    source: str
    rel_error: float
    evidence: tuple[tuple[str, float, float], ...] = ()

    def __post_init__(self) -> None:
        _check(bool(np.isfinite(self.pixel_um)) and self.pixel_um > 0, f"pixel_um {self.pixel_um} is not positive")


@dataclass(frozen=True, eq=False)
class Micrograph:
    """A calibrated picture.

    Attributes
    ----------
    image : (rows, cols) float32 array
        Grey level, 0 black to 1 white, the whole frame as stored, data bar included.
    valid : (rows, cols) bool array
        False where there is no material: data bar, burned-in text, pixels without a value.
    pixel_um : float
        Edge of a pixel, micrometres; 1.0 where `calibrated` is False.
    calibrated : bool
        False where lengths are in pixels.
    acquisition : Acquisition
    micrograph_id, sample_id, sha256 : str
    """

    image: np.ndarray
    valid: np.ndarray
    pixel_um: float
    calibrated: bool = True
    acquisition: Acquisition = Acquisition()
    micrograph_id: str = ""
    sample_id: str = ""
    sha256: str = ""

    def __post_init__(self) -> None:
        _check(self.image.ndim == 2, f"image has shape {self.image.shape}, not (rows, cols)")
        _check(self.image.dtype == np.float32, f"image is {self.image.dtype}, not float32")
        _check(self.valid.shape == self.image.shape, "valid and image differ in shape")
        _check(self.valid.dtype == bool, f"valid is {self.valid.dtype}, not bool")
        _check(self.pixel_um > 0, f"pixel_um {self.pixel_um} is not positive")


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Which pixel belongs to which grain or pore.

    Attributes
    ----------
    grains, pores : (rows, cols) int32 array
        Labels from 1; 0 is background (for grains: pores, data bar, unsegmented).
    boundary : (rows, cols) float32 array
        Strength of evidence for a grain boundary, 0 to 1.
    valid : (rows, cols) bool array
    pixel_um : float
    micrograph_id : str
    working_scale : float
        Factor by which the picture was shrunk to find grains (1: not shrunk).
    grain_dependence : float
        How much the number of grains depends on the merge level: 0 not at all, 1 as in texture without grains.
    stability : (number of grains + 1,) float32 array
        For each grain label, how far the grain stays the same when the merge level changes, 0 to 1; empty where not
        known.
    confidence : float
        F1 of the grains, at an intersection over union of 0.5, that is to be expected, 0 to 1.
    agreement : float
        F1 of the grains with those that a second method finds, 0 to 1; NaN where there is none.
    count_range, boundary_range : (low, high)
        Number of grains and length of boundary at the other merge levels, over those at the chosen one.
    pore_area_range : (low, high)
        Area of pores at other thresholds, over that at the chosen one.
    """

    grains: np.ndarray
    pores: np.ndarray
    boundary: np.ndarray
    valid: np.ndarray
    pixel_um: float
    micrograph_id: str = ""
    working_scale: float = 1.0
    grain_dependence: float = float("nan")
    stability: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    confidence: float = float("nan")
    agreement: float = float("nan")
    count_range: tuple[float, float] = (float("nan"), float("nan"))
    boundary_range: tuple[float, float] = (float("nan"), float("nan"))
    pore_area_range: tuple[float, float] = (float("nan"), float("nan"))

    def __post_init__(self) -> None:
        for name in ("grains", "pores", "boundary"):
            _check(getattr(self, name).shape == self.valid.shape, f"{name} and valid differ in shape")
        for name in ("grains", "pores"):
            _check(getattr(self, name).dtype == np.int32, f"{name} labels are {getattr(self, name).dtype}, not int32")
        _check(self.valid.dtype == bool, f"valid is {self.valid.dtype}, not bool")
        _check(self.pixel_um > 0, f"pixel_um {self.pixel_um} is not positive")


@dataclass(frozen=True, eq=False)
class Attributions:
    """How much each feature moves each prediction away from the base value.

    Attributes
    ----------
    values : (n, k) float array
        One row a prediction, one column a feature; a row and its base add up to the prediction.
    base : (n,) float array
        Prediction with no feature known: the mean over what the model was trained on, which differs from fold to fold.
    names : tuple of str
        Features, in the order of the columns.
    unit : str
        Of values and base, ``"log10 S/cm"`` (differences of which are decades).
    ids : tuple of str
        What was predicted, in the order of the rows.
    method : str
        ``"TreeSHAP, out of fold"``.
    low, high : (n, k) float array or None
        Band about each value; NaN where not known.
    """

    values: np.ndarray
    base: np.ndarray
    names: tuple[str, ...]
    unit: str
    ids: tuple[str, ...]
    method: str
    low: np.ndarray | None = None
    high: np.ndarray | None = None

    def __post_init__(self) -> None:
        shape = (len(self.ids), len(self.names))
        _check(self.values.shape == shape, f"values have shape {self.values.shape}, not {shape} as ids and names say")
        _check(self.base.shape == shape[:1], f"base has shape {self.base.shape}, not {shape[:1]}")
        for name, labels in (("ids", self.ids), ("names", self.names)):
            repeated = [each for each, times in Counter(labels).items() if times > 1]
            _check(not repeated, f"{name} repeat {repeated[:1]}")
        for name in ("values", "base"):
            _check(bool(np.isfinite(getattr(self, name)).all()), f"{name} are not all finite")
        _check((self.low is None) == (self.high is None), "low and high come together or not at all")
        if self.low is not None and self.high is not None:
            _check(self.low.shape == shape == self.high.shape, f"low and high do not have shape {shape}")
            _check(not (self.low > self.high).any(), "low exceeds high")


@dataclass(frozen=True, eq=False)
class HeatMaps:
    """What each place of one layer of a network adds to its prediction, a map for each picture.

    Attributes
    ----------
    values : tuple of (rows, cols) float32 arrays
        Signed, one number a cell, at the layer's own resolution: neither clipped, enlarged nor stretched.
    ids : tuple of str
        Pictures, in the order of the maps.
    layer : str
    method : str
        ``"gradcam"`` or ``"hirescam"``.
    unit : str
        Of values, ``"decades"`` where the logarithm of the property is predicted.
    cell_um : tuple of float
        Edge of a cell in each picture, micrometres; NaN where its scale is not known.
    """

    values: tuple[np.ndarray, ...]
    ids: tuple[str, ...]
    layer: str
    method: str
    unit: str
    cell_um: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("values", "cell_um"):
            found = len(getattr(self, name))
            _check(found == len(self.ids), f"there are {found} {name} for {len(self.ids)} ids")
        repeated = [each for each, times in Counter(self.ids).items() if times > 1]
        _check(not repeated, f"ids repeat {repeated[:1]}")
        for name, each in zip(self.ids, self.values, strict=True):
            _check(each.ndim == 2 and each.size > 0, f"the map of {name} has shape {each.shape}, not (rows, cols)")
            _check(each.dtype == np.float32, f"the map of {name} is {each.dtype}, not float32")
            _check(bool(np.isfinite(each).all()), f"the map of {name} is not finite everywhere")
        wrong = [each for each in self.cell_um if each <= 0]
        _check(not wrong, f"cell_um {wrong[:1]} is not positive")
