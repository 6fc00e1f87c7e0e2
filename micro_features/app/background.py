"""Work over many settings or pictures, behind the page's back: one process of low priority, one task at a time."""

import contextlib
import functools
import multiprocessing
import os
import secrets
import signal
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from micro_features import jobs
from micro_features.app.engine import Bench
from micro_features.app.numbers import flags, main_values
from micro_features.app.opened import Shown
from micro_features.app.predicting import predict_row
from micro_features.errors import MicroFeaturesError
from micro_features.fitting import property_model
from micro_features.fitting.property_model import PropertyModel
from micro_features.settings import Settings

MOST_WAITING = 8
_KEPT = 20
_NICENESS = 10
_SECONDS_BETWEEN_LOOKS = 0.1
DIED = "the process that measured it died, probably for lack of memory"


class Task(NamedTuple):
    """One measurement.

    Attributes
    ----------
    shown : Shown
    settings : Settings
    operations : tuple
        Corrections.
    model : str or None
        Whose prediction is wanted.
    """

    shown: Shown
    settings: Settings
    operations: tuple[Any, ...]
    model: str | None = None


class Answer(NamedTuple):
    """What a measurement gave.

    Attributes
    ----------
    values : dict of str to float
        Main features; empty where it failed.
    flags : list of dict
    prediction : dict or None
    error : str or None
    """

    values: dict[str, float]
    flags: list[dict[str, Any]]
    prediction: dict[str, Any] | None
    error: str | None


def failed(reason: str) -> Answer:
    """No measurement, and why."""
    return Answer({}, [], None, " ".join(reason.split()))


Ask = Callable[[Task], Answer]
"""Has a measurement made, and waits for it."""


@dataclass(eq=False)
class Job:
    """A job, and how far it is.

    Attributes
    ----------
    kind : str
    total : int
        Steps, as far as known.
    plan : callable
        Takes the job itself, to whose `rows` and `done` it adds, and an `Ask`; returns its result.
    gives_way : bool
        Nobody waits for it: before each of its measurements, all jobs that do not give way are done.
    """

    kind: str
    total: int
    plan: "Callable[[Job, Ask], dict[str, Any] | None]"
    gives_way: bool = False
    done: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    result: dict[str, Any] | None = None
    error: str | None = None
    finished: bool = False
    cancelled: bool = False

    def told(self) -> dict[str, Any]:
        """For the page."""
        return {
            "kind": self.kind,
            "done": self.done,
            "total": self.total,
            "finished": self.finished,
            "error": self.error,
            "rows": [*self.rows],
            "result": self.result,
        }


class TooMany(MicroFeaturesError):
    """Enough jobs wait already."""


class Background:
    """Jobs, in the order in which they came; those that give way after all others."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._changed = threading.Condition()
        self._worker = _Worker()
        self._closed = False
        self._thread = threading.Thread(target=self._work, daemon=True)

    def add(self, job: Job) -> str:
        """Queue a job; its id. One that gives way is not done twice at a time: a page that is loaded anew joins it.

        Raises
        ------
        TooMany
        """
        with self._changed:
            running = (name for name, each in self._jobs.items() if not each.finished and not each.cancelled)
            if job.gives_way and (same := next((name for name in running if self._jobs[name].kind == job.kind), None)):
                return same
            if sum(not each.finished for each in self._jobs.values()) >= MOST_WAITING:
                raise TooMany(f"{MOST_WAITING} jobs wait already: cancel one.")
            name = secrets.token_hex(8)
            self._jobs[name] = job
            while len(self._jobs) > _KEPT:
                oldest = next(key for key, each in self._jobs.items() if each.finished)
                del self._jobs[oldest]
            if not self._thread.is_alive():
                self._thread.start()
            self._changed.notify()
        return name

    def find(self, name: str) -> Job | None:
        """A job by its id."""
        with self._changed:
            return self._jobs.get(name)

    def cancel(self, job: Job) -> None:
        """Do no more of it; what it is at is given up."""
        job.cancelled = True

    def close(self) -> None:
        """End the process, and all jobs."""
        with self._changed:
            self._closed = True
            for job in self._jobs.values():
                job.cancelled = True
            self._changed.notify()
        self._worker.stop()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not (job := self._next(True)) and not self._closed:
                    self._changed.wait()
            if self._closed or job is None:
                return
            self._do(job)

    def _next(self, whatever: bool) -> Job | None:
        """The job that is to be done now; of those alone that do not give way, if wanted."""
        with self._changed:
            waiting = [job for job in self._jobs.values() if not job.finished]
        first = next((job for job in waiting if not job.gives_way), None)
        return first or next(iter(waiting), None) if whatever else first

    def _do(self, job: Job) -> None:
        def ask(task: Task) -> Answer:
            while job.gives_way and (urgent := self._next(False)):
                self._do(urgent)
            if job.cancelled:
                raise _Cancelled
            return self._worker.ask(task, lambda: job.cancelled)

        try:
            job.result = job.plan(job, ask)
        except _Cancelled:
            pass
        except MicroFeaturesError as error:
            job.error = " ".join(str(error).split())
        except Exception as error:
            job.error = f"defect of the program: {type(error).__name__}: {error}; report it"
        finally:
            job.finished = True


class _Cancelled(Exception):
    """Nobody waits for the answer any more."""


class _Worker:
    """One process, started when it is first needed, and again after it died."""

    def __init__(self) -> None:
        self._process: multiprocessing.process.BaseProcess | None = None
        self._ours: Connection | None = None

    def ask(self, task: Task, cancelled: Callable[[], bool]) -> Answer:
        """Have a measurement made."""
        if self._process is None or not self._process.is_alive():
            self._start()
        assert self._ours is not None
        try:
            self._ours.send(task)
            while not self._ours.poll(_SECONDS_BETWEEN_LOOKS):
                if cancelled():
                    self.stop()
                    raise _Cancelled
            answer: Answer = self._ours.recv()
            return answer
        except (EOFError, OSError):
            self.stop()
            if cancelled():
                raise _Cancelled from None
            return failed(DIED)

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def stop(self) -> None:
        """End the process, whatever it is at."""
        process, ours = self._process, self._ours
        self._process = self._ours = None
        if process is not None:
            process.terminate()
            process.join(5)
        if ours is not None:
            with contextlib.suppress(OSError):
                ours.close()


def _serve(connection: Connection) -> None:
    """What the process does: measure, until the server is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server says when it is over
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    jobs.use_one_thread()
    last: dict[Shown, Bench] = {}
    with contextlib.suppress(EOFError, OSError):
        while True:
            connection.send(measure(connection.recv(), last))


@functools.cache
def _model(name: str) -> PropertyModel:
    return property_model.load(name)


def measure(task: Task, last: dict[Shown, Bench]) -> Answer:
    """Make a measurement.

    Parameters
    ----------
    task : Task
    last : dict
        The picture that was measured last, kept for more of the same.
    """
    try:
        if task.shown not in last:
            last.clear()
            last[task.shown] = task.shown.open()
        outcome = last[task.shown].result(task.settings, task.operations)
        prediction = None
        if task.model is not None:
            prediction = predict_row(_model(task.model), outcome.row, task.settings)
        return Answer(main_values(outcome.measured), flags(outcome.measured, task.settings), prediction, None)
    except MicroFeaturesError as error:
        return failed(str(error))
    except MemoryError:
        return failed("not enough memory: shrink the picture or cut it into tiles")
    except Exception as error:
        return failed(f"defect of the program: {type(error).__name__}: {error}; report it")
