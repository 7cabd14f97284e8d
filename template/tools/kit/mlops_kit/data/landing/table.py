"""One table on its way to its snapshot.

A read by key that breaks off goes on behind the last key that came. What changed before that key
in the meantime is read after it, from the cursor that was the highest when the read began.
"""

import json
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import progress, write_json
from mlops_kit.core.words import counted
from mlops_kit.data.config import SOURCES_FILE, Table
from mlops_kit.data.landing import snapshot
from mlops_kit.data.landing.parts import Highest, Parts, text_of, value_of
from mlops_kit.data.landing.snapshot import Said
from mlops_kit.data.sources.base import LANDING, Broken, Connection, Landed, Wanted
from mlops_kit.room import LeaveOut

if TYPE_CHECKING:
    import pyarrow

STATE = "state.json"


class How(NamedTuple):
    """What a person says of a landing.

    Attributes
    ----------
    since : str or None
        Read from this cursor on, in place of the highest known.
    limit : int or None
        Read at most as many rows of each table, to try it.
    full : bool
        Read tables with a cursor whole again, and take columns of other types.
    """

    since: str | None = None
    limit: int | None = None
    full: bool = False


class Landing:
    """One table on its way to its snapshot."""

    def __init__(
        self,
        source: Landed,
        name: str,
        table: Table,
        how: How,
        connection: Connection,
        leave_out: Sequence[LeaveOut],
    ) -> None:
        self.leave_out = leave_out
        self.name, self.table, self.how, self.connection = name, table, how, connection
        self.place = source.place(name, table)
        self.folder = self.place.with_name(f"{name}{LANDING}")
        self.schema = connection.schema
        self.evolves = source.drift == "evolve"
        self.whose = f"{name} of {table.source}"
        self.asked = snapshot.asked_of(source, table)
        self.started, self.rows = time.monotonic(), 0
        self.newest: Any = None

    def land(self) -> str:
        """Read what is to be read, and write the snapshot.

        Raises
        ------
        Broken
            When its source stops answering; what came by key until then is kept.
        MlopsError
            When something is not as it must be; nothing is kept of the read.
        """
        try:
            return self._land()
        except Broken:
            raise
        except MlopsError:
            self._forget()
            raise

    def _land(self) -> str:
        known = None if self.how.full else self._known()
        since = self._since(known)
        if self.table.cursor is None or not (self.connection.ordered or since is not None):
            self._forget()
            return self._whole()
        resumed = self._opened(since)
        self._read_parts(Wanted(since, self._last_key(), self.how.limit))
        later = self._later() if resumed else []
        return self._merged([self.place] if known and since is not None else [], later)

    def _known(self) -> Said | None:
        """Return what the snapshot of before says, if this read may build upon it."""
        known = snapshot.said(self.place)
        if known is None:
            return None
        if self.how.limit is not None and known.limit is None:
            raise MlopsError(
                f"{self.place.as_posix()} holds all rows, and --limit is for a first look: leave "
                "it out, or remove that file."
            )
        before = snapshot.schema_of(self.place)
        for field in self.schema:
            at = before.get_field_index(field.name)
            if known.limit is None and at >= 0 and before.field(at).type != field.type:
                if self.evolves:
                    was = f"{field.name} was {before.field(at).type} and is {field.type} now"
                    progress("data", f"{self.name}: {was}; read whole again")
                    return None
                raise MlopsError(
                    f'The column "{field.name}" of {self.whose} was {before.field(at).type} and is '
                    f"{field.type} now: mend the source, or take it with `uv run mlops data ingest "
                    "--full`."
                )
        same = known.asked == self.asked and set(before.names) == set(self.schema.names)
        return known if same and known.limit is None else None

    def _since(self, known: Said | None) -> Any:
        text = self.how.since or (known.cursor if known else None)
        if text is None or self.table.cursor is None:
            if self.how.since is not None:
                raise MlopsError(
                    f"--since needs a cursor, and {self.name} declares none in "
                    f"{SOURCES_FILE.as_posix()}."
                )
            return None
        import pyarrow

        kind = self._cursor_type
        try:
            return value_of(text, kind)
        except pyarrow.ArrowException as error:
            raise MlopsError(
                f'--since {text}: "{self.table.cursor}" of {self.whose} is {kind}; write one.'
            ) from error

    def _whole(self) -> str:
        """Read everything in one go, straight into the snapshot."""
        highest = Highest(self.table.cursor)
        read = highest.noted(self._told(self.connection.rows(Wanted(limit=self.how.limit))))

        def check(file: Path) -> None:
            self._check_some()
            self._check_once([file])

        snapshot.write(
            self.place,
            self.schema,
            read,
            lambda: Said(self.asked, highest.text, self.how.limit),
            check,
        )
        return self._said(f"{counted(self.rows, 'row')}")

    def _opened(self, since: Any) -> bool:
        """Open the folder of parts; return whether an earlier read had begun them."""
        file = self.folder / STATE
        begun = {"asked": self.asked, "schema": str(self.schema), "since": str(since),
                 "limit": self.how.limit}  # fmt: skip
        try:
            state = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            state = {}
        same = {key: state.get(key) for key in begun} == begun and state.get("newest") is not None
        if same and self.connection.ordered and self.parts:
            self.newest = value_of(state["newest"], self._cursor_type)
            count = sum(map(snapshot.rows_of, self.parts))
            progress(
                "data", f"{self.name}: goes on behind {counted(count, 'row')} of a broken read"
            )
            return True
        self._forget()
        self.folder.mkdir()
        self.newest = self.connection.newest() if self.connection.ordered else None
        write_json(file, begun | {"newest": text_of(self.newest)})
        return False

    @property
    def _cursor_type(self) -> "pyarrow.DataType":
        return self.schema.field(self.table.cursor).type

    @property
    def parts(self) -> list[Path]:
        """The parts that are complete, in their order."""
        return sorted(self.folder.glob("*.parquet"))

    def _last_key(self) -> tuple[Any, ...] | None:
        if not self.connection.ordered or not self.parts:
            return None
        *_, last = snapshot.batches_of(self.parts[-1:])
        row = last.slice(len(last) - 1).to_pylist()[0]
        return tuple(row[name] for name in self.table.key)

    def _read_parts(self, wanted: Wanted) -> None:
        """Write what comes in parts; what came before a break is kept."""
        rest = Parts(self._told(self.connection.rows(wanted)))
        number = len(self.parts)
        while rest.more():
            number += 1
            snapshot.write(self.folder / f"{number:06}.parquet", self.schema, rest.part())
            if rest.broke is not None:
                raise rest.broke

    def _later(self) -> list[Path]:
        """Read what changed while a broken read waited: rows as high as the highest cursor then."""
        later = self.folder / "later" / "rows.parquet"
        rows = self._told(self.connection.rows(Wanted(self.newest)))
        snapshot.write(later, self.schema, rows)
        return [later]

    def _merged(self, before: list[Path], later: list[Path]) -> str:
        """Put together the snapshot: later rows win over parts, and parts over those of before."""
        key, parts = self.table.key, self.parts
        for files in (parts, later):
            self._check_once(files)
        if not before:
            self._check_some(parts)
        changed = [*parts, *later]
        if before and (not changed or snapshot.same(changed, before, key)):
            self._forget()
            return self._said("nothing new")
        highest = Highest(self.table.cursor)

        def rows() -> "Iterator[pyarrow.RecordBatch]":
            for number, files in enumerate((before, parts, later)):
                winning = [file for files in (before, parts, later)[number + 1 :] for file in files]
                read = snapshot.batches_of(files)
                if files and winning:
                    read = snapshot.without(read, snapshot.keys_of(winning, key))
                yield from read

        was = sum(map(snapshot.rows_of, before))
        came = sum(map(snapshot.rows_of, changed))
        total = snapshot.write(
            self.place,
            self.schema,
            highest.noted(rows()),
            lambda: Said(self.asked, highest.text, self.how.limit),
        )
        self._forget()
        if not before:
            return self._said(f"{counted(total, 'row')}")
        new = total - was
        return self._said(f"{new:,} new and {came - new:,} changed rows, {total:,} in all")

    def _told(self, batches: "Iterable[pyarrow.RecordBatch]") -> "Iterator[pyarrow.RecordBatch]":
        """Check that rows come as they were announced, and tell how many did."""
        said = time.monotonic()
        for batch in batches:
            if batch.schema.types != self.schema.types:
                raise MlopsError(
                    f"{self.whose} comes in other types than its source announced; run this again, "
                    "and report it if it stays."
                )
            for name in self.table.key:
                if batch.column(name).null_count:
                    raise MlopsError(
                        f'The key "{name}" of {self.whose} is empty in some rows: name columns '
                        "that identify every row."
                    )
            self.rows += len(batch)
            if (now := time.monotonic()) - said > 1:
                said = now
                rate = self.rows / (now - self.started)
                progress("data", f"{self.name}: {counted(self.rows, 'row')} ({rate:,.0f} a second)")
            yield snapshot.left_in(batch, self.name, self.leave_out)

    def _check_some(self, parts: list[Path] | None = None) -> None:
        if not (sum(map(snapshot.rows_of, parts)) if parts is not None else self.rows):
            raise MlopsError(
                f"{self.whose} has no rows: nothing was landed. Look at its source, and at "
                "its query or path."
            )

    def _check_once(self, files: list[Path]) -> None:
        key = self.table.key
        if not key or not files:
            return
        spill = self.place.with_name(f".{self.name}.spilled.tmp")
        if twice := snapshot.repeated(files, key, spill):
            raise MlopsError(
                f"The key {', '.join(key)} of {self.whose} is not unique: {twice:,} of its values "
                "stand more than once; name columns that identify a row. Nothing was landed."
            )

    def _forget(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _said(self, what: str) -> str:
        seconds = time.monotonic() - self.started
        return f"{self.name}: {what} from {self.table.source} ({seconds:.1f} s)"
