"""Programs that listen on 127.0.0.1: a port for one, started, waited for, and stopped."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

Answers = Callable[[], object]


def free_port() -> int:
    """Return a port that nobody listens on."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return ports that nobody uses.

    They lie below those that the system gives to outgoing connections, which may take one between
    this answer and the server's start, and begin at random: other processes look at the same time.
    """
    found: list[int] = []
    for port in range(random.SystemRandom().randrange(10_240, 31_000), 32_768):
        with socket.socket() as tried, contextlib.suppress(OSError):
            tried.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError(f"this machine has no {count} free ports")


def gives(address: str, wanted: bytes = b"") -> Answers:
    """Return what asks for a page: any answer will do, or the one that is wanted."""

    def asked() -> bool:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310
                return answer.read() == wanted or not wanted
        except urllib.error.HTTPError:
            return not wanted

    return asked


def connects(port: int) -> Answers:
    """Return what connects to a port."""

    def connected() -> bool:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True

    return connected


def wait_for(
    holds: Answers, process: "subprocess.Popen[bytes]", log: Path, seconds: float = 240
) -> None:
    """Wait until something holds; where the process ends before, or time does, show its log."""
    until = time.monotonic() + seconds
    while True:
        held = False
        with contextlib.suppress(OSError):
            held = bool(holds())
        # Another's server may answer at the port for which this one came too late.
        if held and process.poll() is None:
            return
        said = log.read_text(encoding="utf-8", errors="replace")[-3000:]
        assert process.poll() is None, f"it ended with {process.returncode}: {said}"
        assert time.monotonic() < until, f"not after {seconds:.0f} seconds: {said}"
        time.sleep(0.1)


@contextmanager
def listening(
    command: Sequence[str],
    folder: Path,
    answers: Answers,
    log: Path,
    environment: Mapping[str, str] | None = None,
    seconds: float = 240,
) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a server in a session of its own until the end of the block; it must answer first."""
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=said, stderr=said, start_new_session=True
        )
    try:
        wait_for(answers, process, log, seconds)
        yield process
    finally:
        stop(process)


def stop(process: "subprocess.Popen[bytes]", seconds: float = 60) -> int:
    """Ask a session to end, and end it where it does not; return the exit code of its leader."""
    for asked in (signal.SIGTERM, signal.SIGKILL):
        # Workers whose leader is gone have its number still.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, asked)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=seconds)
    return process.wait(timeout=seconds)
