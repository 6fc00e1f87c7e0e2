"""A clean data set from a feature table and a manifest: what is used, what is left out, and why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from micro_features.errors import FeatureTableError
from micro_features.fitting.choosing import candidates, drop_useless, feature_unit, phase_of
from micro_features.fitting.dataset_request import DatasetRequest
from micro_features.fitting.joining import Joined, as_column, read_joined, same
from micro_features.fitting.selecting import Selected, reasons, select_rows, some
from micro_features.learn import folds
from micro_features.learn.target import Target, class_codes, cuts_between, model_values, quantity_and_unit, unit_of

# Numbers of each picture, averaged over the pictures of a sample; the others are set by the operator.
_MEASURED = ("pixel_um", "quality_brightness", "quality_contrast")
CONFOUNDERS = (
    "acquisition_date",
    "acquisition_kV",
    "acquisition_WD_mm",
    "acquisition_detector",
    "acquisition_magnification",
    "acquisition_instrument",
    *_MEASURED,
)
"""Columns that may tell the microscope's session instead of the material."""

MIXED = "mixed"
"""Of a sample whose pictures differ in what a column says."""

_NO_PROCESS = {"file", "path", "page", "micrograph_id", "sample_id", "surface", "settings_digest"}
_CLASS_NAMES = {1: ("low", "high"), 2: ("low", "median", "high")}


class Pictured(NamedTuple):
    """Which picture a micrograph is, as its table tells.

    Attributes
    ----------
    path : str
        As the extraction was given it.
    page : int
        In its file, from 0.
    pixel_um : float or None
        Edge of a pixel, micrometres; None where lengths were in pixels.
    pixel_um_source : str
        Empty where the table does not tell.
    """

    path: str
    page: int
    pixel_um: float | None
    pixel_um_source: str


@dataclass(frozen=True, eq=False)
class Dataset:
    """What a model is trained on: n rows, k features.

    Attributes
    ----------
    ids : tuple of n str
        Micrographs, or samples where pictures of one sample were joined. Index of every frame.
    X : (n, k) DataFrame of float
        NaN where missing.
    target : Target
    y_native, y : (n,) float arrays
        In the target's unit, and in model units.
    group_names : tuple of n str
    groups : (n,) int array
        Codes of the groups, from 0 in order of first appearance.
    sessions : (n,) int array
        Codes of sets of groups that share no day of acquisition with any group outside.
    class_names : tuple of str
        Of rising value; empty without classes.
    cuts : tuple of float
        Cut points between them, in the target's unit.
    confounders, process : DataFrames of n rows
        How the pictures were taken, and what else the manifest says: floats, or text with None where missing.
    surface : tuple of n str
        polished, fracture, unknown or mixed.
    members : dict
        Id -> its micrographs.
    pictures : dict
        Micrograph -> which picture it is; empty for tables of other origin.
    left_out : dict
        Column -> why it is no feature.
    excluded_rows : dict
        Id in the table -> why its row is not used.
    phases, units : dict
        Of each feature; a phase is empty for columns that are not in the catalogue.
    settings_digests : tuple of str
        Settings with which the rows were extracted.
    notes : tuple of str
        What a reader must know.
    """

    ids: tuple[str, ...]
    X: pd.DataFrame
    target: Target
    y_native: np.ndarray
    y: np.ndarray
    group_names: tuple[str, ...]
    groups: np.ndarray
    sessions: np.ndarray
    class_names: tuple[str, ...]
    cuts: tuple[float, ...]
    confounders: pd.DataFrame
    process: pd.DataFrame
    surface: tuple[str, ...]
    members: dict[str, tuple[str, ...]]
    pictures: dict[str, Pictured]
    left_out: dict[str, str]
    excluded_rows: dict[str, str]
    phases: dict[str, str]
    units: dict[str, str]
    settings_digests: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def model_cuts(self) -> tuple[float, ...]:
        """The cut points in model units."""
        return tuple(float(cut) for cut in model_values(np.array(self.cuts), self.target.log10))

    @property
    def classes(self) -> np.ndarray:
        """(n,) int array: class of each row, an index into `class_names`."""
        return class_codes(self.y_native, self.cuts)


