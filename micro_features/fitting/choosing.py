"""Which columns of a table are features, and why the others are not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from micro_features.errors import FeatureTableError
from micro_features.features.catalogue import FEATURES
from micro_features.fitting.joining import Joined
from micro_features.learn.target import quantity_and_unit, unit_of
from micro_features.rows import CORRECTION_COLUMNS, ID_COLUMNS, QUALITY, SCALE_COLUMNS, in_pixels

_LARGEST = float(np.finfo(np.float32).max)  # XGBoost knows no larger number
RESERVED = ("micrograph_id", "sample_id", "group", "base", "predicted", "sum", "end", "assumed")
"""Columns of the tables of attributions."""
_CATALOGUE_NAME = {in_pixels(name): name for name in FEATURES} | {name: name for name in FEATURES}
_LENGTHS = [name for name in FEATURES if in_pixels(name) != name]


@dataclass(frozen=True, eq=False)
class Candidates:
    """Columns that may be features.

    Attributes
    ----------
    values : DataFrame of float
        Rows as asked for; NaN where missing.
    left_out : dict
        Reason for each of the table's other columns.
    notes : list of str
        What a reader must know.
    """

    values: pd.DataFrame
    left_out: dict[str, str]
    notes: list[str]


def candidates(joined: Joined, rows: np.ndarray, named: Sequence[str], taken: Mapping[str, str]) -> Candidates:
    """The columns that may be features, as numbers.

    Parameters
    ----------
    joined : Joined
    rows : int array
        The rows in use.
    named : sequence of str
        Columns of table or manifest; none: the table's columns that are in the catalogue of features, but for those
        that say how sure another one is.
    taken : mapping
        Columns that can not be features, with their part, as in ``{"conductivity_S_per_cm": "the target"}``.

    Raises
    ------
    FeatureTableError
        A named column is not there, or is taken; none is left; a cell is no number, or infinite; some rows have
        lengths in pixels and others in micrometres.
    """
    notes: list[str] = []
    names = _named(joined, named, taken) if named else _catalogued(joined, taken)
    values = pd.DataFrame({name: _numbers(joined, rows, name) for name in names}, index=rows)
    in_px = _in_pixels(joined, rows, values)
    if in_px:
        notes.append(
            "No picture gives its scale: lengths are in pixels, and compare pictures of one magnification only."
        )
    left_out: dict[str, str] = {}
    for column in joined.table.columns:
        if column not in names:
            left_out[column] = taken.get(column) or ("not named" if named else _reason(column))
    wrong = [f"{column} ({reason})" for column, reason in left_out.items() if reason.startswith("in other units")]
    if wrong:
        notes.append(f"Left out for their units: {'; '.join(wrong)}.")
    if not names:
        raise FeatureTableError(
            f"{joined.file}: no column is in the catalogue of features; name columns with --features."
            + (f" {notes[-1]}" if wrong else "")
        )
    return Candidates(values, left_out, notes)


def drop_useless(values: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Leave out columns that tell nothing.

    Parameters
    ----------
    values : DataFrame of float

    Returns
    -------
    kept : DataFrame
    left_out : dict
        Reason for each column that was all missing, constant, or equal to an earlier one.
    """
    left_out: dict[str, str] = {}
    seen: dict[bytes, str] = {}
    for name in values.columns:
        column = values[name].to_numpy(float)
        there = column[~np.isnan(column)]
        if len(there) == 0:
            left_out[name] = "all missing"
        elif np.ptp(there) <= 1e-12 * np.abs(there).max():  # means of equal numbers differ in their last digit
            left_out[name] = f"constant ({there[0]:.6g})"
        else:
            earlier = seen.setdefault((column + 0.0).tobytes(), name)  # + 0: a negative zero is zero
            if earlier != name:
                left_out[name] = f"equal to {earlier}"
    return values.drop(columns=list(left_out)), left_out


def phase_of(name: str) -> str:
    """Part of the microstructure that a feature speaks of; empty for columns of other origin."""
    return FEATURES[_CATALOGUE_NAME[name]].phase if name in _CATALOGUE_NAME else ""


