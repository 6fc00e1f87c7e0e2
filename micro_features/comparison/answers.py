"""What the numbers of all pictures say together: agreement, signs, alterations, windows, sanity of the maps."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from micro_features.comparison import retrained
from micro_features.comparison.asked import Layers, Request
from micro_features.comparison.examine import PHASES, Examined
from micro_features.comparison.feature_side import MASK_OF, FeatureSide
from micro_features.explain import compare, directions, enrichment, sanity
from micro_features.explain.gradcam import METHODS
from micro_features.fitting.dataset import Dataset
from micro_features.learn.scores import r2
from micro_features.network.scoring import CHANCE_P, exchange_p, said

LEFT_ALONE = {"pores filled": ("grain", "boundary"), "boundaries erased": ("pore",)}
"""Phases of the catalogue that an alteration does not touch: their features keep their values. Measured anew
they would change with the yardstick: how dark boundaries are is told against pores, and where these are filled it rises
by a fifth, though no boundary changed."""
GERUND = {"pores filled": "Filling pores", "boundaries erased": "Erasing boundaries"}
CONDUCTIVITIES = {f"{siemens}/{length}" for siemens in ("S", "mS", "uS") for length in ("m", "cm")}
"""Units of what pores lower, by physics."""
LEAST_CONTROL = 0.9
"""Area treated in the control over that in the picture: with less the control is no match."""
_LEAN = enrichment.MEASURES.index("lean")
_COMPARED = tuple(MASK_OF.values())


def at_chance(dataset: Dataset, predicted: np.ndarray, model: str) -> tuple[str, ...]:
    """A sentence where a model does no better than chance with groups left out; the same rule for all models.

    Parameters
    ----------
    dataset : Dataset
    predicted : (n,) float array
        Out of fold, model units.
    model : str
        As in ``network``; and how it was asked, where that is not how its score is told elsewhere.
    """
    score = r2(dataset.y, predicted, dataset.groups)
    p, _ = exchange_p(dataset.y, predicted, dataset.groups)
    if p <= CHANCE_P and score[1] > 0:
        return ()
    told = said([float(end) if np.isfinite(end) else None for end in score])
    return (
        f"The {model} does no better than chance with groups left out (R² {told}; p = {p:.2g}): what explains it "
        "explains nothing about groups that it has not seen.",
    )


def in_one_pass(dataset: Dataset, pictures: Sequence[Examined], owner: np.ndarray) -> np.ndarray:
    """(n,) what the networks say of whole pictures, as maps are made of them; model units."""
    return of_rows(np.array([each.predicted.mean() for each in pictures]), owner, len(dataset.ids))


def of_rows(values: np.ndarray, owner: np.ndarray, n: int) -> np.ndarray:
    """Means over the pictures of each row.

    Parameters
    ----------
    values : (m, ...) float array
    owner : (m,) int array
    n : int
        Rows.

    Returns
    -------
    (n, ...) float array
        NaN for a row without any.
    """
    sums, counts = np.zeros((n, *values.shape[1:])), np.bincount(owner, minlength=n)
    np.add.at(sums, owner, values)
    return sums / np.where(counts > 0, counts, np.nan).reshape(-1, *[1] * (values.ndim - 1))


def leans(pictures: Sequence[Examined], layer: str, phases: Sequence[str]) -> np.ndarray:
    """(m, phases): leans of Grad-CAM at a layer, model units; NaN for a picture without interior of grains."""
    return np.array([each.heats[layer, METHODS[0]].table.loc[list(phases), "lean"] for each in pictures], float)


def leans_of_rows(pictures: Sequence[Examined], owner: np.ndarray, n: int, layer: str, phase: str) -> np.ndarray:
    """(n,) mean over the pictures of each row that have a lean; NaN where none has."""
    each = leans(pictures, layer, [phase])[:, 0]
    known = np.isfinite(each)
    return of_rows(each[known], owner[known], n)


def agreement_of(
    request: Request,
    dataset: Dataset,
    features: FeatureSide,
    pictures: Sequence[Examined],
    owner: np.ndarray,
    layers: Layers,
    chance: Sequence[str],
    phases: tuple[str, ...],
) -> compare.Agreement:
    """Of rows whose lean is known; the others are counted in its reasons."""
    n, places = len(dataset.ids), [PHASES.index(phase) for phase in phases]
    unresolved = []
    if "boundary" in phases and layers.grains is None:
        unresolved.append(
            f"No layer of the network resolves the grains ({_size(layers.grain_px)}): its maps tell nothing about them."
        )
    if "pore" in phases and layers.pores is None:
        unresolved.append("No layer of the network resolves the pores: its maps tell nothing about them.")
    own = leans(pictures, layers.judged, phases)
    null = np.array([each.heats[layers.judged, METHODS[0]].null[:, places, _LEAN] for each in pictures])
    random = np.array([each.untrained[:, places] for each in pictures])
    known = np.isfinite(own).all(axis=1)
    # All three over the same pictures.
    own, null, random = (of_rows(each[known], owner[known], n) for each in (own, null, random))
    rows = np.isfinite(own).all(axis=1)
    found = compare.agreement(
        own[rows],
        features.sums[rows][:, [_COMPARED.index(phase) for phase in phases]],
        dataset.groups[rows],
        measured=dataset.y[rows],
        null_shift=null[rows].swapaxes(0, 1),
        untrained=random[rows].swapaxes(0, 1),
        phases=phases,
        at_chance=chance,
        unresolved=unresolved,
        texture_share=features.shares.get("texture", float("nan")),
        seed=request.seed,
    )
    more = []
    if "pore" in phases and layers.run_together:
        more.append(
            "Pores are smaller than two cells of the judged layer: their heat and that of what surrounds them run "
            "together."
        )
    if not rows.all():
        more.append(
            f"{(~rows).sum()} of {n} rows are left out: their pictures hold less than a cell of the interior of "
            "grains, which leans are taken against."
        )
    return replace(found, reasons=(*found.reasons, *more))


def _size(px: float) -> str:
    return f"mean diameter {px:.0f} px" if np.isfinite(px) else "not resolved in the pictures"


def signs_of(
    dataset: Dataset, features: FeatureSide, pictures: Sequence[Examined], owner: np.ndarray, layers: Layers
) -> directions.Signs:
    n = len(dataset.ids)
    lean = leans_of_rows(pictures, owner, n, layers.judged, "pore")
    porosity = of_rows(np.array([each.porosity for each in pictures]), owner, n)
    resolved = "pore" not in layers.unresolved
    # Where no lean is known at all, that of the network is said to be unclear.
    rows = np.isfinite(lean) | ~np.isfinite(lean).any() | (not resolved)
    return directions.sign_reversal(
        lean[rows] if resolved else None,
        features.sums[rows, 0],
        porosity[rows],
        dataset.groups[rows],
        pores_lower=dataset.target.unit in CONDUCTIVITIES,
    )


def fates(pictures: Sequence[Examined], what: str) -> dict[str, list[str]]:
    """What became of the pictures that were altered in one way.

    Parameters
    ----------
    pictures : sequence of Examined
    what : str
        A key of `GERUND`.

    Returns
    -------
    dict of str to list of str
        Names of pictures that are ``judged``, that had ``no room`` for a control of nearly as much area, and that had
        ``nothing`` of the phase to take away.
    """
    found: dict[str, list[str]] = {"judged": [], "no room": [], "nothing": []}
    for each in pictures:
        if what in each.alterations:
            share = each.alterations[what].control_share
            fate = "nothing" if np.isnan(share) else "judged" if share >= LEAST_CONTROL else "no room"
            found[fate].append(each.name)
    return found


def answers_to_alterations(
    dataset: Dataset, features: FeatureSide, pictures: Sequence[Examined], owner: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Predictions of network and feature model before, after and of the control, (k, 2) each, and groups (k,).

    The network sees the altered picture; the feature model is told what was measured in it of the phase that was
    altered and of texture, and of the other phases what was measured before.
    """
    asked = [(each, row) for each, row in zip(pictures, owner, strict=True) if each.alterations]
    found = {}
    for what in GERUND:
        judged = fates(pictures, what)["judged"]
        kept = [place for place, name in enumerate(dataset.X.columns) if dataset.phases[name] in LEFT_ALONE[what]]
        rows, groups = [], []
        for each, row in asked:
            if each.name in judged:
                done = each.alterations[what]
                X = _columns(dataset, [each.features, *done.features])
                X[:, kept] = X[0, kept]
                told = features.predict(X, int(row))
                rows.append(np.stack([np.array([each.predicted.mean(), *done.network]), told], axis=1))
                groups.append(int(dataset.groups[row]))
        if rows:
            before, after, control = np.stack(rows, axis=1)
            found[what] = (before, after, control, np.array(groups))
    return found


