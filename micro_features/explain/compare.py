"""Whether two models that never saw each other lean on the same part of the microstructure.

One model speaks of features, the other of pixels; phases are their common ground. What is compared, and how, was fixed
before any result was seen, but for two repairs that pictures drawn to mislead asked for afterwards: the control of the
lean, and the partial correlation.

- the network's side is the *lean* of its signed heat map on a phase (`enrichment.enrichment`, model units): heat in the
  phase beyond what as much of the interior of grains would hold, which is the control of every phase;
- the feature model's side is the sum of the SHAP values of the phase's features (model units): pore features against
  the pore mask, grain and boundary features together against the boundary mask, since grain size and boundary density
  are one quantity. Texture features have no place in the picture and are left out;
- the figure is Spearman's rank correlation of the two over pictures, for each phase, and its mean over the phases;
- beside it stands what is left of that at equal measured property. SHAP sums follow the property in any model that
  predicts; a lean that only scales with the network's prediction would agree with all of them.

Both sides are amounts: a picture with more pores holds more of whatever pores do. Enrichment is a density: of two
models that both answer -c times the porosity it would be the same in every picture, and their agreement would be lost.
Nor is the lean divided by the heat of its own picture: what the rest of the picture holds would then change the order.

Agreement means that two models lean on the same phase, not that the phase is the cause.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from micro_features.explain.enrichment import FEWEST_GROUPS, over_groups, two_sided_p

CAPTION = "Association within these imaging sessions; not shown to be a cause."
"""In the caption of every figure."""

COMPARED = ("pore", "boundary")
"""Phases whose agreement is the primary figure. The interior is what the leans of both are taken against."""

ALPHA = 0.05

FEWEST_UNTRAINED = 9
"""Networks with random weights. By chance the trained one is the farthest of ten from 0 in one case of ten, and in one
of twenty on the side that is then claimed."""

MOSTLY = 0.5  # of the attribution to texture, above which the rest is the smaller part


@dataclass(frozen=True)
class PhaseAgreement:
    """Rank correlation over pictures for one phase; attributes as of `Agreement`."""

    value: float
    low: float
    high: float
    p_shift: float
    p_shuffle: float
    partial: tuple[float, float, float]


@dataclass(frozen=True)
class Agreement(PhaseAgreement):
    """Do the two models lean on the same phases?

    Attributes
    ----------
    value : float
        Mean over phases of Spearman's rank correlation over pictures, -1 to 1; NaN where one does not vary.
    low, high : float
        95 % bootstrap interval over groups; NaN below 6 groups.
    p_shift : float
        Two-sided, beside heat maps moved to where they have no business.
    p_shuffle : float
        Two-sided, beside SHAP sums of whole groups dealt to other groups.
    partial : tuple of float
        Low, mean over phases of the partial rank correlation given the measured property, high. As the property is
        measured with errors, a little of what follows it stays.
    untrained : tuple of float
        The same number for each network with random weights.
    by_phase : mapping
    n, n_groups : int
    verdict : str
        ``agree``, ``disagree``, ``undecided``, ``not resolvable`` or ``not meaningful``.
    reasons : tuple of str
        Why, in plain sentences; never empty.
    """

    untrained: tuple[float, ...]
    by_phase: Mapping[str, PhaseAgreement]
    n: int
    n_groups: int
    verdict: str
    reasons: tuple[str, ...]


def agreement(
    cnn: np.ndarray,
    shap: np.ndarray,
    groups: np.ndarray,
    *,
    measured: np.ndarray,
    null_shift: np.ndarray,
    untrained: np.ndarray,
    phases: Sequence[str] = COMPARED,
    at_chance: Sequence[str] = (),
    unresolved: Sequence[str] = (),
    texture_share: float = np.nan,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Agreement:
    """The primary figure, its interval, its chance and what it means.

    Parameters
    ----------
    cnn : (n, k) float array
        Lean of the network's heat map on each phase of each picture, model units.
    shap : (n, k) float array
        Sum of the SHAP values of the phase's features, model units.
    groups : (n,) array
        Pictures of one group resemble one another: they are drawn, and dealt, together.
    measured : (n,) float array
        The property, in any unit that rises with it.
    null_shift : (m, n, k) float array
        Leans of the same maps moved at random (`enrichment.shifted_null`). NaN where a map is too small to be moved.
    untrained : (u, n, k) float array
        Leans of u networks with random weights.
    phases : sequence of str
        Names of the columns. Chosen before the numbers are seen.
    at_chance : sequence of str
        For each model whose score with groups left out is no better than chance, a sentence that says so.
    unresolved : sequence of str
        Sentences that say which structure is too fine for the map.
    texture_share : float
        Share of the absolute SHAP values that lies on texture features, 0 to 1.
    n_resamples : int
        Of the bootstrap and of the dealing.
    seed : int

    Returns
    -------
    Agreement
        ``not meaningful`` where a model is at chance; else ``not resolvable`` where a structure is; else ``agree``
        where the interval and that of what is left at equal measured property lie above 0, both p are at most 0.05 and
        no untrained network of at least 9 is as far from 0, on either side; ``disagree`` where all of that holds below
        0; else, also where something was not tested or nothing is left, ``undecided``.

    Raises
    ------
    ValueError
        Shapes do not fit, or a lean, SHAP sum or measured property is not finite.
    """
    cnn, shap = np.asarray(cnn, float), np.asarray(shap, float)
    null_shift, untrained, groups = np.asarray(null_shift, float), np.asarray(untrained, float), np.asarray(groups)
    measured = np.asarray(measured, float)
    _check(cnn, shap, groups, measured, phases, null_shift, untrained)

    def figures(rows: np.ndarray) -> np.ndarray:
        return np.stack([_with_mean(each) for each in rank_correlations_given(cnn[rows], shap[rows], measured[rows])])

    both = over_groups(figures, groups, n_resamples=n_resamples, seed=seed)
    value = both[1, 0]
    plain, partial = ([_ends(interval) for interval in kind.T] for kind in (both[:, 0], both[:, 1]))
    rng = np.random.default_rng([seed, 1])
    members = _members(groups)
    dealt = np.array([_dealt(members, rng) for _ in range(n_resamples)])
    p_shuffle = two_sided_p(value, _with_mean(rank_correlation(cnn, shap[dealt])))
    p_shift = two_sided_p(value, _with_mean(rank_correlation(null_shift, shap)))
    # Dealing one group to itself is no test.
    p_shuffle = np.where(len(members) > 1, p_shuffle, np.nan)
    each = [
        PhaseAgreement(middle, low, high, float(shift), float(shuffle), given)
        for (low, middle, high), given, shift, shuffle in zip(plain, partial, p_shift, p_shuffle, strict=True)
    ]
    of_untrained = tuple(_with_mean(rank_correlation(untrained, shap))[:, 0].tolist())
    verdict, reasons = _verdict(each[0], of_untrained, at_chance, unresolved)
    alone = (
        _not_alone(dict(zip(phases, each[1:], strict=True)), np.sign(each[0].value))
        if verdict in ("agree", "disagree")
        else []
    )
    flat = [
        f"The {side} {name} is the same in all pictures: it has no rank."
        for side, numbers in (("network's lean on", cnn), ("SHAP sum of", shap))
        for name, same in zip(phases, (numbers == numbers[:1]).all(axis=0), strict=True)
        if same and len(cnn)
    ]
    return Agreement(
        **vars(each[0]),
        untrained=of_untrained,
        by_phase=dict(zip(phases, each[1:], strict=True)),
        n=len(cnn),
        n_groups=len(np.unique(groups)),
        verdict=verdict,
        reasons=(*reasons, *alone, *flat, *_of_texture(texture_share)),
    )


def rank_correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation over the last axis but one; ties have their mean rank.

    Parameters
    ----------
    one, other : (..., n, k) float arrays
        Of shapes that broadcast.

    Returns
    -------
    (..., k) float array
        -1 to 1; NaN where one of the two is the same in all n, or not a number.
    """
    x, y = (rankdata(each, axis=-2) - (each.shape[-2] + 1) / 2 for each in (one, other))
    spread = (x**2).sum(axis=-2) * (y**2).sum(axis=-2)
    return np.where(spread > 0, (x * y).sum(axis=-2) / np.sqrt(np.where(spread > 0, spread, 1)), np.nan)


