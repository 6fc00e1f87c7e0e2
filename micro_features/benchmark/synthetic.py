"""How well features are recovered from drawn micrographs, whose truth is known: the command `benchmark synthetic`.

Each picture is measured three times over: as any user's picture; from its drawn labels, by the same kernels; and in
space, where the specimen it was cut from has exact values. The first against the second is what segmentation costs, the
second against the third what one section can tell of a volume, the first against the third what a user gets.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from micro_features import pipeline
from micro_features.batch import Failure, FileResult
from micro_features.benchmark.common import gather, mean_interval
from micro_features.data import Micrograph, Segmentation
from micro_features.errors import FeatureTableError, ImageError, MicroFeaturesError
from micro_features.files.images import read_picture
from micro_features.files.tables import read_table
from micro_features.images.score import mask_agreement, region_agreement
from micro_features.jobs import use_one_thread
from micro_features.settings import Settings


@dataclass(frozen=True)
class Quantity:
    """A feature whose truth is known.

    Attributes
    ----------
    feature : str
        Its name in the catalogue.
    in_space : str
        Column of the manifest that holds the specimen's own value; empty where sections and volumes have no such
        quantity in common.
    relative : bool
        Whether errors are shares of the true value; a porosity's are percentage points.
    """

    feature: str
    in_space: str
    relative: bool = True


QUANTITIES = (
    Quantity("porosity", "porosity_true", relative=False),
    Quantity("pore_diameter_mean_um", ""),
    Quantity("grain_diameter_mean_um", ""),
    Quantity("grain_diameter_area_weighted_mean_um", ""),
    Quantity("grain_intercept_mean_um", "grain_intercept_mean_true_um"),
    Quantity("surface_per_volume_per_um", "surface_per_volume_true_per_um"),
)
COMPARISONS = (
    ("segmentation: found against drawn labels", "found", "labels"),
    ("sampling: drawn labels against the specimen", "labels", "specimen"),
    ("both: found against the specimen", "found", "specimen"),
)

AGREEMENTS = {
    "grains_f1": "grains, F1 at IoU 0.5",
    "grains_average_precision": "grains, average precision",
    "pores_iou": "pores, IoU",
}


@dataclass(frozen=True)
class Case:
    """One drawn micrograph and where its truth stands.

    Attributes
    ----------
    path, grains, pores : Path
        The picture and its label images.
    sample_id, surface : str
    in_space : dict of str to float
        The specimen's own values, by feature.
    settings : Settings
    """

    path: Path
    grains: Path
    pores: Path
    sample_id: str
    surface: str
    in_space: dict[str, float]
    settings: Settings


def cases(folder: Path, settings: Settings) -> list[Case]:
    """The micrographs of a drawn set.

    Parameters
    ----------
    folder : Path
        As `micro-features synth` writes it: ``manifest.csv``, ``micrographs/``, ``labels/``.
    settings : Settings

    Raises
    ------
    FeatureTableError
        The manifest is missing, or is not one of a drawn set.
    """
    path = folder / "manifest.csv"
    manifest = read_table(path)
    needed = {"file", "sample_id", "surface", *(q.in_space for q in QUANTITIES if q.in_space)}
    if missing := sorted(needed - set(manifest.columns)):
        raise FeatureTableError(f"{path}: no column {missing[0]!r}; name a folder that `micro-features synth` wrote.")
    if manifest.empty:
        raise FeatureTableError(f"{path}: names no picture; name a folder that `micro-features synth` wrote.")
    for name in (q.in_space for q in QUANTITIES if q.in_space):
        if not pd.api.types.is_numeric_dtype(manifest[name]):
            raise FeatureTableError(f"{path}: column {name!r} holds what is no number; have the set drawn again.")
    found = []
    for row in manifest.to_dict("records"):
        picture = folder / str(row["file"])
        grains, pores = (folder / "labels" / kind / f"{picture.stem}.png" for kind in ("grains", "pores"))
        values = {q.feature: float(row[q.in_space]) for q in QUANTITIES if q.in_space}
        found.append(Case(picture, grains, pores, str(row["sample_id"]), str(row["surface"]), values, settings))
    return found


def recover(case: Case) -> FileResult:
    """What was found on one picture beside what is true, one row a quantity."""
    use_one_thread()
    try:
        picture = read_picture(case.path, max_pixels=case.settings.reading.max_pixels)
        calibrated = pipeline.calibrate(picture)
        micrograph = pipeline.micrograph_of(picture, calibrated)
        drawn = _drawn_segmentation(case, micrograph)
        segmentation = pipeline.segment(micrograph, case.settings)
        found = pipeline.measure(micrograph, segmentation, case.settings)
        insist = case.settings.updated({"measure.unresolved_grains": True})
        labels = pipeline.measure(micrograph, drawn, insist).features
    except MicroFeaturesError as error:
        return FileResult(failures=[Failure(str(case.path), "measure", str(error))])
    regions = region_agreement(segmentation.grains, drawn.grains)
    rows = [
        {
            "file": case.path.name,
            "sample_id": case.sample_id,
            "surface": case.surface,
            "grains_resolved": found.quality["quality_grains_resolved"],
            "grains_f1": regions.f1,
            "grains_average_precision": regions.average_precision,
            "pores_iou": mask_agreement(segmentation.pores > 0, drawn.pores > 0).iou,
            "quantity": quantity.feature,
            "found": found.features[quantity.feature],
            "labels": labels[quantity.feature],
            "specimen": case.in_space.get(quantity.feature, np.nan),
        }
        for quantity in QUANTITIES
    ]
    return FileResult(rows=rows)


def _drawn_segmentation(case: Case, micrograph: Micrograph) -> Segmentation:
    """The drawn labels as if they had been found; nothing below them, where the data bar is."""
    whole = {}
    for name, path in (("grains", case.grains), ("pores", case.pores)):
        labels = read_picture(path).pixels
        rows, cols = labels.shape[:2]
        if labels.ndim != 2 or rows > micrograph.image.shape[0] or cols != micrograph.image.shape[1]:
            raise ImageError(f"{path}: label image of shape {labels.shape} does not fit {case.path.name}.")
        whole[name] = np.zeros(micrograph.image.shape, np.int32)
        whole[name][:rows] = labels
    no_evidence = np.zeros(micrograph.image.shape, np.float32)
    return Segmentation(
        whole["grains"], whole["pores"], no_evidence, micrograph.valid, micrograph.pixel_um, grain_dependence=0.0
    )


def recover_all(todo: list[Case], *, n_workers: int) -> tuple[pd.DataFrame, list[Failure]]:
    """Rows of all pictures in the order of the manifest, and what failed.

    Raises
    ------
    ArtefactError
        A model that the settings name is missing, or is none.
    """
    for case in todo[:1]:
        pipeline.check_models(case.settings)
    return gather(recover, todo, n_workers=n_workers)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Bias and scatter of each quantity.

    Parameters
    ----------
    table : DataFrame
        Of `recover_all`.

    Returns
    -------
    DataFrame
        One row for each comparison, kind of surface and quantity: number of pictures and of specimens, mean error
        (`bias`) with its 95 % interval by bootstrap over specimens, and standard deviation of errors (`scatter`). In
        per cent of the true value; in percentage points for a porosity.
    """
    rows: list[dict[str, Any]] = []
    for comparison, value, reference in COMPARISONS:
        for surface, of_surface in table.groupby("surface", sort=False):
            for quantity in QUANTITIES:
                some = of_surface[of_surface["quantity"] == quantity.feature].dropna(subset=[value, reference])
                if some.empty:
                    continue
                error = 100 * (some[value] - some[reference]) / (some[reference] if quantity.relative else 1)
                low, high = mean_interval(error, some["sample_id"])
                rows.append(
                    {
                        "comparison": comparison,
                        "surface": surface,
                        "quantity": quantity.feature,
                        "n_pictures": len(some),
                        "n_specimens": some["sample_id"].nunique(),
                        "unit": "%" if quantity.relative else "percentage points",
                        "bias": error.mean(),
                        "bias_ci95_low": low,
                        "bias_ci95_high": high,
                        "scatter": error.std(ddof=1),
                    }
                )
    return pd.DataFrame(rows)


