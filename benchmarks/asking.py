"""A client of HTTP that costs little: requests on raw sockets, on connections that stay open."""

import asyncio
import time

KEY = "a-key-of-the-benchmark"


def request(method: str, path: str, body: bytes) -> bytes:
    """Write a request of HTTP 1.1."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def answered(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    if b"transfer-encoding: chunked" not in head.lower():
        return status, await reader.readexactly(length)
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return status, body


async def one(port: int, content: bytes) -> tuple[int, bytes]:
    """Ask once, on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(content)
    found = await answered(reader)
    writer.close()
    return found


async def load(
    port: int, contents: list[bytes], connections: int, seconds: float
) -> tuple[list[float], int]:
    """Keep connections busy; return the seconds of each request, and how many failed."""
    took: list[float] = []
    failed = 0
    until = time.perf_counter() + seconds

    async def busy(first: int) -> None:
        nonlocal failed
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        place = first
        while (begun := time.perf_counter()) < until:
            writer.write(contents[place % len(contents)])
            status, _ = await answered(reader)
            took.append(time.perf_counter() - begun)
            failed += status != 200
            place += 1
        writer.close()

    await asyncio.gather(*(busy(37 * number) for number in range(connections)))
    return took, failed
