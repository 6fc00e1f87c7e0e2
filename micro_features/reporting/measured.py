"""What `extract` wrote, read back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from micro_features import rows
from micro_features.errors import FeatureTableError
from micro_features.features.standards import PLANE
from micro_features.files.search import file_stems, without_suffix
from micro_features.files.tables import read_table
from micro_features.reporting.folders import feature_table, numbers, read_json, read_whole_table, truths

_COMMAND = "extract"
_NEEDED = ("micrograph_id", "path", "sample_id", "surface", "stereology", "pixel_um", "porosity")
_OF_REGIONS = ("micrograph_id", "phase", "touches_border", "centroid_row_px", "centroid_col_px")
FAILURES = ("path", "stage", "reason")


@dataclass(frozen=True, eq=False)
class Measured:
    """A folder that ``extract`` wrote.

    Attributes
    ----------
    folder : Path
    features : DataFrame
        One row a picture; a column ``specimen`` names the sample, and its surface where that has several.
    regions : DataFrame
        One row a grain or pore; empty where there is no such table.
    failures : DataFrame
        path, stage, reason.
    dictionary : DataFrame
        What columns mean; empty where there is no such table.
    provenance : dict
    overlays : dict of micrograph_id to Path
        Those that are there.
    """

    folder: Path
    features: pd.DataFrame
    regions: pd.DataFrame
    failures: pd.DataFrame
    dictionary: pd.DataFrame
    provenance: dict[str, Any]
    overlays: dict[str, Path]

    @property
    def resolved(self) -> "pd.Series[bool]":
        """Whether grains are resolved, for each picture."""
        return self.features["quality_grains_resolved"]


def read_measured(folder: Path) -> Measured:
    """Read everything that ``extract`` wrote.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    Measured

    Raises
    ------
    FeatureTableError, ArtefactError
        A file is damaged.
    """
    path = feature_table(folder)
    features, failures = _features(path), _table(folder / "failures.csv", FAILURES)
    return Measured(
        folder=folder,
        features=features,
        regions=_regions(folder),
        failures=failures,
        dictionary=_table(folder / "dictionary.csv", ("table", "column", "unit", "meaning", "source")),
        provenance=read_json(folder / "provenance.json", ("settings",), command=_COMMAND),
        overlays=_overlays(folder, features, failures),
    )


def _features(path: Path) -> pd.DataFrame:
    table = read_whole_table(path, _NEEDED, command=_COMMAND)
    try:
        table = rows.typed(table)
    except (ValueError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise FeatureTableError(f"{path}: a cell holds no number ({reason}); run `{_COMMAND}` again.") from None
    if "settings_digest" not in table:
        table["settings_digest"] = None
    for name in ("micrograph_id", "path", "sample_id", "surface", "stereology"):
        table[name] = table[name].astype(object).where(table[name].notna(), "").astype(str)
    for name in ("quality_grains_resolved", "quality_flat"):
        table[name] = truths(table, name)
    table = table.copy()  # in one piece again
    several = table.groupby("sample_id")["surface"].transform("nunique") > 1
    table["specimen"] = table["sample_id"].where(~several, table["sample_id"] + " (" + table["surface"] + ")")
    return table


def _regions(folder: Path) -> pd.DataFrame:
    path = next((folder / name for name in ("regions.csv", "regions.parquet") if (folder / name).is_file()), None)
    if path is None:
        return pd.DataFrame(columns=list(_OF_REGIONS))
    table = read_whole_table(path, _OF_REGIONS, command=_COMMAND)
    lengths = [f"{name}_{unit}" for unit in ("um", "px") for name in ("equivalent_diameter", "height", "width")]
    table = numbers(table, ("centroid_row_px", "centroid_col_px", *lengths), path)
    return table.assign(touches_border=truths(table, "touches_border"))


def _table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    found = read_table(path, as_text=True) if path.is_file() else pd.DataFrame()
    return found.reindex(columns=[*columns])


def _overlays(folder: Path, features: pd.DataFrame, failures: pd.DataFrame) -> dict[str, Path]:
    """Overlays by the pictures that they show: `extract` names them after files, or after ids where names repeat."""
    suffix = (
        features["micrograph_id"].str.extract(r"(\.page\d+)$")[0].where(features["path"].duplicated(keep=False), "")
    )
    files = {
        path: micrograph_id.removesuffix(page)
        for path, micrograph_id, page in zip(
            features["path"], features["micrograph_id"], suffix.fillna(""), strict=True
        )
    }
    files |= {path: path for path in failures["path"].dropna().astype(str) if path not in files}
    names = dict(
        zip(files, file_stems(files.values(), [without_suffix(Path(path).name) for path in files]), strict=True)
    )
    found = {}
    for micrograph_id, path, page in zip(features["micrograph_id"], features["path"], suffix.fillna(""), strict=True):
        if (overlay := folder / "overlays" / f"{names[path]}{page}.png").is_file():
            found[micrograph_id] = overlay
    return found


def apparent(table: pd.DataFrame) -> "pd.Series[bool]":
    """Where stereology does not hold."""
    return table["stereology"] != PLANE
