"""Pictures as the network sees them: framed, reduced to its scale, standardised, and cut into windows."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from micro_features import jobs, pipeline
from micro_features.batch import map_ordered
from micro_features.data import Box, Micrograph
from micro_features.errors import CalibrationError, FeatureTableError, ImageError, MicroFeaturesError, SettingsError
from micro_features.files.images import read_picture
from micro_features.files.search import as_text, file_sha256
from micro_features.fitting.dataset import Dataset, Pictured
from micro_features.fitting.origin import origin_of
from micro_features.images.resize import shrunk
from micro_features.images.windows import window_boxes
from micro_features.network.window_fit import Refused, TooSmall, check_resolved, complaint, too_small

SAME_PIXEL = 1.05
"""Pixels whose sizes differ by no larger factor are taken for one magnification."""

_SHOWN = 3
_ONE_COLOUR = 1e-6  # standard deviation of grey levels from 0 to 1


@dataclass(frozen=True)
class Geometry:
    """How a picture becomes what the network sees.

    Attributes
    ----------
    window_px, overlap_px : int
        Edge of a window, and what neighbours share, pixels of a picture; multiples of the reduction.
    reduction : int
        Pixels of a picture in the edge of a network pixel.
    window_um : float or None
        Edge of a window, micrometres: every picture is then resampled so that a window is that wide, and the others
        say into how many network pixels it is divided.

    Raises
    ------
    SettingsError
        A number is outside what is said above.
    """

    window_px: int = 340
    overlap_px: int = 170
    reduction: int = 2
    window_um: float | None = None

    def __post_init__(self) -> None:
        if self.reduction < 1 or self.window_px < 1 or not 0 <= self.overlap_px < self.window_px:
            raise SettingsError(
                f"--window {self.window_px}, --overlap {self.overlap_px}, --reduction {self.reduction}: the overlap "
                "must be smaller than the window, and the reduction 1 or more."
            )
        for name, value in (("window", self.window_px), ("overlap", self.overlap_px)):
            if value % self.reduction:
                raise SettingsError(f"--{name} {value}: choose a multiple of the reduction, {self.reduction}.")

    @property
    def window(self) -> int:
        """Edge of a window, network pixels."""
        return self.window_px // self.reduction

    @property
    def step(self) -> int:
        """From one window to the next, network pixels."""
        return (self.window_px - self.overlap_px) // self.reduction

    @property
    def network_pixel_um(self) -> float | None:
        """Edge of a network pixel, micrometres, where windows are given in them."""
        return None if self.window_um is None else self.window_um / self.window

    def reduction_of(self, pixel_um: float | None) -> float:
        """Pixels of a picture in the edge of a network pixel.

        Parameters
        ----------
        pixel_um : float or None
            Edge of a pixel of the picture, micrometres; None where it is not known.

        Raises
        ------
        CalibrationError
            Windows are in micrometres, and the pixel size is not known or larger than a network pixel.
        """
        wanted = self.network_pixel_um
        if wanted is None:
            return float(self.reduction)
        if pixel_um is None:
            raise CalibrationError("has no pixel size, and windows are in micrometres: say it with --pixel-size.")
        if wanted < 0.999 * pixel_um:
            raise CalibrationError(
                f"has pixels of {pixel_um:.4g} µm, coarser than a network pixel, {wanted:.4g} µm: it would have to be "
                "enlarged; use wider windows, or a larger reduction."
            )
        return max(1.0, wanted / pixel_um)


@dataclass(frozen=True, eq=False)
class NetworkPicture:
    """One picture as the network sees it.

    Attributes
    ----------
    x : (rows, cols) float32 array
        Mean 0, standard deviation 1 over valid pixels, 0 elsewhere.
    valid : (rows, cols) bool array
    frame : Box
        First and last row, first and last column of the picture that `x` covers, inclusive.
    shape : (rows, cols)
        Of the picture.
    pixel_um : float or None
        Edge of a pixel of the picture; None where it is not calibrated.
    pixels_sha256 : str
        Of `pixels_sha256`: what it is known again by.
    grey_mean, grey_sd : float
        Of the reduced picture's valid pixels, before they were made 0 and 1; white is 1.
    """

    x: np.ndarray
    valid: np.ndarray
    frame: Box
    shape: tuple[int, int]
    pixel_um: float | None
    pixels_sha256: str
    grey_mean: float
    grey_sd: float

    @property
    def reduction(self) -> tuple[float, float]:
        """Pixels of the picture in a network pixel, down and across."""
        first_row, last_row, first_col, last_col = self.frame
        return (last_row - first_row + 1) / self.x.shape[0], (last_col - first_col + 1) / self.x.shape[1]

    def boxes(self, geometry: Geometry) -> np.ndarray:
        """(n, 2) first row and column of its windows; SettingsError where it is smaller than one."""
        return window_boxes(self.x.shape, geometry.window, geometry.step)

    def standardised(self, several: np.ndarray) -> np.ndarray:
        """(m, rows, cols) float32: altered pictures of its frame, standardised over its valid pixels as `x` is."""
        grey = several[:, self.valid].astype(float)
        mean, sd = (part.reshape(-1, 1, 1) for part in (grey.mean(axis=1), grey.std(axis=1)))
        return np.where(self.valid, (several - mean) / sd, 0).astype(np.float32)


def read_micrograph(
    path: Path, page: int = 0, *, pixel_um: float | None = None, uncalibrated: bool = False
) -> Micrograph:
    """One page of a file as a micrograph, its data bar masked.

    Parameters
    ----------
    path : Path
    page : int
        From 0.
    pixel_um : float, optional
        Edge of a pixel, compared with what the picture says.
    uncalibrated : bool
        Do not ask for a pixel size.

    Raises
    ------
    ImageError, CalibrationError
        It can not be read, or there is no trustworthy pixel size.
    """
    picture = read_picture(path, page)
    return pipeline.micrograph_of(picture, pipeline.calibrate(picture, pixel_um=pixel_um, uncalibrated=uncalibrated))


def network_picture(
    micrograph: Micrograph, geometry: Geometry, *, grey_of: NetworkPicture | None = None
) -> NetworkPicture:
    """What the network sees of a micrograph: the smallest rectangle that holds all material, reduced by area means.

    Parameters
    ----------
    micrograph : Micrograph
    geometry : Geometry
        Where its reduction is a whole number, up to that less one rows and columns at the far edges are left out, so
        that network pixels lie on whole pixels.
    grey_of : NetworkPicture, optional
        The same picture before it was altered, whose grey levels stay the measure: standardised anew, all of it would
        seem changed.

    Returns
    -------
    NetworkPicture

    Raises
    ------
    ImageError
        The picture is of one colour, or smaller than a window.
    CalibrationError
        Windows are in micrometres and the picture has no such scale.
    """
    pixel_um = micrograph.pixel_um if micrograph.calibrated else None
    factor = geometry.reduction_of(pixel_um)
    rows, cols = (np.flatnonzero(micrograph.valid.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        raise ImageError("has no pixel that is material.")
    first_row, first_col, n_rows, n_cols = map(int, (rows[0], cols[0], np.ptp(rows) + 1, np.ptp(cols) + 1))
    material = n_rows, n_cols
    if factor == round(factor):
        n_rows, n_cols = (int(max(factor, n // factor * factor)) for n in (n_rows, n_cols))
    inside = slice(first_row, first_row + n_rows), slice(first_col, first_col + n_cols)
    valid = micrograph.valid[inside]
    x, valid = shrunk(np.where(valid, micrograph.image[inside], np.float32(0)), valid, factor)
    if min(x.shape) < geometry.window:
        um = None if geometry.window_um is None or pixel_um is None else (pixel_um, geometry.window_um)
        raise too_small(material, geometry.reduction, geometry.window_px, um)
    grey = x[valid].astype(np.float64)
    if not len(grey) or grey.std() < _ONE_COLOUR:
        raise ImageError("is of one colour: there is nothing to see in it.")
    mean, sd = (grey.mean(), grey.std()) if grey_of is None else (grey_of.grey_mean, grey_of.grey_sd)
    return NetworkPicture(
        x=np.where(valid, (x - mean) / sd, 0).astype(np.float32),
        valid=valid,
        frame=(first_row, first_row + n_rows - 1, first_col, first_col + n_cols - 1),
        shape=micrograph.image.shape,
        pixel_um=pixel_um,
        pixels_sha256=pixels_sha256(micrograph.image),
        grey_mean=float(mean),
        grey_sd=float(sd),
    )


def pixels_sha256(image: np.ndarray) -> str:
    """What a picture is known again by, also where it was saved anew: with other compression, depth or metadata.

    Parameters
    ----------
    image : (rows, cols) float32 array
        Of a micrograph: all grey levels of a page as they were read.

    Returns
    -------
    str
        SHA-256 of shape and values.
    """
    values = np.ascontiguousarray(image, "<f4")
    return hashlib.sha256(repr(values.shape).encode() + values.tobytes()).hexdigest()


# ---- the pictures of a table -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Reading:
    path: Path
    told: Pictured
    geometry: Geometry


def found_pictures(dataset: Dataset, table: Path, folder: Path | None) -> dict[str, Path]:
    """The files of the pictures of a data set.

    Parameters
    ----------
    dataset : Dataset
    table : Path
        That it was read from.
    folder : Path or None
        Where the pictures lie; else the table's folder and the current one are looked in.

    Returns
    -------
    dict of micrograph to Path
        In the order of the data set.

    Raises
    ------
    FeatureTableError
        The table does not name pictures.
    ImageError
        There is no such folder, or pictures are missing; names them.
    """
    if folder is not None and not folder.is_dir():
        raise ImageError(f"--pictures {folder}: there is no such folder; name that in which the table's paths begin.")
    names = [name for row in dataset.ids for name in dataset.members[row]]
    unknown = [name for name in names if name not in dataset.pictures]
    if unknown:
        raise FeatureTableError(
            f"{table}: no column 'path' tells the file of {_some(unknown)}; the network needs the pictures, in a "
            "table as `micro-features extract` writes it."
        )
    paths = {name: _found(dataset.pictures[name].path, table, folder) for name in names}
    gone = [dataset.pictures[name].path for name, path in paths.items() if path is None]
    if gone:
        raise ImageError(
            f"{len(gone)} of {len(names)} pictures are not there: {_some(gone)} (looked in "
            f"{', '.join(map(as_text, _places(table, folder)))}); say where with --pictures FOLDER."
        )
    return {name: path for name, path in paths.items() if path is not None}


def read_pictures(
    dataset: Dataset, table: Path, folder: Path | None, geometry: Geometry, *, n_workers: int = 1
) -> dict[str, NetworkPicture]:
    """The pictures of a data set, at one scale.

    Parameters
    ----------
    dataset : Dataset
    table : Path
        That it was read from.
    folder : Path or None
        Where the pictures lie; else the table's folder and the current one are looked in.
    geometry : Geometry
    n_workers : int
        Processes.

    Returns
    -------
    dict of micrograph to NetworkPicture
        In the order of the data set.

    Raises
    ------
    FeatureTableError
        The table does not name pictures, or one is another than that which was measured.
    CalibrationError
        Calibrated and uncalibrated pictures are mixed, or windows are in micrometres and pictures in pixels.
    SettingsError
        Pixel sizes differ, and windows are given in pixels.
    ImageError
        Pictures are missing, can not be read or are smaller than a window; names them.
    """
    _check_scales(dataset, geometry)
    paths = found_pictures(dataset, table, folder)
    names, told = list(paths), [dataset.pictures[name] for name in paths]
    readings = [_Reading(path, each, geometry) for path, each in zip(paths.values(), told, strict=True)]
    answers = map_ordered(_read, readings, n_workers=n_workers)
    refused = [(each.path, said) for each, said in zip(told, answers, strict=True) if isinstance(said, Refused)]
    if refused:
        in_um = geometry.window_um is not None
        option = f"--window-um {geometry.window_um:g}" if in_um else f"--window {geometry.window_px}"
        raise ImageError(complaint(refused, len(names), option))
    pictures = {name: answer for name, answer in zip(names, answers, strict=True) if isinstance(answer, NetworkPicture)}
    measured = origin_of(table).inputs_sha256
    for each, path in zip(told, paths.values(), strict=True):
        if each.path in measured and measured[each.path] != file_sha256(path):
            raise FeatureTableError(
                f"{each.path}: is not the picture that {table} was measured on; extract the table anew, or say where "
                "the measured pictures lie with --pictures FOLDER."
            )
    return pictures


def _check_scales(dataset: Dataset, geometry: Geometry) -> None:
    names = [name for row in dataset.ids for name in dataset.members[row] if name in dataset.pictures]
    told = [dataset.pictures[name] for name in names]
    bare = [name for name, each in zip(names, told, strict=True) if each.pixel_um is None]
    if bare and len(bare) < len(names):
        raise CalibrationError(
            f"{len(bare)} of {len(names)} pictures have no pixel size ({_some(bare)}), the others have one: calibrate "
            "them, or leave them out with --where."
        )
    if bare and geometry.window_um is not None:
        raise CalibrationError("--window-um: no picture has a pixel size; give windows in pixels, or calibrate them.")
    sizes = [each.pixel_um for each in told if each.pixel_um is not None]
    if geometry.window_um is not None and sizes:
        check_resolved(geometry.window_um, geometry.window, max(sizes))
    elif sizes and max(sizes) > SAME_PIXEL * min(sizes):
        (low, first), (high, last) = ((end, names[sizes.index(end)]) for end in (min(sizes), max(sizes)))
        raise SettingsError(
            f"pixels are {low:.4g} µm ({first}) to {high:.4g} µm ({last}): windows of so many pixels would show them "
            "at different scales; give the window in micrometres with --window-um, or leave some out."
        )


def _places(table: Path, folder: Path | None) -> list[Path]:
    return ([] if folder is None else [folder]) + [table.parent, Path()]


def _found(path: str, table: Path, folder: Path | None) -> Path | None:
    """The file that a table's path means; an absolute one is itself."""
    return next(filter(Path.is_file, (place / path.replace("\\", "/") for place in _places(table, folder))), None)


def _read(reading: _Reading) -> NetworkPicture | Refused:
    """In a process of its own; what is wrong with a picture comes back as text, so that all are named."""
    jobs.use_one_thread()
    size = reading.told.pixel_um
    try:
        micrograph = read_micrograph(reading.path, reading.told.page, pixel_um=size, uncalibrated=size is None)
        return network_picture(micrograph, reading.geometry)
    except MicroFeaturesError as error:
        reason = " ".join(str(error).split()).removeprefix(repr(str(reading.path))).strip()
        return Refused(reason, error.largest if isinstance(error, TooSmall) else None)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
