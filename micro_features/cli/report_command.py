"""What `report` takes, and does."""

import argparse
from pathlib import Path

from micro_features.cli.common import progress

_FOLDERS = {
    "fit": ("FIT_DIR", "what `fit -o` wrote: scores, audit of confounders, SHAP"),
    "explained": ("DIR", "what `explain -o` wrote: Grad-CAM beside SHAP"),
    "cnn": ("DIR", "what `cnn train -o` wrote"),
    "published": ("DIR", "what `published -o` wrote"),
    "sensitivity": ("DIR", "what `sensitivity -o` wrote"),
}


def add_report(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command `report`."""
    report = commands.add_parser(
        "report",
        help="one page of all results, to send to a colleague or to print",
        description="Write what other commands found as one HTML file that is complete in itself: pictures with "
        "overlays, calibration, distributions, the standards' tables and what keeps results from being to standard, "
        "scores and audit, explanations, settings, provenance. A browser prints it to PDF.",
        allow_abbrev=False,
    )
    report.add_argument(
        "folder",
        type=Path,
        metavar="DIR",
        help="what `extract -o` wrote; folders named fit, explained, cnn, published, sensitivity in it are taken, too",
    )
    for name, (metavar, words) in _FOLDERS.items():
        report.add_argument(f"--{name}", type=Path, metavar=metavar, help=words)
    report.add_argument("--title", default="", metavar="TEXT", help="heading of the page")
    report.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE.html",
        help="new file (default: DIR/report.html, renewed if it is ours)",
    )
    report.set_defaults(run="report")


def report(options: argparse.Namespace) -> int:
    """`report`."""
    from micro_features.reporting.report import report as write

    written = write(
        options.folder,
        named={name: getattr(options, name) for name in _FOLDERS},
        output=options.output,
        title=options.title,
        command_line=tuple(options.command_line),
        tell=progress,
    )
    print(f"report: {written} ({written.stat().st_size / 1e6:.1f} MB; a browser shows it, and prints it to PDF)")
    return 0
