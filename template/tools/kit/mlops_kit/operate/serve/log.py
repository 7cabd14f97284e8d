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
from mlops_kit.core.files import progress, remove_leftovers, write_text, written_beside
from mlops_kit.core.utc import today
from mlops_kit.core.words import counted
from mlops_kit.core.zones import OPEN_ZONE
from mlops_kit.operate.predict.logged import OWN
from mlops_kit.operate.serve.config import Log
from mlops_kit.train.checks import membership
from mlops_kit.train.checks.reference import RARE, STRANGE
from mlops_kit.train.predictions import answers as columns_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy
    import pyarrow

    from mlops_kit.operate.serve.answering import Answer
    from mlops_kit.operate.serve.request.rows import Row
    from mlops_kit.operate.serve.served import Served, Texts

SHADOW = OPEN_ZONE / "shadow"
MOST_LINES = 20_000  # of a part
# What a server knows of a row beside what `mlops predict` does, and its type.
OF_REQUESTS = (("request_id", "string"), ("row", "int64"), ("answered_by", "string"),
               ("features_sha256", "string"), ("milliseconds", "float64"), ("known", "bool"),
               ("stale", "bool"))  # fmt: skip
LOOKED = "looked.txt"  # below the folder: the day on which old days were looked for last
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
        self, config: Log, folder: Path, table: "Callable[[Any, list[Any]], pyarrow.Table]"
    ) -> None:
        """Start the thread; `table` lays out what was put there of one shape."""
        self.config, self.folder, self._table = config, folder, table
        self.dropped = self.failures = 0
        self._counts = threading.Lock()
        self._waiting: deque[tuple[Any, int, Any]] = deque()
        self._lines = 0
        self._taken: pyarrow.Table | None = None
        self._stop, self._enough = threading.Event(), threading.Event()
        self._number, self._told, self._cleared = 0, "", ""
        self._thread = threading.Thread(target=self._write_on, name=f"log {folder}", daemon=True)
        self._thread.start()

    def put(self, shape: Any, lines: int, told: Any) -> None:
        """Add what becomes so many lines; all of one `shape` fits into one table."""
        with self._counts:
            before, self._lines = self._lines, self._lines + lines
            if self._lines > self.config.most_waiting:
                self.dropped, self._lines = self.dropped + lines, before
                return
        self._waiting.append((shape, lines, told))
        # Once: where the disk refuses them, it is not asked more often.
        if before < MOST_LINES <= before + lines:
            self._enough.set()

    def failed(self) -> None:
        """Count what could not be kept."""
        with self._counts:
            self.failures += 1

    def close(self) -> None:
        """Write what waits, and end."""
        self._stop.set()
        self._enough.set()
        self._thread.join(timeout=30)

    def _write_on(self) -> None:
        while not self._stop.is_set():
            self._enough.wait(self.config.flush_seconds)
            self._enough.clear()
            self._flush()
        self._flush()

    def _flush(self) -> None:
        try:
            while self._taken is not None or self._waiting:
                if self._taken is None:
                    self._taken = self._take()
                if self._taken is None:
                    continue
                self._write(self._taken)
                with self._counts:
                    self._lines -= self._taken.num_rows
                self._taken = None
            if self._cleared != (day := today().isoformat()):
                self._clear()
                self._cleared = day
        except Exception as error:
            self.failed()
            why = refused_by_machine(error) or f"{type(error).__name__}: {error}"
            if why != self._told:
                progress("serve", f"the log cannot be written, requests are answered: {why}")
                self._told = why
        else:
            self._told = ""

    def _take(self) -> "pyarrow.Table | None":
        """Lay out the lines of one shape that wait first; only this thread takes any away."""
        import pyarrow as pa

        shape = self._waiting[0][0]
        taken: list[tuple[int, Any]] = []
        lines = 0
        while self._waiting and self._waiting[0][0] == shape and lines < MOST_LINES:
            _, count, told = self._waiting.popleft()
            taken.append((count, told))
            lines += count
        try:
            return self._table(shape, [told for _, told in taken])
        except Exception:  # those of one request: no other ones are to be lost for them
            alone = [self._alone(shape, count, told) for count, told in taken]
        tables = [table for table in alone if table is not None]
        return pa.concat_tables(tables, promote_options="default") if tables else None

    def _alone(self, shape: Any, count: int, told: Any) -> "pyarrow.Table | None":
        """Lay out the lines of one request; where that fails it would fail for ever."""
        try:
            return self._table(shape, [told])
        except Exception as error:
            with self._counts:
                self.dropped += count
                self._lines -= count
            why = f"{type(error).__name__}: {error}"
            progress("serve", f"lost of the log: {counted(count, 'line')}: {why}")
            return None

    def _write(self, table: "pyarrow.Table") -> None:
        import pyarrow.parquet

        self._number += 1
        name = f"{os.getpid()}-{int(time.time() * 1000):x}-{self._number}.parquet"
        with written_beside(self.folder / f"day={today().isoformat()}" / name) as beside:
            pyarrow.parquet.write_table(table, beside, compression="zstd")

    def _clear(self) -> None:
        """Remove days that are too old, and what a killed writer left.

        Not where the clock has moved by more than `days`, or back, since somebody looked last: it
        may be wrong, and everything would be too old at once. The next day tells.
        """
        day, mark = today(), self.folder / LOOKED
        oldest = (day - datetime.timedelta(days=self.config.days)).isoformat()
        before = mark.read_text(encoding="utf-8").strip() if mark.is_file() else ""
        old = [one for one in self.folder.glob("day=*") if one.name.removeprefix("day=") < oldest]
        if oldest <= before < day.isoformat():
            for place in old:
                shutil.rmtree(place, ignore_errors=True)
        elif old and before != day.isoformat():
            days = counted(len(old), "day")
            progress("serve", f"{days} of the log: too old by this machine's clock; what still is "
                              "tomorrow goes then")  # fmt: skip
        write_text(mark, f"{day.isoformat()}\n")
        remove_leftovers([self.folder], time.time() - _LEFT)


