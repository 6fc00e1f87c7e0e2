"""Do a network's heat maps point at the planted cause? The command `benchmark network`.

The sets are those of `benchmark.attribution`: some specimens of a drawn set, whose conductivity follows from one known
cause, or from nothing. A network learns it from pictures of four fifths of the specimens; its maps are made of the
pictures of the others, and laid over their drawn phases. Pores show the porosity; boundaries show both the grain size,
by how many there are, and the resistance, by how deep they are etched: a map can not tell these two apart.

What counts as found was fixed before the sets were asked. A phase, pore or boundary, is found where

1. the network knows something: its predictions of left-out specimens go with the conductivity (one-sided p at most
   `ALPHA` when that is exchanged between them);
2. of the two, it is the one whose lean (`explain.enrichment`), mean over left-out pictures, is farther from that of
   maps moved over the same pictures, in standard deviations of what moved maps give: its ``beyond``. Cells are larger
   than boundaries are wide, and pores lie on boundaries: heat of one spills over the other, and a few large pores get
   more of it by chance than boundaries, which are everywhere;
3. its p among moved maps is at most `ALPHA`;
4. it lowers the prediction, as every planted cause does.

Rules 2 to 4 say where a map lies, not whether anything was learned: pores are dark, nearly any filter answers to that,
and the maps of networks with random weights lean on pores as far as those of trained ones. So no leaning, however
clear, is evidence that a network learned: that is rule 1. What a map can show is which phase a network that learned
looks at: on the same kind of pictures it must be pores where these drive and boundaries where grain size does, while
untrained networks name the same phase whatever drives. `UNTRAINED` of them are asked beside each trained one, and the
summary tells how often they name which phase, and how often a phase is found where nothing can be, with and without
rule 1.

The layer is the deepest whose cell is at most half the mean grain diameter of the set (`gradcam.resolved_layer`).
Networks are normalised over the training windows (`learn.network`): where each picture is normalised by itself, the
boundary resistance is not learned in a minute. They and their windows are smaller than those of `cnn train`, and
windows are not varied but for turns: a set takes less than a minute. Network, plan and rules were settled on seeds from
100 on; earlier rules, which asked that a map lean farther than those of untrained networks, had been tried on seeds 0
to 19, so the sets of `cases` begin after these.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pandas as pd

from micro_features.batch import Failure, FileResult
from micro_features.benchmark.attribution import SPECIMENS, Planted, Pool, planted_set, unlinked
from micro_features.data import Micrograph
from micro_features.errors import FeatureTableError, ImageError, MicroFeaturesError
from micro_features.explain.enrichment import MEASURES, enrichment, over_samples, phase_shares, shifted_null
from micro_features.files.images import grey_levels, read_picture
from micro_features.files.tables import read_table
from micro_features.images.cells import Cells
from micro_features.images.phases import PhaseMasks, phase_masks
from micro_features.jobs import use_one_thread
from micro_features.learn import folds
from micro_features.learn.scores import r2
from micro_features.network.pictures import Geometry, NetworkPicture, network_picture
from micro_features.network.scoring import exchange_p
from micro_features.synthetic.law.causes import CAUSES
from micro_features.synthetic.law.response import ResponseSurface

ALPHA = 0.05
PHASES = ("pore", "boundary")
"""Those asked for; the interior is what they leave."""

PLANTED = {"porosity": "pore", "grain-size": "boundary", "boundary": "boundary"}
"""Presets with one cause that shows, and the phase that shows it. Of each, more lowers the conductivity."""

NO_LINK = {"no link": "example", "hidden resistance": "boundary"}
"""Sets where nothing can be found, and whose conductivities are dealt out to other specimens: those of all causes, and
those of the boundary resistance alone, which then does not show."""

GEOMETRY = Geometry(window_px=240, overlap_px=0, reduction=2)
CHANNELS, STEM_CHANNELS = (16, 32, 48), 8
BATCH, LEARNING_RATE = 16, 4e-3
EPOCHS, MORE_EPOCHS = 15, 25
"""The second where the resistance alone drives: how deep grooves are takes longer to learn than how many there are."""

FIRST_SEED = 20
"""Of `cases`."""

UNTRAINED = 9
"""Networks with random weights beside each trained one."""

_FOLDS = 5
_MOVES = 199
_NEEDED = ("file", "sample_id", "surface", "pixel_um_true", "databar_first_row", "grain_diameter_mean_drawn_um")


@dataclass(frozen=True)
class DrawnPicture:
    """A drawn micrograph and what is known of it.

    Attributes
    ----------
    path, grains, pores : Path
        The picture and its label images.
    pixel_um : float
    rows : int
        Above the data bar.
    grain_px : float
        Mean diameter of the grains in it, pixels.
    """

    path: Path
    grains: Path
    pores: Path
    pixel_um: float
    rows: int
    grain_px: float


@dataclass(frozen=True, eq=False)
class Drawn:
    """A drawn set.

    Attributes
    ----------
    pool : Pool
        Its specimens, without features.
    pictures : dict of str to tuple of DrawnPicture
        Polished sections of each.
    manifest : DataFrame
        Of the polished sections.
    """

    pool: Pool
    pictures: dict[str, tuple[DrawnPicture, ...]]
    manifest: pd.DataFrame


def read_drawn(folder: Path, *, least: int = 2 * SPECIMENS) -> Drawn:
    """Polished sections of a drawn set.

    Parameters
    ----------
    folder : Path
        As ``micro-features synth`` writes it; of any preset.
    least : int
        Specimens.

    Raises
    ------
    FeatureTableError
        The folder holds no drawn set, or one with fewer specimens.
    """
    path = folder / "manifest.csv"
    manifest = read_table(path)
    causes = {cause: f"cause_{cause}" for cause in CAUSES}
    if missing := [name for name in (*_NEEDED, *causes.values()) if name not in manifest]:
        raise FeatureTableError(f"{path}: no column {missing[0]!r}; name a folder that `micro-features synth` wrote.")
    manifest = manifest[manifest["surface"] == "polished"]
    pictures: dict[str, tuple[DrawnPicture, ...]] = {}
    for row in manifest.to_dict("records"):
        picture = folder / str(row["file"])
        grains, pores = (folder / "labels" / kind / f"{picture.stem}.png" for kind in ("grains", "pores"))
        one = DrawnPicture(
            picture,
            grains,
            pores,
            float(row["pixel_um_true"]),
            int(row["databar_first_row"]),
            float(row["grain_diameter_mean_drawn_um"]) / float(row["pixel_um_true"]),
        )
        pictures[str(row["sample_id"])] = (*pictures.get(str(row["sample_id"]), ()), one)
    if len(pictures) < least:
        raise FeatureTableError(
            f"{path}: has {len(pictures)} polished specimens, needed are {least}: draw more with "
            f"`micro-features synth --n {least}`."
        )
    first = manifest.drop_duplicates("sample_id").set_index("sample_id").rename(index=str)
    pool = Pool(pd.DataFrame(index=first.index), first[list(causes.values())].set_axis(CAUSES, axis=1), {})
    return Drawn(pool, pictures, manifest)


def micrograph(picture: DrawnPicture) -> Micrograph:
    """The picture, its data bar masked where it was drawn."""
    image, valid = grey_levels(read_picture(picture.path))
    valid[picture.rows :] = False
    return Micrograph(image=image, valid=valid, pixel_um=picture.pixel_um)


def drawn_phases(picture: DrawnPicture) -> PhaseMasks:
    """Phases of the drawn labels, which end above the data bar.

    Raises
    ------
    ImageError
        A label image does not fit.
    """
    grains, pores = (read_picture(path).pixels.astype(np.int32) for path in (picture.grains, picture.pores))
    if grains.shape != pores.shape or len(grains) != picture.rows:
        raise ImageError(f"{picture.grains}: label image of shape {grains.shape} does not fit {picture.path.name}.")
    return phase_masks(grains, pores, np.ones(grains.shape, bool))


# ---- a network's answers ---------------------------------------------------------------------------------------------


def trained(seen: Sequence[NetworkPicture], y: np.ndarray, *, epochs: int, seed: int) -> Any:
    """A small network trained on pictures.

    Parameters
    ----------
    seen : sequence of NetworkPicture
    y : (n,) float array
        Property of each, model units.
    epochs, seed : int

    Returns
    -------
    learn.network.Network
    """
    from micro_features.learn.cnn import fit
    from micro_features.learn.network import Architecture
    from micro_features.learn.plan import Augmentation, Plan

    plan = Plan(
        epochs=epochs,
        batch=BATCH,
        window=GEOMETRY.window,
        step=GEOMETRY.step,
        learning_rate=LEARNING_RATE,
        augmentation=Augmentation(gain=0, brightness=0, blur=0, noise=0),
        seed=seed,
    )
    boxes = [each.boxes(GEOMETRY) for each in seen]
    architecture = Architecture(CHANNELS, STEM_CHANNELS, normalised="set")
    return fit([each.x for each in seen], boxes, y, plan=plan, architecture=architecture)


def untrained(network: Any, pictures: Sequence[NetworkPicture], *, seed: int) -> list[Any]:
    """Networks like a trained one, with random weights that differ between seeds; they answer on its scale.

    They are standardised over the windows of the pictures, as the trained one is.
    """
    from micro_features.comparison import random_networks
    from micro_features.learn.cnn import settle

    x, boxes = [each.x for each in pictures], [each.boxes(GEOMETRY) for each in pictures]
    numbers = range(UNTRAINED * seed, UNTRAINED * (seed + 1))
    several = [random_networks.untrained(network, number) for number in numbers]
    return [settle(each, x, boxes, GEOMETRY.window) for each in several]


def predictions(network: Any, pictures: Sequence[NetworkPicture], specimen: np.ndarray) -> np.ndarray:
    """What a network says of specimens, the mean over their pictures, in the order of their numbers."""
    from micro_features.learn.cnn import predict

    each = [predict(network, picture.x, picture.boxes(GEOMETRY), GEOMETRY.window)[0] for picture in pictures]
    return pd.Series(each).groupby(specimen).mean().to_numpy()


def ask(
    planted: Planted, pictures: Sequence[Sequence[DrawnPicture]], *, epochs: int, seed: int
) -> list[dict[str, Any]]:
    """Which phases the heat maps of a planted set point at.

    Parameters
    ----------
    planted : Planted
    pictures : sequence of sequences
        Of each specimen.
    epochs : int
        Of the training.
    seed : int
        Of which specimens are left out, of the training, of the untrained networks and of the moved maps.

    Returns
    -------
    list of dict
        One for each network and each of `PHASES`. ``untrained``: 0 for the trained network, 1 to `UNTRAINED` for the
        others; ``lean`` of the maps (decades), mean over left-out pictures, with its 95 % interval over specimens;
        ``beyond`` moved maps, in their standard deviations, and ``p_moved`` among them; ``net`` enrichment. Then of the
        set: ``r2`` of left-out specimens by the trained network, its ``p_exchanged``, ``layer``, and ``seconds`` of
        processor time that the training took.
    """
    from micro_features.explain.gradcam import heat_map, resolved_layer

    owner = np.repeat(np.arange(len(pictures)), [len(each) for each in pictures])
    flat = [picture for each in pictures for picture in each]
    out = folds.grouped_kfold(np.arange(len(pictures)), _FOLDS, seed) == 0
    unseen = out[owner]
    shown = [network_picture(micrograph(picture), GEOMETRY) for picture in flat]
    started = process_time()
    of_training = [shown[i] for i in np.flatnonzero(~unseen)]
    network = trained(of_training, planted.y[owner[~unseen]], epochs=epochs, seed=seed)
    seconds = process_time() - started
    asked, of_asked = np.flatnonzero(unseen), owner[unseen]
    y, predicted = planted.y[out], predictions(network, [shown[i] for i in asked], of_asked)
    grain_px = float(np.mean([picture.grain_px for picture in flat]))
    layer = resolved_layer(network.strides, GEOMETRY.reduction, grain_px)
    if layer is None:
        raise ImageError(f"grains of {grain_px:.1f} px are too fine for any layer: draw coarser ones.")
    networks = [network, *untrained(network, of_training, seed=seed)]
    heats = [[heat_map(each, each.layers[layer], shown[i].x) for i in asked] for each in networks]
    cells = Cells(network.strides[layer], network.cell_origin).scaled(GEOMETRY.reduction)
    shares = [
        phase_shares(drawn_phases(flat[i])._asdict(), cells, heat.shape)
        for i, heat in zip(asked, heats[0], strict=True)
    ]
    alone = np.arange(len(y))
    of_set = {
        "r2": r2(y, predicted, alone, n_resamples=1)[1],
        "p_exchanged": exchange_p(y, predicted, alone, seed=seed)[0],
        "layer": layer,
        "seconds": seconds,
    }
    return [
        {"untrained": number, "phase": phase, **leaning, **of_set}
        for number, of_network in enumerate(heats)
        for phase, leaning in _leanings(of_network, shares, of_asked, seed=seed).items()
    ]


def _leanings(
    heats: Sequence[np.ndarray], shares: Sequence[dict[str, np.ndarray]], specimen: np.ndarray, *, seed: int
) -> dict[str, dict[str, float]]:
    """Of the maps of one network; every network's are moved alike."""
    rng = np.random.default_rng(seed)
    found = [enrichment(heat, share) for heat, share in zip(heats, shares, strict=True)]
    moved = [shifted_null(heat, share, n=_MOVES, rng=rng) for heat, share in zip(heats, shares, strict=True)]
    return {phase: _leaning(phase, found, moved, specimen) for phase in PHASES}


