"""Annotated pictures: each with a label image or strokes that a person, or a drawing, gave."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from micro_features import pipeline
from micro_features.batch import Failure
from micro_features.data import Micrograph
from micro_features.errors import ImageError
from micro_features.features.quality import is_flat
from micro_features.files.images import read_picture
from micro_features.files.search import as_text, find_pictures, without_suffix
from micro_features.images.boundary_truth import BOUNDARY, INSIDE
from micro_features.settings import Settings

Kind = Literal["grains", "pores", "strokes"]


@dataclass(frozen=True)
class Case:
    """One annotated picture.

    Attributes
    ----------
    path, labels : Path
        The picture and its label image.
    name : str
        The picture's path below its folder, without suffix.
    kind : str
        What the label image holds: ``"grains"``, ``"pores"``, or ``"strokes"`` (`images.boundary_truth`).
    settings : Settings
    """

    path: Path
    labels: Path
    name: str
    kind: Kind
    settings: Settings


def cases(images: Path, labels: Path, kind: Kind, settings: Settings) -> tuple[list[Case], list[Failure]]:
    """Pictures and their label images, matched by name; a label image without a picture is not looked at.

    Parameters
    ----------
    images : Path
        A picture, or a folder of pictures.
    labels : Path
        A folder of label images, each at the place of its picture and with its name, ``.png`` or ``.tif``; or, for one
        picture, its label image.
    kind : str
    settings : Settings

    Returns
    -------
    cases : list of Case
    failures : list of Failure
        Pictures without a label image.

    Raises
    ------
    ImageError
        There is no picture, or no label image, at all.
    """
    pictures, missing = find_pictures([images])
    if not pictures:
        raise ImageError("; ".join(f"{path}: {reason}" for path, reason in missing) + ".")
    if labels.is_file():
        if len(pictures) > 1:
            raise ImageError(f"{labels}: one label image for {len(pictures)} pictures; name a folder of label images.")
        return [Case(pictures[0].path, labels, without_suffix(pictures[0].path.name), kind, settings)], []
    annotated, none = find_pictures([labels])
    if none:
        raise ImageError("; ".join(f"{path}: {reason}" for path, reason in none) + "; label images are needed.")
    by_name = {without_suffix(found.below_root): found.path for found in annotated}
    found_cases, failures = [], [Failure(path, "find", reason) for path, reason in missing]
    for picture in pictures:
        name = without_suffix(picture.below_root)
        if name in by_name:
            found_cases.append(Case(picture.path, by_name[name], name, kind, settings))
        else:
            reason = f"no label image: {labels / name}.png or .tif is needed"
            failures.append(Failure(as_text(picture.path), "find", reason))
    return found_cases, failures


def read_case(case: Case) -> tuple[Micrograph, np.ndarray]:
    """A picture and its label image.

    Parameters
    ----------
    case : Case

    Returns
    -------
    micrograph : Micrograph
        What is no material masked; in pixels where its scale is not known, for no score needs it.
    true : (rows, cols) int32 array
        Labels from 1, or strokes. It may have fewer rows than the picture: the data bar at the bottom.

    Raises
    ------
    ImageError
        A file can not be read, the two do not fit, or nothing is annotated.
    """
    picture = read_picture(case.path, max_pixels=case.settings.reading.max_pixels)
    calibrated, _ = pipeline.calibrate_if_possible(picture)
    micrograph = pipeline.micrograph_of(picture, calibrated, micrograph_id=case.name)
    if is_flat(micrograph.image, micrograph.valid):
        raise ImageError(f"{str(case.path)!r} is of one colour; there is nothing to find.")
    stored = read_picture(case.labels).pixels
    if stored.ndim != 2:
        raise ImageError(
            f"{str(case.labels)!r} is in colour; a label image has one channel, 0 where there is no region."
        )
    if not np.array_equal(stored, np.rint(stored)):
        raise ImageError(f"{str(case.labels)!r} holds fractions; labels are whole numbers.")
    (rows, cols), (all_rows, all_cols) = stored.shape, micrograph.image.shape
    below = micrograph.valid[rows:]  # material that has no label
    if cols != all_cols or rows > all_rows or 2 * np.count_nonzero(below) > below.size:
        raise ImageError(
            f"{str(case.labels)!r} has {cols} x {rows} pixels, the picture {all_cols} x {all_rows}: they must be "
            "the same, but for a data bar at the bottom that may be missing."
        )
    true = stored.astype(np.int32)
    regions = np.unique(true[true > 0])
    if not len(regions):
        raise ImageError(f"{str(case.labels)!r} is empty: nothing is annotated.")
    if case.kind == "strokes":
        _check_strokes(case, regions)
    if case.kind == "grains" and len(regions) == 1:
        raise ImageError(f"{str(case.labels)!r} holds one label only, {regions[0]}: every grain needs its own number.")
    return micrograph, true


def _check_strokes(case: Case, values: np.ndarray) -> None:
    meaning = f"strokes are 0 (not painted), {INSIDE} (inside a grain) and {BOUNDARY} (along a boundary, or in a pore)"
    if foreign := sorted({*values.tolist()} - {INSIDE, BOUNDARY}):
        shown = ", ".join(map(str, foreign[:5])) + (", ..." if len(foreign) > 5 else "")
        raise ImageError(f"{str(case.labels)!r} holds {shown}: {meaning}.")
    if len(values) == 1:
        raise ImageError(f"{str(case.labels)!r} holds strokes of one kind only, {values[0]}: {meaning}; paint both.")
