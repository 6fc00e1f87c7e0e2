"""Whether the cells that a heat map points at hold the prediction: replace them, hottest first, and ask again."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from micro_features.explain.enrichment import movable, shifted
from micro_features.images.cells import Cells


@dataclass(frozen=True, eq=False)
class Perturbation:
    """How a prediction changes as cells of one picture are replaced, the hottest first.

    Attributes
    ----------
    replaced : (steps + 1,) float array
        Share of the area, 0 to 1.
    deletion, insertion : (steps + 1,) float arrays
        Prediction as the hottest cells are replaced first; and as, from a picture all replaced, they come back first.
    moved_deletion, moved_insertion : (n_random, steps + 1) float arrays
        The same in the order of the map moved at random.
    area : float
        Mean of insertion less deletion, in the unit of the prediction: above 0 where the cells that the map calls
        positive hold the prediction up.
    moved_areas : (n_random,) float array
    gain : float
        `area` less the mean of `moved_areas`.

    Notes
    -----
    What is of moved maps is NaN where the map is too small to be moved.
    """

    replaced: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray
    moved_deletion: np.ndarray
    moved_insertion: np.ndarray
    area: float
    moved_areas: np.ndarray
    gain: float


def deletion_insertion(
    predict: Callable[[np.ndarray], np.ndarray],
    image: np.ndarray,
    heat: np.ndarray,
    *,
    cells: Cells,
    fill: np.ndarray,
    rng: np.random.Generator,
    steps: int = 10,
    n_random: int = 19,
) -> Perturbation:
    """Replace cells in the order of the signed map, from the most positive to the most negative, and back.

    Deletion and insertion curves (Petsiuk 2018, BMVC, "RISE"). Random order is that of the same map moved and mirrored
    at random (`enrichment.shifted`): single cells strewn at random would cut the picture into more edges than a smooth
    map does, and to those a network answers, too.

    Parameters
    ----------
    predict : function
        From (m, R, C) pictures to (m,) predictions.
    image : (R, C) float array
    heat : (rows, cols) float array
        At the layer's resolution; cells are replaced whole.
    cells : Cells
        In pixels of `image`.
    fill : (R, C) float array
        What replaces it, such as the same picture blurred beyond all structure.
    rng : numpy.random.Generator
    steps : int
        Equal ones, at least 2. Each order takes 2 (steps - 1) predictions.
    n_random : int
        For the mean that `gain` is taken from; too few to tell chance of one picture.

    Returns
    -------
    Perturbation
        With NaN for moved maps and gain where the map is not `enrichment.movable`: there is nothing to compare with.
    """
    cell = cells.of_pixels(image.shape, heat.shape)
    counts = np.round(np.linspace(0, heat.size, steps + 1)).astype(int)
    whole, nothing = (float(each) for each in predict(np.stack([image, fill])))

    def curves(order_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        place = np.empty(heat.size, int)
        place[np.argsort(-order_of.ravel(), kind="stable")] = np.arange(heat.size)
        hotter = place[cell] < counts[1:-1, None, None]
        found = predict(np.concatenate([np.where(hotter, fill, image), np.where(hotter, image, fill)]))
        deleted, inserted = np.split(np.asarray(found, float), 2)
        return np.r_[whole, deleted, nothing], np.r_[nothing, inserted, whole]

    replaced = counts / heat.size

    def area(deleted: np.ndarray, inserted: np.ndarray) -> float:
        gap = inserted - deleted
        return float(((gap[1:] + gap[:-1]) / 2 * np.diff(replaced)).sum())

    deletion, insertion = curves(heat)
    both = np.full((n_random, 2, steps + 1), np.nan)
    if movable(heat.shape):
        for each in both:
            each[:] = curves(shifted(heat, rng))
    own, areas = area(deletion, insertion), np.array([area(*each) for each in both])
    return Perturbation(
        replaced,
        deletion,
        insertion,
        both[:, 0],
        both[:, 1],
        own,
        areas,
        own - float(areas.mean()) if n_random else np.nan,
    )
