"""A picture at one scale: its labels exactly, and, while a slider moves, as soon as can be.

What is quick is cut from what was made before: the likelihood of pores at another threshold, the hierarchy of grains at
another merge level. Where a setting reaches deeper than that, the picture is looked at roughly: shrunk to a size that
takes a blink.
"""

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import numpy as np

from micro_features.images.grains import GrainMap
from micro_features.images.hierarchy import Hierarchy, Memo
from micro_features.images.pores import likely_pores
from micro_features.images.resize import shrunk
from micro_features.pipeline.frame import frame_of
from micro_features.pipeline.memory import Memory
from micro_features.pipeline.segmenting import (
    find_grains,
    find_pores,
    grain_key,
    likelihood_key,
    pore_likelihood_of,
    pores_key,
)
from micro_features.settings import Settings

# A blink is enough for so many pixels, by method.
ROUGH_PX = {"learned": 60_000, "watershed": 250_000}
_ROUGH_BYTES = 100_000_000
# A hierarchy of mean strengths reaches a little above its own merge level: so far it can be cut anew.
_REACH = 1.2
_USUAL_SCALE = 2.0


class Superseded(Exception):
    """A newer request made this one's answer useless."""


def never() -> bool:
    """Nothing supersedes."""
    return False


class Found(NamedTuple):
    """What the pipeline finds in the frame of the stack's picture.

    Attributes
    ----------
    pores : (rows, cols) int32 array
    pore_area_range : (low, high)
    grains : GrainMap
    """

    pores: np.ndarray
    pore_area_range: tuple[float, float]
    grains: GrainMap


class Quick(NamedTuple):
    """Labels as large as the stack's picture.

    Attributes
    ----------
    grains, pores : (rows, cols) int32 array
    note : str
        What differs from the exact answer; empty where nothing does.
    """

    grains: np.ndarray
    pores: np.ndarray
    note: str


