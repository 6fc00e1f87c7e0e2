"""The page's server: on the loopback address, until somebody ends it."""

import errno
import os
import socket
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from micro_features.app.desk import Desk
from micro_features.app.refusals import no_such_address
from micro_features.app.routes import ROUTES
from micro_features.app.safety import Guard
from micro_features.errors import SettingsError

ADDRESS = "127.0.0.1"
_SECONDS_TO_END = 2
# A browser that finds its connection closed must open another one before it can send what a slider says.
_SECONDS_TO_KEEP = 600


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
    app = Starlette(routes=ROUTES, exception_handlers={HTTPException: no_such_address})
    app.state.desk = desk
    return Guard(app, token=token, port=port)


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
    # With the protocol named, asyncio sends each answer at once; else its end waits 40 ms for an acknowledgement.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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
        timeout_keep_alive=_SECONDS_TO_KEEP,
        timeout_graceful_shutdown=_SECONDS_TO_END,
    )
    return _Server(config, at_end=desk.close)


def serve(desk: Desk, *, token: str, listening: socket.socket) -> None:
    """Answer until an interrupt, which is handed on.

    Parameters
    ----------
    desk : Desk
    token : str
    listening : socket
        As from `bound`.
    """
    server = server_of(desk, token=token, port=listening.getsockname()[1])
    try:
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
