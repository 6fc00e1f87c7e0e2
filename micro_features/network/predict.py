"""The command `cnn predict`: what a model of networks says of pictures."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from micro_features import jobs, pipeline
from micro_features.batch import Failure, FileResult, map_unordered, usable_cores
from micro_features.data import Picture
from micro_features.errors import FeatureTableError, OutputError
from micro_features.files.images import count_pages, read_picture
from micro_features.files.search import as_text, find_pictures, picture_ids
from micro_features.files.tables import TABLE_SUFFIXES, Manifest, as_float, write_table
from micro_features.fitting.card import span
from micro_features.learn.intervals import check_level
from micro_features.learn.target import native_values
from micro_features.network.cnn_model import CnnModel, ask, interval, load
from micro_features.network.pictures import SAME_PIXEL, network_picture
from micro_features.network.scoring import NETWORK, said

_SHOWN = 20


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes
    ----------
    paths : tuple of Path
        Pictures, and folders of pictures.
    model : str
        Name of one that ships, or path of a folder.
    output : Path or None
        New table.
    level : float
        Of the intervals.
    pixel_um : float or None
        Edge of a pixel for all pictures, micrometres.
    pixel_size_table : Path or None
        Table with columns ``file`` and ``pixel_um``.
    uncalibrated : bool
        Do not look for a pixel size.
    n_workers : int or None
        Processes; one for each core where left out.
    """

    paths: tuple[Path, ...]
    model: str
    output: Path | None = None
    level: float = 0.8
    pixel_um: float | None = None
    pixel_size_table: Path | None = None
    uncalibrated: bool = False
    n_workers: int | None = None


@dataclass(frozen=True, eq=False)
class Result:
    """What was predicted.

    Attributes
    ----------
    model : CnnModel
    table : DataFrame
        A row a picture: ``micrograph_id``, ``path``, ``page``; ``predicted_TARGET`` (mean over windows and networks),
        ``interval_low``, ``interval_high`` in the target's unit, ``level``; ``networks_sd`` (standard deviation over
        networks, decades where the logarithm is modelled), ``networks`` (how many were asked);
        ``predicted_class`` and ``probability_NAME``; ``pixel_um``, ``warning``. At another magnification than that of
        the training, interval, ``networks_sd``, class and probabilities are empty. What was not predicted has a row,
        too: its numbers are empty, and ``warning`` tells the stage and the reason.
    failures : list of Failure
    written : Path or None
    """

    model: CnnModel
    table: pd.DataFrame
    failures: list[Failure] = field(default_factory=list)
    written: Path | None = None

    def lines(self) -> Iterator[str]:
        """For a person to read."""
        yield from _lines(self)


@dataclass(frozen=True)
class _Job:
    path: Path
    micrograph_id: str
    model: str
    level: float
    pixel_um: float | None
    uncalibrated: bool


def predict(request: Request) -> Result:
    """Predict a property of pictures.

    Parameters
    ----------
    request : Request

    Returns
    -------
    Result
        What could not be predicted is in `failures`, and in the table with its reason; the others go on.

    Raises
    ------
    ArtefactError
        The model is missing, damaged or of another kind.
    SettingsError
        Its groups are too few for the level.
    OutputError
        The output exists, or can not be written.
    """
    if request.output is not None and request.output.exists():
        raise OutputError(f"{request.output}: exists; name another file.")
    if request.output is not None and request.output.suffix.lower() not in TABLE_SUFFIXES:
        raise OutputError(f"{request.output}: tables are written as {', '.join(TABLE_SUFFIXES)}.")
    model = load(request.model)
    check_level(request.level, len(np.unique(model.known.groups)))
    found, missing = find_pictures(request.paths)
    sizes = _sizes([item.path for item in found], request)
    todo = [
        _Job(item.path, name, request.model, request.level, size, request.uncalibrated)
        for item, name, size in zip(found, picture_ids(found, {}), sizes, strict=True)
    ]
    n_workers = min(request.n_workers or usable_cores(), max(len(todo), 1))
    done = dict(map_unordered(_predict_file, todo, n_workers=n_workers, path_of=lambda job: as_text(job.path)))
    not_found = [Failure(path, "find", reason) for path, reason in missing]
    failures = not_found + [failure for job in todo for failure in done[job].failures]
    rows = [row for job in todo for row in (*done[job].rows, *_failed(job.micrograph_id, done[job].failures))]
    rows += [row for failure in not_found for row in _failed(failure.path, [failure])]
    table = pd.DataFrame(rows, columns=_columns(model)).astype({"page": "Int64", "networks": "Int64"})
    if request.output is not None:
        write_table(request.output, table)
    return Result(model, table, failures, request.output)


