"""A polycrystal as a scanning electron microscope shows it, and what is true of the picture.

A surface is exposed (`section`, `fracture`), then scanned (`scan`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import ndimage

from micro_features.errors import SettingsError
from micro_features.synthetic.checks import within
from micro_features.synthetic.picture.fracture import fracture_surface
from micro_features.synthetic.picture.scan import scanned
from micro_features.synthetic.picture.scene import Scene
from micro_features.synthetic.picture.section import polished_section
from micro_features.synthetic.polycrystal import Polycrystal, polycrystal

Surface = Literal["polished", "fracture"]

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
        logarithm. Counted are grains that lie whole in the picture, each weighted by one over the probability that one
        of its extent does, so that the border does not bias them (Miles 1974; Lantuejoul 1978). NaN without any.
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
        Edge of a pixel, micrometres.
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
    within("pixel_um", pixel_um, 1e-6, 1e6)
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
    grains, crystal_grain = _numbered(scene.grains, crystal.grains.size_um[1:] / pixel_um)
    pores, _ = ndimage.label(scene.pores)
    diameters, weights = _diameters(grains)
    mean, sigma = _mean_and_log_sd(diameters, weights)
    intercept_px, changes_per_px = _along_lines(grains)
    pore_areas = np.bincount(pores.ravel())[1:]
    return DrawnMicrograph(
        image=image,
        grains=grains,
        pores=pores.astype(np.int32),
        boundaries=_boundaries(grains),
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
    pore_diameter_um: float = 1.2,
    seed: int = 0,
    **imaging: Any,
) -> DrawnMicrograph:
    """Grow a crystal as wide as the picture and a few grains deep, and take a micrograph of it.

    Parameters
    ----------
    grain_diameter_mean_um, grain_diameter_sigma, porosity, pore_diameter_um
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
    # The largest of some thousand lognormal grains is about this many times the mean; the box must hold it.
    largest_um = grain_diameter_mean_um * np.exp(3.7 * grain_diameter_sigma - grain_diameter_sigma**2 / 2)
    depth_um, *sides_um = (max(1.5 * largest_um, n * pixel_um) for n in (0, *shape))
    crystal = polycrystal(
        size_um=(depth_um, sides_um[0], sides_um[1]),
        grain_diameter_mean_um=grain_diameter_mean_um,
        grain_diameter_sigma=grain_diameter_sigma,
        porosity=porosity,
        pore_diameter_um=pore_diameter_um,
        seed=seed,
    )
    return drawn_micrograph(crystal, shape=shape, pixel_um=pixel_um, seed=seed, **imaging)


def _numbered(cells: np.ndarray, period_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels from 1 without gaps, one for each repeat of a cell, 0 kept; and the index of each label's cell.

    A cell is much smaller than the period, so a pixel belongs to the repeat whose circular mean position is nearest.
    """
    key = cells.astype(np.int64)
    for period, position in zip(period_px, np.ogrid[: cells.shape[0], : cells.shape[1]], strict=True):
        turn = np.broadcast_to(2j * np.pi * position / period, cells.shape)
        phase = np.exp(turn).ravel()
        mean = np.bincount(cells.ravel(), phase.real) + 1j * np.bincount(cells.ravel(), phase.imag)
        centre = np.angle(mean) / (2 * np.pi)
        repeat = np.rint(position / period - centre[cells]).astype(np.int64)
        key = key * (repeat.max() - repeat.min() + 1) + repeat - repeat.min()
    key[cells == 0] = -1
    found, first, label = np.unique(key, return_index=True, return_inverse=True)
    label = label.reshape(cells.shape)
    cell = cells.ravel()[first] - 1
    if found[0] != -1:  # no pore: label 0 is not taken
        label, cell = label + 1, np.append(-1, cell)
    return label.astype(np.int32), cell.astype(np.int64)


def _boundaries(grains: np.ndarray) -> np.ndarray:
    lines = np.zeros(grains.shape, dtype=bool)
    for one, other in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        change = (grains[one] != grains[other]) & (grains[one] > 0) & (grains[other] > 0)
        lines[one] |= change
        lines[other] |= change
    return lines


def _diameters(grains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Equivalent circle diameters, px, of grains that lie whole in the picture, and their weights."""
    rows, cols = grains.shape
    area = np.bincount(grains.ravel())[1:]
    diameters, weights = [], []
    for n, (down, across) in enumerate(ndimage.find_objects(grains)):
        if down.start == 0 or across.start == 0 or down.stop == rows or across.stop == cols:
            continue
        room = (rows - (down.stop - down.start) - 1) * (cols - (across.stop - across.start) - 1)
        diameters.append(np.sqrt(4 / np.pi * area[n]))
        weights.append(rows * cols / room)
    return np.array(diameters), np.array(weights)


def _mean_and_log_sd(values: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    if len(values) == 0:
        return np.nan, np.nan
    mean, log_mean = np.average(values, weights=weights), np.average(np.log(values), weights=weights)
    return float(mean), float(np.sqrt(np.average((np.log(values) - log_mean) ** 2, weights=weights)))


def _lines(grains: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Neighbouring pixels along each of four directions, and their distance."""
    yield grains[:, :-1], grains[:, 1:], 1.0
    yield grains[:-1], grains[1:], 1.0
    yield grains[:-1, :-1], grains[1:, 1:], np.sqrt(2)
    yield grains[:-1, 1:], grains[1:, :-1], np.sqrt(2)


def _along_lines(grains: np.ndarray) -> tuple[float, float]:
    """Mean intercept, px, and changes of grain per length in grains, 1/px; all directions weigh the same."""
    in_grain = changes = crossings = 0.0
    for one, other, step in _lines(grains):
        length = step * one.size
        change = np.count_nonzero((one != other) & (one > 0) & (other > 0))
        contact = np.count_nonzero((one > 0) != (other > 0))
        in_grain += step * (np.count_nonzero(one > 0) + np.count_nonzero(other > 0)) / 2 / length
        changes += change / length
        crossings += (change + contact / 2) / length
    return (in_grain / crossings if crossings else np.inf), (changes / in_grain if in_grain else 0.0)
