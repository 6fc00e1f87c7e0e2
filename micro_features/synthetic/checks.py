"""Arguments that are out of bounds are refused in one line: which one, what was found, what to give. So is NaN."""

import numpy as np

from micro_features.errors import SettingsError


def within(name: str, value: float, low: float, high: float) -> None:
    """Refuse a value outside ``low`` to ``high``."""
    if not low <= value <= high:
        raise SettingsError(f"{name} is {value:g}: give a value from {low:g} to {high:g}.")


def positive(name: str, value: float) -> None:
    """Refuse a value that is not above 0 and finite."""
    if not 0 < value < np.inf:
        raise SettingsError(f"{name} is {value:g}: give a number above 0.")


def not_negative(name: str, value: float) -> None:
    """Refuse a value that is not finite, 0 or more."""
    if not 0 <= value < np.inf:
        raise SettingsError(f"{name} is {value:g}: give 0 or more.")
