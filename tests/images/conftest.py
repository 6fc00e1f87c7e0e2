"""Drawn pictures whose regions are known exactly, and the score of a segmentation against them."""

from typing import NamedTuple

import numpy as np
import pytest
from scipy.spatial import cKDTree


class Drawn(NamedTuple):
    image: np.ndarray
    labels: np.ndarray


def voronoi(
    shape: tuple[int, int],
    grain_px: float,
    *,
    look: str = "groove",
    contrast: float = 0.25,
    texture: float = 0.0,
    noise: float = 0.0,
    enlarge: int = 1,
    seed: int = 0,
) -> Drawn:
    """Voronoi grains about `grain_px` across, set off by a dark groove, a bright rim or only a step of grey level."""
    rng = np.random.default_rng(seed)
    rows, cols = shape
    # Seeds keep a distance from each other, as grain centres do.
    seeds = np.empty((0, 2))
    wanted = max(2, int((rows + 2 * grain_px) * (cols + 2 * grain_px) / grain_px**2))
    for candidate in rng.uniform([-grain_px, -grain_px], [rows + grain_px, cols + grain_px], (20 * wanted, 2)):
        if len(seeds) == 0 or np.min(np.sum((seeds - candidate) ** 2, axis=1)) > (0.65 * grain_px) ** 2:
            seeds = np.vstack((seeds, candidate))
    pixels = (np.mgrid[: rows * enlarge, : cols * enlarge].reshape(2, -1).T + 0.5) / enlarge
    distance, nearest = cKDTree(seeds).query(pixels, k=2)
    gap = np.linalg.norm(seeds[nearest[:, 0]] - seeds[nearest[:, 1]], axis=1)
    to_boundary = ((distance[:, 1] ** 2 - distance[:, 0] ** 2) / (2 * gap)).reshape(rows * enlarge, -1)
    owner = nearest[:, 0].reshape(to_boundary.shape)
    width = max(1.0, grain_px / 20)
    line = np.exp(-0.5 * (to_boundary / width) ** 2)
    if look == "step":
        # Grey levels are spread evenly over the grains, so that neighbours seldom share one.
        image = 0.5 + contrast * ((np.arange(len(seeds)) * 0.618034) % 1 - 0.5)[owner]
    else:
        image = 0.5 + contrast * line * {"groove": -1, "rim": 1}[look]
    if texture:
        image = image + texture * rng.standard_normal(len(seeds))[owner]
    image = image + noise * rng.standard_normal(image.shape)
    _, labels = np.unique(owner, return_inverse=True)
    return Drawn(np.clip(image, 0, 1).astype(np.float32), labels.reshape(owner.shape).astype(np.int32) + 1)


def f1(found: np.ndarray, truth: np.ndarray) -> float:
    """F1 of regions matched with an intersection over union above one half."""
    joint = np.bincount(found.ravel().astype(np.int64) * (truth.max() + 1) + truth.ravel())
    joint = np.pad(joint, (0, (found.max() + 1) * (truth.max() + 1) - len(joint))).reshape(found.max() + 1, -1)
    union = joint.sum(1)[1:, None] + joint.sum(0)[None, 1:] - joint[1:, 1:]
    return 2 * float(np.count_nonzero(joint[1:, 1:] > 0.5 * union)) / max(int(found.max() + truth.max()), 1)


@pytest.fixture(name="voronoi", scope="session")
def _voronoi():
    return voronoi


@pytest.fixture(name="f1", scope="session")
def _f1():
    return f1
