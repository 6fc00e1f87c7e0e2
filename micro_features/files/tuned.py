"""What was tuned by hand for one picture, kept beside it: settings of its own, and corrections.

For ``a.tif`` it stands in ``a.tif.tuned.json``; what is not saved yet in ``a.tif.tuned.draft.json``. The picture itself
is never touched.
"""

import contextlib
import datetime
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from micro_features.errors import CorrectionsError, OutputError
from micro_features.files.outputs import write_text

SUFFIX = ".tuned.json"
DRAFT_SUFFIX = ".tuned.draft.json"
FORMAT = 1
MOST_BYTES = 8_000_000
_MOST = f"{MOST_BYTES // 1_000_000} MB"
_SECONDS_TO_WAIT = 10.0


@dataclass(frozen=True)
class Tuned:
    """What one page of a file has of its own.

    Attributes
    ----------
    settings : dict
        Dotted name to value: wins over the settings of all pictures.
    corrections : tuple of dict
        As `corrections.parse` takes them.
    revision : str
        Hash of both; empty where there are none. It tells whether somebody else saved in between.
    saved_at : str
        When a draft was written, ISO 8601; else empty.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    corrections: tuple[dict[str, Any], ...] = ()
    revision: str = ""
    saved_at: str = ""

    def __bool__(self) -> bool:
        return bool(self.settings or self.corrections)


class ChangedMeanwhile(OutputError):
    """Somebody else saved in between.

    Attributes
    ----------
    found : Tuned
        What stands there now.
    """

    def __init__(self, path: Path, found: Tuned):
        super().__init__(f"{path}: was saved by somebody else meanwhile; look at it, then save again.")
        self.found = found


def sidecar(picture: Path, folder: Path | None = None, *, draft: bool = False) -> Path:
    """Where it stands.

    Parameters
    ----------
    picture : Path
    folder : Path, optional
        Instead of the picture's own.
    draft : bool
        That of what is not saved.

    Returns
    -------
    Path
    """
    return (folder or picture.parent) / f"{picture.name}{DRAFT_SUFFIX if draft else SUFFIX}"


def read_tuned(path: Path, *, page: int, sha256: str = "") -> Tuned:
    """Read what a page has of its own.

    Parameters
    ----------
    path : Path
        As `sidecar` names it; need not exist.
    page : int
        From 0.
    sha256 : str
        Of the picture's file; not compared where empty.

    Returns
    -------
    Tuned

    Raises
    ------
    CorrectionsError
        The file can not be read, is none of ours, or was made for another content of the picture.
    """
    content = _content(path)
    if content is None:
        return Tuned()
    if sha256 and content["sha256"] != sha256:
        raise CorrectionsError(
            f"{path}: was made for another content of {content['picture']}; tune it again, or remove this file."
        )
    return _of_page(content, page)


def read_all(path: Path) -> list[Tuned]:
    """What all pages of a file have of their own.

    Raises
    ------
    CorrectionsError
        As from `read_tuned`.
    """
    content = _content(path)
    return [] if content is None else [_of_page(content, int(number) - 1) for number in content["pages"]]


def write_tuned(
    path: Path,
    *,
    picture: str,
    page: int,
    sha256: str,
    settings: Mapping[str, Any],
    corrections: Sequence[Mapping[str, Any]],
    seen: str | None,
) -> str:
    """Save what a page has of its own; other pages of the file keep theirs. Without any the file goes.

    Parameters
    ----------
    path : Path
        As `sidecar` names it.
    picture : str
        Name of the picture's file.
    page : int
        From 0.
    sha256 : str
        Of the picture's file.
    settings : mapping
        Dotted name to value.
    corrections : sequence of mapping
    seen : str or None
        The revision that these were made from; None does not ask.

    Returns
    -------
    str
        The new revision.

    Raises
    ------
    ChangedMeanwhile
        What stands there is another revision.
    CorrectionsError
        What stands there is none of ours, or made for another content of the picture.
    OutputError
        It can not be written.
    """
    with _alone(path):
        content = _content(path)
        if content is not None and content["sha256"] != sha256:
            raise CorrectionsError(f"{path}: was made for another content of {picture}; move it away first.")
        content = content or {"format": FORMAT, "picture": picture, "sha256": sha256, "pages": {}}
        there = _of_page(content, page)
        if seen is not None and there.revision != seen:
            raise ChangedMeanwhile(path, there)
        mine = {"settings": dict(settings), "corrections": [dict(each) for each in corrections]}
        pages = {**content["pages"], str(page + 1): mine}
        if not settings and not corrections:
            del pages[str(page + 1)]
        if pages:
            _write(path, {**content, "pages": dict(sorted(pages.items(), key=lambda each: int(each[0])))})
        else:
            _remove(path)
        return _of_page({"pages": pages}, page).revision


def write_draft(
    path: Path,
    *,
    picture: str,
    page: int,
    sha256: str,
    settings: Mapping[str, Any],
    corrections: Sequence[Mapping[str, Any]],
) -> None:
    """Keep what is not saved yet, so that it outlives the program.

    Parameters
    ----------
    path : Path
        As `sidecar` names a draft.
    picture, page, sha256, settings, corrections
        As for `write_tuned`. Without both it is kept, too: all corrections may have been undone.

    Raises
    ------
    OutputError
        It can not be written.
    """
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    mine = {"settings": dict(settings), "corrections": [dict(each) for each in corrections], "saved_at": now}
    with _alone(path):
        try:
            content = _content(path)
        except CorrectionsError:  # a draft that can not be read is worth nothing
            content = None
        if content is None or content["sha256"] != sha256:
            content = {"format": FORMAT, "picture": picture, "sha256": sha256, "pages": {}}
        _write(path, {**content, "pages": {**content["pages"], str(page + 1): mine}})


def has_draft(path: Path, *, page: int) -> bool:
    """Whether a page has something that is not saved; a file that can not be read holds none."""
    try:
        content = _content(path)
    except CorrectionsError:
        return False
    return content is not None and str(page + 1) in content["pages"]


def remove_draft(path: Path, *, page: int) -> None:
    """Forget what is not saved of a page.

    Raises
    ------
    OutputError
        It can not be removed.
    """
    with _alone(path):
        try:
            content = _content(path)
        except CorrectionsError:
            return
        pages = {} if content is None else dict(content["pages"])
        pages.pop(str(page + 1), None)
        if pages:
            _write(path, {**(content or {}), "pages": pages})
        else:
            _remove(path)


def content_sha256(path: Path) -> str:
    """Hash of a sidecar; empty where there is none.

    Raises
    ------
    CorrectionsError
        It can not be read, or is too large for one.
    """
    raw = _raw(path)
    return "" if raw is None else hashlib.sha256(raw).hexdigest()


def _raw(path: Path) -> bytes | None:
    """What the file holds; None where there is none."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):  # a link may lead anywhere, a pipe may never end
            raise CorrectionsError(f"{path}: can not be read: it is no plain file; move it away.")
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CorrectionsError(f"{path}: can not be read: {error.strerror or error}.") from None
    if len(raw) > MOST_BYTES:
        raise CorrectionsError(f"{path}: is larger than {_MOST}, which no corrections are.")
    return raw


