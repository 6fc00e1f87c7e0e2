"""Steps common to all image files: number type, transparency, orientation."""

import numpy as np

# Used bits of a 16-bit picture. Not 10: an underexposed 12-bit picture is more common than a 10-bit detector.
_FULL_SCALES_16 = (255, 4095, 16383, 65535)


def to_working_type(pixels: np.ndarray) -> np.ndarray:
    """Pixels as uint8, uint16 or float32; grey where the last axis has one channel.

    Signed and wide integers that fit become uint16, all others float32.
    """
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.dtype in (np.uint8, np.uint16, np.float32):
        return np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("="))
    if pixels.dtype == bool:
        return pixels.astype(np.uint8) * np.uint8(255)
    if pixels.dtype.kind in "iu" and pixels.min() >= 0 and pixels.max() <= 65535:
        return pixels.astype(np.uint16)
    with np.errstate(over="ignore"):
        return pixels.astype(np.float32)


def full_scale_of(pixels: np.ndarray) -> float:
    """Grey value that means white, from the number type and, in 16 bits, the brightest pixel."""
    if pixels.dtype == np.uint8:
        return 255.0
    if pixels.dtype == np.uint16:
        brightest = int(pixels.max())
        return float(next(scale for scale in _FULL_SCALES_16 if brightest <= scale))
    return 1.0


def composite(colour: np.ndarray, alpha: np.ndarray, *, premultiplied: bool = False) -> np.ndarray:
    """Lay a picture with transparency over black; what is wholly transparent becomes NaN.

    Parameters
    ----------
    colour : (rows, cols) or (rows, cols, channels) array
    alpha : (rows, cols) array of the same integer type, or float in 0..1
    premultiplied : bool
        The colour was multiplied by alpha when it was stored.

    Returns
    -------
    array
        `colour` untouched where nothing is transparent (or everything, a writer's mistake); else float32, of
        integers as a share of their type's largest value.
    """
    colour = to_working_type(colour)
    opaque = np.iinfo(alpha.dtype).max if alpha.dtype.kind == "u" else 1.0
    if (alpha == opaque).all() or not alpha.any():
        return colour
    share = (alpha / opaque).astype(np.float32)
    value = colour.astype(np.float32) / np.float32(np.iinfo(colour.dtype).max if colour.dtype.kind == "u" else 1.0)
    share = share if colour.ndim == 2 else share[..., np.newaxis]
    over_black = value if premultiplied else value * share
    return np.where(share > 0, over_black, np.float32(np.nan))


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Undo the turn or flip that an EXIF or TIFF orientation of 1 to 8 states; other values mean none."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
