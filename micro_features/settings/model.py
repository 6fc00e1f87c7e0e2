"""All settings as one frozen model."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, ValidationError

from micro_features.errors import SettingsError
from micro_features.settings.sections import Grains, Measure, Phases, Pores, Prepare, Reading, Section, Words

METHODS: dict[str, dict[str, str]] = {
    "fast": {"grains.method": "watershed", "pores.method": "local"},
    "best": {"grains.method": "learned", "pores.method": "classified"},
}
"""What `--method` stands for: the quicker way to find grains and pores, and the more accurate one."""

QUICK: dict[str, Any] = {
    "words.channels": 16,
    "words.epochs": 6,
    "words.attempts": 3,
    "words.projected": 1000,
    "words.draws": 100,
}
"""What `published --quick` stands for: a look at the whole way in minutes, not a result."""


class Settings(Section):
    """All settings; immutable. Change by `updated`, which validates again.

    Raises
    ------
    SettingsError
        From `updated`, `from_mapping` and `from_toml`, naming the setting, the value found and the bound.
    """

    version: Literal[1] = Field(1, description="Rises when a default or a meaning changes.")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Seed of every random step (bootstrap intervals).")
    reading: Reading = Reading()
    prepare: Prepare = Prepare()
    pores: Pores = Pores()
    grains: Grains = Grains()
    phases: Phases = Phases()
    measure: Measure = Measure()
    words: Words = Words()

    @classmethod
    def published(cls) -> Self:
        """The numbers of the published study (Zhang et al., Nano Letters 2024, 24, 5292): defaults of section `words`.

        What the study's own code does beside is not taken over: its 1600 epochs of plain gradient descent, crops that
        are resized at random (which destroy the absolute size of grains), and the best epoch picked on the scored part.
        """
        return cls()

    def updated(self, changes: Mapping[str, Any]) -> Self:
        """A changed copy, validated again.

        Parameters
        ----------
        changes : mapping
            Dotted name to value, as in ``{"pores.sensitivity": 0.4}``. Text is converted to the field's type.
        """
        values = self.model_dump()
        for name, value in changes.items():
            *sections, last = name.split(".")
            place = values
            for section in sections:
                place = place.get(section) if isinstance(place, dict) else None  # type: ignore[assignment]
            if not isinstance(place, dict) or last not in place or isinstance(place[last], dict):
                raise SettingsError(f"setting {name!r} is not known; `micro-features settings` lists all of them.")
            place[last] = value
        return self.from_mapping(values)

    def dotted(self) -> dict[str, Any]:
        """All settings by dotted name, as `updated` takes them."""
        return _dotted(self.model_dump())

    def changes(self) -> dict[str, Any]:
        """What differs from the defaults, by dotted name."""
        default = Settings().dotted()
        return {name: value for name, value in self.dotted().items() if value != default[name]}

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], origin: str = "") -> Self:
        """Settings from nested values; what is missing is at its default."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise SettingsError("; ".join(_complaint(detail, origin) for detail in error.errors())) from None

    @classmethod
    def from_toml(cls, text: str, origin: str = "settings") -> Self:
        """Settings from the text of a ``settings.toml``."""
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{origin} is not valid TOML: {error}.") from None
        return cls.from_mapping(values, origin)

    @property
    def digest(self) -> str:
        """Hash of the settings that change measured numbers: those off their default, and the version.

        A new setting whose default changes nothing leaves the digests of older tables alone.
        """
        changed = self.model_dump(mode="json", exclude_defaults=True, exclude={"reading", "words"})
        text = json.dumps({**changed, "version": self.version}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _dotted(values: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= {f"{name}.{key}": part for key, part in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def _complaint(detail: Any, origin: str) -> str:
    name = ".".join(str(part) for part in detail["loc"])
    where = f"{origin}: " if origin else ""
    if detail["type"] == "extra_forbidden":
        return f"{where}setting {name!r} is not known; `micro-features settings` lists all of them."
    return f"{where}setting {name} = {detail['input']!r}: {detail['msg'][0].lower()}{detail['msg'][1:]}."
