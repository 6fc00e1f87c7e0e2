"""One run through all stages: classifier, vectors, words, tree, logistic steps, from training pictures to all pictures.

A run is a fold, trained on the pictures of the other folds, or the study's own protocol, trained and scored on all. Of
a fold nothing is chosen on the pictures that are left out: network, words, tree, steps and the means and deviations
that parameters are standardised by come from the training pictures alone, and the number of epochs is fixed. The study
does not say how its windows were split, and keeps the epoch that is best on the part that is then reported: its own
protocol splits windows at random, so that halves of one window may be on both sides, and keeps that epoch, too.
"""

import copy
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import safetensors.torch
import torch

from micro_features.jobs import use_one_thread
from micro_features.learn.classifier import (
    Classifier,
    ClassifierEpoch,
    fit_classifier,
    resnet18_classifier,
    small_classifier,
    window_activations,
)
from micro_features.learn.network import Architecture
from micro_features.learn.plan import Plan
from micro_features.learn.scores import precision_recall
from micro_features.network.progress import Teller
from micro_features.settings import Words
from micro_features.visual_words import projection, routing, steps, vectors, vocabulary
from micro_features.visual_words.steps import Step
from micro_features.visual_words.tree import Tree, grow, inner_nodes, leaf_of, probabilities, reached

REPORTED_SHARE = 0.2
"""Of the windows, that the study's protocol picks its epoch on, and reports."""
SHOWN_PER_WORD = 6
LEARNING_RATE = {"cnn": 3e-3, "resnet18": 1e-4}
"""The highest of a training; that of ResNet18 is the study's, and leaves weights of ImageNet near where they are."""


@dataclass(frozen=True, eq=False)
class Job:
    """What a process needs for one run.

    Attributes
    ----------
    name : str
        ``fold-0`` ..., or ``in-sample``.
    x : list of n (rows, cols) float32 arrays
        Pictures as the network sees them.
    boxes : list of n (k, 2) int arrays
        First row and column of the windows of each, network pixels.
    window : int
        Edge of a window, network pixels.
    classes, groups : (n,) int arrays
    n_classes : int
    y : (n,) float array
        Property, model units.
    parameters : (n, k) float array
        Physical parameters in their own units; NaN in pictures that lack one.
    train : (n,) bool array
        Pictures that are trained on; all of them in the study's own protocol.
    times : (b, n) int array
        How often each picture counts in each bootstrap draw of groups: the same draws for all runs.
    words : Words
    weights : bytes or None
        Of ImageNet.
    seed : int
    device : str
    teller : Teller
    """

    name: str
    x: list[np.ndarray]
    boxes: list[np.ndarray]
    window: int
    classes: np.ndarray
    groups: np.ndarray
    n_classes: int
    y: np.ndarray
    parameters: np.ndarray
    train: np.ndarray
    times: np.ndarray
    words: Words
    weights: bytes | None
    seed: int
    device: str
    teller: Teller


@dataclass(frozen=True, eq=False)
class Run:
    """What came of it; windows are counted over all pictures, picture by picture.

    Attributes
    ----------
    name : str
    owner : (w,) int array
        Picture of each window.
    of_training : (w,) bool array
        Windows of training pictures.
    scored : (w,) bool array
        Windows that the classifier is scored on.
    epochs : DataFrame
        epoch, split, class (number), precision, recall, accuracy, loss.
    kept_epoch : int
        Whose weights are used, from 1.
    predicted : (w, c) float array
        Probabilities of the classes by the classifier.
    centres : (k, d) float array
        Of the words.
    cells : (k,) int array
        Training vectors of each word.
    cells_abreast : int
        Cells in a row of a window, and in a column.
    stride, cell_origin : float
        Of the cells, network pixels: edge, and where the first begins.
    histograms : (w, k) float array
    tree : Tree
    leaf : (w,) int array
    by_tree : (w, c) float array
    steps : list of Step
    mean, sd : (p,) float arrays
        That parameters were standardised by.
    step_hits : DataFrame
        As of `routing.hits`, of the pictures left out (of all in the study's protocol).
    routed : (n, c) float array
        Classes from the parameters alone; NaN where a parameter is missing.
    attributed : (n, p) float array
        Attributions, model units; NaN likewise.
    base : float
    again : (b, m, p) float array
        Attributions by the coefficients of each bootstrap draw, of the m pictures that are asked about: those left
        out, or all in the study's protocol.
    nearest : DataFrame
        word, rank, window, position: what to show of each word.
    projected : (m, 2) float array
    projected_word, projected_class : (m,) int arrays
    weights : bytes
        The classifier's, safetensors.
    notes : tuple of str
    seconds : dict of stage to float
    """

    name: str
    owner: np.ndarray
    of_training: np.ndarray
    scored: np.ndarray
    epochs: pd.DataFrame
    kept_epoch: int
    predicted: np.ndarray
    centres: np.ndarray
    cells: np.ndarray
    cells_abreast: int
    stride: float
    cell_origin: float
    histograms: np.ndarray
    tree: Tree
    leaf: np.ndarray
    by_tree: np.ndarray
    steps: list[Step]
    mean: np.ndarray
    sd: np.ndarray
    step_hits: pd.DataFrame
    routed: np.ndarray
    attributed: np.ndarray
    base: float
    again: np.ndarray
    nearest: pd.DataFrame
    projected: np.ndarray
    projected_word: np.ndarray
    projected_class: np.ndarray
    weights: bytes
    notes: tuple[str, ...]
    seconds: dict[str, float]


