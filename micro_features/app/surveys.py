"""Jobs over many pictures: what each needs measured, and the rows that come of it."""

from micro_features.app.background import Job, Plan, Task
from micro_features.app.desk import Desk
from micro_features.settings import Settings


def flags(desk: Desk) -> Job:
    """Measure every picture with its saved settings."""

    def plan(job: Job) -> Plan:
        for index, shown in enumerate(desk.opened.shown):
            answer = yield Task(shown, *desk.saved_of(index))
            job.rows.append({"index": index, "flags": answer.flags, "values": answer.values, "error": answer.error})
            job.done += 1
        return None

    return Job("flags", len(desk.opened.shown), plan)


def compare(desk: Desk, settings: Settings) -> Job:
    """Measure every picture with its saved settings, and with others; what is set apart for a picture stays."""

    def plan(job: Job) -> Plan:
        for index, shown in enumerate(desk.opened.shown):
            before = yield Task(shown, *desk.saved_of(index))
            after = before if before.error else (yield Task(shown, *desk.saved_of(index, settings)))
            job.rows.append(
                {
                    "index": index,
                    "before": before.values,
                    "after": after.values,
                    "error": before.error or after.error,
                }
            )
            job.done += 1
        return None

    return Job("compare", len(desk.opened.shown), plan)
