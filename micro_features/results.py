"""Where results stand, and the tables that are written from the journal."""

import contextlib
import datetime
import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from micro_features import __version__, pipeline, rows
from micro_features.batch import Failure
from micro_features.errors import OutputError
from micro_features.files.journal import STATE_FOLDER, Entry, Journal, commands_run
from micro_features.files.outputs import TEMPORARY_PREFIX, write_json
from micro_features.files.search import RESULT_FOLDERS
from micro_features.files.tables import TABLE_SUFFIXES, join_tables, write_table
from micro_features.settings import Settings

TABLE_NAMES = {"extract": "features.csv", "segment": "segmentation.csv", "calibrate": "calibration.csv"}
SIDE_FILES = ("regions.csv", "regions.parquet", "failures.csv", "dictionary.csv", "provenance.json", *RESULT_FOLDERS)
OTHER_TABLES = (".tsv", ".txt", ".xls", ".ods", ".json", ".feather", ".h5")
PACKAGES = (
    "imagecodecs", "numpy", "onnxruntime", "opencv-python-headless", "pandas", "pillow", "pyamg", "pyarrow",
    "pydantic", "rapidocr", "scikit-image", "scikit-learn", "scipy", "shap", "tifffile", "xgboost", "xgboost-cpu",
)  # fmt: skip


class Place:
    """Where the results of one run stand.

    Parameters
    ----------
    output : Path
        A folder, or the table itself: then everything else stands in the folder ``<name>_files`` beside it, or in its
        own folder if the table has its usual name.
    command : str

    Attributes
    ----------
    table, folder : Path
    table_name : str
        The table as seen from the folder.

    Raises
    ------
    OutputError
        The output is a file that is no table, or a table of a kind that is not written.
    """

    def __init__(self, output: Path, command: str):
        usual = Path(TABLE_NAMES[command])
        if output.suffix.lower() in TABLE_SUFFIXES and not output.is_dir():
            self.table = output
            same = output.stem == usual.stem
            self.folder = output.parent if same else output.with_name(f"{output.stem}_files")
        else:
            self.table, self.folder = output / usual, output
        self.table_name = Path(os.path.relpath(self.table, self.folder)).as_posix()
        if output.suffix.lower() in OTHER_TABLES and not output.is_dir():
            raise OutputError(f"{output}: tables are written as {', '.join(TABLE_SUFFIXES)}.")
        if self.folder.exists() and not self.folder.is_dir():
            raise OutputError(
                f"{self.folder}: is a file; name a folder, or a table that ends in {', '.join(TABLE_SUFFIXES)}."
            )

    @property
    def failures(self) -> Path:
        """Table of what failed."""
        return self.folder / "failures.csv"


def refuse_foreign(place: Place, command: str) -> None:
    """Never write over what is not ours, nor over what another command wrote.

    Raises
    ------
    OutputError
        Something stands where results would be written, and no earlier run of this command wrote it.
    """
    earlier = commands_run(place.folder)
    if others := [name for name in earlier if name != command]:
        raise OutputError(f"{place.folder}: holds the results of `{others[0]}`; name another folder for `{command}`.")
    own = _own_tables(place) if earlier else []
    taken = [] if earlier else [place.folder / name for name in SIDE_FILES]
    if place.table_name not in own:
        taken.append(place.table)
    for path in taken:
        if path.exists():
            raise OutputError(f"{path}: exists, and was not written by `{command}`; name another place.")


def remember_table(place: Place) -> None:
    """Note that the main table is ours, before it is first written."""
    own = _own_tables(place)
    if place.table_name not in own:
        write_json(place.folder / STATE_FOLDER / "tables.json", {"tables": [*own, place.table_name]})


