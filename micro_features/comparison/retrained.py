"""Checks of the maps for which networks are trained again, on one fold: other seeds, and exchanged targets.

They take minutes, so what they found is kept beside the model and shown by every later run.
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from micro_features.batch import map_ordered
from micro_features.errors import ArtefactError, ImageError, OutputError
from micro_features.explain import sanity
from micro_features.explain.gradcam import METHODS, heat_map
from micro_features.files.artefacts import model_folder, weights_digest
from micro_features.files.outputs import write_json
from micro_features.fitting.dataset import Dataset
from micro_features.fitting.scores_file import finite
from micro_features.learn.cnn import fit
from micro_features.learn.device import device_named
from micro_features.learn.draws import PERMUTATION, stream
from micro_features.learn.network import Architecture, rounded
from micro_features.learn.plan import Augmentation, Plan
from micro_features.learn.target import class_codes, native_values
from micro_features.learn.validate import exchanged
from micro_features.network.cnn_model import CnnModel
from micro_features.network.pictures import NetworkPicture
from micro_features.network.progress import Progress, Teller, telling

FILE = "sanity_full.json"
SHUFFLES = 2
"""Networks that learn exchanged targets."""


@dataclass(frozen=True)
class Retrained:
    """What the checks found.

    Attributes
    ----------
    layer : str
        Of the maps.
    fold : int
    n_pictures : int
    weights : str
        Hash of those of all networks of the model.
    seeds, labels : Check
        Of `sanity.seeds_agreement` over 5 seeds, and of `sanity.labels_check`.
    """

    layer: str
    fold: int
    n_pictures: int
    weights: str
    seeds: sanity.Check
    labels: sanity.Check


@dataclass(frozen=True, eq=False)
class _Job:
    """One training, and the pictures that it makes maps of."""

    name: str
    x: list[np.ndarray]
    boxes: list[np.ndarray]
    y: np.ndarray
    classes: np.ndarray | None
    left_out: list[np.ndarray]
    plan: Plan
    architecture: Architecture
    layer: str
    device: str
    teller: Teller


def known(model: str, layer: str, *, tell: Callable[[str], None] = lambda line: None) -> Retrained | None:
    """What was found before for a model and a layer; None where nothing was.

    Parameters
    ----------
    model : str
        Name or folder.
    layer : str
        Of the maps that are judged now: what was found on another says nothing about them.
    tell : callable
        Told where something was found, but of other weights.

    Raises
    ------
    ArtefactError
        The file is damaged.
    """
    path = model_folder(model) / FILE
    if not path.is_file():
        return None
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if told.get("weights") != _weights(path.parent):
            tell(f"{path}: is of other weights, or of an earlier version, and is left out; ask `--sanity full` again.")
            return None
        found = Retrained(**{**told, **{name: _check(told[name]) for name in ("seeds", "labels")}})
        return found if found.layer == layer else None
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise ArtefactError(
            f"{path}: is not what `explain --sanity full` writes ({type(error).__name__}); remove it, and ask again."
        ) from None


def run(
    model: CnnModel,
    dataset: Dataset,
    pictures: dict[str, NetworkPicture],
    layer: str,
    *,
    seed: int,
    n_workers: int,
    tell: Callable[[str], None] = lambda line: None,
) -> Retrained:
    """Train what is missing of five seeds, and networks that learn exchanged targets; keep what they show.

    Targets change places between groups, so that what pictures of one group share stays together.

    Parameters
    ----------
    model : CnnModel
    dataset : Dataset
    pictures : dict of micrograph to NetworkPicture
    layer : str
        Of the maps.
    seed, n_workers : int
    tell : callable
        Told of each epoch, and of the time that is left.

    Returns
    -------
    Retrained

    Raises
    ------
    ImageError
        A picture is another than that which the networks were trained on.
    OutputError
        It can not be kept in the model's folder.
    """
    path = model_folder(model.name) / FILE
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path.parent}: can not be written, and what is found is kept there; copy the model.")
    of_training = model.schema["training"]["pictures"]
    for name, picture in pictures.items():
        if picture.pixels_sha256 != of_training[name]["pixels_sha256"]:
            raise ImageError(f"{name}: is not the picture that the networks were trained on; say where those lie.")
    row_of = {name: row for row, each in enumerate(dataset.ids) for name in dataset.members[each]}
    rows = np.array([row_of[name] for name in pictures])
    fold = most_groups(model)
    left_out = model.known.fold[rows] == fold
    here = [kept for kept in model.networks if kept.fold == fold]
    plan = _plan(model)
    architecture = here[0].network.architecture
    x = [picture.x for picture in pictures.values()]
    boxes = [picture.boxes(model.geometry) for picture in pictures.values()]
    asked = [x[i] for i in np.flatnonzero(left_out)]
    last = max(kept.seed for kept in model.networks)
    more = max(0, sanity.FEWEST_SEEDS - len(here))
    todo = [(f"seed {number}", number, dataset.y, dataset.classes) for number in range(last + 1, last + 1 + more)]
    for number in range(SHUFFLES):
        y = exchanged(dataset.y, dataset.groups, stream(seed, PERMUTATION, number))
        of_y = class_codes(native_values(y, dataset.target.log10), dataset.cuts)
        # From the same seed a network begins with the same weights, and ends like its twin whatever it learns.
        todo.append((f"exchanged targets {number + 1}", last + 1 + more + number, y, of_y))
    train, device = np.flatnonzero(~left_out), device_named("auto").type
    # A graphics card computes one training at a time; on the CPU one thread each is quickest.
    processes = min(n_workers, len(todo)) if device == "cpu" else 1
    with telling(Progress({name: plan.epochs for name, *_ in todo}, tell), processes) as teller:
        jobs = [
            _Job(
                name=name,
                x=[x[i] for i in train],
                boxes=[boxes[i] for i in train],
                y=y[rows[train]],
                classes=classes[rows[train]] if dataset.class_names else None,
                left_out=asked,
                plan=replace(plan, seed=number),
                architecture=architecture,
                layer=layer,
                device=device,
                teller=teller,
            )
            for name, number, y, classes in todo
        ]
        maps = map_ordered(_trained_maps, jobs, n_workers=processes)
    of_seeds = [
        [heat_map(kept.network, kept.network.layers[layer], each, method=METHODS[0]) for each in asked] for kept in here
    ] + maps[:more]
    groups = dataset.groups[rows[left_out]]
    seeds, labels = sanity.seeds_agreement(of_seeds, groups), sanity.labels_check(of_seeds, maps[more:], groups)
    of_what = f" {layer}, {len(asked)} pictures of {len(np.unique(groups))} groups, fold {fold}."
    found = Retrained(
        layer=layer,
        fold=fold,
        n_pictures=len(asked),
        weights=_weights(path.parent),
        seeds=replace(seeds, words=seeds.words + of_what),
        labels=replace(labels, words=labels.words + of_what),
    )
    write_json(path, finite(asdict(found)))
    return found


def most_groups(model: CnnModel) -> int:
    """The fold in which most groups are left out, the first of several: its pictures are what maps are made of."""
    folds = np.unique(model.known.fold)
    numbers = [len(np.unique(model.known.groups[model.known.fold == fold])) for fold in folds]
    return int(folds[int(np.argmax(numbers))])


def _plan(model: CnnModel) -> Plan:
    told: dict[str, Any] = dict(model.schema["plan"])
    return Plan(**{**told, "augmentation": Augmentation(**told["augmentation"])})


def _trained_maps(job: _Job) -> list[np.ndarray]:
    import torch

    if job.device == "cpu":
        torch.set_num_threads(1)
    network = fit(
        job.x,
        job.boxes,
        job.y,
        job.classes,
        plan=job.plan,
        architecture=job.architecture,
        device=job.device,
        tell=lambda epoch: job.teller.put((job.name, epoch.number, epoch.loss)),
    )
    network = rounded(network).cpu()  # where those of the model are asked, too
    return [heat_map(network, network.layers[job.layer], each, method=METHODS[0]) for each in job.left_out]


def _weights(folder: Path) -> str:
    return weights_digest({path.name: path.read_bytes() for path in folder.glob("*.safetensors")})


def _check(told: dict[str, Any]) -> sanity.Check:
    numbers: dict[str, Any] = {name: float("nan") if value is None else value for name, value in told.items()}
    return sanity.Check(**{**numbers, "by_group": tuple(told["by_group"])})
