"""Figures as files: one to look at, two to print."""

from pathlib import Path
from typing import TYPE_CHECKING

from micro_features.files.outputs import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 200


def write_figure(path: Path, figure: "Figure") -> None:
    """Write a figure as ``.png``, ``.svg`` and ``.pdf``; the same figure gives the same files.

    Parameters
    ----------
    path : Path
        Without a suffix.
    figure : Figure

    Raises
    ------
    OutputError
        They can not be written.
    """
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": path.name, "svg.fonttype": "none", "pdf.fonttype": 42}):
        for suffix, date in (("png", {}), ("svg", {"Date": None}), ("pdf", {"CreationDate": None})):
            with replacing(path.with_name(f"{path.name}.{suffix}"), "wb") as file:
                figure.savefig(file, format=suffix, dpi=DPI, metadata=date)
