"""The study's own question: which physical parameters go with high conductivity, and in which direction?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from micro_features.data import Attributions
from micro_features.explain.shapley import bands
from micro_features.learn.draws import times_drawn
from micro_features.learn.scores import widened
from micro_features.published.one_run import Run
from micro_features.published.samples import GROUPED, IN_SAMPLE, Samples
from micro_features.published.scoring import FEWEST_GROUPS, Answers
from micro_features.visual_words.steps import q_values

LEVEL = 0.95
FALSE_DISCOVERY = 0.05
MOST_RUNS = 0.8
_SPREAD = 1e-12  # of standardised values, below which they are alike
METHODS = {
    GROUPED: "published method (words, tree, logistic steps), out of fold",
    IN_SAMPLE: "published method (words, tree, logistic steps), in its own protocol: scored on its training data",
}


@dataclass(frozen=True, eq=False)
class Answer:
    """What the method says.

    Attributes
    ----------
    attributions : Attributions
        Of every picture that was asked and has all parameters, model units.
    groups : tuple of str
        Of these pictures.
    table : DataFrame
        A row a parameter, that of most attribution first: parameter, unit, phase, effect (model units for a standard
        deviation of the parameter; above 0 where it goes with a high property), low, high, median_of_runs (of the
        effect on the pictures that each left out), p, q, sure, share (of the absolute attributions), same_sign (share
        of the runs that left out a picture with all parameters; NaN of one run), meaningful, steps (inner nodes, over
        the runs, where it is chosen), sure_steps (of these, where its sign is sure), spearman (of the parameter itself
        with the property).
    """

    attributions: Attributions
    groups: tuple[str, ...]
    table: pd.DataFrame


def answer_of(samples: Samples, answers: Answers, unit: str, *, against: Sequence[str] = (), seed: int = 0) -> Answer:
    """Attributions of the pictures, and what they say of each parameter.

    The effect of a parameter is the slope of its attributions on its standardised values, by least squares through the
    mean. Its interval draws groups again, the same in all runs, for the coefficients of the steps as for the pictures
    that are asked. Networks, words and trees are not made anew, and where a step has too few groups its coefficients
    stay: intervals are rather too narrow. A direction is sure where the interval does not hold 0, the false discovery
    rate is at most 5 %, and the pictures of most runs, each by itself, show the same sign.

    Parameters
    ----------
    samples : Samples
    answers : Answers
    unit : str
        Of the attributions, as in ``log10 S/cm``.
    against : sequence of str
        Why nothing follows about parameters: then no direction is sure.
    seed : int
    """
    known = np.isfinite(answers.attributed).all(axis=1)
    ids = tuple(name for name, there in zip(samples.dataset.ids, known, strict=True) if there)
    values, again = answers.attributed[known], answers.again[:, known].astype(float)
    parameters = samples.parameters.values.to_numpy(float)[known]
    z = _standardised(parameters)
    names = [str(name) for name in samples.parameters.values.columns]
    low, high = bands(again)
    low, high = np.where(np.isfinite(low), np.minimum(low, high), values), np.where(np.isfinite(high), high, values)
    attributions = Attributions(
        values=values,
        base=answers.base[known],
        names=tuple(names),
        unit=unit,
        ids=ids,
        method=METHODS[answers.protocol] + "; not meaningful" * bool(against),
        low=low,
        high=high,
    )
    times = times_drawn(samples.dataset.groups, len(again), seed)[:, known]
    table = _table(samples, values, z, known, _drawn_effects(again, z, times), answers)
    table["sure"] &= not against
    table["meaningful"] = not against
    table["spearman"] = [
        _rank(parameters[:, names.index(name)], samples.dataset.y[known]) for name in table["parameter"]
    ]
    return Answer(attributions, tuple(np.array(samples.dataset.group_names)[known].tolist()), table)


def _standardised(parameters: np.ndarray) -> np.ndarray:
    vary, sd = np.ptp(parameters, axis=0) > 0, parameters.std(axis=0)  # that of equal numbers is rounded, and not 0
    return np.where(vary, parameters - parameters.mean(axis=0), 0) / np.where(vary, sd, 1)


def _slopes(values: np.ndarray, z: np.ndarray) -> np.ndarray:
    """(p,) least-squares slopes of columns on columns; 0 where z does not vary."""
    vary, away = np.ptp(z, axis=0) > 0, z - z.mean(axis=0)
    spread = (away**2).sum(axis=0)
    return np.where(vary, (away * values).sum(axis=0) / np.where(vary, spread, 1), 0.0)


def _drawn_effects(again: np.ndarray, z: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(b, p) slopes where each picture counts as often as its group was drawn; 0 where a parameter does not vary."""
    found = np.full((len(again), z.shape[1]), np.nan)
    for draw, (values, time) in enumerate(zip(again, times, strict=True)):
        if time.any():
            away = z - np.average(z, axis=0, weights=time)
            spread = time @ away**2
            found[draw] = np.where(
                spread > _SPREAD, time @ (away * values) / np.where(spread > _SPREAD, spread, 1), 0.0
            )
    return found[np.isfinite(found).all(axis=1)]


