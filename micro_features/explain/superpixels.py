"""What patches of a picture do to a model's prediction: Shapley values that need no gradient.

A check on heat maps that looks at the model from outside: patches are hidden, in many orders, and the change of the
prediction is shared out between them.
"""

import warnings
from collections.abc import Callable

import numpy as np
from skimage.segmentation import slic

_AT_ONCE = 8
"""Pictures shown to the model together: a whole round of them would fill the memory."""


def superpixels(image: np.ndarray, valid: np.ndarray, *, n: int = 60) -> np.ndarray:
    """Patches of about equal size that follow the picture's edges (SLIC, Achanta et al. 2012, IEEE TPAMI 34, 2274).

    Parameters
    ----------
    image : (rows, cols) float32 array
        Its gain and brightness do not matter.
    valid : (rows, cols) bool array
    n : int
        About how many.

    Returns
    -------
    (rows, cols) int32 array
        From 1 without gaps; 0 where not valid.
    """
    if not valid.any():
        return np.zeros(image.shape, np.int32)
    # slic stretches what it gets from 0 to 1. Cut at three standard deviations, a step of one counts as a third of the
    # way to the next patch, whatever the brightest pixel is: patches stay compact.
    middle, spread = float(image[valid].mean()), float(image[valid].std())
    grey = np.clip(np.where(valid, image - middle, 0), -3 * spread, 3 * spread)
    labels = slic(grey, n_segments=n, compactness=0.5, sigma=1.0, mask=valid, channel_axis=None, start_label=1)
    # Numbers can be missing, and slivers stay without one.
    found, code = np.unique(labels, return_inverse=True)
    return (code.reshape(labels.shape) + (found[0] > 0)).astype(np.int32)


def superpixel_shap(
    predict: Callable[[np.ndarray], np.ndarray],
    image: np.ndarray,
    labels: np.ndarray,
    background: np.ndarray,
    *,
    n_permutations: int = 4,
    seed: int = 0,
) -> tuple[np.ndarray, float]:
    """Shapley value of each patch: its mean effect on the prediction over orders in which patches appear.

    Sampled over random orders, each walked forwards and backwards (shap's permutation explainer; exact where no more
    than two patches act together). A patch that is absent shows `background` in its place.

    Parameters
    ----------
    predict : function
        From (m, rows, cols) float32 pictures to (m,) predictions.
    image : (rows, cols) float32 array
    labels : (rows, cols) int array
        Patches from 1 without gaps; 0 is left as it is.
    background : (rows, cols) float32 array
        What an absent patch looks like: the blurred picture.
    n_permutations : int
        Orders; each asks for 2 n + 1 predictions, n the number of patches.
    seed : int

    Returns
    -------
    values : (n,) float array
        In the unit of the prediction, patch 1 first.
    base : float
        Prediction with every patch absent; base + values.sum() is the prediction of `image`.

    Raises
    ------
    ValueError
        If there are no patches or labels have gaps.
    """
    with warnings.catch_warnings(action="ignore", category=PendingDeprecationWarning):
        # shap 0.51 sets, when imported, a colour of matplotlib in a way that 3.11 will drop.
        import shap
    found = np.unique(labels[labels > 0])
    n = len(found)
    if n == 0 or found[-1] != n:
        raise ValueError(f"labels hold {n} patches and end at {found[-1] if n else 0}: number them from 1 without gaps")
    image, background = image.astype(np.float32), background.astype(np.float32)

    def with_present(present: np.ndarray) -> np.ndarray:
        # Column 0 stands for what belongs to no patch and is always shown.
        shown = np.pad(present, ((0, 0), (1, 0)), constant_values=True)
        several = [shown[at : at + _AT_ONCE] for at in range(0, len(shown), _AT_ONCE)]
        return np.concatenate([predict(np.where(each[:, labels], image, background)) for each in several])

    state = np.random.get_state()  # noqa: NPY002  shap seeds the shared generator
    try:
        explainer = shap.PermutationExplainer(with_present, lambda present, _all: present[None], seed=seed)
        told = explainer(np.ones((1, n), bool), max_evals=n_permutations * (2 * n + 1), silent=True)
    finally:
        np.random.set_state(state)  # noqa: NPY002
    return np.asarray(told.values[0], float), float(np.ravel(told.base_values)[0])
