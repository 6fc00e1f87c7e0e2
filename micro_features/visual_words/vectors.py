"""What a classifier of windows looks at: its class map, and the activations that the map weights.

The published study clusters "class-activation vectors". Its text leaves open how the class map is scaled; here each map
runs from 0 at its lowest cell to 1 at its highest, as such maps are commonly shown. Where only positive parts were
kept, windows of a class that the network knows by what they lack, whose logit comes from the bias, would have no
vectors but zeros.
"""

import numpy as np

_ROUNDING = 1e-6  # of single precision, in sums over channels


def class_maps(activations: np.ndarray, weights: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Where each window speaks for the class that the network gives it.

    The class activation map of a linear head behind a global mean, M = sum over k of W[class, k] A_k (Zhou et al.
    2016, Learning deep features for discriminative localization, CVPR, 2921), scaled to (M - min M) / (max M - min M)
    over the cells of the window. The class is the one that the network predicts, never the true one: nothing of the
    truth leaks into words.

    Parameters
    ----------
    activations : (n, C, r, c) float array
        Of the network's last layer.
    weights : (K, C) float array
        Of its linear head, a row for each class.
    predicted : (n,) int array
        The class that the network gives each window, 0 to K - 1.

    Returns
    -------
    (n, r, c) float32 array
        0 to 1, both reached in every window; all 1 where all cells speak for the class alike.
    """
    scores = np.einsum("nk,nkrc->nrc", weights[predicted], activations, optimize=True)
    lowest, highest = (end(axis=(1, 2), keepdims=True) for end in (scores.min, scores.max))
    spread = highest - lowest
    alike = spread <= _ROUNDING * np.maximum(abs(lowest), abs(highest))
    return np.where(alike, 1, (scores - lowest) / np.where(alike, 1, spread)).astype(np.float32)


def class_activation_vectors(activations: np.ndarray, weights: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Each cell's activations, weighted by how far the cell speaks for the predicted class.

    The vector of cell (i, j) is A[:, i, j] times the class map there (see `class_maps`): the cell that speaks least for
    the class becomes a vector of zeros, the one that speaks most for it keeps its activations as they are.

    Parameters
    ----------
    activations : (n, C, r, c) float array
        Of the network's last layer.
    weights : (K, C) float array
        Of its linear head, a row for each class.
    predicted : (n,) int array
        The class that the network gives each window, 0 to K - 1.

    Returns
    -------
    (n, r * c, C) float32 array
        In the unit of the activations; cells row by row.
    """
    n, n_channels = activations.shape[:2]
    columns = activations.reshape(n, n_channels, -1).transpose(0, 2, 1)
    maps = class_maps(activations, weights, predicted).reshape(n, -1, 1)
    # Written once in the order in which clustering reads it: float32, channels side by side.
    return np.multiply(columns, maps, dtype=np.float32, order="C")
