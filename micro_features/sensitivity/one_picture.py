"""How far the numbers of one picture hang on the choice of thresholds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from micro_features.data import Micrograph
from micro_features.explain.joint_sensitivity import (
    Together,
    joint_ranges,
    morris_design,
    morris_indices,
    sobol_design,
    sobol_indices,
)
from micro_features.explain.sensitivity import Point, Range, drivers, evaluate, moved_singly, one_at_a_time
from micro_features.fitting.property_model import PropertyModel
from micro_features.pipeline.varying import Varied, by_cost, threshold_ranges
from micro_features.sensitivity.numbers import features_of, with_predictions
from micro_features.settings import Settings

DRAWS = {"morris": 6, "sobol": 32}
"""Trajectories, or draws, where nobody says how many."""
BETWEEN = 1
"""Values tried between a threshold's own and each end of its range."""


@dataclass(frozen=True)
class Design:
    """What is tried on each picture.

    Attributes
    ----------
    thresholds : tuple of str
        Those that are moved; all that do something where empty.
    joint : str
        How they are moved together: ``"morris"``, ``"sobol"`` or ``"none"``.
    draws : int or None
        Trajectories of Morris, or draws of Sobol (a power of 2); those of `DRAWS` where left out.
    between : int
        Values between a threshold's own and each end of its range.
    """

    thresholds: tuple[str, ...] = ()
    joint: str = "morris"
    draws: int | None = None
    between: int = BETWEEN

    @property
    def n_draws(self) -> int:
        """Trajectories, or draws."""
        return DRAWS.get(self.joint, 0) if self.draws is None else self.draws

    def n_points(self, n_thresholds: int) -> int:
        """About how often each picture is measured."""
        joint = {"morris": n_thresholds + 1, "sobol": n_thresholds + 2}.get(self.joint, 0)
        return 1 + 2 * (self.between + 1) * n_thresholds + self.n_draws * joint


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """What was found on one picture.

    Attributes
    ----------
    moved : DataFrame
        A row a number and threshold: the columns of `moved_singly` and, of those moved together, the columns of
        `morris_indices` or `sobol_indices`.
    ranges : DataFrame
        A row a number: the columns of `drivers` and of `joint_ranges`.
    n_points : int
        How often the picture was measured.
    """

    moved: pd.DataFrame
    ranges: pd.DataFrame
    n_points: int


def sensitivity_of(
    micrograph: Micrograph,
    settings: Settings,
    design: Design,
    *,
    model: PropertyModel | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Sensitivity:
    """Measure a picture at many choices of thresholds, and see what each does to each number.

    Parameters
    ----------
    micrograph : Micrograph
    settings : Settings
        The choice that the others are compared with.
    design : Design
    model : PropertyModel, optional
        Its predictions are numbers, too. That the settings are not those of its training is what is asked about.
    progress : function
        Is told how often the picture was measured, and how often it will be.
    stopped : function
        Asked after each measurement.

    Returns
    -------
    Sensitivity

    Raises
    ------
    SettingsError
        A threshold that was named is none, or does nothing among these settings.
    Cancelled
        `stopped` said so.
    """
    ranges = threshold_ranges(settings, design.thresholds)
    steps = one_at_a_time(ranges, between=design.between)
    together = _together(design, ranges, settings.seed)
    varied = Varied(micrograph, settings)

    def answer(point: Point) -> dict[str, float]:
        return features_of(varied(point), calibrated=micrograph.calibrated)

    points = [*steps.points, *(together.points if together else ())]
    n_tried = 0

    def counted(done: int, total: int) -> None:
        nonlocal n_tried
        n_tried = total
        progress(done, total)

    numbers = evaluate(points, answer, order=by_cost(ranges), progress=counted, stopped=stopped)
    numbers = with_predictions(numbers, model)
    singly, jointly = numbers.iloc[: len(steps.points)], numbers.iloc[len(steps.points) :]
    moved = moved_singly(steps, singly)
    wide = moved["base"].abs().where(moved["base"] != 0)
    moved.insert(list(moved.columns).index("n"), "relative_range", (moved["high"] - moved["low"]) / wide)
    found = drivers(moved)
    if together is not None:
        indices = morris_indices if design.joint == "morris" else sobol_indices
        moved = moved.merge(indices(together, jointly, seed=settings.seed), on=["number", "setting"])
        found = found.merge(joint_ranges(jointly), on="number")
    return Sensitivity(moved, found, n_tried)


def _together(design: Design, ranges: Mapping[str, Range], seed: int) -> Together | None:
    if design.joint == "morris":
        return morris_design(ranges, trajectories=design.n_draws, seed=seed)
    return sobol_design(ranges, draws=design.n_draws, seed=seed) if design.joint == "sobol" else None
