"""Blocks cut from a crystal, and the loss that is seen on a plane through them."""

import numpy as np
import pytest

from micro_features.errors import SettingsError
from micro_features.synthetic.law.block import FLOW_AXIS, Block, losses_in_picture, solved_block, voxel_for
from micro_features.synthetic.law.causes import BULK_S_PER_CM
from micro_features.synthetic.polycrystal import grain_voxels, polycrystal
from micro_features.synthetic.transport import CoarseGridWarning, Conduction, effective_conductivity


@pytest.fixture(scope="module")
def crystal():
    return polycrystal(
        size_um=(10, 11, 12), grain_diameter_mean_um=2.2, porosity=0.05, pore_diameter_mean_um=0.9, seed=1
    )


def solved(bulk, boundary):
    """A block whose dissipation is given."""
    power = {"bulk_loss": bulk, "boundary_loss": boundary}
    return Conduction(
        1e-3, 0.0, 1.0, 10.0, np.zeros_like(bulk), **power, boundary_share=0.5, imbalance=0.0, iterations=1
    )


def test_voxels_resolve_the_finer_of_grains_and_pores():
    assert voxel_for(7.0, 100.0) == pytest.approx(0.5)
    assert voxel_for(100.0, 1.75) == pytest.approx(0.5)


def test_a_block_is_what_its_voxels_are(crystal):
    origin = (1.0, 2.0, 3.0)
    block = solved_block(crystal, voxels=20, voxel_um=0.25, boundary_resistance_ohm_cm2=0.3, origin_um=origin)
    grains = grain_voxels(crystal, voxel_um=0.25, shape=(20, 20, 20), origin_um=origin)
    with pytest.warns(CoarseGridWarning):
        direct = effective_conductivity(
            grains, voxel_um=0.25, bulk_S_per_cm=BULK_S_PER_CM, boundary_resistance_ohm_cm2=0.3, axis=FLOW_AXIS
        )
    assert block.conduction.conductivity_S_per_cm == direct.conductivity_S_per_cm
    assert block.origin_um == origin


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"voxels": 0}, r"shape is \(0, 0, 0\)"),
        ({"voxel_um": 0.0}, "voxel_um"),
        ({"voxel_um": np.nan}, "voxel_um"),
        ({"boundary_resistance_ohm_cm2": -0.1}, "ohm_cm2"),
        ({"boundary_resistance_ohm_cm2": np.nan}, "ohm_cm2"),
    ],
)
def test_impossible_blocks_are_refused(crystal, change, words):
    request = {"voxels": 8, "voxel_um": 0.25, "boundary_resistance_ohm_cm2": 0.3} | change
    with pytest.raises(SettingsError, match=words) as refusal:
        solved_block(crystal, **request)
    assert "\n" not in str(refusal.value)


def test_each_pixel_shows_the_loss_of_its_voxel():
    bulk = np.arange(4 * 5 * 6, dtype=float).reshape(4, 5, 6)
    block = Block((1.0, 2.0, 3.0), 0.5, solved(bulk, -bulk))
    # The picture's corner is that of the block, the plane the middle of its third layer, two pixels to a voxel.
    shown, lost = losses_in_picture(block, shape=(10, 12), pixel_um=0.25, position_um=(1.0 + 2.5 * 0.5, 2.0, 3.0))
    np.testing.assert_array_equal(shown, np.kron(bulk[2], np.ones((2, 2))))
    np.testing.assert_array_equal(lost, -shown)
    assert shown.dtype == np.float32


def test_between_layers_losses_are_mixed_and_beyond_the_last_centre_they_stay():
    bulk = np.stack([np.full((3, 3), 1.0), np.full((3, 3), 5.0)])
    block = Block((0.0, 0.0, 0.0), 1.0, solved(bulk, bulk))
    for height, expected in ((0.0, 1), (0.5, 1), (0.75, 2), (1.0, 3), (1.5, 5), (2.0, 5)):
        shown, _ = losses_in_picture(block, shape=(3, 3), pixel_um=1.0, position_um=(height, 0.0, 0.0))
        np.testing.assert_allclose(shown, expected)


def test_what_lies_beside_the_block_is_unknown():
    bulk = np.ones((2, 3, 3))
    block = Block((0.0, 2.0, 4.0), 1.0, solved(bulk, bulk))
    shown, _ = losses_in_picture(block, shape=(8, 9), pixel_um=1.0, position_um=(1.0, 0.0, 0.0))
    known = np.zeros((8, 9), dtype=bool)
    known[2:5, 4:7] = True
    np.testing.assert_array_equal(np.isfinite(shown), known)


@pytest.mark.parametrize("position", [(-0.1, 0, 0), (2.1, 0, 0), (1, 50, 0), (1, 0, -50), (np.nan, 0, 0)])
def test_a_picture_of_another_place_is_refused(position):
    block = Block((0.0, 0.0, 0.0), 1.0, solved(np.ones((2, 3, 3)), np.ones((2, 3, 3))))
    with pytest.raises(SettingsError, match="does not cut the block"):
        losses_in_picture(block, shape=(4, 4), pixel_um=1.0, position_um=position)


def test_losses_lie_on_the_boundaries_of_the_same_grains(crystal):
    block = solved_block(crystal, voxels=32, voxel_um=0.25, boundary_resistance_ohm_cm2=2.0)
    _, boundary = losses_in_picture(block, shape=(32, 32), pixel_um=0.25, position_um=(4.125, 0.0, 0.0))
    grains = grain_voxels(crystal, voxel_um=0.25, shape=(32, 32, 32))
    same = np.ones((32, 32), dtype=bool)
    for axis in range(3):
        for shift in (-1, 1):
            same &= (np.roll(grains, shift, axis) == grains)[16]
    inner = same[1:-1, 1:-1]
    assert boundary[1:-1, 1:-1][inner].max() == 0
    assert np.count_nonzero(boundary[1:-1, 1:-1][~inner]) > 0.5 * np.count_nonzero(~inner)
