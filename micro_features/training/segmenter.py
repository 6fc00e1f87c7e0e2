"""The command `train-segmenter`: classifiers of grain boundaries from drawn and from a user's own pictures.

FOLDER/contacts.ubj, FOLDER/pairs.ubj   the classifiers, with names of their columns and calibration inside
FOLDER/card.md                          what they are, for people
FOLDER/provenance.json                  what they come from, for programs
"""

import functools
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from micro_features import __version__, pipeline
from micro_features.annotated import Case, cases
from micro_features.batch import Failure
from micro_features.errors import ArtefactError, ImageError
from micro_features.files.artefacts import check_new_model, weights_digest, write_model
from micro_features.images.grains import learned
from micro_features.images.score import RegionAgreement, region_agreement, without_gaps
from micro_features.jobs import use_one_thread
from micro_features.learn.pixels import PARAMETERS, ROUNDS, Skill, log_odds, to_bytes
from micro_features.results import versions
from micro_features.settings import METHODS, Settings
from micro_features.training.boundaries import Lesson, TrainedBoundaries, train_boundaries
from micro_features.training.card import boundary_card
from micro_features.training.lessons import DrawnPicture, OwnPicture, drawn_pictures, own_pictures

# More material without a label than this is hardly a second phase: a picture was labelled in part.
_MUCH_UNLABELLED = 0.3


@dataclass(frozen=True)
class Request:
    """What is to be trained, and from what.

    Attributes
    ----------
    folder : Path
        New folder for the model.
    images, labels : Path or None
        Own pictures and their label images, as for `annotated.cases`.
    strokes : bool
        Whether the label images hold strokes (`images.boundary_truth`).
    n_drawn : int
        Number of drawn pictures.
    seed : int
    settings : Settings
    """

    folder: Path
    images: Path | None
    labels: Path | None
    strokes: bool
    n_drawn: int
    seed: int
    settings: Settings


@dataclass(frozen=True)
class OwnScore:
    """How well the grains of an own picture are found.

    Attributes
    ----------
    name : str
    before : RegionAgreement
        By the settings as they were.
    trained : RegionAgreement or None
        By classifiers trained without this picture; None where it is the only one.
    """

    name: str
    before: RegionAgreement
    trained: RegionAgreement | None


@dataclass(frozen=True)
class Summary:
    """What a training did.

    Attributes
    ----------
    folder : Path
    failures : list of Failure
        Pictures that can not be used: then nothing was trained.
    skill : dict of str to Skill
        Of each classifier.
    before : str
        What found the grains of own pictures before.
    scores : list of OwnScore
    notes : list of str
        What the user should know beside.
    """

    folder: Path
    failures: list[Failure] = field(default_factory=list)
    skill: dict[str, Skill] = field(default_factory=dict)
    before: str = ""
    scores: list[OwnScore] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """For a person to read."""
        if self.failures:
            for failure in self.failures:
                yield f"{' '.join(failure.path.split())}: {failure.reason}"
            yield "nothing was trained: mend this or take it out"
            return
        for name, skill in self.skill.items():
            yield (
                f"{name}, in pictures left out of training: log loss {skill.log_loss:.3f} "
                f"({skill.base_log_loss:.3f} by guessing), area under the curve {skill.area_under_curve:.3f}"
            )
        for score in self.scores:
            told = f"{score.name}: F1 {score.before.f1:.2f}, AP {score.before.average_precision:.2f} {self.before}"
            if score.trained is not None:
                f1, ap = score.trained
                told += f"; {f1:.2f}, {ap:.2f} with the new classifiers, trained without this picture"
            yield told
        yield from self.notes
        yield f"model: {self.folder}"
        yield f"use it with --set grains.model={self.folder}"


