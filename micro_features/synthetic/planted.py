"""Sets of drawn specimens whose conductivity has planted, known causes.

Porosity, grain size and boundary resistance are drawn independently of each other, of the pore diameter and of the
microscope sessions. A preset says which of them drive the conductivity, whether the boundary resistance can be seen
(boundaries of high resistance etch deeper), and whether a microscope session gives the answer away.

A set is a list of requests; each is drawn on its own, from its own seed, in any order or process.

Where all causes drive and the set is solved, the conductivity is computed in a block of the specimen's own crystal, and
carries the scatter of single structures. Elsewhere it is the response surface's, without scatter: a cause that does not
drive is held at the middle of its range in the conductivity only, which no single structure could show.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

import numpy as np
import pandas as pd

from micro_features.errors import SettingsError
from micro_features.synthetic.law.attribution import Effects, Law, effects, shapley_values, unexplained_variance
from micro_features.synthetic.law.causes import CAUSE_RANGES, CAUSES, PORE_DIAMETERS_UM, Causes, Range, spread
from micro_features.synthetic.law.response import ResponseSurface
from micro_features.synthetic.microscope import Surface
from micro_features.synthetic.specimens import Session, SpecimenRequest, View

BOUNDARY_CONTRASTS = Range(0.45, 0.85)
"""From faint to deep grooves; even in the logarithm of the resistance where that shows."""


@dataclass(frozen=True)
class Preset:
    """A kind of set.

    Attributes
    ----------
    meaning : str
        One line.
    specimens : int
        How many by default.
    drivers : tuple of str
        The causes that the conductivity follows from.
    boundary_shows : bool
        Whether boundaries etch deeper where their resistance is high; else the depth is drawn independently.
    solved : bool
        Whether conductivity is computed in the specimen's own crystal; only where all causes drive.
    session_follows : bool
        Whether specimens go to microscope sessions by their conductivity, in reversed order in the test half.
    fracture_share : float
        Share of specimens that are broken and pictured, too.

    Raises
    ------
    SettingsError
        If a set can not be solved, or a driver is no cause.
    """

    meaning: str
    specimens: int = 60
    drivers: tuple[str, ...] = CAUSES
    boundary_shows: bool = True
    solved: bool = False
    session_follows: bool = False
    fracture_share: float = 0.0

    def __post_init__(self) -> None:
        if unknown := set(self.drivers) - set(CAUSES):
            raise SettingsError(f"drivers has {min(unknown)!r}: choose among {', '.join(CAUSES)}.")
        if self.solved and set(self.drivers) != set(CAUSES):
            raise SettingsError(
                f"solved is asked for where {', '.join(self.drivers)} alone drives: a crystal can not hide its other "
                "causes from its conductivity; take it from the response surface."
            )


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "example": Preset("All causes drive and show.", specimens=20, solved=True, fracture_share=0.4),
        "porosity": Preset("All causes show; porosity alone drives.", drivers=("porosity",)),
        "grain-size": Preset("All causes show; grain size alone drives.", drivers=("grain_diameter_um",)),
        "boundary": Preset(
            "All causes show; boundary resistance alone drives.", drivers=("boundary_resistance_ohm_cm2",)
        ),
        "hidden": Preset("All causes drive; boundary resistance does not show.", boundary_shows=False),
        "nuisance": Preset(
            "All causes drive and show; so do sessions, the other way in the test half.", session_follows=True
        ),
    }
)


SESSIONS = (
    Session("A", "jeol", 5.0, 10.1, datetime(2024, 3, 19, 9, 33, 46), -0.10, 0.80, 0.8, 0.030),
    Session("B", "zeiss", 10.0, 8.5, datetime(2024, 5, 2, 10, 12, 5), -0.03, 0.95, 0.9, 0.025),
    Session("C", "fei", 15.0, 9.7, datetime(2024, 6, 24, 9, 41, 0), 0.04, 1.10, 1.0, 0.035),
    Session("D", "jeol", 1.0, 7.4, datetime(2024, 9, 5, 13, 44, 16), 0.10, 1.20, 0.9, 0.030),
)
"""From dark and flat to bright and hard."""

_PROBES = ((1.40, 0.020), (1.11, 0.025), (0.88, 0.032), (0.70, 0.040))
TELLING_SESSIONS = tuple(
    replace(session, blur_px=blur_px, noise=noise) for session, (blur_px, noise) in zip(SESSIONS, _PROBES, strict=True)
)
"""Those of sets where they follow the conductivity. There they differ by the current of the probe, too, which
standardising a picture does not remove, as it does brightness and contrast: a probe is as wide as the root of its
current, as the gun's brightness is conserved, and shot noise goes with 1 over that root (Goldstein et al. 2018, ch. 5).
Sharp pictures go with a high conductivity, where boundaries are faint: a network that reads those answers to focus the
other way."""


def preset_named(name: str) -> Preset:
    """The preset of a name; SettingsError if there is none."""
    if name not in PRESETS:
        raise SettingsError(f"preset is {name!r}: choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]


def law_of(preset: Preset, surface: ResponseSurface) -> Law:
    """log10 conductivity in S/cm as the preset plants it: causes that do not drive are held at mid-range."""
    held = {name: np.array(CAUSE_RANGES[name].at(0.5)) for name in CAUSES if name not in preset.drivers}

    def law(**causes: np.ndarray) -> np.ndarray:
        return surface.log10_conductivity(**{**causes, **held})

    return law


def specimen_requests(
    preset: Preset, *, surface: ResponseSurface, n: int | None = None, seed: int = 0
) -> list[SpecimenRequest]:
    """Draw the causes of a set.

    Parameters
    ----------
    preset : Preset
    surface : ResponseSurface
    n : int, optional
        Specimens, at least 2; where sessions follow the conductivity at least 8. The preset's by default.
    seed : int
        At least 0.

    Raises
    ------
    SettingsError
        If n or seed is out of bounds.
    """
    n = preset.specimens if n is None else n
    if seed < 0:
        raise SettingsError(f"seed is {seed}: give 0 or more.")
    sessions = TELLING_SESSIONS if preset.session_follows else SESSIONS
    if preset.session_follows and n < 2 * len(sessions):
        raise SettingsError(f"n is {n}: give at least {2 * len(sessions)} specimens where sessions follow them.")

    rng = np.random.default_rng(seed)
    shares = spread(n, len(CAUSES) + 4, rng)
    of_causes = dict(zip(CAUSES, shares.T[: len(CAUSES)], strict=True))
    pores, etched, session, half = shares.T[len(CAUSES) :]
    causes = {name: CAUSE_RANGES[name].at(share) for name, share in of_causes.items()}
    log10_S_per_cm = law_of(preset, surface)(**causes)
    test = _ranked(half, 2) == 1
    days = _ranked(session, len(sessions))
    if preset.session_follows:
        for chosen, step in ((~test, 1), (test, -1)):
            days[chosen] = _ranked(step * log10_S_per_cm[chosen], len(sessions))
    contrast = BOUNDARY_CONTRASTS.at(of_causes["boundary_resistance_ohm_cm2"] if preset.boundary_shows else etched)
    seeds = rng.integers(2**32, size=(n, 4))
    requests = []
    for i in range(n):
        sample_id = f"s{i + 1:0{len(str(n))}d}"
        broken = int((i + 1) * preset.fracture_share) > int(i * preset.fracture_share)  # evenly over the set
        start = sessions[days[i]].start + timedelta(minutes=7 * int(np.count_nonzero(days[:i] == days[i])))
        requests.append(
            SpecimenRequest(
                sample_id=sample_id,
                causes=Causes(*(float(causes[name][i]) for name in CAUSES)),
                pore_diameter_um=float(PORE_DIAMETERS_UM.at(pores[i])),
                boundary_contrast=float(contrast[i]),
                session=sessions[days[i]],
                half="test" if test[i] else "train",
                views=_views(sample_id, broken, start, seeds[i, 1:]),
                law_S_per_cm=float(10 ** log10_S_per_cm[i]),
                solved=preset.solved,
                seed=int(seeds[i, 0]),
            )
        )
    return requests


def true_effects(preset: Preset, surface: ResponseSurface) -> Effects:
    """How the variance of log10 conductivity divides among the causes of a preset, by its law."""
    return effects(law_of(preset, surface), CAUSE_RANGES)


def best_r2(preset: Preset, surface: ResponseSurface) -> float:
    """The highest R² of log10 conductivity that any model of the pictures can reach, by the preset's law.

    1 where every driver shows; less by the total effect of the boundary resistance where that is hidden. Scatter of
    solved structures and what a picture leaves unseen of the other causes come on top.
    """
    if preset.boundary_shows:
        return 1.0
    law = law_of(preset, surface)
    hidden = unexplained_variance(law, CAUSE_RANGES, ("boundary_resistance_ohm_cm2",))
    return 1 - hidden / effects(law, CAUSE_RANGES).variance


def true_attributions(preset: Preset, surface: ResponseSurface, requests: list[SpecimenRequest]) -> pd.DataFrame:
    """Exact Shapley values of the preset's law, a row per specimen, log10 S/cm.

    Columns `sample_id`, one per cause, and `base`, the law's mean over the ranges; a row adds up to log10 of the
    specimen's `law_S_per_cm`.
    """
    index = pd.Index([request.sample_id for request in requests], name="sample_id")
    causes = pd.DataFrame([asdict(request.causes) for request in requests], index=index)
    return shapley_values(law_of(preset, surface), CAUSE_RANGES, causes).reset_index()


def _ranked(values: np.ndarray, groups: int) -> np.ndarray:
    """Group 0 to groups - 1 of each value, by rank, all of (nearly) equal size."""
    return np.argsort(np.argsort(values)) * groups // len(values)


def _views(sample_id: str, broken: bool, start: datetime, seeds: np.ndarray) -> tuple[View, ...]:
    """Two sections a quarter of the thickness from either side; in between, where asked for, a fracture surface."""
    kinds: list[tuple[str, Surface, float]] = [("a", "polished", 0.25), ("b", "polished", 0.75)]
    if broken:
        kinds.append(("f", "fracture", 0.5))
    return tuple(
        View(
            f"{sample_id}{letter}", surface, height, start + timedelta(minutes=2 * k, seconds=int(seed) % 97), int(seed)
        )
        for k, ((letter, surface, height), seed) in enumerate(zip(kinds, seeds, strict=False))
    )
