"""A response surface that needs no solver."""

import numpy as np
import pandas as pd
import pytest

from micro_features.synthetic.law.causes import BULK_S_PER_CM, CAUSE_RANGES, CAUSES
from micro_features.synthetic.law.response import LEAST_RUNS, ResponseSurface, fit_surface


@pytest.fixture(scope="session")
def surface() -> ResponseSurface:
    """Fitted to made-up runs of the brick layer and Bruggeman, which reach a little beyond the ranges."""
    shares = 1.1 * np.random.default_rng(0).random((LEAST_RUNS, 3)) - 0.05
    shares[:2] = [[-0.05], [1.05]]
    runs = pd.DataFrame({name: CAUSE_RANGES[name].at(share) for name, share in zip(CAUSES, shares.T, strict=True)})
    series = 1 / BULK_S_PER_CM + runs["boundary_resistance_ohm_cm2"] / (0.8e-4 * runs["grain_diameter_um"])
    return fit_surface(runs.assign(conductivity_S_per_cm=(1 - runs["porosity"]) ** 1.5 / series))
