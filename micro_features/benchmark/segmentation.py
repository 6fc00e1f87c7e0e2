"""How well grains or pores are found, against annotated pictures: the command `benchmark segmentation`.

Our methods stand beside textbook ones (`baselines`), on the same pictures and by the same scores (`images.score`).
"""

import functools
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from micro_features import pipeline
from micro_features.annotated import Case, Kind, read_case
from micro_features.batch import Failure, FileResult
from micro_features.benchmark.baselines import BASELINES, Baseline
from micro_features.benchmark.common import gather, mean_interval, rank_correlation
from micro_features.data import Micrograph
from micro_features.errors import MicroFeaturesError
from micro_features.features.intercepts import close_gaps, intercept_features
from micro_features.files.search import as_text
from micro_features.images.score import (
    WIDEST_GAP_PX,
    boundary_agreement,
    mask_agreement,
    region_agreement,
    without_gaps,
)
from micro_features.jobs import use_one_thread
from micro_features.report.contact import Window, contact_sheet, panel
from micro_features.settings import METHODS, Settings

OURS: dict[Kind, dict[str, dict[str, str]]] = {
    "grains": METHODS,
    "pores": METHODS,
}
"""Our methods: name in the table, and the settings that choose it."""

CONFIDENCE = "quality_segmentation_confidence"


@dataclass(frozen=True)
class Score:
    """A column of the table.

    Attributes
    ----------
    column : str
    heading : str
        As printed above its mean.
    form : str
        Format of the printed number.
    error : bool
        A signed error: the mean over pictures is that of its absolute value.
    """

    column: str
    heading: str
    form: str = ".2f"
    error: bool = False


SCORES: dict[Kind, tuple[Score, ...]] = {
    "grains": (
        Score("f1_50", "F1 at IoU 0.5"),
        Score("ap", "AP"),
        Score("boundary_f1_2px", "boundary F1 2 px"),
        Score("intercept_error", "|mean intercept|", ".1%", error=True),
        Score("G_planimetric_error", "|planimetric G|", error=True),
        Score("G_intercept_error", "|intercept G|", error=True),
    ),
    "pores": (
        Score("iou", "IoU"),
        Score("dice", "Dice"),
        Score("area_error", "|area|", ".1%", error=True),
    ),
}
"""The first one says which pictures are worst."""


def evaluate(case: Case) -> FileResult:
    """Every method on one picture: a row of scores each, ours with their `quality_*`."""
    use_one_thread()
    rows: list[dict[str, Any]] = []
    try:
        micrograph, true = read_case(case)
        _warm_up(case.kind, case.settings)
        for method, changes in OURS[case.kind].items():
            settings = case.settings.updated(changes)
            segmentation, seconds = _timed(pipeline.segment, micrograph, settings)
            quality = pipeline.measure(micrograph, segmentation, settings).quality
            rows.append(_row(case, method, getattr(segmentation, case.kind), true, micrograph.valid, seconds) | quality)
        for method, find in BASELINES[case.kind].items():
            labels, seconds = _timed(_found_by_baseline, find, micrograph)
            rows.append(_row(case, method, labels, true, micrograph.valid, seconds))
    except MicroFeaturesError as error:
        return FileResult(failures=[Failure(as_text(case.path), "measure", str(error))])
    return FileResult(rows=rows)


def evaluate_all(todo: list[Case], *, n_workers: int) -> tuple[pd.DataFrame, list[Failure]]:
    """Rows of all pictures, every method on each, and what failed.

    Raises
    ------
    ArtefactError
        A model that a method of ours needs is missing, or is none.
    """
    for case in todo[:1]:
        for changes in OURS[case.kind].values():
            pipeline.check_models(case.settings.updated(changes))
    return gather(evaluate, todo, n_workers=n_workers)


