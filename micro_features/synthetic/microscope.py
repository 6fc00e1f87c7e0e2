"""A grain structure as a scanning electron microscope would show it.

The surface is a height map. Secondary electrons leave more easily from slopes (yield grows as 1/cos of the tilt) and
edges, less from hollows, and more towards the detector (Goldstein et al., Scanning Electron Microscopy and X-Ray
Microanalysis, 4th ed. 2018, ch. 5). Beam width, shot noise, shading and charging follow.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage, signal

from micro_features.errors import SettingsError
from micro_features.synthetic.polycrystal import (
    Tessellation,
    lognormal_diameters,
    place_pores,
    smooth_field,
    tessellate,
)

Surface = Literal["polished", "fracture"]


@dataclass(frozen=True, eq=False)
class DrawnMicrograph:
    """A drawn picture and what is true of it.

    Attributes
    ----------
    image : (rows, cols) float32 array
        Grey level, 0 to 1; no data bar.
    grains, pores : (rows, cols) int32 array
        Labels from 1, 0 elsewhere: every pixel is either grain or pore. A grain cut in two by a pore keeps one label.
    pixel_um : float
    surface : str
        ``"polished"`` or ``"fracture"``.
    porosity : float
        Area share of pores, 0 to 1.
    grain_diameter_mean_um, grain_diameter_sigma : float
        Equivalent circle diameter of the grains as drawn, without the pores' area: number mean, and standard deviation
        of its logarithm. Counted are grains whose centroid lies in the picture, measured whole beyond its border, so
        that the border does not bias them.
    pore_diameter_mean_um : float
        Equivalent circle diameter of pores in the picture (NaN without pores); pores that touch count as one.
    """

    image: np.ndarray
    grains: np.ndarray
    pores: np.ndarray
    pixel_um: float
    surface: Surface
    porosity: float
    grain_diameter_mean_um: float
    grain_diameter_sigma: float
    pore_diameter_mean_um: float


def drawn_micrograph(
    *,
    shape: tuple[int, int] = (480, 640),
    pixel_um: float = 0.125,
    grain_diameter_mean_um: float = 3.0,
    grain_diameter_sigma: float = 0.35,
    porosity: float = 0.05,
    pore_diameter_um: float = 1.2,
    surface: Surface = "polished",
    relief: float = 0.5,
    blur_px: float = 0.8,
    noise: float = 0.03,
    shading: float = 0.04,
    charging: float = 0.3,
    seed: int = 0,
) -> DrawnMicrograph:
    """Draw a micrograph of a porous polycrystal.

    Parameters
    ----------
    shape : (rows, cols)
        At least 32 each.
    pixel_um : float
        Edge of a pixel, micrometres.
    grain_diameter_mean_um : float
        Number mean of the grains' equivalent circle diameter in the picture, micrometres; at least 2 pixels, at most a
        quarter of the shorter side.
    grain_diameter_sigma : float
        Standard deviation of the diameters' logarithm, 0 to 0.8.
    porosity : float
        Area share of pores, 0 to 0.4.
    pore_diameter_um : float
        Mean pore diameter, micrometres; at least 2 pixels, at most a quarter of the shorter side.
    surface : {"polished", "fracture"}
        A polished and etched section (grooves, grain contrast), or rounded and cleaved grains in relief.
    relief : float
        How marked grooves, rims and steps are, 0 (none) to 1.
    blur_px : float
        Standard deviation of the beam, pixels.
    noise : float
        Standard deviation of shot noise at mid grey, as a share of full scale, 0 to 0.3.
    shading : float
        Standard deviation of slow brightness change across the picture, as a share of full scale, 0 to 0.3.
    charging : float
        Strength of streaks along the scan direction, 0 (none) to 1.
    seed : int
        The same request with the same seed draws the same picture.

    Returns
    -------
    DrawnMicrograph

    Raises
    ------
    SettingsError
        If a value is out of bounds, or so many pores do not fit.
    """
    rows, cols = shape
    _within("shape (shorter side)", min(rows, cols), 32, 20_000)
    _within("pixel_um", pixel_um, 1e-6, 1e6)
    largest = min(rows, cols) / 4 * pixel_um
    _within("grain_diameter_mean_um", grain_diameter_mean_um, 2 * pixel_um, largest)
    _within("grain_diameter_sigma", grain_diameter_sigma, 0, 0.8)
    _within("porosity", porosity, 0, 0.4)
    _within("pore_diameter_um", pore_diameter_um, 2 * pixel_um, largest)
    _within("relief", relief, 0, 1)
    _within("blur_px", blur_px, 0, 20)
    _within("noise", noise, 0, 0.3)
    _within("shading", shading, 0, 0.3)
    _within("charging", charging, 0, 1)
    _within("seed", seed, 0, 2**63)
    if surface not in ("polished", "fracture"):
        raise SettingsError(f"surface is {surface!r}: choose 'polished' or 'fracture'.")

    rng = np.random.default_rng(seed)
    diameter_px = grain_diameter_mean_um / pixel_um
    margin = int(np.ceil(diameter_px * (1 + 2 * grain_diameter_sigma))) + 4
    canvas = (rows + 2 * margin, cols + 2 * margin)
    frame = (slice(margin, margin + rows), slice(margin, margin + cols))

    # Pores take their area from the grains: a share (1 - porosity) of the canvas is left for them.
    solid = (1 - porosity) * canvas[0] * canvas[1]
    diameters = lognormal_diameters(rng, area=solid, mean=diameter_px, sigma=grain_diameter_sigma)
    tessellation = tessellate(rng, canvas, diameters, waviness=0.05)
    pore_depth = place_pores(
        rng,
        tessellation,
        porosity=porosity,
        diameter=pore_diameter_um / pixel_um,
        shares=(0.6, 0.35, 0.05) if surface == "fracture" else (0.5, 0.3, 0.2),
        irregularity=0.3 if surface == "fracture" else 0.15,
        frame=frame,
    )
    draw = _polished if surface == "polished" else _fractured
    signal_ = draw(rng, tessellation, pore_depth, diameter_px, relief)[frame]
    image = _scanned(rng, signal_, blur_px=blur_px, noise=noise, shading=shading, charging=charging)

    solid_labels = np.where(pore_depth > 0, 0, tessellation.labels)
    pores, n_pores = ndimage.label(pore_depth[frame] > 0)
    counted = _diameters_in_frame(solid_labels, frame)
    _, grains = np.unique(solid_labels[frame], return_inverse=True)
    grains = grains.reshape(shape) + (0 if (pores > 0).any() else 1)
    pore_sizes = np.sqrt(4 / np.pi * np.bincount(pores.ravel())[1:]) if n_pores else np.array([np.nan])
    return DrawnMicrograph(
        image=image,
        grains=grains.astype(np.int32),
        pores=pores.astype(np.int32),
        pixel_um=float(pixel_um),
        surface=surface,
        porosity=float(np.mean(pores > 0)),
        grain_diameter_mean_um=float(counted.mean() * pixel_um),
        grain_diameter_sigma=float(np.log(counted).std()),
        pore_diameter_mean_um=float(pore_sizes.mean() * pixel_um),
    )


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # also refuses NaN
        raise SettingsError(f"{name} is {value:g}: give a value from {low:g} to {high:g}.")


def _diameters_in_frame(labels: np.ndarray, frame: tuple[slice, slice]) -> np.ndarray:
    """Equivalent circle diameters, px, of the grains whose centroid lies in the frame."""
    area = np.bincount(labels.ravel())
    present = np.flatnonzero(area[1:]) + 1
    inside = np.ones(len(present), dtype=bool)
    for span, position in zip(frame, np.ogrid[: labels.shape[0], : labels.shape[1]], strict=True):
        total = np.bincount(labels.ravel(), weights=np.broadcast_to(position, labels.shape).ravel())
        centroid = total[present] / area[present]
        inside &= (centroid >= span.start - 0.5) & (centroid < span.stop - 0.5)
    return np.sqrt(4 / np.pi * area[present[inside]])


def _polished(
    rng: np.random.Generator, grains: Tessellation, pore_depth: np.ndarray, diameter_px: float, relief: float
) -> np.ndarray:
    """Signal of an etched section: dark grooves with bright shoulders, orientation contrast, pores with soft rims."""
    labels, distance = grains.labels, grains.boundary_distance
    n = int(labels.max()) + 1
    width = np.clip(0.06 * diameter_px, 0.7, 3.0)
    # Boundaries etch unequally, so the groove's depth varies along the picture.
    depth = np.clip(0.75 + 0.45 * smooth_field(rng, labels.shape, length_px=diameter_px), 0.3, 1.25)
    groove = depth * np.exp(-((distance / width) ** 2) / 2)
    shoulder = depth * np.exp(-(((distance - 2.2 * width) / width) ** 2))
    dome = np.tanh(distance / (0.25 * diameter_px))
    lit = np.gradient(ndimage.gaussian_filter(dome, 0.04 * diameter_px + 0.5), axis=0) * diameter_px
    orientation = (0.045 * rng.standard_normal(n))[labels]
    etch = 0.012 * smooth_field(rng, labels.shape, length_px=0.3 * diameter_px)
    picture = 0.5 + orientation + etch + relief * (0.02 * lit + 0.06 * dome + 0.08 * shoulder - 0.36 * groove)
    return _with_pores(rng, picture, pore_depth, floor=0.12, rim=0.09, softness=0.8)


def _fractured(
    rng: np.random.Generator, grains: Tessellation, pore_depth: np.ndarray, diameter_px: float, relief: float
) -> np.ndarray:
    """Signal of a fracture surface: rounded or cleaved grains that stand out at different heights."""
    labels, distance = grains.labels, grains.boundary_distance
    n = int(labels.max()) + 1
    radius = np.sqrt(np.bincount(labels.ravel(), minlength=n) / np.pi)
    rows, cols = np.indices(labels.shape, dtype=float)
    centre = np.zeros((2, n))
    centre[:, 1:] = [ndimage.mean(axis, labels, np.arange(1, n)) for axis in (rows, cols)]
    facing = rng.normal(0, 0.25, (2, n))
    facet = facing[0][labels] * (rows - centre[0][labels]) + facing[1][labels] * (cols - centre[1][labels])
    inward = np.clip(distance / np.maximum(radius, 1)[labels], 0, 1)
    cleaved = (rng.random(n) < 0.25)[labels]
    dome = radius[labels] * np.where(cleaved, 0.15 * np.tanh(6 * inward), 0.8 * np.sqrt(1 - (1 - inward) ** 2))
    standing = (rng.normal(0, 0.45, n) * radius)[labels]
    phase = 6 * facet / np.maximum(radius, 1)[labels] + 1.5 * smooth_field(rng, labels.shape, length_px=diameter_px)
    terraces = np.where(cleaved, 0.05 * diameter_px * np.tanh(6 * np.sin(phase + standing)), 0)
    hills = 1.5 * diameter_px * smooth_field(rng, labels.shape, length_px=12 * diameter_px)
    lumps = 0.7 * diameter_px * smooth_field(rng, labels.shape, length_px=3 * diameter_px)
    hole = 1.5 * np.clip(pore_depth, 0, diameter_px)
    height = ndimage.gaussian_filter(dome + facet + standing + terraces + hills + lumps - hole, 0.5)

    down, right = np.gradient(height)
    tilted = np.sqrt(1 + down**2 + right**2) - 1
    fine = max(0.8, 0.08 * diameter_px)
    edge = ndimage.gaussian_filter(height, fine) - ndimage.gaussian_filter(height, 2 * fine)
    near = ndimage.gaussian_filter(height, 0.15 * diameter_px)
    hollow = near - ndimage.gaussian_filter(height, 1.2 * diameter_px)
    picture = (
        0.46
        + (0.012 * rng.standard_normal(n))[labels]
        + relief * 0.10 * np.tanh(tilted)
        + relief * 0.16 * np.tanh(0.7 * (down + 0.3 * right))
        + relief * np.where(edge > 0, 0.28, 0.16) * np.tanh(1.5 * edge / fine)
        + relief * 0.16 * np.tanh(1.5 * hollow / diameter_px)
    )
    return _with_pores(rng, picture, pore_depth, floor=0.2, rim=0.02, softness=1.2)


def _with_pores(
    rng: np.random.Generator, picture: np.ndarray, depth: np.ndarray, *, floor: float, rim: float, softness: float
) -> np.ndarray:
    """Darken pores towards `floor` with depth; add a bright rim just outside."""
    depth = np.clip(depth, -50, 50)
    shade = 1 / (1 + np.exp(-depth / (0.4 * softness)))
    inside = floor + 0.03 * smooth_field(rng, depth.shape, length_px=6) + 0.2 * (picture - 0.5)
    inside += 0.1 * np.exp(-np.clip(depth, 0, None) / 2)  # walls near the mouth still send electrons out
    bright = rim * np.exp(-(((depth + 1.5) / 1.2) ** 2))
    return (picture + bright) * (1 - shade) + inside * shade


def _scanned(
    rng: np.random.Generator, picture: np.ndarray, *, blur_px: float, noise: float, shading: float, charging: float
) -> np.ndarray:
    """Beam width, slow shading, charging streaks and shot noise; (rows, cols) float32 in 0..1."""
    shape = picture.shape
    picture = ndimage.gaussian_filter(picture, blur_px)
    picture = picture + shading * smooth_field(rng, shape, length_px=0.7 * max(shape))
    # The detector recovers slowly from bright places: a faint dark tail to their right; lines differ a little.
    excess = np.clip(picture - 0.6, 0, None)
    picture = picture - charging * 0.8 * signal.lfilter([0.03], [1, -0.97], excess, axis=1)
    picture = picture + charging * 0.008 * rng.standard_normal((shape[0], 1))
    picture = np.clip(picture, 0.01, None)
    if noise > 0:
        electrons = 0.5 / noise**2
        picture = rng.poisson(picture * electrons) / electrons
    return np.clip(picture, 0, 1).astype(np.float32)
