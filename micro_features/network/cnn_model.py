"""A model of networks on disk, and what it says of a picture.

FOLDER/fold-F-seed-S.safetensors  weights of each network: trained without the pictures of fold F
FOLDER/schema.json                what it predicts, from what pictures, and what it was trained on
FOLDER/scores.json                how good it is
FOLDER/card.md                    the same, for people
FOLDER/provenance.json            program, command, versions
FOLDER/checksums.json             SHA-256 of each of these files

A new picture is predicted by the mean of all networks, a picture of the training by those that did not see it.
"""

import datetime
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from micro_features import __version__
from micro_features.errors import ArtefactError, SettingsError
from micro_features.files.artefacts import model_folder, read_checked_model, write_checked_model
from micro_features.fitting.dataset_request import DatasetRequest
from micro_features.fitting.uncertainty import Residuals
from micro_features.learn.cnn import predict
from micro_features.learn.intervals import cv_plus, highest_level
from micro_features.learn.network import Architecture, Network, from_bytes
from micro_features.learn.target import Target
from micro_features.network.card import card
from micro_features.network.pictures import Geometry, NetworkPicture
from micro_features.network.train import Training
from micro_features.network.unfinished import weights_name
from micro_features.results import versions

FORMAT, KIND = 2, "cnn"
_DIGITS = 9
_ROWS = ("target_from_name", "classes", "per_micrograph", "where", "id_column", "features")


class Kept(NamedTuple):
    """One network: trained without the pictures of a fold."""

    fold: int
    seed: int
    network: Network


@dataclass(frozen=True, eq=False)
class CnnModel:
    """A model as it is used.

    Attributes
    ----------
    name : str
        As it was asked for: a name or a path.
    target : Target
    class_names : tuple of str
    group : str
        Column of what was left out together.
    geometry : Geometry
    networks : tuple of Kept
        By fold, then seed.
    known : Residuals
        Of the training rows, out of fold: what intervals are made from.
    folds_of : dict
        `pictures.pixels_sha256` of each training picture -> fold that it was left out in.
    pixel_um : (float, float) or None
        Smallest and largest pixel of the training pictures; None where they were not calibrated.
    of_samples : bool
        Whether a training row was the mean over the pictures of a sample.
    schema, scores : dict
        As on disk.
    seconds : float
        That the training of all networks took.
    """

    name: str
    target: Target
    class_names: tuple[str, ...]
    group: str
    geometry: Geometry
    networks: tuple[Kept, ...]
    known: Residuals
    folds_of: dict[str, int]
    pixel_um: tuple[float, float] | None
    of_samples: bool
    schema: dict[str, Any]
    scores: dict[str, Any]
    seconds: float

    def data_request(self, manifest: Path | None) -> DatasetRequest:
        """What its training asked of the table; the manifest is where its user has it."""
        rows: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in self.schema["rows"].items()
        }
        cuts = () if rows["classes"] else tuple(self.schema["cuts"])
        return DatasetRequest(self.target.name, self.group, manifest, log10=self.target.log10, cuts=cuts, **rows)

    def unseeing(self, pixels_sha256: str) -> tuple[Kept, ...]:
        """The networks that were not trained on a picture: all, but for one of the training."""
        fold = self.folds_of.get(pixels_sha256)
        return self.networks if fold is None else tuple(kept for kept in self.networks if kept.fold == fold)


class Answer(NamedTuple):
    """What the networks that did not see a picture say of it.

    Attributes
    ----------
    windows : (k, 1 + n_classes) float array
        By each of k networks, as a mean over windows: property in model units, probabilities of the classes.
    folds : (k,) int array
        Of these networks.
    of_training : bool
        Whether it is a picture of the training.
    """

    windows: np.ndarray
    folds: np.ndarray
    of_training: bool


def ask(model: CnnModel, picture: NetworkPicture) -> Answer:
    """Ask the networks that did not see a picture.

    Parameters
    ----------
    model : CnnModel
    picture : NetworkPicture
        By the model's geometry.

    Raises
    ------
    SettingsError
        The picture is smaller than a window.
    """
    kept, boxes = model.unseeing(picture.pixels_sha256), picture.boxes(model.geometry)
    return Answer(
        np.stack([predict(each.network, picture.x, boxes, model.geometry.window) for each in kept]),
        np.array([each.fold for each in kept]),
        picture.pixels_sha256 in model.folds_of,
    )


def interval(model: CnnModel, answer: Answer, level: float) -> tuple[float, float]:
    """Prediction interval of a picture: CV+ over groups.

    Parameters
    ----------
    model : CnnModel
    answer : Answer
    level : float

    Returns
    -------
    low, high : float
        Model units. Of a picture of the training from the other folds' residuals, NaN where their groups are too few
        for the level (`scoring.left_out_interval`).
    """
    known, told = model.known, answer.windows[:, 0]
    if not answer.of_training:
        numbers = np.unique(known.fold)
        by_fold = np.array([told[answer.folds == number].mean() for number in numbers])[None]
        low, high = cv_plus(by_fold, known.residual, known.fold, known.groups, level)
        return float(low[0]), float(high[0])
    others = known.fold != answer.folds[0]
    if level > highest_level(len(np.unique(known.groups[others]))):
        return float("nan"), float("nan")
    one = np.zeros(np.count_nonzero(others), int)
    low, high = cv_plus(told.mean()[None, None], known.residual[others], one, known.groups[others], level)
    return float(low[0]), float(high[0])


