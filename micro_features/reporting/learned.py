"""What `fit`, `explain`, `cnn train`, `published` and `sensitivity` wrote, read back."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from micro_features.errors import ArtefactError
from micro_features.files.tables import read_table
from micro_features.reporting.folders import MARKS, read_json, read_whole_table

_NEEDED = {
    "fit": ("said", "models", "protocols", "explained_model", "confounders", "group", "target"),
    "explained": ("said", "caption"),
    "cnn": ("predictors", "said"),
    "published": ("said", "grouped", "in_sample", "against_the_answer"),
}
_PROVENANCES = ("provenance.json", "model/provenance.json")


@dataclass(frozen=True, eq=False)
class Learned:
    """A folder of a command that learns or explains.

    Attributes
    ----------
    folder : Path
    scores : dict
        ``scores.json`` or ``comparison.json``; empty for ``sensitivity``.
    figures : dict of str to Path
        PNG files below ``figures/`` by their name without suffix, in order of name.
    tables : dict of str to DataFrame
        CSV files beside the scores by their name without suffix, cells as text; and those of ``confounders/``.
    provenance : dict
        Empty where the command writes none.
    """

    folder: Path
    scores: Mapping[str, Any]
    figures: dict[str, Path]
    tables: dict[str, pd.DataFrame]
    provenance: Mapping[str, Any]


_TABLES = {
    "fit": ("confounders/*.csv",),
    "explained": (),
    "cnn": (),
    "published": ("answer.csv", "side_by_side.csv", "agreement_of_causes.csv"),
    "sensitivity": ("ranges.csv",),
}


def read_learned(name: str, folder: Path) -> Learned:
    """Read what a command wrote.

    Parameters
    ----------
    name : str
        Of `MARKS`.
    folder : Path

    Returns
    -------
    Learned

    Raises
    ------
    ArtefactError, FeatureTableError
        A file is damaged.
    """
    mark, command = MARKS[name]
    command = command.removesuffix(" -o")
    scores = read_json(folder / mark, _NEEDED[name], command=command) if name in _NEEDED else {}
    paths = [path for pattern in _TABLES[name] for path in sorted(folder.glob(pattern))]
    tables = {
        path.stem: read_whole_table(path, (), command=command) if path.name == mark else read_table(path, as_text=True)
        for path in paths
    }
    provenance = next((folder / each for each in _PROVENANCES if (folder / each).is_file()), None)
    return Learned(
        folder=folder,
        scores=scores,
        figures={
            path.relative_to(folder / "figures").with_suffix("").as_posix(): path
            for path in sorted((folder / "figures").rglob("*.png"))
        },
        tables=tables,
        provenance={} if provenance is None else read_json(provenance, command=command),
    )


def told(learned: Learned, mark: str, *names: str) -> Any:
    """An entry of the scores, however deep.

    Raises
    ------
    ArtefactError
        It is not there.
    """
    found: Any = learned.scores
    for name in names:
        if not isinstance(found, Mapping) or name not in found:
            raise ArtefactError(
                f"{learned.folder / mark}: entry {'.'.join(names)!r} is missing; run the command again."
            )
        found = found[name]
    return found