def feature_unit(name: str) -> str:
    """Unit of a feature: the catalogue's, in pixels where the name says so, else what the name tells."""
    if name not in _CATALOGUE_NAME:
        return unit_of(name)
    unit = FEATURES[_CATALOGUE_NAME[name]].unit
    return unit if name in FEATURES else unit.replace("um", "px")


def meaning_of(name: str) -> str:
    """What a feature of the catalogue says, in words; empty for others."""
    return FEATURES[_CATALOGUE_NAME[name]].meaning if name in _CATALOGUE_NAME else ""


def _named(joined: Joined, named: Sequence[str], taken: Mapping[str, str]) -> list[str]:
    names = list(dict.fromkeys(named))
    for name in names:
        if name in taken:
            raise FeatureTableError(f"{joined.files}: column {name!r} can not be a feature: it is {taken[name]}.")
        if name in CORRECTION_COLUMNS:
            raise FeatureTableError(
                f"{joined.files}: column {name!r} can not be a feature: it tells what a person did, not what the "
                "material is."
            )
        if name in RESERVED:
            raise FeatureTableError(f"{joined.files}: column {name!r} has a name that the results use; rename it.")
    return names


def _catalogued(joined: Joined, taken: Mapping[str, str]) -> list[str]:
    names = dict.fromkeys(form for name in FEATURES for form in (name, in_pixels(name)))
    return [name for name in names if name in joined.table.columns and name not in taken and not _says_how_sure(name)]


def _says_how_sure(name: str) -> bool:
    return "_ci95_" in name or "relative_accuracy" in name


def _numbers(joined: Joined, rows: np.ndarray, name: str) -> np.ndarray:
    """A column as floats; the table's own where both table and manifest have it."""
    file = joined.file if name in joined.table.columns else joined.manifest_file
    cells = joined.table[name] if name in joined.table.columns else pd.Series(joined.values(name))
    cells = cells.iloc[rows]
    number = pd.to_numeric(cells, errors="coerce").astype(float).to_numpy()
    for bad, found in (
        (np.isnan(number) & cells.notna().to_numpy(), "not a number"),
        (np.abs(number) > _LARGEST, "infinite, or too large"),
    ):
        if bad.any():
            where = int(bad.argmax())
            raise FeatureTableError(
                f"{file}: column {name!r} holds {cells.iloc[where]!r} in row {joined.ids[rows[where]]!r}, {found}; "
                "correct it, or leave it empty."
            )
    return number


def _in_pixels(joined: Joined, rows: np.ndarray, values: pd.DataFrame) -> bool:
    """Whether all lengths are in pixels.

    Raises
    ------
    FeatureTableError
        Some are, some are not.
    """
    um = values[[name for name in _LENGTHS if name in values.columns]].notna().any(axis=1).to_numpy()
    px = (
        values[[in_pixels(name) for name in _LENGTHS if in_pixels(name) in values.columns]]
        .notna()
        .any(axis=1)
        .to_numpy()
    )
    if um.any() and px.any():
        raise FeatureTableError(
            f"{joined.file}: lengths are in pixels in {px.sum()} rows, such as {joined.ids[rows[px.argmax()]]!r}, and "
            f"in micrometres in {um.sum()}; extract with the missing pixel sizes, or name features without lengths."
        )
    return bool(px.any())


def _reason(column: str) -> str:
    if column in ID_COLUMNS or column in CORRECTION_COLUMNS:
        return "names the row, or how it was made"
    if column in SCALE_COLUMNS or column.startswith("acquisition_"):
        return "how the picture was taken: a confounder"
    if column in QUALITY or column.startswith("quality_"):
        return "says how well the picture could be measured"
    if column in _CATALOGUE_NAME:
        return "says how sure another column is"
    quantity, unit = quantity_and_unit(column)
    for name in FEATURES:
        if quantity == quantity_and_unit(name)[0]:
            return f"in other units ({unit or 'none'}) than {name}"
    return "not in the catalogue of features"
