"""Every address that the page may ask, and what it answers."""

import asyncio
import time
import urllib.parse
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from micro_features import corrections
from micro_features.app import exporting, surveys
from micro_features.app.background import Job
from micro_features.app.desk import Desk
from micro_features.app.frames import frame, greys, labels
from micro_features.app.layers import layer
from micro_features.app.numbers import numbers, regions_of
from micro_features.app.picture import about, region_at
from micro_features.app.refusals import Endpoint, telling
from micro_features.app.requests import asked, in_turn, json_response, view_of
from micro_features.app.wire import BadRequest, Unknown, listing, mapping, parsed, text, whole

STATIC = Path(__file__).parent / "static"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


def desk_of(request: Request) -> Desk:
    """What the page works on."""
    desk: Desk = request.app.state.desk
    return desk


async def in_thread(pool: Executor, work: Callable[[], Any]) -> Any:
    """What some work gives, done in a thread."""
    return await asyncio.get_running_loop().run_in_executor(pool, work)


async def index(request: Request) -> Response:
    """The page."""
    return _static("index.html")


async def static(request: Request) -> Response:
    """A file of the page."""
    return _static(request.path_params["name"])


def _static(name: str) -> Response:
    # Only what is found below the folder is served: a name is compared, never followed.
    found = {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.suffix in _TYPES}
    if name not in found:
        raise Unknown("there is no such file.")
    return Response(found[name].read_bytes(), media_type=_TYPES[found[name].suffix])


async def session(request: Request) -> Response:
    """What the page needs to begin."""
    return json_response(await in_thread(desk_of(request).aside, desk_of(request).session))


async def picture(request: Request) -> Response:
    """What is known of a picture, and what is set apart for it."""
    desk = desk_of(request)
    number = desk.index(request.path_params["index"])

    def told() -> dict[str, Any]:
        shown, bench = desk.opened.shown[number], desk.opened.bench(number)
        apart = desk.sidecars.read(shown, bench.micrograph.sha256)
        return {"index": number, "name": shown.name, **about(bench), **apart}

    return json_response(await in_thread(desk.slow, told))


async def thumbnail(request: Request) -> Response:
    """A small PNG of a picture."""
    desk = desk_of(request)
    number = desk.index(request.path_params["index"])
    content = await in_thread(desk.small, lambda: desk.opened.thumbnail(number))
    return Response(content, media_type="image/png")


async def region(request: Request) -> Response:
    """The grain or pore at a pixel."""
    desk, wanted = desk_of(request), await asked(request)
    row, col = whole(wanted.given, "row"), whole(wanted.given, "col")

    def told() -> dict[str, Any]:
        bench = desk.opened.bench(wanted.index)
        return region_at(bench, bench.result(wanted.settings, wanted.operations), row, col)

    return json_response(await in_thread(desk.slow, told))


async def preview(request: Request) -> Response:
    """Labels at once."""
    desk, wanted = desk_of(request), await asked(request)
    turn = desk.turns.begin(text(wanted.given, "tab"), "preview", wanted.state)

    def answer() -> Response:
        view = view_of(wanted.given, desk.opened, wanted.index)
        bench = desk.opened.bench(wanted.index)
        began = time.perf_counter()
        found = bench.preview(wanted.settings, wanted.operations, view, turn.superseded)
        head = {
            "seq": wanted.given.get("seq"),
            "exact": found.exact,
            "scale": found.scale,
            "note": found.note,
            "view": vars(found.view),
            "ms": 1000 * (time.perf_counter() - began),
        }
        return _binary(frame(head, {"grains": labels(found.grains), "pores": labels(found.pores)}))

    return await in_turn(request, turn, desk.quick, answer)


async def result(request: Request) -> Response:
    """Labels and numbers as `extract` finds them."""
    desk, wanted = desk_of(request), await asked(request)
    turn = desk.turns.begin(text(wanted.given, "tab"), "result", wanted.state)

    def answer() -> Response:
        view = view_of(wanted.given, desk.opened, wanted.index)
        began = time.perf_counter()
        outcome = desk.opened.bench(wanted.index).result(wanted.settings, wanted.operations, turn.superseded)
        head = {
            "seq": wanted.given.get("seq"),
            "exact": True,
            "scale": 1.0,
            "note": "",
            "view": vars(view),
            "ms": 1000 * (time.perf_counter() - began),
            "numbers": numbers(outcome, wanted.settings, desk.model),
        }
        found = outcome.segmentation
        phases = {"grains": labels(view.of(found.grains)), "pores": labels(view.of(found.pores))}
        return _binary(frame(head, {**phases, **regions_of(outcome.measured)}))

    return await in_turn(request, turn, desk.slow, answer)