def rank_correlations_given(one: np.ndarray, other: np.ndarray, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spearman's rank correlation of each pair of columns, and what is left of it at equal rank of a third number.

    Parameters
    ----------
    one, other : (n, k) float arrays
    given : (n,) float array

    Returns
    -------
    plain, partial : (k,) float arrays
        -1 to 1. Partial is (r_xy - r_xz r_yz) / sqrt((1 - r_xz^2) (1 - r_yz^2)) of the rank correlations r (Kendall
        1942, Biometrika 32, 277); NaN where one of the three is NaN, or x or y is in the order of z.
    """
    third = np.broadcast_to(given[:, None], one.shape)
    plain, with_one, with_other = np.split(
        rank_correlation(np.hstack([one, one, other]), np.hstack([other, third, third])), 3
    )
    left = (1 - with_one**2) * (1 - with_other**2)
    known = left > 1e-9  # beyond rounding
    return plain, np.where(known, (plain - with_one * with_other) / np.sqrt(np.where(known, left, 1)), np.nan)


@dataclass(frozen=True)
class WindowCorrelation:
    """Do the two models order the windows of pictures alike? Each with its 95 % interval over groups.

    Attributes
    ----------
    within : tuple of float
        Low, mean over pictures of the rank correlation of their windows, high. What sets pictures apart, the
        sample or the session, has no part in it.
    overall : tuple of float
        Low, rank correlation of all windows, high.
    n_windows, n_pictures : int
        `n_pictures` are those whose windows differ in both models: `within` is over them.
    """

    within: tuple[float, float, float]
    overall: tuple[float, float, float]
    n_windows: int
    n_pictures: int


def window_correlation(
    cnn: np.ndarray,
    shap: np.ndarray,
    pictures: np.ndarray,
    groups: np.ndarray,
    *,
    n_resamples: int = 500,
    seed: int = 0,
) -> WindowCorrelation:
    """Rank correlation of two models' answers to the same windows.

    Parameters
    ----------
    cnn : (n,) float array
        The network's prediction of each window, model units.
    shap : (n,) float array
        Sum of the SHAP values of the window's features, model units.
    pictures, groups : (n,) arrays
        What each window was cut from. A picture lies in one group.
    n_resamples : int
    seed : int

    Returns
    -------
    WindowCorrelation
    """
    cnn, shap = (np.asarray(each, float)[:, None] for each in (cnn, shap))
    groups = np.asarray(groups)
    members = _members(pictures)
    each = np.array([rank_correlation(cnn[rows], shap[rows])[0] for rows in members])
    of_picture = np.array([groups[rows[0]] for rows in members])
    defined = np.isfinite(each)
    kept = each[defined]
    within = (
        over_groups(lambda rows: kept[rows].mean(), of_picture[defined], n_resamples=n_resamples, seed=seed)
        if len(kept)
        else np.full(3, np.nan)
    )
    overall = over_groups(
        lambda rows: rank_correlation(cnn[rows], shap[rows])[0], groups, n_resamples=n_resamples, seed=seed
    )
    return WindowCorrelation(_ends(within), _ends(overall), len(cnn), int(defined.sum()))


def _ends(interval: np.ndarray) -> tuple[float, float, float]:
    low, value, high = (float(number) for number in interval)
    return low, value, high


def _members(groups: np.ndarray) -> list[np.ndarray]:
    code = np.unique(groups, return_inverse=True)[1]
    return np.split(np.argsort(code, kind="stable"), np.cumsum(np.bincount(code))[:-1])


def _dealt(members: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """(n,) int: for each picture one of another group, the same other group for all pictures of its own.

    Pictures dealt one by one would lose what they share within a group, and almost any agreement would beat them.
    """
    dealt = np.empty(sum(map(len, members)), int)
    for own, other in zip(members, rng.permutation(len(members)), strict=True):
        dealt[own] = np.resize(rng.permutation(members[other]), len(own))
    return dealt


def _with_mean(by_phase: np.ndarray) -> np.ndarray:
    """(..., 1 + k): the mean over phases, NaN where one is, then each."""
    return np.concatenate([by_phase.mean(axis=-1, keepdims=True), by_phase], axis=-1)


def _verdict(
    found: PhaseAgreement, untrained: Sequence[float], at_chance: Sequence[str], unresolved: Sequence[str]
) -> tuple[str, tuple[str, ...]]:
    if at_chance:
        return "not meaningful", tuple(at_chance)
    if unresolved:
        return "not resolvable", tuple(unresolved)
    if not np.isfinite(found.value):
        return "undecided", ("No agreement can be computed.",)
    sign = np.sign(found.value)
    said, left = _said((found.low, found.value, found.high)), _said(found.partial)
    doubts = []
    if not np.isfinite([found.low, found.high]).all():
        doubts.append(f"Fewer than {FEWEST_GROUPS} groups: there is no interval.")
    elif not min(sign * found.low, sign * found.high) > 0:
        doubts.append(f"The interval of the rank agreement, {said}, holds 0.")
    elif not min(sign * found.partial[0], sign * found.partial[2]) > 0:
        doubts.append(f"What is left of it at equal measured property: {left}; both may only follow the property.")
    for p, chance in (
        (found.p_shift, "heat maps moved to where they have no business"),
        (found.p_shuffle, "SHAP sums dealt to other groups"),
    ):
        if not np.isfinite(p):
            doubts.append(f"It was not tested against {chance}.")
        elif p > ALPHA:
            doubts.append(f"Of {chance} {100 * p:.0f} % are as far from 0, on either side.")
    known = [abs(value) for value in untrained if np.isfinite(value)]
    if len(known) < FEWEST_UNTRAINED:
        doubts.append(
            f"It was tested against {len(known)} untrained networks; at least {FEWEST_UNTRAINED} are asked for."
        )
    # The head of an untrained network has any sign: turned, it is as good an untrained network.
    if known and max(known) >= abs(found.value):
        doubts.append(
            f"An untrained network is as far from 0, {max(known):.2f} on either side, as the trained one, "
            f"{found.value:.2f}."
        )
    if doubts:
        return "undecided", tuple(doubts)
    same = "the same" if sign > 0 else "the opposite"
    reason = f"Rank agreement {said}, at equal measured property {left}: where one model leans on a phase the other"
    return "agree" if sign > 0 else "disagree", (f"{reason} does {same}. {CAPTION}",)


def _not_alone(by_phase: Mapping[str, PhaseAgreement], sign: float) -> list[str]:
    """Phases whose own numbers do not bear the verdict, which is about the mean of all."""
    weak = []
    for phase, one in by_phase.items():
        ends = (one.low, one.high, one.partial[0], one.partial[2])
        if not min(sign * end for end in ends) > 0 or one.p_shift > ALPHA or one.p_shuffle > ALPHA:
            weak.append(phase)
    if not weak:
        return []
    borne = [phase for phase in by_phase if phase not in weak]
    by = f"it is borne by {' and '.join(borne)}" if borne else "no phase alone bears it"
    return [f"Of {' and '.join(weak)} alone this is not shown: {by}."]


def _said(interval: tuple[float, float, float]) -> str:
    return "{1:.2f} ({0:.2f} to {2:.2f})".format(*interval) if np.isfinite(interval).all() else "not defined"


def _of_texture(share: float) -> tuple[str, ...]:
    if not np.isfinite(share):
        return ()
    said = f"{share:.0%} of the attribution of the feature model is to texture, which has no place in the picture"
    if share > MOSTLY:
        return (f"{said}: what is compared is the smaller part of what that model rests on.",)
    return (f"{said} and is left out.",)


def _check(
    cnn: np.ndarray,
    shap: np.ndarray,
    groups: np.ndarray,
    measured: np.ndarray,
    phases: Sequence[str],
    null_shift: np.ndarray,
    untrained: np.ndarray,
) -> None:
    wanted = (len(groups), len(phases))
    if measured.shape != groups.shape:
        raise ValueError(f"measured has shape {measured.shape}, expected {groups.shape}: pictures.")
    for name, found in (("cnn", cnn.shape), ("shap", shap.shape)):
        if found != wanted:
            raise ValueError(f"{name} has shape {found}, expected {wanted}: pictures, phases.")
    for name, found in (("null_shift", null_shift.shape), ("untrained", untrained.shape)):
        if found[1:] != wanted:
            raise ValueError(f"{name} has shape {found}, expected (any, {wanted[0]}, {wanted[1]}).")
    for name, numbers in (("network's leans", cnn), ("SHAP sums", shap), ("measured properties", measured)):
        if not np.isfinite(numbers).all():
            raise ValueError(f"The {name} hold NaN or infinity; leave those pictures out.")
