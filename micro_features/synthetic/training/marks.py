"""What lies on grains and is no boundary: scratches, pits, particles, twins, terraces; and pores."""

import cv2
import numpy as np

_SUBPIXEL = 4  # bits of a coordinate behind the point, for OpenCV
_CORNERS = 48  # of a pore's outline


def scratches(rng: np.random.Generator, shape: tuple[int, int], number: int) -> np.ndarray:
    """Straight lines across the picture, most of them along one direction: (rows, cols) float array, 0 to 1."""
    layer = np.zeros(shape, dtype=np.uint8)
    main = rng.uniform(0, np.pi)
    spread = rng.choice([0.03, 0.3, 3.0])
    for _ in range(number):
        turn = main + rng.normal(0, spread)
        middle = rng.uniform(0, 1, 2) * shape[::-1]
        half = rng.uniform(0.05, 0.6) * max(shape) * np.array([np.cos(turn), np.sin(turn)])
        line = np.zeros(shape, dtype=np.uint8)
        width = int(rng.choice([1, 1, 1, 2, 3]))
        start, end = _fixed(middle - half), _fixed(middle + half)
        cv2.line(line, start, end, int(rng.uniform(60, 255)), width, cv2.LINE_AA, _SUBPIXEL)
        np.maximum(layer, line, out=layer)
    return layer / 255


def spots(
    rng: np.random.Generator, at: np.ndarray, shape: tuple[int, int], radius_px: tuple[float, float]
) -> np.ndarray:
    """Round spots at the given (row, col), some of them rings: (rows, cols) float array, 0 to 1."""
    layer = np.zeros(shape, dtype=np.uint8)
    smallest, largest = np.log(radius_px)
    radii = rng.uniform(smallest, largest, len(at))
    for (row, col), radius, strength in zip(at, np.exp(radii), rng.uniform(100, 255, len(at)), strict=True):
        middle = _fixed(np.array([col, row]))
        for share, value in ((1.0, strength), (0.5, strength * rng.choice([0.3, 1.0, 1.0]))):
            reach = round(share * radius * 2**_SUBPIXEL)
            cv2.circle(layer, middle, reach, int(value), cv2.FILLED, cv2.LINE_AA, _SUBPIXEL)
    return layer / 255


def pore_mask(
    rng: np.random.Generator,
    at: np.ndarray,
    shape: tuple[int, int],
    *,
    radius_px: np.ndarray,
    ragged: float,
    aspect: float,
) -> np.ndarray:
    """Pores of uneven outline around the given (row, col): (rows, cols) bool array."""
    mask = np.zeros(shape, dtype=np.uint8)
    angle = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    orders = np.arange(2, 8)
    waves = np.concatenate([np.cos(orders[:, None] * angle), np.sin(orders[:, None] * angle)])
    for (row, col), radius in zip(at, radius_px, strict=True):
        weights = rng.standard_normal(2 * len(orders)) / np.tile(orders, 2) ** 1.5
        reach = radius * np.clip(1 + ragged * weights @ waves, 0.3, None)
        long = np.sqrt(1 + (aspect - 1) * rng.random())
        turn = rng.uniform(0, 2 * np.pi)
        along, across = reach * np.cos(angle) * long, reach * np.sin(angle) / long
        outline = np.column_stack(
            [col + along * np.cos(turn) - across * np.sin(turn), row + along * np.sin(turn) + across * np.cos(turn)]
        )
        cv2.fillPoly(mask, [np.rint(outline * 2**_SUBPIXEL).astype(np.int32)], 1, cv2.LINE_8, _SUBPIXEL)
    return mask > 0


def stripes(rng: np.random.Generator, grains: np.ndarray, *, pitch_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Parallel stripes, one direction and pitch a grain.

    Returns
    -------
    phase : (rows, cols) float array
        Position across the stripes in pitches.
    pitch_px : (rows, cols) float array
    """
    n = int(grains.max()) + 1
    turn, pitch = rng.uniform(0, np.pi, n), pitch_px * np.exp(0.4 * rng.standard_normal(n))
    rows, cols = np.ogrid[: grains.shape[0], : grains.shape[1]]
    across = rows * np.sin(turn)[grains] + cols * np.cos(turn)[grains]
    return across / pitch[grains] + rng.random(n)[grains], pitch[grains]


def _fixed(point: np.ndarray) -> tuple[int, int]:
    """(x, y) in OpenCV's fixed-point numbers."""
    x, y = np.rint(point * 2**_SUBPIXEL).astype(int)
    return int(x), int(y)
