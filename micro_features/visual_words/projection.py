"""Vectors laid out on a plane, for looking only: nothing reads the coordinates back."""

import numpy as np

_FEWEST = 4


def sample_rows(n: int, most: int, seed: int) -> np.ndarray:
    """Rows drawn without replacement, or all of them.

    Parameters
    ----------
    n : int
        Rows that there are.
    most : int
        Rows that are wanted at most.
    seed : int

    Returns
    -------
    (min(n, most),) int array
        Rising.
    """
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))


def tsne(vectors: np.ndarray, *, seed: int, perplexity: float = 30) -> np.ndarray:
    """Points on a plane, so that near vectors lie near each other.

    t-SNE (van der Maaten and Hinton 2008, Journal of Machine Learning Research 9, 2579) from the first two principal
    components. For looking only: distances between far points, and sizes of clusters, mean nothing.

    Parameters
    ----------
    vectors : (n, C) float array
        C at least 2.
    seed : int
    perplexity : float
        About the number of neighbours that count; at most a third of the other vectors.

    Returns
    -------
    (n, 2) float array
        No unit. All 0 below four vectors, or where all are the same.
    """
    from sklearn.manifold import TSNE

    n = len(vectors)
    if n < _FEWEST or not np.ptp(vectors, axis=0).any():
        return np.zeros((n, 2))
    arranged = TSNE(2, perplexity=min(perplexity, (n - 1) / 3), init="pca", random_state=seed).fit_transform(vectors)
    return arranged.astype(float)
