import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from micro_features.errors import SettingsError
from micro_features.synthetic.microscope import drawn_micrograph, quick_micrograph
from micro_features.synthetic.picture.labels import whole_diameters
from micro_features.synthetic.polycrystal import polycrystal

PIXEL_UM = 0.2
SMALL = {"shape": (150, 195), "pixel_um": PIXEL_UM}
QUIET = {"noise": 0.0, "shading": 0.0, "charging": 0.0}


@pytest.fixture(scope="module")
def crystal():
    return polycrystal(
        size_um=(14.0, 30.0, 39.0), grain_diameter_mean_um=3.0, porosity=0.08, pore_diameter_mean_um=1.2, seed=1
    )


@pytest.fixture(scope="module", params=["polished", "fracture"])
def drawn(request, crystal):
    return drawn_micrograph(crystal, surface=request.param, seed=5, **SMALL)


def fields(drawn):
    return {f.name: getattr(drawn, f.name) for f in dataclasses.fields(drawn)}


def test_same_seed_draws_the_same_picture(drawn, crystal):
    again = drawn_micrograph(crystal, surface=drawn.surface, seed=5, **SMALL)
    for name, value in fields(drawn).items():
        np.testing.assert_array_equal(getattr(again, name), value, err_msg=name)
    other = drawn_micrograph(crystal, surface=drawn.surface, seed=6, **SMALL)
    assert np.mean(other.crystal_grain[other.grains] == drawn.crystal_grain[drawn.grains]) < 0.3


def test_shapes_types_and_range(drawn):
    assert {a.shape for a in (drawn.image, drawn.grains, drawn.pores, drawn.boundaries)} == {SMALL["shape"]}
    assert (drawn.image.dtype, drawn.grains.dtype, drawn.pores.dtype) == (np.float32, np.int32, np.int32)
    assert 0 <= drawn.image.min() < 0.3 < 0.6 < drawn.image.max() <= 1


def test_every_pixel_is_either_grain_or_pore(drawn):
    np.testing.assert_array_equal(drawn.grains > 0, drawn.pores == 0)
    for labels in (drawn.grains, drawn.pores):
        np.testing.assert_array_equal(np.unique(labels), np.arange(labels.max() + 1))
    assert drawn.porosity == np.mean(drawn.pores > 0)


def test_labels_name_the_crystals_grains(drawn, crystal):
    assert drawn.crystal_grain.shape == (drawn.grains.max() + 1,)
    assert drawn.crystal_grain[0] == -1
    assert 0 <= drawn.crystal_grain[1:].min() < drawn.crystal_grain.max() < len(crystal.grains.sites_um)


def test_labels_of_a_section_name_the_grains_that_lie_there(crystal):
    drawn = drawn_micrograph(crystal, position_um=(5.0, 2.0, 3.0), **SMALL)
    assert drawn.position_um == (5.0, 2.0, 3.0)
    rows, cols = np.nonzero(drawn.grains)
    where = np.stack([np.full(len(rows), 5.0), 2 + (rows + 0.5) * PIXEL_UM, 3 + (cols + 0.5) * PIXEL_UM], axis=-1)
    _, cell = crystal.grains.nearest(where)
    assert np.mean(cell[:, 0] == drawn.crystal_grain[drawn.grains[rows, cols]]) > 0.94


def test_boundary_mask_is_a_thin_line_between_grains(drawn):
    grains = drawn.grains
    padded = np.pad(grains, 1)
    neighbours = np.stack([padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]])
    touches = ((neighbours != grains) & (neighbours > 0)).any(axis=0) & (grains > 0)
    np.testing.assert_array_equal(drawn.boundaries, touches)
    assert 0.05 < drawn.boundaries.mean() < 0.4


def test_pores_are_dark_and_boundaries_are_darker_than_grains(drawn):
    inside = (drawn.grains > 0) & ~drawn.boundaries
    level = np.median(drawn.image[inside])
    assert drawn.image[drawn.pores > 0].mean() < level - 0.05
    assert drawn.image[drawn.boundaries].mean() < level - 0.02


@pytest.mark.parametrize("surface", ["polished", "fracture"])
def test_boundaries_darken_with_boundary_contrast(crystal, surface):
    levels = []
    for strength in (0.0, 0.4, 1.0):
        drawn = drawn_micrograph(
            crystal, surface=surface, boundary_contrast=strength, seed=2, shape=(90, 120), pixel_um=PIXEL_UM, **QUIET
        )
        inside = (drawn.grains > 0) & ~drawn.boundaries
        levels.append(drawn.image[inside].mean() - drawn.image[drawn.boundaries].mean())
    assert (np.diff(levels) > 0.004).all()


def test_session_changes_the_picture_but_not_the_truth(drawn, crystal):
    """Brightness and contrast of a session: arithmetic on the picture, up to clipping."""
    other = drawn_micrograph(crystal, surface=drawn.surface, seed=5, contrast=0.7, brightness=0.1, **SMALL)
    unclipped = (drawn.image > 0) & (drawn.image < 1)
    expected = 0.5 + 0.7 * (drawn.image - 0.5) + 0.1
    np.testing.assert_allclose(other.image[unclipped], expected[unclipped], atol=1e-5)
    for name, value in fields(drawn).items():
        if name != "image":
            np.testing.assert_array_equal(getattr(other, name), value, err_msg=name)