def read_dataset(table: Path, asked: DatasetRequest) -> Dataset:
    """Read and check what a model is trained on.

    Parameters
    ----------
    table : Path
        A row a micrograph, as ``micro-features extract`` writes it, or a table of other origin.
    asked : DatasetRequest

    Raises
    ------
    FeatureTableError
        The input can not be used; names the file, the column, the row and what to do.
    """
    joined = read_joined(table, asked.manifest, asked.id_column)
    selected = select_rows(joined, asked)
    target, classes = asked.target, asked.classes
    taken = {target: "the target", asked.group: "the group", asked.id_column or "micrograph_id": "the id"}
    taken |= {classes: "the class"} if classes else {}
    chosen = candidates(joined, selected.rows, asked.features, taken)
    X, useless = drop_useless(_averaged(chosen.values, selected))
    if X.empty:
        raise FeatureTableError(
            f"{table}: no feature is left: {some([f'{name} {why}' for name, why in useless.items()])}."
        )
    class_names, class_cuts, class_notes = _classes(joined, selected, asked)
    process, other_forms = _process(joined, selected, target, {asked.group, classes, *asked.features})
    surface = _combined(joined, selected, "surface", MIXED) if joined.has("surface") else [None] * len(selected.ids)
    digests = joined.values("settings_digest") if joined.has("settings_digest") else []
    dataset = Dataset(
        ids=selected.ids,
        X=X,
        target=Target(target, unit_of(target), asked.log10),
        y_native=selected.target,
        y=model_values(selected.target, asked.log10),
        group_names=selected.groups,
        groups=folds.codes(selected.groups)[0],
        sessions=_sessions(joined, selected),
        class_names=class_names,
        cuts=class_cuts,
        confounders=_confounders(joined, selected),
        process=process,
        surface=tuple(cell or "unknown" for cell in surface),
        members=_members(joined, selected),
        pictures=_pictures(joined, selected),
        left_out=chosen.left_out | useless | other_forms,
        excluded_rows=selected.excluded,
        phases={name: phase_of(name) for name in X.columns},
        units={name: feature_unit(name) for name in X.columns},
        settings_digests=tuple(sorted({digests[row] or "" for row in selected.rows} - {""})) if digests else (),
        notes=(*chosen.notes, *class_notes),
    )
    return replace(dataset, notes=(*_row_notes(joined, dataset), *dataset.notes))


def check_classes(dataset: Dataset) -> None:
    """Whether classes can be learned.

    Raises
    ------
    FeatureTableError
        There are no classes, or one has fewer than two rows.
    """
    if not dataset.class_names:
        raise FeatureTableError("There are no classes: name a column of labels with --classes, or give --cuts.")
    complaints = _small_classes(dataset.class_names, dataset.classes)
    if complaints:
        raise FeatureTableError(f"{complaints[0]} Join it with its neighbour by other --cuts.")


def _averaged(values: pd.DataFrame, selected: Selected) -> pd.DataFrame:
    """One row for each id: means, of what is not missing."""
    if len(selected.ids) < len(values):
        values = values.groupby(selected.code).mean()
    return values.set_axis(list(selected.ids), axis=0)


def _combined(joined: Joined, selected: Selected, name: str, mixed: str | None) -> list[str | None]:
    """The cell on which all pictures of an id agree; `mixed` where they do not."""
    cells = joined.values(name, agreeing=False)
    found: list[list[str]] = [[] for _ in selected.ids]
    for number, row in zip(selected.code, selected.rows, strict=True):
        cell = cells[row]
        if cell is not None and not any(same(cell, other) for other in found[number]):
            found[number].append(cell)
    return [mixed if len(several) > 1 else next(iter(several), None) for several in found]


def _column(joined: Joined, selected: Selected, name: str) -> pd.Series:
    cells = joined.values(name, agreeing=False)
    used = [cells[row] for row in selected.rows]
    is_number = as_column(used).dtype == float
    if is_number and name in _MEASURED:
        return as_column(used).groupby(selected.code).mean()
    return as_column(_combined(joined, selected, name, None if is_number else MIXED))


def _frame(columns: dict[str, pd.Series], selected: Selected) -> pd.DataFrame:
    present = {name: column for name, column in columns.items() if column.notna().any()}
    return pd.DataFrame(present, index=range(len(selected.ids))).set_axis(list(selected.ids), axis=0)


def _sessions(joined: Joined, selected: Selected) -> np.ndarray:
    """Components by group and day, of pictures, as a sample may have been pictured on several days."""
    days = joined.values("acquisition_date", agreeing=False) if joined.has("acquisition_date") else []
    tied: list[Iterable[object]] = [selected.code, [selected.groups[number] for number in selected.code]]
    tied += [[days[row] for row in selected.rows]] if days else []
    of_pictures = folds.connected(*tied)
    return folds.codes(of_pictures[[int(np.argmax(selected.code == n)) for n in range(len(selected.ids))]])[0]


def _confounders(joined: Joined, selected: Selected) -> pd.DataFrame:
    return _frame({name: _column(joined, selected, name) for name in CONFOUNDERS if joined.has(name)}, selected)


