"""Training the classifier of pores on drawn pictures and on pictures whose pores are labelled."""

from collections.abc import Sequence

import numpy as np

from micro_features.images.pore_evidence import PORE_FEATURES, pore_evidence
from micro_features.learn.pixels import Examples, Trained, train
from micro_features.synthetic.training.pore_picture import pore_picture

DRAWN_PICTURES = 480
"""Drawn pictures that a shipped classifier learns from."""

# So many pixels of a drawn picture, evenly spread, are enough.
_PIXELS_A_PICTURE = 2000
# A labelled picture is cut into quarters, so that its skill is told of parts that were left out.
_PARTS = 2


def pore_examples(image: np.ndarray, valid: np.ndarray, truth: np.ndarray, *, window_px: float = 50.0) -> Examples:
    """Features of all pixels that can be pore, and whether they are.

    Parameters
    ----------
    image : (rows, cols) float32 array
        Grey level, 0 to 1.
    valid : (rows, cols) bool array
        False where there is no material.
    truth : (rows, cols) float array
        1 pore, 0 solid, NaN not known.
    window_px : float
        Standard deviation of the Gaussian that defines the surroundings, pixels.

    Returns
    -------
    Examples
    """
    evidence = pore_evidence(image, valid, window_px=window_px)
    return Examples(evidence.values, truth[evidence.candidates])


def drawn_pore_examples(index: int, *, seed: int = 0) -> Examples:
    """Examples from the drawn picture with this index and seed (`pore_picture`), not all that it holds."""
    picture = pore_picture(index, seed=seed)
    truth = np.where(picture.unsure, np.nan, picture.pores)
    features, known = pore_examples(picture.image, np.ones(truth.shape, bool), truth)
    every = max(1, len(known) // _PIXELS_A_PICTURE)
    return Examples(features[::every], known[::every])


def in_parts(image: np.ndarray, valid: np.ndarray, truth: np.ndarray, *, window_px: float = 50.0) -> list[Examples]:
    """Examples of the quarters of a labelled picture, each seen with its surroundings; as `pore_examples`."""
    rows, cols = (np.arange(n) * _PARTS // n for n in image.shape)
    part = _PARTS * rows[:, None] + cols
    evidence = pore_evidence(image, valid, window_px=window_px)
    part, known = part[evidence.candidates], truth[evidence.candidates]
    return [Examples(evidence.values[part == k], known[part == k]) for k in range(_PARTS**2)]


def train_pores(
    drawn: Sequence[Examples], own: Sequence[Examples] = (), *, own_weight: float = 1.0, seed: int = 0
) -> Trained:
    """Train the classifier of pores.

    Parameters
    ----------
    drawn : sequence of Examples
        Of drawn pictures, each counting alike.
    own : sequence of Examples
        Of labelled pictures or parts of them, each counting alike.
    own_weight : float
        Drawn pictures that each of these counts as much as.
    seed : int

    Returns
    -------
    Trained

    Raises
    ------
    ArtefactError
        There is too little to learn from.
    """
    return train([*drawn, *own], PORE_FEATURES, weights=[1.0] * len(drawn) + [own_weight] * len(own), seed=seed)
