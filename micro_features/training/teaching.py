"""What is trained for each kind: for grains the classifiers of their boundaries, for pores that of their pixels."""

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from micro_features.annotated import Kind
from micro_features.batch import Failure
from micro_features.images.grains import learned
from micro_features.images.pores import classified
from micro_features.learn.pixels import Examples, PixelClassifier, Skill, Trained, log_odds, to_bytes
from micro_features.pipeline import BOUNDARY_WEIGHTS, PORE_WEIGHTS
from micro_features.settings import Settings
from micro_features.training.boundaries import Lesson, train_boundaries
from micro_features.training.lessons import OwnPicture, agreement, drawn_pictures, drawn_pore_pictures
from micro_features.training.pores import in_parts, pore_examples, train_pores

MOST_WEIGHT = 20.0
"""Drawn pictures that one own picture counts as much as, at most: a few pictures must not drown what is general."""


@dataclass(frozen=True)
class Taught:
    """Trained classifiers and how good they are.

    Attributes
    ----------
    weights : dict of str to bytes
        File name to content.
    skill : dict of str to Skill
        By classifier.
    drawn : dict of str to int
        Number of drawn pictures of each kind.
    scores : list of dict of str to float
        For each own picture, how well classifiers do that were trained without it; empty where that can not be told.
    """

    weights: dict[str, bytes]
    skill: dict[str, Skill]
    drawn: dict[str, int]
    scores: list[dict[str, float]]


Teach = Callable[..., tuple[Taught | None, list[Failure]]]


def teach_grains(
    own: Sequence[OwnPicture], n_drawn: int, settings: Settings, *, seed: int, n_workers: int
) -> tuple[Taught | None, list[Failure]]:
    """Train the classifiers of grain boundaries on drawn and own pictures; with failures, nothing was trained.

    Own pictures together weigh as much as the drawn ones together, but none more than `MOST_WEIGHT`.
    """
    drawn, failures = drawn_pictures(n_drawn, settings, seed=seed, n_workers=n_workers)
    if failures:
        return None, failures
    lessons = [picture.lesson for picture in drawn]
    each = _own_weight(sum(lesson.weight for lesson in lessons), len(own))
    lessons += [replace(picture.lesson, weight=each) for picture in own]
    trained = train_boundaries(lessons, settings, seed=seed)
    options = settings.grains.model_dump(
        include={"merge_probability", "merge_level", "working_scale", "scale_tolerance", "small_grain_px"}
    )

    def found_blind(number: int, lesson: Lesson) -> np.ndarray:
        return learned(
            lesson.image,
            lesson.valid,
            lesson.pores,
            judge_contacts=functools.partial(log_odds, trained.contacts.blind[number]),
            judge_pairs=functools.partial(log_odds, trained.pairs.blind[number]),
            window_px=settings.prepare.window_px,
            **options,
        ).labels

    both = {"contacts": trained.contacts, "pairs": trained.pairs}
    return _taught(BOUNDARY_WEIGHTS, both, [picture.kind for picture in drawn], own, "grains", found_blind), []


def teach_pores(
    own: Sequence[OwnPicture], n_drawn: int, settings: Settings, *, seed: int, n_workers: int
) -> tuple[Taught | None, list[Failure]]:
    """Train the classifier of pores; as `teach_grains`."""
    drawn, failures = drawn_pore_pictures(n_drawn, seed=seed, n_workers=n_workers)
    if failures:
        return None, failures
    options = settings.pores.model_dump(include={"threshold", "window_px", "min_area_px"})
    # A single picture is taught in parts, so that there is more than one to leave out.
    teach = in_parts if len(own) == 1 else lambda *lesson, **more: [pore_examples(*lesson, **more)]
    taught: list[Examples] = []
    for picture in own:
        lesson = picture.lesson
        taught += teach(lesson.image, lesson.valid, _pore_truth(lesson), window_px=settings.pores.window_px)
    each = _own_weight(len(drawn), len(own)) * len(own) / max(len(taught), 1)
    trained = train_pores([picture.examples for picture in drawn], taught, own_weight=each, seed=seed)

    def found_blind(number: int, lesson: Lesson) -> np.ndarray:
        predict = functools.partial(_probability, trained.blind[number])
        return classified(lesson.image, lesson.valid, predict=predict, **options)

    return _taught(PORE_WEIGHTS, {"pores": trained}, [p.kind for p in drawn], own, "pores", found_blind), []


def _own_weight(drawn_weight: float, n_own: int) -> float:
    return min((drawn_weight or n_own) / max(n_own, 1), MOST_WEIGHT)


def _pore_truth(lesson: Lesson) -> np.ndarray:
    if lesson.strokes:
        return np.where(lesson.marks > 0, lesson.marks - 1.0, np.nan)
    return (lesson.marks > 0).astype(float)


def _probability(classifier: PixelClassifier, features: np.ndarray) -> np.ndarray:
    probability: np.ndarray = expit(log_odds(classifier, features))
    return probability


def _taught(
    files: Sequence[str],
    trained: dict[str, Trained],
    drawn_kinds: Sequence[str],
    own: Sequence[OwnPicture],
    kind: Kind,
    found_blind: Callable[[int, Lesson], np.ndarray],
) -> Taught:
    """Own pictures were taught after the drawn ones; a single one has nothing like it that was trained without it."""
    scores = [
        agreement(kind, found_blind(number, picture.lesson), picture.lesson.marks)
        if len(own) > 1 and not picture.lesson.strokes
        else {}
        for number, picture in enumerate(own, len(drawn_kinds))
    ]
    return Taught(
        weights={name: to_bytes(each.classifier) for name, each in zip(files, trained.values(), strict=True)},
        skill={name: each.skill for name, each in trained.items()},
        drawn=dict(sorted(Counter(drawn_kinds).items())),
        scores=scores,
    )


TEACH: dict[str, Teach] = {"grains": teach_grains, "pores": teach_pores}
"""By kind."""
