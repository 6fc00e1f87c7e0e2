"""The command `cnn train`: networks trained with whole groups left out, several seeds of each, and what they foretell.

A network for each fold and seed. The folds are those of a fit of features on the same table, so that both models are
asked about the same pictures. Nothing is chosen on the pictures that are left out: the number of epochs is fixed.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from micro_features.batch import map_ordered, usable_cores
from micro_features.errors import ArtefactError, FeatureTableError, SettingsError
from micro_features.fitting.dataset import Dataset, check_classes, read_dataset
from micro_features.fitting.dataset_request import DatasetRequest
from micro_features.fitting.fold_file import read_folds
from micro_features.learn.cnn import Epoch, predict, predict_whole
from micro_features.learn.cnn import fit as fit_network
from micro_features.learn.device import device_named
from micro_features.learn.network import Architecture, Network, from_bytes, rounded, to_bytes
from micro_features.learn.plan import Plan
from micro_features.network.beside import FeatureFit, Predictor, read_fit
from micro_features.network.pictures import Geometry, NetworkPicture, read_pictures
from micro_features.network.progress import Progress, Teller, telling
from micro_features.network.unfinished import Computed, Unfinished, weights_name


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes
    ----------
    table : Path
        That names pictures, as the extraction writes it.
    fit : Path
        Folder that `fit` wrote on the same table.
    data : DatasetRequest
    pictures : Path or None
        Where the pictures lie.
    geometry : Geometry
    normalised : {"picture", "set"}
        As of `learn.network.Architecture`.
    epochs, batch : int
    seeds : int
        Networks for each fold.
    seed : int
        The first of their seeds.
    device : {"auto", "cpu", "cuda", "mps"}
    n_workers : int or None
        Processes; one for each core where left out.
    """

    table: Path
    fit: Path
    data: DatasetRequest
    pictures: Path | None = None
    geometry: Geometry = field(default_factory=Geometry)
    normalised: str = "picture"
    epochs: int = 20
    batch: int = 32
    seeds: int = 3
    seed: int = 0
    device: str = "auto"
    n_workers: int | None = None

    @property
    def plan(self) -> Plan:
        """How each network is trained, but for its seed."""
        return Plan(epochs=self.epochs, batch=self.batch, window=self.geometry.window, step=self.geometry.step)


@dataclass(frozen=True, eq=False)
class Training:
    """Everything that is known after a training.

    Attributes
    ----------
    request : Request
    dataset : Dataset
    fold : (n,) int array
        In which each row is left out.
    features : FeatureFit
    pictures : dict of micrograph to NetworkPicture
        In the order of the data set; `owner` counts in it.
    owner : (m,) int array
        Row of each picture.
    architecture : Architecture
    weights : dict of (fold, seed) to bytes
    windows, whole : (seeds, m, 1 + n_classes) float arrays
        What networks that did not see a picture say of it, as a mean over windows and in one pass: property in model
        units, probabilities of the classes.
    computed : dict of (fold, seed) to Computed
        On what each network was trained.
    seconds : float
    """

    request: Request
    dataset: Dataset
    fold: np.ndarray
    features: FeatureFit
    pictures: dict[str, NetworkPicture]
    owner: np.ndarray
    architecture: Architecture
    weights: dict[tuple[int, int], bytes]
    windows: np.ndarray
    whole: np.ndarray
    computed: dict[tuple[int, int], Computed]
    seconds: float

    def rows(self, told: np.ndarray) -> np.ndarray:
        """(..., n, 1 + n_classes): means over the pictures of each row, of (..., m, 1 + n_classes)."""
        first = np.searchsorted(self.owner, np.arange(len(self.dataset.ids)))  # owners rise
        return np.add.reduceat(told, first, axis=-2) / np.bincount(self.owner)[:, None]

    def predictor(self, told: np.ndarray, meaning: str) -> Predictor:
        """The mean over seeds, of `windows` or `whole`."""
        answer = self.rows(told).mean(axis=0)
        return Predictor(meaning, answer[:, 0], answer[:, 1:] if self.dataset.class_names else None)


