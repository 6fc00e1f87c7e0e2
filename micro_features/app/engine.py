"""One opened picture: what its settings make of it, quickly and then exactly."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from micro_features import pipeline, rows
from micro_features.app.stack import Stack, Superseded, never
from micro_features.corrections import Operation, apply, scaled
from micro_features.data import Segmentation
from micro_features.files.images import read_picture
from micro_features.files.search import as_text
from micro_features.images.prepare import flatten
from micro_features.images.resize import shrunk
from micro_features.jobs import Stated
from micro_features.settings import Settings

# What a person sees of a larger picture at once; previews are made of so many pixels.
SMALL_PX = 1_500_000
_LEAST_BYTES = 600_000_000
# Pores, grains and their hierarchies of one state of the settings.
_BYTES_A_PIXEL = 70
_OUTCOMES_KEPT = 4
_FLAT_END = 3.0


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
        image, valid = self.micrograph.image, self.micrograph.valid
        self._full = Stack(image, valid, 1.0, limit_bytes=max(_LEAST_BYTES, _BYTES_A_PIXEL * image.size))
        shrink = (image.size / SMALL_PX) ** 0.5
        self._small = Stack(image, valid, shrink, limit_bytes=_LEAST_BYTES) if shrink > 1 else self._full
        self._outcomes: OrderedDict[tuple[Settings, tuple[Operation, ...]], Outcome] = OrderedDict()
        self._busy = threading.Lock()

    def preview(
        self, settings: Settings, operations: tuple[Operation, ...], view: View, superseded: Callable[[], bool] = never
    ) -> Labels:
        """Labels as soon as possible.

        Parameters
        ----------
        settings : Settings
        operations : tuple of Operation
            Corrections by hand.
        view : View
        superseded : callable
            Asked before each stage.

        Returns
        -------
        Labels
            Exact where the answer is at hand.

        Raises
        ------
        Superseded
        """
        ready = self._outcomes.get((settings, operations))
        if ready is not None:
            return _of_view(ready.segmentation, view)
        stack = self._small
        quick = stack.quick(settings, superseded)
        grains, pores, note = quick
        if operations:
            small = tuple(scaled(each, 1 / stack.factor) for each in operations)
            corrected = apply(grains, pores, stack.valid, small)
            grains, pores = corrected.grains, corrected.pores
        if stack is not self._full:
            note = ", ".join(filter(None, (f"at 1/{stack.factor:.3g} of the resolution", note)))
        shape = self.micrograph.image.shape
        return Labels(sampled(grains, shape, view), sampled(pores, shape, view), not note, stack.factor, note, view)

    def result(
        self, settings: Settings, operations: tuple[Operation, ...], superseded: Callable[[], bool] = never
    ) -> Outcome:
        """Labels and numbers as `extract` finds them; the last few are kept.

        Parameters
        ----------
        settings, operations, superseded
            As for `preview`.

        Returns
        -------
        Outcome

        Raises
        ------
        Superseded
        """
        key = (settings, operations)
        with self._busy:
            if key in self._outcomes:
                return self._outcomes[key]
            began = time.perf_counter()
            if self._small is not self._full:  # so that the next preview is a good one
                self._small.exact(settings, superseded)
            found = self._full.exact(settings, superseded)
            segmentation = pipeline.put_together(self.micrograph, *found)
            segmentation, applied, missed = pipeline.corrected(segmentation, operations)
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
                corrections=(applied, missed),
            )
            outcome = Outcome(segmentation, measured, row, applied, missed, time.perf_counter() - began)
            self._outcomes[key] = outcome
            while len(self._outcomes) > _OUTCOMES_KEPT:
                self._outcomes.popitem(last=False)
            return outcome

    def layer(
        self,
        name: str,
        settings: Settings,
        operations: tuple[Operation, ...],
        view: View,
        superseded: Callable[[], bool] = never,
    ) -> LayerValues:
        """A picture to lay over the picture.

        Parameters
        ----------
        name : str
            ``"original"``, ``"flattened"`` or ``"boundary"``.
        settings, operations, view, superseded
            As for `preview`.

        Returns
        -------
        LayerValues

        Raises
        ------
        Superseded
        """
        micrograph = self.micrograph
        if name == "original":
            return LayerValues(view.of(micrograph.image), 0.0, 1.0, "", "grey level")
        outcome = self.result(settings, operations, superseded)
        if name == "boundary":
            return LayerValues(view.of(outcome.segmentation.boundary), 0.0, 1.0, "", "boundary strength")
        # As grains are looked for: shrunk to the working scale, pores left out.
        segmentation = outcome.segmentation
        solid = micrograph.valid & (segmentation.pores == 0)
        image, valid = shrunk(np.where(solid, micrograph.image, np.float32(0)), solid, segmentation.working_scale)
        flat = flatten(image, valid, window_px=settings.prepare.window_px)
        values = sampled(flat, micrograph.image.shape, view)
        return LayerValues(values, -_FLAT_END, _FLAT_END, "", "grey level from its surroundings', in their spread")


def _of_view(segmentation: Segmentation, view: View) -> Labels:
    return Labels(view.of(segmentation.grains), view.of(segmentation.pores), True, 1.0, "", view)


def sampled(array: np.ndarray, shape: tuple[int, ...], view: View) -> np.ndarray:
    """A view of an array that is smaller than the picture.

    Parameters
    ----------
    array : (fewer rows, fewer cols) array
    shape : (rows, cols)
        Of the picture.
    view : View

    Returns
    -------
    (ceil(view.rows / step), ceil(view.cols / step)) array
    """
    if array.shape == tuple(shape):
        return view.of(array)
    places = []
    for first, extent, small, large in zip(
        (view.row, view.col), (view.rows, view.cols), array.shape, shape, strict=True
    ):
        middle = np.arange(first, min(first + extent, large), view.step) + 0.5
        places.append(np.minimum(middle * small / large, small - 1).astype(np.intp))
    return array[np.ix_(*places)]
