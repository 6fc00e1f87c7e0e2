"""One run of a command over many pictures: what is to be done, doing it, and the tables at the end."""

import concurrent.futures
import contextlib
import dataclasses
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from tqdm import tqdm

from micro_features import batch, pipeline, results
from micro_features.batch import Failure
from micro_features.errors import FeatureTableError, MicroFeaturesError, OutputError
from micro_features.files.journal import Entry, Journal
from micro_features.files.search import (
    Found,
    as_text,
    file_sha256,
    file_stems,
    find_pictures,
    picture_ids,
    without_suffix,
)
from micro_features.files.tables import Manifest, as_float
from micro_features.files.tuned import SUFFIX, content_sha256, read_all, sidecar
from micro_features.jobs import Job, Stated, do
from micro_features.results import Place
from micro_features.settings import Settings

SURFACES = ("polished", "fracture", "unknown")
# In a long run the table is also written in between, so that somebody can look; it takes a twentieth of the time.
SECONDS_BETWEEN_TABLES = 20.0
SHARE_OF_TIME_FOR_TABLES = 0.05


@dataclass
class Summary:
    """What a run did.

    Attributes
    ----------
    place : Place
    done, unchanged, kept : int
        Files worked on now; done earlier and not changed since; of earlier runs and not asked for now.
    failures : list of Failure
    notes : list of str
        What the user should know beside.
    interrupted : bool
    seconds : float
        Wall time.
    """

    place: Place
    done: int = 0
    unchanged: int = 0
    kept: int = 0
    failures: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    interrupted: bool = False
    seconds: float = 0.0

    def lines(self) -> Iterator[str]:
        """For a person to read."""
        unchanged = f", {self.unchanged} unchanged" if self.unchanged else ""
        interrupted = "interrupted: " if self.interrupted else ""
        yield f"{interrupted}{self.done} done{unchanged}, {len(self.failures)} failed, in {self.seconds:.1f} s"
        if self.kept:
            yield f"{self.kept} of earlier runs, not among these pictures, stay in the table"
        for failure in self.failures[:5]:
            yield f"  {' '.join(failure.path.split())}: {failure.stage}: {failure.reason}"
        if len(self.failures) > 5:
            yield f"  and {len(self.failures) - 5} more"
        if self.failures:
            yield f"reasons: {self.place.failures}"
        yield from self.notes
        if (overlays := self.place.folder / "overlays").is_dir():
            yield f"look at these first: {overlays}"
        yield f"table: {self.place.table}"


