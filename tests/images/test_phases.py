import numpy as np
import pytest

from micro_features.images.phases import phase_masks


def two_halves():
    grains = np.ones((40, 60), np.int32)
    grains[:, 30:] = 2
    return grains, np.zeros_like(grains), np.ones(grains.shape, bool)


@pytest.mark.parametrize(("width_px", "columns"), [(2, 2), (4, 4), (8, 8)])
def test_a_boundary_is_as_wide_as_asked(width_px, columns):
    masks = phase_masks(*two_halves(), boundary_width_px=width_px)
    assert (masks.boundary.sum(axis=1) == columns).all()
    # It lies evenly on both sides of the line where the grains meet.
    np.testing.assert_array_equal(masks.boundary, masks.boundary[:, ::-1])


def test_phases_are_disjoint_and_cover_the_valid_area():
    rng = np.random.default_rng(0)
    grains = rng.integers(1, 5, (6, 8)).repeat(10, 0).repeat(10, 1).astype(np.int32)
    pores = np.zeros_like(grains)
    pores[20:30, 20:35] = 1
    grains[pores > 0] = 0
    valid = np.ones(grains.shape, bool)
    valid[50:] = False
    masks = phase_masks(grains, pores, valid, boundary_width_px=3)
    np.testing.assert_array_equal(sum(mask.astype(int) for mask in masks), valid.astype(int))
    np.testing.assert_array_equal(masks.pore, pores > 0)


def test_rims_of_pores_and_of_the_mask_are_no_grain_boundaries():
    grains = np.ones((40, 60), np.int32)
    pores = np.zeros_like(grains)
    pores[10:20, 10:20] = 1
    grains[pores > 0] = 0
    valid = np.ones(grains.shape, bool)
    valid[30:] = False
    grains[30:] = 0
    assert not phase_masks(grains, pores, valid).boundary.any()


def test_nothing_valid_has_no_phase():
    grains, pores, valid = two_halves()
    assert not any(mask.any() for mask in phase_masks(grains, pores, ~valid))
