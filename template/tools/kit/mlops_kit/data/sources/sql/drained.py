"""Batches taken from a stream as fast as it gives them.

connectorx reads ahead without end where batches are taken more slowly than they come: 800 MB wait
in memory after 4M rows. Here they wait in a file without a name, which goes with this process.
"""

import contextlib
import os
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

from mlops_kit.data.sources.base import LANDED

if TYPE_CHECKING:
    import pyarrow

IN_MEMORY = 64 << 20  # bytes of batches that wait there


def drained(
    opened: "Callable[[], Iterator[pyarrow.RecordBatch]]",
) -> "Generator[pyarrow.RecordBatch, None, None]":
    """Give the batches of a stream in their order; its errors come where they happened.

    Parameters
    ----------
    opened : callable
        Opens the stream; it and every batch are asked for in a thread of their own.
    """
    import pyarrow

    LANDED.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=LANDED) as file:
        waiting: deque[Any] = deque()
        there = threading.Semaphore(0)
        held, stopped = [0], threading.Event()

        def drain() -> None:
            try:
                for batch in opened():
                    if stopped.is_set():
                        return
                    if held[0] + batch.nbytes <= IN_MEMORY:
                        held[0] += batch.nbytes
                        waiting.append(batch)
                    else:
                        packed = batch.serialize()
                        at = file.seek(0, os.SEEK_END)
                        file.write(packed)
                        file.flush()
                        waiting.append((at, len(packed), batch.schema))
                    there.release()
                waiting.append(None)
            except BaseException as error:  # told to whoever takes the batches
                waiting.append(error)
            there.release()

        with muted():
            thread = threading.Thread(target=drain, daemon=True)
            thread.start()
            try:
                while True:
                    there.acquire()
                    one = waiting.popleft()
                    if one is None:
                        break
                    if isinstance(one, BaseException):
                        raise one
                    if isinstance(one, tuple):
                        at, size, schema = one
                        packed = os.pread(file.fileno(), size, at)
                        one = pyarrow.ipc.read_record_batch(packed, schema)
                    else:
                        held[0] -= one.nbytes
                    yield one
            finally:
                stopped.set()
                if sys.exc_info()[0] is None:
                    thread.join()


@contextlib.contextmanager
def muted() -> Iterator[None]:
    """Keep what a library prints by itself from the terminal; what we say goes there still."""
    sys.stderr.flush()
    kept, ours = os.dup(2), sys.stderr
    spoken = os.fdopen(os.dup(kept), "w", encoding="utf-8", errors="replace")
    if ours is sys.__stderr__:
        sys.stderr = spoken
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        spoken.flush()
        sys.stderr = ours
        os.dup2(kept, 2)
        os.close(kept)
        spoken.close()
