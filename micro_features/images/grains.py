"""Grains: basins of boundary strength, merged where the boundary between them is weak.

Two methods: `watershed` weighs a boundary by its mean strength; `learned` by what a classifier, trained on boundaries
whose truth is known, says of it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.special import expit

from micro_features.images.boundary_evidence import boundary_features
from micro_features.images.hierarchy import Hierarchy, Memo, Scales, made_now, without_pores
from micro_features.images.pair_evidence import contact_evidence, pair_features, region_sums
from micro_features.images.stability import Rung, agreement, expected_f1, rungs, stability
from micro_features.images.watershed import (
    Contacts,
    Pairs,
    contacts,
    cut,
    merge_tree,
    regions_at,
    size_weight,
)
from micro_features.images.working_scale import ScaleEvidence, Trial

Judge = Callable[[np.ndarray], np.ndarray]
"""From features (n, k) to the log odds (n,) of a boundary."""

# Basins are joined across boundaries of this share of the merge level before anything dear is computed: on annotated
# pictures that costs less than 0.01 of the F1 that basins allow, and leaves half of the contacts.
_SURE = 0.36
# A classifier sees how small a region is, and needs less help against splinters than mean strength does.
_SMALL_FOR_CLASSIFIER = 0.5
# Levels at which grains are compared with those at the chosen one: as shares of the merge level, and as probabilities.
_STRENGTH_LADDER = (0.76, 0.83, 0.91, 1.06, 1.13, 1.2)
_PROBABILITY_LADDER = (0.4, 0.5, 0.6, 0.8, 0.85, 0.9)
# F1 against how much the number of grains depends on the merge level, and against the mean stability of the grains:
# intercept and slope, at the default level, on drawn pictures that no classifier was trained on.
_STRENGTH_LINE = (1.02, -0.68)
_PROBABILITY_LINE = (-1.09, 2.03)
# Where grains are less stable than this, a finer scale finds none either; it is taken if they are hardly less stable.
_WORTH_FINER = 0.65
_STABILITY_TOLERANCE = 0.005


@dataclass(frozen=True, eq=False)
class GrainMap:
    """Grains of a picture and how they were found.

    Attributes
    ----------
    labels : (rows, cols) int32 array
        From 1; 0 in pores and where nothing is valid. Touching grains leave no gap.
    boundary : (rows, cols) float32 array
        Boundary strength, 0 to 1.
    stability : (number of grains + 1,) float32 array
        For each label, how far its grain stays the same when the merge level changes, 0 to 1 (`images.stability`).
    level : float
        The merge level.
    rungs : tuple of Rung
        Number of grains and length of boundary at those other levels and at this one.
    working_scale : float
        Factor by which the picture was shrunk to find them.
    confidence : float
        F1 that is to be expected of these grains, 0 to 1 (`images.stability.expected_f1`): by their mean stability, or
        by `relative_dependence`.
    relative_dependence : float
        That of the chosen scale: about 1 where grains can not be told from texture, well below 1 where they can. NaN
        where trained classifiers merged them, which it says nothing about.
    evidence : tuple of ScaleEvidence
        One for every scale that was tried.
    agreement : float
        F1 of the grains with those of `watershed` at the same scale, 0 to 1; NaN for that method itself.
    hierarchy : Hierarchy
        What they were cut from.
    """

    labels: np.ndarray
    boundary: np.ndarray
    stability: np.ndarray
    level: float
    rungs: tuple[Rung, ...]
    working_scale: float
    confidence: float
    relative_dependence: float
    evidence: tuple[ScaleEvidence, ...]
    agreement: float
    hierarchy: Hierarchy


def watershed(
    image: np.ndarray,
    valid: np.ndarray,
    pores: np.ndarray,
    *,
    merge_level: float = 0.25,
    working_scale: float = 0.0,
    scale_tolerance: float = 0.2,
    small_grain_px: float = 50.0,
    window_px: float = 40.0,
    memo: Memo = made_now,
) -> GrainMap:
    """Grains by watershed of multi-scale boundary strength at an automatic working scale.

    Parameters
    ----------
    image : (rows, cols) float32 array
        Grey level.
    valid : (rows, cols) bool array
    pores : (rows, cols) int32 array
        Pores are no part of any grain, and grey levels there have no influence.
    merge_level : float
        Mean boundary strength, 0 to 1, below which two neighbours are one grain.
    working_scale : float
        Factor by which to shrink the picture; 0 finds it.
    scale_tolerance : float
        By how much `ScaleEvidence.relative_dependence` may exceed the smallest one.
    small_grain_px : float
        Grains of this area need a boundary 1.6 times as strong to live, pixels of the shrunk picture.
    window_px : float
        Window of flattening, pixels of the shrunk picture.
    memo : Memo
        Keeps what does not depend on every parameter, for one `image`, `valid` and `pores`.

    Returns
    -------
    GrainMap
    """
    scales = Scales(*without_pores(image, valid, pores), merge_level, small_grain_px, window_px, memo)
    trial, tried = scales.chosen(working_scale, scale_tolerance)
    ladder = tuple(share * merge_level for share in _STRENGTH_LADDER)
    area_px = np.bincount(trial.labels.ravel(), minlength=trial.tree.count + 1)
    stable = stability(trial.tree, area_px, merge_level, ladder)
    touching = memo(("contacts", *scales.key(trial)), lambda: contacts(trial.labels, trial.strength))
    found = _Merged(Hierarchy(trial, trial.labels, touching, trial.tree, area_px), stable, np.nan)
    dependence = trial.evidence.relative_dependence
    return _grain_map(
        found,
        merge_level,
        ladder,
        tried,
        valid,
        pores,
        confidence=expected_f1(dependence, _STRENGTH_LINE),
        dependence=dependence,
    )


def learned(
    image: np.ndarray,
    valid: np.ndarray,
    pores: np.ndarray,
    *,
    judge_contacts: Judge,
    judge_pairs: Judge,
    merge_probability: float = 0.75,
    merge_level: float = 0.25,
    working_scale: float = 0.0,
    scale_tolerance: float = 0.2,
    small_grain_px: float = 50.0,
    window_px: float = 40.0,
    memo: Memo = made_now,
) -> GrainMap:
    """Grains by the same watershed, merged by what two trained classifiers say.

    The first judges every place where two basins touch (`images.boundary_evidence`), the second the boundary between
    two regions as a whole (`images.pair_evidence`), anew whenever a region has grown. What merges weakest first is thus
    learned, as in Nunez-Iglesias et al., Machine learning of hierarchical clustering to segment 2D and 3D images, PLoS
    ONE 8 (2013) e71715.

    Parameters
    ----------
    image, valid, pores : arrays
        As for `watershed`.
    judge_contacts, judge_pairs : callable
        From features to log odds of a boundary.
    merge_probability : float
        Probability of a boundary, 0 to 1, below which two neighbours are one grain.
    merge_level, working_scale, scale_tolerance, small_grain_px, window_px : float
        As for `watershed`, but that grains of half of `small_grain_px` need a boundary 1.6 times as likely to live. The
        working scale is found in the same way, or is the next finer one, if grains are about as stable there.
    memo : Memo
        As for `watershed`; the judges must be the same, too.

    Returns
    -------
    GrainMap
    """
    scales = Scales(*without_pores(image, valid, pores), merge_level, small_grain_px, window_px, memo)
    ladder = tuple(level for level in _PROBABILITY_LADDER if level != merge_probability)
    top = max(merge_probability, *ladder)

    def merged(trial: Trial) -> _Merged:
        hierarchy: Hierarchy = memo(
            ("hierarchy", top, *scales.key(trial)),
            lambda: _hierarchy(
                trial, judge_contacts, judge_pairs, merge_level=merge_level, small_grain_px=small_grain_px, top=top
            ),
        )
        basin_area_px = np.bincount(trial.labels.ravel(), minlength=trial.tree.count + 1)
        sure = regions_at(trial.tree, _SURE * merge_level)
        here = regions_at(hierarchy.tree, merge_probability)[sure]
        return _Merged(
            hierarchy,
            stability(hierarchy.tree, hierarchy.area_px, merge_probability, ladder),
            agreement(here, regions_at(trial.tree, merge_level), basin_area_px),
        )

    trial, tried = scales.chosen(working_scale, scale_tolerance)
    found = merged(trial)
    # Trained classifiers see through more noise than mean strength does: the next finer scale may serve better.
    if not working_scale and trial is not tried[-1] and found.mean_stability >= _WORTH_FINER:
        next_one = tried[tried.index(trial) + 1]
        if next_one is tried[-1]:  # so far of a part only
            next_one = scales.trial(next_one.evidence.factor)
            tried = (*tried[:-1], next_one)
        finer = merged(next_one)
        if finer.mean_stability >= found.mean_stability - _STABILITY_TOLERANCE:
            found = finer
    return _grain_map(
        found,
        merge_probability,
        ladder,
        tried,
        valid,
        pores,
        confidence=expected_f1(found.mean_stability, _PROBABILITY_LINE),
        dependence=np.nan,
    )


GRAIN_METHODS: dict[str, Callable[..., GrainMap]] = {"watershed": watershed, "learned": learned}


def described(trial: Trial, *, merge_level: float) -> tuple[np.ndarray, Contacts, np.ndarray]:
    """What the classifier of contacts is asked about.

    Parameters
    ----------
    trial : Trial
    merge_level : float
        As for `watershed`.

    Returns
    -------
    labels : (rows, cols) int32 array
        Basins, those joined that no doubt belong together.
    touching : Contacts
        Of these.
    features : (n, k) float32 array
        `images.boundary_evidence.BOUNDARY_FEATURES` of each contact.
    """
    labels = cut(trial.tree, trial.labels, _SURE * merge_level)
    touching = contacts(labels, trial.strength)
    features = boundary_features(
        trial.flat, trial.valid, labels, touching, strength=trial.strength, weights=trial.weights
    )
    return labels, touching, features


def pair_weight(judge_pairs: Judge, *, small_grain_px: float) -> Callable[[Pairs], np.ndarray]:
    """Probability of a boundary between the regions of each pair, less where one of them is small."""

    def weigh(pairs: Pairs) -> np.ndarray:
        return expit(judge_pairs(pair_features(pairs))) * size_weight(
            pairs, small_area_px=_SMALL_FOR_CLASSIFIER * small_grain_px
        )

    return weigh


def _hierarchy(
    trial: Trial, judge_contacts: Judge, judge_pairs: Judge, *, merge_level: float, small_grain_px: float, top: float
) -> Hierarchy:
    """Basins merged by what classifiers say."""
    labels, touching, features = described(trial, merge_level=merge_level)
    sums = region_sums(trial.flat, labels)
    tree = merge_tree(
        sums,
        touching,
        contact_evidence(judge_contacts(features)),
        pair_weight(judge_pairs, small_grain_px=small_grain_px),
        top=top,
    )
    return Hierarchy(trial, labels, touching, tree, sums[:, 0])


@dataclass(frozen=True, eq=False)
class _Merged:
    """Basins at one working scale, how they merge, and how stable the grains are."""

    hierarchy: Hierarchy
    stability: np.ndarray
    agreement: float

    @property
    def mean_stability(self) -> float:
        return float(self.stability[1:].mean()) if len(self.stability) > 1 else 0.0


def _grain_map(
    found: _Merged,
    level: float,
    ladder: tuple[float, ...],
    tried: tuple[Trial, ...],
    valid: np.ndarray,
    pores: np.ndarray,
    *,
    confidence: float,
    dependence: float,
) -> GrainMap:
    hierarchy = found.hierarchy
    trial = hierarchy.trial
    grains = hierarchy.grains(level, valid.shape)
    grains[~valid | (pores > 0)] = 0
    boundary = cv2.resize(trial.strength, valid.shape[::-1], interpolation=cv2.INTER_LINEAR)
    boundary[~valid] = 0
    return GrainMap(
        labels=grains,
        boundary=boundary,
        stability=found.stability,
        level=level,
        rungs=rungs(hierarchy.tree, hierarchy.touching, tuple(sorted((*ladder, level)))),
        working_scale=trial.evidence.factor,
        confidence=confidence,
        relative_dependence=dependence,
        evidence=tuple(each.evidence for each in tried),
        agreement=found.agreement,
        hierarchy=hierarchy,
    )
