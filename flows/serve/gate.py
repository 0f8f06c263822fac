"""What stands before every request: known hosts and origins, the secret, and limits of size, rate and patience."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flows.serve.problems import Problem, problem
from flows.serve.sessions import COOKIE, CSRF_HEADER, SAFE, Sessions, host_of
from medley.settings import Settings

logger = logging.getLogger("medley.serve")

#: Paths that need no secret: they show nothing of the index.
OPEN = ("/login", "/healthz", "/favicon.ico")
_OPEN_BELOW = "/static/"
_UPLOADS = "/api/uploads"
_BODY_BYTES = 16 << 20  #: of anything but an upload: a picture to search with
_SILENCE_S = 30.0  #: between two parts of a body
_ADDRESSES = 10_000  #: that are remembered
_LOGINS = 20  #: tries of one address in a minute
_LOCAL = ("127.0.0.1", "localhost", "::1")
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class Rates:
    """Requests of each address: so many in a minute, with bursts of a quarter of that."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._most, self._clock = per_minute / 60.0, max(1.0, per_minute / 4), clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, address: str) -> bool:
        """Counts a request; False where the address has had too many."""
        now = self._clock()
        left, since = self._left.pop(address, (self._most, now))
        left = min(self._most, left + (now - since) * self._rate)
        self._left[address] = (left - 1 if left >= 1 else left, now)
        while len(self._left) > _ADDRESSES:
            self._left.popitem(last=False)
        return left >= 1


class Gate:
    """An ASGI application around another one."""

    def __init__(self, app: ASGIApp, settings: Settings, sessions: Sessions) -> None:
        self._app, self._sessions = app, sessions
        self._hosts = {*_LOCAL, settings.serve.host.lower(), *(name.lower() for name in settings.serve.hosts)}
        self._rates, self._logins = Rates(settings.serve.per_minute), Rates(_LOGINS * 4)
        self._upload_bytes = settings.serve.upload_mb << 20

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request in, or refuses it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        sender = _Sender(send)
        try:
            self._check(scope, headers)
            limit = self._upload_bytes if scope["path"] == _UPLOADS else _BODY_BYTES
            await self._app(scope, _Limited(receive, headers, limit).receive, sender.send)
        except Problem as refusal:
            client = (scope.get("client") or ["?"])[0]
            path = repr(scope["path"])[:200]
            logger.warning("refused %s %s of %s: %s", scope["method"], path, client, refusal.detail)
            if not sender.started:
                await _refused(refusal, scope)(scope, receive, sender.send)

    def _check(self, scope: Scope, headers: Mapping[str, str]) -> None:
        """Raises Problem."""
        if host_of(headers.get("host", "")) not in self._hosts:
            raise Problem(421, "this host name is not known here", "Add it to MEDLEY_SERVE__HOSTS")
        self._check_origin(headers)
        address = (scope.get("client") or ["?"])[0]
        if not self._rates.allows(address):
            raise Problem(429, "too many requests", "Wait a moment, or raise MEDLEY_SERVE__PER_MINUTE")
        if "\0" in scope["path"] or ".." in scope["path"].split("/"):
            raise Problem(400, "this is no path of ours")
        if scope["path"] == "/login" and scope["method"] == "POST" and not self._logins.allows(address):
            raise Problem(429, "too many tries", "Wait a minute")
        if scope["path"] not in OPEN and not scope["path"].startswith(_OPEN_BELOW):
            self._check_secret(scope, headers)

    def _check_origin(self, headers: Mapping[str, str]) -> None:
        """A page of somebody else's must neither read nor change anything, whatever cookies the browser has."""
        origin = headers.get("origin")
        if origin is not None and host_of(origin) not in self._hosts:
            raise Problem(403, "requests of other pages are refused", "Open the page of this service itself")
        if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
            raise Problem(403, "requests of other pages are refused", "Open the page of this service itself")

    def _check_secret(self, scope: Scope, headers: Mapping[str, str]) -> None:
        given = headers.get("authorization", "")
        if given:
            kind, _, token = given.partition(" ")
            if kind.lower() == "bearer" and self._sessions.is_secret(token.strip()):
                return
            raise Problem(401, "the secret is wrong", "It stands in MEDLEY_HOME/run/token, or MEDLEY_TOKEN")
        cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        if not self._sessions.is_cookie(cookie):
            raise Problem(401, "the secret is missing", "Send it as `Authorization: Bearer ...`, or log in at /login")
        if scope["method"] not in SAFE and not self._sessions.is_csrf_token(headers.get(CSRF_HEADER, ""), cookie):
            raise Problem(403, "the page's token is missing", "Load the page again")


def _refused(refusal: Problem, scope: Scope) -> Response:
    if refusal.status_code == 401 and scope["path"] == "/":
        return Response(status_code=303, headers={"Location": "/login"})
    refused = problem(refusal.status_code, refusal.detail, refusal.remedy)
    if refusal.status_code in (408, 413):
        refused.headers["connection"] = "close"  # the rest of the body is not read
    return refused


class _Sender:
    """Sends answers with the headers that every answer has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def send(self, message: Message) -> None:
        """Sends a message of the application."""
        if message["type"] == "http.response.start":
            self.started = True
            known = {name for name, _ in message["headers"]}
            more = ((name.encode(), value.encode()) for name, value in _HEADERS.items())
            message = {**message, "headers": [*message["headers"], *(pair for pair in more if pair[0] not in known)]}
        await self._send(message)


class _Limited:
    """The body of a request, as far as it keeps to the limits."""

    def __init__(self, receive: Receive, headers: Mapping[str, str], limit: int) -> None:
        self._receive, self._limit, self._seen = receive, limit, 0
        length = headers.get("content-length", "0")
        self._too_large = not length.isdecimal() or int(length) > limit
        self._ended = False

    async def receive(self) -> Message:
        """Returns the next part. Raises Problem where there is too much, or nothing comes."""
        if self._too_large:
            raise self._refusal()
        if self._ended:
            return await self._receive()  # whether the client has gone
        try:
            message = await asyncio.wait_for(self._receive(), _SILENCE_S)
        except TimeoutError:
            raise Problem(408, "nothing came for half a minute", "Try again") from None
        self._seen += len(message.get("body", b""))
        self._ended = not message.get("more_body", False)
        if self._seen > self._limit:
            raise self._refusal()
        return message

    def _refusal(self) -> Problem:
        logger.warning("refused a body of more than %d MB", self._limit >> 20)
        return Problem(413, f"more than {self._limit >> 20} MB", "Send less, or raise MEDLEY_SERVE__UPLOAD_MB")
