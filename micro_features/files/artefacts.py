"""Where the data and models that ship with the package lie."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def shipped(*parts: str) -> Path:
    """Path of something in `data/` or `models/`, whatever the current folder.

    Parameters
    ----------
    *parts : str
        As in ``shipped("data", "llzto", "manifest.csv")``.

    Returns
    -------
    Path
        In an installed package inside it, in a source checkout beside it.
    """
    installed = _PACKAGE / "_shipped"
    return (installed if installed.is_dir() else _PACKAGE.parent).joinpath(*parts)
