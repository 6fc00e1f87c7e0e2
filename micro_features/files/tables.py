"""Feature and region tables: CSV, Parquet, Excel; manifests by file name."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from micro_features.errors import FeatureTableError
from micro_features.files.outputs import replacing

TABLE_SUFFIXES = (".csv", ".parquet", ".xlsx")
EXCEL_MAX_ROWS = 1_048_576


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table, replaced as a whole; the suffix chooses the format.

    Parameters
    ----------
    path : Path
        ``.csv`` (UTF-8, ten significant digits), ``.parquet`` or ``.xlsx``.
    table : DataFrame

    Raises
    ------
    FeatureTableError
        Another suffix, or more rows than Excel holds.
    OutputError
        The file can not be written.
    """
    suffix = path.suffix.lower()
    if suffix == ".csv":
        with replacing(path) as file:
            table.to_csv(file, index=False, float_format="%.10g", lineterminator="\n")
    elif suffix == ".parquet":
        with replacing(path, "wb") as file:
            table.to_parquet(file, index=False)
    elif suffix == ".xlsx":
        if len(table) >= EXCEL_MAX_ROWS:
            raise FeatureTableError(f"{path}: {len(table)} rows do not fit into Excel; use .csv or .parquet.")
        buffer = io.BytesIO()
        # A file name that begins with = is a name and not a formula.
        options = {"strings_to_formulas": False, "strings_to_urls": False}
        with pd.ExcelWriter(buffer, engine="xlsxwriter", engine_kwargs={"options": options}) as book:
            table.to_excel(book, index=False, freeze_panes=(1, 1))
        with replacing(path, "wb") as file:
            file.write(buffer.getvalue())
    else:
        raise FeatureTableError(f"{path}: tables are written as {', '.join(TABLE_SUFFIXES)}, not {suffix or 'this'}.")


def read_table(path: Path, *, as_text: bool = False) -> pd.DataFrame:
    """Read a table of any of the formats that `write_table` writes.

    Parameters
    ----------
    path : Path
    as_text : bool
        Cells of a CSV stay as they are written (``007`` and ``NA`` are names); empty ones are missing.

    Raises
    ------
    FeatureTableError
        The file is missing, is no table, or has two columns of one name.
    """
    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            table = pd.read_parquet(path)
        elif suffix in (".xlsx", ".xls"):
            table = pd.read_excel(path, engine="calamine")
        else:
            options: dict[str, Any] = {"dtype": str, "keep_default_na": False, "na_values": [""]} if as_text else {}
            table = pd.read_csv(path, encoding="utf-8-sig", **options)
    except FileNotFoundError:
        raise FeatureTableError(f"{path}: there is no such file.") from None
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FeatureTableError(f"{path}: can not be read as a table: {reason}") from None
    if table.empty and not len(table.columns):
        raise FeatureTableError(f"{path}: the table has no columns.")
    return table


class Manifest:
    """What a user states about pictures, found by file name.

    Parameters
    ----------
    path : Path
        A table with a column ``file`` (or ``path``): a name, or a path below the manifest's folder.
    required : sequence of str
        Columns that must be there.

    Raises
    ------
    FeatureTableError
        A column is missing, or a file is named twice.
    """

    def __init__(self, path: Path, required: Sequence[str] = ()):
        self.path = path
        table = read_table(path, as_text=True)
        names = [name for name in ("file", "path") if name in table.columns]
        if not names:
            raise FeatureTableError(f"{path}: no column 'file'; found {', '.join(map(str, table.columns))}.")
        for column in required:
            if column not in table.columns:
                raise FeatureTableError(f"{path}: no column {column!r}; found {', '.join(map(str, table.columns))}.")
        files = [str(PurePosixPath(str(name).replace("\\", "/"))) for name in table[names[0]]]
        twice = sorted({name for name in files if files.count(name) > 1}) if len(set(files)) < len(files) else []
        if twice:
            raise FeatureTableError(f"{path}: {twice[0]!r} is named more than once in column {names[0]!r}.")
        rows = table.to_dict("records")
        self.columns = [str(name) for name in table.columns]
        self._rows = dict(zip(files, rows, strict=True))
        self._by_name: dict[str, list[str]] = {}
        for name in files:
            self._by_name.setdefault(PurePosixPath(name).name, []).append(name)

    def match(self, pictures: Iterable[Path]) -> tuple[dict[Path, dict[str, Any]], list[str]]:
        """What is stated about each picture, and rows that fit none.

        A row fits a picture whose path ends with the row's; the longest one decides. Pictures without a row are left
        out.

        Raises
        ------
        FeatureTableError
            One row fits several pictures, so that it can not be told which is meant.
        """
        found: dict[Path, dict[str, Any]] = {}
        taken: dict[str, Path] = {}
        for picture in pictures:
            absolute = picture.absolute().as_posix()
            name = max(
                (n for n in self._by_name.get(picture.name, []) if absolute.endswith(f"/{n}")), key=len, default=""
            )
            if not name:
                continue
            if name in taken:
                raise FeatureTableError(
                    f"{self.path}: the row {name!r} fits {taken[name]} and {picture}; write more of the path."
                )
            taken[name] = picture
            found[picture] = {str(column): value for column, value in self._rows[name].items() if not pd.isna(value)}
        return found, [name for name in self._rows if name not in taken]


def join_tables(parts: Sequence[Path], target: Path) -> list[str]:
    """Write many Parquet tables into one table, in order, holding one at a time.

    Where their columns differ (lengths in micrometres here, in pixels there), all columns are written.

    Parameters
    ----------
    parts : sequence of Path
        At least one.
    target : Path
        ``.parquet``, else CSV.

    Returns
    -------
    list of str
        The columns.
    """
    schema = pa.unify_schemas([pq.read_schema(part).remove_metadata() for part in parts])
    if target.suffix.lower() == ".parquet":
        with replacing(target, "wb") as file, pq.ParquetWriter(file, schema) as writer:
            for part in parts:
                writer.write_table(pq.read_table(part, schema=schema))
    else:
        with replacing(target) as file:
            for number, part in enumerate(parts):
                table = pd.read_parquet(part).reindex(columns=schema.names)
                table.to_csv(file, index=False, header=number == 0, float_format="%.6g", lineterminator="\n")
    return list(schema.names)


def as_float(value: object, *, column: str, file: str) -> float:
    """A number from a cell.

    Raises
    ------
    FeatureTableError
        The cell holds no finite number; names column and file.
    """
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number):
        raise FeatureTableError(f"{file}: column {column!r} holds {value!r}, not a number.")
    return number
