"""How the pictures of a table were measured, and whether as those that a model was trained on."""

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from micro_features.settings import Settings


@dataclass(frozen=True, eq=False)
class Extraction:
    """How the training pictures were measured.

    Attributes
    ----------
    settings_digests : tuple of str
        None for tables of other origin.
    settings : dict or None
        Values of the settings, where there is one digest and they are known.
    models_digest : dict or None
        What was found by a trained segmentation model -> hash of its weights; None where that is not known.
    pixel_um : (float, float) or None
        Smallest and largest pixel.
    """

    settings_digests: tuple[str, ...]
    settings: dict[str, Any] | None
    models_digest: dict[str, str] | None
    pixel_um: tuple[float, float] | None


class Origin(NamedTuple):
    """What the provenance beside a table tells.

    Attributes
    ----------
    digest : str
        Of the settings of the run that wrote it; empty where there is no provenance.
    settings : dict
        Digest -> values of the settings, of this run and of earlier ones whose rows are in the table.
    models_digest : dict or None
        Of this run.
    inputs_sha256 : dict
        Path of a picture -> its hash.
    """

    digest: str
    settings: dict[str, dict[str, Any]]
    models_digest: dict[str, str] | None
    inputs_sha256: dict[str, str]


def origin_of(table: Path) -> Origin:
    """How a table was made, from the ``provenance.json`` that ``extract`` wrote beside it, if there is one."""
    for folder in (table.with_name(f"{table.stem}_files"), table.parent):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            told = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
            settings = {**told["settings_of_earlier_rows"], told["settings_digest"]: dict(told["settings"])}
            return Origin(told["settings_digest"], settings, dict(told["models_digest"]), dict(told["inputs_sha256"]))
    return Origin("", {}, None, {})


def settings_values(digest: str, origin: Origin) -> dict[str, Any] | None:
    """Values of the settings of a digest: from the provenance, or the defaults where it is theirs; else None."""
    if digest in origin.settings:
        return origin.settings[digest]
    return Settings().model_dump(mode="json") if digest == Settings().digest else None


def differences(trained: Extraction, digests: Sequence[str | None], origin: Origin) -> list[str]:
    """How the measurement of each row differs from that of the training pictures.

    Parameters
    ----------
    trained : Extraction
    digests : sequence of m str
        Settings of each row, None where its table does not tell.
    origin : Origin
        Of its table.

    Returns
    -------
    list of m str
        Empty where nothing differs, and for a model that was trained on a table of other origin.
    """
    if not trained.settings_digests:
        return [""] * len(digests)
    reasons = {digest: _difference(trained, digest, origin) for digest in set(digests)}
    return [reasons[digest] for digest in digests]


def _difference(trained: Extraction, digest: str | None, origin: Origin) -> str:
    own = " or ".join(trained.settings_digests)
    if digest is None:
        return f"no settings_digest tells how they were measured, and the model asks for settings {own}"
    if digest not in trained.settings_digests:
        theirs = settings_values(digest, origin)
        why = "which settings differ is not known, without the provenance.json of the table"
        if theirs is not None and trained.settings is not None:
            why = "; ".join(_changed(_flat(trained.settings), _flat(theirs))) or "none of those that are told"
        return f"measured with settings {digest}, the model's are {own}: {why}"
    if digest == origin.digest and None not in (trained.models_digest, origin.models_digest):
        return "; ".join(
            f"their {what} were found by other weights ({new}) than those of the training pictures ({old})"
            for what, old, new in _unequal(trained.models_digest or {}, origin.models_digest or {})
        )
    return ""


def _unequal(one: dict[str, Any], other: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    return [(name, one.get(name), other.get(name)) for name in {**one, **other} if one.get(name) != other.get(name)]


def _changed(trained: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """Settings that differ, but for those that change no number."""
    return [
        f"{name} is {new}, in training {old}"
        for name, old, new in _unequal(trained, theirs)
        if not name.startswith("reading.")
    ]


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    flat = {}
    for name, value in values.items():
        inner = _flat(value) if isinstance(value, dict) else None
        flat.update({name: value} if inner is None else {f"{name}.{last}": each for last, each in inner.items()})
    return flat
