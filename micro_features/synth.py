"""The command `synth`: draw a set of micrographs with known truth into a folder.

DIR/micrographs/*.png     8-bit, with data bar
DIR/labels/grains/*.png   16-bit, without data bar; 0 is pore
DIR/labels/pores/*.png    16-bit; 0 is grain
DIR/manifest.csv          one row a micrograph: conductivity, causes, what is true of specimen and picture
DIR/attributions.csv      one row a specimen: what each cause adds to log10 of its conductivity
DIR/effects.csv           one row a cause: its share of the variance of log10 conductivity over the preset's ranges
DIR/provenance.json       the request, versions
"""

import contextlib
import dataclasses
import datetime
import hashlib
import json
import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from micro_features import __version__
from micro_features.batch import Failure, FileResult, map_unordered
from micro_features.errors import MicroFeaturesError, OutputError
from micro_features.files.artefacts import shipped
from micro_features.files.journal import STATE_FOLDER, Entry, Journal
from micro_features.files.outputs import TEMPORARY_PREFIX, write_json, write_png
from micro_features.files.tables import read_table, write_table
from micro_features.jobs import use_one_thread
from micro_features.results import versions
from micro_features.synthetic.law.response import ResponseSurface, fit_surface
from micro_features.synthetic.picture.databar import with_databar
from micro_features.synthetic.planted import (
    best_r2,
    preset_named,
    specimen_requests,
    true_attributions,
    true_effects,
)
from micro_features.synthetic.specimens import Session, SpecimenRequest, draw_specimen, specimen_rows

COMMAND = "synth"


@dataclass(frozen=True)
class Job:
    """One specimen to be drawn into a folder."""

    request: SpecimenRequest
    folder: Path

    @property
    def digest(self) -> str:
        """Hash of all that its pictures and rows depend on."""
        request = json.dumps(dataclasses.asdict(self.request), default=str)
        return hashlib.sha256(f"{__version__} {request}".encode()).hexdigest()[:16]


@dataclass
class Summary:
    """What a run of `synth` did."""

    folder: Path
    meaning: str
    specimens: int
    pictures: int
    failures: list[Failure]
    best_r2: float
    interrupted: bool = False

    def lines(self) -> Iterator[str]:
        """For a person to read."""
        if self.interrupted:
            yield f"interrupted: {self.specimens} specimens are drawn; the same command goes on from there"
            return
        for failure in self.failures[:5]:
            yield f"  {failure.path}: {failure.reason}"
        if self.failures:
            yield f"{len(self.failures)} specimens failed; the same command tries them again"
            return
        yield f"{self.pictures} micrographs of {self.specimens} specimens in {self.folder}. {self.meaning}"
        if self.best_r2 < 1:
            yield f"part of the cause is hidden: no model of the pictures can reach more than R2 {self.best_r2:.2f}"
        yield (
            f"next: micro-features extract {shlex.quote(str(self.folder / 'micrographs'))} "
            f"--manifest {shlex.quote(str(self.folder / 'manifest.csv'))} -o results"
        )


def response_surface() -> ResponseSurface:
    """The law of conductivity, fitted to the solver runs that ship."""
    return fit_surface(read_table(shipped("data", "transport", "solver_runs.csv")))