@dataclass(frozen=True, eq=False)
class Job:
    """One network: what a process needs to train it, and to ask it about the pictures that it did not see."""

    fold: int
    seed: int
    x: list[np.ndarray]
    boxes: list[np.ndarray]
    y: np.ndarray
    classes: np.ndarray | None
    left_out: np.ndarray
    plan: Plan
    architecture: Architecture
    device: str
    unfinished: Unfinished
    teller: Teller


@dataclass(frozen=True, eq=False)
class Trained:
    """A network, on what it was computed, and what it says of the (k,) pictures left out: (k, 1 + n_classes) each."""

    weights: bytes
    computed: Computed
    windows: np.ndarray
    whole: np.ndarray


def train(request: Request, folder: Path, *, tell: Callable[[str], None] = lambda line: None) -> Training:
    """Train a network for each fold and seed.

    Parameters
    ----------
    request : Request
    folder : Path
        New, or that of an interrupted training of the same request, which is taken up.
    tell : callable
        Told what is being done.

    Returns
    -------
    Training

    Raises
    ------
    FeatureTableError, ImageError, CalibrationError
        Table, fit or pictures can not be used.
    SettingsError
        A number is out of range, or the device is not there.
    OutputError
        The folder holds something else.
    """
    began = time.monotonic()
    if request.seeds < 1:
        raise SettingsError(f"{request.seeds} seeds: train at least one network a fold.")
    device = device_named(request.device).type
    dataset = read_dataset(request.table, request.data)
    if dataset.class_names:
        check_classes(dataset)
    features = read_fit(request.fit, dataset)
    fold = read_folds(features.folds, dataset)
    n_workers = request.n_workers or usable_cores()
    architecture = Architecture(n_classes=len(dataset.class_names), normalised=request.normalised)
    smallest, reduction = Network(architecture).smallest, request.geometry.reduction
    if request.geometry.window < smallest:
        raise SettingsError(
            f"--window {request.geometry.window_px}: the network takes at least {smallest * reduction}, reduced by "
            f"{reduction}."
        )
    with Unfinished(folder) as unfinished:
        tell("reading pictures")
        pictures = read_pictures(
            dataset, request.table, request.pictures, request.geometry, n_workers=min(n_workers, len(dataset.pictures))
        )
        _check_alike(dataset, fold, pictures)
        unfinished.begin(_digested(request, dataset, fold, pictures))
        seeds = range(request.seed, request.seed + request.seeds)
        names = [(number, seed) for number in range(fold.max() + 1) for seed in seeds]
        answers = _train_all(names, dataset, fold, pictures, request, device, unfinished, n_workers, tell)
    owner, left_out = _owners(dataset), fold[_owners(dataset)]
    windows, whole = np.full((2, len(seeds), len(owner), 1 + architecture.n_classes), np.nan)
    for (number, seed), answer in answers.items():
        windows[seed - request.seed, left_out == number] = answer.windows
        whole[seed - request.seed, left_out == number] = answer.whole
    return Training(
        request=request,
        dataset=dataset,
        fold=fold,
        features=features,
        pictures=pictures,
        owner=owner,
        architecture=architecture,
        weights={name: answer.weights for name, answer in answers.items()},
        windows=windows,
        whole=whole,
        computed={name: answer.computed for name, answer in answers.items()},
        seconds=time.monotonic() - began,
    )


def _owners(dataset: Dataset) -> np.ndarray:
    return np.repeat(np.arange(len(dataset.ids)), [len(dataset.members[row]) for row in dataset.ids])


def _check_alike(dataset: Dataset, fold: np.ndarray, pictures: dict[str, NetworkPicture]) -> None:
    """No picture may be on both sides."""
    seen: dict[str, tuple[str, int]] = {}
    for (name, picture), number in zip(pictures.items(), fold[_owners(dataset)], strict=True):
        other, where = seen.setdefault(picture.pixels_sha256, (name, int(number)))
        if where != number:
            raise FeatureTableError(
                f"{other} and {name} are the same picture in different folds: a score would be optimistic; leave one "
                "out, or give them one group."
            )


