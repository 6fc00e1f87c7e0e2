"""What a scanning electron microscope makes of a signal: beam, shading, charging, shot noise, gain and brightness.

The order is the instrument's (Goldstein et al., Scanning Electron Microscopy and X-Ray Microanalysis, 4th ed. 2018, ch.
5 and 6): the beam blurs, electrons arrive one by one, the amplifier multiplies and shifts signal and noise alike, and
what leaves the range is clipped.
"""

import numpy as np
from scipy import ndimage, signal

_LAG = 0.1  # share of a pixel's signal that the amplifier passes on to the next
_TAIL_PX = 33  # length over which the detector recovers from a bright place


def smooth_field(rng: np.random.Generator, shape: tuple[int, int], *, length_px: float) -> np.ndarray:
    """Random field of zero mean and unit standard deviation that varies over `length_px`."""
    coarse = max(1.0, length_px / 3)
    small = [int(np.ceil(side / coarse)) + 8 for side in shape]
    field = ndimage.gaussian_filter(rng.standard_normal(small), length_px / coarse / 2)
    rows = 3 + np.arange(shape[0]) / coarse
    cols = 3 + np.arange(shape[1]) / coarse
    field = ndimage.map_coordinates(field, np.meshgrid(rows, cols, indexing="ij"), order=3)
    return (field - field.mean()) / max(field.std(), 1e-12)


def scanned(
    rng: np.random.Generator,
    scene: np.ndarray,
    *,
    blur_px: float,
    noise: float,
    shading: float,
    charging: float,
    brightness: float,
    contrast: float,
) -> np.ndarray:
    """Scan a signal into a picture.

    The same generator state gives the same shading and streaks whatever the other arguments are.

    Parameters
    ----------
    scene : (rows, cols) float array
        Electrons a pixel sends, 0.5 about mid grey.
    blur_px : float
        Standard deviation of the beam, pixels.
    noise : float
        Standard deviation of shot noise at mid grey and unit contrast, as a share of full scale; it grows with the
        square root of the signal.
    shading : float
        Standard deviation of slow change across the picture, as a share of full scale.
    charging : float
        Strength of streaks along the scan direction, 0 (none) to 1.
    brightness : float
        Added to every pixel after amplification, as a share of full scale.
    contrast : float
        Gain about mid grey; it multiplies noise, too.

    Returns
    -------
    (rows, cols) float32 array
        Grey level, clipped to 0 to 1.
    """
    picture = ndimage.gaussian_filter(scene, blur_px)
    picture += shading * smooth_field(rng, scene.shape, length_px=0.7 * max(scene.shape))
    excess = np.clip(picture - 0.6, 0, None)
    picture -= 0.8 * charging * signal.lfilter([1 / _TAIL_PX], [1, 1 / _TAIL_PX - 1], excess, axis=1)
    picture += 0.008 * charging * rng.standard_normal((len(scene), 1))
    picture = np.clip(picture, 0.01, None)
    if noise > 0:
        # The lag evens noise out; so many fewer electrons bring it back to what was asked for.
        electrons = 0.5 / noise**2 * (1 - _LAG) / (1 + _LAG)
        picture = rng.poisson(picture * electrons) / electrons
    start = picture[:, :1] * _LAG
    picture, _ = signal.lfilter([1 - _LAG], [1, -_LAG], picture, axis=1, zi=start)
    return np.clip(0.5 + contrast * (picture - 0.5) + brightness, 0, 1).astype(np.float32)
