"""One training picture: its kind by turns, all else at random."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

from micro_features.synthetic.checks import not_negative
from micro_features.synthetic.microscope import Surface, drawn_micrograph
from micro_features.synthetic.picture.labels import mean_and_log_sd, whole_diameters
from micro_features.synthetic.polycrystal import Polycrystal, polycrystal
from micro_features.synthetic.training.camera import Camera, photographed
from micro_features.synthetic.training.kinds import LOOKS
from micro_features.synthetic.training.plane import grown
from micro_features.synthetic.training.surface import Look, seen

SHAPE = (384, 512)
_DIAMETER_PX = (12.0, 110.0)
# Where a second phase takes room, and of the small ones among giants.
_DIAMETER_PX_OF = {"second phase": (25.0, 110.0), "bimodal": (9.0, 28.0)}
_SOLID: dict[str, Surface] = {"polished": "polished", "fracture": "fracture"}
KINDS = (*LOOKS, *_SOLID)
_PICTURES_A_CRYSTAL = 4
_GREY = np.array([0.15, 0.92])  # a typical grain is neither black nor saturated


@dataclass(frozen=True, eq=False)
class TrainingPicture:
    """A drawn picture and its exact labels.

    Attributes
    ----------
    image : (rows, cols) float32 array
        Grey level, 0 to 1.
    grains, pores : (rows, cols) int32 array
        Labels from 1 without gaps, 0 elsewhere; no pixel is both. Neighbouring grains touch in the middle of their
        boundary; where both are 0 lies a second phase between grains.
    kind : str
        One of `KINDS`.
    grain_diameter_mean_px : float
        Number mean of the equivalent circle diameter of the grains that lie whole in the picture (NaN without any).
    """

    image: np.ndarray
    grains: np.ndarray
    pores: np.ndarray
    kind: str
    grain_diameter_mean_px: float


def training_picture(index: int, *, seed: int = 0) -> TrainingPicture:
    """Draw a picture for training boundary and pore classifiers.

    Parameters
    ----------
    index : int
        From 0; the kind is ``KINDS[index % len(KINDS)]``, so that the first n pictures hold all kinds alike.
    seed : int
        The same index with the same seed draws the same picture.

    Returns
    -------
    TrainingPicture
        Of 384 x 512 pixels; grains about 9 to 120 pixels across in the mean.

    Raises
    ------
    SettingsError
        If index or seed is below 0.
    """
    not_negative("index", index)
    not_negative("seed", seed)
    rng = np.random.default_rng((seed, index))
    kind = KINDS[index % len(KINDS)]
    if kind in _SOLID:
        turn = index // len(KINDS)
        image, grains, pores = _of_crystal(rng, _crystal(seed, turn // _PICTURES_A_CRYSTAL), _SOLID[kind])
    else:
        image, grains, pores = _of_plane(rng, kind)
    return TrainingPicture(
        image=image,
        grains=grains,
        pores=pores,
        kind=kind,
        grain_diameter_mean_px=mean_and_log_sd(*whole_diameters(grains))[0],
    )


def _of_plane(rng: np.random.Generator, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image, grains and pores of a drawn plane."""
    smallest, largest = np.log(_DIAMETER_PX_OF.get(kind, _DIAMETER_PX))
    diameter_px = float(np.exp(rng.uniform(smallest, largest)))
    plane = grown(
        rng,
        SHAPE,
        diameter_px=diameter_px,
        sigma=rng.uniform(0.2, 0.6),
        aspect=rng.choice([1.0, 1.0, 1.0, rng.uniform(1.2, 2.5)]),
        even=rng.uniform(0.1, 1),
        bend=rng.choice([0.0, 0.03, 0.1, 0.2]),
        rough_px=rng.choice([0.0, 0.0, 0.5, 1.0]),
        merged=rng.choice([0.0, 0.0, 0.06, 0.15]),
        giants=rng.uniform(0.15, 0.7) if kind == "bimodal" else 0.0,
        giant_diameter=float(np.exp(rng.uniform(*np.log([4, 12])))),
    )
    look = LOOKS[kind](rng, diameter_px)
    scene = seen(rng, plane, look)
    image = photographed(rng, scene.signal, _camera(rng, look, dense=not scene.pores.any()))
    grains = _without_gaps(scene.grains)
    pores, _ = ndimage.label(scene.pores)
    return image, grains, pores.astype(np.int32)


