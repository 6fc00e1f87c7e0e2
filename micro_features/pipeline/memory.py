"""Intermediate results of one micrograph, kept while there is room."""

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np


class Memory:
    """A `Memo` that keeps what was made; what was used longest ago goes first.

    Several threads may ask; two that miss the same key at once both make it.

    Parameters
    ----------
    limit_bytes : int
        Of all arrays together. One that is larger by itself is handed on and not kept.
    """

    def __init__(self, limit_bytes: int):
        self._limit = limit_bytes
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What is kept under the key; else what `make` makes."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
        made = make()
        size = n_bytes(made)
        if size <= self._limit:
            with self._lock:
                self._kept[key] = (made, size)
                self._kept.move_to_end(key)
                total = sum(each for _, each in self._kept.values())
                while total > self._limit:
                    total -= self._kept.popitem(last=False)[1][1]
        return made

    def __contains__(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._kept

    @property
    def bytes_kept(self) -> int:
        """Of all arrays together."""
        with self._lock:
            return sum(each for _, each in self._kept.values())


def n_bytes(thing: Any) -> int:
    """Size of the arrays in nested tuples and dataclasses, bytes; an array that occurs twice counts once."""
    return sum(array.nbytes for array in {id(array): array for array in _arrays(thing)}.values())


def _arrays(thing: Any) -> list[np.ndarray]:
    if isinstance(thing, np.ndarray):
        return [thing]
    if isinstance(thing, tuple):
        return [array for part in thing for array in _arrays(part)]
    if dataclasses.is_dataclass(thing):
        return [array for each in dataclasses.fields(thing) for array in _arrays(getattr(thing, each.name))]
    return []
