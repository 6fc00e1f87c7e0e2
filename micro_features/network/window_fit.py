"""Whether windows fit pictures, and what is said where they do not: once for all pictures, in the user's numbers."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from micro_features.errors import ImageError, SettingsError

_SHOWN = 3


class TooSmall(ImageError):
    """A picture is smaller than a window.

    Attributes
    ----------
    largest : float
        Edge of the largest window in it, in what windows are given in: pixels or micrometres.
    """

    largest: float = 0.0


class Refused(NamedTuple):
    """Why a picture can not be used: in words, and `TooSmall.largest` where it is too small; else None."""

    reason: str
    largest: float | None


def too_small(shape: tuple[int, int], reduction: int, window_px: int, um: tuple[float, float] | None) -> TooSmall:
    """What is wrong with a picture that is smaller than a window.

    Parameters
    ----------
    shape : (rows, cols)
        Of its material, pixels.
    reduction, window_px : int
        As of `pictures.Geometry`.
    um : (float, float) or None
        Edge of a pixel and of a window, micrometres, where windows are given in them.
    """
    rows, cols = shape
    pixel, window, unit = (1.0, float(window_px), "px") if um is None else (*um, "µm")
    largest = min(shape) // reduction * reduction if um is None else _digits(min(shape) * pixel, math.floor)
    error = TooSmall(
        f"is {cols * pixel:.4g} x {rows * pixel:.4g} {unit} without its data bar, smaller than a window of {window:g} "
        f"{unit}."
    )
    error.largest = largest
    return error


def check_resolved(window_um: float, window: int, pixel_um: float) -> None:
    """Refuse windows so narrow that pictures would have to be enlarged.

    Parameters
    ----------
    window_um : float
        Edge of a window, micrometres.
    window : int
        The same, network pixels.
    pixel_um : float
        The largest pixel of the pictures, micrometres.

    Raises
    ------
    SettingsError
    """
    if window_um < 0.999 * window * pixel_um:
        raise SettingsError(
            f"--window-um {window_um:g}: pictures with pixels of {pixel_um:.4g} µm would have to be enlarged; choose "
            f"at least {_digits(window * pixel_um, math.ceil):g}, or a larger --reduction."
        )


def complaint(refused: Sequence[tuple[str, Refused]], n_pictures: int, option: str) -> str:
    """Why pictures of a training can not be used.

    Parameters
    ----------
    refused : sequence of (path, Refused)
    n_pictures : int
        Of the training.
    option : str
        That gives the edge of windows, with its value.
    """
    largest = [each.largest for _, each in refused if each.largest is not None]
    if len(largest) == len(refused):
        paths = ", ".join(path for path, _ in refused[:_SHOWN]) + ", …" * (len(refused) > _SHOWN)
        named = f" ({paths})" if len(refused) < n_pictures else ""
        return (
            f"{option}: {len(refused)} of {n_pictures} pictures are smaller than a window{named}, and training needs "
            f"all; choose at most {min(largest):g}."
        )
    told = "; ".join(f"{path} {each.reason.removesuffix('.')}" for path, each in refused[:_SHOWN])
    more = f" (and {len(refused) - _SHOWN} more)" if len(refused) > _SHOWN else ""
    return f"{len(refused)} of {n_pictures} pictures can not be used, and training needs all: {told}{more}."


def _digits(value: float, rounded: Callable[[float], int]) -> float:
    """To three digits, up or down."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 2)
    return float(f"{rounded(value / unit) * unit:.3g}")