def _write(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:  # it could not be read again
        raise OutputError(f"{path}: corrections of more than {_MOST} are not written; draw strokes of fewer points.")
    write_text(path, text)


def _content(path: Path) -> dict[str, Any] | None:
    """What the file holds, checked; None where there is none."""
    raw = _raw(path)
    if raw is None:
        return None
    try:
        content = json.loads(raw)
        if content["format"] != FORMAT:
            raise CorrectionsError(f"{path}: is of format {content['format']!r}, this version reads {FORMAT}.")
        for page in content["pages"].values():
            if not isinstance(page["settings"], dict) or not isinstance(page["corrections"], list):
                raise TypeError("settings or corrections are of another kind")
        if not all(isinstance(content[name], str) for name in ("picture", "sha256")):
            raise TypeError("picture or sha256 is no text")
        [int(number) for number in content["pages"]]
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        if isinstance(error, CorrectionsError):
            raise
        raise CorrectionsError(f"{path}: is not what `tune` writes ({type(error).__name__}: {error}).") from None
    return dict(content)


def _of_page(content: Mapping[str, Any], page: int) -> Tuned:
    found = content["pages"].get(str(page + 1))
    if found is None:
        return Tuned()
    text = json.dumps([found["settings"], found["corrections"]], sort_keys=True)
    revision = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Tuned(found["settings"], tuple(found["corrections"]), revision, str(found.get("saved_at", "")))


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One writer at a time of one person on one machine; the lock does not stand beside the pictures.

    Among several the revisions watch.
    """
    user = os.getuid() if hasattr(os, "getuid") else ""  # nobody may open another person's lock
    name = hashlib.sha256(str(path.absolute()).encode("utf-8", "surrogateescape")).hexdigest()[:24]
    try:
        with FileLock(Path(tempfile.gettempdir()) / f"micro-features-{user}-{name}.lock", timeout=_SECONDS_TO_WAIT):
            yield
    except Timeout:
        raise OutputError(f"{path}: another program is writing it; try again.") from None
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{path}: can not be written: {error.strerror or error}.") from error


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: can not be removed: {error.strerror or error}.") from None
