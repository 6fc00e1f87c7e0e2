"""Confounder audit: how far the conditions of imaging alone foretell the target.

A model of pictures can learn the day at the microscope instead of the material. Each condition is therefore asked by
itself, with single rows left out and with whole groups left out. Where the values of a condition hardly repeat between
groups, the second question has no answer: leaving a group out leaves its days out too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd

from micro_features.learn.scores import UNKNOWN, Interval, advantage, r2

_NEIGHBOURS = 3  # rows that the answer for a number is the mean of
_STEPS = 1_000_000_000  # of the range of a number: differences of whole numbers are exact
_MOSTLY = 0.5  # share of the variance above which a confounder is called nested
_FEW_VALUES = 8  # of a number, that a table can show one by one
_ROUNDING = 1e-9  # of a number; smaller differences are none
_DATE = r"\d{4}-\d{2}-\d{2}"


@dataclass(frozen=True, eq=False)
class Confounder:
    """What one condition foretells.

    Attributes
    ----------
    name : str
    kind : "category" or "number"
        Text and dates are categories. A category answers with the mean target of the training rows of the same value, a
        number with that of the three nearest; where there are none, with the mean of all training rows.
    n_values : int
        Different values, missing ones not counted.
    left_out_rows, left_out_groups : Interval
        R2 of the target, each row answered without itself, or without its group. About the overall mean.
    nested_rows : float
        Share of the rows whose value occurs in no other group (a number: lies in the range of no other group).
    nested_variance : float
        Share of the target's sum of squares about its mean that these rows hold.
    reason : str
        Why it can not be used; empty where it can. Scores are then NaN.
    answers_rows, answers_groups : (n,) float arrays
        What it answers, without each row itself and without its group; empty where it can not be used.
    """

    name: str
    kind: Literal["category", "number"]
    n_values: int
    left_out_rows: Interval = UNKNOWN
    left_out_groups: Interval = UNKNOWN
    nested_rows: float = np.nan
    nested_variance: float = np.nan
    reason: str = ""
    answers_rows: np.ndarray = field(default_factory=lambda: np.empty(0))
    answers_groups: np.ndarray = field(default_factory=lambda: np.empty(0))


def audit(confounders: pd.DataFrame, y: np.ndarray, groups: np.ndarray, *, seed: int = 0) -> list[Confounder]:
    """Score each confounder alone.

    Parameters
    ----------
    confounders : DataFrame of n rows
        A column each. A missing value is a value of its own: not being able to read a data bar tells a session, too.
    y : (n,) float array
        In model units.
    groups : (n,) int array
        At least two different ones.
    seed : int
        Of the intervals, which are bootstraps over groups.

    Returns
    -------
    list of Confounder
        In the order of the columns.
    """
    y = np.asarray(y, float)
    groups = np.unique(groups, return_inverse=True)[1]
    return [_audited(column, y, groups, seed) for _, column in confounders.items()]


def crosstab(confounder: pd.Series, group_names: Sequence[str] | np.ndarray) -> pd.DataFrame:
    """How many rows of each group have each value.

    Parameters
    ----------
    confounder : Series of n
    group_names : (n,) str

    Returns
    -------
    DataFrame of int
        A row for each value in rising order, `not known` last; a column for each group in order of first appearance.
        Numbers of more than eight values are shown in up to four ranges of about equal count.
    """
    values = confounder.reset_index(drop=True)
    if _is_number(values) and values.nunique() > _FEW_VALUES:
        edges = np.unique(values.quantile([0, 0.25, 0.5, 0.75, 1]))
        numbers = values.to_numpy(float, na_value=np.nan)
        codes = np.where(np.isnan(numbers), -1, np.searchsorted(edges[1:-1], numbers))
        text = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)]
    else:
        codes, levels = pd.factorize(values, sort=True)
        text = [str(level) for level in levels]
    group, names = pd.factorize(np.asarray(group_names, object))
    counts = np.zeros((len(text) + 1, len(names)), int)
    np.add.at(counts, (codes, group), 1)  # a missing value, -1, is the last
    table = pd.DataFrame(counts, pd.Index([*text, "not known"], name=confounder.name), names)
    return table if (codes < 0).any() else table.iloc[:-1]


def together(confounders: pd.DataFrame) -> pd.DataFrame:
    """Confounders as numbers, for the model that knows nothing else.

    Parameters
    ----------
    confounders : DataFrame of n rows

    Returns
    -------
    DataFrame of float, n rows
        A number as it is, NaN where missing. Text and dates as a column of 0 and 1 for each value that occurs in at
        least two rows, `not known` among them; dates (`2021-03-17`) also as days since the first. What is the same in
        every row is left out: there may be no column left.
    """
    columns: dict[str, np.ndarray] = {}
    for name, column in confounders.items():
        if _is_number(column):
            columns[str(name)] = column.to_numpy(float, na_value=np.nan)
            continue
        days = _days(column)
        if days is not None:
            columns[f"{name}_days"] = days
        text = column.astype(object).where(column.notna(), "not known").astype(str)
        for value, count in text.value_counts(sort=False).items():
            if count >= 2:
                columns[f"{name}={value}"] = (text == value).to_numpy(float)
    varying = {name: values for name, values in columns.items() if len(np.unique(values)) > 1}
    return pd.DataFrame(varying, index=confounders.index, dtype=float)


def verdict(
    y: np.ndarray,
    groups: np.ndarray,
    audits: Sequence[Confounder],
    *,
    grouped: np.ndarray,
    random: np.ndarray,
    by_session: Interval | None = None,
    seed: int = 0,
) -> list[str]:
    """What the audit means for a model, in plain sentences.

    A confounder does as well as the model where its R2 is no lower, and can not be told from it where the interval of
    the difference (`advantage`) reaches 0.

    Parameters
    ----------
    y : (n,) float array
        In model units.
    groups : (n,) int array
    audits : sequence of Confounder
        Of the same rows.
    grouped, random : (n,) float arrays
        What the model predicts with whole groups left out, and with rows left out by lot.
    by_session : Interval, optional
        R2 of the model with whole imaging sessions left out.
    seed : int

    Returns
    -------
    list of str
        The gravest first.
    """
    usable = [each for each in audits if not each.reason]
    if not usable:
        return ["No confounder could be scored: what the imaging conditions alone foretell is not known."]
    of_model, at_random = r2(y, grouped, groups, seed=seed), r2(y, random, groups, seed=seed)
    model = f"the model, R² {_said(of_model)}"
    sentences = []
    alike = []
    for each in sorted(usable, key=lambda each: -each.left_out_groups[1]):
        alone = f"{each.name} alone, R² {_said(each.left_out_groups)}"
        low, gain, _ = advantage(y, grouped, each.answers_groups, groups, seed=seed)
        if gain <= 0:
            sentences.append(
                f"With whole groups left out {alone}, does as well as {model}: "
                f"it is not shown that the features know more than {each.name}."
            )
        elif not low > 0:
            alike.append(alone)
    if alike:
        sentences.append(f"With whole groups left out the data can not tell {model}, from {'; from '.join(alike)}.")
    suspects = []
    for each in sorted(usable, key=lambda each: -each.left_out_rows[1]):
        low, gain, _ = advantage(y, random, each.answers_rows, groups, seed=seed)
        # One that foretells nothing is no rival, even where the model's own score is too unsure to be told from it.
        if not low > 0 and (each.left_out_rows[1] > 0 or gain <= 0):
            suspects.append(each)
            does = "does as well as" if gain <= 0 else "can not be told from"
            sentences.append(
                f"With single rows left out {each.name} alone, R² {_said(each.left_out_rows)}, {does} the model with "
                f"rows left out by lot, R² {_said(at_random)}: such a score can not show whether the material was "
                f"learned or {each.name}."
            )
            if each.nested_variance >= _MOSTLY:
                sentences.append(
                    f"{each.nested_variance:.0%} of the variance of the target is in rows whose {each.name} "
                    f"{'is in the range of' if each.kind == 'number' else 'occurs in'} no other group. Leaving a group "
                    f"out leaves its {each.name} out too, so the R² of {each.name} alone then, "
                    f"{_said(each.left_out_groups)}, does not acquit it."
                )
    if suspects and by_session is not None:
        sentences.append(f"With whole imaging sessions left out the model's R² is {_said(by_session)}.")
    if not sentences:
        by_groups = max(usable, key=lambda each: each.left_out_groups[1])
        by_rows = max(usable, key=lambda each: each.left_out_rows[1])
        sentences.append(
            f"No confounder alone comes near the model: with whole groups left out the best is {by_groups.name}, "
            f"R² {_said(by_groups.left_out_groups)} against {_said(of_model)}; with single rows left out "
            f"{by_rows.name}, R² {_said(by_rows.left_out_rows)} against {_said(at_random)}."
        )
    return sentences


def _said(score: Interval) -> str:
    low, value, high = score
    return f"{value:.2f} ({low:.2f} to {high:.2f})" if np.isfinite([low, high]).all() else f"{value:.2f}"


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _days(column: pd.Series) -> np.ndarray | None:
    """Days since the first date; None if a value is no date."""
    known = column.dropna().astype(str).str.slice(0, 10)
    if known.empty or not known.str.fullmatch(_DATE).all():
        return None
    dates = pd.to_datetime(known, format="%Y-%m-%d", errors="coerce")
    return ((dates - dates.min()) / pd.Timedelta(days=1)).reindex(column.index).to_numpy(float)


def _audited(column: pd.Series, y: np.ndarray, groups: np.ndarray, seed: int) -> Confounder:
    name, is_number = str(column.name), _is_number(column)
    kind: Literal["category", "number"] = "number" if is_number else "category"
    number = column.to_numpy(float, na_value=np.nan) if is_number else np.full(len(y), np.nan)
    known = np.isfinite(number) if is_number else column.notna().to_numpy()
    n_values = column[known].nunique()
    if n_values == 0:
        return Confounder(name, kind, 0, reason="missing in every row")
    width = np.ptp(number[known]) if is_number else n_values - 1
    if known.all() and width <= _ROUNDING * (abs(number).max() if is_number else 1):
        value = f"{number[0]:.6g}" if is_number else str(column.iloc[0])
        return Confounder(name, kind, 1, reason=f"the same in every row: {value}")
    if not is_number and n_values == len(y):
        return Confounder(name, kind, n_values, reason="different in every row")
    # A missing number is a category of its own, beside the numbers.
    code = pd.factorize(known if is_number else column, use_na_sentinel=False)[0]

    def answers(out: np.ndarray) -> np.ndarray:
        found = _category_answers(code, y, out)
        if is_number:
            nearest = _number_answers(number[known], y[known], out[known])
            found[known] = np.where(np.isnan(nearest), found[known], nearest)
        return found

    rows, whole_groups = answers(np.arange(len(y))), answers(groups)
    nested = (
        _outside_other_ranges(np.where(known, number, np.nan), groups) if is_number else _in_one_group(code, groups)
    )
    squares = (y - y.mean()) ** 2
    return Confounder(
        name,
        kind,
        n_values,
        r2(y, rows, groups, seed=seed),
        r2(y, whole_groups, groups, seed=seed),
        float(nested.mean()),
        float(squares[nested].sum() / squares.sum()) if squares.any() else np.nan,
        answers_rows=rows,
        answers_groups=whole_groups,
    )


def _category_answers(code: np.ndarray, y: np.ndarray, out: np.ndarray) -> np.ndarray:
    """For each row the mean of the rows of its code that are not of its `out`, or of all of these."""
    both = np.unique(code * (out.max() + 1) + out, return_inverse=True)[1]
    count = np.bincount(code)[code] - np.bincount(both)[both]
    total = np.bincount(code, y)[code] - np.bincount(both, y)[both]
    all_count = len(y) - np.bincount(out)[out]
    all_total = y.sum() - np.bincount(out, y)[out]
    return np.where(count > 0, total / np.maximum(count, 1), all_total / np.maximum(all_count, 1))


def _number_answers(number: np.ndarray, y: np.ndarray, out: np.ndarray) -> np.ndarray:
    """For each row the mean of the nearest rows that are not of its `out`; ties all count. NaN where there is none.

    The radius that holds enough rows is bisected, counting in sorted numbers: for as many rows as there may be.
    """
    span = np.ptp(number)
    place = np.rint((number - number.min()) / (span if span > 0 else 1) * _STEPS).astype(np.int64)
    # All numbers in a line, and another line where those of each `out` stand apart, beyond any radius.
    everybody, own = _Line(place, y), _Line(place + out.astype(np.int64) * 4 * _STEPS, y)
    too_small, enough = np.full(len(y), -1), np.full(len(y), _STEPS)
    while (enough - too_small > 1).any():
        middle = (too_small + enough) // 2
        holds = everybody.within(middle)[0] - own.within(middle)[0] >= _NEIGHBOURS
        too_small, enough = np.where(holds, too_small, middle), np.where(holds, middle, enough)
    reach = enough + 2  # ties, though rounded to a step each
    count, total = (others - same for others, same in zip(everybody.within(reach), own.within(reach), strict=True))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


class _Line:
    """Rows in order of a number."""

    def __init__(self, place: np.ndarray, y: np.ndarray) -> None:
        order = np.argsort(place)
        self._place, self._ordered = place, place[order]
        self._sums = np.concatenate([[0.0], np.cumsum(y[order])])

    def within(self, radius: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Around each row: how many there are and what they sum to."""
        first = np.searchsorted(self._ordered, self._place - radius)
        last = np.searchsorted(self._ordered, self._place + radius, "right")
        return last - first, self._sums[last] - self._sums[first]


def _in_one_group(code: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Whether a row's code occurs in its group only."""
    pairs = np.unique(np.stack([code, groups]), axis=1)
    return np.bincount(pairs[0])[code] == 1


def _outside_other_ranges(number: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Whether a number lies in the range of its own group only; missing ones lie together."""
    missing = np.isnan(number)
    ranges = pd.Series(number).groupby(groups).agg(["min", "max"]).dropna()
    begun, ended = (np.sort(ranges[end].to_numpy()) for end in ("min", "max"))
    holding = np.searchsorted(begun, number, "right") - np.searchsorted(ended, number)
    return np.where(missing, len(np.unique(groups[missing])) == 1, holding == 1)