def _span(low: float, high: float, form: str) -> str:
    return "too few specimens" if np.isnan(low) else f"{low:{form}} to {high:{form}}"


def lines(table: pd.DataFrame, found: pd.DataFrame) -> Iterator[str]:
    """The summary, for a person to read."""
    pictures = table.drop_duplicates("file")
    for surface, some in pictures.groupby("surface", sort=False):
        resolved = int(some["grains_resolved"].sum())
        n_specimens = some["sample_id"].nunique()
        yield f"{surface}: {len(some)} pictures of {n_specimens} specimens, grains resolved in {resolved}"
        for column, name in AGREEMENTS.items():
            low, high = mean_interval(some[column], some["sample_id"])
            yield f"  {name:38}{some[column].mean():6.2f}  95 %: {_span(low, high, '.2f')}"
    for comparison, block in found.groupby("comparison", sort=False):
        yield f"\n{comparison}"
        yield f"  {'':10}{'':38}{'pictures':>9}{'bias':>9}{'95 % interval':>19}{'scatter':>9}"
        for row in block.to_dict("records"):
            interval = _span(row["bias_ci95_low"], row["bias_ci95_high"], "+.2f")
            unit = "%" if row["unit"] == "%" else "points"
            yield (
                f"  {row['surface']:10}{row['quantity']:38}{row['n_pictures']:9}{row['bias']:+9.2f}{interval:>19}"
                f"{row['scatter']:9.2f} {unit}"
            )
