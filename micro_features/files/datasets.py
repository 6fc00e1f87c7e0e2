"""The published micrographs of Zhang et al., Nano Letters 2024, 24, 5292: fetched, never shipped.

The pictures carry no licence. They are fetched from the study's own repository at one commit, or taken from a folder,
and each is checked by its SHA-256. The drawn example set ships, and is copied.
"""

import hashlib
import re
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import quote

import pandas as pd
import pooch
from python_calamine import CalamineError, CalamineWorkbook
from tqdm import tqdm

from micro_features.errors import FeatureTableError, OutputError
from micro_features.files.artefacts import shipped
from micro_features.files.outputs import replacing

SetName = Literal["llzto", "llto"]

COMMIT = "fe5cf033bf86f5ae8bc9bca048da810edeeb2773"
BASE_URL = f"https://raw.githubusercontent.com/LookAndSeeHappy/ml-microstructure-property/{COMMIT}/"

_TIMEOUT_S = 30
_UNANSWERED = 3  # in a row: there is no network, and each further file would wait for the timeout
_LISTED = 10
_STATISTICS = {"Mean": "mean", "Standard Deviation": "sd", "Minimum": "min", "Median": "median", "Maximum": "max"}
_UNITS = {"area": "um2", "perimeter": "um"}


def registry(name: SetName) -> dict[str, str]:
    """SHA-256 of each file of a set, by its path in the study's repository."""
    lines = shipped("data", name, "sha256.txt").read_text(encoding="utf-8").splitlines()
    return {path: digest for digest, path in (line.split(maxsplit=1) for line in lines)}


def fetch(
    name: SetName,
    destination: Path,
    *,
    from_folder: Path | None = None,
    base_url: str = BASE_URL,
    progress: bool = True,
) -> list[Path]:
    """Bring a published set into a folder: its pictures, the hand-measured table (LLZTO) and our manifest.

    What is there already is kept, so the same call takes up a broken run. A file appears under its name only when it
    is complete and right.

    Parameters
    ----------
    name : str
        ``"llzto"`` or ``"llto"``.
    destination : Path
        Made where missing; gets ``High/…``, ``Median/…``, ``Low/…``, as the manifest names them.
    from_folder : Path, optional
        Copy files from here instead of fetching them; laid out like the destination or like the repository.
    base_url : str
        Where the repository's files are served.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    list of Path
        All files of the set, the manifest first.

    Raises
    ------
    OutputError
        At the end, naming each file that could not be had, or that is there with other content (it is left alone).
    """
    if from_folder is not None and not from_folder.is_dir():
        raise OutputError(f"{str(from_folder)!r} is no folder: name the one that holds the {name.upper()} files.")
    failures: list[str] = []
    files = [destination / "manifest.csv"]
    try:
        manifest = shipped("data", name, "manifest.csv").read_bytes()
        if not _is_there(files[0], hashlib.sha256(manifest).hexdigest()):
            _write(files[0], manifest)
    except ValueError as error:
        failures.append(f"manifest.csv ({error})")
    except OSError as error:
        raise OutputError(f"{name}: {str(destination)!r} can not be written: {_reason(error)}.") from error
    unanswered, not_tried = 0, 0
    for path, digest in tqdm(registry(name).items(), desc=name, unit="file", disable=not progress):
        place = _place(path)
        files.append(destination / place)
        if unanswered == _UNANSWERED:
            not_tried += 1
            continue
        try:
            if not _is_there(files[-1], digest):
                if from_folder is None:
                    _download(base_url + quote(path), files[-1], digest)
                else:
                    _copy(from_folder, path, files[-1], digest)
            unanswered = 0
        except (OSError, ValueError) as error:
            failures.append(f"{place} ({_reason(error)})")
            unanswered = unanswered + 1 if _no_answer(error) else 0
    if failures:
        more = [f"and {len(failures) - _LISTED} more"] if len(failures) > _LISTED else []
        more += [f"and {not_tried} not tried"] if not_tried else []
        raise OutputError(
            f"{name}: {len(failures) + not_tried} of {len(files)} files could not be brought to {str(destination)!r}: "
            f"{'; '.join(failures[:_LISTED] + more)}. Mend the cause and run it again: what is there is kept."
        )
    return files


def copy_drawn(destination: Path) -> list[Path]:
    """Copy the drawn example set, which ships with the package, into a folder.

    Parameters
    ----------
    destination : Path
        Made where missing; gets ``micrographs/``, ``labels/`` and ``manifest.csv``.

    Returns
    -------
    list of Path

    Raises
    ------
    OutputError
        The folder can not be written, or a file with other content is there (it is left alone).
    """
    source = shipped("data", "synthetic")
    files = []
    for path in sorted(path for path in source.rglob("*") if path.suffix in (".png", ".tif", ".csv", ".md")):
        target = destination / path.relative_to(source)
        content = path.read_bytes()
        try:
            if not _is_there(target, hashlib.sha256(content).hexdigest()):
                _write(target, content)
        except (OSError, ValueError) as error:
            raise OutputError(f"{str(target)!r} can not be written: {_reason(error)}.") from error
        files.append(target)
    return files


