"""Where the data and models that ship with the package lie; trained models on disk."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from micro_features.errors import ArtefactError, OutputError

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


def model_folder(name: str) -> Path:
    """Folder of a model: one that ships, by its name, or any other, by its path."""
    own = shipped("models", name)
    return own if "/" not in name and "\\" not in name and own.is_dir() else Path(name).expanduser()


def read_weights(folder: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    """The weight files of a model.

    Parameters
    ----------
    folder : Path
    names : tuple of str

    Returns
    -------
    dict of str to bytes

    Raises
    ------
    ArtefactError
        The folder or a file is missing or can not be read.
    """
    found = {}
    for name in names:
        try:
            found[name] = (folder / name).read_bytes()
        except OSError as error:
            reason = error.strerror or str(error)
            raise ArtefactError(
                f"{folder / name}: can not be read ({reason}); name a folder that `train-segmenter` wrote."
            ) from None
    return found


def weights_digest(weights: Mapping[str, bytes]) -> str:
    """Hash of the weight files of a model."""
    total = hashlib.sha256()
    for name in sorted(weights):
        total.update(name.encode() + b"\0" + hashlib.sha256(weights[name]).digest())
    return total.hexdigest()[:12]


def write_model(folder: Path, weights: Mapping[str, bytes], *, card: str, provenance: Mapping[str, Any]) -> None:
    """Save a model in a new folder: weights, ``card.md`` for people, ``provenance.json`` for programs.

    Parameters
    ----------
    folder : Path
    weights : mapping of file name to bytes
    card : str
        Markdown.
    provenance : mapping

    Raises
    ------
    OutputError
        The folder holds something already, or can not be written.
    """
    check_new_model(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, stored in weights.items():
            (folder / name).write_bytes(stored)
        (folder / "card.md").write_text(card, encoding="utf-8")
        (folder / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{folder}: can not be written ({error.strerror or error}); name another folder.") from None


def check_new_model(folder: Path) -> None:
    """Refuse a folder that holds something, before anything is computed.

    Raises
    ------
    OutputError
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder}: exists already; name a new folder, nothing is overwritten.")