async def layer_of(request: Request) -> Response:
    """A picture to lay over the picture."""
    desk, wanted = desk_of(request), await asked(request)
    name = text(wanted.given, "layer")
    turn = desk.turns.begin("", f"layer {id(request)}", wanted.state)  # layers do not supersede each other

    def answer() -> Response:
        view = view_of(wanted.given, desk.opened, wanted.index)
        found = layer(desk, name, wanted, view, turn.superseded)
        head = {"layer": name, "low": found.low, "high": found.high, "unit": found.unit, "legend": found.legend}
        head["view"] = vars(view)
        if name in ("gradcam", "shap"):
            values = found.values.astype(np.float32)
        else:
            values = greys((found.values - found.low) / (found.high - found.low))
        return _binary(frame(head, {"values": values}))

    return await in_turn(request, turn, desk.slow, answer)


async def export(request: Request) -> Response:
    """What `extract` would write, as an archive."""
    desk, wanted = desk_of(request), await asked(request)

    def packed() -> bytes:
        bench = desk.opened.bench(wanted.index)
        outcome = bench.result(wanted.settings, wanted.operations)
        return exporting.archive(bench, outcome, wanted.settings)

    content = await in_thread(desk.slow, packed)
    name = urllib.parse.quote(f"{desk.opened.shown[wanted.index].stem}.zip", errors="replace")
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(content, media_type="application/zip", headers=headers)


async def save_settings(request: Request) -> Response:
    """Write the settings file."""
    desk = desk_of(request)
    given = parsed(await request.body())
    settings, revision = desk.settings(mapping(given, "settings")), text(given, "revision")
    saved = await in_thread(desk.aside, lambda: desk.settings_file.save(settings, revision))
    return json_response({"revision": saved})


async def set_apart(request: Request) -> Response:
    """Save settings and corrections of one picture, or keep them as a draft."""
    desk = desk_of(request)
    number = desk.index(request.path_params["index"])
    given = parsed(await request.body())
    asked_for = mapping(given, "settings")
    checked = desk.settings(asked_for).dotted()
    settings = {name: checked[name] for name in asked_for}
    operations = corrections.as_dicts(corrections.parse(listing(given, "corrections")))
    is_draft = request.url.path.endswith("/draft")
    revision = "" if is_draft else text(given, "revision")

    def written() -> dict[str, Any]:
        shown, sha256 = desk.opened.shown[number], desk.opened.bench(number).micrograph.sha256
        if not is_draft:
            return {"revision": desk.sidecars.save(shown, sha256, settings, operations, revision)}
        desk.sidecars.draft(shown, sha256, settings, operations)
        return {}

    return json_response(await in_thread(desk.aside, written))


async def forget_draft(request: Request) -> Response:
    """Remove a draft."""
    desk = desk_of(request)
    shown = desk.opened.shown[desk.index(request.path_params["index"])]
    await in_thread(desk.aside, lambda: desk.sidecars.forget_draft(shown))
    return json_response({})


async def begin_job(request: Request) -> Response:
    """Start a job over all pictures, or many settings."""
    desk = desk_of(request)
    given = parsed(await request.body())
    kind, settings = text(given, "kind"), desk.settings(mapping(given, "settings"))
    if kind == "flags":
        job = surveys.flags(desk)
    elif kind == "compare":
        job = surveys.compare(desk, settings)
    elif kind == "sensitivity":
        number = desk.index(str(whole(given, "picture")))
        job = surveys.sensitivity(desk, number, settings, corrections.parse(listing(given, "corrections")))
    else:
        raise BadRequest(f"there is no job {kind[:40]!r}: flags, compare or sensitivity.")
    return json_response({"job": desk.background.add(job)})


async def job(request: Request) -> Response:
    """How far a job is; or no more of it."""
    desk = desk_of(request)
    found: Job | None = desk.background.find(request.path_params["job"])
    if found is None:
        raise Unknown("there is no such job; the server was started anew.")
    if request.method == "DELETE":
        desk.background.cancel(found)
        return json_response({})
    return json_response(found.told())


def _binary(content: bytes) -> Response:
    return Response(content, media_type="application/octet-stream")


def _route(path: str, endpoint: Endpoint, *methods: str) -> Route:
    return Route(path, telling(endpoint), methods=methods or ("GET",))


ROUTES = [
    _route("/", index),
    _route("/static/{name:path}", static),
    _route("/api/session", session),
    _route("/api/settings", save_settings, "PUT"),
    _route("/api/jobs", begin_job, "POST"),
    _route("/api/jobs/{job}", job, "GET", "DELETE"),
    _route("/api/pictures/{index}", picture),
    _route("/api/pictures/{index}/thumbnail", thumbnail),
    _route("/api/pictures/{index}/tuned", set_apart, "PUT"),
    _route("/api/pictures/{index}/draft", set_apart, "PUT"),
    _route("/api/pictures/{index}/draft", forget_draft, "DELETE"),
    _route("/api/pictures/{index}/region", region, "POST"),
    _route("/api/pictures/{index}/preview", preview, "POST"),
    _route("/api/pictures/{index}/result", result, "POST"),
    _route("/api/pictures/{index}/layer", layer_of, "POST"),
    _route("/api/pictures/{index}/export", export, "POST"),
]
