"""The command `sensitivity`: how far the numbers of pictures hang on the choice of thresholds."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from micro_features import jobs, pipeline, runs
from micro_features.batch import Failure, FileResult, map_unordered, usable_cores
from micro_features.errors import ImageError
from micro_features.files.images import count_pages, read_picture
from micro_features.files.search import Found, as_text, find_pictures, picture_ids
from micro_features.fitting import property_model
from micro_features.fitting.property_model import PropertyModel
from micro_features.pipeline.varying import threshold_ranges, widened
from micro_features.sensitivity.one_picture import Design, sensitivity_of
from micro_features.settings import Settings

_LEVEL = 0.8


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes
    ----------
    paths : tuple of Path
        Pictures, and folders of pictures.
    settings : Settings
        The choice that others are compared with.
    design : Design
    model : str or None
        Name or folder of a fitted model, whose predictions are numbers, too.
    pixel_um, pixel_size_table, uncalibrated, n_workers
        As in `runs.run`.
    """

    paths: tuple[Path, ...]
    settings: Settings
    design: Design
    model: str | None = None
    pixel_um: float | None = None
    pixel_size_table: Path | None = None
    uncalibrated: bool = False
    n_workers: int | None = None


@dataclass(frozen=True, eq=False)
class Answer:
    """What was found on all pictures.

    Attributes
    ----------
    request : Request
    moved : DataFrame
        A row a picture, number and threshold: ``micrograph_id``, then as in `Sensitivity.moved`.
    ranges : DataFrame
        A row a picture and number: ``micrograph_id``, then as in `Sensitivity.ranges`.
    n_points : int
        How often each picture was measured, at most.
    model : PropertyModel or None
    inputs_sha256 : dict
        Path to hash.
    failures : list of Failure
    notes : list of str
    """

    request: Request
    moved: pd.DataFrame
    ranges: pd.DataFrame
    n_points: int
    model: PropertyModel | None
    inputs_sha256: dict[str, str]
    failures: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def pictures(self) -> list[str]:
        """Those that were measured."""
        return list(dict.fromkeys(self.ranges["micrograph_id"])) if len(self.ranges) else []


@dataclass(frozen=True)
class _Job:
    path: Path
    micrograph_id: str
    settings: Settings
    design: Design
    model: str | None
    stated: jobs.Stated


def run(request: Request, *, tell: Callable[[str], None] = lambda line: None) -> Answer:
    """Move every threshold of every picture.

    Parameters
    ----------
    request : Request
    tell : function
        Is told what is being done.

    Returns
    -------
    Answer
        A picture that fails is in `failures`; the others go on.

    Raises
    ------
    SettingsError
        A threshold that was named is none, or does nothing among these settings.
    ArtefactError
        A model is missing, damaged or of another kind.
    ImageError
        There is no picture.
    """
    ranges = threshold_ranges(request.settings, request.design.thresholds)
    pipeline.check_models(request.settings)
    model = None if request.model is None else property_model.load(request.model)
    found, missing = find_pictures(request.paths)
    if not found:
        raise ImageError(f"{missing[0][0]}: {missing[0][1]}." if missing else "no picture was named.")
    for_all = jobs.Stated(pixel_um=request.pixel_um, uncalibrated=request.uncalibrated)
    stated, notes = runs.stated_by_user(found, None, request.pixel_size_table, for_all)
    n_points = request.design.n_points(len(ranges))
    tell(f"{len(found)} pictures, {len(ranges)} thresholds, up to {n_points} measurements of each")
    todo = _jobs(found, stated, request)
    n_workers = min(request.n_workers or usable_cores(), len(todo))
    done: dict[_Job, FileResult] = {}
    for job, result in map_unordered(_of_file, todo, n_workers=n_workers, path_of=lambda job: as_text(job.path)):
        done[job] = result
        tell(f"{len(done)} of {len(todo)}: {job.micrograph_id}")
    rows = [row for job in todo for row in done[job].rows]
    failures = [Failure(path, "find", reason) for path, reason in missing]
    failures += [failure for job in todo for failure in done[job].failures]
    return Answer(
        request,
        moved=pd.DataFrame([row for row in rows if "setting_moved" in row]).rename(
            columns={"setting_moved": "setting"}
        ),
        ranges=pd.DataFrame([row for row in rows if "setting_moved" not in row]),
        n_points=n_points,
        model=model,
        inputs_sha256={as_text(job.path): done[job].sha256 for job in todo if done[job].rows},
        failures=failures,
        notes=[*notes, *widened(request.settings, ranges)],
    )


