"""The files of one table, looked at one after the other: each becomes a row, broken ones too."""

import datetime
import hashlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import progress
from mlops_kit.data.media.apart import Apart, Unusable
from mlops_kit.data.media.manifest import Manifest
from mlops_kit.data.media.place import Item
from mlops_kit.data.media.recognised import HEAD, ending, promises, type_of
from mlops_kit.data.media.sidecars import Sidecars, Unclear
from mlops_kit.data.sources.base import Wanted
from mlops_kit.data.sources.declared import asked_columns

if TYPE_CHECKING:
    import pyarrow

    from mlops_kit.data.config import Table
    from mlops_kit.data.media.source import Media

OK = "ok"
# What is known of every file, whatever it is: its name, and the type of Arrow it is kept as.
COMMON = {
    "path": "string",
    "folder": "string",
    "sha256": "string",
    "bytes": "int64",
    "modified": "timestamptz",
    "type": "string",
    "misnamed": "bool",
    "state": "string",
    "gps": "bool",
    "personal": "string",
}
# What a batch holds at most, in values of lists and letters of texts.
MOST_VALUES = 8_000_000


class Reader:
    """The files of one table; see `Connection`."""

    def __init__(self, source: "Media", name: str, table: "Table") -> None:
        self.source, self.name, self.table = source, name, table
        self.whose = f"{name} of {table.source}"
        self.columns = asked_columns(table)
        known = {**COMMON, **source.facts}
        self.kinds = {column: known.get(column, "string") for column in self.columns}
        self.tags = [column for column in self.columns if column not in known]
        if table.cursor not in (None, "modified"):
            raise MlopsError(
                f"conf/sources.yaml: tables.{name}.cursor of files is `modified`; write "
                "that, or leave it out."
            )
        self.place = source.place_of(name, table)
        items = self.place.items()
        if not items and self.place.far:
            where = f"{source.here(table.source).rstrip('/')}/{table.path or ''}".removesuffix("/.")
            raise MlopsError(
                f"There is no object below {where}, and {self.whose} reads it: correct the address "
                "or the path of the table."
            )
        self.sidecars = Sidecars(self.place, items, source.tags, self.tags, self.whose)
        self.items = [one for one in items if not self.sidecars.is_one(one.path)]
        self.manifest = Manifest(table.source, name)
        self.apart = Apart(source, frozenset(self.columns))
        self.there = [item.path for item in self.items]
        self.whole = self.full = False
        self.lost: list[str] = []

    @property
    def schema(self) -> "pyarrow.Schema":
        """The declared columns, each as its fact is kept; tags are texts."""
        import pyarrow as pa

        types = {
            "string": pa.string(),
            "int64": pa.int64(),
            "double": pa.float64(),
            "bool": pa.bool_(),
            "timestamp": pa.timestamp("us"),
            "timestamptz": pa.timestamp("us", "UTC"),
            "integers": pa.list_(pa.int64()),
        }
        return pa.schema([(column, types[kind]) for column, kind in self.kinds.items()])

    ordered = False  # a broken read begins again: the manifest is of one read

    def newest(self) -> datetime.datetime | None:
        """Return when the youngest file was written."""
        return max((one.modified for one in self.items), default=None)

    def rows(self, wanted: Wanted) -> "Iterator[pyarrow.RecordBatch]":
        """Look at each file that is wanted.

        With `since`, besides those written then or later, each that the manifest does not know as
        it is: a file that is copied here may keep an old date.
        """
        import pyarrow as pa

        rows: list[dict[str, Any]] = []
        held = count = 0
        for item in self._brought(wanted):
            row = self._row(item)
            self.manifest.add(row)
            if row["kind"] is None:
                continue
            rows.append({column: row.get(column) for column in self.columns})
            held += sum(len(one) for one in rows[-1].values() if isinstance(one, list | str))
            count += 1
            if len(rows) >= self.source.batch or held > MOST_VALUES or count == wanted.limit:
                yield pa.RecordBatch.from_pylist(rows, self.schema)
                rows, held = [], 0
            if count == wanted.limit:
                return
        if rows:
            yield pa.RecordBatch.from_pylist(rows, self.schema)
        self.whole, self.full = True, wanted.since is None
        if self.full:
            self.lost = self.sidecars.check(set(self.there))

    def _brought(self, wanted: Wanted) -> Iterator[Item]:
        """Pass on the files that are to be looked at, when they are here."""
        new = [
            item
            for item in self.items
            if (wanted.after is None or item.path > wanted.after[0])
            and (wanted.since is None or item.modified >= wanted.since
                 or not self.manifest.knows(item))
        ]  # fmt: skip
        step = min(self.source.batch, wanted.limit or self.source.batch)
        for at in range(0, len(new), step):
            some = new[at : at + step]
            if self.place.far:
                beside = [one for item in some if (one := self.sidecars.beside(item.path))]
                small = [one for one in some if not self.source.too_large(one)]
                self.place.bring([*small, *beside])
            yield from some

    def told(self) -> None:
        """Say what cannot be used, and write the manifest, when all files were looked at."""
        if not self.whole:
            return
        for line in [*self.manifest.write(self.there, self.full), *self.lost]:
            progress("data", f"{self.name}: {line}")
        self.place.tidy()

    def _row(self, item: Item) -> dict[str, Any]:
        row: dict[str, Any] = {
            "path": item.path,
            "folder": PurePosixPath(item.path).parent.as_posix(),
            "bytes": item.size,
            "modified": item.modified,
            "sha256": None,
            "type": None,
            "kind": self.source.called,
            "misnamed": False,
            "state": OK,
        }
        try:
            if item.odd:
                raise Unusable(item.odd)
            if self.place.far and self.source.too_large(item):
                row["kind"] = self.source.called if self._named(item) else None
                raise Unusable(self._larger())
            with self.place.file(item).open("rb") as stream:
                self._recognise(stream, item, row)
            found = self.apart.look(self.place.file(item))
            if self.place.has_changed(item):
                raise Unusable("was changed while it was read: ingest again")
            row |= found
            row |= self.sidecars.of(item.path)
        except (Unusable, Unclear) as error:
            row["state"] = str(error)
        except OSError as error:
            row["state"] = f"cannot be read ({error.strerror or type(error).__name__})"
        return row

    def _recognise(self, stream: BinaryIO, item: Item, row: dict[str, Any]) -> None:
        head = stream.read(HEAD)
        found = type_of(head)
        named = self._named(item)
        is_one = any(kind in found.kinds for kind in self.source.kinds)
        row["type"] = found.name
        row["misnamed"] = bool(found.endings) and ending(item.path) not in found.endings
        stream.seek(0)
        row["sha256"] = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
        if not is_one and not named:
            row["kind"], row["misnamed"] = None, False
            raise Unusable(f"not read: no {self.source.called} ({found.name})")
        if found.name == "empty":
            raise Unusable("empty")
        if not is_one:
            raise Unusable(f"no {self.source.called}, but {found.name}")
        if self.source.too_large(item):
            raise Unusable(self._larger())

    def _named(self, item: Item) -> bool:
        return any(promises(item.path, kind) for kind in self.source.kinds)

    def _larger(self) -> str:
        return f"larger than most_megabytes ({self.source.most_megabytes})"
