"""Numbers and counts as a report says them."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

UNKNOWN = "–"
_JOIN = "\N{NO-BREAK SPACE}"
"""Keeps a number and its interval on one line."""


def counted(n: int, what: str) -> str:
    """``1 picture``, ``3 pictures``."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def listed(names: Sequence[str], most: int = 4) -> str:
    """Names with commas; of many the first."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more


def percent(share: float) -> str:
    """A share in percent, three figures, without sign of percent."""
    return figures(100 * share)


def figures(value: float, digits: int = 3) -> str:
    """So many figures, zeros at the end, too, so that a column has one precision; thousands are written out."""
    if not math.isfinite(value):
        return UNKNOWN
    rounded = float(f"{value:.{digits}g}")
    plain = f"{rounded:.0f}" if 1e3 <= abs(rounded) < 1e6 else f"{value:#.{digits}g}".rstrip(".")
    return "0" if value == 0 else plain.replace("-", "−")


def span(low: str, high: str) -> str:
    """``0.71 to 0.74``; one of both where they are the same."""
    told = [low, high]
    return low if low == high else f"{_JOIN}to{_JOIN}".join(told)


def score(told: Sequence[float | None] | None, *, digits: int | None = None) -> str:
    """A score of a ``scores.json``, [low, value, high]: ``0.71 [0.08, 0.98]``.

    Parameters
    ----------
    told : sequence of three float or None
    digits : int, optional
        Significant ones, where two decimals would not do.
    """
    if not told or len(told) != 3 or told[1] is None:
        return UNKNOWN
    form = ".2f" if digits is None else f".{digits}g"
    low, value, high = (None if each is None else f"{each:{form}}".replace("-", "−") for each in told)
    return f"{value}" if low is None or high is None else f"{value} [{low},{_JOIN}{high}]"


def readable(name: str) -> str:
    """The name of a file or column as words."""
    return " ".join(name.replace("__", " ").replace("_", " ").split())


def same_in_all(table: pd.DataFrame) -> dict[str, str]:
    """Columns that hold one and the same known value in every one of several rows, and the value."""
    if len(table) < 2:
        return {}
    return {
        str(name): f"{column.iloc[0]:g}" if isinstance(column.iloc[0], float) else str(column.iloc[0])
        for name, column in table.items()
        if column.notna().all() and (column == column.iloc[0]).all()
    }


def interval_in_percent(low: float, high: float) -> str:
    """Two shares as ``1.2 to 3.4``, in percent."""
    return f"{percent(low)}{_JOIN}to{_JOIN}{percent(high)}" if math.isfinite(low) and math.isfinite(high) else UNKNOWN


def known_number(value: object) -> float:
    """A number; NaN for anything else."""
    return float(value) if isinstance(value, int | float | np.number) else math.nan


def moment(told: object) -> str:
    """A time as provenances hold it, ``2026-05-04T09:30:00+00:00``, for people."""
    return str(told).replace("T", " ").replace("+00:00", " UTC") if told else UNKNOWN
