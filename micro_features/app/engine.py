"""One opened picture: what its settings make of it, quickly and then exactly."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from micro_features import pipeline, rows
from micro_features.data import Segmentation
from micro_features.files.images import read_picture
from micro_features.files.search import as_text
from micro_features.images.prepare import flatten
from micro_features.jobs import Stated
from micro_features.settings import Settings


class Superseded(Exception):
    """A newer request made this one's answer useless."""


def never() -> bool:
    """Nothing supersedes."""
    return False


@dataclass(frozen=True)
class View:
    """A region of a picture, of which every `step`-th pixel is wanted.

    Attributes
    ----------
    row, col : int
        First pixel.
    rows, cols : int
        Extent, pixels of the picture.
    step : int
    """

    row: int
    col: int
    rows: int
    cols: int
    step: int = 1

    def of(self, array: np.ndarray) -> np.ndarray:
        """That region of an array as large as the picture."""
        return array[self.row : self.row + self.rows : self.step, self.col : self.col + self.cols : self.step]


@dataclass(frozen=True, eq=False)
class Labels:
    """Grains and pores at a view's own pixels.

    Attributes
    ----------
    grains, pores : (ceil(rows / step), ceil(cols / step)) int32 array
        0 is background.
    exact : bool
        As `extract` would find them; False for a preview.
    scale : float
        Factor by which the picture was shrunk to find them.
    note : str
        What a preview leaves out.
    view : View
    """

    grains: np.ndarray
    pores: np.ndarray
    exact: bool
    scale: float
    note: str
    view: View


@dataclass(frozen=True, eq=False)
class Outcome:
    """What `extract` would find and measure.

    Attributes
    ----------
    segmentation : Segmentation
        Corrections applied.
    measured : Measured
    row : dict
        As in ``features.csv``.
    applied, missed : int
        Corrections that found what they correct, and others.
    seconds : float
    """

    segmentation: Segmentation
    measured: pipeline.Measured
    row: dict[str, Any]
    applied: int
    missed: int
    seconds: float


@dataclass(frozen=True, eq=False)
class LayerValues:
    """A picture to lay over the picture.

    Attributes
    ----------
    values : (rows, cols) float32 array
    low, high : float
        Ends of the scale of greys or colours.
    unit, legend : str
    """

    values: np.ndarray
    low: float
    high: float
    unit: str
    legend: str


class Bench:
    """One opened picture; may be asked from several threads.

    Parameters
    ----------
    path : Path
    page : int
        From 0.
    micrograph_id : str
    stated : Stated
        What the user says about it.
    max_pixels : int
        Larger pictures are refused.

    Raises
    ------
    ImageError
        It can not be read.
    """

    def __init__(self, path: Path, page: int, *, micrograph_id: str, stated: Stated, max_pixels: int):
        picture = read_picture(path, page, max_pixels=max_pixels)
        self.path, self.page, self._stated = path, page, stated
        self.calibrated, self.refusal = pipeline.calibrate_if_possible(
            picture, pixel_um=stated.pixel_um, uncalibrated=stated.uncalibrated
        )
        self.micrograph = pipeline.micrograph_of(
            picture, self.calibrated, micrograph_id=micrograph_id, sample_id=stated.sample_id or micrograph_id
        )
        self._lock = threading.Lock()

    def preview(
        self, settings: Settings, operations: tuple[Any, ...], view: View, superseded: Callable[[], bool] = never
    ) -> Labels:
        """Labels as soon as possible."""
        found = self.result(settings, operations, superseded).segmentation
        return Labels(view.of(found.grains), view.of(found.pores), True, 1.0, "", view)

    def result(
        self, settings: Settings, operations: tuple[Any, ...], superseded: Callable[[], bool] = never
    ) -> Outcome:
        """Labels and numbers as `extract` finds them."""
        began = time.perf_counter()
        with self._lock:
            if superseded():
                raise Superseded
            segmentation = pipeline.segment(self.micrograph, settings)
            if superseded():
                raise Superseded
            measured = pipeline.measure(self.micrograph, segmentation, settings)
        row = rows.feature_row(
            self.micrograph,
            self.calibrated,
            measured,
            path=as_text(self.path),
            page=self.page,
            settings=settings,
            surface=self._stated.surface or settings.measure.surface,
        )
        return Outcome(segmentation, measured, row, 0, 0, time.perf_counter() - began)

    def layer(
        self,
        name: str,
        settings: Settings,
        operations: tuple[Any, ...],
        view: View,
        superseded: Callable[[], bool] = never,
    ) -> LayerValues:
        """Original, flattened or boundary strength."""
        micrograph = self.micrograph
        if name == "original":
            return LayerValues(view.of(micrograph.image), 0.0, 1.0, "", "grey level")
        if name == "flattened":
            flat = flatten(micrograph.image, micrograph.valid, window_px=settings.prepare.window_px)
            return LayerValues(view.of(flat), -3.0, 3.0, "sd", "grey level from the local mean, in local spreads")
        segmentation = self.result(settings, operations, superseded).segmentation
        return LayerValues(view.of(segmentation.boundary), 0.0, 1.0, "", "boundary strength")