def _failed(micrograph_id: str, failures: list[Failure]) -> list[dict[str, str]]:
    """A row for each, so that whoever has only the table misses nothing."""
    return [
        {"micrograph_id": micrograph_id, "path": each.path, "warning": f"not predicted: {each.stage}: {each.reason}"}
        for each in failures
    ]


def _sizes(paths: list[Path], request: Request) -> list[float | None]:
    if request.pixel_size_table is None:
        return [request.pixel_um] * len(paths)
    stated, _ = Manifest(request.pixel_size_table, required=["pixel_um"]).match(paths)
    found: list[float | None] = []
    for path in paths:
        size = None
        if "pixel_um" in stated.get(path, {}):
            size = as_float(stated[path]["pixel_um"], column="pixel_um", file=str(request.pixel_size_table))
            if size <= 0:
                raise FeatureTableError(
                    f"{request.pixel_size_table}: pixel_um of {path.name} is {size:g}, not above 0."
                )
        found.append(size)
    return found


def _columns(model: CnnModel) -> list[str]:
    classes = ["predicted_class", *(f"probability_{name}" for name in model.class_names)] if model.class_names else []
    return [
        "micrograph_id", "path", "page", f"predicted_{model.target.name}", "interval_low", "interval_high", "level",
        "networks_sd", "networks", *classes, "pixel_um", "warning",
    ]  # fmt: skip


@functools.cache
def _loaded(model: str) -> CnnModel:
    """Once in each process."""
    return load(model)


def _predict_file(job: _Job) -> FileResult:
    import torch

    jobs.use_one_thread()
    torch.set_num_threads(1)  # what is said must not depend on how many processes there are
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
            with jobs.stage("read"):
                picture = read_picture(job.path, page)
            result.rows.append({"micrograph_id": name, "path": path, "page": page + 1, **_predicted(job, picture)})
        except jobs.Stopped as stopped:
            where = f"page {page + 1}: " if n_pages > 1 else ""
            result.failures.append(Failure(path, stopped.stage, f"{where}{stopped}"))
    return result


def _predicted(job: _Job, picture: Picture) -> dict[str, Any]:
    """One row, less what names the picture."""
    model = _loaded(job.model)
    with jobs.stage("calibrate"):
        if job.pixel_um is None:
            calibrated, _ = pipeline.calibrate_if_possible(picture, uncalibrated=job.uncalibrated)
        else:
            calibrated = pipeline.calibrate(picture, pixel_um=job.pixel_um)
        micrograph = pipeline.micrograph_of(picture, calibrated)
        model.geometry.reduction_of(micrograph.pixel_um if micrograph.calibrated else None)  # is there one?
    with jobs.stage("predict"):
        seen = network_picture(micrograph, model.geometry)
        answer = ask(model, seen)
    told, ends = answer.windows.mean(axis=0), interval(model, answer, job.level)
    low, predicted, high = native_values(np.array([ends[0], told[0], ends[1]]), model.target.log10).tolist()
    row: dict[str, Any] = {
        f"predicted_{model.target.name}": predicted,
        "networks": len(answer.folds),
        "pixel_um": float("nan") if seen.pixel_um is None else seen.pixel_um,
        "warning": "; ".join(_warnings(model, seen.pixel_um, answer.of_training, len(answer.folds))),
    }
    # No error of the training pictures tells how wrong a model is at another magnification.
    if _outside(model, seen.pixel_um):
        return row
    row |= {"interval_low": low, "interval_high": high, "level": job.level}
    row["networks_sd"] = float(answer.windows[:, 0].std(ddof=1)) if len(answer.folds) > 1 else float("nan")
    if model.class_names:
        row["predicted_class"] = model.class_names[int(told[1:].argmax())]
        row |= {f"probability_{name}": float(told[i]) for i, name in enumerate(model.class_names, start=1)}
    return row


