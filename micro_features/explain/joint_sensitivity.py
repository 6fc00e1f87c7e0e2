"""What settings do to numbers when all are moved at once.

By the elementary effects of Morris (Technometrics 33 (1991) 161; mu* by Campolongo et al., Environmental Modelling &
Software 22 (2007) 1509), which a few walks through the grid of all settings give, or, at many times the cost, by the
variances of Sobol (Saltelli et al., Computer Physics Communications 181 (2010) 259). Both through SALib.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from micro_features.explain.sensitivity import Point, Range

LEVELS = 4
"""Values of each setting that Morris tries: both ends, and two between."""
LEAST_TRAJECTORIES = 4
"""Trajectories without a missing number that elementary effects are taken from; from fewer they are not told."""
LEAST_BLOCKS = 8
"""Likewise for Sobol's blocks of k + 2 points."""
MORRIS = ("mu", "mu_star", "mu_star_ci95_low", "mu_star_ci95_high", "sigma")
SOBOL = (
    "first_order", "first_order_ci95_low", "first_order_ci95_high",
    "total_order", "total_order_ci95_low", "total_order_ci95_high",
)  # fmt: skip
JOINT_SHARE = 0.95
"""What a joint range holds of the tried points: from 2.5 to 97.5 %."""


@dataclass(frozen=True, eq=False)
class Together:
    """Settings moved all at once.

    Attributes
    ----------
    points : tuple of Point
    shares : (n, k) float array
        Where in its range each setting stands, 0 to 1.
    names : tuple of k str
    """

    points: tuple[Point, ...]
    shares: np.ndarray
    names: tuple[str, ...]


def morris_design(ranges: Mapping[str, Range], *, trajectories: int, seed: int) -> Together:
    """Walks through the grid of all settings, each step of which moves one of them by two thirds of its range.

    Parameters
    ----------
    ranges : mapping of str to Range
        k settings.
    trajectories : int
        Of k + 1 points each.
    seed : int

    Returns
    -------
    Together
    """
    from SALib.sample import morris

    return _together(ranges, morris.sample(_problem(ranges), trajectories, num_levels=LEVELS, seed=seed))


def sobol_design(ranges: Mapping[str, Range], *, draws: int, seed: int) -> Together:
    """Draws over the whole of all ranges, and each with one setting after the other replaced (Saltelli's scheme).

    Parameters
    ----------
    ranges : mapping of str to Range
        k settings.
    draws : int
        A power of 2; of k + 2 points each.
    seed : int

    Returns
    -------
    Together
    """
    from SALib.sample import sobol

    return _together(ranges, sobol.sample(_problem(ranges), draws, calc_second_order=False, seed=seed))


def _problem(ranges: Iterable[str]) -> dict[str, object]:
    names = list(ranges)
    return {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}


def _together(ranges: Mapping[str, Range], shares: np.ndarray) -> Together:
    points = tuple(
        {name: each.at(float(share)) for (name, each), share in zip(ranges.items(), row, strict=True)} for row in shares
    )
    return Together(points, shares, tuple(ranges))


def joint_ranges(answers: pd.DataFrame) -> pd.DataFrame:
    """Where each number lies when all settings are moved together.

    Parameters
    ----------
    answers : (n, m) DataFrame
        At the points of a `Together`.

    Returns
    -------
    DataFrame
        A row a number: number; joint_low, joint_high: the middle `JOINT_SHARE` of the tried points that gave a number;
        joint_n, joint_n_withheld.
    """
    tail = (1 - JOINT_SHARE) / 2
    ends = answers.quantile([tail, 1 - tail])
    return pd.DataFrame(
        {
            "number": list(answers.columns),
            "joint_low": ends.iloc[0].to_numpy(),
            "joint_high": ends.iloc[1].to_numpy(),
            "joint_n": len(answers),
            "joint_n_withheld": answers.isna().sum().to_numpy(),
        }
    )