class Stack:
    """A picture, shrunk by a factor, and what was made of it; may be asked from several threads.

    Parameters
    ----------
    image : (rows, cols) float32 array
        Not shrunk yet. Settings speak of its pixels.
    valid : (rows, cols) bool array
    factor : float
        At least 1.
    limit_bytes : int
        Of intermediate results.
    """

    def __init__(self, image: np.ndarray, valid: np.ndarray, factor: float, *, limit_bytes: int):
        self.factor = factor
        if factor > 1:
            image, valid = shrunk(np.where(valid, image, np.float32(0)), valid, factor)
        self._image, self.valid = image, valid
        self.shape = image.shape
        self._frame = frame_of(valid)
        self._memory = Memory(limit_bytes)
        self._latest: tuple[Settings, GrainMap] | None = None
        self._rough: dict[int, Stack] = {}

    def exact(self, settings: Settings, superseded: Callable[[], bool] = never) -> Found:
        """What the pipeline finds in the shrunk picture.

        Parameters
        ----------
        settings : Settings
            Lengths in pixels of the picture that is not shrunk.
        superseded : callable
            Asked before each stage.

        Returns
        -------
        Found

        Raises
        ------
        Superseded
        """
        here = at_scale(settings, self.factor)
        memo = self._memo(superseded)
        image, valid = self._image[self._frame], self.valid[self._frame]
        pores, pore_area_range = find_pores(image, valid, here, memo=memo)
        grains = find_grains(image, valid, pores, here, memo=memo)
        self._latest = here, grains
        return Found(pores, pore_area_range, grains)

    def quick(self, settings: Settings, superseded: Callable[[], bool] = never) -> Quick:
        """Grains and pores within a blink.

        Parameters
        ----------
        settings, superseded
            As for `exact`.

        Returns
        -------
        Quick

        Raises
        ------
        Superseded
        """
        here = at_scale(settings, self.factor)
        if grain_key(here) in self._memory:
            found = self.exact(settings, superseded)
            return Quick(self._whole(found.grains.labels), self._whole(found.pores), "")
        image, valid = self._image[self._frame], self.valid[self._frame]
        notes = []
        if here.pores.method != "classified" or pores_key(here) in self._memory:
            pores, _ = find_pores(image, valid, here, memo=self._memo(superseded))
        elif likelihood_key(here) in self._memory:
            likelihood = pore_likelihood_of(image, valid, here, memo=self._memo(superseded))
            pores = likely_pores(likelihood, threshold=here.pores.threshold, min_area_px=here.pores.min_area_px)
        else:
            pores = self._rough_pores(here, superseded)
            notes.append("pores at a reduced size")
        hierarchy, level = self._hierarchy(here)
        if hierarchy is not None:
            grains = hierarchy.grains(level, image.shape)
            notes.append("grains not yet fitted to the pores")
        else:
            grains = self._rough_grains(here, superseded)
            notes.append("grains at a reduced size")
        grains[~valid | (pores > 0)] = 0
        return Quick(self._whole(grains), self._whole(pores), ", ".join(notes))

    def _memo(self, superseded: Callable[[], bool]) -> Memo:
        """The memory, which goes on only while nothing supersedes."""

        def recalled(key: Hashable, make: Callable[[], Any]) -> Any:
            if superseded():
                raise Superseded
            return self._memory(key, make)

        return recalled

    def _hierarchy(self, here: Settings) -> tuple[Hierarchy | None, float]:
        """What grains can be cut from, and at which level: that of the latest exact answer, if it fits."""
        if self._latest is None:
            return None, 0.0
        then, found = self._latest
        free = "merge_probability" if here.grains.method == "learned" else "merge_level"
        level = float(getattr(here.grains, free))
        as_then = here.grains.model_copy(update={free: getattr(then.grains, free)})
        fits = (as_then, here.prepare) == (then.grains, then.prepare)
        if here.grains.method == "watershed":
            fits &= level <= _REACH * then.grains.merge_level
        return (found.hierarchy, level) if fits else (None, 0.0)

    def _rough_pores(self, here: Settings, superseded: Callable[[], bool]) -> np.ndarray:
        """In the frame, from the picture shrunk to `ROUGH_PX`."""
        rough = self._roughly(ROUGH_PX["learned"])
        image, valid = rough._image[rough._frame], rough.valid[rough._frame]
        pores, _ = find_pores(image, valid, at_scale(here, rough.factor), memo=rough._memo(superseded))
        return spread(rough._whole(pores), self.shape)[self._frame]

    def _rough_grains(self, here: Settings, superseded: Callable[[], bool]) -> np.ndarray:
        """In the frame, likewise; at a working scale that need not be looked for."""
        rough = self._roughly(ROUGH_PX[here.grains.method])
        scale = here.grains.working_scale or (self._latest[1].working_scale if self._latest else _USUAL_SCALE)
        found = rough.exact(here.updated({"grains.working_scale": scale}), superseded)
        return spread(rough._whole(found.grains.labels), self.shape)[self._frame].copy()

    def _roughly(self, n_px: int) -> "Stack":
        if n_px not in self._rough:
            factor = max(1.0, (self.shape[0] * self.shape[1] / n_px) ** 0.5)
            self._rough[n_px] = Stack(self._image, self.valid, factor, limit_bytes=_ROUGH_BYTES)
        return self._rough[n_px]

    def _whole(self, part: np.ndarray) -> np.ndarray:
        full = np.zeros(self.shape, part.dtype)
        full[self._frame] = part
        return full


def at_scale(settings: Settings, factor: float) -> Settings:
    """Settings for a picture that was shrunk: lengths in its pixels. What is in pixels of the working scale stays.

    Parameters
    ----------
    settings : Settings
    factor : float
        At least 1.

    Returns
    -------
    Settings
    """
    if factor == 1:
        return settings
    pores, grains = settings.pores, settings.grains
    return settings.updated(
        {
            "pores.window_px": max(5.0, pores.window_px / factor),
            "pores.min_area_px": max(1, round(pores.min_area_px / factor**2)),
            "grains.working_scale": max(1.0, grains.working_scale / factor) if grains.working_scale else 0.0,
        }
    )


def spread(labels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Labels of a shrunk picture over the whole one, each pixel the one it lies in.

    Parameters
    ----------
    labels : (rows, cols) array
    shape : (larger rows, larger cols)

    Returns
    -------
    (larger rows, larger cols) array
    """
    if labels.shape == tuple(shape):
        return labels
    row, col = (
        np.minimum((np.arange(large) + 0.5) * small / large, small - 1).astype(np.intp)
        for large, small in zip(shape, labels.shape, strict=True)
    )
    return labels[np.ix_(row, col)]
