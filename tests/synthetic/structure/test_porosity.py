"""Measures of pores."""

import numpy as np
import pytest

from micro_features.synthetic.structure.cavities import Pores, Roughness
from micro_features.synthetic.structure.porosity import measure_pores

BOX = np.array([8.0, 9.0, 10.0])


def sphere(radius: float, rough: Roughness) -> Pores:
    return Pores(BOX, np.array([[4.0, 4.5, 5.0]]), np.full((1, 3), radius), np.eye(3)[None], 0.0, rough)


def test_a_sphere_has_the_volume_and_the_surface_of_one():
    measures = measure_pores(sphere(1.5, Roughness(0.0, np.zeros((0, 3)), np.zeros(0))), 3.0)
    assert measures.porosity == pytest.approx(4 / 3 * np.pi * 1.5**3 / BOX.prod(), rel=0.01)
    assert measures.surface_per_um == pytest.approx(4 * np.pi * 1.5**2 / BOX.prod(), rel=0.02)


@pytest.mark.parametrize("height_um", [0.35, 0.3565, 0.363])
def test_a_wall_that_strays_beyond_where_depths_are_known_has_a_finite_surface(height_um):
    crests_meet = Roughness(height_um, np.zeros((20, 3)), np.zeros(20))  # raised by sqrt(40) times the height
    assert 0 <= measure_pores(sphere(1.5, crests_meet), 3.0).surface_per_um < 1
