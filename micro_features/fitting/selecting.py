"""Which rows of a table are used, their target and group, and which of them are one sample."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from micro_features.errors import FeatureTableError
from micro_features.fitting.dataset_request import DatasetRequest
from micro_features.fitting.joining import Joined, same
from micro_features.learn import folds

FEWEST_ROWS = 8
_SHOWN = 3


@dataclass(frozen=True, eq=False)
class Selected:
    """The rows in use: m rows of the table make n rows of the data set.

    Attributes
    ----------
    rows : (m,) int array
        Their places in the table.
    code : (m,) int array
        The row of the data set that each belongs to.
    ids : tuple of n str
        Micrographs, or samples where rows were joined.
    target : (n,) float array
        In its own unit.
    groups : tuple of n str
    excluded : dict
        Id of every other row -> why it is not used.
    """

    rows: np.ndarray
    code: np.ndarray
    ids: tuple[str, ...]
    target: np.ndarray
    groups: tuple[str, ...]
    excluded: dict[str, str]


def select_rows(joined: Joined, asked: DatasetRequest) -> Selected:
    """Leave out rows that can not be used, and find those that are one sample.

    Parameters
    ----------
    joined : Joined
    asked : DatasetRequest

    Raises
    ------
    FeatureTableError
        A target is no number, or has no logarithm; a sample is in two groups, or has two targets; fewer than
        `FEWEST_ROWS` rows or two groups are left, or all targets are the same.
    """
    target, target_from_name = asked.target, asked.target_from_name
    if not target_from_name:
        joined.require(target, " If the file names are its values, say --target-from-name.")
    targets = joined.name_numbers() if target_from_name else joined.filled(target)
    groups = joined.labels(asked.group)
    excluded = _filtered(joined, asked.where)
    manifest = joined.manifest_file
    for cells, reason in (
        (targets, f"no {target!r}" + " in its file name" * target_from_name),
        (groups, f"no {asked.group!r}"),
    ):
        for row, name in enumerate(joined.ids):
            if cells[row] is None and name not in excluded:
                unmatched = not (target_from_name or joined.matched[row])
                excluded[name] = f"no row in {manifest.name}" if manifest and unmatched else reason
    rows = np.array([row for row, name in enumerate(joined.ids) if name not in excluded], int)
    values = np.array([_target(joined, row, targets[row], target, asked.log10) for row in rows])
    group_of = [str(groups[row]) for row in rows]

    all_samples = joined.samples()
    samples = [all_samples[row] for row in rows]
    _one_each(samples, group_of, f"{joined.files}: {asked.group}", "a sample belongs to one group")
    if not asked.per_micrograph:
        _one_each(samples, [f"{value:.9g}" for value in values], f"{joined.files}: {target}", "or say --per-micrograph")
    together = not asked.per_micrograph and len(set(samples)) < len(samples)
    code, ids = folds.codes(samples if together else [joined.ids[row] for row in rows])
    first = np.unique(code, return_index=True)[1]
    found = Selected(rows, code, ids, values[first], tuple(group_of[row] for row in first), excluded)
    _check_enough(joined, found, target, asked.group)
    return found


def reasons(excluded: dict[str, str]) -> list[str]:
    """Why rows are not used: how many for each reason, and the first of them."""
    return [
        f"{number} left out, {reason} ({some([name for name, why in excluded.items() if why == reason])})"
        for reason, number in Counter(excluded.values()).most_common()
    ]


def some(names: Sequence[str]) -> str:
    """The first few names."""
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")


def _filtered(joined: Joined, where: Sequence[str]) -> dict[str, str]:
    excluded: dict[str, str] = {}
    for condition in where:
        name, sign, wanted = (part.strip() for part in condition.partition("="))
        if not (name and sign and wanted):
            raise FeatureTableError(f"--where {condition!r}: write column=value, as in surface=polished.")
        cells = joined.labels(name)
        for row, cell in enumerate(cells):
            if cell is None or not same(cell, wanted):
                excluded.setdefault(joined.ids[row], f"not {name}={wanted}")
        if not any(cell is not None and same(cell, wanted) for cell in cells):
            found = list(dict.fromkeys(cell for cell in cells if cell is not None))
            raise FeatureTableError(
                f"{joined.files}: {name} is {wanted} in no row; it is {some(found) or 'never stated'}."
            )
    return excluded


def _target(joined: Joined, row: int, cell: str | None, target: str, log10: bool) -> float:
    try:
        value = float(str(cell))
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise FeatureTableError(
            f"{joined.files}: {target} is {cell!r} in row {joined.ids[row]!r}, not a number; "
            "correct it, or leave it empty."
        )
    if log10 and value <= 0:
        raise FeatureTableError(
            f"{joined.files}: {target} is {cell} in row {joined.ids[row]!r}, which has no logarithm; use --no-log."
        )
    return value


def _one_each(samples: Sequence[str], cells: Sequence[str], what: str, advice: str) -> None:
    first: dict[str, str] = {}
    for sample, cell in zip(samples, cells, strict=True):
        if first.setdefault(sample, cell) != cell:
            raise FeatureTableError(f"{what} of sample {sample!r} is {first[sample]} and {cell}; correct it: {advice}.")


def _check_enough(joined: Joined, found: Selected, target: str, group: str) -> None:
    if len(found.ids) < FEWEST_ROWS:
        what, excluded = "rows", found.excluded
        if len(found.ids) < len(found.rows):  # samples are counted: those of which no picture is left
            sample_of = dict(zip(joined.ids, joined.samples(), strict=True))
            gone = {sample_of[name]: reason for name, reason in excluded.items()}
            what, excluded = "samples", {name: reason for name, reason in gone.items() if name not in found.ids}
        why = "; ".join(reasons(excluded))
        raise FeatureTableError(
            f"{joined.files}: {len(found.ids)} {what} are left and {FEWEST_ROWS} are needed{': ' + why if why else ''}."
        )
    if len(set(found.groups)) < 2:
        raise FeatureTableError(
            f"{joined.files}: all rows are in one group, {group} {found.groups[0]!r}; nothing can be left out."
        )
    if np.ptp(found.target) == 0:
        raise FeatureTableError(
            f"{joined.files}: {target} is {found.target[0]:g} in all rows; there is nothing to learn."
        )
