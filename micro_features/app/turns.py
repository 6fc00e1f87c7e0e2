"""Whose turn it is: of each tab the newest request counts, and what nobody waits for any more is given up."""

import threading
from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass(eq=False)
class Turn:
    """One request.

    Attributes
    ----------
    tab, kind : str
    state : hashable
        What it is about: picture, settings and corrections.
    """

    tab: str
    kind: str
    state: Hashable
    _over: threading.Event = field(default_factory=threading.Event)

    def end(self) -> None:
        """Nobody waits for its answer any more."""
        self._over.set()

    def superseded(self) -> bool:
        """Whether somebody still waits for its answer; asked between the stages of the work."""
        return self._over.is_set()


class Turns:
    """The requests that are under way."""

    def __init__(self) -> None:
        self._under_way: list[Turn] = []
        self._lock = threading.Lock()
        self._closed = False

    def begin(self, tab: str, kind: str, state: Hashable) -> Turn:
        """A new request. Older ones of its tab and kind end, and results of a state that is no longer wanted.

        Parameters
        ----------
        tab : str
        kind : str
            ``"preview"``, ``"result"``, or another name of what may run beside these.
        state : hashable
        """
        turn = Turn(tab, kind, state)
        with self._lock:
            for each in self._under_way:
                stale = kind == "preview" and each.kind == "result" and each.state != state
                if each.tab == tab and (each.kind == kind or stale):
                    each.end()
            self._under_way.append(turn)
            if self._closed:
                turn.end()
        return turn

    def finish(self, turn: Turn) -> None:
        """It was answered, or given up."""
        turn.end()
        with self._lock:
            self._under_way.remove(turn)

    def close(self) -> None:
        """All requests end, now and from now on."""
        with self._lock:
            self._closed = True
            for each in self._under_way:
                each.end()
