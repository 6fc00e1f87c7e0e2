"""Conductivity as a smooth law of porosity, grain size and boundary resistance: a fit to many solver runs.

The law is a textbook estimate times a low-order correction. The estimate is the brick layer, grains and boundaries in
series, 1 / sigma = 1 / sigma_bulk + r_gb / l with l the mean intercept, times Bruggeman's (1 - p)^1.5 for pores (Ann.
Phys. 416 (1935) 636, doi 10.1002/andp.19354160705). The correction of its logarithm is a polynomial of degree 2 in the
causes, each scaled to its range.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd

from micro_features.errors import SettingsError
from micro_features.synthetic.law.causes import BULK_S_PER_CM, CAUSE_RANGES, CAUSES, Range

LEAST_RUNS = 200
_INTERCEPT_PER_DIAMETER = 0.8  # of cells with GRAIN_SIGMA; a wrong value would only burden the correction
_CM_PER_UM = 1e-4
_DEGREE = 2


@dataclass(frozen=True, eq=False)
class ResponseSurface:
    """A fitted law of the conductivity.

    Attributes
    ----------
    ranges : mapping of cause to Range
        Where the runs lie; the law answers nowhere else.
    coefficients : (10,) float array
        Of the correction, in the order of `_monomials`.
    scatter_log10 : float
        Standard deviation of single runs about the law, log10 S/cm: structures of equal causes differ by chance, and
        the law is not perfect. From residuals of runs left out of the fit one at a time.
    runs : int
        Number of runs it was fitted to.
    """

    ranges: Mapping[str, Range]
    coefficients: np.ndarray
    scatter_log10: float
    runs: int

    def log10_conductivity(
        self,
        *,
        porosity: float | np.ndarray,
        grain_diameter_um: float | np.ndarray,
        boundary_resistance_ohm_cm2: float | np.ndarray,
    ) -> np.ndarray:
        """log10 of the conductivity in S/cm; arguments broadcast.

        Raises
        ------
        SettingsError
            Outside the runs' ranges: the law is not extrapolated.
        """
        causes = np.broadcast_arrays(porosity, grain_diameter_um, boundary_resistance_ohm_cm2)
        for (name, runs), values in zip(self.ranges.items(), causes, strict=True):
            if not np.all((values >= runs.low) & (values <= runs.high)):
                outside = values[~((values >= runs.low) & (values <= runs.high))].flat[0]
                raise SettingsError(
                    f"{name} is {outside:g}: the response surface was fitted to {runs.low:g} to {runs.high:g}; "
                    "stay within, or solve the structure itself."
                )
        return _estimate(*causes) + _monomials(self.ranges, causes) @ self.coefficients


def fit_surface(runs: pd.DataFrame) -> ResponseSurface:
    """Fit the law to solver runs by least squares.

    Parameters
    ----------
    runs : DataFrame
        A row per run: the causes `porosity`, `grain_diameter_um` and `boundary_resistance_ohm_cm2` as achieved, and
        `conductivity_S_per_cm`. At least 200 rows.

    Raises
    ------
    SettingsError
        If there are too few runs, a column is missing, a value is not a positive number, or causes vary together.
    """
    columns = (*CAUSES, "conductivity_S_per_cm")
    missing = [name for name in columns if name not in runs]
    if missing:
        raise SettingsError(f"runs lack the column {missing[0]!r}: give a table of solver runs.")
    if len(runs) < LEAST_RUNS:
        raise SettingsError(f"runs has {len(runs)} rows: a response surface needs at least {LEAST_RUNS}.")
    values = {name: runs[name].to_numpy(dtype=float) for name in columns}
    for name, column in values.items():
        if not (np.isfinite(column).all() and column.min() > 0):
            raise SettingsError(f"runs column {name!r} holds a value that is not positive: leave such runs out.")
    ranges = {name: Range(values[name].min(), values[name].max(), CAUSE_RANGES[name].logarithmic) for name in CAUSES}
    causes = [values[name] for name in CAUSES]
    design = _monomials(ranges, causes)
    correction = np.log10(values["conductivity_S_per_cm"]) - _estimate(*causes)
    coefficients, _, rank, _ = np.linalg.lstsq(design, correction)
    if rank < design.shape[1]:
        raise SettingsError("runs do not vary enough to fit a surface: vary all causes independently.")
    # A run's residual when it is left out of the fit follows from its leverage (the PRESS residual).
    leverage = (np.linalg.qr(design).Q ** 2).sum(axis=1)
    left_out = (correction - design @ coefficients) / (1 - leverage)
    return ResponseSurface(ranges, coefficients, float(np.sqrt(np.mean(left_out**2))), len(runs))


def refinement(runs: pd.DataFrame, refined: pd.DataFrame) -> tuple[float, float]:
    """What smaller voxels change: mean and standard deviation of log10 of the ratio of conductivities.

    Parameters
    ----------
    runs, refined : DataFrame
        `run` and `conductivity_S_per_cm`: rows of equal `run` are one structure, solved on a coarser and on a finer
        grid. At least two runs in common.

    Raises
    ------
    SettingsError
        If fewer runs are in common.
    """
    both = runs.merge(refined, on="run", suffixes=("", "_refined"), validate="one_to_one")
    if len(both) < 2:
        raise SettingsError(f"runs and refined have {len(both)} runs in common: give at least 2.")
    change = np.log10(both["conductivity_S_per_cm_refined"] / both["conductivity_S_per_cm"])
    return float(change.mean()), float(change.std(ddof=1))


def _estimate(porosity: np.ndarray, grain_diameter_um: np.ndarray, resistance_ohm_cm2: np.ndarray) -> np.ndarray:
    """Brick layer and Bruggeman, log10 S/cm."""
    intercept_cm = _INTERCEPT_PER_DIAMETER * grain_diameter_um * _CM_PER_UM
    boundaries = np.log10(1 + BULK_S_PER_CM * resistance_ohm_cm2 / intercept_cm)
    return np.log10(BULK_S_PER_CM) - boundaries + 1.5 * np.log10(1 - porosity)


def _monomials(ranges: Mapping[str, Range], causes: Sequence[np.ndarray]) -> np.ndarray:
    """1, x, y, z, x², xy, … of the causes scaled to -1..1; (..., 10)."""
    scaled = [2 * r.share(value) - 1 for r, value in zip(ranges.values(), causes, strict=True)]
    powers = [
        np.prod(np.stack(np.broadcast_arrays(*(scaled[i] for i in chosen))), axis=0)
        for degree in range(1, _DEGREE + 1)
        for chosen in combinations_with_replacement(range(len(scaled)), degree)
    ]
    return np.stack([np.ones_like(powers[0]), *powers], axis=-1)
