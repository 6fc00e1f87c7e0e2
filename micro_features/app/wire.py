"""What goes over the wire as JSON, and what comes."""

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from micro_features.errors import MicroFeaturesError

# Beyond what any number of a request means, and short enough to be any kind of number.
_LONGEST_INTEGER = 18


class BadRequest(MicroFeaturesError, ValueError):
    """What the page sent is not what the server understands."""


class Unknown(MicroFeaturesError, LookupError):
    """What is asked for is not there."""


def plain(value: Any) -> Any:
    """A value as JSON can tell it: what is not finite or missing becomes null.

    Parameters
    ----------
    value : mappings, sequences, numpy scalars, numbers, text
    """
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def parsed(body: bytes) -> dict[str, Any]:
    """The object that a request brings.

    Parameters
    ----------
    body : bytes
        JSON; nothing stands for an empty object.

    Raises
    ------
    BadRequest
        It is no JSON, no object, nested too deeply, or holds numbers that are not finite.
    """
    if not body:
        return {}
    try:
        found = json.loads(body, parse_constant=_not_finite, parse_float=_finite, parse_int=_handy)
    except RecursionError:
        raise BadRequest("the request is nested too deeply.") from None
    except BadRequest:
        raise
    except ValueError as error:  # no JSON, no UTF-8, an integer of thousands of digits
        raise BadRequest(f"the request is no JSON: {error}.") from None
    if not isinstance(found, dict):
        raise BadRequest("the request is no JSON object.")
    return found


def _not_finite(word: str) -> NoReturn:
    raise BadRequest(f"the request holds {word}, which is no usable number.")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        _not_finite(text)
    return value


def _handy(text: str) -> int:
    if len(text) > _LONGEST_INTEGER:
        _not_finite(f"{text[:20]}...")
    return int(text)


def whole(given: Mapping[str, Any], name: str, default: int | None = None) -> int:
    """An integer of a request.

    Raises
    ------
    BadRequest
        It is missing, or no integer.
    """
    value = given.get(name, default)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadRequest(f"{name} = {value!r}: an integer is needed.")
    return value


def text(given: Mapping[str, Any], name: str, *, default: str | None = None, longest: int = 200) -> str:
    """A text of a request.

    Raises
    ------
    BadRequest
        It is missing, no text, or too long.
    """
    value = given.get(name, default)
    if not isinstance(value, str) or len(value) > longest:
        raise BadRequest(f"{name} = {str(value)[:40]!r}: a text of at most {longest} letters is needed.")
    return value


def mapping(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object of a request; empty where it is left out.

    Raises
    ------
    BadRequest
        It is something else.
    """
    value = given.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRequest(f"{name}: an object is needed.")
    return value


def listing(given: Mapping[str, Any], name: str) -> list[Any]:
    """A list of a request; empty where it is left out.

    Raises
    ------
    BadRequest
        It is something else.
    """
    value = given.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadRequest(f"{name}: a list is needed.")
    return value
