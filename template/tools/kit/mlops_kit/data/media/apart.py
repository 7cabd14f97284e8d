"""Files are unpacked in a process apart, with bounded memory and time: a hostile one ends alone.

The libraries that unpack pictures, documents and recordings are written in C, and what they are
given comes from anywhere. Parent and child send each other pickles, each after its length.
"""

import contextlib
import io
import os
import pickle
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from mlops_kit.core.errors import MlopsError

if TYPE_CHECKING:
    from mlops_kit.data.media.source import Media

LENGTH = struct.Struct(">Q")


class Unusable(Exception):
    """A file of which nothing can be read: why, in a few words that name no content."""


class Apart:
    """A process that looks at one file after the other, and is begun anew when it dies of one."""

    def __init__(self, source: "Media", wanted: frozenset[str]) -> None:
        self.source, self.given = source, (source, wanted)
        self.process: subprocess.Popen[bytes] | None = None

    def look(self, file: Path) -> dict[str, Any]:
        """Return the facts of a file.

        Raises
        ------
        Unusable
            When they cannot be had.
        OSError
            When it cannot be opened.
        """
        try:
            process = self.process or self._begin()
        except (OSError, EOFError) as error:
            raise MlopsError(
                "The process that unpacks files cannot be started: look whether "
                f"`{sys.executable} -m {__name__}` starts here."
            ) from error
        late = threading.Event()
        timer = threading.Timer(self.source.patience, lambda: (late.set(), process.kill()))
        timer.start()
        try:
            send(process.stdin, file)
            found = receive(process.stdout)
        except (OSError, EOFError):
            self.close()
            if late.is_set():
                raise Unusable(f"takes longer than patience ({self.source.patience} s)") from None
            raise Unusable("damaged so that its reader crashed, or ran out of memory") from None
        finally:
            timer.cancel()
        if isinstance(found, Exception):
            raise found
        return found

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            with contextlib.suppress(OSError):
                self.process.communicate()
            self.process = None

    def _begin(self) -> "subprocess.Popen[bytes]":
        paths = os.pathsep.join(one for one in sys.path if one)
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what a library says may hold a value
            env={**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"},
        )
        send(self.process.stdin, self.given)
        receive(self.process.stdout)  # it is ready
        return self.process


def send(stream: Any, value: Any) -> None:
    """Write a value after its length."""
    content = pickle.dumps(value)
    stream.write(LENGTH.pack(len(content)) + content)
    stream.flush()


def receive(stream: Any) -> Any:
    """Read a value; only ever what the other process of this program has written.

    Raises
    ------
    EOFError
        When the other side has ended.
    """
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        raise EOFError
    content = stream.read(LENGTH.unpack(head)[0])
    return pickle.loads(content)  # noqa: S301


def limit_memory(megabytes: int) -> None:
    """Let this process have so much more memory than it has now, where the system can."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        with open("/proc/self/statm", "rb") as told:  # noqa: PTH123
            pages = int(told.read().split()[0])
        most = pages * resource.getpagesize() + megabytes * 10**6
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def answer(given: BinaryIO, out: BinaryIO) -> None:
    """Look at files until nobody asks any more."""
    source, wanted = receive(given)
    source.needed()
    import numpy  # noqa: F401  # before memory is limited

    limit_memory(source.memory_megabytes)
    send(out, "ready")
    while True:
        try:
            file = receive(given)
        except EOFError:
            return
        found: Any
        try:
            with file.open("rb") as stream:
                found = source.look(stream, wanted)
        except (Unusable, OSError) as error:
            found = error
        except MemoryError:
            found = Unusable(f"needs more than memory_megabytes ({source.memory_megabytes:,})")
        send(out, found)


if __name__ == "__main__":
    # Nothing but answers may reach the parent: a library that prints does so into nothing.
    answers = io.FileIO(os.dup(1), "w")
    os.dup2(2, 1)
    from mlops_kit.data.media import apart  # the module by its name, for pickles

    apart.answer(sys.stdin.buffer, io.BufferedWriter(answers))