def train_segmenter(request: Request, *, n_workers: int, command_line: Sequence[str] = ()) -> Summary:
    """Train the classifiers of grain boundaries and write them as a model.

    Own pictures count together as much as the drawn ones together.

    Parameters
    ----------
    request : Request
    n_workers : int
        Processes that draw and read pictures; training itself uses one.
    command_line : sequence of str
        For the provenance.

    Returns
    -------
    Summary

    Raises
    ------
    OutputError
        The folder holds something, or can not be written.
    ImageError
        There is no annotated picture.
    ArtefactError
        There is too little to learn from.
    """
    check_new_model(request.folder)
    use_one_thread()
    settings, before = _as_before(request.settings)
    todo, notes = _own_cases(request, settings)
    own, failures = own_pictures(todo, n_workers=n_workers)
    if failures:
        return Summary(request.folder, failures)
    drawn, failures = drawn_pictures(request.n_drawn, settings, seed=request.seed, n_workers=n_workers)
    if failures:
        return Summary(request.folder, failures)
    trained = train_boundaries(_weighted(drawn, own), settings, seed=request.seed)
    scores = list(_scores(own, trained, settings, at=len(drawn)))
    if len(scores) == 1:
        notes.append("one annotated picture can not tell whether training helped; annotate a second one")
    summary = Summary(
        folder=request.folder,
        skill={"contacts": trained.contacts.skill, "pairs": trained.pairs.skill},
        before=before,
        scores=scores,
        notes=[*notes, *_labelled_in_part(own)],
    )
    classifiers = (trained.contacts.classifier, trained.pairs.classifier)
    weights = dict(zip(pipeline.BOUNDARY_WEIGHTS, map(to_bytes, classifiers), strict=True))
    provenance = {
        "software": f"micro-features {__version__}",
        "command": [os.fsencode(word).decode("utf-8", "backslashreplace") for word in command_line],
        "settings_digest": settings.digest,
        "settings": settings.model_dump(mode="json"),
        "seed": request.seed,
        **_learned_from(drawn, own),
        "skill": {name: skill._asdict() for name, skill in summary.skill.items()},
        "before": before,
        "scores": [_score_row(score) for score in scores],
        "xgboost": {**PARAMETERS, "trees": ROUNDS},
        "weights_sha256": weights_digest(weights),
        **versions(),
    }
    write_model(request.folder, weights, card=boundary_card(provenance), provenance=provenance)
    return summary


def _as_before(settings: Settings) -> tuple[Settings, str]:
    """Settings to find pores and grains by before the training, and what does it; a first model has none before it."""
    try:
        pipeline.check_models(settings)
    except ArtefactError:
        settings = settings.updated(METHODS["fast"])
    grains = settings.grains
    return settings, f"with {grains.model}" if grains.method == "learned" else f"by method {grains.method}"


def _own_cases(request: Request, settings: Settings) -> tuple[list[Case], list[str]]:
    if request.images is None or request.labels is None:
        return [], []
    todo, unlabelled = cases(request.images, request.labels, "strokes" if request.strokes else "grains", settings)
    if not todo:
        raise ImageError(f"{unlabelled[0].path}: {unlabelled[0].reason}.")
    return todo, [f"pictures without a label image, not used: {len(unlabelled)}"] if unlabelled else []


def _weighted(drawn: Sequence[DrawnPicture], own: Sequence[OwnPicture]) -> list[Lesson]:
    """Lessons, own pictures weighing together as much as the drawn ones."""
    lessons = [picture.lesson for picture in drawn]
    each = (sum(lesson.weight for lesson in lessons) or len(own)) / max(len(own), 1)
    return [*lessons, *(replace(picture.lesson, weight=each) for picture in own)]


def _scores(
    own: Sequence[OwnPicture], trained: TrainedBoundaries, settings: Settings, *, at: int
) -> Iterator[OwnScore]:
    """Of own pictures that have labels; they are lessons from number `at` on."""
    options = settings.grains.model_dump(
        include={"merge_probability", "merge_level", "working_scale", "scale_tolerance", "small_grain_px"}
    )
    for number, picture in enumerate(own, at):
        if picture.before is None:
            continue
        after = None
        if len(own) > 1:
            lesson = picture.lesson
            found = learned(
                lesson.image,
                lesson.valid,
                lesson.pores,
                judge_contacts=functools.partial(log_odds, trained.contacts.blind[number]),
                judge_pairs=functools.partial(log_odds, trained.pairs.blind[number]),
                window_px=settings.prepare.window_px,
                **options,
            )
            after = region_agreement(found.labels, lesson.marks)
        yield OwnScore(picture.name, picture.before, after)


def _labelled_in_part(own: Sequence[OwnPicture]) -> Iterator[str]:
    for picture in own:
        lesson = picture.lesson
        solid = lesson.valid & (lesson.pores == 0)
        share = np.mean(without_gaps(lesson.marks)[solid] == 0) if solid.any() else 0.0
        if not lesson.strokes and share > _MUCH_UNLABELLED:
            yield (
                f"{picture.name}: {share:.0%} of it has no label and was taken for one more region; "
                "where only a part is labelled, use strokes"
            )


def _learned_from(drawn: Sequence[DrawnPicture], own: Sequence[OwnPicture]) -> dict[str, Any]:
    return {
        "drawn_pictures": dict(sorted(Counter(picture.kind for picture in drawn).items())),
        "own_pictures": [
            {"name": picture.name, "holds": "strokes" if picture.lesson.strokes else "labels", **picture.sha256}
            for picture in own
        ],
    }


def _score_row(score: OwnScore) -> dict[str, Any]:
    trained = None if score.trained is None else score.trained._asdict()
    return {"name": score.name, "before": score.before._asdict(), "trained_without_it": trained}
