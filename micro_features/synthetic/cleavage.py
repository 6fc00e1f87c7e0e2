"""How a crack runs through a grain: near enough a plane, with steps that fan out from where it came in."""

from dataclasses import dataclass

import numpy as np

_SHARPNESS = 25.0  # of steps: how many times they are narrower than a grain


@dataclass(frozen=True, eq=False)
class Cleavage:
    """Surface of a cleaved grain: called with places y, x (um), it gives heights.

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
    step_angle, step_um : (s,) float array
        River lines: their direction from where the crack came in, radians, and how high they end.
    bend : (2,) float array
        Curvature along and across the heading, per radius.
    """

    middle_um: np.ndarray
    radius_um: float
    slope: np.ndarray
    heading: float
    step_angle: np.ndarray
    step_um: np.ndarray
    bend: np.ndarray

    def __call__(self, y_um: np.ndarray, x_um: np.ndarray) -> np.ndarray:
        y, x = y_um - self.middle_um[1], x_um - self.middle_um[2]
        along = (x * np.cos(self.heading) + y * np.sin(self.heading)) / self.radius_um
        across = (y * np.cos(self.heading) - x * np.sin(self.heading)) / self.radius_um
        height = self.middle_um[0] + self.slope[0] * y + self.slope[1] * x
        height = height + 0.5 * self.radius_um * (self.bend[0] * along**2 + self.bend[1] * across**2)
        travelled = along + 1.6  # the crack came in somewhat outside
        angle = np.arctan2(across + 0.08 * np.sin(4 * along + self.heading), np.maximum(travelled, 0.1))
        for step_angle, step in zip(self.step_angle, self.step_um, strict=True):
            # A step begins at nothing and grows as it runs.
            height = height + step * np.clip(along + 0.8, 0, 1.5) * np.tanh(
                _SHARPNESS * travelled * (angle - step_angle)
            )
        return height


def cleavage(rng: np.random.Generator, middle_um: np.ndarray, radius_um: float, slope: np.ndarray) -> Cleavage:
    """A random one through a given point, inclined about as given."""
    steps = rng.poisson(3.0)
    return Cleavage(
        middle_um=middle_um,
        radius_um=radius_um,
        slope=slope + 0.12 * rng.standard_t(3, 2).clip(-6, 6),
        heading=rng.uniform(0, 2 * np.pi),
        step_angle=rng.uniform(-0.5, 0.5, steps),
        step_um=radius_um * 0.02 * rng.exponential(1.0, steps) * rng.choice([-1, 1, 1]),
        bend=0.08 * rng.standard_normal(2),
    )
