"""Where the data and models that ship with the package lie; trained models on disk."""

import hashlib
import json
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from micro_features.errors import ArtefactError, OutputError
from micro_features.files.outputs import TEMPORARY_PREFIX

CHECKSUMS = "checksums.json"
WEIGHTS_SUFFIXES = (".ubj", ".safetensors")
OPEN_PART = "<!-- What follows is for you to complete; it is not checked. -->"
"""Line of a card: what people write below it leaves the model valid."""

_CARD = "card.md"
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
    told = (json.dumps(provenance, indent=1) + "\n").encode()
    _write_new(folder, {**weights, _CARD: card.encode(), "provenance.json": told})


def write_checked_model(folder: Path, files: Mapping[str, bytes]) -> None:
    """Save a model in a new folder, with the SHA-256 of each of its files in ``checksums.json``.

    Parameters
    ----------
    folder : Path
    files : mapping of file name to content
        Of ``card.md`` only what stands above the line `OPEN_PART` is checked.

    Raises
    ------
    OutputError
        The folder holds something already, or can not be written.
    """
    sums = {name: _sha256(name, content) for name, content in files.items()}
    _write_new(folder, {**files, CHECKSUMS: (json.dumps(sums, indent=1) + "\n").encode()})


def read_checked_model(folder: Path) -> dict[str, bytes]:
    """The files of a model that `write_checked_model` wrote, none of them changed since.

    This finds damage, mix-ups and edits. Who rewrites a file and its checksum is not found out.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict of file name to content

    Raises
    ------
    ArtefactError
        Names the file that is missing, was changed, or was added to the weights.
    """
    if not folder.is_dir():
        raise ArtefactError(
            f"{folder}: there is no such model; name a folder that `fit` or `cnn train` wrote, or one that ships: "
            f"{', '.join(_shipped_checked()) or 'none does'}."
        )
    try:
        sums = json.loads(_content(folder / CHECKSUMS))
    except ValueError:
        sums = None
    if not isinstance(sums, dict) or any(Path(name).name != name for name in sums):
        raise ArtefactError(f"{folder / CHECKSUMS}: is damaged; take the model from where it came, or fit it anew.")
    found = {name: _content(folder / name) for name in sums}
    for name, content in found.items():
        if _sha256(name, content) != sums[name]:
            raise ArtefactError(
                f"{folder / name}: was changed since the model was saved; take the model from where it came, or fit it "
                "anew."
            )
    for path in sorted(folder.iterdir()):
        if path.suffix in WEIGHTS_SUFFIXES and path.name not in sums:
            raise ArtefactError(f"{path}: does not belong to the model, as {CHECKSUMS} has it; remove it.")
    return found


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ArtefactError(
            f"{path}: can not be read ({reason}); name a folder that `fit` or `cnn train` wrote, whole."
        ) from None


def _sha256(name: str, content: bytes) -> str:
    if name == _CARD:
        content = content.partition(OPEN_PART.encode())[0]
    if not name.endswith(WEIGHTS_SUFFIXES):
        content = content.replace(b"\r\n", b"\n")  # a checkout may have other line ends
    return hashlib.sha256(content).hexdigest()


def _shipped_checked() -> list[str]:
    return sorted(path.parent.name for path in shipped("models").glob(f"*/{CHECKSUMS}"))


def _write_new(folder: Path, files: Mapping[str, bytes]) -> None:
    """Whole or not at all: where a folder is, the model in it is complete."""
    check_new_model(folder)
    place = folder.resolve()
    temporary = place.with_name(TEMPORARY_PREFIX + uuid.uuid4().hex)
    try:
        temporary.mkdir(parents=True)
        for name, content in files.items():
            (temporary / name).write_bytes(content)
        if place.exists():
            place.rmdir()  # empty; not everywhere can a folder be put in the place of another
        temporary.rename(place)
    except OSError as error:
        raise OutputError(f"{folder}: can not be written ({error.strerror or error}); name another folder.") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_new_model(folder: Path) -> None:
    """Refuse a folder that holds something, before anything is computed.

    Raises
    ------
    OutputError
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder}: exists already; name a new folder, nothing is overwritten.")
