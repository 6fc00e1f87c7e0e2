"""Pores of the published pictures beside the study's own table: the command `benchmark published`.

The study measured pores by hand, mostly at another magnification; of two sintering schedules at that of the published
pictures. Those may be other pictures of the same specimens, so only means can be compared. Half of the pores in the
table are smaller than 5 to 10 pixels: its means are those of all that lies below a low grey level, specks included, and
the ratio of means says so. There is no annotated truth: contact sheets show outlines for a microscopist to judge.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from micro_features import pipeline
from micro_features.batch import Failure, FileResult
from micro_features.benchmark.common import gather, rank_correlation
from micro_features.errors import FeatureTableError, MicroFeaturesError
from micro_features.files.datasets import read_hand_measured
from micro_features.files.images import read_picture
from micro_features.files.outputs import write_png
from micro_features.files.tables import read_table
from micro_features.jobs import use_one_thread
from micro_features.report.contact import Window, contact_sheet, panel
from micro_features.settings import Settings

HAND_MEASURED = "LLZTO_grain_pore.xls"
MEASURED_ALIKE = ("1000C-12h-100pct", "1200C-12h-20pct")
"""Sintering schedules whose pores were measured at the magnification of the published pictures."""
NAMED_ALIKE = 1e-3  # pictures are named by a conductivity of three digits, which the table repeats

PICTURES_A_PAGE = 2
PANEL_SHAPE = (580, 780)  # rows, cols; one to one, or outlines could not be judged


@dataclass(frozen=True)
class Quantity:
    """Something that both measured.

    Attributes
    ----------
    ours, by_hand : str
        Columns.
    heading : str
    """

    ours: str
    by_hand: str
    heading: str


QUANTITIES = (
    Quantity("pore_area_mean_um2", "hand_pore_area_mean_um2", "mean pore area, µm²"),
    Quantity("pore_area_total_um2", "hand_pore_area_total_um2", "total pore area, µm²"),
)


@dataclass(frozen=True)
class Page:
    """Pictures of one class and sintering schedule.

    Attributes
    ----------
    path : Path
        Where the contact sheet goes.
    pictures : tuple of (Path, dict)
        Each picture and its row of the manifest, with what was measured by hand.
    draw : bool
        Whether the sheet is written.
    settings : Settings
    """

    path: Path
    pictures: tuple[tuple[Path, dict[Hashable, Any]], ...]
    draw: bool
    settings: Settings


def pages(folder: Path, settings: Settings, *, sheets: Path | None = None) -> list[Page]:
    """The published pictures by class and schedule.

    Parameters
    ----------
    folder : Path
        As `micro-features datasets get` makes it: ``manifest.csv``, pictures and, for LLZTO, ``LLZTO_grain_pore.xls``.
    settings : Settings
    sheets : Path, optional
        Folder for contact sheets; without it, only the pictures that can be compared are taken.

    Returns
    -------
    list of Page

    Raises
    ------
    FeatureTableError
        The manifest or the table is missing or is another one.
    """
    path = folder / "manifest.csv"
    manifest = read_table(path)
    for column in ("file", "conductivity_S_per_cm", "conductivity_class"):
        if column not in manifest:
            raise FeatureTableError(f"{path}: no column {column!r}; fetch it by `micro-features datasets get llzto`.")
    has_table = (folder / HAND_MEASURED).exists()
    if has_table:
        manifest = _with_hand_measured(manifest, folder / HAND_MEASURED)
    elif sheets is None:
        raise FeatureTableError(f"{folder / HAND_MEASURED}: there is no such file; only --sheets can do without it.")
    group = manifest["conductivity_class"].astype(str)
    if "sintering_schedule" in manifest:
        group = group + "_" + manifest["sintering_schedule"].astype(str)
    if sheets is None:
        manifest = manifest[manifest["hand_pore_area_mean_um2"].notna()]
        if manifest.empty:
            raise FeatureTableError(f"{path}: no picture of the schedules {' or '.join(MEASURED_ALIKE)}.")
    found = []
    for name, some in manifest.groupby(group, sort=True):
        rows = [(folder / str(row["file"]), row) for row in some.to_dict("records")]
        for start in range(0, len(rows), PICTURES_A_PAGE):
            number = f"_{start // PICTURES_A_PAGE + 1}" if len(rows) > PICTURES_A_PAGE else ""
            target = (sheets or folder) / f"{name}{number}.png"
            found.append(Page(target, tuple(rows[start : start + PICTURES_A_PAGE]), sheets is not None, settings))
    return found


def _with_hand_measured(manifest: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The manifest with mean, number and total area of pores by hand, where they were measured alike."""
    if "sintering_schedule" not in manifest:
        raise FeatureTableError(f"{path.parent / 'manifest.csv'}: no column 'sintering_schedule'; fetch it again.")
    table = read_hand_measured(path)
    manifest = manifest.assign(hand_pore_area_mean_um2=np.nan, hand_pore_number=np.nan)
    for index, row in manifest[manifest["sintering_schedule"].isin(MEASURED_ALIKE)].iterrows():
        named = np.isclose(table["conductivity_S_per_cm"], row["conductivity_S_per_cm"], rtol=NAMED_ALIKE)
        if np.count_nonzero(named) != 1:
            raise FeatureTableError(f"{path}: {np.count_nonzero(named)} rows for {row['file']}; one is needed.")
        for name in ("pore_area_mean_um2", "pore_number"):
            manifest.loc[index, f"hand_{name}"] = table.loc[named, name].item()
    return manifest.assign(hand_pore_area_total_um2=manifest["hand_pore_area_mean_um2"] * manifest["hand_pore_number"])


