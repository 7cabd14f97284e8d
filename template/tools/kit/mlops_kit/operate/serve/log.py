"""What was answered, kept in data/open/served in parts, and what a shadow said beside it.

Lines wait in memory and are written by a thread: a request never waits for the disk and never
fails for it. What the disk refuses is tried again, then counted and dropped.
"""

import datetime
import hashlib
import os
import shutil
import threading
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import refused_by_machine
from mlops_kit.core.files import progress, remove_leftovers, written_beside
from mlops_kit.core.utc import today
from mlops_kit.core.zones import OPEN_ZONE
from mlops_kit.operate.serve.config import Log
from mlops_kit.train.predictions import answers as columns_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy
    import pyarrow

    from mlops_kit.operate.serve.answering import Answer
    from mlops_kit.operate.serve.request.rows import Row
    from mlops_kit.operate.serve.served import Served

SHADOW = OPEN_ZONE / "shadow"
MOST_LINES = 20_000  # of a part
# What a line says besides the features; a feature of such a name is not logged.
OWN = ("id", "time", "horizon", "request_id", "row", "served_at", "version", "answered_by",
       "features_sha256", "milliseconds", "known", "stale", "score", "scores", "prediction",
       "items")  # fmt: skip
_LEFT = 3600  # seconds after which an unfinished file has no writer any more


def digest(values: list[Any]) -> str:
    """Return what tells two rows of features apart, 32 hexadecimal digits."""
    return hashlib.blake2b(repr(values).encode("utf-8", "replace"), digest_size=16).hexdigest()


