"""One file, measured: what a worker process does. Rows go back, pictures and region tables are written here."""

import contextlib
import functools
import hashlib
import json
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from micro_features import __version__, pipeline, rows
from micro_features.batch import Failure, FileResult
from micro_features.corrections import Operation, parse
from micro_features.data import Micrograph, Picture
from micro_features.errors import CorrectionsError, MicroFeaturesError, SettingsError
from micro_features.files.images import count_pages, read_picture
from micro_features.files.outputs import replacing, write_labels, write_png
from micro_features.files.search import as_text
from micro_features.files.tuned import content_sha256, read_tuned
from micro_features.report.overlay import draw_overlay
from micro_features.settings import Settings


@dataclass(frozen=True)
class Stated:
    """What the user says about a picture.

    Attributes
    ----------
    pixel_um : float or None
        Edge of a pixel, micrometres.
    uncalibrated : bool
        Lengths in pixels.
    sample_id : str or None
    surface : str or None
        ``polished``, ``fracture`` or ``unknown``; None where the settings decide.
    """

    pixel_um: float | None = None
    uncalibrated: bool = False
    sample_id: str | None = None
    surface: str | None = None


@dataclass(frozen=True)
class Job:
    """One file to be worked on.

    Attributes
    ----------
    command : str
        A key of `WORK`.
    key : str
        The absolute path, by which the file is known again.
    path : Path
        As given.
    micrograph_id : str
    name : str
        Stem of its result files.
    folder : Path
        Where its result files go.
    parts : Path
        Where its region tables go.
    settings : Settings
    stated : Stated
    overlays : bool
    sensitivity : bool
        Tell the range of each feature over plausible thresholds, too.
    sidecar : Path or None
        What was tuned by hand for this picture.
    sidecar_sha256 : str
        Of its content when the run began.
    sidecar_models : tuple of dict
        As from `pipeline.models_used`, for the settings in it.
    """

    command: str
    key: str
    path: Path
    micrograph_id: str
    name: str
    folder: Path
    parts: Path
    settings: Settings
    stated: Stated = field(default_factory=Stated)
    overlays: bool = True
    sensitivity: bool = False
    sidecar: Path | None = None
    sidecar_sha256: str = ""
    sidecar_models: tuple[dict[str, str], ...] = ()

    @property
    def path_text(self) -> str:
        """The path as tables show it."""
        return as_text(self.path)

    @property
    def digest(self) -> str:
        """Hash of everything but the file's content that its rows depend on."""
        stated = self.stated
        parts = [__version__, self.path_text, self.settings.digest, self.micrograph_id, self.name, self.overlays]
        parts += [
            pipeline.models_used(self.settings),
            stated.pixel_um,
            stated.uncalibrated,
            stated.sample_id,
            stated.surface,
        ]
        parts += ["sensitivity"] if self.sensitivity else []
        parts += [self.sidecar_sha256, self.sidecar_models] if self.sidecar else []
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


class Stopped(Exception):
    """Why a picture is not gone on with, and at which stage."""

    def __init__(self, stage: str, reason: str):
        super().__init__(reason)
        self.stage = stage


@contextlib.contextmanager
def stage(name: str) -> Iterator[None]:
    """Whatever goes wrong in here stops this picture, and no other."""
    try:
        yield
    except MicroFeaturesError as error:
        raise Stopped(name, _one_line(str(error))) from error
    except MemoryError:
        raise Stopped(name, "not enough memory: shrink the picture or cut it into tiles") from None
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        raise Stopped(name, _one_line(f"defect of the program: {type(error).__name__}: {error}; report it")) from error


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _each_page(job: Job, work: Callable[[Picture, str, str, FileResult], dict[str, Any]]) -> FileResult:
    """Do the work of every page; `work` gets the picture, its id, its file stem and the result to add to."""
    result = FileResult()
    try:
        with stage("read"):
            n_pages = count_pages(job.path)
    except Stopped as stopped:
        result.failures.append(Failure(job.path_text, stopped.stage, str(stopped)))
        return result
    for page in range(n_pages):
        suffix = f".page{page + 1}" if n_pages > 1 else ""
        try:
            with stage("read"):
                picture = read_picture(job.path, page, max_pixels=job.settings.reading.max_pixels)
            result.sha256 = picture.sha256
            row = work(picture, job.micrograph_id + suffix, job.name + suffix, result)
            result.rows.append(row)
        except Stopped as stopped:
            where = f"page {page + 1}: " if n_pages > 1 else ""
            result.failures.append(Failure(job.path_text, stopped.stage, where + str(stopped)))
    return result


def tuned_by_hand(job: Job, picture: Picture) -> tuple[Settings, tuple[Operation, ...]]:
    """The settings of one page, and its corrections.

    Raises
    ------
    CorrectionsError
        Its sidecar is none, was made for another picture, or changed since the run began.
    SettingsError
        A setting in it is not known, or out of bounds.
    """
    if job.sidecar is None:
        return job.settings, ()
    if content_sha256(job.sidecar) != job.sidecar_sha256:
        raise CorrectionsError(f"{job.sidecar}: was changed while the run was going on; run again.")
    tuned = read_tuned(job.sidecar, page=picture.page, sha256=picture.sha256)
    try:
        return job.settings.updated(tuned.settings), parse(list(tuned.corrections))
    except (SettingsError, CorrectionsError) as error:
        raise type(error)(f"{job.sidecar}: {error}") from None


