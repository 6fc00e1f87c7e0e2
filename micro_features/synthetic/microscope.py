"""A polycrystal as a scanning electron microscope shows it, and what is true of the picture.

A surface is exposed (`section`, `fracture`), then scanned (`scan`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import ndimage

from micro_features.errors import SettingsError
from micro_features.synthetic.checks import within
from micro_features.synthetic.picture.fracture import fracture_surface
from micro_features.synthetic.picture.labels import (
    along_lines,
    boundary_lines,
    mean_and_log_sd,
    numbered,
    whole_diameters,
)
from micro_features.synthetic.picture.scan import scanned
from micro_features.synthetic.picture.scene import Scene
from micro_features.synthetic.picture.section import polished_section
from micro_features.synthetic.polycrystal import Polycrystal, polycrystal
from micro_features.synthetic.structure.sizes import lognormal_diameters

Surface = Literal["polished", "fracture"]

_LEAST_PIXELS_ACROSS_GRAIN = 2
_MOST_PIXELS_ACROSS_GRAIN = 2000

_EXPOSED: dict[str, Callable[..., Scene]] = {"polished": polished_section, "fracture": fracture_surface}


@dataclass(frozen=True, eq=False)
class DrawnMicrograph:
    """A drawn picture and what is true of it.

    Sizes and densities are those of the labels, pixel by pixel, of this picture: apparent ones on a fracture surface,
    and on a section smaller than the grains are in space.

    Attributes
    ----------
    image : (rows, cols) float32 array
        Grey level, 0 to 1; no data bar.
    grains, pores : (rows, cols) int32 array
        Labels from 1 without gaps, 0 elsewhere: every pixel is either grain or pore. A grain cut in two by a pore, or
        by what lies in front of it, keeps one label; where the crystal repeats, each repeat has its own.
    boundaries : (rows, cols) bool array
        The two pixels on either side of a boundary between grains, a line two pixels wide.
    crystal_grain : (number of grains + 1,) int array
        Of each grain label, the index of the grain in the crystal; -1 for label 0.
    pixel_um : float
    position_um : (z, y, x)
        Where in the crystal the picture's first corner lies.
    surface : str
        ``"polished"`` or ``"fracture"``.
    porosity : float
        Area share of pores, 0 to 1.
    grain_diameter_mean_um, grain_diameter_sigma : float
        Equivalent circle diameter of the grains, without the pores' area: number mean, and standard deviation of its
        logarithm. Counted are grains that lie whole in the picture, weighted so that the border does not bias them (see
        `picture.labels.whole_diameters`). NaN without any.
    pore_diameter_mean_um : float
        Equivalent circle diameter of pores in the picture (NaN without pores); pores that touch count as one.
    grain_intercept_mean_um : float
        Mean length in grains of test lines in four directions over the grains that they meet: a change of grain is a
        crossing, one between grain and pore half a crossing. Infinite where one grain fills the picture.
    surface_per_volume_per_um : float
        S_V = 2 P_L, where P_L is the number of changes of grain per length in grains on the same lines.
    """

    image: np.ndarray
    grains: np.ndarray
    pores: np.ndarray
    boundaries: np.ndarray
    crystal_grain: np.ndarray
    pixel_um: float
    position_um: tuple[float, float, float]
    surface: Surface
    porosity: float
    grain_diameter_mean_um: float
    grain_diameter_sigma: float
    pore_diameter_mean_um: float
    grain_intercept_mean_um: float
    surface_per_volume_per_um: float


def drawn_micrograph(
    crystal: Polycrystal,
    *,
    surface: Surface = "polished",
    shape: tuple[int, int] = (480, 640),
    pixel_um: float = 0.125,
    position_um: tuple[float, float, float] | None = None,
    boundary_contrast: float = 0.6,
    relief: float = 0.5,
    blur_px: float = 0.7,
    noise: float = 0.03,
    shading: float = 0.03,
    charging: float = 0.2,
    brightness: float = 0.0,
    contrast: float = 1.0,
    seed: int = 0,
) -> DrawnMicrograph:
    """Take a micrograph of a polycrystal.

    The seed fixes the place, the preparation (scratches, dust, how boundaries sway by a few hundredths of a grain; the
    crack's way) and the noise; the crystal alone fixes which boundary etches deeply and how bright a grain is.

    Parameters
    ----------
    crystal : Polycrystal
    surface : {"polished", "fracture"}
        A polished and etched plane section, or a rough surface along which the crystal broke.
    shape : (rows, cols)
        At least 32 each. Where the picture is larger than the crystal, the crystal repeats.
    pixel_um : float
        Edge of a pixel, micrometres; the mean grain is 2 to 2000 pixels across.
    position_um : (z, y, x), optional
        Of the picture's first corner; drawn from the seed if left out. Rows run along y, columns along x.
    boundary_contrast : float
        How dark boundaries are, 0 (seen by the grains' own grey only) to 1; below about 0.4 few find them all.
    relief : float
        How marked rims, steps and scratches are, 0 (none) to 1.
    blur_px : float
        Standard deviation of the beam, pixels, 0 to 20.
    noise : float
        Standard deviation of shot noise at mid grey, as a share of full scale, 0 to 0.3.
    shading : float
        Standard deviation of slow brightness change across the picture, as a share of full scale, 0 to 0.3.
    charging : float
        Strength of streaks along the scan direction, 0 (none) to 1.
    brightness : float
        Added to every pixel after amplification, as a share of full scale, -0.5 to 0.5.
    contrast : float
        Gain about mid grey, of signal and noise alike, 0.2 to 5.
    seed : int
        The same request with the same seed draws the same picture.

    Returns
    -------
    DrawnMicrograph

    Raises
    ------
    SettingsError
        If a value is out of bounds.
    """
    within("shape (shorter side)", min(shape), 32, 20_000)
    grain_um = crystal.achieved.grain_diameter_mean_um
    within("pixel_um", pixel_um, grain_um / _MOST_PIXELS_ACROSS_GRAIN, grain_um / _LEAST_PIXELS_ACROSS_GRAIN)
    within("boundary_contrast", boundary_contrast, 0, 1)
    within("relief", relief, 0, 1)
    within("blur_px", blur_px, 0, 20)
    within("noise", noise, 0, 0.3)
    within("shading", shading, 0, 0.3)
    within("charging", charging, 0, 1)
    within("brightness", brightness, -0.5, 0.5)
    within("contrast", contrast, 0.2, 5)
    within("seed", seed, 0, 2**63)
    if surface not in _EXPOSED:
        raise SettingsError(f"surface is {surface!r}: choose one of {', '.join(_EXPOSED)}.")

    # One generator each, so that the surface stays as it is when the scan changes.
    place, surface_rng, scan_rng = np.random.default_rng(seed).spawn(3)
    z, y, x = place.uniform(0, 1, 3) * crystal.grains.size_um if position_um is None else position_um
    for axis, value in zip("zyx", (z, y, x), strict=True):
        within(f"position_um ({axis})", value, -1e6, 1e6)
    scene = _EXPOSED[surface](
        surface_rng,
        crystal,
        shape=shape,
        pixel_um=pixel_um,
        position_um=(z, y, x),
        relief=relief,
        boundary_contrast=boundary_contrast,
    )
    image = scanned(
        scan_rng,
        scene.signal,
        blur_px=blur_px,
        noise=noise,
        shading=shading,
        charging=charging,
        brightness=brightness,
        contrast=contrast,
    )
    grains, crystal_grain = numbered(scene.grains, crystal.grains.size_um[1:] / pixel_um)
    pores, _ = ndimage.label(scene.pores)
    diameters, weights = whole_diameters(grains)
    mean, sigma = mean_and_log_sd(diameters, weights)
    intercept_px, changes_per_px = along_lines(grains)
    pore_areas = np.bincount(pores.ravel())[1:]
    return DrawnMicrograph(
        image=image,
        grains=grains,
        pores=pores.astype(np.int32),
        boundaries=boundary_lines(grains),
        crystal_grain=crystal_grain,
        pixel_um=float(pixel_um),
        position_um=(float(z), float(y), float(x)),
        surface=surface,
        porosity=float(np.mean(scene.pores)),
        grain_diameter_mean_um=mean * pixel_um,
        grain_diameter_sigma=sigma,
        pore_diameter_mean_um=float(np.sqrt(4 / np.pi * pore_areas).mean() * pixel_um) if len(pore_areas) else np.nan,
        grain_intercept_mean_um=intercept_px * pixel_um,
        surface_per_volume_per_um=2 * changes_per_px / pixel_um,
    )


def quick_micrograph(
    *,
    shape: tuple[int, int] = (480, 640),
    pixel_um: float = 0.125,
    grain_diameter_mean_um: float = 3.0,
    grain_diameter_sigma: float = 0.35,
    porosity: float = 0.05,
    pore_diameter_mean_um: float = 1.2,
    seed: int = 0,
    **imaging: Any,
) -> DrawnMicrograph:
    """Grow a crystal as wide as the picture and a few grains deep, and take a micrograph of it.

    Parameters
    ----------
    grain_diameter_mean_um, grain_diameter_sigma, porosity, pore_diameter_mean_um
        Of the grains and pores in space, see `polycrystal`.
    shape, pixel_um, seed, **imaging
        See `drawn_micrograph`.

    Raises
    ------
    SettingsError
        If a value is out of bounds, or so many pores do not fit.
    """
    within("pixel_um", pixel_um, 1e-6, 1e6)
    within("shape (shorter side)", min(shape), 32, 20_000)
    within("grain_diameter_mean_um", grain_diameter_mean_um, pixel_um, min(shape) / 4 * pixel_um)
    within("grain_diameter_sigma", grain_diameter_sigma, 0.05, 0.7)
    sides_um = np.array(shape) * pixel_um
    # The larger the box, the larger its largest grain, which it must hold.
    depth_um, largest_um = 0.0, grain_diameter_mean_um
    while depth_um < 1.6 * largest_um:
        depth_um = 1.6 * largest_um
        sides_um = np.maximum(sides_um, depth_um)
        sizes_um = lognormal_diameters(
            depth_um * sides_um.prod(), mean=grain_diameter_mean_um, sigma=grain_diameter_sigma
        )
        largest_um = sizes_um.max(initial=0)
    crystal = polycrystal(
        size_um=(depth_um, *sides_um),
        grain_diameter_mean_um=grain_diameter_mean_um,
        grain_diameter_sigma=grain_diameter_sigma,
        porosity=porosity,
        pore_diameter_mean_um=pore_diameter_mean_um,
        seed=seed,
    )
    return drawn_micrograph(crystal, shape=shape, pixel_um=pixel_um, seed=seed, **imaging)
