"""What `sensitivity` found, in words."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from micro_features.sensitivity.numbers import MAIN_FEATURES, predicted_names
from micro_features.sensitivity.run import Answer

_SHOWN = 8


def lines(answer: Answer) -> Iterator[str]:
    """For a person to read.

    Parameters
    ----------
    answer : Answer
    """
    pictures = answer.pictures
    yield (f"{len(pictures)} pictures, each measured up to {answer.n_points} times, {len(answer.failures)} failed")
    for failure in answer.failures[:_SHOWN]:
        yield f"  {as_text_line(failure.path)}: {failure.stage}: {failure.reason}"
    names = told(answer)
    for picture in pictures[:_SHOWN]:
        of = answer.ranges[answer.ranges["micrograph_id"] == picture]
        rows = {str(row["number"]): row for _, row in of.iterrows()}
        yield f"{picture}:"
        yield from (f"  {sentence(name, rows[name])}" for name in names if name in rows)
    if len(pictures) > _SHOWN:
        yield f"and {len(pictures) - _SHOWN} more pictures, in the tables"
    if answer.model is not None and not _of_structure(answer):
        yield "the model's features are texture alone, which no threshold moves: so its prediction does not move"
    yield from answer.notes
    yield "settings and corrections by hand of single pictures are left out of account here"


def told(answer: Answer) -> list[str]:
    """The numbers that are told in words and drawn."""
    there = set(answer.ranges["number"]) if len(answer.ranges) else set()
    return [name for name in (*MAIN_FEATURES, *predicted_names(answer.model)) if name in there]


def sentence(name: str, of: pd.Series) -> str:
    """One number of one picture.

    Parameters
    ----------
    name : str
    of : Series
        A row of `Sensitivity.ranges`.
    """
    base, low, high = (float(of[key]) for key in ("base", "low", "high"))
    if np.isnan(low):
        return f"{name}: not measured at any of these settings"
    said = f"{name}: {'withheld' if np.isnan(base) else f'{base:.3g}'}"
    if not of["setting"]:
        return f"{said}; no threshold moves it"
    said += f", {low:.3g} to {high:.3g} over plausible thresholds, one at a time"
    if "joint_low" in of and not np.isnan(float(of["joint_low"])):
        said += f" ({float(of['joint_low']):.3g} to {float(of['joint_high']):.3g} together)"
    said += f"; {of['setting']} does {100 * float(of['share']):.0f} % of it"
    withheld = int(of["n_withheld"])
    return f"{said}; withheld at {withheld} of {int(of['n'])} settings" if withheld else said


def _of_structure(answer: Answer) -> bool:
    assert answer.model is not None
    used = {answer.model.features[column].phase for column in answer.model.final.choice.columns}
    return bool(used - {"texture"})


def as_text_line(path: str) -> str:
    """A path on one line."""
    return " ".join(path.split())
