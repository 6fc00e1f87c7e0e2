"""The page's server: on the loopback address, until somebody ends it."""

import contextlib
import errno
import os
import socket
import sys
import traceback
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from micro_features.app.background import TooMany
from micro_features.app.desk import Desk
from micro_features.app.layers import Missing
from micro_features.app.requests import json_response
from micro_features.app.routes import ROUTES
from micro_features.app.safety import Guard
from micro_features.app.settings_file import Conflict
from micro_features.app.wire import Unknown
from micro_features.errors import ImageError, MicroFeaturesError, OutputError, SettingsError

ADDRESS = "127.0.0.1"
_SECONDS_TO_END = 2
_STATUS: dict[type[Exception], int] = {
    Unknown: 404,
    Missing: 409,
    ImageError: 422,
    OutputError: 500,
    TooMany: 429,
}


def application(desk: Desk, *, token: str, port: int) -> ASGIApp:
    """The server as an ASGI application.

    Parameters
    ----------
    desk : Desk
    token : str
        See `safety.Guard`.
    port : int

    Returns
    -------
    ASGI application
    """
    app = Starlette(
        routes=ROUTES,
        exception_handlers={
            MicroFeaturesError: _refused,
            HTTPException: _http,
            Exception: _defect,
        },
    )
    app.state.desk = desk
    return Guard(app, token=token, port=port)


async def _refused(request: Request, error: Exception) -> Response:
    told = {"error": " ".join(str(error).split())}
    if isinstance(error, Conflict):
        return json_response({**told, "revision": error.revision, "saved": error.saved}, 409)
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 400)
    return json_response(told, status)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return json_response({"error": error.detail}, error.status_code)


async def _defect(request: Request, error: Exception) -> Response:
    traceback.print_exception(error, file=sys.stderr)
    return json_response({"error": f"defect of the program: {type(error).__name__}: {error}; report it"}, 500)


def bound(port: int) -> socket.socket:
    """A socket that listens on the loopback address.

    Parameters
    ----------
    port : int
        0 takes any that is free.

    Raises
    ------
    SettingsError
        The port is taken, or not to be had.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":  # a port that was left a moment ago can be taken again
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((ADDRESS, port))
        listening.listen()
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"--port {port}: another program listens there; name another one, or leave it out."
            ) from None
        raise SettingsError(f"--port {port}: {error.strerror or error}; name another one.") from None
    return listening


def server_of(desk: Desk, *, token: str, port: int) -> uvicorn.Server:
    """The server, not running yet.

    Parameters
    ----------
    desk : Desk
    token : str
    port : int
        On which it will listen.
    """
    config = uvicorn.Config(
        application(desk, token=token, port=port),
        log_level="critical",
        access_log=False,
        server_header=False,
        ws="none",
        lifespan="off",
        timeout_graceful_shutdown=_SECONDS_TO_END,
    )
    return _Server(config, at_end=desk.close)


def serve(desk: Desk, *, token: str, listening: socket.socket) -> None:
    """Answer until an interrupt.

    Parameters
    ----------
    desk : Desk
    token : str
    listening : socket
        As from `bound`.
    """
    server = server_of(desk, token=token, port=listening.getsockname()[1])
    try:
        with contextlib.suppress(KeyboardInterrupt):  # how uvicorn says that it was interrupted
            server.run(sockets=[listening])
    finally:
        desk.close()


class _Server(uvicorn.Server):
    """Gives up what is under way before it waits for it."""

    def __init__(self, config: uvicorn.Config, *, at_end: Callable[[], None]):
        super().__init__(config)
        self._at_end = at_end

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._at_end()
        await super().shutdown(sockets)
