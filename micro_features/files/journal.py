"""Finished work, appended as it comes: an interrupt loses nothing, no table is rewritten for each picture."""

import contextlib
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from micro_features.errors import OutputError

STATE_FOLDER = ".micro-features"


@dataclass(frozen=True)
class Entry:
    """The finished rows of one file.

    Attributes
    ----------
    path : str
        Absolute, so that it is known again however it is written.
    file_id : str
        Unique name of the file; the id of its only page.
    sha256 : str
        Of the file's content.
    digest : str
        Of everything else that the rows depend on.
    rows : tuple of dict
        One for each page; none takes the file out of the record.
    parts : tuple of str
        Names of the files below `Journal.parts` that hold the rows' regions.
    """

    path: str
    file_id: str
    sha256: str
    digest: str
    rows: tuple[dict[str, Any], ...]
    parts: tuple[str, ...] = ()


class Journal:
    """Append-only record of one command in one output folder.

    Parameters
    ----------
    folder : Path
        The output folder; the journal lives in a hidden folder below it, which also tells a later search for
        pictures that results stand here.
    command : str

    Attributes
    ----------
    entries : dict of str to Entry
        The newest entry of each path.
    parts : Path
        Folder of the region tables.

    Raises
    ------
    OutputError
        The folder can not be written, or another run is at work in it.
    """

    def __init__(self, folder: Path, command: str):
        self.path = folder / STATE_FOLDER / f"{command}.jsonl"
        self.parts = folder / STATE_FOLDER / f"{command}-regions"
        self.entries: dict[str, Entry] = {}
        try:
            self.parts.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(folder / STATE_FOLDER / "lock")
            self._lock.acquire(timeout=0)
            if self.path.exists():
                self._load()
            self._file = self.path.open("ab", buffering=0)
        except Timeout:
            raise OutputError(f"{folder}: another run is at work there; wait for it, or name another folder.") from None
        except OSError as error:
            raise OutputError(f"{folder}: results can not be written there: {error.strerror or error}.") from error

    def _load(self) -> None:
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):  # the last line was cut by an interrupt
            os.truncate(self.path, whole)
        for line in content[:whole].splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                values = json.loads(line)
                values["rows"], values["parts"] = tuple(values["rows"]), tuple(values["parts"])
                entry = Entry(**values)
                if self.whole(entry):
                    self._take(entry)

    def append(self, entry: Entry) -> None:
        """Record a finished file; one write, so that it is there whole or not at all.

        Raises
        ------
        OutputError
            The disk is full or the folder has gone.
        """
        values = {
            **vars(entry),
            "rows": [{name: _plain(value) for name, value in row.items()} for row in entry.rows],
        }
        line = json.dumps(values).encode() + b"\n"
        size = os.fstat(self._file.fileno()).st_size
        try:
            if self._file.write(line) != len(line):
                raise OSError("the disk is full")
        except OSError as error:
            os.truncate(self._file.fileno(), size)
            raise OutputError(f"{self.path}: can not be written: {error.strerror or error}.") from error
        self._take(entry)

    def _take(self, entry: Entry) -> None:
        if entry.rows:
            self.entries[entry.path] = entry
        else:
            self.entries.pop(entry.path, None)

    def part_path(self, part: str) -> Path:
        """Where a region table named in an entry stands."""
        return self.parts / part

    def whole(self, entry: Entry) -> bool:
        """Whether everything that an entry names is still there."""
        return all(self.part_path(part).exists() for part in entry.parts)

    def drop_stale_parts(self) -> None:
        """Delete region tables that no entry names any more."""
        current = {part for entry in self.entries.values() for part in entry.parts}
        for path in self.parts.iterdir():
            if path.name not in current:
                with contextlib.suppress(OSError):
                    path.unlink()

    def close(self) -> None:
        """Let go of the file and the folder."""
        self._file.close()
        self._lock.release()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()


def _plain(value: Any) -> Any:
    """JSON has no NaN, and knows only Python's own numbers."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def commands_run(folder: Path) -> list[str]:
    """Commands whose results stand in a folder; none where it is not ours or can not be looked into."""
    try:
        return sorted(path.stem for path in (folder / STATE_FOLDER).glob("*.jsonl"))
    except OSError:
        return []
