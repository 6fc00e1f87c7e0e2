"""Many micrographs over any ``concurrent.futures`` executor: same rows, same order, nothing lost.

A picture is one unit of work; what is returned is small. What fails is a row of ``failures.csv``, and the rest goes on.
"""

import collections
import concurrent.futures
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any, TypeVar

from micro_features.errors import MicroFeaturesError

Job = TypeVar("Job")
Result = TypeVar("Result")

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True)
class Failure:
    """Why something is missing.

    Attributes
    ----------
    path : str
        As given.
    stage : str
        ``find``, ``read``, ``calibrate``, ``segment``, ``measure`` or ``write``.
    reason : str
        One line: what was found and what to do.
    """

    path: str
    stage: str
    reason: str


@dataclass
class FileResult:
    """What one file gave.

    Attributes
    ----------
    sha256 : str
        Of the content that was read; empty where it could not be.
    rows : list of dict
        One for each page.
    failures : list of Failure
    parts : list of str
        Region tables that were written, named as in the journal.
    """

    sha256: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)


def map_unordered(
    work: Callable[[Job], FileResult], jobs: Sequence[Job], *, n_workers: int, path_of: Callable[[Job], str]
) -> Iterator[tuple[Job, FileResult]]:
    """Do the work of each job; results come as they finish.

    Parameters
    ----------
    work : function
        From a job to its result; module-level, so that it can be sent to another process.
    jobs : sequence
    n_workers : int
        1 works in this process.
    path_of : function
        From a job to the path that is named when its process dies.

    Yields
    ------
    job, result
    """
    if n_workers == 1 or len(jobs) == 1:
        for job in jobs:
            yield job, work(job)
        return
    waiting = collections.deque(jobs)
    while waiting:
        suspects: list[Job] = []
        with process_pool(n_workers) as pool:
            try:
                yield from _until_broken(pool, work, waiting, suspects, n_in_flight=2 * n_workers)
            except BaseException:
                _stop(pool)
                raise
        # A process died and took the pool with it. Each job that was under way is tried alone: one is the cause.
        for job in suspects:
            with process_pool(1) as pool:
                try:
                    yield job, pool.submit(work, job).result()
                except BrokenProcessPool:
                    reason = "the process that measured it died, probably for lack of memory; shrink or tile it"
                    yield job, FileResult(failures=[Failure(path_of(job), "measure", reason)])


def map_ordered(work: Callable[[Job], Result], jobs: Sequence[Job], *, n_workers: int) -> list[Result]:
    """Do the work of each job; results in the order of the jobs. Nothing is kept if one fails.

    Parameters
    ----------
    work : function
        Module-level, so that it can be sent to another process.
    jobs : sequence
    n_workers : int
        1 works in this process.

    Raises
    ------
    MicroFeaturesError
        A process died.
    """
    if n_workers == 1 or len(jobs) == 1:
        return [work(job) for job in jobs]
    with process_pool(min(n_workers, len(jobs))) as pool:
        try:
            return list(pool.map(work, jobs))
        except BrokenProcessPool:
            raise MicroFeaturesError("A process died, probably for lack of memory; try again with --jobs 1.") from None
        except BaseException:
            _stop(pool)
            raise


def _stop(pool: concurrent.futures.ProcessPoolExecutor) -> None:
    """End the processes too: what they were at is done again in the next run, and nobody waits for it twice."""
    workers = list((pool._processes or {}).values())  # a public way comes with Python 3.14
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.terminate()


def _until_broken(
    pool: concurrent.futures.Executor,
    work: Callable[[Job], FileResult],
    waiting: collections.deque[Job],
    suspects: list[Job],
    n_in_flight: int,
) -> Iterator[tuple[Job, FileResult]]:
    """Keep few jobs in flight, so that a hundred thousand do not wait in memory; stop when a process has died."""
    in_flight: dict[concurrent.futures.Future[FileResult], Job] = {}
    while (waiting and not suspects) or in_flight:
        while waiting and not suspects and len(in_flight) < n_in_flight:
            job = waiting.popleft()
            try:
                in_flight[pool.submit(work, job)] = job
            except BrokenProcessPool:
                suspects.append(job)
        done, _ = concurrent.futures.wait(in_flight, return_when=concurrent.futures.FIRST_COMPLETED)
        for future in done:
            job = in_flight.pop(future)
            try:
                result = future.result()
            except BrokenProcessPool:
                suspects.append(job)
            else:
                yield job, result


def process_pool(n_workers: int) -> concurrent.futures.ProcessPoolExecutor:
    """Processes that start clean and use one thread each, so that they do not fight for the cores."""
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, "1")
    context = multiprocessing.get_context("spawn")
    return concurrent.futures.ProcessPoolExecutor(n_workers, mp_context=context, initializer=_live_with_parent)


def _live_with_parent() -> None:
    """The parent decides what an interrupt means; when it is killed, its workers end too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
