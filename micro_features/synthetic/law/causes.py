"""The causes of a conductivity that are planted in drawn specimens, and the ranges they are drawn from."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
from scipy.stats import qmc

from micro_features.errors import SettingsError
from micro_features.synthetic.checks import not_negative, positive

BULK_S_PER_CM = 1e-3
"""Conductivity of the grains themselves; garnets have 3e-4 to 1.5e-3 S/cm."""

GRAIN_SIGMA = 0.35
"""Standard deviation of the logarithm of grain diameters."""

_Values = TypeVar("_Values", float, np.ndarray)
_MOST = 100_000
PORES_ALIKE: Mapping[str, Any] = {"pore_diameter_sigma": 0.45, "pore_aspect": 1.9, "pore_raggedness": 0.16}
"""Pores of all specimens: of many sizes, drawn out along triple lines, with rough walls."""

_OPTIMISED_UP_TO = 500  # its cost grows with the square, and its gain falls


@dataclass(frozen=True)
class Range:
    """Where a quantity may lie; it is uniform there, or its logarithm is.

    Attributes
    ----------
    low, high : float
        Finite, low < high; low > 0 where logarithmic.
    logarithmic : bool
    """

    low: float
    high: float
    logarithmic: bool = False

    def __post_init__(self) -> None:
        least = 0 if self.logarithmic else -np.inf
        if not least < self.low < self.high < np.inf:
            above = ", above 0" if self.logarithmic else ""
            raise SettingsError(
                f"range is {self.low:g} to {self.high:g}: give finite bounds{above}, the lower one first."
            )

    def at(self, share: _Values) -> _Values:
        """Quantile of a share in 0 to 1; 0.5 is the reference value of a cause that is held."""
        if self.logarithmic:
            return self.low * (self.high / self.low) ** share
        return self.low + (self.high - self.low) * share

    def share(self, value: np.ndarray) -> np.ndarray:
        """Share of a value: the inverse of `at`."""
        if self.logarithmic:
            return np.log(value / self.low) / np.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Causes:
    """What a specimen's conductivity follows from.

    Attributes
    ----------
    porosity : float
        Volume share of pores, 0 to 1.
    grain_diameter_um : float
        Number mean of the grains' equivalent sphere diameter, micrometres.
    boundary_resistance_ohm_cm2 : float
        Specific resistance of grain boundaries, ohm cm²; 0 or more.
    """

    porosity: float
    grain_diameter_um: float
    boundary_resistance_ohm_cm2: float

    def __post_init__(self) -> None:
        if not 0 <= self.porosity < 1:
            raise SettingsError(f"porosity is {self.porosity:g}: give a share of at least 0 and below 1.")
        positive("grain_diameter_um", self.grain_diameter_um)
        not_negative("boundary_resistance_ohm_cm2", self.boundary_resistance_ohm_cm2)


CAUSES = tuple(field.name for field in fields(Causes))

CAUSE_RANGES: Mapping[str, Range] = {
    "porosity": Range(0.01, 0.20),
    "grain_diameter_um": Range(3.5, 9.0, logarithmic=True),
    "boundary_resistance_ohm_cm2": Range(0.25, 1.0, logarithmic=True),
}
"""Chosen so that each cause alone moves the conductivity by a similar factor, and shows at 0.125 µm a pixel."""

PORE_DIAMETERS_UM = Range(1.6, 2.4)
"""Mean pore diameter: independent of the causes, and none of them."""


def spread(n: int, dimensions: int, rng: np.random.Generator) -> np.ndarray:
    """Shares that fill a unit cube evenly and (nearly) without correlation: a Latin hypercube, (n, dimensions).

    Raises
    ------
    SettingsError
        If n is below 2 or above 100 000.
    """
    if not 2 <= n <= _MOST:
        raise SettingsError(f"n is {n}: give 2 to {_MOST} specimens.")
    optimised = "random-cd" if n <= _OPTIMISED_UP_TO else None
    return qmc.LatinHypercube(dimensions, optimization=optimised, seed=rng).random(n)
