"""How far a training of many networks is: told by the processes that train, for people who wait."""

import contextlib
import multiprocessing
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from micro_features.errors import MicroFeaturesError

Message = tuple[str, int, float] | str
"""Name of the network, number of the epoch from 1, loss; or a line that is told as it is."""


class Teller(Protocol):
    """Where a process tells that an epoch is over, or something else."""

    def put(self, message: Message) -> None:
        """Hand over a message."""


class Progress:
    """Lines with the time that is left of the whole run.

    Parameters
    ----------
    epochs : mapping
        Epochs that each network needs, by its name; 0 where it is trained already.
    tell : callable
        Gets the lines.
    """

    def __init__(self, epochs: Mapping[str, int], tell: Callable[[str], None]) -> None:
        self._left, self._epochs, self._tell = dict(epochs), dict(epochs), tell
        self._done, self._began = 0, time.monotonic()
        trained = sum(number == 0 for number in epochs.values())
        if trained:
            tell(f"{trained} of {len(epochs)} networks are trained already")

    def put(self, message: Message) -> None:
        """Take a message, tell it."""
        if isinstance(message, str):
            self._tell(message)
            return
        name, number, loss = message
        of = self._epochs[name]
        # Where a training was taken up, its first epochs were done earlier.
        self._done += 1
        self._left[name] = of - number
        seconds = (time.monotonic() - self._began) / self._done * sum(self._left.values())
        self._tell(f"{name}: epoch {number} of {of}, loss {loss:.3f}; {_minutes(seconds)} left in all")


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


@contextlib.contextmanager
def telling(progress: Progress, n_processes: int) -> Iterator[Teller]:
    """What processes tell a progress through.

    Parameters
    ----------
    progress : Progress
    n_processes : int
        1: in this process.
    """
    if n_processes == 1:
        yield progress
        return
    # Only what a manager holds can be sent to a pool of processes that start clean.
    with multiprocessing.get_context("spawn").Manager() as manager:
        channel: queue.Queue[Message | None] = manager.Queue()
        listener = threading.Thread(target=_listen, args=(channel, progress), daemon=True)
        listener.start()
        try:
            yield channel
        finally:
            with contextlib.suppress(OSError, EOFError):  # the manager may be gone with an interrupt
                channel.put(None)
                listener.join(timeout=5)


def _listen(channel: "queue.Queue[Message | None]", progress: Progress) -> None:
    with contextlib.suppress(OSError, EOFError, MicroFeaturesError):
        while (message := channel.get()) is not None:
            progress.put(message)