def _table(
    samples: Samples, values: np.ndarray, z: np.ndarray, known: np.ndarray, effects: np.ndarray, answers: Answers
) -> pd.DataFrame:
    names = [str(name) for name in samples.parameters.values.columns]
    effect, n_groups = _slopes(values, z), len(np.unique(samples.dataset.groups[known]))
    total = np.abs(values).sum()
    low, high, p = (np.full(len(names), np.nan) for _ in range(3))
    if len(effects) and n_groups >= FEWEST_GROUPS:
        outside = (1 - widened(LEVEL, n_groups)) / 2
        low, high = np.quantile(effects, [outside, 1 - outside], axis=0)
        tails = np.minimum((effects <= 0).sum(axis=0), (effects >= 0).sum(axis=0))
        p = np.minimum(1, 2 * (1 + tails) / (1 + len(effects)))
    q = q_values(p)
    of_runs = np.array([_slopes(values[run[known]], z[run[known]]) for run in answers.of_run if run[known].any()])
    same_sign = (np.sign(of_runs) == np.sign(effect)).mean(axis=0) if len(of_runs) > 1 else np.full(len(names), np.nan)
    rows = pd.DataFrame(
        {
            "parameter": names,
            "unit": [samples.parameters.units[name] for name in names],
            "phase": [samples.parameters.phases[name] for name in names],
            "effect": effect,
            "low": low,
            "high": high,
            "median_of_runs": np.median(of_runs, axis=0),
            "p": p,
            "q": q,
            "sure": (q <= FALSE_DISCOVERY) & ((low > 0) | (high < 0)) & (same_sign >= MOST_RUNS),
            "share": np.abs(values).sum(axis=0) / total if total > 0 else np.zeros(len(names)),
            "same_sign": same_sign,
            **_chosen(answers.runs, len(names)),
        }
    )
    return rows.sort_values("share", ascending=False, ignore_index=True)


def _chosen(runs: Sequence[Run], k: int) -> Mapping[str, np.ndarray]:
    """At how many inner nodes each parameter has a coefficient, and at how many its sign is sure."""
    steps, sure = np.zeros(k, int), np.zeros(k, int)
    for run in runs:
        if not run.steps:
            continue
        chosen = np.array([step.coefficients != 0 for step in run.steps])
        q = q_values(np.array([step.p for step in run.steps]).ravel()).reshape(chosen.shape)
        steps += chosen.sum(axis=0)
        sure += (chosen & (q <= FALSE_DISCOVERY)).sum(axis=0)
    return {"steps": steps, "sure_steps": sure}


def _rank(one: np.ndarray, other: np.ndarray) -> float:
    return float(spearmanr(one, other).statistic) if np.ptp(one) > 0 and np.ptp(other) > 0 else float("nan")