def measure_page(page: Page) -> FileResult:
    """Pores of the pictures of a page, and its contact sheet."""
    use_one_thread()
    result = FileResult()
    drawn = []
    for path, row in page.pictures:
        try:
            picture = read_picture(path)
            micrograph = pipeline.micrograph_of(picture, pipeline.calibrate(picture))
            segmentation = pipeline.segment(micrograph, page.settings)
            measured = pipeline.measure(micrograph, segmentation, page.settings)
        except MicroFeaturesError as error:
            result.failures.append(Failure(str(path), "measure", str(error)))
            continue
        pores = measured.regions[measured.regions["phase"] == "pore"]
        features = {
            "pore_area_mean_um2": measured.features["pore_area_mean_um2"],
            "pore_number": len(pores),
            "pore_area_total_um2": float(pores["area_um2"].sum()),
            "porosity": measured.features["porosity"],
        }
        result.rows.append({**{str(name): value for name, value in row.items()}, **features})
        if page.draw:
            shown = {"pores": segmentation.pores}
            told = "grains not resolved"
            if measured.quality["quality_grains_resolved"]:
                shown = {"grains": segmentation.grains, **shown}
                told = f"mean intercept {measured.features['grain_intercept_mean_um']:.1f} µm"
            caption = (
                f"{len(pores)} pores of {features['pore_area_mean_um2']:.1f} µm² on average, "
                f"{features['porosity']:.1%} of the area; {told}"
            )
            window = Window.one_to_one(micrograph.valid, PANEL_SHAPE)
            plain = panel(micrograph.image, window, caption=str(row["file"]))
            drawn.append([plain, panel(micrograph.image, window, outlines=shown, caption=caption)])
    if drawn:
        write_png(page.path, contact_sheet(drawn))
    return result


def measure_all(todo: list[Page], *, n_workers: int) -> tuple[pd.DataFrame, list[Failure]]:
    """Rows of all pictures, and what failed.

    Raises
    ------
    ArtefactError
        A model that the settings name is missing, or is none.
    """
    for page in todo[:1]:
        pipeline.check_models(page.settings)
    return gather(measure_page, todo, n_workers=n_workers, unit="page")


def lines(table: pd.DataFrame) -> Iterator[str]:
    """Ours beside the table, for a person to read; nothing where nothing was measured by hand."""
    if QUANTITIES[0].by_hand not in table:
        return
    both = table[table[QUANTITIES[0].by_hand].notna()]
    yield "pores beside the study's own measurements (other pictures of the same specimens, same magnification)"
    yield f"  {'':20}{'schedule':>18}{'number, ours':>14}{'table':>7}" + "".join(
        f"{quantity.heading + ', ours':>28}{'table':>9}" for quantity in QUANTITIES
    )
    for row in both.to_dict("records"):
        yield (
            f"  {row['file']!s:20}{row['sintering_schedule']:>18}{row['pore_number']:14}{row['hand_pore_number']:7.0f}"
            + "".join(f"{row[quantity.ours]:28.1f}{row[quantity.by_hand]:9.1f}" for quantity in QUANTITIES)
        )
    for quantity in QUANTITIES:
        ours, by_hand = (both[column].to_numpy(float) for column in (quantity.ours, quantity.by_hand))
        r, low, high = rank_correlation(ours, by_hand)
        ratio = np.nanmean(ours) / np.nanmean(by_hand)
        yield (
            f"{quantity.heading}, n = {len(both)}: Spearman r = {r:.2f} (95 %: {low:.2f} to {high:.2f}), "
            f"ratio of means {ratio:.2f}"
        )
