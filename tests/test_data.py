import numpy as np
import pytest

from micro_features.data import Attributions, HeatMaps

GOOD = {
    "values": np.zeros((2, 3)),
    "base": np.zeros(2),
    "names": ("a", "b", "c"),
    "unit": "log10 S/cm",
    "ids": ("x", "y"),
    "method": "TreeSHAP, out of fold",
}


def test_attributions_may_have_a_band_with_holes():
    assert Attributions(**GOOD).low is None
    high = np.array([[0, 1, np.nan]] * 2)
    assert Attributions(**GOOD, low=-high, high=high).high is high


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"values": np.zeros((3, 2))}, r"shape \(3, 2\), not \(2, 3\)"),
        ({"base": np.zeros(3)}, r"shape \(3,\), not \(2,\)"),
        ({"ids": ("x", "x")}, "ids repeat .'x'"),
        ({"names": ("a", "b", "a")}, "names repeat .'a'"),
        ({"values": np.full((2, 3), np.nan)}, "values are not all finite"),
        ({"base": np.array([0, np.inf])}, "base are not all finite"),
        ({"low": np.zeros((2, 3))}, "together"),
        ({"low": np.zeros((1, 3)), "high": np.zeros((1, 3))}, "do not have shape"),
        ({"low": np.ones((2, 3)), "high": np.zeros((2, 3))}, "low exceeds high"),
    ],
)
def test_attributions_that_contradict_themselves_are_refused(change, said):
    with pytest.raises(ValueError, match=said):
        Attributions(**(GOOD | change))


MAP = np.zeros((2, 3), np.float32)
MAPS = {
    "values": (MAP, np.zeros((4, 5), np.float32)),
    "ids": ("x", "y"),
    "layer": "stage2",
    "method": "gradcam",
    "unit": "log10 S/cm",
    "cell_um": (13.1, float("nan")),
}


def test_maps_may_differ_in_size_and_lack_a_scale():
    assert HeatMaps(**MAPS).values[1].shape == (4, 5)
    assert HeatMaps(**(MAPS | {"values": (), "ids": (), "cell_um": ()})).ids == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"values": (MAP,)}, "1 values for 2 ids"),
        ({"cell_um": (1.0,)}, "1 cell_um for 2 ids"),
        ({"ids": ("x", "x")}, "ids repeat .'x'"),
        ({"values": (MAP, MAP[0])}, r"map of y has shape \(3,\)"),
        ({"values": (MAP[:0], MAP)}, r"map of x has shape \(0, 3\)"),
        ({"values": (MAP, MAP.astype(float))}, "map of y is float64, not float32"),
        ({"values": (MAP, np.full_like(MAP, np.nan))}, "map of y is not finite"),
        ({"cell_um": (float("nan"), -1.0)}, "cell_um .-1.0. is not positive"),
    ],
)
def test_maps_that_contradict_themselves_are_refused(change, said):
    with pytest.raises(ValueError, match=said):
        HeatMaps(**(MAPS | change))
