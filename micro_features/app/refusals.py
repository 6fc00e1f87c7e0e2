"""What goes wrong, told to the page in one line."""

import functools
import sys
import traceback
from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from micro_features.app.background import TooMany
from micro_features.app.layers import Missing
from micro_features.app.requests import json_response
from micro_features.app.settings_file import Conflict
from micro_features.app.wire import Unknown
from micro_features.errors import ImageError, MicroFeaturesError, OutputError

Endpoint = Callable[[Request], Awaitable[Response]]

_STATUS: dict[type[Exception], int] = {Unknown: 404, Missing: 409, ImageError: 422, TooMany: 429, OutputError: 500}
_BAD_REQUEST = 400


def telling(endpoint: Endpoint) -> Endpoint:
    """An endpoint whose errors become answers: the page's fault, the file's, or a defect of the program."""

    @functools.wraps(endpoint)
    async def told(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Conflict as conflict:
            return json_response({**_line(conflict), "revision": conflict.revision, "saved": conflict.saved}, 409)
        except MicroFeaturesError as error:
            status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), _BAD_REQUEST)
            return json_response(_line(error), status)
        except MemoryError:
            return json_response({"error": "not enough memory: shrink the picture or cut it into tiles."}, 500)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            defect = f"defect of the program: {type(error).__name__}: {error}; report it"
            return json_response({"error": " ".join(defect.split())}, 500)

    return told


async def no_such_address(request: Request, error: Exception) -> Response:
    """An address, or a way to ask it, that does not exist."""
    assert isinstance(error, HTTPException)
    return json_response({"error": error.detail}, error.status_code)


def _line(error: Exception) -> dict[str, str]:
    return {"error": " ".join(str(error).split())}
