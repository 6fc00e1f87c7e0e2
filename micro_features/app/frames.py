"""Arrays as bytes for a browser, which can look at them without decoding anything."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from micro_features.app.wire import plain

ALIGNMENT = 8
"""Arrays start at multiples of it, so that a browser can lay its typed arrays over them."""

_DTYPES = ("uint8", "uint16", "uint32", "float32")


@dataclass(frozen=True, eq=False)
class Runs:
    """An array in which neighbours are mostly alike: labels, of which a picture has millions and the wire can do
    with thousands.

    Attributes
    ----------
    shape : tuple of int
    lengths : (n,) uint32 array
        Pixels of each run, row-major; runs go on over the ends of rows.
    values : (n,) uint16 or uint32 array
    """

    shape: tuple[int, ...]
    lengths: np.ndarray
    values: np.ndarray


def frame(head: Mapping[str, Any], arrays: Mapping[str, np.ndarray | Runs]) -> bytes:
    """A head and arrays as one piece.

    Parameters
    ----------
    head : mapping
        ``arrays`` is added to it: name, dtype, shape and offset (from the payload's start) of each; of `Runs` also
        their number as ``runs``, and as ``lengths`` the offset of their lengths.
    arrays : mapping of str to array or Runs
        uint8, uint16, uint32 or float32.

    Returns
    -------
    bytes
        Length of the head (uint32, little endian), the head as JSON, zeros up to a multiple of `ALIGNMENT`, then the
        arrays, row-major and little endian.
    """
    listed: list[dict[str, Any]] = []
    parts: list[bytes | memoryview] = []
    offset = 0

    def put(name: str, array: np.ndarray) -> int:
        nonlocal offset
        if array.dtype.name not in _DTYPES:
            raise ValueError(f"{name} is {array.dtype}, not one of {', '.join(_DTYPES)}.")
        content = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        padding = -content.nbytes % ALIGNMENT
        parts.extend([content.reshape(-1).view(np.uint8).data, bytes(padding)])
        start, offset = offset, offset + content.nbytes + padding
        return start

    for name, array in arrays.items():
        told: dict[str, Any] = {"name": name, "shape": [*array.shape]}
        if isinstance(array, Runs):
            told |= {"runs": len(array.lengths), "lengths": put(name, array.lengths)}
            array = array.values
        listed.append({**told, "dtype": array.dtype.name, "offset": put(name, array)})
    text = json.dumps(plain({**head, "arrays": listed}), allow_nan=False).encode()
    start = len(text).to_bytes(4, "little") + text
    return b"".join([start, bytes(-len(start) % ALIGNMENT), *parts])


def labels(array: np.ndarray) -> Runs:
    """Labels in few bytes: as runs, with uint16 where they fit in.

    Parameters
    ----------
    array : integer array
        From 0.
    """
    flat = array.reshape(-1)
    starts = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts = np.concatenate([np.zeros(min(1, flat.size), starts.dtype), starts])
    values = flat[starts]
    fits = values.max(initial=0) <= np.iinfo(np.uint16).max
    lengths = np.diff(starts, append=flat.size).astype(np.uint32)
    return Runs(array.shape, lengths, values.astype(np.uint16 if fits else np.uint32))


def greys(array: np.ndarray) -> np.ndarray:
    """Grey levels from 0 to 1 as uint8."""
    return np.clip(array * 255.0 + 0.5, 0, 255).astype(np.uint8)