def _digested(
    request: Request, dataset: Dataset, fold: np.ndarray, pictures: dict[str, NetworkPicture]
) -> dict[str, object]:
    """Everything that the networks depend on, by what a user calls it; an interrupted training is known again by it."""
    return {
        "rows": list(dataset.ids),
        "target": [float(value) for value in dataset.y],
        "classes": dataset.classes.tolist(),
        "folds": fold.tolist(),
        "pictures": [picture.pixels_sha256 for picture in pictures.values()],
        "pixel sizes": [picture.pixel_um for picture in pictures.values()],
        "--window": request.geometry.window_px,
        "--overlap": request.geometry.overlap_px,
        "--reduction": request.geometry.reduction,
        "--window-um": request.geometry.window_um,
        "--epochs": request.epochs,
        "--batch": request.batch,
        "--normalise": request.normalised,
        "--seeds": request.seeds,
        "--seed": request.seed,
        # What no option says.
        "version of the program": [repr(Plan()), repr(Architecture())],
    }


def _train_all(
    names: list[tuple[int, int]],
    dataset: Dataset,
    fold: np.ndarray,
    pictures: dict[str, NetworkPicture],
    request: Request,
    device: str,
    unfinished: Unfinished,
    n_workers: int,
    tell: Callable[[str], None],
) -> dict[tuple[int, int], Trained]:
    owner, plan = _owners(dataset), request.plan
    x = [picture.x for picture in pictures.values()]
    boxes = [picture.boxes(request.geometry) for picture in pictures.values()]
    classes = dataset.classes[owner] if dataset.class_names else None
    # A graphics card computes one training at a time; on the CPU one thread each is quickest.
    processes = min(n_workers, len(names)) if device == "cpu" else 1
    epochs = {_told(*name): 0 if unfinished.weights(*name) else plan.epochs for name in names}
    with telling(Progress(epochs, tell), processes) as teller:
        jobs = [
            Job(
                fold=number,
                seed=seed,
                x=x,
                boxes=boxes,
                y=dataset.y[owner],
                classes=classes,
                left_out=fold[owner] == number,
                plan=replace(plan, seed=seed),
                architecture=Architecture(n_classes=len(dataset.class_names), normalised=request.normalised),
                device=device,
                unfinished=unfinished,
                teller=teller,
            )
            for number, seed in names
        ]
        return dict(zip(names, map_ordered(train_one, jobs, n_workers=processes), strict=True))


def _told(fold: int, seed: int) -> str:
    return f"fold {fold} seed {seed}"


def train_one(job: Job) -> Trained:
    """Train one network, or take its training up; ask it about the pictures left out.

    On the CPU with one thread, so that weights do not depend on how many processes there are.
    """
    import torch

    if job.device == "cpu":
        torch.set_num_threads(1)
    weights, name = job.unfinished.weights(job.fold, job.seed), _told(job.fold, job.seed)
    if weights is None:
        training = np.flatnonzero(~job.left_out)
        batch = least = min(job.plan.batch, sum(len(job.boxes[i]) for i in training))

        def told(epoch: Epoch) -> None:
            nonlocal least
            if epoch.part < least:
                least = epoch.part
                also = ", and normalised over those alone" if job.architecture.normalised == "set" else ""
                job.teller.put(f"{name}: memory ran short; batches of {batch} are computed {least} at a time{also}")
            job.unfinished.note(job.fold, job.seed, job.device, least if least < batch else None)
            job.teller.put((name, epoch.number, epoch.loss))

        network = fit_network(
            [job.x[i] for i in training],
            [job.boxes[i] for i in training],
            job.y[training],
            None if job.classes is None else job.classes[training],
            plan=job.plan,
            architecture=job.architecture,
            device=job.device,
            tell=told,
            checkpoint=job.unfinished.checkpoint(job.fold, job.seed),
        )
        weights = to_bytes(rounded(network))
        job.unfinished.keep_weights(job.fold, job.seed, weights)
    # What is on disk is what is asked, also in the run that trained it.
    try:
        network = from_bytes(weights, job.architecture).to(job.device)
    except ArtefactError:
        raise job.unfinished.damaged(weights_name(job.fold, job.seed)) from None
    asked = np.flatnonzero(job.left_out)
    windows = [predict(network, job.x[i], job.boxes[i], job.plan.window) for i in asked]
    whole = [predict_whole(network, job.x[i]) for i in asked]
    return Trained(weights, job.unfinished.computed(job.fold, job.seed), np.stack(windows), np.stack(whole))
