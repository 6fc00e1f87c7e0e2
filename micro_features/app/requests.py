"""From a request to its answer: work goes to threads, so that the page is never kept waiting by another one."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from micro_features import corrections
from micro_features.app.desk import Desk
from micro_features.app.engine import View
from micro_features.app.opened import Opened
from micro_features.app.stack import Superseded
from micro_features.app.turns import Turn
from micro_features.app.wire import listing, mapping, parsed, plain, whole
from micro_features.settings import Settings


@dataclass(frozen=True)
class Asked:
    """What is asked about a picture.

    Attributes
    ----------
    index : int
        Of the picture.
    settings : Settings
    operations : tuple
        Corrections.
    given : dict
        The whole request.
    """

    index: int
    settings: Settings
    operations: tuple[Any, ...]
    given: dict[str, Any]

    @property
    def state(self) -> tuple[int, Settings, tuple[Any, ...]]:
        """What the answer depends on, beside the view."""
        return self.index, self.settings, self.operations


async def asked(request: Request) -> Asked:
    """The picture of an address, the settings and corrections of a body.

    Raises
    ------
    Unknown
        There is no such picture.
    BadRequest, SettingsError, CorrectionsError
    """
    desk: Desk = request.app.state.desk
    index = desk.index(request.path_params["index"])
    given = parsed(await request.body())
    operations = corrections.parse(listing(given, "corrections"))
    return Asked(index, desk.settings(mapping(given, "settings")), operations, given)


def view_of(given: dict[str, Any], opened: Opened, index: int) -> View:
    """The view that a request asks for, clipped to the picture.

    Raises
    ------
    BadRequest
        A number is missing.
    """
    asked_for = mapping(given, "view")
    rows, cols = opened.bench(index).micrograph.image.shape
    first_row, end_row = _clipped(whole(asked_for, "row", 0), whole(asked_for, "rows", rows), rows)
    first_col, end_col = _clipped(whole(asked_for, "col", 0), whole(asked_for, "cols", cols), cols)
    step = max(1, whole(asked_for, "step", 1))
    return View(first_row, first_col, end_row - first_row, end_col - first_col, step)


def _clipped(first: int, extent: int, size: int) -> tuple[int, int]:
    """First and end of what of an interval lies in the picture; at least one pixel."""
    end = min(max(first + extent, 1), size)
    return min(max(first, 0), end - 1), end


async def in_turn(request: Request, turn: Turn, pool: Executor, work: Callable[[], Response]) -> Response:
    """The answer of some work; 204 where a newer request superseded it, or the page is gone.

    Parameters
    ----------
    request : Request
        Its body has been read.
    turn : Turn
    pool : Executor
    work : callable
        Raises `Superseded` once the turn is over.
    """
    desk: Desk = request.app.state.desk

    def guarded() -> Response:
        if turn.superseded():
            raise Superseded
        return work()

    watch = asyncio.create_task(_end_when_gone(request, turn))
    try:
        return await asyncio.get_running_loop().run_in_executor(pool, guarded)
    except Superseded:
        return Response(status_code=204)
    finally:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch
        desk.turns.finish(turn)


async def _end_when_gone(request: Request, turn: Turn) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    turn.end()


def json_response(content: Any, status: int = 200) -> Response:
    """An answer in JSON; what is not finite is null."""
    return Response(json.dumps(plain(content), allow_nan=False), status, media_type="application/json")
