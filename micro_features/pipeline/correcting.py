"""Corrections by hand, over what was found."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from micro_features.corrections import Operation, apply
from micro_features.data import Segmentation


def corrected(segmentation: Segmentation, operations: Sequence[Operation]) -> tuple[Segmentation, int, int]:
    """A segmentation after corrections by hand.

    Boundary strength, confidence, agreement and the ranges over other thresholds stay those of what was found: they
    tell of the method, not of the hand. A grain whose shape was changed has no stability.

    Parameters
    ----------
    segmentation : Segmentation
    operations : sequence of Operation

    Returns
    -------
    segmentation : Segmentation
        The same one where there are no operations.
    applied, missed : int
        Operations that found something to act on, and others.
    """
    if not operations:
        return segmentation, 0, 0
    found = apply(segmentation.grains, segmentation.pores, segmentation.valid, operations)
    stability = segmentation.stability
    if len(stability):
        stability = np.where(found.grain_origin > 0, stability[found.grain_origin], np.float32(np.nan))
        stability[0] = segmentation.stability[0]
    changed = dataclasses.replace(segmentation, grains=found.grains, pores=found.pores, stability=stability)
    return changed, found.applied, len(found.missed)
