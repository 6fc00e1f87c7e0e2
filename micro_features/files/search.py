"""Which pictures are meant, and what each is called."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from micro_features.files.journal import commands_run
from micro_features.files.tuned import DRAFT_SUFFIX, SUFFIX

# Folders of pictures that we write below an output folder.
RESULT_FOLDERS = ("overlays", "grains", "pores")
PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})


@dataclass(frozen=True)
class Found:
    """A picture file.

    Attributes
    ----------
    path : Path
        As given: the root as it was named, and what lies below it.
    below_root : str
        Path below the given root, ``/`` between parts; the name alone for a file that was given itself.
    """

    path: Path
    below_root: str

    @property
    def key(self) -> str:
        """The absolute path: the same for every way to write it."""
        return as_text(Path(os.path.normpath(self.path.absolute())))


def find_pictures(paths: Sequence[Path]) -> tuple[list[Found], list[tuple[str, str]]]:
    """Pictures named by files and folders, in a stable order, each once.

    Folders are entered to any depth; a folder that is reached again through a link is visited once; hidden folders
    and the pictures that we wrote are left out. In a folder, the suffix says what is a picture; a file that is
    named itself is always taken, but for what `files.tuned` keeps beside a picture: ``pictures/*`` names it, too.

    Parameters
    ----------
    paths : sequence of Path

    Returns
    -------
    found : list of Found
    failures : list of (path, reason)
        Paths that do not exist, can not be entered, or hold no picture.
    """
    found: list[Found] = []
    failures: list[tuple[str, str]] = []
    folders_seen: set[tuple[int, int]] = set()
    names_seen: set[str] = set()
    passed: list[Path] = []

    def take(path: Path, below_root: str) -> None:
        picture = Found(path, below_root)
        if picture.key not in names_seen:
            names_seen.add(picture.key)
            found.append(picture)

    def enter(folder: Path, root: Path) -> bool:
        """Whether the folder, or one below, has a picture."""
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in folders_seen:
                return True
            folders_seen.add((status.st_dev, status.st_ino))
            entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
            ours = RESULT_FOLDERS if commands_run(folder) else ()
        except OSError as error:
            failures.append((as_text(folder), f"the folder can not be read: {error.strerror or error}"))
            return True
        some = False
        for entry in entries:
            if entry.name.startswith(".") or entry.name in ours:
                continue
            if entry.is_dir():
                some |= enter(entry, root)
            elif entry.suffix.lower() in PICTURE_SUFFIXES:
                take(entry, entry.relative_to(root).as_posix())
                some = True
        return some

    for path in paths:
        if path.is_dir():
            if not enter(path, path):
                suffixes = " ".join(sorted(PICTURE_SUFFIXES))
                failures.append((as_text(path), f"no picture below this folder (looked for {suffixes})"))
        elif path.name.endswith((SUFFIX, DRAFT_SUFFIX)) and os.path.lexists(path):
            passed.append(path)
        elif os.path.lexists(path):
            take(path, path.name)
        else:
            failures.append((as_text(path), "there is no such file or folder"))
    if not found:
        failures += [(as_text(path), "holds what was tuned by hand; name the picture") for path in passed]
    return found, failures


def without_suffix(name: str) -> str:
    """A name less its picture suffix; ``3.67e-4`` is a name and has none."""
    stem, dot, suffix = name.rpartition(".")
    return stem if stem and f"{dot}{suffix.lower()}" in PICTURE_SUFFIXES else name


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content; empty where it can not be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def as_text(path: Path) -> str:
    """A path as text that every table format can hold: bytes that are no UTF-8 are shown escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def picture_ids(found: Sequence[Found], known: Mapping[str, str]) -> list[str]:
    """Unique names for pictures: the path below the root without suffix, or with what it takes to tell them apart.

    Parameters
    ----------
    found : sequence of Found
    known : mapping of key to id
        Ids of earlier runs; they stay.

    Returns
    -------
    list of str
        In the order of `found`.
    """
    plain = [without_suffix(as_text(Path(item.below_root))) for item in found]
    count = Counter(plain)
    keys = {item.key for item in found}
    taken = {name for key, name in known.items() if key not in keys}
    ids = []
    for item, short in zip(found, plain, strict=True):
        name = known.get(item.key, "")
        if not name or name in taken:
            name = short if count[short] == 1 else as_text(Path(item.below_root))
            base, number = name, 1
            while name in taken:
                number += 1
                name = f"{base}~{number}"
        taken.add(name)
        ids.append(name)
    return ids


def _shortened(name: str, longest: int = 160) -> str:
    """A name that leaves room for page, number and suffix within the 255 bytes that file systems allow."""
    if len(name.encode("utf-8", "surrogateescape")) <= longest:
        return name
    mark = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    kept = name.encode("utf-8", "surrogateescape")[: longest - 13].decode("utf-8", "ignore")
    return f"{kept}~{mark}"


def file_stems(ids: Iterable[str], stems: Iterable[str]) -> list[str]:
    """Names of result files: the picture's stem, or its id with ``__`` for ``/`` where stems repeat.

    Parameters
    ----------
    ids, stems : iterables of str
        Of the same pictures.

    Returns
    -------
    list of str
        Unique also where letter case does not count.
    """
    ids, stems = list(ids), list(stems)
    count = Counter(stem.casefold() for stem in stems)
    names: list[str] = []
    taken: set[str] = set()
    for micrograph_id, stem in zip(ids, stems, strict=True):
        base = name = _shortened(stem if count[stem.casefold()] == 1 else micrograph_id.replace("/", "__"))
        number = 1
        while name.casefold() in taken:
            number += 1
            name = f"{base}~{number}"
        taken.add(name.casefold())
        names.append(name)
    return names