def run(
    command: str,
    paths: Sequence[Path],
    output: Path,
    settings: Settings,
    *,
    manifest: Path | None = None,
    pixel_um: float | None = None,
    pixel_size_table: Path | None = None,
    uncalibrated: bool = False,
    overlays: bool = True,
    sensitivity: bool = False,
    tuned: Path | None = None,
    ignore_tuned: bool = False,
    n_workers: int | None = None,
    command_line: Sequence[str] = (),
) -> Summary:
    """Do a command for every picture below some paths.

    Finished pictures are recorded as they come; a rerun does only what is new or changed.

    Parameters
    ----------
    command : {"extract", "segment", "calibrate"}
    paths : sequence of Path
        Pictures, and folders of pictures.
    output : Path
        Folder of the results, or the table itself.
    settings : Settings
    manifest : Path, optional
        Table with a column ``file`` and any of ``sample_id`` and ``surface``.
    pixel_um : float, optional
        Edge of a pixel for all pictures, micrometres.
    pixel_size_table : Path, optional
        Table with columns ``file`` and ``pixel_um``.
    uncalibrated : bool
        Lengths in pixels.
    overlays : bool
        Whether `extract` writes overlays.
    sensitivity : bool
        Whether `extract` tells ranges over plausible thresholds, which takes many times as long.
    tuned : Path, optional
        Folder of what was tuned by hand for single pictures (`files.tuned`); beside the pictures where left out.
    ignore_tuned : bool
        Do without.
    n_workers : int, optional
        Processes; one for each core where left out.
    command_line : sequence of str
        For the provenance.

    Returns
    -------
    Summary

    Raises
    ------
    OutputError
        The output can not be written, or something that is not ours stands there.
    FeatureTableError
        A manifest is not as it should be.
    ArtefactError
        A model that the settings name is missing, or is none.
    """
    began = time.monotonic()
    if command != "calibrate":
        pipeline.check_models(settings)
    place = Place(output, command)
    found, missing = find_pictures(paths)
    stated, notes = stated_by_user(
        found, manifest, pixel_size_table, Stated(pixel_um=pixel_um, uncalibrated=uncalibrated)
    )
    results.refuse_foreign(place, command)
    with Journal(place.folder, command) as journal:
        results.sweep(place)
        results.remember_table(place)
        jobs = _jobs(command, found, stated, settings, journal, place.folder, overlays)
        jobs = [dataclasses.replace(job, sensitivity=sensitivity) for job in jobs]
        jobs, own, more_notes = _tuned(jobs, tuned, ignore_tuned or command == "calibrate")
        notes += more_notes
        todo = _new_or_changed(jobs, journal)
        order = {job.key: None for job in jobs}
        summary = Summary(
            place,
            unchanged=len(jobs) - len(todo),
            kept=len(journal.entries.keys() - order.keys()),
            failures=[Failure(path, "find", reason) for path, reason in missing],
            notes=notes,
        )

        def entries() -> list[Entry]:
            """In the order of the pictures; those of earlier runs last."""
            names = [*order, *(path for path in journal.entries if path not in order)]
            return [journal.entries[path] for path in names if path in journal.entries]

        try:
            for _ in _worked(todo, journal, summary, n_workers or batch.usable_cores()):
                results.write_main_table(place, entries(), command)
        except KeyboardInterrupt:
            summary.interrupted = True
        table = results.write_main_table(place, entries(), command)
        if "quality_grains_resolved" in table and len(table):
            resolved = int(table["quality_grains_resolved"].sum())
            summary.notes.append(
                f"grains resolved in {resolved} of {len(table)} micrographs; elsewhere grain columns are empty"
            )
        if "corrections_missed" in table and (missed := int(table["corrections_missed"].sum())):
            summary.notes.append(f"{missed} corrections by hand found nothing to act on: see column corrections_missed")
        results.write_failures(place, summary.failures)
        regions = results.write_regions(place, journal, entries()) if command == "extract" else []
        results.write_dictionary(place, table, regions)
        summary.seconds = time.monotonic() - began
        results.write_provenance(place, entries(), settings, command_line, summary.seconds, of_pictures=own)
        journal.drop_stale_parts()
    return summary


def _worked(todo: list[Job], journal: Journal, summary: Summary, n_workers: int) -> Iterator[None]:
    """Work on the jobs and record them; yields when it is time to write a table."""
    finished = batch.map_unordered(
        do, todo, n_workers=min(n_workers, max(len(todo), 1)), path_of=lambda job: job.path_text
    )
    written, cost = time.monotonic(), 0.0
    with tqdm(total=len(todo), unit="picture", disable=None) as progress:
        for job, result in finished:
            summary.failures.extend(result.failures)
            # A file of which a page failed is worked on again in the next run: no digest fits it.
            digest = "" if result.failures else job.digest
            # What was found earlier stands where the file can not be opened or the result not be written; not where the
            # file holds something else now, nor where what is asked for now is refused.
            sha256 = result.sha256 or file_sha256(job.path)
            earlier = journal.entries.get(job.key)
            refused = any(
                failure.stage in ("calibrate", "corrections", "segment", "measure") for failure in result.failures
            )
            if result.rows or (earlier is not None and (refused or sha256 not in ("", earlier.sha256))):
                rows, parts = tuple(result.rows), tuple(result.parts)
                journal.append(Entry(job.key, job.micrograph_id, sha256, digest, rows, parts))
            summary.done += not result.failures
            progress.update()
            now = time.monotonic()
            if now - written > max(SECONDS_BETWEEN_TABLES, cost / SHARE_OF_TIME_FOR_TABLES):
                yield
                written = time.monotonic()
                cost = written - now


