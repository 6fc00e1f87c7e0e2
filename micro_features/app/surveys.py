"""Jobs over many pictures, or many settings: what each needs measured, and what comes of it."""

from typing import Any

import pandas as pd

from micro_features.app.background import Answer, Ask, Job, Task, failed
from micro_features.app.desk import Desk
from micro_features.errors import CorrectionsError, MicroFeaturesError, SettingsError
from micro_features.explain.sensitivity import Point, Range, evaluate, moved_singly, one_at_a_time
from micro_features.pipeline.varying import threshold_ranges
from micro_features.settings import Settings

PREDICTION = "prediction"


class NotMeasured(MicroFeaturesError):
    """A picture failed in the midst of a job that is about it alone."""


def flags(desk: Desk) -> Job:
    """Measure every picture with its saved settings; whatever else is asked for goes first."""

    def plan(job: Job, ask: Ask) -> None:
        for index in range(len(desk.opened.shown)):
            answer = _measured(desk, index, ask)
            job.rows.append({"index": index, "flags": answer.flags, "values": answer.values, "error": answer.error})
            job.done += 1

    return Job("flags", len(desk.opened.shown), plan, gives_way=True)


def compare(desk: Desk, settings: Settings) -> Job:
    """Measure every picture with its saved settings, and with others; what is set apart for a picture stays."""

    def plan(job: Job, ask: Ask) -> None:
        for index in range(len(desk.opened.shown)):
            before = _measured(desk, index, ask)
            after = before if before.error else _measured(desk, index, ask, settings)
            told = {"before": before.values, "after": after.values, "error": before.error or after.error}
            job.rows.append({"index": index, "flags_before": before.flags, "flags_after": after.flags, **told})
            job.done += 1

    return Job("compare", len(desk.opened.shown), plan)


def _measured(desk: Desk, index: int, ask: Ask, settings: Settings | None = None) -> Answer:
    """One picture; what is set apart for it and can not be used is its own failure, and no other's."""
    try:
        task = Task(desk.opened.shown[index], *desk.saved_of(index, settings))
    except CorrectionsError as error:
        return failed(str(error))
    return ask(task)


def sensitivity(desk: Desk, index: int, settings: Settings, operations: tuple[Any, ...]) -> Job:
    """Measure a picture with each threshold at both ends of its plausible range, all others as they are.

    Raises
    ------
    SettingsError
        No threshold does anything among these settings.
    """
    ranges = threshold_ranges(settings)
    if not ranges:
        raise SettingsError("none of these settings has a range of plausible values.")
    steps = one_at_a_time(ranges, between=0)
    model = None if desk.model is None else desk.model.name
    shown = desk.opened.shown[index]

    def plan(job: Job, ask: Ask) -> dict[str, Any]:
        def answer(point: Point) -> dict[str, float]:
            found = ask(Task(shown, settings.updated(whole_where_asked(point)), operations, model))
            if found.error:
                raise NotMeasured(found.error)
            told = {} if found.prediction is None else {PREDICTION: found.prediction["value"]}
            return {**found.values, **{name: value for name, value in told.items() if value is not None}}

        def progress(done: int, total: int) -> None:
            job.done, job.total = done, total

        moved = moved_singly(steps, evaluate(steps.points, answer, progress=progress))
        return told_by_setting(moved, ranges)

    return Job("sensitivity", len(steps.points), plan)


def whole_where_asked(point: Point) -> dict[str, float | int]:
    """Values as settings take them: whole numbers where they are."""
    return {name: int(value) if value.is_integer() else value for name, value in point.items()}


def told_by_setting(moved: pd.DataFrame, ranges: dict[str, Range]) -> dict[str, Any]:
    """The table of `moved_singly` as the page takes it: ends of the settings, and the numbers there."""
    rows = [
        {
            "feature": each["number"],
            "setting": each["setting"],
            "low": ranges[each["setting"]].low,
            "high": ranges[each["setting"]].high,
            "at_low": each["at_low"],
            "at_high": each["at_high"],
            "base": each["base"],
        }
        for each in moved.to_dict("records")
    ]
    return {
        "features": list(dict.fromkeys(row["feature"] for row in rows if row["feature"] != PREDICTION)),
        "settings": list(ranges),
        "rows": [row for row in rows if row["feature"] != PREDICTION],
        "prediction": [row for row in rows if row["feature"] == PREDICTION],
    }