def read_hand_measured(path: Path) -> pd.DataFrame:
    """Grain and pore statistics that the study's authors measured by hand (``LLZTO_grain_pore.xls``).

    They were measured on other pictures, mostly at x500 (pores) and about x3000 (grains). The values are as published:
    the pore perimeter's standard deviation of 1003.355 um is an error there, and minima reflect the analyst's filter.

    Parameters
    ----------
    path : Path
        The table, .xls or .xlsx.

    Returns
    -------
    DataFrame
        One row a picture: ``conductivity_S_per_cm``, ``conductivity_class``, ``sintering`` as written there, and the
        22 parameters under the names of the `published` features, as in ``grain_area_mean_um2``.

    Raises
    ------
    FeatureTableError
        The file is no such table.
    """
    try:
        rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
        names = _column_names([str(cell).strip() for cell in rows[0]])
        table: list[dict[str, object]] = []
        group = ""
        for row in rows[1:]:
            words = str(row[0]).split()
            if len(words) == 1:
                group = words[0]
            elif words:
                identity = {
                    "conductivity_S_per_cm": float(words[-1]),
                    "conductivity_class": group,
                    "sintering": " ".join(words[:-1]),
                }
                table.append(identity | {name: float(row[column]) for column, name in names.items()})  # type: ignore[arg-type]
        if not table or len(names) != 22:
            raise ValueError(f"{len(table)} rows of {len(names)} parameters")
    except (CalamineError, OSError, ValueError, IndexError) as error:
        raise FeatureTableError(
            f"{str(path)!r} is not the study's table of grains and pores ({' '.join(str(error).split())}): "
            "fetch it by `micro-features datasets get llzto`."
        ) from error
    return pd.DataFrame(table)


def _column_names(header: list[str]) -> dict[int, str]:
    """Name of each column that holds numbers; a cell such as ``grain area`` heads those to its right."""
    names: dict[int, str] = {}
    quantity = ""
    for column, cell in enumerate(header):
        if cell in _STATISTICS:
            names[column] = f"{quantity}_{_STATISTICS[cell]}_{_UNITS[quantity.split('_')[1]]}"
        elif cell.endswith(" number"):
            names[column] = cell.replace(" ", "_")
        elif re.fullmatch(r"(grain|pore) (area|perimeter)", cell):
            quantity = cell.replace(" ", "_")
    return names


def _place(path: str) -> str:
    """Where a file of the repository lies in the destination: ``data/LLZTO/High/a.tif`` in ``High/a.tif``."""
    parts = PurePosixPath(path).parts
    return "/".join(parts[-2:] if len(parts) > 2 else parts[-1:])


def _is_there(target: Path, digest: str) -> bool:
    if not target.exists():
        return False
    with target.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != digest:
            raise ValueError("a file with other content is there: move it away")
    return True


def _download(url: str, target: Path, digest: str) -> None:
    pooch.get_logger().setLevel("WARNING")  # the progress bar says enough
    target.parent.mkdir(parents=True, exist_ok=True)
    pooch.retrieve(
        url,
        known_hash=f"sha256:{digest}",
        fname=target.name,
        path=target.parent,
        downloader=pooch.HTTPDownloader(timeout=_TIMEOUT_S),
    )


def _copy(folder: Path, path: str, target: Path, digest: str) -> None:
    layouts = (folder / _place(path), folder / path, folder / PurePosixPath(path).relative_to("data"))
    source = next((layout for layout in layouts if layout.is_file()), None)
    if source is None:
        raise ValueError(f"not in {str(folder)!r}")
    content = source.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(f"{str(source)!r} is not the published file")
    _write(target, content)


def _write(target: Path, content: bytes) -> None:
    with replacing(target, "wb") as file:
        file.write(content)


def _no_answer(error: Exception) -> bool:
    """Whether the network broke, as against a server that answers with an error, or a disk that fails."""
    from_disk = isinstance(error, (OutputError, PermissionError)) or getattr(error, "errno", None) is not None
    return isinstance(error, OSError) and not from_disk and getattr(error, "response", None) is None


def _reason(error: Exception) -> str:
    """One short line."""
    if (response := getattr(error, "response", None)) is not None:
        return f"{response.status_code} {response.reason}"
    if _no_answer(error):
        return "no complete answer from the server"
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return "what was sent is not the published file" if "hash" in text else " ".join(text.split())
