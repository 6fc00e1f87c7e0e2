"""How a network is trained: epochs, windows, and how fast it learns at each step."""

from dataclasses import dataclass, field

import numpy as np

from micro_features.errors import SettingsError

_WARM_UP = 0.2  # share of the steps in which the learning rate rises
_START, _END = 25.0, 1e4  # the rate rises from the highest / 25, and falls to that / 1e4
_MOMENTUM = (0.85, 0.95)  # at the highest rate, and at both ends


@dataclass(frozen=True)
class Augmentation:
    """How strongly windows are varied; a window has standard deviation 1.

    Parameters
    ----------
    gain : float
        Standard deviation of the logarithm of a window's contrast.
    brightness : float
        Standard deviation of what is added to a window.
    blur : float
        Share of windows that are smoothed by a 3 x 3 binomial filter (standard deviation 0.7 pixels), 0 to 1.
    noise : float
        Most standard deviation of white noise; a window's own lies evenly between 0 and this.

    Raises
    ------
    SettingsError
        A number is negative or a share above 1.
    """

    gain: float = 0.1
    brightness: float = 0.1
    blur: float = 0.3
    noise: float = 0.1

    def __post_init__(self) -> None:
        strengths = (self.gain, self.brightness, self.blur, self.noise)
        if not all(0 <= strength < np.inf for strength in strengths) or self.blur > 1:
            raise SettingsError(f"{self}: choose numbers of at least 0, and a share of blurred windows of at most 1")


@dataclass(frozen=True)
class Plan:
    """How a network is trained.

    Parameters
    ----------
    epochs : int
        Each shows every window once.
    batch : int
        Windows a step, at least 2.
    window, step : int
        Edge of a window and way from one to the next, pixels at the network's scale.
    learning_rate : float
        The highest of a one-cycle schedule (Smith and Topin 2018, Super-convergence).
    weight_decay : float
        Of AdamW (Loshchilov and Hutter 2019, ICLR).
    class_weight : float
        Of the cross-entropy of the classes, beside the squared error of the standardised property.
    augmentation : Augmentation
    seed : int
        Of first weights, order of windows and augmentation.

    Raises
    ------
    SettingsError
        A number is outside its range.
    """

    epochs: int = 20
    batch: int = 32
    window: int = 170
    step: int = 85
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    class_weight: float = 0.3
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in {"epochs": 1, "batch": 2, "window": 1, "step": 1}.items():
            if getattr(self, name) < least:
                raise SettingsError(f"{name} {getattr(self, name)} of a training: choose at least {least}")
        for name in ("weight_decay", "class_weight", "seed"):
            if not getattr(self, name) >= 0:
                raise SettingsError(f"{name} {getattr(self, name)} of a training: choose at least 0")
        if not 0 < self.learning_rate < np.inf:
            raise SettingsError(f"learning_rate {self.learning_rate} of a training: choose a number above 0")


def one_cycle(step: int, steps: int, highest: float) -> tuple[float, float]:
    """Learning rate and momentum of one step: the rate rises, then falls to nothing, the momentum the other way.

    Cosine shaped, as torch's OneCycleLR with its defaults, but a function of the step alone: nothing to keep for a
    resumed training.

    Parameters
    ----------
    step : int
        From 0.
    steps : int
        In the whole training.
    highest : float
        Learning rate.

    Returns
    -------
    rate, momentum : float
    """
    peak, last = _WARM_UP * steps - 1, steps - 1
    low, high = _MOMENTUM
    if step < peak:
        return _cosine(highest / _START, highest, step / peak), _cosine(high, low, step / peak)
    way = (step - peak) / (last - peak)
    return _cosine(highest, highest / _START / _END, way), _cosine(low, high, way)


def _cosine(start: float, end: float, way: float) -> float:
    return end + (start - end) / 2 * (1 + float(np.cos(np.pi * way)))
