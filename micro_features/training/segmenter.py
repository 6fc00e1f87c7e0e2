"""The command `train-segmenter`: classifiers from drawn and from a user's own pictures, as a model in a folder.

FOLDER/*.ubj             the classifiers, with names of their columns and calibration inside
FOLDER/card.md           what they are, for people
FOLDER/provenance.json   what they come from, for programs
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from micro_features import __version__, pipeline
from micro_features.annotated import Case, cases
from micro_features.batch import Failure
from micro_features.errors import ArtefactError, ImageError
from micro_features.files.artefacts import check_new_model, weights_digest, write_model
from micro_features.images.score import without_gaps
from micro_features.jobs import use_one_thread
from micro_features.learn.pixels import PARAMETERS, ROUNDS, Skill
from micro_features.results import versions
from micro_features.settings import METHODS, Settings
from micro_features.training.card import card
from micro_features.training.lessons import OwnPicture, own_pictures
from micro_features.training.teaching import TEACH

# More material without a label than this is hardly a second phase: a picture was labelled in part.
_MUCH_UNLABELLED = 0.3


@dataclass(frozen=True)
class Request:
    """What is to be trained, and from what.

    Attributes
    ----------
    folder : Path
        New folder for the model.
    kind : str
        ``"grains"`` or ``"pores"``.
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
    kind: Literal["grains", "pores"]
    images: Path | None
    labels: Path | None
    strokes: bool
    n_drawn: int
    seed: int
    settings: Settings


@dataclass(frozen=True)
class OwnScore:
    """How well grains or pores of an own picture are found.

    Attributes
    ----------
    name : str
    before : dict of str to float
        By the settings as they were.
    trained : dict of str to float
        The same numbers of classifiers trained without this picture; empty where it is the only one.
    """

    name: str
    before: dict[str, float]
    trained: dict[str, float]


@dataclass(frozen=True)
class Summary:
    """What a training did.

    Attributes
    ----------
    request : Request
    failures : list of Failure
        Pictures that can not be used: then nothing was trained.
    skill : dict of str to Skill
        Of each classifier.
    before : str
        What found grains or pores before.
    scores : list of OwnScore
    notes : list of str
        What the user should know beside.
    """

    request: Request
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
            told = f"{score.name}: {_told(score.before)} {self.before}"
            if score.trained:
                told += f"; {_told(score.trained)} with the new model, trained without this picture"
            yield told
        yield from self.notes
        yield f"model: {self.request.folder}"
        yield f"use it with --set {self.request.kind}.model={self.request.folder}"


def _told(numbers: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in numbers.items())


def train_segmenter(request: Request, *, n_workers: int, command_line: Sequence[str] = ()) -> Summary:
    """Train classifiers of grain boundaries or of pores and write them as a model.

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
        There is too little to learn from, or a model is missing that finds the other kind.
    """
    check_new_model(request.folder)
    use_one_thread()
    settings, before = _as_before(request)
    todo, notes = _own_cases(request, settings)
    own, failures = own_pictures(todo, request.kind, n_workers=n_workers)
    if failures:
        return Summary(request, failures)
    taught, failures = TEACH[request.kind](own, request.n_drawn, settings, seed=request.seed, n_workers=n_workers)
    if taught is None:
        return Summary(request, failures)
    scores = [
        OwnScore(picture.name, picture.before, trained)
        for picture, trained in zip(own, taught.scores, strict=True)
        if picture.before
    ]
    if len(scores) == 1 and not scores[0].trained:
        notes.append("one annotated picture can not tell whether training helped; annotate a second one")
    provenance = {
        "software": f"micro-features {__version__}",
        "command": [os.fsencode(word).decode("utf-8", "backslashreplace") for word in command_line],
        "kind": request.kind,
        "settings_digest": settings.digest,
        "settings": settings.model_dump(mode="json"),
        "seed": request.seed,
        "drawn_pictures": taught.drawn,
        "own_pictures": [
            {"name": picture.name, "holds": "strokes" if picture.lesson.strokes else "labels", **picture.sha256}
            for picture in own
        ],
        "skill": {name: skill._asdict() for name, skill in taught.skill.items()},
        "before": before,
        "scores": [vars(score) for score in scores],
        "xgboost": {**PARAMETERS, "trees": ROUNDS},
        "weights_sha256": weights_digest(taught.weights),
        **versions(),
    }
    write_model(request.folder, taught.weights, card=card(provenance), provenance=provenance)
    if request.kind == "grains":
        notes += _labelled_in_part(own)
    return Summary(request, skill=taught.skill, before=before, scores=scores, notes=notes)


def _as_before(request: Request) -> tuple[Settings, str]:
    """Settings to find pores and grains by before the training, and what does it; a first model has none before it."""
    settings = request.settings
    if request.kind == "pores":
        settings = settings.updated({"grains.method": "watershed"})  # of no account, and quick
    try:
        pipeline.check_models(settings)
    except ArtefactError:
        method = f"{request.kind}.method"
        settings = settings.updated({method: METHODS["fast"][method]})
        pipeline.check_models(settings)
    section = settings.grains if request.kind == "grains" else settings.pores
    with_model = section.method in ("learned", "classified")
    return settings, f"with {section.model}" if with_model else f"by method {section.method}"


def _own_cases(request: Request, settings: Settings) -> tuple[list[Case], list[str]]:
    if request.images is None or request.labels is None:
        return [], []
    todo, unlabelled = cases(request.images, request.labels, "strokes" if request.strokes else request.kind, settings)
    if not todo:
        raise ImageError(f"{unlabelled[0].path}: {unlabelled[0].reason}.")
    return todo, [f"pictures without a label image, not used: {len(unlabelled)}"] if unlabelled else []


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
