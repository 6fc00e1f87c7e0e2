"""The solver runs in data/transport: the surface fitted to them, and that they can be solved again."""

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from micro_features.synthetic.law.causes import CAUSE_RANGES, CAUSES
from micro_features.synthetic.law.response import LEAST_RUNS, fit_surface, refinement
from micro_features.synthetic.law.solver_runs import solver_run
from micro_features.synthetic.planted import PRESETS, best_r2, true_effects

FOLDER = Path(__file__).resolve().parents[2] / "data" / "transport"


@pytest.fixture(scope="module")
def runs():
    return pd.read_csv(FOLDER / "solver_runs.csv")


@pytest.fixture(scope="module")
def shipped(runs):
    return fit_surface(runs)


def test_there_are_enough_runs_of_48_cubed_that_differ(runs):
    assert len(runs) >= LEAST_RUNS
    assert (runs["voxels"] == 48).all()
    assert runs["seed"].is_unique
    assert np.abs(runs[list(CAUSES)].corr("spearman").to_numpy() - np.eye(3)).max() < 0.1


def test_scatter_is_small_beside_what_the_causes_do(shipped):
    assert shipped.scatter_log10 < 0.025
    assert true_effects(PRESETS["example"], shipped).variance > 9 * shipped.scatter_log10**2


def test_each_cause_has_its_share(shipped):
    found = true_effects(PRESETS["example"], shipped)
    assert found.shapley.min() > 0.1
    assert found.shapley.max() < 0.7
    assert 0.3 < best_r2(PRESETS["hidden"], shipped) < 0.6


def test_the_surface_is_monotone_all_over_the_ranges(shipped):
    shares = np.linspace(0, 1, 15)
    at = {
        name: CAUSE_RANGES[name].at(shares).reshape([-1 if axis == i else 1 for axis in range(3)])
        for i, name in enumerate(CAUSES)
    }
    values = shipped.log10_conductivity(**at)
    assert (np.diff(values, axis=0) < 0).all()
    assert (np.diff(values, axis=1) > 0).all()
    assert (np.diff(values, axis=2) < 0).all()


def test_half_the_voxel_size_changes_little(runs):
    finer = pd.read_csv(FOLDER / "solver_runs_refined.csv")
    assert (finer["voxels"] == 96).all()
    assert len(finer) >= 20
    bias, scatter = refinement(runs, finer)
    assert abs(bias) < 0.02
    assert scatter < 0.01


@pytest.mark.parametrize(
    "run", [3, pytest.param(50, marks=pytest.mark.slow), pytest.param(150, marks=pytest.mark.slow)]
)
def test_a_run_is_solved_the_same_again(runs, run):
    request = runpy.run_path(str(FOLDER / "make.py"))["RUNS"][run]
    row = solver_run(request)
    for name, value in row.items():
        assert value == pytest.approx(runs[name][run], rel=1e-6)
