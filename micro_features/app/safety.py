"""Who may ask the page's server: only the page itself, which knows the token, from this machine.

Any web page that somebody has open can send requests to a server on this machine. So each request is looked at before
anything else: the name by which it reached us (against names that are rebound to this machine), the page it came from,
the token, what it brings and how much.
"""

import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 2_000_000
"""Settings and some ten thousand points of strokes fit in many times over."""
# A browser that is cut off while it sends does not show why: so far a body is read, and thrown away.
_MOST_READ_BYTES = 10 * MAX_BODY_BYTES

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
"""On every answer. The referrer would tell the token, which stands in the address."""

_WITH_BODY = ("POST", "PUT", "PATCH")


class Refused(Exception):
    """A request that is not answered: status and one line."""

    def __init__(self, status: int, reason: str):
        super().__init__(reason)
        self.status = status


class Guard:
    """Lets through what the page itself asks.

    Parameters
    ----------
    app : ASGI application
    token : str
        What ``/`` needs as ``?token=``, and everything below ``/api/`` in the header ``X-Token``.
    port : int
        On which the server listens.
    """

    def __init__(self, app: ASGIApp, *, token: str, port: int):
        self._app = app
        self._token = token.encode()
        self._hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))
        self._origins = frozenset(f"http://{host}" for host in self._hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        try:
            self._check(scope)
            body = await _whole_body(scope, receive)
        except Refused as refused:
            await _refuse(send_safely, refused)
            return
        await self._app(scope, _given(body, receive), send_safely)

    def _check(self, scope: Scope) -> None:
        headers = _headers(scope)
        if headers.get("host", "") not in self._hosts:
            raise Refused(403, "this server answers on 127.0.0.1 only.")
        if headers.get("origin", next(iter(self._origins))) not in self._origins:
            raise Refused(403, "another page may not ask this server.")
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            raise Refused(403, "another page may not ask this server: paste its address into the browser yourself.")
        path = scope["path"]
        if path.startswith("/static/"):  # the program itself; the page's own files can not send a header
            return
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0] if path == "/" else None
        if not secrets.compare_digest((headers.get("x-token", "") if given is None else given).encode(), self._token):
            raise Refused(403, "the token is missing or wrong: use the address that `micro-features tune` printed.")


def _headers(scope: Scope) -> Mapping[str, str]:
    """Headers by their small names; one that comes twice is as good as none that fits."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        found[key] = f"{found[key]}, {value.decode('latin-1')}" if key in found else value.decode("latin-1")
    return found


async def _whole_body(scope: Scope, receive: Receive) -> bytes:
    """What a request brings. Of what is too large nothing is kept."""
    headers = _headers(scope)
    declared = headers.get("content-length", "0")
    too_large = Refused(413, f"more than {MAX_BODY_BYTES} bytes are not taken.")
    if not declared.isdecimal() or int(declared) > _MOST_READ_BYTES:
        raise too_large
    parts: list[bytes] = []
    size, more = 0, True
    while more and size <= _MOST_READ_BYTES:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY_BYTES:
            parts.append(part)
        more = message.get("more_body", False)
    if size > MAX_BODY_BYTES:
        raise too_large
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if scope["method"] in _WITH_BODY and kind != "application/json":
        raise Refused(415, "a body must be application/json.")
    return b"".join(parts)


def _given(body: bytes, receive: Receive) -> Receive:
    """A body that is read already, then what else comes: the end of the connection."""
    waiting = [body]

    async def give() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return give


async def _refuse(send: Send, refused: Refused) -> None:
    body: dict[str, Any] = {"error": str(refused)}
    content = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    if refused.status == 413:  # the rest is not read
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