def _found_by_baseline(find: Baseline, micrograph: Micrograph) -> np.ndarray:
    """What a textbook method finds in the valid part; it is told the median grey level of what is masked inside."""
    image, valid = micrograph.image, micrograph.valid
    frame = np.ix_(valid.any(axis=1), valid.any(axis=0))
    labels = np.zeros(image.shape, np.int32)
    labels[frame] = find(np.where(valid, image, np.median(image[valid]))[frame])
    labels[~valid] = 0
    return labels


def _timed(work: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """A result and the processor's seconds, which other programs on the same core do not lengthen."""
    start = time.process_time()
    result = work(*arguments)
    return result, time.process_time() - start


@functools.cache
def _warm_up(kind: Kind, settings: Settings) -> None:
    """What is loaded once is no picture's cost."""
    noise = np.random.default_rng(0).random((128, 128), np.float32)
    micrograph = Micrograph(noise, np.ones(noise.shape, bool), 1.0, calibrated=False)
    for changes in OURS[kind].values():
        pipeline.segment(micrograph, settings.updated(changes))
    for find in BASELINES[kind].values():
        find(noise)


def _row(
    case: Case, method: str, found: np.ndarray, true: np.ndarray, valid: np.ndarray, seconds: float
) -> dict[str, Any]:
    rows = len(true)
    agreement = (_grain_scores if case.kind == "grains" else _pore_scores)(found[:rows], true, valid[:rows])
    return {"file": as_text(case.path), "name": case.name, "method": method, "seconds": seconds, **agreement}


def _grain_scores(found: np.ndarray, true: np.ndarray, valid: np.ndarray) -> dict[str, float]:
    regions, boundary = region_agreement(found, true), boundary_agreement(found, true, tolerance_px=2)
    # Lines are drawn in many widths: both are closed alike before anything is measured. In pixels: the scale cancels.
    of_found, of_true = (intercept_features(without_gaps(labels), valid, pixel_um=1.0) for labels in (found, true))
    numbers = {
        f"{name}_error": of_found[f"grain_size_{name}"] - of_true[f"grain_size_{name}"]
        for name in ("G_planimetric", "G_intercept")
    }
    return {
        "f1_50": regions.f1,
        "ap": regions.average_precision,
        "boundary_f1_2px": boundary.f1,
        "boundary_precision_2px": boundary.precision,
        "boundary_recall_2px": boundary.recall,
        "intercept_error": of_found["grain_intercept_mean_um"] / of_true["grain_intercept_mean_um"] - 1,
        **numbers,
        "n_found": len(_areas(found)),
        "n_true": len(_areas(true)),
        "diameter_true_px": float(np.sqrt(4 / np.pi * _areas(true)).mean()),
    }


def _pore_scores(found: np.ndarray, true: np.ndarray, valid: np.ndarray) -> dict[str, float]:
    masks = mask_agreement(found > 0, true > 0)
    return {
        "iou": masks.iou,
        "dice": masks.dice,
        "area_error": masks.area_error,
        "share_found": np.count_nonzero(found) / np.count_nonzero(valid),
        "share_true": np.count_nonzero(true) / np.count_nonzero(valid),
    }


def _areas(labels: np.ndarray) -> np.ndarray:
    """Of the regions, pixels."""
    area = np.bincount(labels.ravel())[1:]
    return area[area > 0]


def summary(table: pd.DataFrame, kind: Kind) -> pd.DataFrame:
    """Mean of every score over pictures, by method.

    Parameters
    ----------
    table : DataFrame
        Of `evaluate_all`.
    kind : str

    Returns
    -------
    DataFrame
        One row a method: number of pictures, mean ``seconds`` and every score with ``<score>_ci95_low`` and ``_high``
        by bootstrap over pictures (NaN below three). Errors by their absolute value. A method that finds no
        boundary at all on some picture has no mean intercept there, and NaN for the mean.
    """
    rows: list[dict[str, Any]] = []
    for method, some in table.groupby("method", sort=False):
        row: dict[str, Any] = {"method": method, "n_pictures": len(some), "seconds": some["seconds"].mean()}
        for score in SCORES[kind]:
            values = some[score.column].abs() if score.error else some[score.column]
            low, high = mean_interval(values) if values.notna().all() else (np.nan, np.nan)
            row |= {
                score.column: values.mean(skipna=False),
                f"{score.column}_ci95_low": low,
                f"{score.column}_ci95_high": high,
            }
        rows.append(row)
    return pd.DataFrame(rows)


def lines(table: pd.DataFrame, means: pd.DataFrame, kind: Kind) -> Iterator[str]:
    """The summary, for a person to read."""
    n = table["file"].nunique()
    yield f"{kind}: means over {n} pictures (95 % interval by bootstrap over pictures)" if n > 2 else f"{kind}: n = {n}"
    scores, width = SCORES[kind], 21
    yield f"  {'':32}" + "".join(f"{score.heading:>{width}}" for score in scores) + f"{'s/picture':>11}"
    for row in means.to_dict("records"):
        name = f"ours: {row['method']}" if row["method"] in OURS[kind] else row["method"]
        yield f"  {name:32}" + "".join(f"{_cell(row, score):>{width}}" for score in scores) + f"{row['seconds']:11.2f}"
    if CONFIDENCE in table and kind == "grains":
        first = scores[0]
        for method in OURS[kind]:
            some = table[table["method"] == method]
            r, low, high = rank_correlation(some[CONFIDENCE].to_numpy(float), some[first.column].to_numpy(float))
            told = "too few pictures" if np.isnan(r) else f"Spearman r = {r:.2f} (95 %: {low:.2f} to {high:.2f})"
            yield f"confidence against {first.heading.split()[0]}, {method}, n = {len(some)}: {told}"


def _cell(row: dict[Hashable, Any], score: Score) -> str:
    low, high = row[f"{score.column}_ci95_low"], row[f"{score.column}_ci95_high"]
    value = f"{row[score.column]:{score.form}}"
    return value if np.isnan(low) else f"{value} ({low:{score.form}}–{high:{score.form}})"


def sheet_of_worst(todo: list[Case], table: pd.DataFrame, kind: Kind, *, n: int = 6) -> np.ndarray:
    """Contact sheet of the pictures on which a method of ours is worst: picture, truth and what each of ours found.

    Parameters
    ----------
    todo : list of Case
    table : DataFrame
        Of `evaluate_all`.
    kind : str
    n : int
        Pictures, at most.

    Returns
    -------
    (rows, cols, 3) uint8 array
        RGB.
    """
    first = SCORES[kind][0]
    ours = table[table["method"].isin(list(OURS[kind]))]
    worst = ours.groupby("file")[first.column].min().sort_values().index[:n]
    by_file = {as_text(case.path): case for case in todo}
    return contact_sheet([_panels(by_file[file], ours[ours["file"] == file]) for file in worst])


def _panels(case: Case, scores: pd.DataFrame) -> list[np.ndarray]:
    micrograph, true = read_case(case)
    rows = len(true)
    image = micrograph.image[:rows]
    window = Window.around_middle(true)

    def closed(labels: np.ndarray) -> dict[str, np.ndarray]:
        """One line where two would be drawn along the sides of a gap; pores as they are."""
        if case.kind == "pores":
            return {"pores": labels}
        everywhere = np.ones(labels.shape, bool)
        return {"grains": close_gaps(labels, everywhere, max_gap_px=WIDEST_GAP_PX, pores=~everywhere)}

    panels = [
        panel(image, window, caption=case.name),
        panel(image, window, outlines=closed(true), caption="truth"),
    ]
    for row in scores.to_dict("records"):
        settings = case.settings.updated(OURS[case.kind][row["method"]])
        found = getattr(pipeline.segment(micrograph, settings), case.kind)[:rows]
        told = ", ".join(
            f"{score.heading.strip('|')} {row[score.column]:{'+' if score.error else ''}{score.form}}"
            for score in SCORES[case.kind]
        )
        panels.append(panel(image, window, outlines=closed(found), caption=f"{row['method']}: {told}"))
    return panels