def save(training: Training, scores: Mapping[str, Any], folder: Path, command_line: Sequence[str] = ()) -> None:
    """Write the model of a training into a new folder.

    Parameters
    ----------
    training : Training
    scores : mapping
        As `scoring.scores_file` gives it.
    folder : Path
    command_line : sequence of str
        For the provenance.

    Raises
    ------
    OutputError
        The folder holds something, or can not be written.
    """
    schema, ran_with = _schema(training), versions()
    ran_with["packages"] |= {name: metadata.version(name) for name in ("safetensors", "torch")}
    provenance = {
        "software": f"micro-features {__version__}",
        "command": [os.fsencode(word).decode("utf-8", "backslashreplace") for word in command_line],
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seconds": round(training.seconds, 1),
        "devices": {weights_name(*name): computed.devices for name, computed in training.computed.items()},
        "seed": training.request.seed,
        **ran_with,
    }
    files = {weights_name(*name): content for name, content in training.weights.items()}
    files |= {
        "schema.json": _text(schema),
        "scores.json": _text(scores),
        "card.md": card(schema, scores).encode(),
        "provenance.json": _text(provenance),
    }
    write_checked_model(folder, files)


def load(model: str) -> CnnModel:
    """Read a model that `save` wrote.

    Parameters
    ----------
    model : str
        Name of one that ships, or path of a folder.

    Raises
    ------
    ArtefactError
        There is none, a file of it is missing or was changed, or it is of another kind, version or architecture.
    """
    folder = model_folder(model)
    files = read_checked_model(folder)
    path = folder / "schema.json"
    try:
        schema = json.loads(files["schema.json"])
        if schema.get("kind") != KIND:
            raise ArtefactError(f"{path}: is not of a model of networks; ask it with `micro-features predict`.")
        if schema["format"] != FORMAT:
            raise ArtefactError(
                f"{path}: is of format {schema['format']}, this version reads {FORMAT}; update the program, or train "
                "the model anew."
            )
        networks = tuple(_network(folder, each["fold"], each["seed"], schema, files) for each in schema["networks"])
        return _restored(model, schema, networks, files)
    except (LookupError, TypeError, ValueError, AttributeError, SettingsError) as error:
        raise ArtefactError(
            f"{path}: is not what `cnn train` writes ({type(error).__name__}: {error}); train the model anew."
        ) from error


def _schema(training: Training) -> dict[str, Any]:
    dataset, request = training.dataset, training.request
    predicted = training.rows(training.windows).mean(axis=0)[:, 0]
    sizes = [picture.pixel_um for picture in training.pictures.values() if picture.pixel_um is not None]
    told = zip(training.pictures.items(), training.fold[training.owner], strict=True)
    return {
        "format": FORMAT,
        "kind": KIND,
        "target": {"name": dataset.target.name, "unit": dataset.target.unit, "log10": dataset.target.log10},
        "class_names": list(dataset.class_names),
        "cuts": list(dataset.cuts),
        "group": request.data.group,
        "rows": {name: getattr(request.data, name) for name in _ROWS},
        "geometry": asdict(request.geometry),
        "architecture": asdict(training.architecture),
        "plan": {name: value for name, value in asdict(request.plan).items() if name != "seed"},
        "networks": [
            {"fold": fold, "seed": seed, "windows_at_a_time": training.computed[fold, seed].part}
            for fold, seed in training.weights
        ],
        "pixel_um": [min(sizes), max(sizes)] if sizes else None,
        "training": {
            "table": request.table.name,
            "table_sha256": hashlib.sha256(request.table.read_bytes()).hexdigest(),
            "of_samples": len(training.pictures) > len(dataset.ids),
            "ids": list(dataset.ids),
            "group_names": list(dict.fromkeys(dataset.group_names)),
            "groups": dataset.groups.tolist(),
            "folds": training.fold.tolist(),
            "measured": _digits(dataset.y),
            "predicted": _digits(predicted),
            "pictures": {
                name: {"pixels_sha256": picture.pixels_sha256, "fold": int(fold)} for (name, picture), fold in told
            },
        },
    }


def _digits(values: np.ndarray) -> list[float]:
    return [float(f"{value:.{_DIGITS}g}") for value in values]


def _text(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def _network(folder: Path, fold: int, seed: int, schema: dict[str, Any], files: Mapping[str, bytes]) -> Kept:
    name = weights_name(fold, seed)
    try:
        return Kept(fold, seed, from_bytes(files[name], _architecture(schema)))
    except ArtefactError as error:
        raise ArtefactError(f"{folder / name}: {error}") from None


def _architecture(schema: dict[str, Any]) -> Architecture:
    shape = dict(schema["architecture"])
    return Architecture(**{**shape, "channels": tuple(shape["channels"])})


def _restored(name: str, schema: dict[str, Any], networks: tuple[Kept, ...], files: Mapping[str, bytes]) -> CnnModel:
    training, size = schema["training"], schema["pixel_um"]
    measured, predicted = np.array(training["measured"], float), np.array(training["predicted"], float)
    known = Residuals(measured - predicted, np.array(training["folds"], int), np.array(training["groups"], int))
    if not len(known.residual) == len(known.fold) == len(known.groups):
        raise ValueError("training rows and folds do not fit")
    if {kept.fold for kept in networks} != set(known.fold.tolist()):
        raise ValueError("networks and folds do not fit")
    if _architecture(schema).n_classes != len(schema["class_names"]):
        raise ValueError("classes and architecture do not fit")
    pictures = training["pictures"].values()
    return CnnModel(
        name=name,
        target=Target(**schema["target"]),
        class_names=tuple(schema["class_names"]),
        group=schema["group"],
        geometry=Geometry(**schema["geometry"]),
        networks=networks,
        known=known,
        folds_of={each["pixels_sha256"]: each["fold"] for each in pictures},
        pixel_um=(size[0], size[1]) if size else None,
        of_samples=bool(training["of_samples"]),
        schema=schema,
        scores=json.loads(files["scores.json"]),
        seconds=float(json.loads(files["provenance.json"])["seconds"]),
    )
