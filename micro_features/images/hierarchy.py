"""Basins of a picture at one working scale, and the order in which they merge: what grains are cut from."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from micro_features.images.resize import enlarged
from micro_features.images.watershed import Contacts, MergeTree, cut
from micro_features.images.working_scale import Trial, choose_scale, try_scale

Memo = Callable[[Hashable, Callable[[], Any]], Any]
"""From the name of an intermediate result, and a function that makes it, to that result: kept, or made now."""


def made_now(key: Hashable, make: Callable[[], Any]) -> Any:
    """A `Memo` that keeps nothing."""
    return make()


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """Basins at one working scale and how they merge, whatever the merge level.

    Attributes
    ----------
    trial : Trial
    labels : (rows, cols) int32 array
        Basins that `tree` merges.
    touching : Contacts
        Of these.
    tree : MergeTree
    area_px : (number of basins + 1,) array
    """

    trial: Trial
    labels: np.ndarray
    touching: Contacts
    tree: MergeTree
    area_px: np.ndarray

    def grains(self, level: float, shape: tuple[int, ...]) -> np.ndarray:
        """Grains at a merge level, as large as the picture; pores and what is not valid belong to the nearest one."""
        return enlarged(cut(self.tree, self.labels, level), shape)


@dataclass(frozen=True, eq=False)
class Scales:
    """A picture without its pores, looked at when shrunk by one factor or another.

    Attributes
    ----------
    image : (rows, cols) float32 array
        Grey level; 0 where not solid.
    solid : (rows, cols) bool array
    merge_level, small_grain_px, window_px : float
        As for `images.grains.watershed`.
    memo : Memo
        Keeps what was made.
    """

    image: np.ndarray
    solid: np.ndarray
    merge_level: float
    small_grain_px: float
    window_px: float
    memo: Memo

    def key(self, trial: Trial) -> tuple[float, ...]:
        """What a trial depends on."""
        return (trial.evidence.factor, self.merge_level, self.small_grain_px, self.window_px)

    def trial(self, factor: float) -> Trial:
        """The picture shrunk by a factor."""
        key = ("trial", factor, self.merge_level, self.small_grain_px, self.window_px)
        found: Trial = self.memo(key, lambda: try_scale(self.image, self.solid, factor, **self._options))
        return found

    def chosen(self, working_scale: float, tolerance: float) -> tuple[Trial, tuple[Trial, ...]]:
        """The trial at the working scale, and all that were made to find it."""
        if working_scale:
            trial = self.trial(working_scale)
            return trial, (trial,)
        key = ("scale", tolerance, self.merge_level, self.small_grain_px, self.window_px)
        found: tuple[Trial, tuple[Trial, ...]] = self.memo(
            key, lambda: choose_scale(self.image, self.solid, scale_tolerance=tolerance, **self._options)
        )
        return found

    @property
    def _options(self) -> dict[str, float]:
        return {
            "merge_level": self.merge_level,
            "small_grain_px": self.small_grain_px,
            "window_px": self.window_px,
        }


def without_pores(image: np.ndarray, valid: np.ndarray, pores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture without its pores, and where it is.

    A pore is darker than any groove: left in, it would set the contrast that grooves around it are measured by.
    """
    solid = valid & (pores == 0)
    return np.where(solid, image, np.float32(0)), solid
