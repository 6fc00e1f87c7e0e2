"""The settings as an annotated ``settings.toml``, and saved into one that somebody has edited."""

import textwrap
from typing import Any

import tomlkit
from pydantic import BaseModel

from micro_features.settings.model import Settings


def annotated_toml(settings: Settings) -> str:
    """The settings as a ``settings.toml`` in which a comment explains every line.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    str
        Each field is preceded by its description and bounds.
    """
    document = tomlkit.document()
    document.add(tomlkit.comment("Settings of micro-features. Lines that you do not change may be deleted."))
    document.add(tomlkit.comment("Use with: micro-features extract PATH -o DIR --settings settings.toml"))
    document.add(tomlkit.nl())
    sections = {name: getattr(settings, name) for name in type(settings).model_fields}
    for name, value in sections.items():  # TOML wants plain keys before tables
        if not isinstance(value, BaseModel):
            _annotate(document, type(settings), name, value)
    for name, value in sections.items():
        if isinstance(value, BaseModel):
            table = tomlkit.table()
            document.add(tomlkit.nl())
            document.add(tomlkit.comment((type(value).__doc__ or "").strip()))
            for field in type(value).model_fields:
                _annotate(table, type(value), field, getattr(value, field))
            document.add(name, table)
    return tomlkit.dumps(document)


def merged_toml(text: str, settings: Settings) -> str:
    """Settings saved into the text of an existing ``settings.toml``: its comments, order and spacing stay.

    A line that is there already gets its value; what is off its default and not there yet is added, with its
    explanation, to its section; nothing else is.

    Parameters
    ----------
    text : str
        Valid TOML; may be empty.
    settings : Settings

    Returns
    -------
    str

    Raises
    ------
    SettingsError
        The text is not valid TOML, or holds what is no setting.
    """
    Settings.from_toml(text)
    if not text.strip():
        return annotated_toml(settings)
    document = tomlkit.parse(text)
    off = settings.changes()
    for name, value in settings.dotted().items():
        *sections, key = name.split(".")
        place: Any = document
        model: type[BaseModel] = Settings
        for section in sections:
            model = type(getattr(settings, section))
            if section not in place:
                if name not in off:
                    break
                place.add(tomlkit.nl())
                place.add(section, tomlkit.table())
            place = place[section]
        else:
            if key in place:
                if place[key] != value:
                    place[key] = value
            elif name in off and sections:
                _annotate(place, model, key, value)
            elif name in off:  # above the first section, where a comment would not find its place
                place.add(key, value)
    return tomlkit.dumps(document)


def _annotate(container: Any, model: type[BaseModel], name: str, value: Any) -> None:
    field = model.model_fields[name]
    for line in textwrap.wrap(f"{field.description} {_bounds(model, name)}".strip(), 110):
        container.add(tomlkit.comment(line))
    container.add(name, value)


def _bounds(model: type[BaseModel], name: str) -> str:
    """Choices or range of a field, from its JSON schema: stated once, in the field itself."""
    schema = model.model_json_schema()["properties"][name]
    if "enum" in schema:
        return f"[one of: {', '.join(map(str, schema['enum']))}]"
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None and high is None:
        return ""
    said = f"at least {low}" if high is None else f"{low} to {high}"
    if "plausible" in schema:
        said += "; plausible {:g} to {:g}".format(*schema["plausible"])
    return f"[{said}]"