def extract_file(job: Job) -> FileResult:
    """Rows, region tables and overlays of one file."""

    def work(picture: Picture, micrograph_id: str, name: str, result: FileResult) -> dict[str, Any]:
        stated = job.stated
        with stage("calibrate"):
            calibrated = pipeline.calibrate(picture, pixel_um=stated.pixel_um, uncalibrated=stated.uncalibrated)
            micrograph = pipeline.micrograph_of(
                picture, calibrated, micrograph_id=micrograph_id, sample_id=stated.sample_id or micrograph_id
            )
        with stage("corrections"):
            settings, operations = tuned_by_hand(job, picture)
        with stage("segment"):
            found = pipeline.segment(micrograph, settings)
            segmentation, applied, missed = pipeline.corrected(found, operations)
        with stage("measure"):
            measured = pipeline.measure(micrograph, segmentation, settings)
            row = rows.feature_row(
                micrograph,
                calibrated,
                measured,
                path=job.path_text,
                page=picture.page,
                settings=settings,
                surface=stated.surface or settings.measure.surface,
                corrections=(applied, missed),
            )
            if job.sensitivity:
                ranges = pipeline.feature_ranges(micrograph, settings, operations)
                row |= rows.range_cells(ranges, micrograph.calibrated)
        with stage("write"):
            key = f"{job.path_text} {job.digest} {picture.sha256} {picture.page}"
            part = f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.parquet"
            _write_part(job.parts / part, rows.region_rows(measured.regions, micrograph))
            if job.overlays:
                shown = measured.quality["quality_grains_resolved"] or settings.measure.unresolved_grains
                grains = segmentation.grains if shown else None
                _write_overlay(job, name, micrograph, calibrated, row, grains=grains, pores=segmentation.pores)
        result.parts.append(part)
        return row

    return _each_page(job, work)


def segment_file(job: Job) -> FileResult:
    """Label images and overlays of one file."""

    def work(picture: Picture, micrograph_id: str, name: str, result: FileResult) -> dict[str, Any]:
        stated = job.stated
        with stage("calibrate"):
            calibrated, note = pipeline.calibrate_if_possible(
                picture, pixel_um=stated.pixel_um, uncalibrated=stated.uncalibrated
            )
            micrograph = pipeline.micrograph_of(picture, calibrated, micrograph_id=micrograph_id)
        with stage("corrections"):
            settings, operations = tuned_by_hand(job, picture)
        with stage("segment"):
            found = pipeline.segment(micrograph, settings)
            segmentation, applied, missed = pipeline.corrected(found, operations)
            row = rows.segmentation_row(
                micrograph,
                calibrated,
                segmentation,
                path=job.path_text,
                page=picture.page,
                settings=settings,
                note=note,
                corrections=(applied, missed),
            )
        with stage("write"):
            write_labels(job.folder / "grains" / f"{name}.tif", segmentation.grains)
            write_labels(job.folder / "pores" / f"{name}.tif", segmentation.pores)
            grains, pores = segmentation.grains, segmentation.pores
            _write_overlay(job, name, micrograph, calibrated, row, grains=grains, pores=pores)
        return row

    return _each_page(job, work)


def calibrate_file(job: Job) -> FileResult:
    """Pixel size and data bar of one file, and a picture of what was found.

    A picture whose pixel size is refused has a row too, with the reason, beside its line in ``failures.csv``.
    """

    def work(picture: Picture, micrograph_id: str, name: str, result: FileResult) -> dict[str, Any]:
        stated = job.stated
        with stage("calibrate"):
            calibrated, refusal = pipeline.calibrate_if_possible(
                picture, pixel_um=stated.pixel_um, uncalibrated=stated.uncalibrated
            )
            micrograph = pipeline.micrograph_of(picture, calibrated, micrograph_id=micrograph_id)
            row = rows.calibration_row(
                micrograph, calibrated, path=job.path_text, page=picture.page, refusal=_one_line(refusal)
            )
        with stage("write"):
            _write_overlay(job, name, micrograph, calibrated, row, grains=None, pores=None)
        if refusal:
            result.failures.append(Failure(job.path_text, "calibrate", _one_line(refusal)))
        return row

    return _each_page(job, work)


WORK: dict[str, Callable[[Job], FileResult]] = {
    "extract": extract_file,
    "segment": segment_file,
    "calibrate": calibrate_file,
}


def do(job: Job) -> FileResult:
    """The work of a job."""
    use_one_thread()
    return WORK[job.command](job)


@functools.cache
def use_one_thread() -> None:
    """In every process, the first one too: rows must not depend on the number of threads.

    Nor on where an array happens to lie in memory, as they do in the last digits with Intel's primitives.
    """
    cv2.setNumThreads(1)
    cv2.ipp.setUseIPP(False)
    threadpool_limits(1)


def _write_overlay(
    job: Job,
    name: str,
    micrograph: Micrograph,
    calibrated: pipeline.Calibrated,
    row: dict[str, Any],
    *,
    grains: np.ndarray | None,
    pores: np.ndarray | None,
) -> None:
    caption = rows.caption(row, micrograph.calibrated)
    canvas = draw_overlay(
        micrograph.image, grains=grains, pores=pores, annotations=calibrated.annotations, caption=caption
    )
    write_png(job.folder / "overlays" / f"{name}.png", canvas)


def _write_part(path: Path, regions: pd.DataFrame) -> None:
    with replacing(path, "wb") as file:
        regions.to_parquet(file, index=False)
