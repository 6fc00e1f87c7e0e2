"""Training the classifiers of grain boundaries on pictures whose boundaries are known."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from micro_features.images.boundary_evidence import BOUNDARY_FEATURES
from micro_features.images.boundary_truth import truth_from_labels, truth_from_strokes
from micro_features.images.grains import described, pair_weight
from micro_features.images.pair_evidence import PAIR_FEATURES, contact_evidence, pair_features, region_sums
from micro_features.images.watershed import Contacts, Pairs, merge_tree
from micro_features.images.working_scale import FACTORS, Trial, choose_scale, try_scale
from micro_features.learn.pixels import Examples, PixelClassifier, Trained, log_odds, sampled, train
from micro_features.settings import Settings

# Pictures are looked at where a mean grain spans so many pixels: with fewer, basins blur into each other, with more,
# time is lost on noise.
_PIXELS_ACROSS_GRAIN = (10.0, 60.0)
_SCALES_A_PICTURE = 2
# A boundary between two regions is one where most of its contacts are; between these shares it is neither.
_NEITHER = (0.3, 0.7)
_RECORDED_TO = 0.9


@dataclass(frozen=True, eq=False)
class Lesson:
    """One picture whose boundaries are known.

    Attributes
    ----------
    image : (rows, cols) float32 array
    valid : (rows, cols) bool array
    pores : (rows, cols) int32 array
        As they were found: what a classifier meets is never better.
    marks : (rows, cols) integer array
        Labels of grains, or strokes.
    strokes : bool
        Whether `marks` are strokes (`images.boundary_truth`).
    weight : float
        How much the picture counts in training.
    """

    image: np.ndarray
    valid: np.ndarray
    pores: np.ndarray
    marks: np.ndarray
    strokes: bool = False
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class _Looked:
    """A lesson at one working scale."""

    trial: Trial
    labels: np.ndarray
    touching: Contacts
    features: np.ndarray
    truth: np.ndarray


@dataclass(frozen=True, eq=False)
class TrainedBoundaries:
    """Both classifiers of grain boundaries.

    Attributes
    ----------
    contacts, pairs : Trained
    """

    contacts: Trained
    pairs: Trained


def train_boundaries(lessons: Sequence[Lesson], settings: Settings, *, seed: int = 0) -> TrainedBoundaries:
    """Train the classifiers of contacts and of pairs of regions.

    The second learns from merging as it will be done: once by the contacts' mean log odds, and once more by what it
    learned from that. Everything that it is asked about a picture comes from classifiers of contacts that were trained
    without this picture.

    Parameters
    ----------
    lessons : sequence of Lesson
        At least two.
    settings : Settings
    seed : int

    Returns
    -------
    TrainedBoundaries

    Raises
    ------
    ArtefactError
        There is too little to learn from.
    """
    scales = [_scales(lesson, settings, np.random.default_rng((seed, i))) for i, lesson in enumerate(lessons)]
    weights = [lesson.weight for lesson in lessons]

    def looks(step: str) -> Iterator[tuple[int, list[_Looked]]]:
        for i, lesson in enumerate(tqdm(lessons, desc=step, unit="picture", disable=None)):
            yield i, [_looked(lesson, scale, settings) for scale in scales[i]]

    def taught(i: int, parts: list[Examples]) -> Examples:
        """No more of a picture than is used: all of all pictures would fill the memory."""
        rng = np.random.default_rng((seed, i))
        some = sampled(_joined(parts), rng)
        return _balanced(some, rng) if lessons[i].strokes else some

    contacts = train(
        (taught(i, [Examples(look.features, look.truth) for look in some]) for i, some in looks("contacts")),
        BOUNDARY_FEATURES,
        weights=weights,
        seed=seed,
    )
    small_grain_px = settings.grains.small_grain_px

    def recorded(step: str, judge: Callable[[int], Callable[[np.ndarray], np.ndarray]]) -> list[Examples]:
        return [
            taught(i, [_pairs_met(look, contacts.blind[i], judge(i), small_grain_px) for look in some])
            for i, some in looks(step)
        ]

    at = PAIR_FEATURES.index("log_odds")
    first = recorded("pairs", lambda _: lambda features: features[:, at])
    pairs = train(first, PAIR_FEATURES, weights=weights, seed=seed)
    second = recorded("pairs again", lambda i: lambda features: log_odds(pairs.blind[i], features))
    both = [_joined(list(some)) for some in zip(first, second, strict=True)]
    return TrainedBoundaries(contacts, train(both, PAIR_FEATURES, weights=weights, seed=seed))


def _scales(lesson: Lesson, settings: Settings, rng: np.random.Generator) -> list[float]:
    """Working scales at which to look at a picture."""
    options = settings.grains
    if lesson.strokes:
        solid = lesson.valid & (lesson.pores == 0)
        trial, _ = choose_scale(
            np.where(solid, lesson.image, np.float32(0)),
            solid,
            merge_level=options.merge_level,
            scale_tolerance=options.scale_tolerance,
            small_grain_px=options.small_grain_px,
            window_px=settings.prepare.window_px,
        )
        # Where grains are looked for, by `images.grains.learned`.
        return sorted({trial.evidence.factor, max(1.0, trial.evidence.factor / 2**0.5)})
    area = np.bincount(lesson.marks.ravel())[1:]
    across = np.sqrt(4 / np.pi * area[area >= 20]).mean() if (area >= 20).any() else 1.0
    low, high = _PIXELS_ACROSS_GRAIN
    fitting = [factor for factor in (*FACTORS, 1.0) if low <= across / factor <= high] or [1.0]
    return rng.choice(fitting, min(_SCALES_A_PICTURE, len(fitting)), replace=False).tolist()


def _looked(lesson: Lesson, scale: float, settings: Settings) -> _Looked:
    solid = lesson.valid & (lesson.pores == 0)
    trial = try_scale(
        np.where(solid, lesson.image, np.float32(0)),
        solid,
        scale,
        merge_level=settings.grains.merge_level,
        small_grain_px=settings.grains.small_grain_px,
        window_px=settings.prepare.window_px,
    )
    labels, touching, features = described(trial, merge_level=settings.grains.merge_level)
    truth = (truth_from_strokes if lesson.strokes else truth_from_labels)(labels, touching, lesson.marks)
    return _Looked(trial, labels, touching, features, truth)


def _pairs_met(
    look: _Looked,
    contacts: PixelClassifier,
    judge_pairs: Callable[[np.ndarray], np.ndarray],
    small_grain_px: float,
) -> Examples:
    """Every pair of regions that merging asks about, and the truth of it."""
    evidence = contact_evidence(log_odds(contacts, look.features))
    known = ~np.isnan(look.truth)
    # The truth rides along as two more columns, whose means are shares.
    evidence = np.column_stack((evidence, known, np.where(known, look.truth, 0))).astype(np.float32)
    weigh = pair_weight(judge_pairs, small_grain_px=small_grain_px)
    tables, truths = [], []

    def recording(pairs: Pairs) -> np.ndarray:
        n_known, n_yes = pairs.evidence[:, -2:].T
        seen = pairs._replace(evidence=pairs.evidence[:, :-2])
        share = np.divide(n_yes, n_known, out=np.full(len(n_yes), np.nan, np.float32), where=n_known > 0)
        low, high = _NEITHER
        truths.append(np.where(share > high, 1, np.where(share < low, 0, np.nan)))
        tables.append(pair_features(seen))
        return weigh(seen)

    merge_tree(region_sums(look.trial.flat, look.labels), look.touching, evidence, recording, top=_RECORDED_TO)
    return Examples(np.concatenate(tables), np.concatenate(truths))


def _joined(parts: list[Examples]) -> Examples:
    return Examples(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _balanced(examples: Examples, rng: np.random.Generator) -> Examples:
    """As many that are boundaries as are none: how much of each a person painted tells nothing of how common it is."""
    yes, no = np.flatnonzero(examples.truth == 1), np.flatnonzero(examples.truth == 0)
    if not (len(yes) and len(no)):
        return examples
    rarer, other = sorted((yes, no), key=len)
    chosen = np.concatenate((other, rng.choice(rarer, len(other))))
    return Examples(examples.features[chosen], examples.truth[chosen])