def served_table(
    shape: "tuple[Served, bool]",
    requests: "list[tuple[dict[str, Any], list[tuple[int, Row, Answer]]]]",
) -> "pyarrow.Table":
    """Lay out answers of one model, all with their features by name or all without.

    Columns and types are those of the log of `mlops predict`, and more that only a server knows.

    Parameters
    ----------
    shape : (model, whether features are shown)
    requests : list of (what is true of all lines of a request, its rows by place, and answers)
    """
    import numpy as np
    import pyarrow as pa

    model, shown = shape
    shared = [facts for facts, told in requests for _ in told]
    places, rows, answers = zip(*(one for _, told in requests for one in told), strict=True)
    kinds = {field.name: field.type for field in model.keys} | dict(OF_REQUESTS)
    values: dict[str, Any] = {
        "id": [row.id for row in rows], "horizon": [row.horizon for row in rows], "row": places,
        "answered_by": [answer.by for answer in answers], "known": [row.known for row in rows],
        "features_sha256": [digest(row.values) for row in rows],
        "milliseconds": [answer.milliseconds for answer in answers],
    }  # fmt: skip
    values |= {name: [one[name] for one in shared] for name in ("time", "request_id", "stale")}
    columns: dict[str, Any] = {name: pa.array(values[name], kind) for name, kind in kinds.items()}
    columns["version"] = pa.array([model.number] * len(rows), "string")
    columns["served_at"] = pa.array([one["served_at"] for one in shared], pa.timestamp("us"))
    if shown:
        for place, name in enumerate(model.names):
            if name not in OWN:
                told = [row.values[place] for row in rows]
                if place in model.texts:
                    own = [name in row.given for row in rows]
                    told = without_strange(told, own, model.texts[place])
                columns[name] = pa.array(told, model.schema.field(place).type)
    found = [answer.value for answer in answers]
    task = model.scorer.config["task"]
    if task == "recommendation":
        columns["items"] = pa.array([list(one) for one in found])
    else:
        columns |= columns_of(task, np.asarray(found))
    return pa.table(columns)


def shadow_table(shape: Any, pairs: list[list[dict[str, Any]]]) -> "pyarrow.Table":
    """Lay out pairs as `mlops compare shadow` reads them."""
    import pyarrow as pa

    return pa.Table.from_pylist([pair for told in pairs for pair in told])


def without_strange(values: list[Any], given: list[bool], known: "Texts") -> list[Any]:
    """Put STRANGE for a text of a request that training never saw: it may be anything.

    Parameters
    ----------
    values : list of str, None, or lists
        A feature of several rows.
    given : list of bool
        Whether a row's value is of the request.
    known : Texts
        What training saw. Of very many texts, a rare one that it knows becomes RARE.
    """
    asked = {text for value, own in zip(values, given, strict=True) if own for text in _each(value)}
    others = sorted(asked - known.levels)
    there = [known.many] * len(others)
    if known.among is not None and others:
        there = membership.known(others, known.among).tolist()
    said = {text: RARE if one else STRANGE for text, one in zip(others, there, strict=True)}

    def told(value: Any) -> Any:
        if isinstance(value, list):
            return [told(one) for one in value]
        return said.get(value, value) if isinstance(value, str) else value

    return [told(value) if own else value for value, own in zip(values, given, strict=True)]


def _each(value: Any) -> list[str]:
    every = value if isinstance(value, list) else [value]
    return [one for one in every if isinstance(one, str)]


def plain(answer: "numpy.ndarray | Any") -> Any:
    """Return an answer as JSON has it."""
    return answer.tolist() if hasattr(answer, "tolist") else answer
