"""What the published method is given: pictures with their class, what belongs together, folds, physical parameters."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from micro_features import runs
from micro_features.batch import Failure, usable_cores
from micro_features.errors import ArtefactError, FeatureTableError, ImageError, MicroFeaturesError, SettingsError
from micro_features.files.tables import Manifest, read_table
from micro_features.fitting.dataset import Dataset, check_classes, read_dataset
from micro_features.fitting.dataset_request import DatasetRequest
from micro_features.fitting.fold_file import read_folds
from micro_features.learn import folds
from micro_features.network.beside import DATE
from micro_features.network.pictures import Geometry, NetworkPicture, read_pictures
from micro_features.published.parameters import Parameters, parameters_of
from micro_features.settings import Settings

GROUPED, IN_SAMPLE = "grouped", "in-sample"
SCHEDULE = "sintering_schedule"
MEASURED = "measured"
"""Folder of the results in which pictures are measured."""
REDUCTION = {"cnn": 2, "resnet18": 1}
"""Pixels of a picture in the edge of one that the network sees."""


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes
    ----------
    pictures : Path
        A picture or a folder; where the paths of `features` begin, if these are given.
    manifest : Path
    output : Path
        New folder.
    settings : Settings
    target, classes : str
        Columns of the manifest.
    group : str or None
        What is left out together; where left out the sintering schedule, else the day of acquisition.
    cuts : tuple of float
        Cut points between classes instead of the column `classes`.
    log10 : bool
    features : Path or None
        What `extract` measured on these pictures; else they are measured first.
    hand_measured : Path or None
        The study's own table of parameters.
    fit : Path or None
        Folder that `fit` wrote, whose folds are taken.
    explained : Path or None
        Folder that `explain` wrote on the same fit, to stand beside.
    protocols : tuple of {"grouped", "in-sample"}
    first_fold_only : bool
    weights : Path or None
        Weights of ImageNet for ResNet18, a safetensors file.
    device : {"auto", "cpu", "cuda", "mps"}
    n_workers : int or None
    pixel_um, pixel_size_table, uncalibrated
        As of `runs.run`.
    command_line : tuple of str
    """

    pictures: Path
    manifest: Path
    output: Path
    settings: Settings = field(default_factory=Settings.published)
    target: str = "conductivity_S_per_cm"
    classes: str = "conductivity_class"
    group: str | None = None
    cuts: tuple[float, ...] = ()
    log10: bool = True
    features: Path | None = None
    hand_measured: Path | None = None
    fit: Path | None = None
    explained: Path | None = None
    protocols: tuple[str, ...] = (GROUPED, IN_SAMPLE)
    first_fold_only: bool = False
    weights: Path | None = None
    device: str = "auto"
    n_workers: int | None = None
    pixel_um: float | None = None
    pixel_size_table: Path | None = None
    uncalibrated: bool = False
    command_line: tuple[str, ...] = ()

    @property
    def geometry(self) -> Geometry:
        """Windows as the network sees them; SettingsError where they overlap by a whole window or do not divide."""
        words = self.settings.words
        window, overlap, reduction = words.window_px, words.overlap_px, REDUCTION[words.network]
        if overlap >= window:
            raise SettingsError(
                f"words.overlap_px = {overlap}, words.window_px = {window}: the overlap must be smaller than a window."
            )
        for name, value in (("window_px", window), ("overlap_px", overlap)):
            if value % reduction:
                raise SettingsError(
                    f"words.{name} = {value}: choose a multiple of {reduction}, by which the network reduces pictures."
                )
        return Geometry(window, overlap, reduction)

    @property
    def processes(self) -> int:
        """At work."""
        return self.n_workers or usable_cores()


