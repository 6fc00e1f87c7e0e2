"""The folder that `sensitivity` writes: tables, figures, provenance."""

import datetime
import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from micro_features import __version__
from micro_features.errors import OutputError
from micro_features.features.catalogue import FEATURES
from micro_features.files.figures import write_figure
from micro_features.files.outputs import write_json
from micro_features.files.tables import write_table
from micro_features.results import versions
from micro_features.rows import in_pixels
from micro_features.sensitivity.run import Answer, summary_of
from micro_features.sensitivity.wording import told


def check_new(folder: Path) -> None:
    """Told before the work, not after it.

    Raises
    ------
    OutputError
        The folder holds something already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder}: exists; name a new folder.")


def write(answer: Answer, folder: Path, command_line: Sequence[str]) -> None:
    """Write everything that was found.

    Parameters
    ----------
    answer : Answer
    folder : Path
        New, or empty.
    command_line : sequence of str
        For the provenance.

    Raises
    ------
    OutputError
        Something can not be written.
    """
    write_table(folder / "sensitivity.csv", answer.moved)
    write_table(folder / "ranges.csv", answer.ranges)
    write_table(folder / "summary.csv", summary_of(answer))
    failures = [(each.path, each.stage, each.reason) for each in answer.failures]
    write_table(folder / "failures.csv", pd.DataFrame(failures, columns=["path", "stage", "reason"]))
    _write_figures(answer, folder / "figures")
    settings, design = answer.request.settings, answer.request.design
    write_json(
        folder / "provenance.json",
        {
            "software": f"micro-features {__version__}",
            "command": [os.fsencode(word).decode("utf-8", "backslashreplace") for word in command_line],
            "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "settings_digest": settings.digest,
            "settings": settings.model_dump(mode="json"),
            "joint": design.joint,
            "draws": design.n_draws,
            "measurements_of_each": answer.n_points,
            "model": answer.request.model,
            **versions(),
            "inputs_sha256": answer.inputs_sha256,
        },
    )


def _write_figures(answer: Answer, folder: Path) -> None:
    from matplotlib.figure import Figure

    from micro_features.report.sensitivity_figures import morris, tornado

    for name in told(answer):
        moved = answer.moved[answer.moved["number"] == name].rename(columns={"micrograph_id": "picture"})
        if moved["low"].isna().all():
            continue
        label, unit = _named(name, answer)
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        tornado(moved, name, unit=unit, label=label, ax=figure.subplots())
        write_figure(folder / f"tornado_{name}", figure)
        if "mu_star" in moved and moved["mu_star"].notna().any():
            figure = Figure(figsize=(6.5, 5), layout="constrained")
            morris(moved, name, label=label, ax=figure.subplots())
            write_figure(folder / f"morris_{name}", figure)


def _named(name: str, answer: Answer) -> tuple[str, str]:
    """What a number is called, and its unit."""
    catalogue = {**{in_pixels(each): feature for each, feature in FEATURES.items()}, **FEATURES}
    if name in catalogue:
        unit = catalogue[name].unit
        return name, unit if name in FEATURES else unit.replace("um", "px")
    return name, "" if answer.model is None or answer.model.class_names else answer.model.target.unit
