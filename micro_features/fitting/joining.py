"""A feature table and what a manifest states about the same pictures, row by row."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from micro_features.errors import FeatureTableError
from micro_features.files.tables import Manifest, read_table

FOLDER = "folder"
"""Stands for the name of the folder that a picture lies in, where a group or class is asked for."""

Cells = list[str | None]
"""A column as text."""

_MISSING = ("", "NA", "N/A", "n/a", "nan", "NaN", "NULL", "null", "None", "#N/A")
# 4.28e-4.tif, 4.28e-4 (2).tif; an id has no suffix
_NUMBER_NAME = re.compile(r"([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?:\s*\(\d+\))?(?:\.[A-Za-z]\w*)?")


@dataclass(frozen=True, eq=False)
class Joined:
    """A table with the manifest's rows beside it; all have the table's n rows, numbered from 0.

    Attributes
    ----------
    file : Path
        The table.
    manifest_file : Path or None
    table : DataFrame
        As numbers where a column holds numbers.
    text : dict
        Name of a column of the table -> its n cells, as they are written; None where empty, and where the
        extraction says that nothing was stated.
    stated : dict
        Name of a column of the manifest -> n cells; None where nothing is stated.
    ids : tuple of n str
        Unique.
    paths : tuple of n PurePosixPath
        From the column ``path``, else the ids.
    matched : (n,) bool array
        Whether the manifest has a row for it.
    unused : list of str
        Rows of the manifest that fit no row.
    """

    file: Path
    manifest_file: Path | None
    table: pd.DataFrame
    text: dict[str, Cells]
    stated: dict[str, Cells]
    ids: tuple[str, ...]
    paths: tuple[PurePosixPath, ...]
    matched: np.ndarray
    unused: list[str]

    @property
    def files(self) -> str:
        """The names of table and manifest, for messages."""
        return f"{self.file}" + (f" and {self.manifest_file}" if self.manifest_file else "")

    def has(self, name: str) -> bool:
        """Whether the table or the manifest has such a column."""
        return name in self.text or name in self.stated

    def require(self, name: str, hint: str = "") -> None:
        """Refuse a column that neither has.

        Parameters
        ----------
        name : str
        hint : str
            What else may be done, for the message.

        Raises
        ------
        FeatureTableError
            Names columns that are written alike.
        """
        if not self.has(name):
            names = dict.fromkeys([*self.text, *self.stated])
            raise FeatureTableError(f"{self.files}: no column {name!r}{alike(name, names)}.{hint}")

    def values(self, name: str, *, agreeing: bool = True) -> Cells:
        """A column as text: the table's cell, where it is empty the manifest's.

        Parameters
        ----------
        name : str
        agreeing : bool
            Both must say the same where both say something.

        Raises
        ------
        FeatureTableError
            Neither has such a column, or they contradict each other.
        """
        self.require(name)
        nothing: Cells = [None] * len(self.ids)
        ours = _present(self.text[name]) if name in self.text else nothing
        theirs = _present(self.stated[name]) if name in self.stated else nothing
        if agreeing:
            for row, (one, other) in enumerate(zip(ours, theirs, strict=True)):
                if one is not None and other is not None and not same(one, other):
                    raise FeatureTableError(
                        f"{self.ids[row]}: column {name!r} is {one!r} in {self.file} and {other!r} in "
                        f"{self.manifest_file}; correct one, or leave the column out of one."
                    )
        return [other if one is None else one for one, other in zip(ours, theirs, strict=True)]

    def filled(self, name: str) -> Cells:
        """As `values`, of a column that must say something.

        Raises
        ------
        FeatureTableError
            As `values`, or it is empty in all rows.
        """
        cells = self.values(name)
        if all(cell is None for cell in cells):
            raise FeatureTableError(f"{self.files}: column {name!r} has no value.")
        return cells

    def labels(self, name: str) -> Cells:
        """A column of names; ``folder`` is the picture's folder, unless there is such a column.

        Raises
        ------
        FeatureTableError
            There is no such column, it is empty, or table and manifest contradict each other.
        """
        if name == FOLDER and not self.has(FOLDER):
            return [path.parent.name or None for path in self.paths]
        if name == "sample_id":
            return list(self.samples())
        return self.filled(name)

    def samples(self) -> list[str]:
        """The specimen of each row; the row's own id where none is stated."""
        stated = self.values("sample_id") if self.has("sample_id") else [None] * len(self.ids)
        return [sample or own for sample, own in zip(stated, self.ids, strict=True)]

    def name_numbers(self) -> Cells:
        """The numbers that the pictures' file names are, as in ``4.28e-4 (2).tif``; None for other names."""
        found = [_NUMBER_NAME.fullmatch(path.name) for path in self.paths]
        return [match[1] if match else None for match in found]


