"""Where the cells of a layer of a network lie on a picture: the one place that says which pixels a cell is about."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Cells:
    """Squares side by side, in rows and columns alike.

    Attributes
    ----------
    edge : float
        Of a cell, pixels; need not be whole.
    origin : float
        Where cell 0 begins, pixels from the edge of the picture, more than -`edge` and at most 0: what a cell has
        outside the picture counts for nothing.

    Raises
    ------
    ValueError
        A number is outside what is said above.
    """

    edge: float
    origin: float = 0.0

    def __post_init__(self) -> None:
        if not self.edge > 0:
            raise ValueError(f"The edge of a cell is {self.edge}, not a positive number of pixels.")
        if not -self.edge < self.origin <= 0:
            raise ValueError(f"Cells of {self.edge:g} px begin at {self.origin:g} px: the first must hold pixel 0.")

    def scaled(self, pixels: float) -> "Cells":
        """The same cells on a picture that has so many pixels in the edge of one pixel of this."""
        return Cells(self.edge * pixels, self.origin * pixels)

    def means(self, length: int, n: int) -> np.ndarray:
        """Weights of pixels in area means over cells, along one side.

        Parameters
        ----------
        length : int
            Of the side, pixels.
        n : int
            Cells.

        Returns
        -------
        (n, length) float array
            Each row sums to 1. Pixels that a network leaves out at the far edge have no weight.

        Raises
        ------
        ValueError
            So many cells end a cell or more before or behind the picture.
        """
        begin = self.origin + self.edge * np.arange(n)[:, None]
        if not abs(self.origin + self.edge * n - length) < self.edge:
            raise ValueError(
                f"{n} cells of {self.edge:g} px do not lie on a side of {length} px; give cells in its own pixels."
            )
        pixel = np.arange(length)
        overlap = np.clip(np.minimum(begin + self.edge, pixel + 1) - np.maximum(begin, pixel), 0, 1)
        return overlap / overlap.sum(axis=1, keepdims=True)

    def holding(self, places: np.ndarray, n: int) -> np.ndarray:
        """Which of n cells holds each place, pixels from the picture's edge; beyond the last cell, the last."""
        return np.clip((places - self.origin) // self.edge, 0, n - 1).astype(int)

    def of_pixels(self, shape: tuple[int, ...], map_shape: tuple[int, ...]) -> np.ndarray:
        """Which cell each pixel of a picture belongs to: that of its centre.

        Parameters
        ----------
        shape : (R, C)
            Of the picture.
        map_shape : (rows, cols)
            Of the cells.

        Returns
        -------
        (R, C) int array
            Places in the flattened map.
        """
        row, col = (self.holding(np.arange(side) + 0.5, n) for side, n in zip(shape, map_shape, strict=True))
        return row[:, None] * map_shape[1] + col
