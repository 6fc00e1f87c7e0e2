"""What a control for each setting needs to know, read from the settings' own fields."""

import typing
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from micro_features.settings.model import Settings

# Nothing that is measured on a picture depends on these.
_ELSEWHERE = ("reading", "words", "version")
_SEGMENTATION = ("prepare", "pores", "grains")
_UNITS = {"_px": "px", "_um": "µm", "_deg": "°"}
_KINDS = {int: "integer", float: "number", bool: "boolean", str: "text"}


@dataclass(frozen=True)
class Control:
    """A setting, as a person meets it.

    Attributes
    ----------
    name : str
        Dotted, ``"pores.threshold"``.
    section, section_description : str
        ``""`` for what stands above all sections.
    label : str
        The name in words, without unit.
    kind : str
        ``"number"``, ``"integer"``, ``"choice"``, ``"boolean"`` or ``"text"``.
    minimum, maximum : float or None
    low_excluded : bool
        The value must be above `minimum`.
    plausible : (low, high) or None
        Values that two careful people may choose for the same picture.
    logarithmic : bool
        Equal factors matter alike.
    unit : str
    choices : tuple of str
    description : str
    default : Any
    when : dict of str to tuple of str
        Setting to values: elsewhere this one does nothing.
    affects : str
        ``"segmentation"``, ``"measurement"``, or ``"elsewhere"`` where nothing measured on a picture depends on it.
    """

    name: str
    section: str
    section_description: str
    label: str
    kind: str
    minimum: float | None
    maximum: float | None
    low_excluded: bool
    plausible: tuple[float, float] | None
    logarithmic: bool
    unit: str
    choices: tuple[str, ...]
    description: str
    default: Any
    when: dict[str, tuple[str, ...]] = field(default_factory=dict)
    affects: str = "segmentation"

    @property
    def is_threshold(self) -> bool:
        """Whether a plausible range is known, over which results can be told."""
        return self.plausible is not None

    def applies(self, settings: Settings) -> bool:
        """Whether it does something among these settings."""
        values = settings.dotted()
        return all(values[name] in wanted for name, wanted in self.when.items())


def controls() -> tuple[Control, ...]:
    """One for each setting, in the order of the settings file.

    Returns
    -------
    tuple of Control
    """
    found = []
    for name, info in Settings.model_fields.items():
        section = info.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            about = (section.__doc__ or "").strip()
            found += [_control(f"{name}.{key}", name, about, part) for key, part in section.model_fields.items()]
        elif name != "version":
            found.append(_control(name, "", "", info))
    return tuple(found)


def _control(name: str, section: str, about: str, info: FieldInfo) -> Control:
    choices = typing.get_args(info.annotation) if typing.get_origin(info.annotation) is typing.Literal else ()
    bounds = {
        mark: getattr(constraint, mark)
        for constraint in info.metadata
        for mark in ("ge", "gt", "le", "lt")
        if hasattr(constraint, mark)
    }
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    *_, short = name.split(".")
    suffix, unit = next(((end, unit) for end, unit in _UNITS.items() if short.endswith(end)), ("", ""))
    when: Any = extra.get("when")
    plausible: Any = extra.get("plausible")
    return Control(
        name=name,
        section=section,
        section_description=about,
        label=short.removesuffix(suffix).replace("_", " "),
        kind="choice" if choices else _KINDS[typing.cast(type, info.annotation)],
        minimum=bounds.get("ge", bounds.get("gt")),
        maximum=bounds.get("le", bounds.get("lt")),
        low_excluded="gt" in bounds,
        plausible=None if plausible is None else (float(plausible[0]), float(plausible[1])),
        logarithmic=bool(extra.get("logarithmic")),
        unit=unit,
        choices=tuple(map(str, choices)),
        description=info.description or "",
        default=info.default,
        when={} if when is None else {when[0]: tuple(when[1].split("|"))},
        affects=_affects(section or name),
    )


def _affects(part: str) -> str:
    if part in _ELSEWHERE:
        return "elsewhere"
    return "segmentation" if part in _SEGMENTATION else "measurement"
