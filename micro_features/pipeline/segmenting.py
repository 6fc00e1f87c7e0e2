"""Grains and pores of a micrograph."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel

from micro_features.data import Micrograph, Segmentation
from micro_features.images.grains import GRAIN_METHODS, Judge
from micro_features.images.phases import PhaseMasks, phase_masks
from micro_features.images.pores import PORE_METHODS, classified_with_range
from micro_features.pipeline.frame import frame_of
from micro_features.pipeline.models import boundary_judges, pore_judge
from micro_features.settings import Settings


def segment(micrograph: Micrograph, settings: Settings) -> Segmentation:
    """Grains and pores of a micrograph.

    Parameters
    ----------
    micrograph : Micrograph
    settings : Settings

    Returns
    -------
    Segmentation
        At the size of the picture, data bar as background.
    """
    frame = frame_of(micrograph.valid)
    image, valid = micrograph.image[frame], micrograph.valid[frame]
    pores, pore_area_range = _pores(image, valid, settings)
    find_grains = GRAIN_METHODS[settings.grains.method]
    judges: dict[str, Judge] = boundary_judges(settings.grains.model) if settings.grains.method == "learned" else {}
    grains = find_grains(image, valid, pores, **judges, **_options(find_grains, settings.prepare, settings.grains))
    here = next(rung for rung in grains.rungs if rung.level == grains.level)

    def whole(part: np.ndarray) -> np.ndarray:
        full = np.zeros(micrograph.image.shape, part.dtype)
        full[frame] = part
        return full

    return Segmentation(
        grains=whole(grains.labels),
        pores=whole(pores),
        boundary=whole(grains.boundary),
        valid=micrograph.valid,
        pixel_um=micrograph.pixel_um,
        micrograph_id=micrograph.micrograph_id,
        working_scale=grains.working_scale,
        grain_dependence=grains.relative_dependence,
        stability=grains.stability,
        confidence=grains.confidence,
        agreement=grains.agreement,
        count_range=_range([rung.n_grains for rung in grains.rungs], here.n_grains),
        boundary_range=_range([rung.boundary_px for rung in grains.rungs], here.boundary_px),
        pore_area_range=pore_area_range,
    )


def _pores(image: np.ndarray, valid: np.ndarray, settings: Settings) -> tuple[np.ndarray, tuple[float, float]]:
    """Labels, and the range of their area where the method tells one."""
    if settings.pores.method == "classified":
        predict = pore_judge(settings.pores.model)
        return classified_with_range(image, valid, predict=predict, **_options(classified_with_range, settings.pores))
    find = PORE_METHODS[settings.pores.method]
    return find(image, valid, **_options(find, settings.pores)), (np.nan, np.nan)


def _range(values: Sequence[float], of: float) -> tuple[float, float]:
    return (min(values) / of, max(values) / of) if of else (np.nan, np.nan)


def _options(method: Callable[..., Any], *sections: BaseModel) -> dict[str, Any]:
    """The settings that a method listens to, by the names of its keyword arguments."""
    known = inspect.signature(method).parameters
    return {name: value for section in sections for name, value in section.model_dump().items() if name in known}


def phases(segmentation: Segmentation, settings: Settings) -> PhaseMasks:
    """Masks of pore, grain boundary and grain interior of a segmented micrograph.

    Parameters
    ----------
    segmentation : Segmentation
    settings : Settings

    Returns
    -------
    PhaseMasks
        Three disjoint (rows, cols) bool arrays that cover the valid area together.
    """
    width_px = settings.phases.boundary_width_px
    return phase_masks(segmentation.grains, segmentation.pores, segmentation.valid, boundary_width_px=width_px)
