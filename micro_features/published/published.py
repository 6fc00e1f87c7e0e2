"""The command `published`: the runs of both protocols, and what they say together."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from micro_features.batch import map_ordered
from micro_features.errors import FeatureTableError, SettingsError
from micro_features.fitting.explaining import unit_of_attributions
from micro_features.fitting.result_files import check_new
from micro_features.images.windows import window_boxes
from micro_features.learn.device import device_named
from micro_features.learn.draws import times_drawn
from micro_features.learn.scores import Interval
from micro_features.network.progress import Progress, telling
from micro_features.published import scoring
from micro_features.published.answer import Answer, answer_of
from micro_features.published.beside import Beside, beside_of, check_same_fit, read_explained
from micro_features.published.one_run import Job, Run, do
from micro_features.published.samples import GROUPED, IN_SAMPLE, MEASURED, Request, Samples, check_weights, read_samples
from micro_features.published.scoring import Answers, answers_of

_FEWEST_TAUGHT = 4  # training pictures with all parameters, for logistic steps to say anything


@dataclass(frozen=True, eq=False)
class Found:
    """Everything that is known at the end.

    Attributes
    ----------
    request : Request
    samples : Samples
    boxes : list of (k, 2) int arrays
        Windows of each picture, network pixels.
    answers : dict of protocol to Answers
    scores : dict of protocol to scores
        As of `scoring.scores_of`.
    references : dict
        As of `scoring.references`.
    more_than_date : Interval or None
        As of `scoring.more_than_date`.
    answer : Answer
        Of the first protocol: that with groups left out, where it was run.
    beside : Beside or None
        The other methods on the same folds.
    seconds : float
        All of it.
    seconds_method : dict of protocol to float
        Sum over its runs of what each took in a process of its own; pictures were measured and read before.
    """

    request: Request
    samples: Samples
    boxes: list[np.ndarray]
    answers: dict[str, Answers]
    scores: dict[str, dict[str, Any]]
    references: dict[str, dict[str, Any]]
    more_than_date: Interval | None
    answer: Answer
    beside: Beside | None
    seconds: float
    seconds_method: dict[str, float]

    @property
    def first(self) -> Answers:
        """The protocol that the answer is from."""
        return next(iter(self.answers.values()))

    @property
    def against(self) -> list[str]:
        """Why nothing follows about parameters; empty where nothing speaks against it."""
        return list(self.scores[self.first.protocol]["against_the_answer"])


def published(request: Request, *, tell: Callable[[str], None] = lambda line: None) -> Found:
    """Run the published method.

    Parameters
    ----------
    request : Request
    tell : callable
        Told what is being done.

    Returns
    -------
    Found

    Raises
    ------
    FeatureTableError, ImageError, CalibrationError, ArtefactError, SettingsError, OutputError
        What is wrong, and what to do.
    """
    began = time.monotonic()
    _check_output(request.output)
    _check_beside(request)
    weights = check_weights(request)
    device = device_named(request.device).type
    samples = read_samples(request, tell=tell)
    explained = None if request.explained is None else read_explained(request.explained, samples.dataset)
    if explained is not None and request.fit is not None:
        check_same_fit(explained, request.fit, samples.dataset.target.name)
    words, geometry = request.settings.words, request.geometry
    boxes = [
        window_boxes(picture.x.shape, geometry.window, geometry.step, flush=False)
        for picture in samples.pictures.values()
    ]
    trained = _trained_on(request, samples)
    epochs = dict.fromkeys(trained, words.epochs)
    times = times_drawn(samples.dataset.groups, words.draws, request.settings.seed)
    processes = min(request.processes, len(trained)) if device == "cpu" else 1
    with telling(Progress(epochs, tell), processes) as teller:
        jobs = [
            Job(
                name=name,
                x=[picture.x for picture in samples.pictures.values()],
                boxes=boxes,
                window=geometry.window,
                classes=samples.dataset.classes,
                groups=samples.dataset.groups,
                n_classes=len(samples.dataset.class_names),
                y=samples.dataset.y,
                parameters=samples.parameters.values.to_numpy(float),
                train=train,
                times=times,
                words=words,
                weights=weights,
                seed=request.settings.seed,
                device=device,
                teller=teller,
            )
            for name, train in trained.items()
        ]
        runs = map_ordered(do, jobs, n_workers=processes)
    answers = _answers(request, runs, samples)
    seed = request.settings.seed
    scores = {protocol: scoring.scores_of(samples, each, seed=seed) for protocol, each in answers.items()}
    unit = unit_of_attributions(samples.dataset.target, ())
    first = next(iter(answers.values()))
    answer = answer_of(samples, first, unit, against=scores[first.protocol]["against_the_answer"], seed=seed)
    seconds = {protocol: sum(sum(run.seconds.values()) for run in each.runs) for protocol, each in answers.items()}
    return Found(
        request=request,
        samples=samples,
        boxes=boxes,
        answers=answers,
        scores=scores,
        references=scoring.references(samples, first.asked),
        more_than_date=scoring.more_than_date(samples, first),
        answer=answer,
        beside=None
        if explained is None or request.fit is None
        else beside_of(explained, samples, first, scores[first.protocol], answer, seconds, request.fit),
        seconds=time.monotonic() - began,
        seconds_method=seconds,
    )


def _check_output(folder: Path) -> None:
    """New, or that of a run that was broken off when its pictures were measured: these are not measured again."""
    if not (folder.is_dir() and [each.name for each in folder.iterdir()] == [MEASURED]):
        check_new(folder)


def _check_beside(request: Request) -> None:
    """Other methods stand beside on the same folds, which only the fit that was explained tells."""
    if request.explained is None:
        return
    if request.fit is None:
        raise SettingsError("--explained: give --fit, too, the one that was explained, so that folds are the same.")
    if GROUPED not in request.protocols:
        raise SettingsError("--explained compares with groups left out: leave --protocol in-sample away.")


def _trained_on(request: Request, samples: Samples) -> dict[str, np.ndarray]:
    """Name of each run -> pictures that it is trained on."""
    n_folds = 1 if request.first_fold_only else int(samples.fold.max()) + 1
    trained: dict[str, np.ndarray] = {}
    if GROUPED in request.protocols:
        trained |= {f"fold-{number}": samples.fold != number for number in range(n_folds)}
    if IN_SAMPLE in request.protocols:
        trained[IN_SAMPLE] = np.ones(len(samples.fold), bool)
    for name, train in trained.items():
        taught = int((train & samples.parameters.complete).sum())
        if taught < _FEWEST_TAUGHT:
            raise FeatureTableError(
                f"{name}: {taught} training pictures have all parameters, and {_FEWEST_TAUGHT} are needed for logistic "
                "steps; give more pictures, or another table of parameters."
            )
    if GROUPED in request.protocols and not (samples.parameters.complete & (samples.fold < n_folds)).any():
        raise FeatureTableError(
            "No picture that is left out has all parameters, so that the logistic steps can not be asked about any; "
            "run all folds, choose others with --seed, or give another table of parameters."
        )
    return trained


def _answers(request: Request, runs: Sequence[Run], samples: Samples) -> dict[str, Answers]:
    grouped = [run for run in runs if run.name != IN_SAMPLE]
    own = [run for run in runs if run.name == IN_SAMPLE]
    return {
        protocol: answers_of(protocol, some, samples.fold)
        for protocol, some in ((GROUPED, grouped), (IN_SAMPLE, own))
        if some
    }
