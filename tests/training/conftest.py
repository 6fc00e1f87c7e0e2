import cv2
import numpy as np
import pytest

from micro_features.learn import pixels


def _grooved(seed: int, shape: tuple[int, int] = (160, 200)) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grains between dark lines, crossed by bright lines of the same strength that bound nothing.

    Returns
    -------
    image : (rows, cols) float32 array
    grains : (rows, cols) int32 array
    scratches : (rows, cols) bool array
    """
    rng = np.random.default_rng(seed)
    seeds = np.ones(shape, np.uint8)
    seeds[rng.integers(0, shape[0], 40), rng.integers(0, shape[1], 40)] = 0
    _, grains = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_CCOMP)
    grooves = cv2.morphologyEx(grains.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)) > 0
    scratches = np.zeros(shape, np.uint8)
    for _ in range(12):
        start, end = (tuple(int(n) for n in rng.uniform(0, 1, 2) * shape[::-1]) for _ in range(2))
        cv2.line(scratches, start, end, 1, 1)
    image = 0.5 + 0.4 * cv2.GaussianBlur(scratches - grooves.astype(np.float32), (0, 0), 0.8)
    image += rng.normal(0, 0.01, shape)
    return np.clip(image, 0, 1).astype(np.float32), grains.astype(np.int32), scratches > 0


@pytest.fixture(scope="session")
def grooved():
    """Function from a seed to a picture of grains between dark lines."""
    return _grooved


@pytest.fixture
def few_rounds(monkeypatch):
    """Training with few trees: enough for drawn rules, and quick."""
    monkeypatch.setattr(pixels, "ROUNDS", 25)
