import numpy as np
import pytest

from micro_features.data import Attributions

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
