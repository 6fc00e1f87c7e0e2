"""A drawn specimen: its crystal, pictures of it, and its conductivity, all from one request."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from micro_features.synthetic.law.block import Block, solved_block, voxel_for
from micro_features.synthetic.law.causes import GRAIN_SIGMA, PORES_ALIKE, Causes
from micro_features.synthetic.microscope import DrawnMicrograph, Surface, drawn_micrograph
from micro_features.synthetic.picture.databar import Layout
from micro_features.synthetic.polycrystal import Polycrystal, polycrystal

SHAPE = (480, 640)
PIXEL_UM = 0.125
_VOXELS = 96


@dataclass(frozen=True)
class Session:
    """A day at the microscope.

    Attributes
    ----------
    name : str
    layout : {"jeol", "zeiss", "fei", "hitachi"}
        Of the data bar.
    kV, WD_mm : float
    start : datetime
    brightness, contrast, blur_px, noise : float
        As for `drawn_micrograph`.
    magnification : float
        Of a print 12 cm wide, for a picture of `SHAPE` and `PIXEL_UM`.
    """

    name: str
    layout: Layout
    kV: float
    WD_mm: float
    start: datetime
    brightness: float
    contrast: float
    blur_px: float
    noise: float
    magnification: float = 1500.0


@dataclass(frozen=True)
class View:
    """One picture of a specimen.

    Attributes
    ----------
    picture_id : str
    surface : {"polished", "fracture"}
    height : float
        Of the section or the mean fracture surface, as a share of the crystal's thickness.
    taken : datetime
    seed : int
    """

    picture_id: str
    surface: Surface
    height: float
    taken: datetime
    seed: int


@dataclass(frozen=True)
class SpecimenRequest:
    """All that a specimen is drawn from.

    Attributes
    ----------
    sample_id : str
    causes : Causes
    pore_diameter_um : float
    boundary_contrast : float
        As for `drawn_micrograph`.
    session : Session
    half : {"train", "test"}
        Matters where sessions follow the conductivity; half of the specimens each.
    views : tuple of View
    law_S_per_cm : float
        Conductivity by the preset's law.
    solved : bool
        Whether the specimen's conductivity is solved instead of taken from the law.
    seed : int
        Of the crystal.
    """

    sample_id: str
    causes: Causes
    pore_diameter_um: float
    boundary_contrast: float
    session: Session
    half: str
    views: tuple[View, ...]
    law_S_per_cm: float
    solved: bool
    seed: int


@dataclass(frozen=True, eq=False)
class Specimen:
    """A drawn specimen.

    Attributes
    ----------
    request : SpecimenRequest
    crystal : Polycrystal
    pictures : tuple of DrawnMicrograph
        One for each of the request's views.
    conductivity_S_per_cm : float
    block : Block or None
        What was solved, with the dissipation map; None where the conductivity is the law's.
    """

    request: SpecimenRequest
    crystal: Polycrystal
    pictures: tuple[DrawnMicrograph, ...]
    conductivity_S_per_cm: float
    block: Block | None


def draw_specimen(request: SpecimenRequest) -> Specimen:
    """Make a specimen's crystal, take its pictures and settle its conductivity.

    The crystal is as wide as the pictures, which show all of it at different heights, and as thick as the block that is
    solved: every section cuts that block.

    Raises
    ------
    SettingsError
        If no such crystal can be made.
    ConvergenceError
        If the solver does not converge.
    """
    causes = request.causes
    height_um, width_um = (side * PIXEL_UM for side in SHAPE)
    voxel_um = min(voxel_for(causes.grain_diameter_um, request.pore_diameter_um), min(height_um, width_um) / _VOXELS)
    edge_um = _VOXELS * voxel_um
    crystal = polycrystal(
        size_um=(edge_um, height_um, width_um),
        grain_diameter_mean_um=causes.grain_diameter_um,
        grain_diameter_sigma=GRAIN_SIGMA,
        porosity=causes.porosity,
        pore_diameter_mean_um=request.pore_diameter_um,
        **PORES_ALIKE,
        seed=request.seed,
    )
    pictures = tuple(
        drawn_micrograph(
            crystal,
            surface=view.surface,
            shape=SHAPE,
            pixel_um=PIXEL_UM,
            position_um=(view.height * edge_um, 0.0, 0.0),
            boundary_contrast=request.boundary_contrast,
            blur_px=request.session.blur_px,
            noise=request.session.noise,
            brightness=request.session.brightness,
            contrast=request.session.contrast,
            seed=view.seed,
        )
        for view in request.views
    )
    if not request.solved:
        return Specimen(request, crystal, pictures, request.law_S_per_cm, None)
    block = solved_block(
        crystal,
        voxels=_VOXELS,
        voxel_um=voxel_um,
        boundary_resistance_ohm_cm2=causes.boundary_resistance_ohm_cm2,
        origin_um=(0.0, (height_um - edge_um) / 2, (width_um - edge_um) / 2),
    )
    return Specimen(request, crystal, pictures, block.conduction.conductivity_S_per_cm, block)


def specimen_rows(specimen: Specimen) -> list[dict[str, Any]]:
    """One row of a manifest for each picture.

    Returns
    -------
    list of dict
        `cause_…` are the causes as requested, which the law is a function of. Columns with `_true` are what the crystal
        achieved, or how the picture was taken; those with `_drawn` are measured on the picture's exact labels.
        `boundary_share` is the share of the power that a solved specimen loses in boundaries.
    """
    request, session, achieved = specimen.request, specimen.request.session, specimen.crystal.achieved
    common = {
        "conductivity_S_per_cm": specimen.conductivity_S_per_cm,
        "law_S_per_cm": request.law_S_per_cm,
        "boundary_share": specimen.block.conduction.boundary_share if specimen.block else np.nan,
        **{f"cause_{name}": value for name, value in asdict(request.causes).items()},
        "porosity_true": achieved.porosity,
        "grain_diameter_mean_true_um": achieved.grain_diameter_mean_um,
        "grain_diameter_sigma_true": achieved.grain_diameter_sigma,
        "grain_intercept_mean_true_um": achieved.grain_intercept_mean_um,
        "surface_per_volume_true_per_um": achieved.surface_per_volume_per_um,
        "pore_diameter_mean_true_um": achieved.pore_diameter_mean_um,
    }
    how_taken = {
        "boundary_contrast": request.boundary_contrast,
        "brightness": session.brightness,
        "contrast": session.contrast,
        "half": request.half,
        "session": session.name,
        "magnification_true": session.magnification,
        "kV_true": session.kV,
        "WD_mm_true": session.WD_mm,
    }
    return [
        {
            "sample_id": request.sample_id,
            "surface": view.surface,
            "pixel_um_true": picture.pixel_um,
            **common,
            "porosity_drawn": picture.porosity,
            "grain_diameter_mean_drawn_um": picture.grain_diameter_mean_um,
            "grain_diameter_sigma_drawn": picture.grain_diameter_sigma,
            "grain_intercept_mean_drawn_um": picture.grain_intercept_mean_um,
            "surface_per_volume_drawn_per_um": picture.surface_per_volume_per_um,
            "pore_diameter_mean_drawn_um": picture.pore_diameter_mean_um,
            **how_taken,
            "date_true": view.taken.date().isoformat(),
            "time_true": view.taken.time().isoformat(),
        }
        for view, picture in zip(request.views, specimen.pictures, strict=True)
    ]