def _leaning(
    phase: str, found: Sequence[pd.DataFrame], moved: Sequence[np.ndarray], specimen: np.ndarray
) -> dict[str, float]:
    """Of one phase, from the enrichment of each picture and that of its moved maps."""
    null = np.stack([each[:, list(found[0].index).index(phase), MEASURES.index("lean")] for each in moved])
    lean = over_samples(np.array([each.loc[phase, "lean"] for each in found]), null, specimen)
    means = null.mean(axis=0)
    return {
        "lean": lean.value,
        "lean_low": lean.low,
        "lean_high": lean.high,
        "beyond": float((lean.value - means.mean()) / means.std()),
        "p_moved": lean.p,
        "net": float(np.nanmean([each.loc[phase, "net"] for each in found])),
    }


@dataclass(frozen=True, eq=False)
class Case:
    """One planted set to be asked about, for `benchmark.common.gather`."""

    planted: Planted
    pictures: tuple[tuple[DrawnPicture, ...], ...]
    kind: str
    seed: int

    @property
    def path(self) -> Path:
        """Its name."""
        return Path(f"{self.kind} {self.seed}")


def cases(drawn: Drawn, surface: ResponseSurface, *, seeds: int) -> list[Case]:
    """Sets of every kind in `PLANTED` and `NO_LINK` for so many seeds from `FIRST_SEED` on: all kinds of one, then the
    next."""
    found = []
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        for kind, preset in {**{name: name for name in PLANTED}, **NO_LINK}.items():
            planted = planted_set(drawn.pool, preset, surface, seed=seed)
            planted = unlinked(planted, seed=seed) if kind in NO_LINK else planted
            pictures = tuple(drawn.pictures[name] for name in planted.pool.X.index)
            found.append(Case(planted, pictures, kind, seed))
    return found


def answer(case: Case) -> FileResult:
    """`ask`, its rows with ``kind`` and ``seed`` before them."""
    import torch

    use_one_thread()
    torch.set_num_threads(1)
    try:
        epochs = MORE_EPOCHS if {case.kind, NO_LINK.get(case.kind)} & {"boundary"} else EPOCHS
        rows = ask(case.planted, case.pictures, epochs=epochs, seed=case.seed)
    except MicroFeaturesError as error:
        return FileResult(failures=[Failure(str(case.path), "train", str(error))])
    return FileResult(rows=[{"kind": case.kind, "seed": case.seed, **row} for row in rows])
