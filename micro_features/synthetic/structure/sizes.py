"""Sizes of grains and pores."""

import numpy as np
from scipy import special


def lognormal_diameters(volume: float, *, mean: float, sigma: float) -> np.ndarray:
    """Diameters of spheres that together have a given volume.

    The diameters are evenly spaced quantiles of a lognormal distribution, so that a sample of any size has the spread
    asked for; as many are taken as come nearest to the volume, and scaled to meet it.

    Parameters
    ----------
    mean : float
        Number mean of the diameters, met to 1 / (6 n).
    sigma : float
        Standard deviation of the diameters' logarithm.

    Returns
    -------
    (n,) float array
        Ascending; empty if the volume is less than half a sphere's.
    """
    n = round(volume / _volumes(mean, sigma, 1000).mean())
    for _ in range(50):  # a small sample lacks the largest spheres: more of the others fill the volume
        nearer = round(volume / _volumes(mean, sigma, n).mean()) if n else 0
        if nearer == n:
            break
        n = nearer
    if n == 0:
        return np.zeros(0)
    volumes = _volumes(mean, sigma, n)
    return np.cbrt(6 / np.pi * volumes * (volume / volumes.sum()))


def _volumes(mean: float, sigma: float, n: int) -> np.ndarray:
    z = special.ndtri((np.arange(n) + 0.5) / n)
    diameters = np.exp(sigma * z / (z.std() if n > 1 else 1.0))
    return np.pi / 6 * (diameters * (mean / diameters.mean())) ** 3