def stated_by_user(
    found: Sequence[Found], manifest: Path | None, pixel_size_table: Path | None, for_all: Stated
) -> tuple[list[Stated], list[str]]:
    """What the user says about each picture, in their order, and notes on what could not be used.

    Raises
    ------
    FeatureTableError
        A table is not as it should be.
    """
    paths = [item.path for item in found]
    samples: dict[Path, dict[str, Any]] = {}
    sizes: dict[Path, dict[str, Any]] = {}
    notes: list[str] = []
    if manifest is not None:
        samples, unused = Manifest(manifest).match(paths)
        notes += _unused_rows(manifest, unused)
    if pixel_size_table is not None:
        sizes, unused = Manifest(pixel_size_table, required=["pixel_um"]).match(paths)
        notes += _unused_rows(pixel_size_table, unused)
    stated = []
    for path in paths:
        row, size = samples.get(path, {}), sizes.get(path, {})
        surface = row.get("surface")
        if surface is not None and surface not in SURFACES:
            raise FeatureTableError(
                f"{manifest}: column 'surface' holds {surface!r} for {path.name}; write {', '.join(SURFACES)}."
            )
        pixel_um = for_all.pixel_um
        if "pixel_um" in size:
            pixel_um = as_float(size["pixel_um"], column="pixel_um", file=str(pixel_size_table))
            if pixel_um <= 0:
                raise FeatureTableError(f"{pixel_size_table}: pixel_um of {path.name} is {pixel_um:g}, not above 0.")
        sample = row.get("sample_id")
        stated.append(Stated(pixel_um, for_all.uncalibrated, None if sample is None else str(sample), surface))
    return stated, notes


def _unused_rows(table: Path, unused: list[str]) -> list[str]:
    if not unused:
        return []
    more = f" and {len(unused) - 1} more rows" if len(unused) > 1 else ""
    return [f"{table}: {unused[0]!r}{more} fit none of these pictures"]


def _jobs(
    command: str,
    found: Sequence[Found],
    stated: Sequence[Stated],
    settings: Settings,
    journal: Journal,
    folder: Path,
    overlays: bool,
) -> list[Job]:
    known = {path: entry.file_id for path, entry in journal.entries.items()}
    ids = picture_ids(found, known)
    here = {item.key for item in found}
    kept = [(path, name) for path, name in known.items() if path not in here]
    stems = file_stems(
        [name for _, name in kept] + ids,
        [without_suffix(PurePath(path).name) for path, _ in kept]
        + [without_suffix(as_text(Path(item.path.name))) for item in found],
    )[len(kept) :]
    return [
        Job(command, item.key, item.path, micrograph_id, name, folder, journal.parts, settings, said, overlays)
        for item, micrograph_id, name, said in zip(found, ids, stems, stated, strict=True)
    ]


def _tuned(jobs: Sequence[Job], folder: Path | None, ignore: bool) -> tuple[list[Job], dict[str, Any], list[str]]:
    """The jobs with what was tuned by hand for their pictures; its settings, by their digest; and a note on it."""
    if folder is not None and not folder.is_dir():
        raise OutputError(f"{folder}: is no folder; name that of the .tuned.json files.")
    found = {job.key: path for job in jobs if os.path.lexists(path := sidecar(job.path, folder))}
    if ignore or not found:
        said = f"{len(found)} pictures were tuned by hand, which is left out of account here"
        return list(jobs), {}, [said] if found and jobs[0].command != "calibrate" else []
    tuned, own = [], dict[str, Any]()
    for job in jobs:
        if job.key in found:
            job, settings = _with_sidecar(job, found[job.key])
            own |= {each.digest: each.model_dump(mode="json") for each in settings}
        tuned.append(job)
    return tuned, own, [f"{len(found)} of {len(jobs)} pictures with settings or corrections by hand ({SUFFIX})"]


def _with_sidecar(job: Job, path: Path) -> tuple[Job, list[Settings]]:
    """A job that heeds a sidecar, and the settings in it, as far as it can be used."""
    try:
        sha256 = content_sha256(path)
    except MicroFeaturesError as error:  # is told where the picture is worked on, as all that is wrong with it
        sha256 = str(error)
    own: list[Settings] = []
    models: list[dict[str, str]] = []
    with contextlib.suppress(MicroFeaturesError):
        own = [job.settings.updated(tuned.settings) for tuned in read_all(path)]
        models = [pipeline.models_used(settings) for settings in own]
    return dataclasses.replace(job, sidecar=path, sidecar_sha256=sha256, sidecar_models=tuple(models)), own


def _new_or_changed(jobs: Sequence[Job], journal: Journal) -> list[Job]:
    """Jobs that no entry answers: path, content and everything else that its rows depend on are the same."""
    candidates = []
    todo = []
    for job in jobs:
        entry = journal.entries.get(job.key)
        if entry is not None and entry.digest == job.digest:
            candidates.append((job, entry))
        else:
            todo.append(job)
    with concurrent.futures.ThreadPoolExecutor() as pool:  # hashing lets go of the interpreter
        hashes = pool.map(lambda pair: file_sha256(pair[0].path), candidates)
        todo += [job for (job, entry), digest in zip(candidates, hashes, strict=True) if digest != entry.sha256]
    return todo
