import numpy as np
import pytest

from micro_features.report.signs import both_sides, signed


@pytest.mark.parametrize(
    ("value", "scale", "said"),
    [
        (0.0013, 0.05, "+0.001"),
        (-0.03, 0.05, "−0.030"),
        (-0.451, 1.0, "−0.45"),
        (0.1, 0.5, "+0.10"),
        (120.4, 300.0, "+120"),
        (1.3e-6, 5e-6, "+1.3e−06"),
        (0.0, 0.5, "+0.00"),
        (np.nan, 0.5, "not known"),
    ],
)
def test_digits_are_enough_for_the_scale(value, scale, said):
    assert signed(value, scale) == said


@pytest.mark.parametrize(
    ("values", "middle", "least", "ends"),
    [
        ([2.0, -9.0], 0, 0, (-9.9, 3.3)),
        ([2.0, np.nan], 0, 0, (-2.2 / 3, 2.2)),
        ([1.5, 0.9], 1, 0.5, (0.45, 1.55)),
        ([0.0, 0.0], 0, 0, (-1.1, 1.1)),
        ([], 1, 0.5, (0.45, 1.55)),
    ],
)
def test_both_sides_of_the_middle_are_seen(values, middle, least, ends):
    assert both_sides(np.array(values), middle, least) == pytest.approx(ends)
