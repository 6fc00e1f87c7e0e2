"""Writing results: whole or not at all."""

import contextlib
import json
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
import tifffile

from micro_features.errors import OutputError

TEMPORARY_PREFIX = ".writing-"


@contextlib.contextmanager
def replacing(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a file that appears under its name only when it is complete.

    Parameters
    ----------
    path : Path
        Final name; its folder is made.
    mode : str
        ``"w"`` for UTF-8 text with line ends as written, or ``"wb"``.

    Raises
    ------
    OutputError
        Disk full, no permission, not a folder.
    """
    temporary = path.with_name(TEMPORARY_PREFIX + uuid.uuid4().hex)
    text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open(mode, **text) as file:
            yield file
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: can not be written: {error.strerror or error}.") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, content: str) -> None:
    """Write a text file whole or not at all."""
    with replacing(path) as file:
        file.write(content)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON whole or not at all."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n")


def write_labels(path: Path, labels: np.ndarray) -> None:
    """Write a label image as TIFF, 16-bit where the labels fit, else 32-bit.

    Parameters
    ----------
    path : Path
    labels : (rows, cols) integer array
        0 is background.
    """
    depth = np.uint16 if labels.max(initial=0) <= np.iinfo(np.uint16).max else np.uint32
    with replacing(path, "wb") as file:
        tifffile.imwrite(file, labels.astype(depth), compression="zlib", metadata=None)


def png_bytes(pixels: np.ndarray, *, compression: int = 3) -> bytes:
    """A picture as a PNG file.

    Parameters
    ----------
    pixels : (rows, cols, 3) uint8 array, or (rows, cols) uint8 or uint16 array
        Colour, or grey.
    compression : int
        0 to 9; the default is quick.

    Raises
    ------
    OutputError
        It can not be encoded.
    """
    bgr = pixels[..., ::-1] if pixels.ndim == 3 else pixels
    done, content = cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, compression])
    if not done:
        raise OutputError(f"a picture of {pixels.shape} could not be encoded as PNG.")
    return content.tobytes()


def write_png(path: Path, pixels: np.ndarray, *, compression: int = 3) -> None:
    """Write a picture as PNG.

    Parameters
    ----------
    path : Path
    pixels, compression
        As of `png_bytes`.
    """
    content = png_bytes(pixels, compression=compression)
    with replacing(path, "wb") as file:
        file.write(content)
