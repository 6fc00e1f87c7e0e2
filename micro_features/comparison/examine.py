"""One picture: what the networks that did not see it say, where, and what they and the features say of it altered.

Everything that needs pixels happens here, in a process for each picture; only numbers and small maps go back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from micro_features import jobs, pipeline
from micro_features.comparison.random_networks import Norms, random_networks
from micro_features.data import Micrograph, Segmentation
from micro_features.errors import MicroFeaturesError
from micro_features.explain import acquisition, enrichment, occlusion, perturbation, sanity, superpixels
from micro_features.explain.gradcam import METHODS, heat_map
from micro_features.images.cells import Cells
from micro_features.images.phases import PhaseMasks
from micro_features.images.prepare import masked_blur
from micro_features.images.windows import window_boxes
from micro_features.learn.cnn import predict_whole, predict_windows
from micro_features.learn.device import out_of_memory
from micro_features.learn.network import Architecture, Network, from_bytes
from micro_features.network.pictures import Geometry, NetworkPicture, network_picture, pixels_sha256, read_micrograph
from micro_features.rows import in_pixels
from micro_features.settings import Settings

PHASES = PhaseMasks._fields
"""Masks that heat is summed over; the interior of grains is the control."""
N_SHIFTS = 200
_DELETION = {"steps": 8, "n_random": 4}
_BLUR_CELLS = 1.0  # standard deviation of the blur that stands for nothing there, in cells of the deepest layer
_SUPERPIXELS, _PERMUTATIONS = 40, 2  # and orders in which they are added


@dataclass(frozen=True, eq=False)
class Job:
    """What is asked about one picture.

    Attributes
    ----------
    name : str
        The micrograph.
    path : Path
    page : int
        From 0.
    pixels_sha256 : str
        Of the picture that the networks were trained on (`pictures.pixels_sha256`).
    pixel_um : float or None
    settings : Settings
        With which its features were measured.
    geometry : Geometry
    architecture : Architecture
    weights : tuple of bytes
        Of the networks that did not see it, one a seed.
    layer : str
        That maps are judged on.
    altered : bool
        Whether the picture is altered and measured anew, which takes most of the time.
    seed : int
    norms : Norms
        Of the networks with random weights beside these (`norms.with_norms`).
    """

    name: str
    path: Path
    page: int
    pixels_sha256: str
    pixel_um: float | None
    settings: Settings
    geometry: Geometry
    architecture: Architecture
    weights: tuple[bytes, ...]
    layer: str
    altered: bool
    seed: int
    norms: Norms = ()


@dataclass(frozen=True, eq=False)
class Heat:
    """The map of one layer, by one method, mean over seeds.

    Attributes
    ----------
    values : (rows, cols) float32 array
        Model units; positive raises the prediction.
    cells : Cells
        In pixels of the picture, from the frame of the network on.
    table : DataFrame
        Of `enrichment.enrichment`, rows as `PHASES`.
    null : (N_SHIFTS, 3, 5) float array
        Of the map moved.
    """

    values: np.ndarray
    cells: Cells
    table: pd.DataFrame
    null: np.ndarray


@dataclass(frozen=True, eq=False)
class Altered:
    """Predictions and features of a picture with a phase taken away, and of its control.

    Attributes
    ----------
    control_share : float
        Area altered in the control over that in the picture.
    network : (2,) float array
        The networks' prediction without the phase, and of the control.
    features : list of two dict
        Measured on the same.
    """

    control_share: float
    network: np.ndarray
    features: list[dict[str, float]]


@dataclass(frozen=True, eq=False)
class Examined:
    """What is known of one picture.

    Attributes
    ----------
    name : str
    image : (rows, cols) uint8 array
        What lies in the frame of the network, grey levels 0 to 255.
    masks : dict of (rows, cols) bool arrays
        By `PHASES`.
    resolved : bool
        Whether grains are.
    pixel_um : float or None
    porosity : float
    features : dict
        As measured, by the names of the table's columns.
    predicted : (seeds,) float array
        Of the whole picture in one pass, model units.
    heats : dict of (layer, method) to Heat
    by_seed : list of (rows, cols) arrays
        Grad-CAM of each network at the layer that is judged.
    seeds_alike : dict of layer to float
        Similarity of Grad-CAM of two seeds, mean over pairs; NaN for one seed.
    untrained : (n, 3) float array
        Leans of networks with random weights on `PHASES`, at that layer.
    cascade : dict of layer to list of arrays
        Maps as more and more layers are randomised, of several random networks.
    border, flat : float
        Heat on the border and on the flattest quarter over their share of area.
    acquisition : dict of str to float
        Of `acquisition.acquisition_response`.
    deletion : Perturbation or None
        Only of altered pictures.
    alterations : dict of str to Altered
        ``pores filled``, and ``boundaries erased`` where grains are resolved.
    superpixel_agreement : float
        Rank correlation of Grad-CAM summed over superpixels with their SHAP values; NaN where not asked.
    windows : DataFrame
        A row for each window that does not overlap another: ``predicted`` by the networks, and its features.
    """

    name: str
    image: np.ndarray
    masks: dict[str, np.ndarray]
    resolved: bool
    pixel_um: float | None
    porosity: float
    features: dict[str, float]
    predicted: np.ndarray
    heats: dict[tuple[str, str], Heat]
    by_seed: list[np.ndarray]
    seeds_alike: dict[str, float]
    untrained: np.ndarray
    cascade: dict[str, list[np.ndarray]]
    border: float
    flat: float
    acquisition: dict[str, float]
    deletion: perturbation.Perturbation | None
    alterations: dict[str, Altered]
    superpixel_agreement: float
    windows: pd.DataFrame


def examine(job: Job) -> Examined | str:
    """Ask everything about one picture; in a process of its own.

    Returns
    -------
    Examined or str
        What is wrong with the picture, in words.
    """
    import torch

    jobs.use_one_thread()
    torch.set_num_threads(1)
    try:
        micrograph = read_micrograph(job.path, job.page, pixel_um=job.pixel_um, uncalibrated=job.pixel_um is None)
        if pixels_sha256(micrograph.image) != job.pixels_sha256:
            return (
                f"{job.path}: is not the picture that the networks were trained on; say where those lie (--pictures)."
            )
        return _examined(job, micrograph, network_picture(micrograph, job.geometry))
    except MicroFeaturesError as error:
        return str(error)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        return f"{job.path}: memory does not suffice; ask fewer pictures at a time (--jobs), or smaller ones."


def _examined(job: Job, micrograph: Micrograph, picture: NetworkPicture) -> Examined:
    networks = [from_bytes(weights, job.architecture) for weights in job.weights]
    segmentation = pipeline.segment(micrograph, job.settings)
    measured = pipeline.measure(micrograph, segmentation, job.settings)
    resolved = bool(measured.quality["quality_grains_resolved"])
    inside = _inside(picture)
    masks = {name: mask[inside] for name, mask in pipeline.phases(segmentation, job.settings)._asdict().items()}
    rng = np.random.default_rng([job.seed, 1])
    seen = {layer: Cells(stride, networks[0].cell_origin) for layer, stride in networks[0].strides.items()}
    cells = {layer: each.scaled(float(np.mean(picture.reduction))) for layer, each in seen.items()}

    def maps(asked: Sequence[Network], layer: str, method: str) -> list[np.ndarray]:
        return [heat_map(network, network.layers[layer], picture.x, method=method) for network in asked]

    heats, by_seed = {}, {}
    for layer in networks[0].strides:
        for method in METHODS:
            several = maps(networks, layer, method)
            mean = np.mean(several, axis=0)
            if method == METHODS[0]:
                by_seed[layer] = several
            shares = enrichment.phase_shares(masks, cells[layer], mean.shape)
            heats[layer, method] = Heat(
                mean,
                cells[layer],
                enrichment.enrichment(mean, shares),
                enrichment.shifted_null(mean, shares, n=N_SHIFTS, rng=rng),
            )
    judged, judged_cells = heats[job.layer, METHODS[0]], seen[job.layer]
    shares = enrichment.phase_shares(masks, judged.cells, judged.values.shape)
    random = random_networks(networks, job.norms)
    of_random = maps(random.untrained, job.layer, METHODS[0])
    leans = [enrichment.enrichment(each, shares)["lean"].to_numpy() for each in of_random]
    ask = _ask(networks)
    blurred = _blurred(picture, networks[0])
    return Examined(
        name=job.name,
        image=np.round(255 * np.clip(micrograph.image[inside], 0, 1)).astype(np.uint8),
        masks=masks,
        resolved=resolved,
        pixel_um=picture.pixel_um,
        porosity=float(measured.features["porosity"]),
        features=_named(measured, micrograph),
        predicted=np.array([predict_whole(network, picture.x)[0] for network in networks]),
        heats=heats,
        by_seed=by_seed[job.layer],
        seeds_alike={layer: _alike(several) for layer, several in by_seed.items()},
        untrained=np.array(leans),
        cascade={
            down_to: [np.mean(maps(each, job.layer, METHODS[0]), axis=0) for each in several]
            for down_to, several in random.cascade.items()
        },
        border=sanity.border_share(judged.values),
        flat=sanity.flat_share(judged.values, _local_sd(picture, judged_cells, judged.values.shape)),
        acquisition=acquisition.acquisition_response(
            lambda several: ask(picture.standardised(several)), picture.x, seed=job.seed
        ),
        deletion=perturbation.deletion_insertion(
            ask,
            picture.x,
            judged.values,
            cells=judged_cells,
            fill=blurred,
            rng=rng,
            **_DELETION,
        )
        if job.altered
        else None,
        alterations=_alterations(job, micrograph, picture, masks, resolved, ask, rng) if job.altered else {},
        superpixel_agreement=_superpixel_agreement(ask, picture, judged.values, judged_cells, blurred, job.seed)
        if job.altered
        else np.nan,
        windows=_windows(job, networks, micrograph, picture, segmentation),
    )


def _alike(maps: Sequence[np.ndarray]) -> float:
    pairs = [sanity.similarity(one, other).signed for one, other in combinations(maps, 2)]
    return float(np.mean(pairs)) if pairs else float("nan")


def _ask(networks: Sequence[Network]) -> Callable[[np.ndarray], np.ndarray]:
    """From (m, rows, cols) pictures to (m,) predictions, mean over networks."""

    def ask(several: np.ndarray) -> np.ndarray:
        return np.array([np.mean([predict_whole(network, x)[0] for network in networks]) for x in several])

    return ask


def _inside(picture: NetworkPicture) -> tuple[slice, slice]:
    first_row, last_row, first_col, last_col = picture.frame
    return slice(first_row, last_row + 1), slice(first_col, last_col + 1)


def _blurred(picture: NetworkPicture, network: Network) -> np.ndarray:
    """The picture without structure that any layer could see."""
    sigma = _BLUR_CELLS * max(network.strides.values())
    return (masked_blur(picture.x, picture.valid, sigma_px=sigma) * picture.valid).astype(np.float32)


def _local_sd(picture: NetworkPicture, cells: Cells, shape: tuple[int, ...]) -> np.ndarray:
    """(rows, cols): standard deviation of what the network sees in each cell; NaN where nothing is valid."""
    mask, x = picture.valid.astype(float), picture.x.astype(float)
    parts = [x * mask, x**2 * mask, mask]
    sums = [_cell_means(part, cells, shape) for part in parts]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, square = sums[0] / sums[2], sums[1] / sums[2]
    return np.where(sums[2] > 0, np.sqrt(np.maximum(square - mean**2, 0)), np.nan)


def _cell_means(values: np.ndarray, cells: Cells, shape: tuple[int, ...]) -> np.ndarray:
    place = cells.of_pixels(values.shape, shape).ravel()
    counts = np.bincount(place, minlength=shape[0] * shape[1])
    return (np.bincount(place, values.ravel(), shape[0] * shape[1]) / np.maximum(counts, 1)).reshape(shape)


def _alterations(
    job: Job,
    micrograph: Micrograph,
    picture: NetworkPicture,
    masks: Mapping[str, np.ndarray],
    resolved: bool,
    ask: Callable[[np.ndarray], np.ndarray],
    rng: np.random.Generator,
) -> dict[str, Altered]:
    inside = _inside(picture)
    image = micrograph.image[inside]
    found = {}
    ways = {"pores filled": occlusion.pores_filled}
    if resolved:  # else what is called a boundary is none
        ways["boundaries erased"] = occlusion.boundaries_erased
    for what, alter in ways.items():
        done = alter(image, masks["pore"], masks["boundary"], masks["interior"], rng=rng)
        seen, rows = [], []
        for changed in (done.picture, done.control):
            whole = micrograph.image.copy()
            whole[inside] = changed
            other = replace(micrograph, image=whole)
            # In the grey levels of the picture as it was: without dark pores the solid would be stretched.
            seen.append(network_picture(other, job.geometry, grey_of=picture).x)
            segmented = pipeline.segment(other, job.settings)
            rows.append(_named(pipeline.measure(other, segmented, job.settings), micrograph))
        found[what] = Altered(done.control_share, ask(np.stack(seen)), rows)
    return found


def _superpixel_agreement(
    ask: Callable[[np.ndarray], np.ndarray],
    picture: NetworkPicture,
    heat: np.ndarray,
    cells: Cells,
    blurred: np.ndarray,
    seed: int,
) -> float:
    labels = superpixels.superpixels(picture.x, picture.valid, n=_SUPERPIXELS)
    values, _ = superpixels.superpixel_shap(ask, picture.x, labels, blurred, n_permutations=_PERMUTATIONS, seed=seed)
    spread = heat.ravel()[cells.of_pixels(labels.shape, heat.shape)]
    of_heat = np.bincount(labels.ravel(), spread.ravel())[1:]
    return sanity.similarity(of_heat[None], values[None]).signed


def _windows(
    job: Job,
    networks: Sequence[Network],
    micrograph: Micrograph,
    picture: NetworkPicture,
    segmentation: Segmentation,
) -> pd.DataFrame:
    """Windows side by side, so that no pixel counts twice; features from the whole picture's segmentation."""
    size = job.geometry.window
    boxes = window_boxes(picture.x.shape, size, size)
    apart = boxes[(boxes % size == 0).all(axis=1)]  # without those flush with the far edges
    told = np.mean([predict_windows(network, picture.x, apart, size)[:, 0] for network in networks], axis=0)
    down, across = picture.reduction
    rows = []
    for (row, col), predicted in zip(apart, told, strict=True):
        first_row, first_col = picture.frame[0] + round(row * down), picture.frame[2] + round(col * across)
        cut = (
            slice(first_row, first_row + round(size * down)),
            slice(first_col, first_col + round(size * across)),
        )
        part = replace(micrograph, image=micrograph.image[cut], valid=micrograph.valid[cut])
        segmented = replace(
            segmentation,
            valid=part.valid,
            **{name: getattr(segmentation, name)[cut] for name in ("grains", "pores", "boundary")},
        )
        rows.append({"predicted": float(predicted), **_named(pipeline.measure(part, segmented, job.settings), part)})
    return pd.DataFrame(rows)


def _named(measured: pipeline.Measured, micrograph: Micrograph) -> dict[str, float]:
    """Features by the names of the table's columns."""
    if micrograph.calibrated:
        return dict(measured.features)
    return {in_pixels(name): value for name, value in measured.features.items()}