@dataclass(frozen=True, eq=False)
class Samples:
    """n pictures, and what is known of them.

    Attributes
    ----------
    dataset : Dataset
        A row a picture.
    group : str
        Column of what is left out together.
    fold : (n,) int array
    pictures : dict of id to NetworkPicture
        In the order of the data set.
    parameters : Parameters
    notes : tuple of str
        What a reader must know: exclusions, what groups are.
    failures : list of Failure
        Pictures that could not be measured.
    """

    dataset: Dataset
    group: str
    fold: np.ndarray
    pictures: dict[str, NetworkPicture]
    parameters: Parameters
    notes: tuple[str, ...]
    failures: list[Failure]


def read_samples(request: Request, *, tell: Callable[[str], None]) -> Samples:
    """Measure the pictures if need be, and bring all together.

    Parameters
    ----------
    request : Request
    tell : callable
        Told what is being done.

    Raises
    ------
    FeatureTableError, ImageError, CalibrationError, SettingsError
        What is wrong, and what to do.
    """
    geometry = request.geometry
    if not request.pictures.exists():
        raise ImageError(f"{request.pictures}: there is no such folder; name the one that the pictures lie in.")
    table, failures = request.features, list[Failure]()
    if table is None:
        Manifest(request.manifest)  # refused before the pictures are measured
        tell("measuring the pictures")
        table, failures = _measured(request)
    group = request.group or _group_of(table, request.manifest)
    asked = DatasetRequest(
        request.target,
        group,
        request.manifest,
        log10=request.log10,
        classes=None if request.cuts else request.classes,
        cuts=request.cuts,
        per_micrograph=True,
    )
    dataset = read_dataset(table, asked)
    check_classes(dataset)
    parameters = parameters_of(dataset, request.hand_measured)
    fold = _folds(request, dataset)
    _check_learnable(dataset, fold)
    tell("reading the pictures")
    folder = request.pictures if request.pictures.is_dir() else request.pictures.parent
    try:
        pictures = read_pictures(
            dataset,
            table,
            folder if request.features else None,
            geometry,
            n_workers=min(request.processes, len(dataset.pictures)),
        )
    except MicroFeaturesError as error:
        raise type(error)(_own_options(str(error))) from None
    _check_twins(pictures, fold)
    notes = (*(failure_note(failures)), *dataset.notes, *_group_notes(dataset, group, fold), *parameters.notes)
    return Samples(dataset, group, fold, pictures, parameters, notes, failures)


def _own_options(text: str) -> str:
    """What is wrong with pictures, by the options of this command instead of those of `cnn train`."""
    for theirs, ours in (
        ("--window ", "words.window_px = "),
        ("say where with --pictures FOLDER", "name the folder that they lie in as PATH"),
        ("say where the measured pictures lie with --pictures FOLDER", "name the folder of the measured ones as PATH"),
        ("give the window in micrometres with --window-um, or leave some out", "leave some out of the manifest"),
        ("leave them out with --where", "leave them out of the manifest"),
    ):
        text = text.replace(theirs, ours)
    return text


def failure_note(failures: list[Failure]) -> list[str]:
    """Which pictures are missing because they could not be measured."""
    if not failures:
        return []
    told = "; ".join(f"{each.path}: {each.reason}" for each in failures[:3])
    return [f"{len(failures)} pictures could not be measured and are left out ({told})."]


def _measured(request: Request) -> tuple[Path, list[Failure]]:
    summary = runs.run(
        "extract",
        [request.pictures],
        request.output / MEASURED,
        request.settings,
        manifest=None,
        pixel_um=request.pixel_um,
        pixel_size_table=request.pixel_size_table,
        uncalibrated=request.uncalibrated,
        overlays=False,
        n_workers=request.processes,
        command_line=request.command_line,
    )
    if summary.interrupted:
        raise KeyboardInterrupt
    if not summary.place.table.exists() or not len(read_table(summary.place.table)):
        told = summary.failures[0].reason if summary.failures else "there are none"
        raise ImageError(f"{request.pictures}: no picture could be measured ({told}).")
    return summary.place.table, summary.failures


