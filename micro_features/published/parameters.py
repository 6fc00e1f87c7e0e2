"""The physical parameters of the logistic steps: those measured by hand where they are given, else ours."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from micro_features.errors import FeatureTableError
from micro_features.features.catalogue import FEATURES, SUBSETS
from micro_features.files.datasets import read_hand_measured
from micro_features.fitting.dataset import Dataset
from micro_features.fitting.selecting import some
from micro_features.learn.target import unit_of
from micro_features.rows import in_pixels

_NAMED_ALIKE = 0.01  # a picture named 4.21e-4 is listed as 4.20e-4
_ERROR = ("pore_perimeter_sd_um", 1003.355)  # of the study's table, where all others are below 60
_MOST_MISSING = 0.25  # of the pictures; a parameter that more of them lack is left out, else these pictures are


@dataclass(frozen=True, eq=False)
class Parameters:
    """Physical parameters of n pictures.

    Attributes
    ----------
    values : (n, k) DataFrame of float
        Index: pictures. NaN where one is missing.
    phases, units : dict
        Of each parameter.
    origin : str
        Where they come from.
    left_out : dict
        Name of a parameter -> why it is not used.
    notes : tuple of str
        What a reader must know.
    """

    values: pd.DataFrame
    phases: dict[str, str]
    units: dict[str, str]
    origin: str
    left_out: dict[str, str]
    notes: tuple[str, ...]

    @property
    def complete(self) -> np.ndarray:
        """(n,) bool array: pictures that have all of them."""
        return self.values.notna().all(axis=1).to_numpy()


def parameters_of(dataset: Dataset, hand_measured: Path | None) -> Parameters:
    """The 22 parameters of the study, as far as they are known.

    Parameters
    ----------
    dataset : Dataset
        A row a picture.
    hand_measured : Path or None
        The study's table; else our own measurements of the same quantities.

    Raises
    ------
    FeatureTableError
        The table is not that of these pictures, or no parameter is left.
    """
    wrong: list[str] = []
    if hand_measured is None:
        values, reasons = _own(dataset)
        origin = "measured on the same pictures by this program"
    else:
        values, wrong = _without_error(
            by_hand(hand_measured, dataset.ids, dataset.y_native, dataset.target.name), hand_measured
        )
        reasons = {}
        origin = f"measured by hand in the study ({hand_measured.name}), on other pictures of the same samples"
    lacking = values.isna().mean()
    for name in lacking.index[lacking > _MOST_MISSING]:
        reasons[str(name)] = f"missing in {values[name].isna().sum()} of {len(values)} pictures"
    values = values.drop(columns=[name for name in values if name in reasons])
    for name in [name for name in values if values[name].nunique() < 2]:
        reasons[str(name)] = "the same in all pictures"
    values = values.drop(columns=[name for name in values if name in reasons])
    if values.empty:
        why = some([f"{name}: {reason}" for name, reason in reasons.items()])
        raise FeatureTableError(f"No physical parameter is left for the logistic steps ({why}).")
    notes = [f"Parameters {origin}.", *wrong]
    notes += [f"Parameters left out: {some(names)} ({len(names)}): {why}." for why, names in _by_reason(reasons)]
    partial = [str(name) for name in values.index[values.isna().any(axis=1)]]
    if partial:
        notes.append(f"{len(partial)} pictures lack a parameter and are in no logistic step ({some(partial)}).")
    names = {in_pixels(name): name for name in FEATURES} | {name: name for name in FEATURES}
    used = [str(name) for name in values]
    return Parameters(
        values=values.astype(float),
        phases={name: FEATURES[names[name]].phase for name in used},
        units={name: unit_of(name) for name in used},
        origin=origin,
        left_out=reasons,
        notes=tuple(notes),
    )


def by_hand(path: Path, ids: tuple[str, ...], measured: np.ndarray, target: str) -> pd.DataFrame:
    """Rows of the study's table for pictures that are named by their conductivity.

    Parameters
    ----------
    path : Path
    ids : tuple of n str
    measured : (n,) float array
        Conductivity of each, S/cm.
    target : str
        Its column.

    Returns
    -------
    (n, 22) DataFrame
        Index: `ids`. The table lists some conductivities twice: each row is given to one picture.

    Raises
    ------
    FeatureTableError
        It is no such table, or a picture has no row.
    """
    table = read_hand_measured(path)
    with np.errstate(invalid="ignore", divide="ignore"):  # what is no conductivity has no row
        distance = np.abs(np.log(measured)[:, None] - np.log(table["conductivity_S_per_cm"].to_numpy(float)))
    distance[~np.isfinite(distance)] = np.inf
    pictures, rows = linear_sum_assignment(np.minimum(distance, 1))
    row_of = dict(zip(pictures.tolist(), rows.tolist(), strict=True))
    for picture, name in enumerate(ids):
        row = row_of.get(picture)
        if row is None or distance[picture, row] > _NAMED_ALIKE:
            raise FeatureTableError(f"{path}: no row of {target} {measured[picture]:g}, that of {name}.")
    numbers = table.drop(columns=["conductivity_S_per_cm", "conductivity_class", "sintering"])
    return numbers.iloc[[row_of[picture] for picture in range(len(ids))]].set_axis(list(ids), axis=0)


def _without_error(values: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, list[str]]:
    """The table without the value that can only be an error, and what is said of it."""
    name, error = _ERROR
    if name not in values:
        return values, []
    wrong = np.isclose(values[name], error)
    return values.assign(**{name: values[name].where(~wrong)}), [
        f"{path.name}: {name} {error} of {picture} is an error of the table and counts as missing."
        for picture in values.index[wrong]
    ]


def _own(dataset: Dataset) -> tuple[pd.DataFrame, dict[str, str]]:
    """The study's parameters in the table, and why others are not used."""
    known = set(dataset.X) | set(dataset.left_out)
    wanted = [in_pixels(name) if in_pixels(name) in known else name for name in SUBSETS["published"]]
    # What repeats another column is no feature, but a parameter all the same if the other is none.
    repeated = {name: dataset.left_out.get(name, "").removeprefix("equal to ") for name in wanted}
    column_of = {name: name if name in dataset.X else repeated[name] for name in wanted}
    used = [name for name in wanted if name in dataset.X or column_of[name] in set(dataset.X) - set(wanted)]
    values = pd.DataFrame({name: dataset.X[column_of[name]] for name in used}, index=dataset.X.index)
    return values, {name: dataset.left_out.get(name, "not in the table") for name in wanted if name not in used}


def _by_reason(reasons: dict[str, str]) -> list[tuple[str, list[str]]]:
    return [(why, [name for name, each in reasons.items() if each == why]) for why in dict.fromkeys(reasons.values())]