def _process(
    joined: Joined, selected: Selected, target: str, taken: set[str | None]
) -> tuple[pd.DataFrame, dict[str, str]]:
    """The manifest's other columns, and those of them that are the target in other words."""
    quantity, unit = quantity_and_unit(target)
    names, other_forms = [], {}
    for name in joined.stated:
        if name in taken or name == target or name in _NO_PROCESS or name in CONFOUNDERS:
            continue
        own_quantity, own_unit = quantity_and_unit(name)
        if f"{own_quantity}_".startswith(f"{quantity}_") or (unit and own_unit == unit):
            other_forms[name] = f"taken for another form of {target}"
        else:
            names.append(name)
    columns = {name: _column(joined, selected, name) for name in names}
    varying = {name: column for name, column in columns.items() if len(column.unique()) > 1}
    return _frame(varying, selected), other_forms


def _members(joined: Joined, selected: Selected) -> dict[str, tuple[str, ...]]:
    members: dict[str, list[str]] = {name: [] for name in selected.ids}
    for number, row in zip(selected.code, selected.rows, strict=True):
        members[selected.ids[number]].append(joined.ids[row])
    return {name: tuple(rows) for name, rows in members.items()}


def _pictures(joined: Joined, selected: Selected) -> dict[str, Pictured]:
    """Of rows that name their file."""
    nothing: list[str | None] = [None] * len(joined.ids)
    names = ("path", "page", "pixel_um", "pixel_um_source")
    paths, pages, sizes, sources = (joined.text.get(name, nothing) for name in names)
    return {
        joined.ids[row]: Pictured(path, int(_above_0(pages[row]) or 1) - 1, _above_0(sizes[row]), sources[row] or "")
        for row in selected.rows
        if (path := paths[row]) is not None
    }


def _above_0(cell: str | None) -> float | None:
    """What is no such number, in a table of other origin, tells nothing."""
    try:
        number = float(cell or 0)
    except ValueError:
        return None
    return number if 0 < number < np.inf else None


def _classes(
    joined: Joined, selected: Selected, asked: DatasetRequest
) -> tuple[tuple[str, ...], tuple[float, ...], list[str]]:
    """Names of the classes, cut points between them, notes."""
    classes, log10 = asked.classes, asked.log10
    names: tuple[str, ...] = ()
    cuts: Sequence[float] = asked.cuts
    notes = []
    if classes and len(cuts):
        raise FeatureTableError("Give labels of classes or cut points, not both.")
    if classes:
        labels = joined.labels(classes)
        labelled = [
            (selected.target[number], str(labels[row]))
            for number, row in zip(selected.code, selected.rows, strict=True)
            if labels[row] is not None
        ]
        if len(labelled) < len(selected.rows):
            missing = [joined.ids[row] for row in selected.rows if labels[row] is None]
            notes.append(
                f"{len(missing)} rows have no {classes} ({some(missing)}); theirs follows from the cut points."
            )
        try:
            names, cuts = cuts_between(
                np.array([value for value, _ in labelled]), [name for _, name in labelled], log10
            )
        except FeatureTableError as error:
            raise FeatureTableError(f"{joined.files}: column {classes!r}: {error}") from None
    elif len(cuts):
        rising = all(low < high for low, high in pairwise(cuts))
        if not rising or not np.isfinite(cuts).all() or (log10 and min(cuts) <= 0):
            raise FeatureTableError(
                f"Cut points {', '.join(f'{cut:g}' for cut in cuts)}: give rising numbers, above 0 with log."
            )
        names = _CLASS_NAMES.get(len(cuts), tuple(f"class {number + 1}" for number in range(len(cuts) + 1)))
    notes += _small_classes(names, class_codes(selected.target, cuts))
    return names, tuple(float(cut) for cut in cuts), notes


def _small_classes(names: Sequence[str], codes: np.ndarray) -> list[str]:
    numbers = np.bincount(codes, minlength=len(names))
    return [
        f"Class {name!r} has {number or 'no'} row{'' if number == 1 else 's'}: it can not be left out and learned."
        for name, number in zip(names, numbers, strict=False)
        if number < 2
    ]


def _row_notes(joined: Joined, dataset: Dataset) -> list[str]:
    notes = [f"Rows: {line}." for line in reasons(dataset.excluded_rows)]
    if joined.unused and joined.manifest_file:
        notes.append(f"{joined.manifest_file.name}: {len(joined.unused)} rows fit no picture ({some(joined.unused)}).")
    pictures = sum(map(len, dataset.members.values()))
    if pictures > len(dataset.ids):
        notes.append(
            f"{pictures} pictures were joined into {len(dataset.ids)} samples; features are means over pictures."
        )
    if len(set(dataset.surface)) > 1:
        kinds = ", ".join(f"{name} {dataset.surface.count(name)}" for name in sorted(set(dataset.surface)))
        notes.append(f"Surfaces differ ({kinds}) and measure differently; --where surface=… takes one kind.")
    if len(dataset.settings_digests) > 1:
        notes.append(f"Rows were extracted with different settings ({', '.join(dataset.settings_digests)}).")
    return notes
