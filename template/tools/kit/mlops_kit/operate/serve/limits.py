"""What stands before the application: keys, the size and time of a body, and how many at once."""

import asyncio
import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path
from typing import Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import environment
from mlops_kit.operate.serve.config import Limits, Serve

KEY_FILE = Path(".secrets/serve.key")
VARIABLE = "MLOPS_SERVE_KEY"
SHORTEST = 16
# Say nothing but that somebody is there; load balancers ask them without a key.
OPEN_PATHS = ("/health", "/ready")


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
        Requests that are at work.
    """

    def __init__(self, app: Any, limits: Limits, keys: list[bytes], required: bool) -> None:
        self.app, self.limits, self.keys, self.required = app, limits, keys, required
        self.at_work = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        path = scope["path"]
        if self.required and path not in OPEN_PATHS and not self._known(headers):
            await _refuse(send, 401, "a key is needed", [(b"www-authenticate", b"Bearer")])
            return
        if path in OPEN_PATHS or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        if self.at_work >= self.limits.concurrency:
            await _refuse(send, 429, "too many requests at once", [(b"retry-after", b"1")])
            return
        self.at_work += 1
        try:
            await self._pass_on(scope, headers, receive, send)
        finally:
            self.at_work -= 1

    async def _pass_on(
        self, scope: Any, headers: dict[bytes, bytes], receive: Any, send: Any
    ) -> None:
        most = self.limits.body_bytes
        told = headers.get(b"content-length", b"0")
        if not told.isdigit() or int(told[:20]) > most:
            await _refuse(send, 413, f"the body is larger than {most:,} bytes")
            return
        body = bytearray()
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return
                    body += message.get("body", b"")
                    if len(body) > most:
                        await _refuse(send, 413, f"the body is larger than {most:,} bytes")
                        return
                    if not message.get("more_body"):
                        break
        except TimeoutError:
            await _refuse(send, 408, "the body did not come in time", [(b"connection", b"close")])
            return
        whole = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def given() -> Any:
            return whole.pop() if whole else await receive()

        await self.app(scope, given, send)

    def _known(self, headers: dict[bytes, bytes]) -> bool:
        """Compare in constant time, with every key, whatever was found before."""
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer":
            given = headers.get(b"x-api-key", b"")
        found = hashlib.sha256(given.strip()).digest()
        return any([hmac.compare_digest(found, key) for key in self.keys])


async def _refuse(
    send: Any, status: int, reason: str, more: list[tuple[bytes, bytes]] | None = None
) -> None:
    body = json.dumps({"detail": [{"field": "request", "reason": reason}]}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers + (more or [])})
    await send({"type": "http.response.body", "body": body})
