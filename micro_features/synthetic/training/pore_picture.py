"""One picture for training a pore classifier: its kind by turns, all else at random."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from micro_features.errors import SettingsError
from micro_features.synthetic.checks import not_negative
from micro_features.synthetic.microscope import Surface, drawn_micrograph
from micro_features.synthetic.polycrystal import Polycrystal, polycrystal
from micro_features.synthetic.training.hollows import Marked, cavities, cracks, dark_phase, facets, field, hardly_dark
from micro_features.synthetic.training.picture import KINDS, training_picture

SHAPE = (256, 320)
# A quarter each: polished sections, and loosely sintered compacts, whose gaps are dark and shallow beside much relief.
# The rest: an even solid, polished and not etched, fracture surfaces, whatever classifiers of boundaries learn from,
# giant grains among small ones, and a few even grooves.
_TURN = (
    "polished",
    "plain",
    "particles",
    "fracture",
    "mixed",
    "particles",
    "polished",
    "plain",
    "particles",
    "bimodal",
)
PORE_KINDS = (*_TURN, *_TURN[:5], "particles", "polished", "fracture", "polished", "grooved")
_PICTURES_A_CRYSTAL = 6
# Where grey differs from grain to grain, or the solid is even, a dark grain or phase could be either.
_MAY_HOLD_PHASES = ("polished", "plain", "faceted")
_MAY_DIFFER = ("polished", "fracture", "faceted")


@dataclass(frozen=True, eq=False)
class PorePicture:
    """A drawn picture and what of it is pore.

    Attributes
    ----------
    image : (rows, cols) float32 array
        Grey level in steps of 8 bits, 0 to 1.
    pores : (rows, cols) bool array
        Pores, cracks and dark phases.
    unsure : (rows, cols) bool array
        Pores that nobody could tell from solid: of no use for training.
    kind : str
        One of `PORE_KINDS`.
    """

    image: np.ndarray
    pores: np.ndarray
    unsure: np.ndarray
    kind: str


def pore_picture(index: int, *, seed: int = 0) -> PorePicture:
    """Draw a picture for training a pore classifier.

    Parameters
    ----------
    index : int
        From 0; the kind is ``PORE_KINDS[index % len(PORE_KINDS)]``.
    seed : int
        The same index with the same seed draws the same picture.

    Returns
    -------
    PorePicture

    Raises
    ------
    SettingsError
        If index or seed is below 0.
    """
    not_negative("index", index)
    not_negative("seed", seed)
    rng = np.random.default_rng((seed, index, 2))
    kind = look = PORE_KINDS[index % len(PORE_KINDS)]
    if kind in ("plain", "grooved"):
        image, grains, pores = _plain(rng, grooved=kind == "grooved")
    elif kind in ("mixed", "particles", "bimodal"):
        mixed = training_picture(index if kind == "mixed" else index * len(KINDS) + KINDS.index(kind), seed=seed)
        image, grains, pores, look = mixed.image, mixed.grains, mixed.pores > 0, mixed.kind
    else:
        crystal = _crystal(seed, index // _PICTURES_A_CRYSTAL)
        image, grains, pores = _of_crystal(rng, crystal, "fracture" if kind == "fracture" else "polished")
    unsure = hardly_dark(image, pores) if look == "fracture" else np.zeros(pores.shape, bool)
    image, added = _altered(rng, image, grains, pores, look)
    unsure &= ~added
    if rng.random() < 0.5:
        image = image + rng.uniform(0, 0.05) * rng.standard_normal(image.shape)
    if rng.random() < 0.2:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.2))
    image = np.round(255 * np.clip(image, 0, 1)).astype(np.float32) / np.float32(255)
    return PorePicture(image=image, pores=pores | added, unsure=unsure, kind=kind)


def _plain(rng: np.random.Generator, *, grooved: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An even solid: noise, shading, at times curtains. Holes keep to its grains' borders, shown or not."""
    image = rng.uniform(0.4, 0.7) + np.exp(rng.uniform(np.log(0.006), np.log(0.09))) * rng.standard_normal(SHAPE)
    image += rng.uniform(0, 0.05) * field(rng, SHAPE, 150)
    image += rng.choice([0, rng.uniform(0, 0.03)]) * cv2.GaussianBlur(rng.standard_normal((1, SHAPE[1])), (0, 0), 1.5)
    image += rng.choice([0, rng.uniform(0, 0.03)]) * field(rng, SHAPE, rng.uniform(1, 5))
    seeds = np.zeros(SHAPE, np.uint8)
    count = int(np.exp(rng.uniform(np.log(40), np.log(1500))))
    seeds[rng.integers(0, SHAPE[0], count), rng.integers(0, SHAPE[1], count)] = 1
    _, grains = cv2.distanceTransformWithLabels(1 - seeds, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_CCOMP)
    if grooved:
        image -= _grooves(rng, grains)
    image, pores = image.astype(np.float32), np.zeros(SHAPE, bool)
    for _ in range(int(rng.integers(0, 4))):
        image, added = cavities(rng, image, grains)
        pores |= added
    return image, grains, pores


