"""The ``settings.toml`` of the page: read once at the start, saved on demand, never over what somebody else changed."""

import hashlib
import threading
from pathlib import Path
from typing import Any

from micro_features.errors import MicroFeaturesError, SettingsError
from micro_features.files.outputs import write_text
from micro_features.settings import Settings, controls, merged_toml


class Conflict(MicroFeaturesError, RuntimeError):
    """A file changed since it was read.

    Parameters
    ----------
    message : str
    revision : str
        Of the file as it is.
    saved : dict
        What it holds.
    """

    def __init__(self, message: str, revision: str, saved: dict[str, Any]):
        super().__init__(message)
        self.revision = revision
        self.saved = saved


class SettingsFile:
    """A ``settings.toml``; need not exist yet.

    Parameters
    ----------
    path : Path

    Raises
    ------
    SettingsError
        It is there and can not be read, or holds what is no setting.
    """

    def __init__(self, path: Path):
        self.path = path
        self._lock = threading.Lock()
        self.read()

    def read(self) -> tuple[Settings, str]:
        """The settings as they are saved now, and the revision of the file."""
        text = self._text()
        return Settings.from_toml(text or "", str(self.path)), revision_of(text)

    def revision(self) -> str:
        """Of the file as it is, valid or not."""
        return revision_of(self._text())

    def save(self, settings: Settings, revision: str) -> str:
        """Write settings into the file: whole or not at all, its comments kept.

        What the page shows no control for stays as the file has it.

        Parameters
        ----------
        settings : Settings
        revision : str
            Of the file as the page knows it.

        Returns
        -------
        str
            The new revision.

        Raises
        ------
        Conflict
            The file changed since.
        SettingsError
            Somebody wrote into it what is no setting.
        OutputError
            It can not be written.
        """
        with self._lock:
            text = self._text()
            current = revision_of(text)
            if revision != current:
                raise Conflict(
                    f"{self.path}: was changed by somebody else since this page read it.", current, self._changes(text)
                )
            before = Settings.from_toml(text or "", str(self.path)).dotted()
            kept = {each.name: before[each.name] for each in controls() if each.affects == "elsewhere"}
            merged = merged_toml(text or "", settings.updated(kept))
            write_text(self.path, merged)
            return revision_of(merged)

    def _changes(self, text: str | None) -> dict[str, Any]:
        try:
            return Settings.from_toml(text or "").changes()
        except SettingsError:
            return {}

    def _text(self) -> str | None:
        try:
            return self.path.read_bytes().decode("utf-8")  # line ends as they are
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{self.path}: can not be read: {error}.") from None


def revision_of(text: str | None) -> str:
    """Hash of a file's content; empty where there is no file."""
    return "" if text is None else hashlib.sha256(text.encode()).hexdigest()[:16]
