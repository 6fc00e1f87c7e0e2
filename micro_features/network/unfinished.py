"""A training on disk while it runs: what makes an interrupted one go on as if nothing had happened.

DIR/checkpoints/request.json                what is trained
DIR/checkpoints/fold-F-seed-S.checkpoint    a network that is being trained, after its last epoch
DIR/checkpoints/fold-F-seed-S.safetensors   one that is trained
DIR/checkpoints/fold-F-seed-S.json          on what it was computed
"""

import contextlib
import json
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from filelock import FileLock, Timeout

from micro_features.errors import ArtefactError, OutputError
from micro_features.files.outputs import TEMPORARY_PREFIX, replacing, write_json
from micro_features.learn.checkpoint import Checkpoint

FOLDER, REQUEST, MODEL, LOCK = "checkpoints", "request.json", "model", ".lock"
_OWN = re.compile(
    rf"{re.escape(LOCK)}|{re.escape(REQUEST)}|fold-\d+-seed-\d+\.(checkpoint|safetensors|json)"
    rf"|{re.escape(TEMPORARY_PREFIX)}.+"
)
"""Names of files in the folder of checkpoints that are this program's; no other file is ever removed."""


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
        self._made: list[Path] = []

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_lock": None}  # processes that train need the paths alone

    def __enter__(self) -> Self:
        if (self.output / MODEL).exists():
            raise OutputError(f"{self.output}: holds a finished model; name a new folder, nothing is overwritten.")
        if self.output.exists() and not self._begun and (not self.output.is_dir() or self._others()):
            raise OutputError(f"{self.output}: exists already; name a new folder, nothing is overwritten.")
        self._made = [path for path in (self.folder, *self.folder.parents) if not path.exists()]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.folder / LOCK, timeout=0)
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
        if self._lock is None:
            return
        if self._begun:
            self._lock.release()
        else:  # nothing is left of what came to nothing
            _remove([self.folder / LOCK])
            self._lock.release()
            _remove(self._made)
        self._lock = None

    @property
    def _begun(self) -> bool:
        return (self.folder / REQUEST).is_file()

    def _others(self) -> list[Path]:
        """What is in the output folder and not of a training, where none was begun."""
        inside = list(self.folder.iterdir()) if self.folder.is_dir() else []
        foreign = [path for path in inside if path.is_dir() or not _OWN.fullmatch(path.name)]
        return foreign + [path for path in self.output.iterdir() if path.name != FOLDER or not path.is_dir()]

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
        if not self._begun:
            write_json(path, asked)
            return
        begun = _read_json(path, "name a new folder")
        different = [_difference(name, begun.get(name), now) for name, now in asked.items() if begun.get(name) != now]
        if different:
            raise OutputError(
                f"{self.output}: another training was begun here ({'; '.join(different)}); give the same request to "
                "take it up, or name a new folder."
            )

    def checkpoint(self, fold: int, seed: int) -> Checkpoint:
        """Where the state of a network in training is kept."""
        from safetensors import SafetensorError, deserialize

        path = self.folder / f"fold-{fold}-seed-{seed}.checkpoint"

        def load() -> bytes | None:
            held = path.read_bytes() if path.is_file() else None
            try:
                deserialize(held) if held is not None else None
            except SafetensorError:
                raise self.damaged(path.name) from None
            return held

        return Checkpoint(load, lambda content: _write(path, content))

    def weights(self, fold: int, seed: int) -> bytes | None:
        """Of a network that is trained; None where it is not yet."""
        path = self.folder / weights_name(fold, seed)
        return path.read_bytes() if path.is_file() else None

    def damaged(self, name: str) -> ArtefactError:
        """What to do where a file of a network can not be used."""
        return ArtefactError(
            f"{self.folder / name}: is damaged, or of another network; remove it, and it is trained again."
        )

    def keep_weights(self, fold: int, seed: int, weights: bytes) -> None:
        """Keep a trained network; its checkpoint is not needed any more."""
        _write(self.folder / weights_name(fold, seed), weights)
        (self.folder / f"fold-{fold}-seed-{seed}.checkpoint").unlink(missing_ok=True)

    def computed(self, fold: int, seed: int) -> Computed:
        """On what the epochs of a network were computed so far."""
        path = self._computed(fold, seed)
        return Computed(**_read_json(path, "remove it")) if path.is_file() else Computed([], None)

    def note(self, fold: int, seed: int, device: str, part: int | None) -> None:
        """Note on what an epoch was computed."""
        devices, least = self.computed(fold, seed)
        devices = devices if devices[-1:] == [device] else [*devices, device]
        parts = [each for each in (least, part) if each is not None]
        write_json(self._computed(fold, seed), Computed(devices, min(parts, default=None))._asdict())

    def _computed(self, fold: int, seed: int) -> Path:
        return self.folder / f"fold-{fold}-seed-{seed}.json"

    def remove(self) -> None:
        """When the model is written, nothing of this is needed; what others put there stays."""
        _remove([path for path in self.folder.glob("*") if _OWN.fullmatch(path.name)])
        _remove([self.folder])


def weights_name(fold: int, seed: int) -> str:
    """File of the weights of one network.

    >>> weights_name(0, 2)
    'fold-0-seed-2.safetensors'
    """
    return f"fold-{fold}-seed-{seed}.safetensors"


def _difference(name: str, then: object, now: object) -> str:
    """Options with their values; of what is long, the name alone."""
    if not name.startswith("--"):
        return f"other {name}"
    return f"{name} {_said(then)} then, {_said(now)} now"


def _said(value: object) -> str:
    return "not given" if value is None else str(value)


def _read_json(path: Path, advice: str) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise ArtefactError(f"{path}: is damaged; {advice}.")
    return found


def _remove(paths: Iterable[Path]) -> None:
    """Files, and folders that are empty; what can not be removed stays."""
    for path in paths:
        with contextlib.suppress(OSError):
            path.rmdir() if path.is_dir() else path.unlink()


def _write(path: Path, content: bytes) -> None:
    with replacing(path, "wb") as file:
        file.write(content)
