"""How a crack runs through a grain: along a plane, near enough, with steps that fan out from where it came in."""

from dataclasses import dataclass

import numpy as np

_SOURCE = 3.0  # radii from the middle of a grain to where its river lines would meet
_SPREAD = 0.3  # slope of the outermost against the heading
_SHARPNESS = 40.0  # how many times a step is narrower than the grain's radius


@dataclass(frozen=True, eq=False)
class Cleavage:
    """Surface of a cleaved grain; called with places y, x (um), it gives heights.

    Attributes
    ----------
    middle_um : (3,) float array
        A point on it, z, y, x.
    radius_um : float
        Of the grain.
    slope : (2,) float array
        Along y and x.
    heading : float
        Direction in which the crack ran, radians from x to y.
    bend : (2,) float array
        Curvature along and across the heading, per radius.
    steps, step_um : (s,) float array
        River lines: their slopes against the heading, and the heights they grow to.
    """

    middle_um: np.ndarray
    radius_um: float
    slope: np.ndarray
    heading: float
    bend: np.ndarray
    steps: np.ndarray
    step_um: np.ndarray

    def __call__(self, y_um: np.ndarray, x_um: np.ndarray) -> np.ndarray:
        y, x = y_um - self.middle_um[1], x_um - self.middle_um[2]
        along = (x * np.cos(self.heading) + y * np.sin(self.heading)) / self.radius_um
        across = (y * np.cos(self.heading) - x * np.sin(self.heading)) / self.radius_um
        height = self.middle_um[0] + self.slope[0] * y + self.slope[1] * x
        height += 0.5 * self.radius_um * (self.bend[0] * along**2 + self.bend[1] * across**2)
        across += 0.1 * np.sin(3 * along + self.heading)
        grown = np.clip(along + 0.8, 0, 1.5)
        for step, step_um in zip(self.steps, self.step_um, strict=True):
            height += step_um * grown * np.tanh(_SHARPNESS * (across - step * (along + _SOURCE)))
        return height


def cleavage(rng: np.random.Generator, middle_um: np.ndarray, radius_um: float, slope: np.ndarray) -> Cleavage:
    """A random one through a given point, inclined about as given."""
    steps = rng.poisson(12 * rng.random())  # few on some grains, many on others
    return Cleavage(
        middle_um=middle_um,
        radius_um=radius_um,
        slope=slope + 0.1 * rng.standard_t(3, 2).clip(-6, 6),
        heading=rng.uniform(0, 2 * np.pi),
        bend=0.08 * rng.standard_normal(2),
        steps=rng.uniform(-_SPREAD, _SPREAD, steps),
        step_um=0.022 * radius_um * rng.exponential(1.0, steps) * rng.choice([-1, 1]),
    )
