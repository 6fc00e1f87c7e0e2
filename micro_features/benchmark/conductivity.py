"""The published LLZTO pictures from pixels to conductivity: the command `benchmark conductivity`.

Measures the pictures, fits conductivity with sintering schedules left out, and does the same with the study's
hand-measured table of grains and pores, so that both stand the same test. The model that ships is made by this.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from micro_features import runs
from micro_features.benchmark.published import HAND_MEASURED
from micro_features.errors import FeatureTableError, OutputError
from micro_features.files.tables import read_table, write_table
from micro_features.fitting import evaluate, result_files, wording
from micro_features.fitting.dataset_request import DatasetRequest
from micro_features.fitting.evaluate import EXPLAINED
from micro_features.fitting.fit import Fit, Request, fit
from micro_features.learn.scores import advantage
from micro_features.learn.tabular import MODELS
from micro_features.learn.validate import out_of_fold
from micro_features.published.parameters import by_hand
from micro_features.settings import Settings

TARGET, GROUP, CLASSES = "conductivity_S_per_cm", "sintering_schedule", "conductivity_class"
SEEDS = 5


@dataclass(frozen=True, eq=False)
class Compared:
    """What was found.

    Attributes
    ----------
    pictures : Fit
        From our features of the pictures.
    by_hand : Fit or None
        From the hand-measured table; None where it is missing.
    r2_of_seeds : (n,) float array
        R² of the explained model with schedules left out, the choice inside the folds and the trees drawn anew.
    """

    pictures: Fit
    by_hand: Fit | None
    r2_of_seeds: np.ndarray

    def lines(self) -> Iterator[str]:
        """For a person to read."""
        yield "From features of the pictures"
        yield from wording.lines(self.pictures)
        yield ""
        yield (
            f"R² of {EXPLAINED}, schedules left out, over {len(self.r2_of_seeds)} seeds: "
            f"{', '.join(f'{value:.2f}' for value in self.r2_of_seeds)} (median {np.median(self.r2_of_seeds):.2f})"
        )
        if self.by_hand is None:
            return
        yield ""
        yield "From the hand-measured table of the study"
        yield from wording.lines(self.by_hand)
        yield ""
        for name in MODELS:
            ours, theirs = (each.models[name].runs[each.first.name] for each in (self.pictures, self.by_hand))
            order = [self.by_hand.dataset.ids.index(name_) for name_ in self.pictures.dataset.ids]
            low, gain, high = advantage(
                self.pictures.dataset.y,
                ours.predicted,
                theirs.predicted[order],
                self.pictures.dataset.groups,
            )
            yield f"{name}: R² from pictures less R² from the hand-measured table {gain:+.2f} [{low:+.2f}, {high:+.2f}]"


def compare(
    folder: Path,
    output: Path,
    settings: Settings,
    *,
    n_workers: int,
    seed: int = 0,
    command_line: Sequence[str] = (),
    tell: Callable[[str], None] = lambda line: None,
) -> Compared:
    """Measure and fit.

    Parameters
    ----------
    folder : Path
        As `micro-features datasets get llzto` makes it.
    output : Path
        New folder: ``pictures/`` (features), ``features.csv`` (with what is stated about the pictures), ``fit/``,
        ``fit_by_hand/``.
    settings : Settings
    n_workers : int
    seed : int
    command_line : sequence of str
    tell : callable
        Told what is being done.

    Raises
    ------
    OutputError
        The output exists.
    FeatureTableError
        Manifest or table are missing or others.
    """
    if output.exists():
        raise OutputError(f"{output}: exists; name a new folder.")
    manifest = folder / "manifest.csv"
    stated = read_table(manifest, as_text=True)
    for column in ("file", TARGET, GROUP, CLASSES):
        if column not in stated:
            raise FeatureTableError(
                f"{manifest}: no column {column!r}; fetch it by `micro-features datasets get llzto`."
            )
    tell("measuring the pictures")
    summary = runs.run(
        "extract",
        [folder / name for name in stated["file"]],
        output / "pictures",
        settings,
        manifest=manifest,
        overlays=False,
        ignore_tuned=True,  # the program is judged, and nobody's hand
        n_workers=n_workers,
        command_line=command_line,
    )
    if summary.failures:
        first = summary.failures[0]
        raise FeatureTableError(f"{first.path}: {first.reason}")
    features = with_statements(summary.place.table, stated, folder)
    write_table(output / "features.csv", features)
    request = Request(
        table=summary.place.table,
        data=DatasetRequest(TARGET, GROUP, manifest, classes=CLASSES),
        seed=seed,
        threads=n_workers,
    )
    ours = fit(request, tell=tell)
    result_files.write(ours, output / "fit", command_line)
    tell("once more with other seeds")
    seeds = _r2_of_seeds(ours)
    by_hand = None
    if (folder / HAND_MEASURED).exists():
        table = hand_measured_table(folder / HAND_MEASURED, features)
        write_table(output / "hand_measured.csv", table)
        names = tuple(name for name in table.columns if name not in ("micrograph_id", TARGET, GROUP, CLASSES))
        by_name = dataclasses.replace(request.data, manifest=None, features=names)
        request = dataclasses.replace(request, table=output / "hand_measured.csv", data=by_name)
        tell("the same from the hand-measured table")
        by_hand = fit(request, tell=tell)
        result_files.write(by_hand, output / "fit_by_hand", command_line)
    return Compared(ours, by_hand, seeds)


def with_statements(table: Path, stated: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """The feature table with the manifest's columns, and paths below the set's folder: it speaks for itself."""
    features = read_table(table)
    files = [Path(str(path)).relative_to(folder).as_posix() for path in features["path"]]
    rows = stated.set_index("file").loc[files].reset_index()
    stated_only = rows.drop(columns=[name for name in rows.columns if name in features or name == "file"])
    first = list(features.columns).index("path") + 1
    return pd.concat([features.assign(path=files).iloc[:, :first], stated_only, features.iloc[:, first:]], axis=1)


def hand_measured_table(path: Path, features: pd.DataFrame) -> pd.DataFrame:
    """The hand-measured table, with the ids and schedules of the pictures whose conductivity it names.

    Parameters
    ----------
    path : Path
    features : DataFrame
        As `with_statements` gives it.

    Raises
    ------
    FeatureTableError
        A picture has no row.
    """
    named = features[TARGET].astype(float).to_numpy()
    measured = by_hand(path, tuple(features["micrograph_id"].astype(str)), named, TARGET)
    statements = features[["micrograph_id", TARGET, GROUP, CLASSES]].reset_index(drop=True)
    return pd.concat([statements, measured.reset_index(drop=True)], axis=1)


def _r2_of_seeds(ours: Fit) -> np.ndarray:
    dataset, X = ours.dataset, ours.dataset.X.to_numpy(float)
    found = [ours.models[EXPLAINED].scores[ours.first.name]["r2"][1]]
    for seed in range(ours.request.seed + 1, ours.request.seed + SEEDS):
        problem = dataclasses.replace(ours.problem, seed=seed)
        run = out_of_fold(
            MODELS[EXPLAINED], X, dataset.y, ours.first.fold, dataset.groups, evaluate.subsets_of(dataset), problem
        )
        found.append(evaluate.r2(dataset.y, run.predicted))
    return np.array(found)
