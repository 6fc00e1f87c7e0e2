"""What the commands do. Nothing is computed here: arguments become settings and paths, results become lines of text."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micro_features.cli import network_commands, published_command, report_command, sensitivity_command, tune_command
from micro_features.cli.common import progress, settings_from
from micro_features.cli.exit_codes import FAILED, INTERRUPTED
from micro_features.cli.learning_arguments import dataset_request
from micro_features.errors import OutputError, SettingsError

if TYPE_CHECKING:
    from micro_features import runs, synth
    from micro_features.batch import Failure

# Pictures that are drawn beside a user's own ones, so that a model trained on these keeps its general skill.
DRAWN_BESIDE_OWN = 40


def _run(options: argparse.Namespace, command: str, **more: Any) -> int:
    from micro_features import runs

    summary = runs.run(
        command,
        options.paths,
        options.output,
        settings_from(options),
        pixel_um=options.pixel_size,
        pixel_size_table=options.pixel_size_from,
        uncalibrated=options.uncalibrated,
        n_workers=options.jobs,
        command_line=options.command_line,
        **more,
    )
    return _told(summary)


def _told(summary: "runs.Summary | synth.Summary") -> int:
    """Print what a run did; its exit code."""
    for line in summary.lines():
        print(line)
    if summary.interrupted:
        return INTERRUPTED
    return FAILED if summary.failures else 0


def _extract(options: argparse.Namespace) -> int:
    return _run(
        options,
        "extract",
        manifest=options.manifest,
        overlays=not options.no_overlays,
        sensitivity=options.sensitivity,
        tuned=options.tuned,
        ignore_tuned=options.ignore_tuned,
    )


def _segment(options: argparse.Namespace) -> int:
    return _run(options, "segment", tuned=options.tuned, ignore_tuned=options.ignore_tuned)


def _calibrate(options: argparse.Namespace) -> int:
    return _run(options, "calibrate")


def _settings(options: argparse.Namespace) -> int:
    from micro_features.settings import annotated_toml

    print(annotated_toml(settings_from(options)), end="")
    return 0


def _synth(options: argparse.Namespace) -> int:
    from micro_features import synth
    from micro_features.batch import usable_cores

    summary = synth.draw_set(
        options.preset,
        options.output,
        n=options.n,
        seed=options.seed,
        n_workers=options.jobs or usable_cores(),
        command_line=options.command_line,
    )
    return _told(summary)


def _train_segmenter(options: argparse.Namespace) -> int:
    from micro_features.batch import usable_cores
    from micro_features.training.segmenter import Request, train_segmenter

    if options.images is not None and options.labels is None:
        raise SettingsError(f"{options.images}: name the label images, too, after the pictures.")
    if options.images is None and (options.strokes or not options.drawn):
        raise SettingsError("name pictures and their label images, or how many to draw, as in --drawn 40.")
    summary = train_segmenter(
        Request(
            folder=options.output,
            kind=options.kind,
            images=options.images,
            labels=options.labels,
            strokes=options.strokes,
            n_drawn=DRAWN_BESIDE_OWN if options.drawn is None else options.drawn,
            seed=options.seed,
            settings=settings_from(options),
        ),
        n_workers=options.jobs or usable_cores(),
        command_line=options.command_line,
    )
    for line in summary.lines():
        print(line, file=sys.stderr if summary.failures else sys.stdout)
    return FAILED if summary.failures else 0


def _fit(options: argparse.Namespace) -> int:
    from micro_features.fitting import result_files, wording
    from micro_features.fitting.fit import Request, fit

    result_files.check_new(options.output)
    found = fit(
        Request(
            table=options.table,
            data=dataset_request(options),
            task=options.task,
            rises_with=tuple(options.rises_with),
            falls_with=tuple(options.falls_with),
            folds=options.folds,
            permutations=options.permutations,
            bootstraps=options.bootstraps,
            level=options.level,
            seed=options.seed,
            threads=options.jobs,
        ),
        tell=progress,
    )
    result_files.write(found, options.output, options.command_line)
    for line in wording.lines(found):
        print(line)
    print(f"\nresults: {options.output} (look at {options.output / 'figures'} first)")
    return 0


def _predict(options: argparse.Namespace) -> int:
    from micro_features.fitting.predict import Request, predict

    result = predict(
        Request(
            paths=tuple(options.paths),
            model=options.model,
            output=options.output,
            level=options.level,
            explain=options.explain,
            id_column=options.id_column,
            pixel_um=options.pixel_size,
            pixel_size_table=options.pixel_size_from,
            uncalibrated=options.uncalibrated,
            n_workers=options.jobs,
            command_line=tuple(options.command_line),
        )
    )
    for line in result.lines():
        print(line)
    if result.interrupted:
        return INTERRUPTED
    return FAILED if result.failures else 0


def _benchmark_synthetic(options: argparse.Namespace) -> int:
    from micro_features.batch import usable_cores
    from micro_features.benchmark import synthetic
    from micro_features.files.artefacts import shipped
    from micro_features.files.tables import write_table

    _check_new_table(options.output)
    todo = synthetic.cases(options.folder or shipped("data", "synthetic"), settings_from(options))
    table, failures = synthetic.recover_all(todo, n_workers=options.jobs or usable_cores())
    if not table.empty:
        for line in synthetic.lines(table, synthetic.summary(table)):
            print(line)
        if options.output is not None:
            write_table(options.output, table)
    return _benchmark_told(failures)


def _benchmark_segmentation(options: argparse.Namespace) -> int:
    from micro_features.annotated import cases
    from micro_features.batch import usable_cores
    from micro_features.benchmark import segmentation
    from micro_features.files.outputs import write_png
    from micro_features.files.tables import write_table

    _check_new_table(options.output)
    _check_new_picture(options.sheet)
    todo, failures = cases(options.images, options.labels, options.kind, settings_from(options))
    table, failed = segmentation.evaluate_all(todo, n_workers=options.jobs or usable_cores())
    if not table.empty:
        for line in segmentation.lines(table, segmentation.summary(table, options.kind), options.kind):
            print(line)
        if options.output is not None:
            write_table(options.output, table)
        if options.sheet is not None:
            write_png(options.sheet, segmentation.sheet_of_worst(todo, table, options.kind))
    return _benchmark_told([*failures, *failed])


def _benchmark_published(options: argparse.Namespace) -> int:
    from micro_features.batch import usable_cores
    from micro_features.benchmark import published
    from micro_features.files.tables import write_table

    _check_new_table(options.output)
    if options.sheets is not None and options.sheets.exists():
        raise OutputError(f"{options.sheets}: exists; name a new folder.")
    todo = published.pages(options.folder, settings_from(options), sheets=options.sheets)
    table, failures = published.measure_all(todo, n_workers=options.jobs or usable_cores())
    if not table.empty:
        for line in published.lines(table):
            print(line)
        if options.output is not None:
            write_table(options.output, table)
    return _benchmark_told(failures)


def _benchmark_conductivity(options: argparse.Namespace) -> int:
    from micro_features.batch import usable_cores
    from micro_features.benchmark import conductivity

    compared = conductivity.compare(
        options.folder,
        options.output,
        settings_from(options),
        n_workers=options.jobs or usable_cores(),
        seed=options.seed,
        command_line=options.command_line,
        tell=progress,
    )
    for line in compared.lines():
        print(line)
    return 0


def _benchmark_attribution(options: argparse.Namespace) -> int:
    from micro_features.batch import usable_cores
    from micro_features.benchmark import attribution, attribution_summary
    from micro_features.benchmark.common import gather
    from micro_features.files.tables import write_table
    from micro_features.synth import response_surface

    _check_new_table(options.output)
    pool, surface, n_workers = attribution.read_pool(options.folder, options.table), response_surface(), options.jobs
    todo = attribution.cases(pool, surface, seeds=options.seeds)
    table, failures = gather(attribution.answer, todo, n_workers=n_workers or usable_cores(), unit="set")
    if not table.empty:
        predicted = attribution.predict(pool, surface, threads=n_workers or usable_cores())
        for line in attribution_summary.lines(table, predicted):
            print(line)
        if options.output is not None:
            write_table(options.output, table)
    return _benchmark_told(failures)


def _benchmark_network(options: argparse.Namespace) -> int:
    network_commands.require_torch()
    from micro_features.batch import usable_cores
    from micro_features.benchmark import network_attribution, network_attribution_summary, network_sessions
    from micro_features.benchmark.common import gather
    from micro_features.files.tables import write_table
    from micro_features.synth import response_surface

    _check_new_table(options.output)
    drawn = network_attribution.read_drawn(options.folder)
    nuisance = None if options.nuisance is None else network_attribution.read_drawn(options.nuisance, least=40)
    todo = network_attribution.cases(drawn, response_surface(), seeds=options.seeds)
    table, failures = gather(network_attribution.answer, todo, n_workers=options.jobs or usable_cores(), unit="set")
    if not table.empty:
        for line in network_attribution_summary.lines(table, len(drawn.pool.X)):
            print(line)
        if options.output is not None:
            write_table(options.output, table)
    if nuisance is not None:
        for line in network_sessions.lines(network_sessions.ask_all(nuisance, drawn)):
            print(line)
    return _benchmark_told(failures)


def _check_new_table(path: Path | None) -> None:
    """Told before the work, not after it."""
    from micro_features.files.tables import TABLE_SUFFIXES

    if path is not None and path.exists():
        raise OutputError(f"{path}: exists; name another file.")
    if path is not None and path.suffix.lower() not in TABLE_SUFFIXES:
        raise OutputError(f"{path}: tables are written as {', '.join(TABLE_SUFFIXES)}.")


def _check_new_picture(path: Path | None) -> None:
    if path is not None and path.exists():
        raise OutputError(f"{path}: exists; name another file.")
    if path is not None and path.suffix.lower() != ".png":
        raise OutputError(f"{path}: contact sheets are written as .png.")


def _benchmark_told(failures: "list[Failure]") -> int:
    for failure in failures:
        print(f"{failure.path}: {failure.reason}", file=sys.stderr)
    return FAILED if failures else 0


def _datasets_get(options: argparse.Namespace) -> int:
    from micro_features.files import datasets

    pictures = options.output
    if options.name != "synthetic":
        datasets.fetch(options.name, options.output, from_folder=options.from_folder)
    elif options.from_folder is None:
        datasets.copy_drawn(options.output)
        pictures = options.output / "micrographs"
    else:
        raise SettingsError("--from: the drawn set ships with the program; leave it out.")
    print(f"{options.name}: complete in {options.output}")
    print(f"next: micro-features extract {pictures} --manifest {options.output / 'manifest.csv'} -o results")
    return 0


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "extract": _extract,
    "segment": _segment,
    "calibrate": _calibrate,
    "settings": _settings,
    "synth": _synth,
    "benchmark_synthetic": _benchmark_synthetic,
    "benchmark_segmentation": _benchmark_segmentation,
    "benchmark_published": _benchmark_published,
    "benchmark_attribution": _benchmark_attribution,
    "benchmark_network": _benchmark_network,
    "benchmark_conductivity": _benchmark_conductivity,
    "datasets_get": _datasets_get,
    "train_segmenter": _train_segmenter,
    "fit": _fit,
    "predict": _predict,
    "cnn_train": network_commands.cnn_train,
    "cnn_predict": network_commands.cnn_predict,
    "explain": network_commands.explain,
    "published": published_command.published,
    "tune": tune_command.tune,
    "report": report_command.report,
    "sensitivity": sensitivity_command.sensitivity,
}
"""By the names that the parser gives them; each returns an exit code."""
