"""A training on disk while it runs: what makes an interrupted one go on as if nothing had happened.

DIR/checkpoints/request.json                what is trained
DIR/checkpoints/fold-F-seed-S.checkpoint    a network that is being trained, after its last epoch
DIR/checkpoints/fold-F-seed-S.safetensors   one that is trained
DIR/checkpoints/fold-F-seed-S.json          on what it was computed
"""

import contextlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from filelock import FileLock, Timeout

from micro_features.errors import OutputError
from micro_features.files.outputs import TEMPORARY_PREFIX, replacing, write_json
from micro_features.learn.checkpoint import Checkpoint

FOLDER, REQUEST, MODEL = "checkpoints", "request.json", "model"


class Computed(NamedTuple):
    """On what a network was computed, by all runs that trained it.

    Attributes
    ----------
    devices : list of str
        In turn; a training may have gone on elsewhere, where numbers are rounded otherwise.
    part : int or None
        Fewest windows at a time, where memory ran short; None where it sufficed for batches.
    """

    devices: list[str]
    part: int | None


class Unfinished:
    """The checkpoints of one output folder; entered, nobody else can train there.

    Parameters
    ----------
    folder : Path
        New, empty, or that of an interrupted training.

    Raises
    ------
    OutputError
        On entering: it holds a finished model or something else, or another run is at work in it.
    """

    def __init__(self, folder: Path) -> None:
        self.output, self.folder = folder, folder / FOLDER
        self._lock: FileLock | None = None

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_lock": None}  # processes that train need the paths alone

    def __enter__(self) -> Self:
        if (self.output / MODEL).exists():
            raise OutputError(f"{self.output}: holds a finished model; name a new folder, nothing is overwritten.")
        begun = (self.folder / REQUEST).is_file()
        if self.output.exists() and not begun and (not self.output.is_dir() or any(self._others())):
            raise OutputError(f"{self.output}: exists already; name a new folder, nothing is overwritten.")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.folder / ".lock", timeout=0)
            self._lock.acquire()
        except Timeout:
            raise OutputError(
                f"{self.output}: another training is at work in it; wait, or name a new folder."
            ) from None
        except OSError as error:
            raise OutputError(
                f"{self.output}: can not be written ({error.strerror or error}); name another folder."
            ) from None
        # Of processes that were ended while they wrote a file, or the folder of the model.
        for path in (*self.folder.glob(f"{TEMPORARY_PREFIX}*"), *self.output.glob(f"{TEMPORARY_PREFIX}*")):
            with contextlib.suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _others(self) -> list[Path]:
        """What is in the folder beside checkpoints that were never begun."""
        return [path for path in self.output.iterdir() if path.name != FOLDER or (path / REQUEST).exists()]

    def begin(self, request: Mapping[str, object]) -> None:
        """Note what is trained, or check that it is what was begun here.

        Parameters
        ----------
        request : mapping
            For JSON.

        Raises
        ------
        OutputError
            Something else was begun here.
        """
        path = self.folder / REQUEST
        asked = json.loads(json.dumps(request))
        if not path.is_file():
            write_json(path, asked)
            return
        try:
            begun = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            begun = {}
        different = [name for name in asked if begun.get(name) != asked[name]]
        if different:
            raise OutputError(
                f"{self.output}: a training with other {', '.join(different)} was begun here; give the same request to "
                "take it up, or name a new folder."
            )

    def checkpoint(self, fold: int, seed: int) -> Checkpoint:
        """Where the state of a network in training is kept."""
        path = self.folder / f"fold-{fold}-seed-{seed}.checkpoint"

        def load() -> bytes | None:
            return path.read_bytes() if path.is_file() else None

        return Checkpoint(load, lambda content: _write(path, content))

    def weights(self, fold: int, seed: int) -> bytes | None:
        """Of a network that is trained; None where it is not yet."""
        path = self.folder / weights_name(fold, seed)
        return path.read_bytes() if path.is_file() else None

    def keep_weights(self, fold: int, seed: int, weights: bytes) -> None:
        """Keep a trained network; its checkpoint is not needed any more."""
        _write(self.folder / weights_name(fold, seed), weights)
        (self.folder / f"fold-{fold}-seed-{seed}.checkpoint").unlink(missing_ok=True)

    def computed(self, fold: int, seed: int) -> Computed:
        """On what the epochs of a network were computed so far."""
        path = self._computed(fold, seed)
        return Computed(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else Computed([], None)

    def note(self, fold: int, seed: int, device: str, part: int | None) -> None:
        """Note on what an epoch was computed."""
        devices, least = self.computed(fold, seed)
        devices = devices if devices[-1:] == [device] else [*devices, device]
        parts = [each for each in (least, part) if each is not None]
        write_json(self._computed(fold, seed), Computed(devices, min(parts, default=None))._asdict())

    def _computed(self, fold: int, seed: int) -> Path:
        return self.folder / f"fold-{fold}-seed-{seed}.json"

    def remove(self) -> None:
        """When the model is written, nothing of this is needed."""
        shutil.rmtree(self.folder, ignore_errors=True)


def weights_name(fold: int, seed: int) -> str:
    """File of the weights of one network.

    >>> weights_name(0, 2)
    'fold-0-seed-2.safetensors'
    """
    return f"fold-{fold}-seed-{seed}.safetensors"


def _write(path: Path, content: bytes) -> None:
    with replacing(path, "wb") as file:
        file.write(content)
