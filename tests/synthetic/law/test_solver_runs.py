"""Requests for solver runs, and one run."""

import pickle

import numpy as np
import pytest

from micro_features.errors import SettingsError
from micro_features.synthetic.law.causes import BULK_S_PER_CM, CAUSE_RANGES, CAUSES
from micro_features.synthetic.law.solver_runs import refined, run_requests, solver_run


def test_runs_reach_beyond_the_ranges_of_the_causes():
    requests = run_requests(200, seed=3)
    for name in CAUSES:
        values = [getattr(request.causes, name) for request in requests]
        assert min(values) < CAUSE_RANGES[name].low
        assert max(values) > CAUSE_RANGES[name].high


def test_runs_are_the_same_for_the_same_seed_and_travel_between_processes():
    requests = run_requests(10, seed=3)
    assert requests == run_requests(10, seed=3) == pickle.loads(pickle.dumps(requests))
    assert requests != run_requests(10, seed=4)
    assert len({request.seed for request in requests}) == 10


def test_a_refined_run_is_the_same_block():
    request = run_requests(2, seed=3)[0]
    fine = refined(request)
    assert fine.voxels * fine.voxel_um == request.voxels * request.voxel_um
    assert (fine.causes, fine.seed, fine.size_um) == (request.causes, request.seed, request.size_um)


@pytest.mark.parametrize("voxels", [16, 48, 96])
def test_a_block_lies_inside_its_crystal(voxels):
    for request in run_requests(50, seed=3, voxels=voxels):
        assert request.voxels * request.voxel_um <= request.size_um * (1 + 1e-12)


def test_a_run_gives_a_row_that_repeats():
    request = min(run_requests(4, seed=3, voxels=16), key=lambda request: request.causes.porosity)
    row = solver_run(request)
    assert row == solver_run(request)
    assert 0.1 * BULK_S_PER_CM < row["conductivity_S_per_cm"] < BULK_S_PER_CM
    assert 0 < row["boundary_share"] < 1
    assert row["porosity"] == pytest.approx(request.causes.porosity, abs=0.002)
    assert row["grain_diameter_um"] == pytest.approx(request.causes.grain_diameter_um, rel=0.03)
    assert all(np.isfinite(value) for value in row.values())


def test_a_single_run_is_refused():
    with pytest.raises(SettingsError, match="n is 1"):
        run_requests(1, seed=0)