def _own_tables(place: Place) -> list[str]:
    try:
        names = json.loads((place.folder / STATE_FOLDER / "tables.json").read_text(encoding="utf-8"))["tables"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [str(name) for name in names]


def sweep(place: Place) -> None:
    """Remove what writes that were killed half way left behind."""
    for folder in (place.folder, place.table.parent, *(place.folder / name for name in RESULT_FOLDERS)):
        for path in folder.glob(f"{TEMPORARY_PREFIX}*"):
            with contextlib.suppress(OSError):
                path.unlink()


def ordered_rows(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Rows of all entries; an id that occurs twice gets a number."""
    seen: set[str] = set()
    rows_found = []
    for entry in entries:
        for row in entry.rows:
            base = name = row["micrograph_id"]
            number = 1
            while name in seen:
                number += 1
                name = f"{base}~{number}"
            seen.add(name)
            rows_found.append(rows.completed({**row, "micrograph_id": name}))
    return rows_found


def write_main_table(place: Place, entries: Sequence[Entry], command: str) -> pd.DataFrame:
    """Write the table of one row a micrograph.

    Returns
    -------
    DataFrame
    """
    table = pd.DataFrame(ordered_rows(entries))
    if table.empty:
        table = pd.DataFrame(columns=rows.COLUMNS[command])
    table = rows.typed(table)
    write_table(place.table, table)
    return table


def write_failures(place: Place, failures: Sequence[Failure]) -> None:
    """Write ``failures.csv``, empty where nothing failed."""
    lines = [(failure.path, failure.stage, failure.reason) for failure in failures]
    write_table(place.failures, pd.DataFrame(lines, columns=["path", "stage", "reason"]))


def write_regions(place: Place, journal: Journal, entries: Sequence[Entry]) -> list[str]:
    """Write the table of one row a region, in the order of the main table; returns its columns."""
    parts = [journal.part_path(part) for entry in entries for part in entry.parts]
    parquet = place.table.suffix.lower() == ".parquet"
    path = place.folder / ("regions.parquet" if parquet else "regions.csv")
    if parts:
        return join_tables(parts, path)
    write_table(path, pd.DataFrame(columns=list(rows.REGIONS)))
    return list(rows.REGIONS)


def write_dictionary(place: Place, table: pd.DataFrame, regions: Iterable[str]) -> None:
    """Write ``dictionary.csv``: what every column means."""
    apparent = bool((table["stereology"] == "apparent").any()) if "stereology" in table else False
    write_table(
        place.folder / "dictionary.csv",
        rows.dictionary(table.columns, regions, table=place.table.stem, apparent=apparent),
    )


def write_provenance(
    place: Place,
    entries: Sequence[Entry],
    settings: Settings,
    command_line: Sequence[str],
    seconds: float,
    *,
    of_pictures: Mapping[str, Any],
) -> None:
    """Write ``provenance.json``: what the numbers come from. `of_pictures` are settings of single ones, by digest."""
    write_json(
        place.folder / "provenance.json",
        {
            "software": f"micro-features {__version__}",
            "command": [os.fsencode(word).decode("utf-8", "backslashreplace") for word in command_line],
            "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "seconds": round(seconds, 3),
            "settings_digest": settings.digest,
            "seed": settings.seed,
            "settings": settings.model_dump(mode="json"),
            "settings_of_earlier_rows": _other_settings(place, entries, settings.digest, of_pictures),
            "models_digest": pipeline.models_used(settings),
            **versions(),
            "inputs_sha256": {entry.rows[0]["path"]: entry.sha256 for entry in entries},
        },
    )


def _other_settings(
    place: Place, entries: Sequence[Entry], current: str, of_pictures: Mapping[str, Any]
) -> dict[str, Any]:
    """Settings of rows that an earlier run left in the table, or of single pictures, by their digest."""
    try:
        earlier = json.loads((place.folder / "provenance.json").read_text(encoding="utf-8"))
        known = {**earlier["settings_of_earlier_rows"], earlier["settings_digest"]: earlier["settings"]}
    except (OSError, ValueError, KeyError, TypeError):
        known = {}
    known |= of_pictures
    used = {row.get("settings_digest") for entry in entries for row in entry.rows}
    return {digest: values for digest, values in known.items() if digest in used and digest != current}


def versions() -> dict[str, Any]:
    """What the program ran with, for a provenance."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
