"""Settings bound to kernels: the way of one micrograph from its pixels to its numbers.

Command line, page and notebooks go through here; none of them computes anything itself.
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel
from scipy.special import expit

from micro_features.calibration.annotations import read_annotations
from micro_features.calibration.pixel_size import pixel_size
from micro_features.calibration.tags import acquisition_from_tags
from micro_features.data import Acquisition, Annotations, Micrograph, Picture, PixelSize, Segmentation
from micro_features.errors import ArtefactError, CalibrationError
from micro_features.features.boundary_contrast import boundary_contrast_features
from micro_features.features.catalogue import FEATURES
from micro_features.features.fields import field_features
from micro_features.features.intercepts import intercept_features
from micro_features.features.populations import population_features
from micro_features.features.quality import quality_features
from micro_features.features.regions import region_table
from micro_features.features.texture import texture_features
from micro_features.files.artefacts import model_folder, read_weights, weights_digest
from micro_features.files.images import grey_levels
from micro_features.images.boundary_evidence import BOUNDARY_FEATURES
from micro_features.images.grains import GRAIN_METHODS, Judge
from micro_features.images.pair_evidence import PAIR_FEATURES
from micro_features.images.phases import PhaseMasks, phase_masks
from micro_features.images.pore_evidence import PORE_FEATURES
from micro_features.images.pores import PORE_METHODS, classified_with_range
from micro_features.learn.pixels import from_bytes, log_odds
from micro_features.settings import Settings

BOUNDARY_WEIGHTS = ("contacts.ubj", "pairs.ubj")
"""Files of a model of grain boundaries: the classifiers of contacts and of pairs of regions."""
PORE_WEIGHTS = ("pores.ubj",)
"""File of a model of pores."""

UNCALIBRATED = PixelSize(1.0, "uncalibrated", 0.0)


@dataclass(frozen=True)
class Calibrated:
    """What is known of a picture's scale and origin.

    Attributes
    ----------
    annotations : Annotations
    pixel_size : PixelSize
        `UNCALIBRATED` where lengths are in pixels.
    acquisition : Acquisition
        Vendor tags first, burned-in text where they are silent.
    """

    annotations: Annotations
    pixel_size: PixelSize
    acquisition: Acquisition

    @property
    def has_scale(self) -> bool:
        """False where lengths are in pixels."""
        return self.pixel_size is not UNCALIBRATED


@dataclass(frozen=True, eq=False)
class Measured:
    """The numbers of one micrograph.

    Attributes
    ----------
    features : dict of str to float
        Every name of the catalogue; NaN where a number does not exist or is withheld.
    quality : dict
        What to trust.
    regions : DataFrame
        One row per grain (where grains are resolved) and pore.
    """

    features: dict[str, float]
    quality: dict[str, float | int | bool]
    regions: pd.DataFrame


def calibrate(picture: Picture, *, pixel_um: float | None = None, uncalibrated: bool = False) -> Calibrated:
    """Find data bar, scale bar and pixel size of a picture.

    Parameters
    ----------
    picture : Picture
    pixel_um : float, optional
        What the user says, micrometres; compared with what the picture says.
    uncalibrated : bool
        Do not ask for a pixel size; lengths are in pixels.

    Returns
    -------
    Calibrated

    Raises
    ------
    CalibrationError
        There is no trustworthy pixel size, or two sources disagree.
    """
    calibrated = _annotated(picture)
    if uncalibrated:
        return calibrated
    size = pixel_size(calibrated.annotations, picture, user_pixel_um=pixel_um)
    return dataclasses.replace(calibrated, pixel_size=size)


def calibrate_if_possible(
    picture: Picture, *, pixel_um: float | None = None, uncalibrated: bool = False
) -> tuple[Calibrated, str]:
    """Like `calibrate`, but where a pixel size is refused, lengths are in pixels and the reason is returned."""
    calibrated = _annotated(picture)
    if uncalibrated:
        return calibrated, ""
    try:
        size = pixel_size(calibrated.annotations, picture, user_pixel_um=pixel_um)
    except CalibrationError as error:
        return calibrated, str(error)
    return dataclasses.replace(calibrated, pixel_size=size), ""


def _annotated(picture: Picture) -> Calibrated:
    annotations = read_annotations(picture)
    stored = {
        name: value
        for name, value in dataclasses.asdict(acquisition_from_tags(picture.tags)).items()
        if value is not None
    }
    return Calibrated(annotations, UNCALIBRATED, dataclasses.replace(annotations.acquisition, **stored))


def micrograph_of(
    picture: Picture, calibrated: Calibrated, *, micrograph_id: str = "", sample_id: str = ""
) -> Micrograph:
    """A picture as a calibrated micrograph, what is no material masked.

    Parameters
    ----------
    picture : Picture
    calibrated : Calibrated
    micrograph_id, sample_id : str

    Returns
    -------
    Micrograph
    """
    image, valid = grey_levels(picture)
    for first_row, last_row, first_col, last_col in calibrated.annotations.masked:
        valid[first_row : last_row + 1, first_col : last_col + 1] = False
    return Micrograph(
        image=image,
        valid=valid,
        pixel_um=calibrated.pixel_size.pixel_um,
        calibrated=calibrated.has_scale,
        acquisition=calibrated.acquisition,
        micrograph_id=micrograph_id,
        sample_id=sample_id,
        sha256=picture.sha256,
    )


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
    frame = _frame(micrograph.valid)
    image, valid = micrograph.image[frame], micrograph.valid[frame]
    pores, pore_area_range = _pores(image, valid, settings)
    find_grains = GRAIN_METHODS[settings.grains.method]
    judges: dict[str, Judge] = _boundary_judges(settings.grains.model) if settings.grains.method == "learned" else {}
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
        predict = _pore_judge(settings.pores.model)
        return classified_with_range(image, valid, predict=predict, **_options(classified_with_range, settings.pores))
    find = PORE_METHODS[settings.pores.method]
    return find(image, valid, **_options(find, settings.pores)), (np.nan, np.nan)


def _of_labels(values: np.ndarray, labels: pd.Series) -> np.ndarray:
    """The value of each label; NaN where none is known."""
    return values[labels] if len(values) else np.full(len(labels), np.nan)


def _range(values: Sequence[float], of: float) -> tuple[float, float]:
    return (min(values) / of, max(values) / of) if of else (np.nan, np.nan)


def models_used(settings: Settings) -> dict[str, str]:
    """Models that a segmentation with these settings depends on: what they find to hash of their weights.

    Parameters
    ----------
    settings : Settings

    Raises
    ------
    ArtefactError
        A model is missing.
    """
    used = {}
    if settings.pores.method == "classified":
        used["pores"] = weights_digest(_weights(settings.pores.model, PORE_WEIGHTS))
    if settings.grains.method == "learned":
        used["grains"] = weights_digest(_weights(settings.grains.model, BOUNDARY_WEIGHTS))
    return used


def check_models(settings: Settings) -> None:
    """Load the models that a segmentation with these settings needs, before any picture is opened.

    Parameters
    ----------
    settings : Settings

    Raises
    ------
    ArtefactError
        A model is missing, or is none.
    """
    if settings.grains.method == "learned":
        _boundary_judges(settings.grains.model)
    if settings.pores.method == "classified":
        _pore_judge(settings.pores.model)


@functools.cache
def _weights(model: str, names: tuple[str, ...]) -> dict[str, bytes]:
    return read_weights(model_folder(model), names)


@functools.cache
def _boundary_judges(model: str) -> dict[str, Judge]:
    contacts, pairs = BOUNDARY_WEIGHTS
    return {
        "judge_contacts": _judge(model, BOUNDARY_WEIGHTS, contacts, BOUNDARY_FEATURES),
        "judge_pairs": _judge(model, BOUNDARY_WEIGHTS, pairs, PAIR_FEATURES),
    }


@functools.cache
def _pore_judge(model: str) -> Callable[[np.ndarray], np.ndarray]:
    odds = _judge(model, PORE_WEIGHTS, PORE_WEIGHTS[0], PORE_FEATURES)
    return lambda features: expit(odds(features))


def _judge(model: str, files: tuple[str, ...], name: str, features: tuple[str, ...]) -> Judge:
    stored = _weights(model, files)[name]
    try:
        return functools.partial(log_odds, from_bytes(stored, features))
    except ArtefactError as error:
        raise ArtefactError(f"{model_folder(model) / name} {error}") from None


def _options(method: Callable[..., Any], *sections: BaseModel) -> dict[str, Any]:
    """The settings that a method listens to, by the names of its keyword arguments."""
    known = inspect.signature(method).parameters
    return {name: value for section in sections for name, value in section.model_dump().items() if name in known}


def _frame(valid: np.ndarray) -> tuple[slice, slice]:
    """The smallest rectangle that holds all material: kernels need not see the data bar."""
    rows, cols = np.flatnonzero(valid.any(axis=1)), np.flatnonzero(valid.any(axis=0))
    if not len(rows):
        return slice(0, valid.shape[0]), slice(0, valid.shape[1])
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)


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


def measure(micrograph: Micrograph, segmentation: Segmentation, settings: Settings) -> Measured:
    """Every feature of the catalogue, the quality flags, and the regions.

    Grain and boundary features are NaN, and grains are left out of the regions, where grains are not resolved, unless
    the settings insist. Of a picture of one colour nothing is measured.

    Parameters
    ----------
    micrograph : Micrograph
    segmentation : Segmentation
        Of this micrograph.
    settings : Settings

    Returns
    -------
    Measured
    """
    frame = _frame(micrograph.valid)
    image, valid = micrograph.image[frame], micrograph.valid[frame]
    grains, pores = segmentation.grains[frame], segmentation.pores[frame]
    pixel_um = micrograph.pixel_um
    quality = quality_features(
        image,
        valid,
        grains,
        boundary=segmentation.boundary[frame],
        min_pixels_across_grain=settings.measure.min_pixels_across_grain,
        min_whole_grains=settings.measure.min_whole_grains,
        min_calm_share=settings.measure.min_calm_share,
        grain_dependence=segmentation.grain_dependence,
        confidence=segmentation.confidence,
        min_confidence=settings.measure.min_confidence,
        stability=segmentation.stability,
        agreement=segmentation.agreement,
        count_range=segmentation.count_range,
        boundary_range=segmentation.boundary_range,
        pore_area_range=segmentation.pore_area_range,
    )
    # Shares speak of the file's frame, not of the rectangle that was looked at.
    quality["quality_measured_share"] = float(micrograph.valid.mean())
    features = dict.fromkeys(FEATURES, np.nan)
    pore_regions = region_table(pores, image, valid, pixel_um=pixel_um, phase="pore")
    pore_regions["stability"] = np.nan
    regions = [pore_regions]
    if quality["quality_flat"]:
        return Measured(features, quality, pore_regions.iloc[:0])
    features |= texture_features(image, valid, pixel_um=pixel_um)
    features |= field_features(
        grains,
        pores,
        pore_regions,
        valid,
        pixel_um=pixel_um,
        rounded_circularity=settings.measure.rounded_circularity,
        reach_px=round(settings.phases.boundary_width_px),
        seed=settings.seed,
    )
    features |= population_features(pore_regions, valid, phase="pore", pixel_um=pixel_um)
    if quality["quality_grains_resolved"] or settings.measure.unresolved_grains:
        grain_regions = region_table(grains, image, valid, pixel_um=pixel_um, phase="grain")
        grain_regions["stability"] = _of_labels(segmentation.stability, grain_regions["label"])
        regions.insert(0, grain_regions)
        features |= population_features(grain_regions, valid, phase="grain", pixel_um=pixel_um)
        features |= intercept_features(grains, valid, pixel_um=pixel_um)
        features |= boundary_contrast_features(image, grains, pores, valid, pixel_um=pixel_um)
    else:
        features |= {name: np.nan for name, feature in FEATURES.items() if feature.needs_grains}
    if not micrograph.calibrated:
        features |= {name: np.nan for name, feature in FEATURES.items() if feature.unit == "G"}
    table = pd.concat(regions, ignore_index=True)
    table["centroid_row_px"] += frame[0].start
    table["centroid_col_px"] += frame[1].start
    return Measured(features, quality, table)