def draw_set(
    preset_name: str,
    folder: Path,
    *,
    n: int | None = None,
    seed: int = 0,
    n_workers: int,
    command_line: Sequence[str] = (),
) -> Summary:
    """Draw a set; an interrupted run is taken up by the same call.

    Parameters
    ----------
    preset_name : str
        A key of `synthetic.planted.PRESETS`.
    folder : Path
        New or empty, or that of an interrupted run of the same request.
    n : int, optional
        Specimens; the preset's own number where left out.
    seed : int
        The same request with the same seed draws the same set.
    n_workers : int
        Processes.
    command_line : sequence of str
        For the provenance.

    Returns
    -------
    Summary

    Raises
    ------
    SettingsError
        The preset, n or seed is impossible.
    OutputError
        Something else stands in the folder, or it can not be written.
    """
    preset, surface = preset_named(preset_name), response_surface()
    requests = specimen_requests(preset, surface=surface, n=n, seed=seed)
    jobs = [Job(request, folder) for request in requests]
    _refuse_foreign(folder)
    summary = Summary(folder, preset.meaning, 0, 0, [], best_r2(preset, surface))
    with Journal(folder, COMMAND) as journal:
        if {entry.digest for entry in journal.entries.values()} - {job.digest for job in jobs}:
            raise OutputError(f"{folder}: holds the beginnings of another set; name a new folder.")
        for half_written in folder.rglob(f"{TEMPORARY_PREFIX}*"):
            half_written.unlink(missing_ok=True)
        todo = [job for job in jobs if not _is_done(job, journal)]
        try:
            _draw_all(todo, journal, summary, n_workers)
        except KeyboardInterrupt:
            summary.interrupted = True
        entries = [journal.entries[r.sample_id] for r in requests if r.sample_id in journal.entries]
        rows = [row for entry in entries for row in entry.rows]
        summary.specimens, summary.pictures = len(entries), len(rows)
        if summary.interrupted or summary.failures:
            return summary
        write_table(folder / "attributions.csv", true_attributions(preset, surface, requests))
        write_table(folder / "effects.csv", true_effects(preset, surface).table())
        write_json(
            folder / "provenance.json",
            {
                "software": f"micro-features {__version__}",
                "command": list(command_line),
                "preset": preset_name,
                "specimens": len(requests),
                "seed": seed,
                "drivers": list(preset.drivers),
                "best_r2": summary.best_r2,
                "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                **versions(),
            },
        )
        write_table(folder / "manifest.csv", pd.DataFrame(rows))  # the last: a set with a manifest is complete
    with contextlib.suppress(OSError):
        shutil.rmtree(folder / STATE_FOLDER)
    return summary


def _refuse_foreign(folder: Path) -> None:
    """A folder that holds anything but the beginnings of a set is left alone."""
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file; name a new folder.")
    begun = (folder / STATE_FOLDER / f"{COMMAND}.jsonl").exists()
    if folder.exists() and any(folder.iterdir()) and not begun:
        raise OutputError(f"{folder}: is not empty; name a new folder.")


def _is_done(job: Job, journal: Journal) -> bool:
    entry = journal.entries.get(job.request.sample_id)
    return entry is not None and all((job.folder / str(row["file"])).exists() for row in entry.rows)


def _draw_all(todo: list[Job], journal: Journal, summary: Summary, n_workers: int) -> None:
    drawn = map_unordered(
        draw, todo, n_workers=min(n_workers, max(len(todo), 1)), path_of=lambda job: job.request.sample_id
    )
    with tqdm(total=len(todo), unit="specimen", disable=None) as progress:
        for job, result in drawn:
            summary.failures.extend(result.failures)
            if result.rows:
                sample_id = job.request.sample_id
                journal.append(Entry(sample_id, sample_id, "", job.digest, tuple(result.rows)))
            progress.update()


def draw(job: Job) -> FileResult:
    """Draw a specimen and write its pictures and labels; one row a picture."""
    use_one_thread()
    try:
        specimen = draw_specimen(job.request)
        rows = []
        for view, picture, row in zip(job.request.views, specimen.pictures, specimen_rows(specimen), strict=True):
            with_bar, shown = picture_with_bar(job.request.session, view.taken, picture.image, picture.pixel_um)
            write_png(job.folder / "micrographs" / f"{view.picture_id}.png", with_bar, compression=9)
            for kind, labels in (("grains", picture.grains), ("pores", picture.pores)):
                path = job.folder / "labels" / kind / f"{view.picture_id}.png"
                write_png(path, labels.astype(np.uint16), compression=9)
            rows.append({"file": f"micrographs/{view.picture_id}.png", **row, **shown})
    except MicroFeaturesError as error:
        return FileResult(failures=[Failure(job.request.sample_id, "draw", str(error))])
    return FileResult(rows=rows)


def picture_with_bar(
    session: Session, taken: datetime.datetime, image: np.ndarray, pixel_um: float
) -> tuple[np.ndarray, dict[str, Any]]:
    """The 8-bit picture with its session's data bar, and what the bar shows."""
    pixels, annotations = with_databar(
        np.rint(image * 255).astype(np.uint8),
        pixel_um=pixel_um,
        layout=session.layout,
        magnification=session.magnification,
        kV=session.kV,
        WD_mm=session.WD_mm,
        taken=taken,
    )
    bar = annotations.scale_bar
    shown = {
        "databar_first_row": annotations.first_row,
        "databar_last_row": annotations.last_row,
        "scale_bar_px": bar.length_px if bar else None,
        "scale_bar_text": bar.text if bar else None,
    }
    return pixels, shown
