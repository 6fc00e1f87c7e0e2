"""Arrays as bytes for a browser, which can look at them without decoding anything."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from micro_features.app.wire import plain

ALIGNMENT = 8
"""Arrays start at multiples of it, so that a browser can lay its typed arrays over them."""

_DTYPES = ("uint8", "uint16", "uint32", "float32")


def frame(head: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """A head and arrays as one piece.

    Parameters
    ----------
    head : mapping
        ``arrays`` is added to it: name, dtype, shape and offset (from the payload's start) of each.
    arrays : mapping of str to array
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
    for name, array in arrays.items():
        if array.dtype.name not in _DTYPES:
            raise ValueError(f"{name} is {array.dtype}, not one of {', '.join(_DTYPES)}.")
        listed.append({"name": name, "dtype": array.dtype.name, "shape": [*array.shape], "offset": offset})
        content = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        padding = -content.nbytes % ALIGNMENT
        parts += [content.reshape(-1).view(np.uint8).data, bytes(padding)]
        offset += content.nbytes + padding
    text = json.dumps(plain({**head, "arrays": listed}), allow_nan=False).encode()
    start = len(text).to_bytes(4, "little") + text
    return b"".join([start, bytes(-len(start) % ALIGNMENT), *parts])


def labels(array: np.ndarray) -> np.ndarray:
    """Labels in as few bytes as hold them: uint16, else uint32.

    Parameters
    ----------
    array : integer array
        From 0.
    """
    fits = array.max(initial=0) <= np.iinfo(np.uint16).max
    return array.astype(np.uint16 if fits else np.uint32)


def greys(array: np.ndarray) -> np.ndarray:
    """Grey levels from 0 to 1 as uint8."""
    return np.clip(array * 255.0 + 0.5, 0, 255).astype(np.uint8)