def summary_of(answer: Answer) -> pd.DataFrame:
    """What each threshold does to each number, over all pictures.

    Parameters
    ----------
    answer : Answer

    Returns
    -------
    DataFrame
        A row a number and threshold: number, setting; relative_range_median, relative_range_p10, relative_range_p90
        (range over base, of the pictures where the base is not 0); n_pictures, how many; drives_share, the share of
        pictures in which it does the most to the number.
    """
    if answer.moved.empty:
        return pd.DataFrame()
    rows = []
    first = answer.ranges.set_index(["micrograph_id", "number"])["setting"]
    for (number, setting), of in answer.moved.groupby(["number", "setting"], sort=False):
        known = of["relative_range"].dropna().to_numpy(float)
        driven = [first.get((name, number), "") for name in of["micrograph_id"]]
        there = [name for name in driven if name]
        low, middle, high = np.percentile(known, [10, 50, 90]) if len(known) else (np.nan,) * 3
        rows.append(
            {
                "number": number,
                "setting": setting,
                "relative_range_median": middle,
                "relative_range_p10": low,
                "relative_range_p90": high,
                "n_pictures": len(known),
                "drives_share": there.count(setting) / len(there) if there else np.nan,
            }
        )
    return pd.DataFrame(rows)


def _jobs(found: list[Found], stated: list[jobs.Stated], request: Request) -> list[_Job]:
    return [
        _Job(item.path, name, request.settings, request.design, request.model, said)
        for item, name, said in zip(found, picture_ids(found, {}), stated, strict=True)
    ]


@functools.cache
def _loaded(model: str) -> PropertyModel:
    """Once in each process."""
    return property_model.load(model)


def _of_file(job: _Job) -> FileResult:
    jobs.use_one_thread()
    result, path = FileResult(), as_text(job.path)
    try:
        with jobs.stage("read"):
            n_pages = count_pages(job.path)
    except jobs.Stopped as stopped:
        result.failures.append(Failure(path, stopped.stage, str(stopped)))
        return result
    for page in range(n_pages):
        name = job.micrograph_id + (f".page{page + 1}" if n_pages > 1 else "")
        try:
            _of_page(job, page, name, result)
        except jobs.Stopped as stopped:
            where = f"page {page + 1}: " if n_pages > 1 else ""
            result.failures.append(Failure(path, stopped.stage, f"{where}{stopped}"))
    return result


def _of_page(job: _Job, page: int, name: str, result: FileResult) -> None:
    with jobs.stage("read"):
        picture = read_picture(job.path, page, max_pixels=job.settings.reading.max_pixels)
    result.sha256 = picture.sha256
    with jobs.stage("calibrate"):
        stated = job.stated
        calibrated = pipeline.calibrate(picture, pixel_um=stated.pixel_um, uncalibrated=stated.uncalibrated)
        micrograph = pipeline.micrograph_of(picture, calibrated, micrograph_id=name)
    with jobs.stage("measure"):
        model = None if job.model is None else _loaded(job.model)
        found = sensitivity_of(micrograph, job.settings, job.design, model=model)
    moved = found.moved.rename(columns={"setting": "setting_moved"})
    for table in (moved, found.ranges):
        told = table.assign(micrograph_id=name)[["micrograph_id", *table.columns]]
        result.rows += [{str(key): value for key, value in row.items()} for row in told.to_dict("records")]