def do(job: Job) -> Run:
    """All stages of one run, in a process of its own."""
    use_one_thread()
    if job.device == "cpu":
        torch.set_num_threads(1)
    clock = _Clock()
    owner = np.repeat(np.arange(len(job.x)), [len(each) for each in job.boxes])
    classifier, scored, epochs, kept = _train(job, owner)
    clock.lap("classifier")
    job.teller.put(f"{job.name}: classifier trained; visual words and tree follow")
    predicted, seen = _look(job, classifier)
    of_training = job.train[owner]
    clock.lap("vectors")
    learned = vocabulary.learn_vocabulary(
        seen[of_training].reshape(-1, seen.shape[-1]),
        int(of_training.sum()),
        n_words=job.words.n_words,
        attempts=job.words.attempts,
        seed=job.seed,
    )
    word = vocabulary.words_of(seen, learned.centres)
    histograms = vocabulary.histograms(word, len(learned.centres))
    nearest = vocabulary.nearest_windows(
        seen[of_training], word[of_training], learned.centres, owner[of_training], per_word=SHOWN_PER_WORD
    )
    nearest["window"] = np.flatnonzero(of_training)[nearest["window"]]
    clock.lap("words")
    shown = projection.sample_rows(word.size, job.words.projected, job.seed)
    flat = projection.tsne(seen.reshape(-1, seen.shape[-1])[shown], seed=job.seed)
    clock.lap("t-SNE")
    class_of, y_of = job.classes[owner], job.y[owner]
    tree = grow(
        histograms[of_training],
        class_of[of_training],
        y_of[of_training],
        job.n_classes,
        max_depth=job.words.tree_depth,
        seed=job.seed,
    )
    paths = reached(tree, histograms)
    clock.lap("tree")
    n_nodes = len(inner_nodes(tree))
    job.teller.put(f"{job.name}: tree of {n_nodes} splits; logistic steps follow, {len(job.times)} draws each")
    told = _steps(job, owner, tree, paths)
    clock.lap("steps")
    return Run(
        name=job.name,
        owner=owner,
        of_training=of_training,
        scored=scored,
        epochs=epochs,
        kept_epoch=kept,
        predicted=predicted,
        centres=learned.centres,
        cells=np.bincount(word[of_training].ravel(), minlength=len(learned.centres)),
        cells_abreast=round(word.shape[1] ** 0.5),
        stride=classifier.stride,
        cell_origin=classifier.cell_origin,
        histograms=histograms,
        tree=tree,
        leaf=leaf_of(tree, histograms),
        by_tree=probabilities(tree, histograms),
        nearest=nearest,
        projected=flat,
        projected_word=word.ravel()[shown].astype(int),
        projected_class=np.repeat(class_of, word.shape[1])[shown],
        weights=_to_bytes(classifier),
        notes=learned.notes,
        seconds=clock.laps,
        **told,
    )


class _Clock:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, stage: str) -> None:
        now = time.monotonic()
        self.laps[stage], self._last = round(now - self._last, 2), now


