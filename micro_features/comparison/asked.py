"""What is asked: the rows, folds and pictures that both models were made from, and the layer that maps are of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from micro_features.comparison.examine import Job
from micro_features.errors import ArtefactError, FeatureTableError, ImageError
from micro_features.explain.gradcam import resolved_layer
from micro_features.files.images import grey_levels, read_picture
from micro_features.files.search import as_text
from micro_features.files.tables import read_table
from micro_features.fitting import property_model
from micro_features.fitting.dataset import Dataset, read_dataset
from micro_features.fitting.fold_file import read_folds
from micro_features.fitting.predict import check_segmentation, training_settings
from micro_features.learn.network import to_bytes
from micro_features.network.beside import FeatureFit
from micro_features.network.cnn_model import CnnModel
from micro_features.network.pictures import found_pictures, pixels_sha256
from micro_features.rows import in_pixels

QUICK, FULL = "quick", "full"
_RESOLVED_SHARE = 0.5  # of the pictures, at least


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes
    ----------
    table : Path
        The features that both models were made from.
    fit : Path
        Folder that `fit` wrote.
    cnn : str
        Name or folder of a model of networks, trained in the folds of that fit.
    manifest, pictures : Path or None
        As they were given to both.
    altered : int
        So many pictures, spread over the groups, are altered and measured anew.
    sanity : {"quick", "full"}
        Whether networks are trained again, for checks that need it.
    seed : int
    n_workers : int or None
        Processes; one for each core where left out.
    """

    table: Path
    fit: Path
    cnn: str
    manifest: Path | None = None
    pictures: Path | None = None
    altered: int = 12
    sanity: str = QUICK
    seed: int = 0
    n_workers: int | None = None


@dataclass(frozen=True)
class Layers:
    """Which layer of the network shows a structure.

    Attributes
    ----------
    grain_px, pore_px : float
        Median over pictures of the mean diameter of grains, and of the area-weighted mean diameter of pores, pixels
        of a picture; NaN where grains are not resolved, or there are no pores, in half of the pictures.
    grains, pores : str or None
        Deepest layer whose cell is at most half of such a diameter, each taken in network pixels of its own picture.
    judged : str
        That maps are judged on: that of the grains, else that of the pores, else the shallowest.
    run_together : bool
        Whether cells of the judged layer are larger than half of the pores: heat of a pore is then that of its
        surroundings, too, and a map tells where pores are many, not each of them.
    """

    grain_px: float
    pore_px: float
    grains: str | None
    pores: str | None
    judged: str
    run_together: bool

    @property
    def unresolved(self) -> dict[str, str]:
        """Words for each of ``pore`` and ``boundary`` that no layer resolves: of these the maps tell nothing."""
        of = {"pore": (self.pores, "pores"), "boundary": (self.grains, "grains")}
        return {
            phase: f"no layer of the network resolves the {called}"
            for phase, (layer, called) in of.items()
            if not layer
        }


def dataset_of(request: Request, model: CnnModel) -> Dataset:
    """The rows that the network was trained on, as its schema tells."""
    training = model.schema["training"]
    try:
        dataset = read_dataset(request.table, model.data_request(request.manifest))
    except FeatureTableError as error:
        raise FeatureTableError(
            f"{request.cnn}: was trained on {training['table']}, on the column {model.target.name} in groups of "
            f"{model.group}, and wants that table again, with the manifest if it had one. {error}"
        ) from error
    names = {name for several in dataset.members.values() for name in several}
    same = list(dataset.ids) == training["ids"] and names == set(training["pictures"])
    if not same or not np.allclose(dataset.y, training["measured"], rtol=1e-6):
        raise ArtefactError(
            f"{request.cnn}: was trained on other rows than {request.table} has (or the manifest tells another "
            f"{model.target.name}); give the table of its training, {training['table']}."
        )
    return dataset


def fold_of(request: Request, model: CnnModel, dataset: Dataset, fitted: FeatureFit) -> np.ndarray:
    """(n,) the folds that both models were made in; ArtefactError where they differ."""
    fold = read_folds(fitted.folds, dataset)
    if not (fold == model.known.fold).all():
        raise ArtefactError(
            f"{request.cnn}: was trained in other folds than those of {request.fit}; give the fit that its training "
            "was told of."
        )
    return fold


