"""What is predicted: its name, its unit, whether its logarithm is modelled, and classes of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from micro_features.errors import FeatureTableError

# No minutes: pore_area_min_um2 is the area of the smallest pore.
_UNIT = re.compile(
    "(S|mS|uS|ohm|kohm|Mohm|A|mA|V|mV|kV|eV|meV|F|C|K|s|h|d|g|kg|mol|Pa|kPa|MPa|GPa|N|J|W|Hz|kHz|MHz|"
    "m|cm|mm|um|nm|px|deg|percent)[23]?|per"
)


@dataclass(frozen=True)
class Target:
    """A property that is predicted.

    Attributes
    ----------
    name : str
        Of the column, as in ``conductivity_S_per_cm``.
    unit : str
        As in ``S/cm``; empty where the name tells none.
    log10 : bool
        Whether models see its decadic logarithm ("model units").
    """

    name: str
    unit: str
    log10: bool


def quantity_and_unit(name: str) -> tuple[str, str]:
    """The quantity and the unit that a column's name tells.

    Parameters
    ----------
    name : str
        ``<quantity>_<unit>``; units are joined by ``_``, and ``per`` stands for a division.

    Returns
    -------
    quantity, unit : str
        The unit is empty where there is none.

    >>> quantity_and_unit("conductivity_S_per_cm"), quantity_and_unit("pore_area_mean_um2")
    (('conductivity', 'S/cm'), ('pore_area_mean', 'um2'))
    >>> quantity_and_unit("resistance_ohm_cm2"), quantity_and_unit("boundary_length_per_area_per_um")
    (('resistance', 'ohm cm2'), ('boundary_length_per_area', '1/um'))
    """
    words = name.split("_")
    start = len(words)
    while start > 1 and _UNIT.fullmatch(words[start - 1]):
        start -= 1
    unit = words[start:]
    if not unit or unit[-1] == "per":
        return name, ""
    above, _, below = " ".join(unit).partition("per ")
    text = f"{above.strip() or '1'}/{below.replace(' per ', '/')}" if below else above
    return "_".join(words[:start]), text.replace("percent", "%")


def unit_of(name: str) -> str:
    """The unit that a column's name tells; empty where it tells none.

    >>> unit_of("sintering_temperature_C"), unit_of("powder_percent"), unit_of("sintering_schedule")
    ('C', '%', '')
    """
    return quantity_and_unit(name)[1]


def model_values(values: np.ndarray, log10: bool) -> np.ndarray:
    """A property in model units.

    Parameters
    ----------
    values : float array
        In the property's own unit.
    log10 : bool
        Whether its decadic logarithm is modelled.

    Raises
    ------
    FeatureTableError
        A value has no logarithm.
    """
    values = np.asarray(values, float)
    if not log10:
        return values
    if np.any(values <= 0):
        raise FeatureTableError(f"{values[values <= 0][0]:g} has no logarithm; use --no-log.")
    return np.asarray(np.log10(values))


def native_values(y: np.ndarray, log10: bool) -> np.ndarray:
    """The inverse of `model_values`."""
    y = np.asarray(y, float)
    return 10.0**y if log10 else y


def class_codes(values: np.ndarray, cuts: Sequence[float]) -> np.ndarray:
    """The class of each value.

    Parameters
    ----------
    values : (n,) float array
    cuts : sequence of float
        Rising, in the unit of the values. A value at a cut belongs to the upper class.

    Returns
    -------
    (n,) int array
        0 below the first cut, ``len(cuts)`` from the last one on.
    """
    return np.searchsorted(np.asarray(cuts, float), np.asarray(values, float), side="right").astype(int)


def cuts_between(values: np.ndarray, labels: Sequence[str], log10: bool) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Cut points between labelled classes: midway, in model units, between the values that face each other.

    Parameters
    ----------
    values : (n,) float array
        In the property's own unit.
    labels : sequence of n str
        Class of each.
    log10 : bool
        Midway is meant in the logarithm.

    Returns
    -------
    names : tuple of str
        The classes, of rising value.
    cuts : tuple of float
        One fewer than names, in the property's own unit.

    Raises
    ------
    FeatureTableError
        There is one class only, or two overlap, so that no cut parts them.
    """
    y = model_values(values, log10)
    label = np.asarray(labels, dtype=object)
    ranges = {name: (y[label == name].min(), y[label == name].max()) for name in dict.fromkeys(labels)}
    if len(ranges) < 2:
        raise FeatureTableError(
            f"All values are of one class, {next(iter(ranges), '')!r}; there is nothing to tell apart."
        )
    names = sorted(ranges, key=lambda name: ranges[name])
    cuts = []
    for lower, upper in pairwise(names):
        (low, below), (above, high) = ranges[lower], ranges[upper]
        if below >= above:
            ends = native_values(np.array([low, below, above, high]), log10)
            raise FeatureTableError(
                f"The classes {lower!r} ({ends[0]:.4g} to {ends[1]:.4g}) and {upper!r} ({ends[2]:.4g} to {ends[3]:.4g})"
                " overlap, so that no cut point parts them; give cut points instead."
            )
        cuts.append((below + above) / 2)
    return tuple(names), tuple(float(cut) for cut in native_values(np.array(cuts), log10))
