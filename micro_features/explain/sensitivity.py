"""How far numbers hang on settings: each moved by itself, and all together.

Three steps, apart from each other: a design says which values are tried, `evaluate` asks a function for the numbers at
each, and the analysis looks at the answers. So whoever evaluates may do it anywhere, tell how far it is, and stop.

One at a time, which stands here, says what each setting does where all others stand at their own values, and can be
read by anybody; what two settings do together it does not see. For that see `joint_sensitivity`.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

Point = dict[str, float]
"""Setting -> value, all of those that are moved."""


class Cancelled(Exception):
    """Raised by `evaluate` when it was told to stop."""


@dataclass(frozen=True)
class Range:
    """Values of a setting among which the choice is free.

    Attributes
    ----------
    low, default, high : float
        Rising; low is below high.
    integer : bool
        Only whole numbers mean something.
    logarithmic : bool
        Equal factors matter alike; then all are above 0.

    Raises
    ------
    ValueError
        They do not rise, or are not above 0.
    """

    low: float
    default: float
    high: float
    integer: bool = False
    logarithmic: bool = False

    def __post_init__(self) -> None:
        if not (self.low <= self.default <= self.high and self.low < self.high < math.inf and self.low > -math.inf):
            raise ValueError(f"a range must rise, and holds {self.low}, {self.default}, {self.high}.")
        if self.logarithmic and self.low <= 0:
            raise ValueError(f"a logarithmic range must be above 0, and begins at {self.low}.")

    def between(self, start: float, end: float, share: float) -> float:
        """The value that lies so far, 0 to 1, on the way from one value to another."""
        if share in (0, 1):
            value = end if share else start  # exactly
        elif self.logarithmic:
            value = math.exp((1 - share) * math.log(start) + share * math.log(end))
        else:
            value = (1 - share) * start + share * end
        return float(round(value)) if self.integer else value

    def at(self, share: float) -> float:
        """The value at a share of the whole range, 0 to 1."""
        return self.between(self.low, self.high, share)


# ---- what is tried ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Steps:
    """Settings moved one at a time.

    Attributes
    ----------
    points : tuple of Point
        The first is the base, where all stand at their own values.
    moved : tuple of str
        Which setting each point moves; empty for the base.
    ranges : mapping of str to Range
    """

    points: tuple[Point, ...]
    moved: tuple[str, ...]
    ranges: Mapping[str, Range]


def one_at_a_time(ranges: Mapping[str, Range], *, between: int = 1) -> Steps:
    """Each setting at both ends of its range, and at some values between, all others at their own.

    Parameters
    ----------
    ranges : mapping of str to Range
    between : int
        Values between the setting's own and each end: with 1 each is tried at 4 values beside its own, so that an
        answer that rises and falls is seen.

    Returns
    -------
    Steps
    """
    base = {name: each.default for name, each in ranges.items()}
    points, moved = [base], [""]
    for name, each in ranges.items():
        ways = [
            each.between(each.default, end, step / (between + 1))
            for end in (each.low, each.high)
            for step in range(1, between + 2)
        ]
        for value in sorted(set(ways) - {each.default}):
            points.append({**base, name: value})
            moved.append(name)
    return Steps(tuple(points), tuple(moved), dict(ranges))


# ---- trying ----------------------------------------------------------------------------------------------------------


def evaluate(
    points: Sequence[Point],
    answer: Callable[[Point], Mapping[str, float]],
    *,
    order: Sequence[str] = (),
    mapped: Callable[..., Iterable[Mapping[str, float]]] = map,
    progress: Callable[[int, int], None] = lambda done, total: None,
    stopped: Callable[[], bool] = lambda: False,
) -> pd.DataFrame:
    """The numbers at each point.

    Parameters
    ----------
    points : sequence of Point
        Points that occur twice are asked for once.
    answer : function
        From a point to numbers by name; NaN, or left out, is withheld.
    order : sequence of str
        Settings, those first of which a change costs most: points that agree in them are asked for one after the other,
        so that what was kept in between is used again.
    mapped : function
        As `map`, or an executor's.
    progress : function
        Is told how many answers there are, and how many there will be.
    stopped : function
        Asked after each answer.

    Returns
    -------
    (n, m) DataFrame of float
        A row a point, in their order; a column a number.

    Raises
    ------
    Cancelled
        `stopped` said so.
    """
    places = {name: place for place, name in enumerate(order)}
    keys = [
        tuple(sorted(point.items(), key=lambda item: (places.get(item[0], len(places)), item[0]))) for point in points
    ]
    distinct = sorted(set(keys), key=lambda key: [value for _, value in key])
    answers = {}
    progress(0, len(distinct))
    for done, (key, found) in enumerate(zip(distinct, mapped(answer, map(dict, distinct)), strict=True), 1):
        answers[key] = found
        progress(done, len(distinct))
        if done < len(distinct) and stopped():
            raise Cancelled
    return pd.DataFrame([answers[key] for key in keys], dtype=float)


# ---- what the answers say --------------------------------------------------------------------------------------------


def moved_singly(steps: Steps, answers: pd.DataFrame) -> pd.DataFrame:
    """What each setting does to each number by itself.

    Parameters
    ----------
    steps : Steps
    answers : (n, m) DataFrame
        At its points.

    Returns
    -------
    DataFrame
        A row a number and setting: number, setting, base, at_low, at_high; low, high (least and largest of all values
        tried, the base among them; where some are withheld, of the others); n, n_withheld (values tried, and at how
        many of them there was no number).
    """
    moved = np.array(steps.moved)
    rows = []
    for number in answers.columns:
        values = answers[number].to_numpy(float)
        for setting, span in steps.ranges.items():
            here = np.flatnonzero((moved == setting) | (moved == ""))
            tried = {steps.points[place][setting]: values[place] for place in here}
            there = values[here][~np.isnan(values[here])]
            rows.append(
                {
                    "number": number,
                    "setting": setting,
                    "base": values[0],
                    "at_low": tried[span.low],
                    "at_high": tried[span.high],
                    "low": there.min() if len(there) else np.nan,
                    "high": there.max() if len(there) else np.nan,
                    "n": len(here),
                    "n_withheld": len(here) - len(there),
                }
            )
    return pd.DataFrame(rows)


def drivers(moved: pd.DataFrame) -> pd.DataFrame:
    """The range of each number over all settings, moved one at a time, and the setting that does most of it.

    Parameters
    ----------
    moved : DataFrame
        As of `moved_singly`.

    Returns
    -------
    DataFrame
        A row a number: number, base, low, high, setting (empty where none moves it), share (of the sum of the ranges
        that the settings span one by one), n, n_withheld.
    """
    rows = []
    for number, of in moved.groupby("number", sort=False):
        width = (of["high"] - of["low"]).fillna(0.0).to_numpy()
        first, total = int(width.argmax()), float(width.sum())
        rows.append(
            {
                "number": number,
                "base": of["base"].iloc[0],
                "low": of["low"].min(),
                "high": of["high"].max(),
                "setting": of["setting"].iloc[first] if total else "",
                "share": width[first] / total if total else np.nan,
                # The base is one of the values of every setting, and counts once.
                "n": int(of["n"].sum()) - (len(of) - 1),
                "n_withheld": int(of["n_withheld"].sum()) - (len(of) - 1) * int(np.isnan(of["base"].iloc[0])),
            }
        )
    return pd.DataFrame(rows)
