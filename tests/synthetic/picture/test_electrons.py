"""Signals of surfaces whose look is known from physics."""

import numpy as np
import pytest

from micro_features.synthetic.picture.electrons import secondary_electrons, sky_view

ROWS, COLS = np.mgrid[:80, :100].astype(float)


def look(height: np.ndarray, relief: float = 1.0) -> np.ndarray:
    return secondary_electrons(height, reach_px=20, relief=relief, edges=np.ones(height.shape))


def test_a_plane_surface_is_plain() -> None:
    np.testing.assert_allclose(look(np.full((80, 100), 7.0)), 1, atol=1e-12)


def test_without_relief_nothing_shows() -> None:
    height = np.random.default_rng(0).normal(0, 3, (80, 100))
    np.testing.assert_allclose(look(height, relief=0), 1, atol=1e-12)


@pytest.mark.parametrize("slope", [0.5, 2.0])
def test_the_bottom_of_a_valley_sees_the_sky_that_geometry_says(slope: float) -> None:
    # In direction a the flank's horizon has tangent slope |sin a|; the mean of 1 / (1 + tan²) is 1 / sqrt(1 + slope²).
    sky = sky_view(slope * np.abs(ROWS - 40), reach=20)
    np.testing.assert_allclose(sky[40, 30:70], 1 / np.sqrt(1 + slope**2), rtol=0.12)  # directions are those of a grid


def test_a_top_sees_the_whole_sky() -> None:
    assert sky_view(-np.abs(ROWS - 40), reach=20)[40, 50] == 1


def test_hollows_are_dark_and_deeper_ones_darker() -> None:
    hole = np.hypot(ROWS - 40, COLS - 50) < 6
    shallow, deep = (look(np.where(hole, -depth, 0.0))[40, 50] for depth in (4, 16))
    assert deep < shallow < 0.8


def test_steeper_slopes_are_brighter() -> None:
    # Tilted across the detector's direction, so that only the tilt counts.
    gentle, steep = (look(slope * (0.4 * ROWS - COLS))[40, 50] for slope in (0.2, 0.8))
    assert 1 < gentle < steep


def test_flanks_towards_the_detector_are_brighter() -> None:
    ridge = look(-np.abs(ROWS - 40) / 2)
    towards, away = ridge[20, 50], ridge[60, 50]  # the detector stands above the picture
    assert towards > away


def test_an_edge_has_a_bright_rim_above_and_shade_below() -> None:
    step = look(np.where(COLS < 50, 8.0, 0.0))
    middle = step[40]
    assert middle[49] > 1.2
    assert middle[51:55].max() < 0.9
    np.testing.assert_allclose(middle[[10, 90]], 1, atol=0.02)
