"""The pictures that the page was started with, and which of them are open.

Pictures are known to the page by their number alone: no path comes from outside.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from micro_features import runs
from micro_features.app.engine import Bench
from micro_features.app.frames import greys
from micro_features.errors import ImageError, MicroFeaturesError
from micro_features.files.images import count_pages, grey_levels, read_picture
from micro_features.files.outputs import png_bytes
from micro_features.files.search import as_text, file_stems, find_pictures, picture_ids, without_suffix
from micro_features.jobs import Stated

MOST_OPEN = 3
THUMBNAIL_PX = 160
# What an opened picture may hold: intermediate results of several settings, at two sizes.
_BYTES_A_BENCH = 800_000_000
_BYTES_A_PIXEL = 100
_SHARE_OF_MEMORY = 0.5


@dataclass(frozen=True)
class Shown:
    """A picture of the page: a page of a file.

    Attributes
    ----------
    path : Path
    page : int
        From 0.
    micrograph_id, stem : str
        As `extract` would name it, and its result files.
    stated : Stated
    max_pixels : int
        Larger ones are not opened.
    error : str
        Why the file can not be looked into; empty where it can.
    """

    path: Path
    page: int
    micrograph_id: str
    stem: str
    stated: Stated
    max_pixels: int
    error: str = ""

    @property
    def name(self) -> str:
        """For the list."""
        return self.micrograph_id

    def open(self) -> Bench:
        """Read and calibrate it.

        Raises
        ------
        ImageError
            It can not be read.
        """
        if self.error:
            raise ImageError(self.error)
        return Bench(
            self.path, self.page, micrograph_id=self.micrograph_id, stated=self.stated, max_pixels=self.max_pixels
        )


def find_shown(
    paths: Sequence[Path], *, manifest: Path | None, pixel_size_table: Path | None, for_all: Stated, max_pixels: int
) -> tuple[list[Shown], list[str]]:
    """Pictures below some paths, one for each page of a file, named as `extract` names them.

    Parameters
    ----------
    paths : sequence of Path
    manifest, pixel_size_table : Path or None
    for_all : Stated
        What holds for every picture.
    max_pixels : int

    Returns
    -------
    shown : list of Shown
        One that can not be read is there, too, with the reason.
    notes : list of str
        Paths without pictures, rows of tables that fit none.

    Raises
    ------
    ImageError
        There is no picture at all.
    FeatureTableError
        A manifest is not as it should be.
    """
    found, missing = find_pictures(paths)
    notes = [f"{path}: {reason}" for path, reason in missing]
    if not found:
        raise ImageError(f"{notes[0]}." if notes else "no picture was named.")
    stated, more = runs.stated_by_user(found, manifest, pixel_size_table, for_all)
    ids = picture_ids(found, {})
    stems = file_stems(ids, [without_suffix(as_text(Path(item.path.name))) for item in found])
    shown = []
    for item, micrograph_id, stem, said in zip(found, ids, stems, stated, strict=True):
        error = ""
        try:
            n_pages = count_pages(item.path)
        except MicroFeaturesError as refused:
            n_pages, error = 1, " ".join(str(refused).split())
        for page in range(n_pages):
            suffix = f".page{page + 1}" if n_pages > 1 else ""
            shown.append(Shown(item.path, page, micrograph_id + suffix, stem + suffix, said, max_pixels, error))
    return shown, [*notes, *more]


class Opened:
    """The pictures, the last few of which are kept open.

    Parameters
    ----------
    shown : sequence of Shown
    """

    def __init__(self, shown: Sequence[Shown]):
        self.shown = tuple(shown)
        self._benches: OrderedDict[int, Bench] = OrderedDict()
        self._thumbnails: dict[int, bytes] = {}
        self._errors = {index: each.error for index, each in enumerate(self.shown) if each.error}
        self._lock = threading.Lock()
        self._opening = [threading.Lock() for _ in self.shown]

    def bench(self, index: int) -> Bench:
        """An opened picture; who asks for one that is being opened waits for it.

        Raises
        ------
        ImageError
            It can not be read.
        """
        with self._opening[index]:
            with self._lock:
                if index in self._benches:
                    self._benches.move_to_end(index)
                    return self._benches[index]
            try:
                bench = self.shown[index].open()
            except ImageError as error:
                self._errors[index] = " ".join(str(error).split())
                raise
            with self._lock:
                self._benches[index] = bench
                while len(self._benches) > 1 and not self._has_room():
                    self._benches.popitem(last=False)
            return bench

    def error(self, index: int) -> str | None:
        """Why a picture can not be read, as far as somebody tried."""
        return self._errors.get(index)

    def _has_room(self) -> bool:
        needed = sum(_BYTES_A_BENCH + _BYTES_A_PIXEL * each.micrograph.image.size for each in self._benches.values())
        return len(self._benches) <= MOST_OPEN and needed <= _SHARE_OF_MEMORY * memory_bytes()

    def thumbnail(self, index: int) -> bytes:
        """A small PNG; a crossed out one where the picture can not be read."""
        if index not in self._thumbnails:
            self._thumbnails[index] = png_bytes(self._small(index))
        return self._thumbnails[index]

    def _small(self, index: int) -> np.ndarray:
        shown = self.shown[index]
        with self._lock:
            bench = self._benches.get(index)
        try:
            if shown.error:
                raise ImageError(shown.error)
            if bench is not None:
                image = bench.micrograph.image
            else:
                image, _ = grey_levels(read_picture(shown.path, shown.page, max_pixels=shown.max_pixels))
        except MicroFeaturesError as error:
            self._errors[index] = " ".join(str(error).split())
            crossed = np.full((THUMBNAIL_PX * 3 // 4, THUMBNAIL_PX), 90, np.uint8)
            rows, cols = crossed.shape
            cv2.line(crossed, (0, 0), (cols - 1, rows - 1), 160, 1, cv2.LINE_AA)
            cv2.line(crossed, (0, rows - 1), (cols - 1, 0), 160, 1, cv2.LINE_AA)
            return crossed
        factor = min(1.0, THUMBNAIL_PX / max(image.shape))
        size = [max(1, round(side * factor)) for side in image.shape]
        return greys(cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA))


def memory_bytes() -> int:
    """Memory of this machine; a modest guess where it does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return 8_000_000_000