def layers_of(request: Request, model: CnnModel, dataset: Dataset) -> Layers:
    """By the median size of grains and pores in the table."""
    table = read_table(request.table)
    names = read_table(request.table, as_text=True)["micrograph_id"]
    table = table[names.isin(set(dataset.pictures)).to_numpy()]

    def sizes_px(name: str) -> np.ndarray:
        sizes = np.full(len(table), np.nan)
        if name in table and "pixel_um" in table:
            sizes = (table[name] / table["pixel_um"]).to_numpy(float)
        if in_pixels(name) in table:
            sizes = np.where(np.isfinite(sizes), sizes, table[in_pixels(name)].to_numpy(float))
        return sizes

    # A table of other origin does not tell.
    resolved = table.get("quality_grains_resolved", pd.Series(False, table.index)).eq(True).to_numpy()
    grain_px = np.where(resolved, sizes_px("grain_diameter_mean_um"), np.nan)
    pore_px = sizes_px("pore_diameter_area_weighted_mean_um")
    strides, reduction = model.networks[0].network.strides, _reductions(model, table)
    # Of sizes as the network sees them: a ratio of medians is no median of ratios.
    grains, pores = (resolved_layer(strides, 1, _median(sizes / reduction)) for sizes in (grain_px, pore_px))
    judged = grains or pores or next(iter(strides))
    run_together = pores is not None and strides[judged] > strides[pores]
    return Layers(_median(grain_px), _median(pore_px), grains, pores, judged, run_together)


def _median(sizes: np.ndarray) -> float:
    there = np.isfinite(sizes)
    return float(np.median(sizes[there])) if there.mean() >= _RESOLVED_SHARE else float("nan")


def _reductions(model: CnnModel, table: pd.DataFrame) -> np.ndarray:
    """(k,) pixels of each picture in the edge of a network pixel."""
    if model.geometry.window_um is None:
        return np.full(len(table), float(model.geometry.reduction))
    return np.array([model.geometry.reduction_of(size) for size in table["pixel_um"].astype(float)])


def jobs_of(request: Request, model: CnnModel, dataset: Dataset, layers: Layers) -> list[Job]:
    paths = found_pictures(dataset, request.table, request.pictures)
    fitted = property_model.load(as_text(request.fit / "model"))
    settings = training_settings(fitted)
    if fitted.extraction.models_digest is not None:
        check_segmentation(fitted, settings)
    altered = _spread(dataset, request.altered)
    weights: dict[int, tuple[bytes, ...]] = {}
    for kept in model.networks:
        weights[kept.fold] = (*weights.get(kept.fold, ()), to_bytes(kept.network))
    jobs = []
    for number, (name, path) in enumerate(paths.items()):
        told, trained = dataset.pictures[name], model.schema["training"]["pictures"][name]
        jobs.append(
            Job(
                name=name,
                path=path,
                page=told.page,
                pixels_sha256=trained["pixels_sha256"],
                pixel_um=told.pixel_um,
                settings=settings,
                geometry=model.geometry,
                architecture=model.networks[0].network.architecture,
                weights=weights[trained["fold"]],
                layer=layers.judged,
                altered=name in altered,
                seed=request.seed + number,
            )
        )
    return jobs


def unusable(jobs: Sequence[Job]) -> dict[str, str]:
    """Which pictures can not be read, or are not those of the training; reading all takes a few seconds.

    Parameters
    ----------
    jobs : sequence of Job

    Returns
    -------
    dict of str to str
        Name to what is wrong.
    """
    found = {}
    for job in jobs:
        try:
            if pixels_sha256(grey_levels(read_picture(job.path, job.page))[0]) != job.pixels_sha256:
                found[job.name] = (
                    f"{job.path}: is not the picture that the networks were trained on; say where those lie "
                    "(--pictures)."
                )
        except ImageError as error:
            found[job.name] = str(error)
    return found


def _spread(dataset: Dataset, most: int) -> set[str]:
    """Pictures, one of each group in turn."""
    by_group: dict[int, list[str]] = {}
    for row, group in zip(dataset.ids, dataset.groups, strict=True):
        by_group.setdefault(int(group), []).extend(dataset.members[row])
    longest = max(map(len, by_group.values()))
    in_turn = [names[turn] for turn in range(longest) for names in by_group.values() if turn < len(names)]
    return set(in_turn[:most])
