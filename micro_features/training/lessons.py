"""Pictures to learn from: drawn ones, and a user's own with labels or strokes."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from micro_features import pipeline
from micro_features.annotated import Case, Kind, read_case
from micro_features.batch import Failure, FileResult, map_unordered
from micro_features.data import Micrograph, Segmentation
from micro_features.errors import MicroFeaturesError
from micro_features.files.search import as_text, file_sha256
from micro_features.images.score import mask_agreement, region_agreement
from micro_features.jobs import use_one_thread
from micro_features.learn.pixels import Examples
from micro_features.settings import Settings
from micro_features.synthetic.training import training_picture
from micro_features.synthetic.training.pore_picture import PORE_KINDS
from micro_features.training.boundaries import Lesson
from micro_features.training.pores import drawn_pore_examples

# What the program is most used for counts twice.
_WEIGHTS = {"polished": 2.0, "fracture": 2.0, "bimodal": 2.0}

Job = TypeVar("Job")


@dataclass(frozen=True)
class Drawing:
    """A training picture to be drawn.

    Attributes
    ----------
    index, seed : int
        As for `synthetic.training.training_picture`.
    settings : Settings
        By which its pores are found.
    """

    index: int
    seed: int
    settings: Settings


@dataclass(frozen=True, eq=False)
class DrawnPicture:
    """A drawn lesson.

    Attributes
    ----------
    kind : str
        One of `synthetic.training.KINDS`.
    lesson : Lesson
    """

    kind: str
    lesson: Lesson


@dataclass(frozen=True, eq=False)
class DrawnPores:
    """Examples of pores of a drawn picture.

    Attributes
    ----------
    kind : str
        One of `synthetic.training.pore_picture.PORE_KINDS`.
    examples : Examples
    """

    kind: str
    examples: Examples


@dataclass(frozen=True, eq=False)
class OwnPicture:
    """A user's lesson.

    Attributes
    ----------
    name : str
    lesson : Lesson
    sha256 : dict of str to str
        ``picture_sha256`` and ``labels_sha256``.
    before : dict of str to float
        How well its grains or pores are found by the settings as they are; empty where it has strokes.
    """

    name: str
    lesson: Lesson
    sha256: dict[str, str]
    before: dict[str, float]


def drawn_pictures(
    n: int, settings: Settings, *, seed: int, n_workers: int
) -> tuple[list[DrawnPicture], list[Failure]]:
    """Draw pictures of all kinds, with their pores as they are found, not as they were drawn.

    Parameters
    ----------
    n : int
    settings : Settings
    seed : int
    n_workers : int
        Processes.

    Returns
    -------
    pictures : list of DrawnPicture
        In the order of their index, whatever the number of processes.
    failures : list of Failure
    """
    quick = settings.updated({"grains.method": "watershed"})  # of the segmentation, only the pores are used
    todo = [Drawing(index, seed, quick) for index in range(n)]
    return _gathered(_draw, todo, "drawing", n_workers, lambda drawing: f"drawn picture {drawing.index}")


def drawn_pore_pictures(n: int, *, seed: int, n_workers: int) -> tuple[list[DrawnPores], list[Failure]]:
    """Draw pictures for a pore classifier; as `drawn_pictures`."""
    work = functools.partial(_draw_pores, seed=seed)
    return _gathered(work, range(n), "drawing", n_workers, lambda index: f"drawn picture {index}")


def own_pictures(cases: Sequence[Case], kind: Kind, *, n_workers: int) -> tuple[list[OwnPicture], list[Failure]]:
    """Read annotated pictures, and find their pores and grains as without training.

    Parameters
    ----------
    cases : sequence of Case
    kind : str
        What is to be learned: ``"grains"`` or ``"pores"``.
    n_workers : int
        Processes.

    Returns
    -------
    pictures : list of OwnPicture
        In the order of the cases.
    failures : list of Failure
    """
    return _gathered(functools.partial(_read, kind=kind), cases, "reading", n_workers, lambda case: as_text(case.path))


def _draw(drawing: Drawing) -> FileResult:
    use_one_thread()
    drawn = training_picture(drawing.index, seed=drawing.seed)
    micrograph = Micrograph(drawn.image, np.ones(drawn.image.shape, bool), 1.0, calibrated=False)
    found = pipeline.segment(micrograph, drawing.settings)
    return _result(DrawnPicture(drawn.kind, _lesson(micrograph, found, drawn.grains, _WEIGHTS.get(drawn.kind, 1.0))))


def _draw_pores(index: int, *, seed: int) -> FileResult:
    use_one_thread()
    return _result(DrawnPores(PORE_KINDS[index % len(PORE_KINDS)], drawn_pore_examples(index, seed=seed)))


def _read(case: Case, *, kind: Kind) -> FileResult:
    use_one_thread()
    try:
        micrograph, marks = read_case(case)
        rows = len(marks)
        micrograph = dataclasses.replace(micrograph, image=micrograph.image[:rows], valid=micrograph.valid[:rows])
        found = pipeline.segment(micrograph, case.settings)
    except MicroFeaturesError as error:
        return FileResult(failures=[Failure(as_text(case.path), "read", " ".join(str(error).split()))])
    strokes = case.kind == "strokes"
    return _result(
        OwnPicture(
            case.name,
            dataclasses.replace(_lesson(micrograph, found, marks), strokes=strokes),
            {"picture_sha256": file_sha256(case.path), "labels_sha256": file_sha256(case.labels)},
            {} if strokes else agreement(kind, getattr(found, kind), marks),
        )
    )


def agreement(kind: Kind, found: np.ndarray, marks: np.ndarray) -> dict[str, float]:
    """What is printed of how well label images agree: for grains by region, for pores by area."""
    if kind == "pores":
        masks = mask_agreement(found > 0, marks > 0)
        return {"IoU": masks.iou, "area error": masks.area_error}
    regions = region_agreement(found, marks)
    return {"F1": regions.f1, "AP": regions.average_precision}


def _lesson(micrograph: Micrograph, found: Segmentation, marks: np.ndarray, weight: float = 1.0) -> Lesson:
    return Lesson(micrograph.image, micrograph.valid, found.pores, marks, weight=weight)


def _result(picture: DrawnPicture | DrawnPores | OwnPicture) -> FileResult:
    return FileResult(rows=[{"picture": picture}])


def _gathered(
    work: Callable[[Job], FileResult], todo: Sequence[Job], step: str, n_workers: int, path_of: Callable[[Job], str]
) -> tuple[list[Any], list[Failure]]:
    """What every job gave, in their order."""
    results: dict[str, FileResult] = {}
    with tqdm(total=len(todo), desc=step, unit="picture", disable=None) as progress:
        for job, result in map_unordered(work, todo, n_workers=n_workers, path_of=path_of):
            results[path_of(job)] = result
            progress.update()
    ordered = [results[path_of(job)] for job in todo]
    pictures = [row["picture"] for result in ordered for row in result.rows]
    return pictures, [failure for result in ordered for failure in result.failures]
