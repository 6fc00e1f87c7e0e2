"""What a classifier of windows looks at: its class map, and the activations that the map weights.

The published study clusters "class-activation vectors". Its text leaves open how the class map is normalised; here each
map is divided by its own largest value, so that a window which the network is hardly sure of counts as much as another.
"""

import numpy as np


def class_maps(activations: np.ndarray, weights: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Where each window speaks for the class that the network gives it.

    The class activation map of a linear head behind a global mean, max(0, sum over k of W[class, k] A_k), divided by
    its largest value in the window (Zhou et al. 2016, Learning deep features for discriminative localization, CVPR,
    2921). The class is the one that the network predicts, never the true one: nothing of the truth leaks into words.

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
        0 to 1, the largest value of each window 1; all 0 where no cell speaks for the class.
    """
    scores = np.einsum("nk,nkrc->nrc", weights[predicted], activations, optimize=True)
    positive = np.maximum(scores, 0).astype(np.float32)
    largest = positive.max(axis=(1, 2), keepdims=True)
    return np.divide(positive, largest, out=np.zeros_like(positive), where=largest > 0)


def class_activation_vectors(activations: np.ndarray, weights: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Each cell's activations, weighted by how far the cell speaks for the predicted class.

    The vector of cell (i, j) is A[:, i, j] times the class map there (see `class_maps`): a cell that does not speak for
    the class becomes a vector of zeros, the strongest one of a window keeps its activations as they are.

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
