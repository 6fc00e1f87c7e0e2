"""Grains and pores of a micrograph."""

import inspect
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel

from micro_features.data import Micrograph, Segmentation
from micro_features.images.grains import GRAIN_METHODS, GrainMap, Judge
from micro_features.images.hierarchy import Memo, made_now
from micro_features.images.phases import PhaseMasks, phase_masks
from micro_features.images.pores import (
    PORE_METHODS,
    PoreLikelihood,
    likely_pores,
    pore_area_range,
    pore_likelihood,
)
from micro_features.pipeline.frame import frame_of
from micro_features.pipeline.models import boundary_judges, pore_judge
from micro_features.settings import Settings


def segment(micrograph: Micrograph, settings: Settings, *, memo: Memo = made_now) -> Segmentation:
    """Grains and pores of a micrograph.

    Parameters
    ----------
    micrograph : Micrograph
    settings : Settings
    memo : Memo
        Keeps intermediate results of this micrograph, so that a changed setting costs only what it touches
        (`pipeline.memory.Memory`); the segmentation is the same with and without.

    Returns
    -------
    Segmentation
        At the size of the picture, data bar as background.
    """
    frame = frame_of(micrograph.valid)
    image, valid = micrograph.image[frame], micrograph.valid[frame]
    pores, pore_area_range = find_pores(image, valid, settings, memo=memo)
    grains = find_grains(image, valid, pores, settings, memo=memo)
    return put_together(micrograph, pores, pore_area_range, grains)


def put_together(
    micrograph: Micrograph, pores: np.ndarray, pore_area_range: tuple[float, float], grains: GrainMap
) -> Segmentation:
    """What `find_pores` and `find_grains` found in the frame of a micrograph, at the size of the picture.

    Parameters
    ----------
    micrograph : Micrograph
    pores : (rows, cols) int32 array
        In `frame_of` its valid pixels, as `grains` are.
    pore_area_range : (low, high)
    grains : GrainMap

    Returns
    -------
    Segmentation
    """
    frame = frame_of(micrograph.valid)
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


def find_pores(
    image: np.ndarray, valid: np.ndarray, settings: Settings, *, memo: Memo = made_now
) -> tuple[np.ndarray, tuple[float, float]]:
    """Pores by the method that the settings name.

    Parameters
    ----------
    image : (rows, cols) float32 array
    valid : (rows, cols) bool array
    settings : Settings
    memo : Memo
        Of this picture.

    Returns
    -------
    labels : (rows, cols) int32 array
    area_range : (low, high)
        Of their area, where the method tells one; else NaN.
    """
    chosen = settings.pores
    find = PORE_METHODS[chosen.method]

    def labelled() -> tuple[np.ndarray, tuple[float, float]]:
        if chosen.method != "classified":
            keeps = {"memo": memo} if "memo" in inspect.signature(find).parameters else {}
            return find(image, valid, **_options(find, chosen), **keeps), (np.nan, np.nan)
        likelihood = pore_likelihood_of(image, valid, settings, memo=memo)
        cut = _options(likely_pores, chosen)
        labels = likely_pores(likelihood, **cut)
        return labels, pore_area_range(likelihood, labels, **cut)

    found: tuple[np.ndarray, tuple[float, float]] = memo(pores_key(settings), labelled)
    return found


def pore_likelihood_of(
    image: np.ndarray, valid: np.ndarray, settings: Settings, *, memo: Memo = made_now
) -> PoreLikelihood:
    """What the trained classifier says of each pixel, whatever the threshold.

    Parameters
    ----------
    image, valid, settings, memo
        As for `find_pores`; of method ``classified``.

    Returns
    -------
    PoreLikelihood
    """
    found: PoreLikelihood = memo(
        likelihood_key(settings),
        lambda: pore_likelihood(
            image, valid, predict=pore_judge(settings.pores.model), window_px=settings.pores.window_px
        ),
    )
    return found


def find_grains(
    image: np.ndarray, valid: np.ndarray, pores: np.ndarray, settings: Settings, *, memo: Memo = made_now
) -> GrainMap:
    """Grains by the method that the settings name.

    Parameters
    ----------
    image : (rows, cols) float32 array
    valid : (rows, cols) bool array
    pores : (rows, cols) int32 array
        What `find_pores` finds with these settings.
    settings : Settings
    memo : Memo
        Of this picture.

    Returns
    -------
    GrainMap
    """
    chosen = settings.grains
    find = GRAIN_METHODS[chosen.method]
    judges: dict[str, Judge] = boundary_judges(chosen.model) if chosen.method == "learned" else {}
    around = (chosen.method, chosen.model, pores_key(settings))
    found: GrainMap = memo(
        grain_key(settings),
        lambda: find(
            image,
            valid,
            pores,
            **judges,
            **_options(find, settings.prepare, chosen),
            memo=lambda key, make: memo((around, key), make),
        ),
    )
    return found


def likelihood_key(settings: Settings) -> Hashable:
    """All that the likelihood of pores depends on, beside the picture."""
    return ("likelihood", settings.pores.model, settings.pores.window_px)


def pores_key(settings: Settings) -> Hashable:
    """All that pores depend on, beside the picture."""
    method = settings.pores.method
    listens = {*_options(PORE_METHODS[method], settings.pores)}
    if method == "classified":
        listens.add("model")
    return ("pores", method, *(getattr(settings.pores, name) for name in sorted(listens)))


def grain_key(settings: Settings) -> Hashable:
    """All that grains depend on, beside the picture."""
    return ("grains", settings.grains, settings.prepare, pores_key(settings))


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
