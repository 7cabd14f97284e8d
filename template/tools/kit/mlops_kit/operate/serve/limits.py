"""What stands before the application: keys, size and time of a request, and how many at once."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import environment
from mlops_kit.operate.serve.config import Limits, Serve

KEY_FILE = Path(".secrets/serve.key")
VARIABLE = "MLOPS_SERVE_KEY"
SHORTEST = 16
RETRY = (b"retry-after", b"1")
CLOSE = (b"connection", b"close")  # what is still to come of the request is not read
# Say nothing but that somebody is there; load balancers ask them without a key.
OPEN_PATHS = ("/health", "/ready")
PASSED_OVER = 16  # times the largest body; of larger ones nothing is read
MOST_HEAD = 65_536  # bytes of the lines before a body


def keys_of(config: Serve) -> list[bytes]:
    """Return the digests of the keys that let a request in; in dev a first one is made.

    Raises
    ------
    MlopsError
        When there is none, or one is too short to be a secret.
    """
    if not config.require_key:
        return []
    texts = os.environ.get(VARIABLE, "").split()
    if not texts and not KEY_FILE.is_file() and environment() == "dev":
        KEY_FILE.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(secrets.token_urlsafe(32) + "\n")
    if not texts and KEY_FILE.is_file():
        texts = KEY_FILE.read_text(encoding="utf-8").split()
    where = f"{VARIABLE} or {KEY_FILE.as_posix()}"
    if not texts:
        raise MlopsError(
            f"There is no key for requests: put one into {where}, such as what `python -c "
            '"import secrets; print(secrets.token_urlsafe(32))"` prints.'
        )
    if short := [one for one in texts if len(one) < SHORTEST]:
        raise MlopsError(
            f"A key of {where} has {len(short[0])} characters: use at least {SHORTEST}."
        )
    return [hashlib.sha256(one.encode()).digest() for one in texts]


class Gate:
    """An ASGI application before another one.

    Attributes
    ----------
    at_work : int
        Requests that are at work: those whose body has come.
    """

    def __init__(self, app: Any, limits: Limits, keys: list[bytes], required: bool) -> None:
        self.app, self.limits, self.keys, self.required = app, limits, keys, required
        self.at_work = 0
        # Bytes of bodies that have not come whole; who sends slowly holds up nobody.
        self._held, self._most_held = 0, limits.concurrency * limits.body_bytes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        path = scope["path"]
        if self.required and path not in OPEN_PATHS and not self._known(headers):
            await _refuse(send, 401, "a key is needed", [(b"www-authenticate", b"Bearer"), CLOSE])
            return
        if path in OPEN_PATHS or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        body = await self._body(headers, receive, send)
        if body is None:
            return
        if self.at_work >= self.limits.concurrency:
            await _refuse(send, 429, "too many requests at once", [RETRY])
            return
        whole = [{"type": "http.request", "body": body, "more_body": False}]

        async def given() -> Any:
            return whole.pop() if whole else await receive()

        self.at_work += 1
        try:
            await self.app(scope, given, send)
        finally:
            self.at_work -= 1

    async def _body(self, headers: dict[bytes, bytes], receive: Any, send: Any) -> bytes | None:
        """Read a body; None where it was refused, or its caller has gone."""
        most = self.limits.body_bytes
        told = headers.get(b"content-length", b"0")
        if not told.isdigit() or int(told[:20]) > most:
            await self._passed_over(int(told[:20]) if told.isdigit() else 0, receive)
            await _refuse(send, 413, f"the body is larger than {most:,} bytes", [CLOSE])
            return None
        body, more = bytearray(), True
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    part, more = message.get("body", b""), bool(message.get("more_body"))
                    body += part
                    self._held += len(part)
                    if len(body) > most:
                        told = f"the body is larger than {most:,} bytes"
                        await _refuse(send, 413, told, [CLOSE])
                        return None
                    if more and self._held > self._most_held:
                        await _refuse(send, 429, "too many bodies at once", [RETRY, CLOSE])
                        return None
        except TimeoutError:
            await _refuse(send, 408, "the body did not come in time", [CLOSE])
            return None
        finally:
            self._held -= len(body)
        return bytes(body)

    async def _passed_over(self, size: int, receive: Any) -> None:
        """Let a refused body come, where it is not huge: who still sends reads no answer."""
        if size > PASSED_OVER * self.limits.body_bytes:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.limits.body_seconds):
                while (message := await receive())["type"] == "http.request":
                    if not message.get("more_body"):
                        return

    def _known(self, headers: dict[bytes, bytes]) -> bool:
        """Compare in constant time, with every key, whatever was found before."""
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer":
            given = headers.get(b"x-api-key", b"")
        found = hashlib.sha256(given.strip()).digest()
        return any([hmac.compare_digest(found, key) for key in self.keys])


class Impatient(HttpToolsProtocol):
    """A connection that is ended when a request takes too long to come, or its head is too large.

    The server beneath waits for ever for what has begun, or never does, and every connection holds
    one of the process's files: some hundred callers who send a letter a minute would keep all
    others out. It ends by itself only one that says nothing after an answer.
    """

    _timer: asyncio.TimerHandle | None = None
    _in_head, _head = True, 0

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Wait for the rest of whatever begins; a head has a limit in bytes, too."""
        if self._timer is None:
            self._wait()
        self._head += len(data)
        super().data_received(data)
        if self._in_head and self._head > MOST_HEAD:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """Wait for the body as long again; the application gives it up first, with an answer."""
        self._in_head = False
        self._wait(1)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait no more."""
        self._in_head, self._head = True, 0
        self._wait_no_more()
        super().on_message_complete()

    def _wait(self, more: float = 0) -> None:
        self._wait_no_more()
        gate: Any = self.app
        seconds = gate.limits.body_seconds + more
        self._timer = self.loop.call_later(seconds, self.transport.close)

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


async def _refuse(
    send: Any, status: int, reason: str, more: list[tuple[bytes, bytes]] | None = None
) -> None:
    body = json.dumps({"detail": [{"field": "request", "reason": reason}]}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers + (more or [])})
    await send({"type": "http.response.body", "body": body})