def _outside(model: CnnModel, pixel_um: float | None) -> bool:
    """Whether a picture is at another magnification than all of the training; not where that can not be known."""
    if model.pixel_um is None or pixel_um is None or model.geometry.window_um is not None:
        return False
    return pixel_um < model.pixel_um[0] / SAME_PIXEL or pixel_um > model.pixel_um[1] * SAME_PIXEL


def _warnings(model: CnnModel, pixel_um: float | None, of_training: bool, asked: int) -> Iterator[str]:
    trained = model.pixel_um
    if trained is None:
        yield "the training pictures had no pixel size: whether this one is at their magnification is not known"
    elif pixel_um is None:
        yield f"pixel size not known; in training {span(trained)} µm"
    elif _outside(model, pixel_um):
        yield (
            f"other magnification: pixel {pixel_um:.4g} µm, in training {span(trained)} µm; the number is of no use, "
            "and has no interval and no class"
        )
    if of_training:
        yield f"a picture of the training: asked of the {asked} of {len(model.networks)} networks that did not see it"


def _lines(result: Result) -> Iterator[str]:
    model, table = result.model, result.table
    predicted = table[table[f"predicted_{model.target.name}"].notna()]
    some = not all(_outside(model, size) for size in predicted["pixel_um"])
    if some:
        own = model.scores["predictors"][NETWORK]
        yield f"model {model.name}: {model.target.name}, R² {said(own['r2'])} with groups left out"
        if model.scores["at_chance"]:
            yield "this model did no better than chance: what it says means nothing"
        yield from _date_lines(model)
    for failure in result.failures:
        yield f"  {' '.join(failure.path.split())}: {failure.stage}: {failure.reason}"
    # What is in no table is told whole.
    shown = predicted if result.written is None else predicted.head(_SHOWN)
    for _, row in shown.iterrows():
        yield f"  {_row(model, row)}"
    if len(predicted) > len(shown):
        yield f"  and {len(predicted) - len(shown)} more in the table"
    if some:
        yield "the networks know what resembles their training; another material can look alike, and no flag tells"
        if model.of_samples:
            yield "trained on means over the pictures of a sample: single pictures scatter more than the intervals say"
    if result.written is not None:
        yield f"predictions: {result.written}"


def _date_lines(model: CnnModel) -> Iterator[str]:
    """How often the class is right, never without what the date alone reaches."""
    predictors = model.scores["predictors"]
    rivals = [name for name in predictors if name.startswith("date alone")]
    if model.class_names and rivals:
        beside = "; ".join(f"{name} {said(predictors[name]['class_accuracy'])}" for name in rivals)
        yield f"right class of {len(model.class_names)}: {said(predictors[NETWORK]['class_accuracy'])}; {beside}"


def _row(model: CnnModel, row: pd.Series) -> str:
    if _outside(model, row["pixel_um"]):
        return f"{row['micrograph_id']}: {row['warning']}"
    unit = f" {model.target.unit}" if model.target.unit else ""
    between = (
        f"{100 * row['level']:g} %: {row['interval_low']:.3g} to {row['interval_high']:.3g}"
        if np.isfinite(row["interval_low"])
        else f"no interval at {100 * row['level']:g} %, the other folds have too few groups"
    )
    told = [f"{row[f'predicted_{model.target.name}']:.3g}{unit} ({between})"]
    if model.class_names:
        name = row["predicted_class"]
        told.append(f"{name} (probability {row[f'probability_{name}']:.2f})")
    told += [row["warning"]] if row["warning"] else []
    return f"{row['micrograph_id']}: {'; '.join(told)}"
