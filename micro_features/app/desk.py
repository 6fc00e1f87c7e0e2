"""What the page works on: its pictures, settings and models."""

import contextlib
import threading
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from micro_features import __version__, jobs
from micro_features.app.background import Background
from micro_features.app.describing import LAYERS, PRESETS, choices_of_models, described, models_named
from micro_features.app.numbers import main_features
from micro_features.app.opened import Opened
from micro_features.app.predicting import level_of
from micro_features.app.settings_file import SettingsFile
from micro_features.app.sidecars import Sidecars
from micro_features.app.turns import Turns
from micro_features.app.wire import Unknown
from micro_features.errors import SettingsError
from micro_features.files.search import as_text
from micro_features.fitting.property_model import PropertyModel
from micro_features.settings import Settings


def _threads(number: int, name: str) -> Executor:
    """Threads in which numbers come out as in `extract`: OpenCV's and OpenMP's choices hold for one thread each."""
    return ThreadPoolExecutor(number, name, initializer=jobs.use_one_thread.__wrapped__)


@dataclass(eq=False)
class Desk:
    """Everything that requests share.

    Attributes
    ----------
    opened : Opened
    settings_file : SettingsFile
    start : Settings
        What the page starts with: the file's, changed as the command line says.
    sidecars : Sidecars
    model : PropertyModel or None
    network : CnnModel or None
    turns : Turns
    background : Background
    heats : dict of int to Heat
        What the network says of pictures, by their number; whoever adds to it holds `heating`.
    quick, slow, aside, small : Executor
        Threads for previews; for results and layers; for files that are listed and saved; for thumbnails, of which
        there are many: none waits for another kind.
    """

    opened: Opened
    settings_file: SettingsFile
    start: Settings
    sidecars: Sidecars = field(default_factory=Sidecars)
    model: PropertyModel | None = None
    network: Any = None
    turns: Turns = field(default_factory=Turns)
    background: Background = field(default_factory=Background)
    heats: dict[int, Any] = field(default_factory=dict)
    heating: threading.Lock = field(default_factory=threading.Lock)
    quick: Executor = field(default_factory=lambda: _threads(3, "quick"))
    slow: Executor = field(default_factory=lambda: _threads(3, "slow"))
    aside: Executor = field(default_factory=lambda: _threads(1, "aside"))
    small: Executor = field(default_factory=lambda: _threads(1, "small"))
    _known: dict[str, list[str]] = field(default_factory=choices_of_models)

    def close(self) -> None:
        """Give up whatever is under way."""
        self.turns.close()
        self.background.close()
        for pool in (self.quick, self.slow, self.aside, self.small):
            pool.shutdown(wait=False, cancel_futures=True)

    def index(self, text: str) -> int:
        """The number of a picture, as it stands in an address.

        Raises
        ------
        Unknown
            There is none.
        """
        number = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1
        if not 0 <= number < len(self.opened.shown):
            raise Unknown(f"there is no picture {text[:20]}.")
        return number

    def settings(self, given: Mapping[str, Any]) -> Settings:
        """Settings of a request: defaults, changed as it says.

        Raises
        ------
        SettingsError
            One is unknown, out of bounds, or names a model that is not among those that may be chosen: paths do not
            come from the page.
        """
        settings = Settings().updated(given)
        for name, model in models_named(settings).items():
            if model not in self._known[name] and model not in (may := self.models())[name]:
                raise SettingsError(f"setting {name} = {model!r}: choose among {', '.join(may[name])}.")
        return settings

    def models(self) -> dict[str, list[str]]:
        """Models that may be chosen: those that ship, and what the settings file and the command line name."""
        found = {name: [*models] for name, models in self._known.items()}
        named = [self.start]
        with contextlib.suppress(SettingsError):  # told by `session`
            named.append(self.settings_file.read()[0])
        for settings in named:
            for name, model in models_named(settings).items():
                if model not in found[name]:
                    found[name].append(model)
        return found

    def session(self) -> dict[str, Any]:
        """What the page needs to begin."""
        models = self.models()
        return {
            "version": __version__,
            "pictures": [self._listed(index) for index in range(len(self.opened.shown))],
            "settings": self.saved(),
            "controls": described(models),
            "presets": PRESETS,
            "model": self._model(),
            "network": None if self.network is None else {"name": self.network.name},
            "models": sorted({name for names in models.values() for name in names}),
            "features": main_features(),
            "layers": LAYERS,
        }

    def saved(self) -> dict[str, Any]:
        """The settings file as it is now."""
        path = self.settings_file.path
        told = {"file": as_text(path), "exists": path.exists(), "start": self.start.changes()}
        try:
            settings, revision = self.settings_file.read()
        except SettingsError as error:
            return {**told, "saved": {}, "revision": self.settings_file.revision(), "error": str(error)}
        return {**told, "saved": settings.changes(), "revision": revision, "error": None}

    def _model(self) -> dict[str, Any] | None:
        if self.model is None:
            return None
        target = self.model.target
        return {
            "name": Path(self.model.name).name,
            "target": target.name,
            "unit": target.unit,
            "level": level_of(self.model),
        }

    def _listed(self, index: int) -> dict[str, Any]:
        shown = self.opened.shown[index]
        return {
            "index": index,
            "name": shown.name,
            "path": as_text(shown.path),
            "page": shown.page,
            "error": self.opened.error(index),
            **self.sidecars.listed(shown),
        }

    def saved_of(self, index: int, settings: Settings | None = None) -> tuple[Settings, tuple[Any, ...]]:
        """Settings and corrections of a picture: the saved settings, or others, and what is set apart for it.

        Raises
        ------
        SettingsError, CorrectionsError
            A file can not be used.
        """
        return self.sidecars.applied(self.opened.shown[index], settings or self.settings_file.read()[0])