def _without_gaps(labels: np.ndarray) -> np.ndarray:
    """Labels from 1 in the same order; 0 stays 0."""
    found, inverse = np.unique(labels, return_inverse=True)
    return (inverse.reshape(labels.shape) + (found[0] != 0)).astype(np.int32)


def _camera(rng: np.random.Generator, look: Look, *, dense: bool) -> Camera:
    """Noise and blur stop where a person would no longer see most boundaries; a pore is never bright."""
    edge, size = look.boundaries, look.diameter_px
    depth = abs(edge.grey - look.interior.grey) * (1 - np.exp(-edge.depth))
    visible = max(depth, edge.step, edge.rim, 0.7 * look.interior.grey_sd)
    if edge.gap_px > 0:
        visible = look.interior.grey - edge.gap_grey
    most_noise = 0.25 * visible * np.sqrt(edge.width_px * size / 10)
    noise_blur_px = rng.choice([0.0, 0.0, rng.uniform(0.3, 1.5)])
    contrast = rng.choice([1.0, rng.uniform(0.4, 1), rng.uniform(1, 1.4)])
    level = 0.5 + contrast * (look.interior.grey - 0.5)
    return Camera(
        blur_px=min(rng.choice([0.4, 0.7, 1.0, 1.5, 2.5]), 0.05 * size),
        noise=min(float(np.exp(rng.uniform(np.log(0.005), np.log(0.15)))), most_noise / (1 + noise_blur_px)),
        shot=rng.uniform(0, 1),
        noise_blur_px=noise_blur_px,
        shading=rng.choice([0.0, rng.uniform(0, 0.08)]),
        contrast=contrast,
        brightness=float(np.clip(rng.uniform(-0.1, 0.1), *(_GREY - level))),
        gamma=float(np.exp(rng.normal(0, 0.15))),
        sharpening=rng.choice([0.0, 0.0, 0.0, rng.uniform(0.3, 1.5)]),
        jpeg=int(rng.integers(40, 95)) if rng.random() < 0.3 else None,
        inverted=bool(dense and rng.random() < 0.15),
    )


@lru_cache(maxsize=2)
def _crystal(seed: int, number: int) -> Polycrystal:
    """A crystal of grains of unit mean diameter, for a few pictures."""
    rng = np.random.default_rng((seed, number, 1))
    return polycrystal(
        size_um=(5.5, 8.0, 10.0),
        grain_diameter_mean_um=1.0,
        grain_diameter_sigma=rng.uniform(0.2, 0.4),
        porosity=rng.choice([0.0, rng.uniform(0.01, 0.12), rng.uniform(0.1, 0.2)]),
        pore_shares=((0.6, 0.3, 0.1), (0.3, 0.2, 0.5))[int(rng.integers(2))],
        pore_diameter_mean_um=rng.uniform(0.3, 0.6),
        pore_raggedness=rng.uniform(0, 0.2),
        elongation=rng.choice([1.0, 1.0, rng.uniform(1.2, 1.8)]),
        elongation_axis=int(rng.integers(1, 3)),
        seed=int(rng.integers(2**31)),
    )


def _of_crystal(
    rng: np.random.Generator, crystal: Polycrystal, surface: Surface
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image, grains and pores of a section or fracture surface."""
    drawn = drawn_micrograph(
        crystal,
        surface=surface,
        shape=SHAPE,
        pixel_um=1 / float(np.exp(rng.uniform(np.log(15), np.log(120)))),
        boundary_contrast=rng.uniform(0.4, 1),
        relief=rng.uniform(0.2, 1),
        blur_px=rng.uniform(0.4, 1.5),
        noise=float(np.exp(rng.uniform(np.log(0.005), np.log(0.1)))),
        shading=rng.uniform(0, 0.06),
        charging=rng.choice([0.0, rng.uniform(0, 0.6)]),
        brightness=rng.uniform(-0.12, 0.12),
        contrast=rng.uniform(0.6, 1.6),
        seed=int(rng.integers(2**31)),
    )
    return drawn.image, drawn.grains, drawn.pores