def _group_of(table: Path, manifest: Path) -> str:
    if SCHEDULE in read_table(manifest, as_text=True):
        return SCHEDULE
    if DATE in (measured := read_table(table, as_text=True)) and measured[DATE].notna().any():
        return DATE
    raise FeatureTableError(
        f"{manifest}: no column {SCHEDULE!r}, and the pictures tell no date: say with --group which column tells what "
        "belongs together; 'folder' is the folder that a picture lies in."
    )


def _folds(request: Request, dataset: Dataset) -> np.ndarray:
    """Those of a fit, so that all methods are asked about the same pictures, or folds of whole groups."""
    of_fit = None if request.fit is None else read_folds(request.fit / "folds.csv", dataset)
    wanted = request.settings.words.folds if of_fit is None else int(of_fit.max()) + 1
    for name, number in zip(dataset.class_names, np.bincount(dataset.classes), strict=True):
        if number < wanted:
            raise FeatureTableError(
                f"class {name!r} has {number} pictures, fewer than the {wanted} folds: ask for at most "
                f"{max(2, number)} with --set words.folds=N, or join classes with --cuts."
            )
    if of_fit is not None:
        return of_fit
    if (n_groups := len(np.unique(dataset.groups))) < wanted:
        raise FeatureTableError(
            f"{n_groups} groups can not be split into {wanted} folds: --set words.folds={n_groups} leaves out each "
            "once."
        )
    return folds.grouped_kfold(dataset.groups, wanted, request.settings.seed)


def _check_learnable(dataset: Dataset, fold: np.ndarray) -> None:
    for number in np.unique(fold):
        left = np.unique(dataset.classes[fold != number])
        if len(left) < 2:
            raise FeatureTableError(
                f"without fold {number} all pictures are of class {dataset.class_names[left[0]]!r}: nothing can be "
                "learned; choose other folds with --seed, or fewer with --set words.folds=N."
            )


def _check_twins(pictures: dict[str, NetworkPicture], fold: np.ndarray) -> None:
    """No picture may be on both sides."""
    seen: dict[str, tuple[str, int]] = {}
    for (name, picture), number in zip(pictures.items(), fold.tolist(), strict=True):
        other, where = seen.setdefault(picture.pixels_sha256, (name, number))
        if where != number:
            raise FeatureTableError(
                f"{other} and {name} are the same picture in different folds: a score would be optimistic; leave one "
                "out of the manifest, or give them one group."
            )


def _group_notes(dataset: Dataset, group: str, fold: np.ndarray) -> list[str]:
    """What leaving groups out means here."""
    notes, names = [], np.array(dataset.group_names)
    mixed = [name for name in dict.fromkeys(names) if len(set(dataset.classes[names == name])) > 1]
    n_groups = len(np.unique(dataset.groups))
    if group == DATE:
        notes.append(
            f"Groups are the {n_groups} days of acquisition; days with more than one class: {len(mixed)}. The "
            "grouped score is nearly that of a microscope session left out, and little is known within a session."
        )
    for code, name in enumerate(dataset.class_names):
        where = set(names[dataset.classes == code])
        if len(where) == 1:
            notes.append(f"Class {name!r} lies in one group, {where.pop()}: left out, it is not known to any model.")
        for number in np.unique(fold):
            if not (dataset.classes[fold != number] == code).any() and len(where) > 1:
                notes.append(f"Fold {number} holds all of class {name!r}, which no model of that fold knows.")
    return notes


def check_weights(request: Request) -> bytes | None:
    """The file of weights, read and looked at before anything is computed."""
    if request.weights is None:
        return None
    if request.settings.words.network != "resnet18":
        raise SettingsError("--weights are for ResNet18: add --set words.network=resnet18.")
    try:
        weights = request.weights.read_bytes()
    except OSError as error:
        raise SettingsError(f"{request.weights}: can not be read: {error.strerror or error}.") from None
    from micro_features.learn.resnet import imagenet_weights

    try:
        imagenet_weights(weights)
    except ArtefactError as error:
        raise ArtefactError(f"{request.weights}: {error}") from None
    return weights
