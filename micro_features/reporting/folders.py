"""Which folders a report is made from, and how their files are read: one clear line where one is damaged."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from micro_features.errors import ArtefactError, FeatureTableError
from micro_features.files.tables import read_table

TABLES = ("features.csv", "features.parquet", "features.xlsx")
MARKS = {
    "fit": ("scores.json", "fit -o"),
    "explained": ("comparison.json", "explain -o"),
    "cnn": ("scores.json", "cnn train -o"),
    "published": ("scores.json", "published -o"),
    "sensitivity": ("ranges.csv", "sensitivity -o"),
}
"""By the usual name of each folder: the file that it must hold, and the command that writes it."""
_MEASURED = "extract"


@dataclass(frozen=True)
class Sources:
    """What a report is made from.

    Attributes
    ----------
    measured : Path
        Folder that ``extract`` wrote.
    others : dict of str to Path
        Folders of other commands that are there, by the names of `MARKS`.
    """

    measured: Path
    others: dict[str, Path]


def sources(folder: Path, named: Mapping[str, Path | None]) -> Sources:
    """The folders of a report: those that were named, else those with their usual names below the folder.

    Parameters
    ----------
    folder : Path
        That ``extract`` wrote; or that holds it under the name ``extract``.
    named : mapping of str to Path or None
        By the names of `MARKS`.

    Returns
    -------
    Sources

    Raises
    ------
    ArtefactError
        A folder holds no results of its command.
    """
    measured = next((each for each in (folder, folder / _MEASURED) if _feature_table(each)), None)
    if measured is None:
        what = "holds no features.csv" if folder.is_dir() else "is no folder"
        raise ArtefactError(f"{folder}: {what}; name a folder that `extract -o` wrote.")
    others = {}
    for name, (mark, command) in MARKS.items():
        given = named.get(name)
        if given is not None and not (given / mark).is_file():
            raise ArtefactError(f"{given}: holds no {mark}; name a folder that `{command}` wrote.")
        if found := given or (folder / name if (folder / name / mark).is_file() else None):
            others[name] = found
    return Sources(measured, others)


def _feature_table(folder: Path) -> Path | None:
    return next((folder / name for name in TABLES if (folder / name).is_file()), None)


def feature_table(folder: Path) -> Path:
    """The main table of a folder that `sources` accepted."""
    found = _feature_table(folder)
    assert found is not None
    return found


def read_whole_table(path: Path, needed: tuple[str, ...], *, command: str) -> pd.DataFrame:
    """A table as text that a command of ours wrote, and nobody cut.

    Parameters
    ----------
    path : Path
    needed : tuple of str
        Columns that must be there.
    command : str
        That writes it.

    Returns
    -------
    DataFrame
        Of a CSV every cell as text; empty ones are missing.

    Raises
    ------
    FeatureTableError
        It can not be read, is cut off, or lacks a column.
    """
    again = f"run `{command}` again"
    if path.suffix == ".csv":
        _check_end(path, again)
    table = read_table(path, as_text=True)
    if missing := [name for name in needed if name not in table]:
        raise FeatureTableError(f"{path}: column {missing[0]!r} is missing; {again}.")
    return table


def _check_end(path: Path, again: str) -> None:
    """Every CSV that we write ends with the end of a line; one that was cut off seldom does."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(file.tell() - 1, 0))
            last = file.read()
    except OSError as error:
        raise FeatureTableError(f"{path}: can not be read ({error.strerror or error}); {again}.") from None
    if last != b"\n":
        raise FeatureTableError(f"{path}: ends within a line, so it was cut off; {again}.")


def numbers(table: pd.DataFrame, columns: tuple[str, ...], path: Path) -> pd.DataFrame:
    """The table with these columns as numbers; where one is not there, NaN.

    Raises
    ------
    FeatureTableError
        A cell holds something else.
    """
    table = table.copy()
    for name in columns:
        column = table[name] if name in table else pd.Series(np.nan, table.index)
        read = pd.to_numeric(column, errors="coerce")
        if (wrong := column[read.isna() & column.notna()]).size:
            raise FeatureTableError(f"{path}: column {name!r} holds {wrong.iloc[0]!r}, not a number.")
        table[name] = read.astype(float)
    return table


def truths(table: pd.DataFrame, name: str) -> "pd.Series[bool]":
    """A column of yes and no; what is not known is no."""
    if name not in table:
        return pd.Series(False, table.index)
    return table[name].astype(str).str.lower().isin(["true", "1", "1.0"])


def read_json(path: Path, needed: tuple[str, ...] = (), *, command: str) -> dict[str, Any]:
    """What a command noted for programs.

    Parameters
    ----------
    path : Path
    needed : tuple of str
        Entries that must be there.
    command : str
        That writes it.

    Raises
    ------
    ArtefactError
        The file is missing or damaged, or lacks an entry.
    """
    again = f"run `{command}` again"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArtefactError(f"{path}: can not be read ({error.strerror or error}); {again}.") from None
    except (ValueError, RecursionError) as error:
        raise ArtefactError(f"{path}: is damaged ({str(error).splitlines()[0]}); {again}.") from None
    missing = [name for name in needed if not isinstance(content, dict) or name not in content]
    if missing or not isinstance(content, dict):
        raise ArtefactError(f"{path}: entry {(missing or ['{'])[0]!r} is missing; {again}.")
    return content


def read_picture(path: Path) -> np.ndarray:
    """A figure or overlay that a command wrote: (rows, cols, 3) uint8, RGB.

    Raises
    ------
    ArtefactError
        It is missing or damaged.
    """
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise ArtefactError(f"{path}: can not be read ({error.strerror or error}).") from None
    pixels = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
    if pixels is None:
        raise ArtefactError(f"{path}: is no picture, or damaged; run the command that wrote it again.")
    return np.ascontiguousarray(pixels[..., ::-1])