def _columns(dataset: Dataset, rows: Sequence[dict[str, float]]) -> np.ndarray:
    """(m, k): features in the order of the data set; NaN where one was not measured."""
    return np.array([[row.get(str(name), np.nan) for name in dataset.X.columns] for row in rows], float)


def windows_of(
    dataset: Dataset, features: FeatureSide, pictures: Sequence[Examined], owner: np.ndarray
) -> compare.WindowCorrelation | None:
    network, told, number, groups = [], [], [], []
    for place, (each, row) in enumerate(zip(pictures, owner, strict=True)):
        rows: list[dict[str, float]] = each.windows.to_dict("records")  # type: ignore[assignment]
        if len(rows) > 1:
            network += each.windows["predicted"].tolist()
            told += features.predict(_columns(dataset, rows), int(row)).tolist()
            number += [place] * len(rows)
            groups += [int(dataset.groups[row])] * len(rows)
    if not network:
        return None
    return compare.window_correlation(np.array(network), np.array(told), np.array(number), np.array(groups))


def checks_of(
    dataset: Dataset, pictures: Sequence[Examined], owner: np.ndarray, full: retrained.Retrained | None
) -> tuple[list[sanity.Check], pd.DataFrame]:
    groups = dataset.groups[owner]
    trained = [np.mean(each.by_seed, axis=0) for each in pictures]
    n_seeds = min(len(each.by_seed) for each in pictures)
    seeds = sanity.seeds_agreement([[each.by_seed[seed] for each in pictures] for seed in range(n_seeds)], groups)
    steps = list(pictures[0].cascade)
    by_step = {
        step: [[each.cascade[step][k] for each in pictures] for k in range(len(pictures[0].cascade[step]))]
        for step in steps
    }
    checks = [
        full.seeds if full is not None else seeds,
        sanity.randomisation_check("weights", trained, by_step[steps[-1]], groups, seeds=seeds),
        *([full.labels] if full is not None else []),
        sanity.concentration_check("border", np.array([each.border for each in pictures]), groups),
        sanity.concentration_check("flat area", np.array([each.flat for each in pictures]), groups),
    ]
    gains = [(each.deletion.gain, group) for each, group in zip(pictures, groups, strict=True) if each.deletion]
    if gains:
        checks.append(sanity.perturbation_check(np.array([gain for gain, _ in gains]), np.array([g for _, g in gains])))
    return checks, sanity.randomised_layers(trained, by_step, groups)


def median_of(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    if not known.any():
        return np.full(3, np.nan)
    return enrichment.over_groups(lambda rows: np.median(values[known][rows]), groups[known])