def _grooves(rng: np.random.Generator, grains: np.ndarray) -> np.ndarray:
    """Dark lines between grains, all alike or nearly so, on grains that differ little."""
    inside = np.ones(grains.shape, np.uint8)
    inside[1:] &= grains[1:] == grains[:-1]
    inside[:, 1:] &= grains[:, 1:] == grains[:, :-1]
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    width = np.exp(rng.uniform(np.log(0.6), np.log(min(5, 0.12 * np.sqrt(grains.size / grains.max())))))
    along = np.clip(1 + rng.uniform(0, 0.4) * field(rng, grains.shape, 12), 0.2, None)
    grey = rng.uniform(0, 0.04) * rng.standard_normal(int(grains.max()) + 1)
    line = along * np.exp(-((distance / width) ** rng.uniform(1, 3)))
    return rng.uniform(0.06, 0.45) * np.minimum(line, 1) + grey[grains]


@lru_cache(maxsize=2)
def _crystal(seed: int, number: int) -> Polycrystal:
    """A crystal of grains of unit mean diameter, for a few pictures."""
    rng = np.random.default_rng((seed, number, 3))
    while True:
        try:
            return polycrystal(
                size_um=(8.0, 10.0, 12.0),
                grain_diameter_mean_um=1.0,
                grain_diameter_sigma=rng.uniform(0.15, 0.5),
                porosity=rng.choice([0.0, rng.uniform(0.005, 0.05), rng.uniform(0.05, 0.22)], p=[0.07, 0.43, 0.5]),
                pore_diameter_mean_um=float(np.exp(rng.uniform(np.log(0.35), np.log(2.2)))),
                pore_raggedness=rng.uniform(0, 0.2),
                seed=int(rng.integers(2**31)),
            )
        except SettingsError:
            continue  # so many pores of that size do not fit


def _of_crystal(
    rng: np.random.Generator, crystal: Polycrystal, surface: Surface
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    fine, coarse = (7, 45) if surface == "fracture" else (10, 70)
    drawn = drawn_micrograph(
        crystal,
        surface=surface,
        shape=SHAPE,
        pixel_um=1 / float(np.exp(rng.uniform(np.log(fine), np.log(coarse)))),
        boundary_contrast=rng.choice([0.0, rng.uniform(0.1, 1)], p=[0.15, 0.85]),
        relief=rng.uniform(0, 1),
        blur_px=rng.uniform(0.4, 1.8),
        noise=float(np.exp(rng.uniform(np.log(0.008), np.log(0.1)))),
        shading=rng.uniform(0, 0.08),
        charging=rng.choice([0.0, rng.uniform(0, 0.6)]),
        brightness=rng.uniform(-0.12, 0.12),
        contrast=float(np.exp(rng.uniform(np.log(0.5), np.log(1.6)))),
        seed=int(rng.integers(2**31)),
    )
    return drawn.image.astype(np.float32), drawn.grains, drawn.pores > 0


def _altered(rng: np.random.Generator, image: np.ndarray, grains: np.ndarray, pores: np.ndarray, look: str) -> Marked:
    """Holes, phases or cracks added, or grains made unequally bright, as far as the look allows."""
    if look == "fracture" and rng.random() < 0.6:
        image = np.where(pores, image, facets(rng, image, grains))
    marked = Marked(image, np.zeros(image.shape, bool))
    chance = rng.random()
    if chance < (0.5 if look == "fracture" else 0.35):
        marked = cavities(rng, image, grains)
    elif chance < 0.65 and look in _MAY_HOLD_PHASES:
        if look != "plain" and rng.random() < 0.6:
            marked = marked._replace(image=_evened(rng, image, pores))
        for _ in range(int(rng.integers(1, 4))):
            marked = _both(marked, dark_phase(rng, marked.image, grains))
        marked = _both(marked, cracks(rng, marked.image))
    elif chance < (1 if look == "fracture" else 0.85) and look in _MAY_DIFFER:
        grey = rng.uniform(0.02, 0.12) * np.clip(rng.standard_normal(int(grains.max()) + 1), -2, 2)
        grey[0] = 0
        unequal = cv2.GaussianBlur(grey[grains].astype(np.float32), (0, 0), 0.7)
        marked = marked._replace(image=image + np.where(pores, 0, unequal))
    return marked


def _both(first: Marked, then: Marked) -> Marked:
    return Marked(then.image, first.dark | then.dark)


def _evened(rng: np.random.Generator, image: np.ndarray, dark: np.ndarray) -> np.ndarray:
    """Structure of the solid mostly gone under noise and curtains."""
    solid = np.median(image[~dark])
    image = np.where(dark, image, solid + rng.uniform(0, 0.35) * (image - solid))
    image = image + rng.uniform(0.01, 0.06) * rng.standard_normal(image.shape)
    curtains = cv2.GaussianBlur(rng.standard_normal((1, image.shape[1])), (0, 0), 1.5)
    return (image + rng.uniform(0, 0.02) * curtains).astype(np.float32)
