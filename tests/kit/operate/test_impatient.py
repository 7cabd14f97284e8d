"""A connection on which no request comes whole is ended, however the caller goes about it."""

import asyncio
import contextlib
import time
from typing import Any

import pytest
from mlops_kit.operate.serve.config import Limits
from mlops_kit.operate.serve.limits import MOST_HEAD, Gate, Impatient
from uvicorn.config import Config
from uvicorn.server import ServerState

SECONDS = 0.3  # in which a request must have come
WHOLE = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
UNREAD = WHOLE.replace(b"\r\n\r\n", b"\r\nContent-Length: 900\r\n\r\n")
# What is sent first, and then again and again.
SLOW = {
    "nothing": (b"", b""),
    "a head": (b"GET /health HTTP/1.1\r\nA: ", b"a"),
    "a body that is waited for": (b"POST / HTTP/1.1\r\nContent-Length: 900\r\n\r\n", b"a"),
    "a body that nobody reads": (UNREAD, b"a"),
    "a second head": (WHOLE + b"GET /", b"a"),
    "empty lines after an answer": (WHOLE, b"\r\n"),
}


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer at once."""
    head = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    await send(head)
    await send({"type": "http.response.body", "body": b"ok"})


@contextlib.asynccontextmanager
async def connected() -> Any:
    """Listen as `mlops serve` does, and connect to it."""
    gate: Any = Gate(app, Limits(body_seconds=SECONDS), [], required=False)
    config = Config(gate, ws="none", proxy_headers=False, log_level="error", timeout_keep_alive=30)
    config.load()
    loop, state = asyncio.get_running_loop(), ServerState()
    server = await loop.create_server(
        lambda: Impatient(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        server.close()


async def ended(first: bytes, then: bytes, most: float) -> tuple[float, bytes]:
    """Send the one, and the other each 50 ms; return when the connection ended, and what came."""
    said, begun = b"", time.monotonic()
    async with connected() as (reader, writer):
        writer.write(first)
        while time.monotonic() < begun + most:
            with contextlib.suppress(TimeoutError):
                part = await asyncio.wait_for(reader.read(65_536), 0.05)
                if not part:
                    return time.monotonic() - begun, said
                said += part
                continue
            writer.write(then)
    return float("inf"), said


@pytest.mark.parametrize("what", SLOW)
def test_who_sends_slowly_is_sent_away(what: str) -> None:
    after, said = asyncio.run(ended(*SLOW[what], most=10))
    assert SECONDS <= after < 10
    wanted = {"a body that is waited for": b"HTTP/1.1 408", "nothing": b"", "a head": b""}
    assert said[:12] == wanted.get(what, b"HTTP/1.1 200")


def test_a_head_has_a_largest_size_however_it_comes() -> None:
    line = b"A: " + b"b" * 1_000 + b"\r\n"
    at_once, in_parts = (WHOLE[:-2] + line * 2_000, b""), (WHOLE[:-2], line * (MOST_HEAD // 3_000))
    for first, then in (at_once, in_parts):
        with contextlib.suppress(ConnectionError):
            assert asyncio.run(ended(first, then, most=SECONDS))[0] < SECONDS


def test_who_asks_again_and_again_is_answered() -> None:
    large = WHOLE[:-2] + b"A: " + b"b" * (MOST_HEAD // 10) + b"\r\n\r\n"

    async def asked() -> int:
        said = b""
        async with connected() as (reader, writer):
            for pause in (*[0.05] * 8, SECONDS + 1.5, 0.05):
                writer.write(large[:10])
                await asyncio.sleep(SECONDS / 4)
                writer.write(large[10:] + large)
                await asyncio.sleep(pause)
                said += await asyncio.wait_for(reader.read(65_536), 5)
        return said.count(b"HTTP/1.1 200")

    assert asyncio.run(asked()) == 20


def test_who_sends_too_much_is_told_so_after_it() -> None:
    body = b"a" * 12_000_000  # more than the buffers between the two hold

    async def told() -> bytes:
        async with connected() as (reader, writer):
            writer.write(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body))
            for start in range(0, len(body), 100_000):
                writer.write(body[start : start + 100_000])
                await writer.drain()
            return bytes(await reader.read(65_536))

    assert asyncio.run(told()).startswith(b"HTTP/1.1 413")