def _train(job: Job, owner: np.ndarray) -> tuple[Classifier, np.ndarray, pd.DataFrame, int]:
    """The classifier, the windows that it is scored on, precision and recall of each epoch, the epoch that is kept."""
    own_protocol = bool(job.train.all())
    scored = ~job.train[owner]
    if own_protocol:
        rng = np.random.default_rng([job.seed, 1])
        scored[rng.permutation(len(owner))[: max(1, round(REPORTED_SHARE * len(owner)))]] = True
    first = np.cumsum([0, *(len(each) for each in job.boxes)])
    shown = [each[~scored[first[i] : first[i + 1]]] for i, each in enumerate(job.boxes)]
    hidden = [each[scored[first[i] : first[i + 1]]] for i, each in enumerate(job.boxes)]
    used = [i for i, each in enumerate(shown) if len(each)]
    classifier = _built(job)
    rows: list[dict[str, object]] = []
    best: tuple[float, int, dict[str, object]] = (-1.0, job.words.epochs, {})

    def told(epoch: ClassifierEpoch) -> None:
        nonlocal best
        right = np.zeros((job.n_classes, job.n_classes), int)
        for i, each in enumerate(hidden):
            if len(each):
                answers, _ = window_activations(classifier, job.x[i], each, job.window)
                right[job.classes[i]] += np.bincount(answers.argmax(axis=1), minlength=job.n_classes)
        for split, confusion, loss in (("train", epoch.confusion, epoch.loss), ("left out", right, np.nan)):
            accuracy = np.trace(confusion) / max(1, confusion.sum())
            for code, (precision, recall) in enumerate(zip(*precision_recall(confusion), strict=True)):
                rows.append(
                    {
                        "epoch": epoch.number,
                        "split": split,
                        "class": code,
                        "precision": precision,
                        "recall": recall,
                        "accuracy": accuracy,
                        "loss": loss,
                    }
                )
        if own_protocol and accuracy > best[0]:
            best = (accuracy, epoch.number, copy.deepcopy(classifier.state_dict()))
        job.teller.put((job.name, epoch.number, epoch.loss))

    fit_classifier(
        classifier,
        [job.x[i] for i in used],
        [shown[i] for i in used],
        job.classes[used],
        plan=Plan(
            epochs=job.words.epochs,
            batch=job.words.batch,
            window=job.window,
            learning_rate=job.words.learning_rate or LEARNING_RATE[job.words.network],
            seed=job.seed,
        ),
        device=job.device,
        tell=told,
    )
    if own_protocol:
        classifier.load_state_dict(best[2])
        classifier.eval()
    return classifier, scored, pd.DataFrame(rows), best[1]


def _built(job: Job) -> Classifier:
    if job.words.network == "resnet18":
        return resnet18_classifier(job.n_classes, job.weights, seed=job.seed)
    first = job.words.channels
    architecture = Architecture(
        channels=(first, 2 * first, 3 * first), n_classes=job.n_classes, normalised=job.words.normalised
    )
    return small_classifier(architecture, seed=job.seed)


def _look(job: Job, classifier: Classifier) -> tuple[np.ndarray, np.ndarray]:
    """(w, c) probabilities and (w, positions, channels) class-activation vectors of all windows."""
    head = classifier.class_weights
    predicted, seen = [], []
    for x, boxes in zip(job.x, job.boxes, strict=True):
        told, activations = window_activations(classifier, x, boxes, job.window)
        predicted.append(told)
        seen.append(vectors.class_activation_vectors(activations, head, told.argmax(axis=1)))
    return np.concatenate(predicted), np.concatenate(seen)


def _steps(job: Job, owner: np.ndarray, tree: Tree, paths: np.ndarray) -> dict[str, Any]:
    """Logistic steps from training pictures that have all parameters, and what they say of every picture."""
    known = np.isfinite(job.parameters).all(axis=1)
    taught = job.train & known
    mean, sd = job.parameters[taught].mean(axis=0), job.parameters[taught].std(axis=0)
    sd[np.ptp(job.parameters[taught], axis=0) == 0] = 0  # that of equal numbers is rounded
    z = (job.parameters - mean) / np.where(sd > 0, sd, 1)  # what does not vary in training says nothing
    z[:, sd == 0] = 0
    place = np.cumsum(known) - 1
    of_known, of_taught = known[owner], taught[owner]
    found = steps.fit_steps(
        tree,
        paths[of_taught],
        place[owner[of_taught]],
        z[known],
        job.groups[known],
        C=job.words.inverse_penalty,
        times=job.times[:, known],
    )
    asked = ~job.train | job.train.all()
    left_out = of_known & asked[owner]
    n, k = job.parameters.shape
    routed, attributed = np.full((n, job.n_classes), np.nan), np.full((n, k), np.nan)
    routed[known] = routing.route(tree, found, z[known])[0]
    attributed[known], base = routing.attribute(tree, found, z[known])
    again = np.full((len(job.times), asked.sum(), k), np.nan, np.float32)
    for draw in range(len(job.times)):
        again[draw, known[asked]] = routing.attribute(tree, found, z[known & asked], draw=draw)[0]
    hits = routing.hits(tree, found, paths[left_out], place[owner[left_out]], z[known])
    return {
        "steps": found,
        "mean": mean,
        "sd": sd,
        "step_hits": hits.assign(picture=np.flatnonzero(known)[hits["picture"]]),
        "routed": routed,
        "attributed": attributed,
        "base": base,
        "again": again,
    }


def _to_bytes(classifier: Classifier) -> bytes:
    return safetensors.torch.save({name: each.cpu().contiguous() for name, each in classifier.state_dict().items()})
