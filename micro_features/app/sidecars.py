"""What is set apart for single pictures, saved or drafted, in files beside them or in a folder of its own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from micro_features import corrections
from micro_features.app.opened import Shown
from micro_features.app.settings_file import Conflict
from micro_features.errors import CorrectionsError
from micro_features.files import tuned
from micro_features.files.search import file_sha256
from micro_features.files.tuned import ChangedMeanwhile, Tuned
from micro_features.settings import Settings


class Sidecars:
    """Files of what is set apart.

    Parameters
    ----------
    folder : Path or None
        Where they stand; None: beside the pictures.
    """

    def __init__(self, folder: Path | None = None):
        self._folder = folder

    def listed(self, shown: Shown) -> dict[str, Any]:
        """What the list of pictures tells, read quickly: nothing of a file that can not be used."""
        try:
            found = tuned.read_tuned(self._path(shown), page=shown.page)
        except CorrectionsError:
            found = Tuned()
        return {
            "has_tuned": bool(found),
            "n_corrections": len(found.corrections),
            "n_overrides": len(found.settings),
            "has_draft": tuned.has_draft(self._path(shown, draft=True), page=shown.page),
        }

    def read(self, shown: Shown, sha256: str) -> dict[str, Any]:
        """What is saved and drafted for a picture, as the page takes it.

        Parameters
        ----------
        shown : Shown
        sha256 : str
            Of the picture's file.
        """
        error, draft = None, None
        try:
            found = tuned.read_tuned(self._path(shown), page=shown.page, sha256=sha256)
        except CorrectionsError as refused:
            found, error = Tuned(), str(refused)
        path = self._path(shown, draft=True)
        if tuned.has_draft(path, page=shown.page):
            try:
                kept = tuned.read_tuned(path, page=shown.page, sha256=sha256)
                draft = {"settings": kept.settings, "corrections": kept.corrections, "saved_at": kept.saved_at}
            except CorrectionsError:  # of a picture that is no longer there
                draft = None
        return {"tuned": {**_told(found), "revision": found.revision, "error": error}, "draft": draft}

    def applied(self, shown: Shown, settings: Settings) -> tuple[Settings, tuple[Any, ...]]:
        """Settings and corrections of a picture: what is set apart for it wins.

        Parameters
        ----------
        shown : Shown
        settings : Settings
            Of all pictures.

        Raises
        ------
        CorrectionsError, SettingsError
            The file can not be used.
        """
        path = self._path(shown)
        if not path.exists():
            return settings, ()
        found = tuned.read_tuned(path, page=shown.page, sha256=file_sha256(shown.path))
        return settings.updated(found.settings), corrections.parse(found.corrections)

    def save(
        self,
        shown: Shown,
        sha256: str,
        settings: Mapping[str, Any],
        operations: Sequence[Mapping[str, Any]],
        revision: str,
    ) -> str:
        """Save what is set apart for a picture; its draft goes.

        Parameters
        ----------
        shown : Shown
        sha256 : str
            Of the picture's file.
        settings : mapping
            Dotted name to value.
        operations : sequence of mapping
        revision : str
            As the page knows it.

        Returns
        -------
        str
            The new revision.

        Raises
        ------
        Conflict
            Somebody else saved meanwhile.
        CorrectionsError, OutputError
        """
        try:
            saved = tuned.write_tuned(
                self._path(shown),
                picture=shown.path.name,
                page=shown.page,
                sha256=sha256,
                settings=settings,
                corrections=operations,
                seen=revision,
            )
        except ChangedMeanwhile as changed:
            raise Conflict(str(changed), changed.found.revision, _told(changed.found)) from None
        self.forget_draft(shown)
        return saved

    def draft(
        self, shown: Shown, sha256: str, settings: Mapping[str, Any], operations: Sequence[Mapping[str, Any]]
    ) -> None:
        """Keep what is not saved yet, so that it outlives this program.

        Raises
        ------
        OutputError
        """
        tuned.write_draft(
            self._path(shown, draft=True),
            picture=shown.path.name,
            page=shown.page,
            sha256=sha256,
            settings=settings,
            corrections=operations,
        )

    def forget_draft(self, shown: Shown) -> None:
        """Remove what is not saved.

        Raises
        ------
        OutputError
        """
        tuned.remove_draft(self._path(shown, draft=True), page=shown.page)

    def _path(self, shown: Shown, *, draft: bool = False) -> Path:
        return tuned.sidecar(shown.path, self._folder, draft=draft)


def _told(found: Tuned) -> dict[str, Any]:
    return {"settings": found.settings, "corrections": found.corrections}