def test_repeats_of_the_crystal_are_grains_of_their_own(crystal):
    """A picture twice as wide as the crystal shows each grain twice, or in parts at the rims."""
    rows, cols = SMALL["shape"]
    one = drawn_micrograph(crystal, position_um=(5.0, 0.0, 0.0), shape=(rows, cols), pixel_um=PIXEL_UM)
    two = drawn_micrograph(crystal, position_um=(5.0, 0.0, 0.0), shape=(rows, 2 * cols), pixel_um=PIXEL_UM)
    assert one.grains.max() < 1.1 * len(np.unique(one.crystal_grain)) + 60
    assert two.grains.max() > 1.7 * one.grains.max()
    for label in range(1, two.grains.max() + 1):
        seen = np.argwhere(two.grains == label)
        assert (np.ptp(seen, axis=0) < 0.5 * crystal.grains.size_um[1:] / PIXEL_UM).all()


def test_sections_give_the_crystals_boundary_density_and_intercept():
    """S_V and mean intercept of random sections are those in space (Underwood: S_V = 2 P_L), pores apart."""
    dense = polycrystal(size_um=(14.0, 30.0, 39.0), grain_diameter_mean_um=3.0, porosity=0.0, seed=1)
    sections = [drawn_micrograph(dense, pixel_um=PIXEL_UM, shape=(150, 195), seed=seed, **QUIET) for seed in range(4)]
    surface = dense.grains.walls.area_um2.sum() / dense.grains.size_um.prod()
    assert np.mean([s.surface_per_volume_per_um for s in sections]) == pytest.approx(surface, rel=0.04)
    assert np.mean([s.grain_intercept_mean_um for s in sections]) == pytest.approx(2 / surface, rel=0.04)
    assert sections[0].porosity == 0
    assert np.isnan(sections[0].pore_diameter_mean_um)


def test_stated_grain_size_agrees_with_counting():
    """Counting grains cut by the border as a half, area per grain is the frame's."""
    dense = polycrystal(size_um=(11.0, 24.0, 24.0), grain_diameter_mean_um=2.0, porosity=0.0, seed=2)
    drawn = drawn_micrograph(dense, pixel_um=0.1, shape=(240, 240), seed=2)
    border = np.unique(np.concatenate([drawn.grains[0], drawn.grains[-1], drawn.grains[:, 0], drawn.grains[:, -1]]))
    n_grains = drawn.grains.max() - len(border) / 2
    mean, sigma = drawn.grain_diameter_mean_um, drawn.grain_diameter_sigma
    sizes, weights = whole_diameters(drawn.grains)
    mean_area = np.average(np.pi / 4 * (0.1 * sizes) ** 2, weights=weights)
    assert mean_area == pytest.approx(576 / n_grains, rel=0.05)
    assert np.average(0.1 * sizes, weights=weights) == pytest.approx(mean)
    assert 0.3 < sigma < 1.0


def test_noise_is_what_was_asked_for(crystal):
    quiet, noisy = (
        drawn_micrograph(crystal, noise=noise, shading=0, charging=0, seed=3, **SMALL).image for noise in (0.0, 0.05)
    )
    middle = np.abs(quiet - 0.5) < 0.05
    assert (noisy - quiet)[middle].std() == pytest.approx(0.05, rel=0.1)


def test_quick_micrograph_has_what_was_asked_for():
    drawn = quick_micrograph(shape=(120, 150), pixel_um=0.2, porosity=0.1, pore_diameter_mean_um=1.5, seed=4)
    assert drawn.image.shape == (120, 150)
    assert drawn.porosity == pytest.approx(0.1, abs=0.04)
    # A plane cuts grains off their middle, and large ones more often.
    assert 0.75 < drawn.grain_diameter_mean_um / 3.0 < 1.25


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.integers(32, 60),
    cols=st.integers(32, 60),
    pixel_um=st.floats(0.02, 1.49),
    strength=st.floats(0, 1),
    position=st.tuples(*[st.floats(-1e3, 1e3)] * 3),
    seed=st.integers(0, 2**40),
)
def test_any_section_is_labelled_everywhere(crystal, rows, cols, pixel_um, strength, position, seed):
    drawn = drawn_micrograph(
        crystal,
        shape=(rows, cols),
        pixel_um=pixel_um,
        boundary_contrast=strength,
        relief=strength,
        position_um=position,
        seed=seed,
    )
    assert np.isfinite(drawn.image).all()
    np.testing.assert_array_equal(drawn.grains > 0, drawn.pores == 0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"pixel_um": 0.0}, "pixel_um is 0"),
        ({"pixel_um": 2.0}, r"pixel_um is 2: .* to 1\.5"),  # grains of 3 um would be smaller than two pixels
        ({"pixel_um": 1e-5}, "pixel_um is 1e-05"),
        ({"pixel_um": float("nan")}, "pixel_um is nan"),
        ({"shape": (8, 320)}, "shape"),
        ({"noise": 1.0}, "noise is 1"),
        ({"relief": 1.5}, "relief is 1.5"),
        ({"boundary_contrast": -0.1}, "boundary_contrast is -0.1"),
        ({"brightness": 2.0}, "brightness is 2"),
        ({"contrast": 0.0}, "contrast is 0"),
        ({"position_um": (0.0, float("inf"), 0.0)}, r"position_um \(y\) is inf"),
        ({"surface": "etched"}, "polished, fracture"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_impossible_requests_are_refused_in_one_line(crystal, wrong, says):
    with pytest.raises(SettingsError, match=says) as error:
        drawn_micrograph(crystal, **(SMALL | wrong))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"porosity": 0.9}, "porosity"),
        ({"grain_diameter_mean_um": float("nan")}, "grain_diameter_mean_um is nan"),
        ({"grain_diameter_mean_um": 100.0}, "grain_diameter_mean_um is 100"),
        ({"pixel_um": -1.0}, "pixel_um is -1"),
    ],
)
def test_impossible_quick_requests_are_refused_in_one_line(wrong, says):
    with pytest.raises(SettingsError, match=says) as error:
        quick_micrograph(**(SMALL | {"grain_diameter_mean_um": 4.0} | wrong))
    assert "\n" not in str(error.value)
