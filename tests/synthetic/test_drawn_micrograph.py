import numpy as np
import pytest

from micro_features.errors import SettingsError
from micro_features.synthetic import drawn_micrograph

SMALL = {"shape": (240, 320), "pixel_um": 0.25, "grain_diameter_mean_um": 4.0, "pore_diameter_um": 2.0}


@pytest.fixture(scope="module", params=["polished", "fracture"])
def drawn(request):
    return drawn_micrograph(**SMALL, surface=request.param, porosity=0.08, seed=5)


def test_same_seed_draws_the_same_picture(drawn):
    again = drawn_micrograph(**SMALL, surface=drawn.surface, porosity=0.08, seed=5)
    for name in ("image", "grains", "pores"):
        np.testing.assert_array_equal(getattr(again, name), getattr(drawn, name))
    other = drawn_micrograph(**SMALL, surface=drawn.surface, porosity=0.08, seed=6)
    assert np.mean(other.grains == drawn.grains) < 0.2


def test_shapes_types_and_range(drawn):
    assert drawn.image.shape == drawn.grains.shape == drawn.pores.shape == SMALL["shape"]
    assert (drawn.image.dtype, drawn.grains.dtype, drawn.pores.dtype) == (np.float32, np.int32, np.int32)
    assert 0 <= drawn.image.min() < 0.3 < 0.6 < drawn.image.max() <= 1


def test_every_pixel_is_either_grain_or_pore(drawn):
    np.testing.assert_array_equal(drawn.grains > 0, drawn.pores == 0)
    for labels in (drawn.grains, drawn.pores):
        np.testing.assert_array_equal(np.unique(labels), np.arange(labels.max() + 1))


def test_pores_are_dark_and_boundaries_are_darker_than_grains(drawn):
    grains = drawn.grains
    level = np.median(drawn.image[grains > 0])
    assert drawn.image[drawn.pores > 0].mean() < 0.65 * level
    edge = np.zeros(grains.shape, dtype=bool)
    edge[:, 1:] = (grains[:, 1:] != grains[:, :-1]) & (grains[:, 1:] > 0) & (grains[:, :-1] > 0)
    assert drawn.image[edge].mean() < level - 0.03


@pytest.mark.parametrize("porosity", [0.0, 0.02, 0.2])
def test_porosity_is_met_to_the_pixel(porosity):
    drawn = drawn_micrograph(**SMALL, porosity=porosity, seed=1)
    assert np.mean(drawn.pores > 0) == drawn.porosity
    assert drawn.porosity == pytest.approx(porosity, abs=1 / drawn.pores.size)


@pytest.mark.parametrize(("sigma", "porosity"), [(0.2, 0.0), (0.35, 0.1)])
def test_grain_and_pore_size_are_near_the_request(sigma, porosity):
    drawn = [drawn_micrograph(**SMALL, grain_diameter_sigma=sigma, porosity=porosity, seed=seed) for seed in range(3)]
    assert np.mean([d.grain_diameter_mean_um for d in drawn]) == pytest.approx(4.0, rel=0.05)
    assert np.mean([d.grain_diameter_sigma for d in drawn]) == pytest.approx(sigma, rel=0.35)
    if porosity:
        assert np.mean([d.pore_diameter_mean_um for d in drawn]) == pytest.approx(2.0, rel=0.1)


def test_stated_grain_size_agrees_with_the_labels():
    """Without pores and counting border-cut grains as a half, area per grain is the frame's."""
    drawn = drawn_micrograph(**SMALL, grain_diameter_sigma=0.2, porosity=0.0, seed=2)
    border = np.unique(np.concatenate([drawn.grains[0], drawn.grains[-1], drawn.grains[:, 0], drawn.grains[:, -1]]))
    n_grains = drawn.grains.max() - len(border) / 2
    area_um2 = drawn.grains.size * drawn.pixel_um**2 / n_grains
    mean_of_squares = drawn.grain_diameter_mean_um**2 * np.exp(drawn.grain_diameter_sigma**2)
    assert np.pi / 4 * mean_of_squares == pytest.approx(area_um2, rel=0.05)


def test_noise_is_what_was_asked_for():
    quiet, noisy = (
        drawn_micrograph(**SMALL, noise=noise, shading=0, charging=0, seed=3).image for noise in (0.0, 0.05)
    )
    middle = np.abs(quiet - 0.5) < 0.1
    assert (noisy - quiet)[middle].std() == pytest.approx(0.05, rel=0.1)


def test_lengths_scale_with_the_pixel():
    """The same picture at another pixel size: every length follows, nothing else changes."""
    drawn = drawn_micrograph(**SMALL, seed=4)
    scaled = drawn_micrograph(
        shape=SMALL["shape"], pixel_um=1.0, grain_diameter_mean_um=16.0, pore_diameter_um=8.0, seed=4
    )
    np.testing.assert_array_equal(scaled.grains, drawn.grains)
    assert scaled.grain_diameter_mean_um == pytest.approx(4 * drawn.grain_diameter_mean_um)
    assert scaled.pore_diameter_mean_um == pytest.approx(4 * drawn.pore_diameter_mean_um)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"porosity": 0.6}, "porosity is 0.6"),
        ({"porosity": -0.1}, "porosity is -0.1"),
        ({"porosity": float("nan")}, "porosity is nan"),
        ({"porosity": 0.4, "pore_diameter_um": 0.6}, "does not fit"),
        ({"porosity": 0.0005, "pore_diameter_um": 14.0}, "can not be met"),
        ({"grain_diameter_mean_um": 100.0}, "grain_diameter_mean_um is 100"),
        ({"grain_diameter_mean_um": -1.0}, "grain_diameter_mean_um is -1"),
        ({"grain_diameter_sigma": 2.0}, "grain_diameter_sigma is 2"),
        ({"pore_diameter_um": 0.1}, "pore_diameter_um is 0.1"),
        ({"pixel_um": 0.0}, "pixel_um is 0"),
        ({"shape": (8, 320)}, "shape"),
        ({"noise": 1.0}, "noise is 1"),
        ({"surface": "etched"}, "polished"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_impossible_requests_are_refused_in_one_line(wrong, says):
    with pytest.raises(SettingsError, match=says) as error:
        drawn_micrograph(**(SMALL | wrong))
    assert "\n" not in str(error.value)