def morris_indices(design: Together, answers: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Elementary effects: what each setting does to each number wherever the others stand.

    Parameters
    ----------
    design : Together
        Of `morris_design`.
    answers : (n, m) DataFrame
        At its points. Trajectories along which a number is missing are left out for that number.
    seed : int
        Of the bootstrap that intervals come from.

    Returns
    -------
    DataFrame
        A row a number and setting: number, setting; mu, mu_star (mean effect, and mean size of the effect, in units of
        the number for the whole range of the setting), mu_star_ci95_low, mu_star_ci95_high, sigma (how much it differs
        from place to place: large where the setting acts together with others, or not in proportion); trajectories,
        how many these rest on. NaN where they are fewer than `LEAST_TRAJECTORIES`.
    """
    from SALib.analyze import morris

    problem = _problem(design.names)

    def of(X: np.ndarray, y: np.ndarray) -> Iterator[dict[str, float]]:
        found = morris.analyze(problem, X, y, num_levels=LEVELS, seed=seed)
        for mu, size, half, sigma in zip(
            *(found[key] for key in ("mu", "mu_star", "mu_star_conf", "sigma")), strict=True
        ):
            yield {"mu": mu, "mu_star": size, **_ends("mu_star", size, half, least=0.0), "sigma": sigma}

    found = _indices(design, answers, of, rows=len(design.names) + 1, least=LEAST_TRAJECTORIES)
    return found.reindex(columns=["number", "setting", *MORRIS, "whole"]).rename(columns={"whole": "trajectories"})


def sobol_indices(design: Together, answers: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Shares of variance: by each setting alone, and by each together with all others.

    Parameters
    ----------
    design : Together
        Of `sobol_design`.
    answers : (n, m) DataFrame
        At its points. Blocks in which a number is missing are left out for that number.
    seed : int
        Of the bootstrap that intervals come from.

    Returns
    -------
    DataFrame
        A row a number and setting: number, setting, first_order, first_order_ci95_low, first_order_ci95_high,
        total_order, total_order_ci95_low, total_order_ci95_high; blocks, how many these rest on. NaN where they are
        fewer than `LEAST_BLOCKS`, and where the number does not vary.
    """
    from SALib.analyze import sobol

    problem = _problem(design.names)

    def of(_: np.ndarray, y: np.ndarray) -> Iterator[dict[str, float]]:
        if np.ptp(y) <= 1e-12 * np.abs(y).max():
            return
        # SALib takes a seed of 0 for none.
        found = sobol.analyze(problem, y, calc_second_order=False, seed=seed + 1)
        for first, first_half, total, total_half in zip(
            *(found[key] for key in ("S1", "S1_conf", "ST", "ST_conf")), strict=True
        ):
            yield {
                "first_order": first,
                **_ends("first_order", first, first_half),
                "total_order": total,
                **_ends("total_order", total, total_half),
            }

    found = _indices(design, answers, of, rows=len(design.names) + 2, least=LEAST_BLOCKS)
    return found.reindex(columns=["number", "setting", *SOBOL, "whole"]).rename(columns={"whole": "blocks"})


def _indices(
    design: Together,
    answers: pd.DataFrame,
    of: Callable[[np.ndarray, np.ndarray], Iterator[dict[str, float]]],
    *,
    rows: int,
    least: int,
) -> pd.DataFrame:
    """Indices of each number, from those of the design's blocks of so many rows in which it is never missing."""
    found = []
    for number in answers.columns:
        values = answers[number].to_numpy(float)
        whole = np.repeat(~np.isnan(values.reshape(-1, rows)).any(axis=1), rows)
        n_whole = int(whole.sum()) // rows
        indices = list(of(design.shares[whole], values[whole])) if n_whole >= least else []
        for place, setting in enumerate(design.names):
            told = indices[place] if indices else {}
            found.append({"number": number, "setting": setting, **told, "whole": n_whole})
    return pd.DataFrame(found)


def _ends(name: str, value: float, half: float, least: float = -np.inf) -> dict[str, float]:
    return {f"{name}_ci95_low": max(value - half, least), f"{name}_ci95_high": value + half}