def sampled(id_: Any, share: float, salt: str) -> bool:
    """Say whether an entity is in a share of all: always the same answer for the same one."""
    if share >= 1:
        return True
    found = hashlib.blake2b(f"{salt} {id_}".encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(found, "big") < share * 2**64


class Kept:
    """Lines that wait, and the thread that writes them.

    Attributes
    ----------
    dropped : int
        Lines that were lost because too many waited.
    failures : int
        Writes that the disk refused.
    """

    def __init__(
        self, config: Log, folder: Path, table: "Callable[[list[Any]], pyarrow.Table]"
    ) -> None:
        """Start the thread; `table` lays lines out that were put together."""
        self.config, self.folder, self._table = config, folder, table
        self.dropped = self.failures = 0
        self._waiting: deque[tuple[Any, int, Callable[[], list[Any]]]] = deque()
        self._lines = 0
        self._taken: tuple[Any, list[Any]] | None = None
        self._stop = threading.Event()
        self._number, self._told, self._cleared = 0, "", ""
        self._thread = threading.Thread(target=self._write_on, name=f"log {folder}", daemon=True)
        self._thread.start()

    def put(self, shape: Any, lines: int, made: "Callable[[], list[Any]]") -> None:
        """Add lines, which the thread makes; those of one `shape` fit into one table."""
        if self._lines + lines > self.config.most_waiting:
            self.dropped += lines
            return
        self._lines += lines
        self._waiting.append((shape, lines, made))

    def close(self) -> None:
        """Write what waits, and end."""
        self._stop.set()
        self._thread.join(timeout=30)

    def _write_on(self) -> None:
        while not self._stop.wait(self.config.flush_seconds):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        try:
            while self._taken is not None or self._waiting:
                if self._taken is None:
                    self._taken = self._take()
                shape, lines = self._taken
                if lines:
                    self._write(shape, lines)
                self._lines -= len(lines)
                self._taken = None
            if self._cleared != (day := today().isoformat()):
                self._clear()
                self._cleared = day
        except Exception as error:
            self.failures += 1
            why = refused_by_machine(error) or f"{type(error).__name__}: {error}"
            if why != self._told:
                progress("serve", f"the log cannot be written, requests are answered: {why}")
                self._told = why
        else:
            self._told = ""

    def _take(self) -> tuple[Any, list[Any]]:
        """Make the lines of one shape that wait first; only this thread takes any away."""
        shape = self._waiting[0][0]
        lines: list[Any] = []
        while self._waiting and self._waiting[0][0] is shape and len(lines) < MOST_LINES:
            _, count, made = self._waiting.popleft()
            try:
                lines += made()
            except Exception:
                self._lines -= count
                self.dropped += count
        return shape, lines

    def _write(self, shape: Any, lines: list[Any]) -> None:
        import pyarrow.parquet

        self._number += 1
        name = f"{os.getpid()}-{int(time.time() * 1000):x}-{self._number}.parquet"
        with written_beside(self.folder / f"day={today().isoformat()}" / name) as beside:
            pyarrow.parquet.write_table(self._table(lines), beside, compression="zstd")

    def _clear(self) -> None:
        """Remove days that are too old, and what a killed writer left."""
        oldest = today() - datetime.timedelta(days=self.config.days)
        for place in self.folder.glob("day=*"):
            if place.name.removeprefix("day=") < oldest.isoformat():
                shutil.rmtree(place, ignore_errors=True)
        remove_leftovers([self.folder], time.time() - _LEFT)


def lines_of(
    told: "list[tuple[int, Row, Answer]]", shared: dict[str, Any], config: Log
) -> "list[tuple[Served, bool, dict[str, Any]]]":
    """Make a line of each answer of a request, for served_table()."""
    lines = []
    for place, row, answer in told:
        shown = config.features and sampled(row.id, config.sample, "log")
        line = shared | {
            "id": row.id, "horizon": row.horizon, "row": place, "version": answer.model.number,
            "answered_by": answer.by, "features_sha256": digest(row.values),
            "milliseconds": answer.milliseconds, "known": row.known, "answer": answer.value,
            "features": without_strange(row.values, row.given, answer.model),
        }  # fmt: skip
        lines.append((answer.model, shown, line))
    return lines


def served_table(lines: list[tuple["Served", bool, dict[str, Any]]]) -> "pyarrow.Table":
    """Lay out lines of one model: what each says, its features by name, and the answer."""
    import numpy as np
    import pyarrow as pa

    model = lines[0][0]
    told = [line for _, _, line in lines]
    columns: dict[str, Any] = {
        name: pa.array([line[name] for line in told])
        for name in ("id", "horizon", "request_id", "row", "version", "answered_by",
                     "features_sha256", "milliseconds", "known", "stale")
        if name != "horizon" or "horizon" in model.names
    }  # fmt: skip
    columns["served_at"] = pa.array([line["served_at"] for line in told], pa.timestamp("us"))
    if any(line["time"] is not None for line in told):
        columns["time"] = pa.array([line["time"] for line in told], pa.timestamp("us"))
    for place, name in enumerate(model.names):
        if name not in OWN:
            values = [line["features"][place] if shown else None for _, shown, line in lines]
            columns[name] = pa.array(values, model.schema.field(place).type)
    found = [line["answer"] for line in told]
    task = model.scorer.config["task"]
    if task == "recommendation":
        columns["items"] = pa.array([list(one) for one in found])
    else:
        columns |= columns_of(task, np.asarray(found))
    return pa.table(columns)


def shadow_table(lines: list[dict[str, Any]]) -> "pyarrow.Table":
    """Lay out pairs as `mlops compare shadow` reads them."""
    import pyarrow as pa

    return pa.Table.from_pylist(lines)


def without_strange(values: list[Any], given: dict[str, Any], model: "Served") -> list[Any]:
    """Leave out texts of a request that training never saw: anybody may write anything there."""
    seen = model.scorer.config["training"]["seen"]
    if not given:
        return values
    kept = list(values)
    for place, name in enumerate(model.names):
        value = given.get(name)
        if isinstance(value, str) and value not in seen.get(name, {}).get("levels", ()):
            kept[place] = None
        elif isinstance(value, list):
            levels = seen.get(name, {}).get("levels", ())
            kept[place] = [one for one in value if not isinstance(one, str) or one in levels]
    return kept


def plain(answer: "numpy.ndarray | Any") -> Any:
    """Return an answer as JSON has it."""
    return answer.tolist() if hasattr(answer, "tolist") else answer