def read_joined(table: Path, manifest: Path | None, id_column: str | None) -> Joined:
    """Read a table and find each row's picture in the manifest.

    Parameters
    ----------
    table : Path
        Has a column ``micrograph_id``, or the one named by `id_column`. Pictures are found by the column ``path``,
        else by the id, with or without suffix.
    manifest : Path or None
    id_column : str or None

    Raises
    ------
    FeatureTableError
        A file can not be read, there is no column of ids, or an id is missing or there twice.
    """
    numbers, text = read_table(table), _as_text(read_table(table, as_text=True))
    numbers.columns = [str(name) for name in numbers.columns]
    ids = _ids(table, text, id_column or "micrograph_id")
    if "surface" in text:
        text["surface"] = [None if cell == "unknown" else cell for cell in text["surface"]]
    if "sample_id" in text and "micrograph_id" in text:  # a picture without a stated specimen is its own
        both = zip(text["sample_id"], text["micrograph_id"], strict=True)
        text["sample_id"] = [None if sample == own else sample for sample, own in both]
    written = text.get("path", [None] * len(ids))
    paths = tuple(PurePosixPath((cell or own).replace("\\", "/")) for cell, own in zip(written, ids, strict=True))
    if manifest is None:
        return Joined(table, None, numbers, text, {}, ids, paths, np.zeros(len(ids), bool), [])
    stated, matched, unused = _stated(Manifest(manifest), paths)
    if not matched.any():
        raise FeatureTableError(
            f"{manifest}: no row fits a picture of {table}, such as {paths[0] if paths else 'none'}; its column 'file' "
            f"has names such as {unused[0] if unused else 'none'}."
        )
    return Joined(table, manifest, numbers, text, stated, ids, paths, matched, unused)


def _as_text(table: pd.DataFrame) -> dict[str, Cells]:
    return {
        str(name): [
            None if empty else str(cell).strip() or None for cell, empty in zip(cells, cells.isna(), strict=True)
        ]
        for name, cells in table.items()
    }


def _ids(file: Path, text: dict[str, Cells], column: str) -> tuple[str, ...]:
    if column not in text:
        raise FeatureTableError(
            f"{file}: no column {column!r} that names the rows; say which one does with --id. "
            f"There are {', '.join(text)}."
        )
    ids = text[column]
    seen: set[str] = set()
    for row, name in enumerate(ids):
        if name is None:
            raise FeatureTableError(f"{file}: column {column!r} is empty in row {row + 1}; every row needs an id.")
        if name in seen:
            raise FeatureTableError(f"{file}: {name!r} is more than once in column {column!r}; ids must be unique.")
        seen.add(name)
    return tuple(name for name in ids if name is not None)


def _stated(manifest: Manifest, paths: Sequence[PurePosixPath]) -> tuple[dict[str, Cells], np.ndarray, list[str]]:
    names = [PurePosixPath(name) for name in manifest.match([])[1]]
    known = {name.name for name in names}
    # An id has no suffix, and the dot of 3.67e-4 begins none: the manifest's name tells where the suffix begins.
    suffix_of = {name.name.removesuffix(name.suffix): name.suffix for name in names}

    def picture(path: PurePosixPath) -> Path:
        suffix = "" if path.name in known else suffix_of.get(path.name, "")
        return Path(path.parent, path.name + suffix)

    pictures = [picture(path) for path in paths]
    found, unused = manifest.match(dict.fromkeys(pictures))  # the pages of a file share its row
    rows = [found.get(path, {}) for path in pictures]
    columns = dict.fromkeys([*(name for row in rows for name in row), *manifest.columns])  # also those that are empty
    stated = {name: [row.get(name) for row in rows] for name in columns}
    return stated, np.array([path in found for path in pictures], bool), unused


def _present(cells: Iterable[str | None]) -> Cells:
    return [None if cell in _MISSING else cell for cell in cells]


def same(one: str, other: str) -> bool:
    """Whether two cells say the same: as numbers where both are (tables hold ten digits), else as text."""
    try:
        return math.isclose(float(one), float(other), rel_tol=1e-9) or one == other
    except ValueError:
        return one == other


def as_column(cells: Sequence[str | None]) -> pd.Series:
    """Float (NaN where missing) if all cells that are not empty are finite numbers, else text (None where missing)."""
    column = pd.Series(list(cells), dtype=object)
    number = pd.to_numeric(column, errors="coerce").astype(float)
    return number if (np.isfinite(number) | column.isna()).all() else column


def alike(name: str, names: Iterable[str]) -> str:
    """Names that are written like this one, as the end of a message; empty where there are none."""
    near = get_close_matches(name, list(names), n=3, cutoff=0.6)
    return "; alike: " + ", ".join(near) if near else ""
