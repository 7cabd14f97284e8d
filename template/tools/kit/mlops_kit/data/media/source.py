"""A folder of pictures, documents or recordings as a table: a row for each file, broken ones too.

Facts are read from the content, tags from what stands beside a file, and what a kind prepares (a
picture's scaled pixels, say) by the one function that training and prediction share. Each file is
looked at alone: memory holds one, and a batch of what was read.
"""

import contextlib
import datetime
import hashlib
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from pydantic import Field, field_validator

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import progress
from mlops_kit.data.media.apart import Apart, Unusable
from mlops_kit.data.media.manifest import Manifest
from mlops_kit.data.media.place import Folder, Item, Place
from mlops_kit.data.media.recognised import HEAD, ending, promises, type_of
from mlops_kit.data.media.sidecars import Sidecars, Unclear
from mlops_kit.data.sources.base import Landed, Looked, Wanted
from mlops_kit.data.sources.declared import asked_columns
from mlops_kit.data.sources.missing import missing_group

if TYPE_CHECKING:
    import pyarrow

    from mlops_kit.data.config import Table

OK = "ok"
# Asks `look` for a copy of a file that holds nothing but what is seen or heard.
CONTENT = "content"
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


class Media(Landed):
    """A folder of files of one kind; `path` of a table is a folder inside, or `.` for all."""

    address: str | dict[str, str]
    """Folder of the files, or one for each environment by its name."""
    batch: int = Field(512, ge=1)
    """Files that are told of at once."""
    most_megabytes: int = Field(200, ge=1)
    """A larger file is named and counted, and not opened."""
    memory_megabytes: int = Field(2_000, ge=100)
    """Memory that unpacking one file may take, in a process apart (on Linux)."""
    patience: int = Field(600, ge=1)
    """Seconds that it may take."""
    tags: str | None = None
    """A csv inside the folder of a table with a line for each file: the column `path`, and one for
    each tag. Without it a JSON beside a file holds its tags: `a.jpg.json`, or `a.json`."""

    library: ClassVar[str] = ""
    """What reads files, by the name that is imported."""
    group: ClassVar[str] = ""
    """The group of uv that has it."""
    kinds: ClassVar[tuple[str, ...]] = ()
    """Of what `recognised` knows, what files may be."""
    packed: ClassVar[str] = ""
    """The type of a copy that says nothing about people; empty where none can be made."""
    called: ClassVar[str] = ""
    """What a file is called, for messages."""
    facts: ClassVar[Mapping[str, str]] = {}
    """What is read from a file besides what is known of every one, and its type."""

    @field_validator("address", mode="before")
    @classmethod
    def _without_secret(cls, given: Any) -> Any:
        for one in given.values() if isinstance(given, dict) else [given]:
            if not isinstance(one, str) or not one:
                raise ValueError("an address of this kind is a folder")
            if "://" in one:
                raise ValueError(
                    "files are read from a folder; bring those of a bucket into one first"
                )
        return given

    def look(self, stream: BinaryIO, wanted: frozenset[str]) -> dict[str, Any]:
        """Read the facts of one file, and prepare what of it is wanted.

        Raises
        ------
        Unusable
            As said there.
        """
        raise NotImplementedError

    def needed(self) -> None:
        """Refuse to begin without the library that reads files of this kind.

        Raises
        ------
        MlopsError
            Naming the group to install.
        """
        if find_spec(self.library) is None:
            raise missing_group(self.kind, self.group)

    def prepared(self) -> dict[str, Any]:
        """Return the settings that change what is read, and so make an older snapshot stale."""
        left = {"address", "batch", "folder", "memory_megabytes", "password", "patience", "retries",
                "side"}  # fmt: skip
        return self.model_dump(mode="json", exclude=left)

    def beside(self, name: str) -> str:
        """Say that files stay where they are; see `Landed`."""
        return (
            f"{self.here(name)} was not changed: remove the person's files from it, then "
            "`uv run mlops data ingest --full` takes their names out of the manifest."
        )

    def asked(self, table: "Table") -> list[Any]:
        """Return what a snapshot depends on; see `Landed`."""
        return [*super().asked(table), self.prepared()]

    def place_of(self, name: str, table: "Table") -> Place:
        """Return where the files of a table are."""
        return Folder(Path(self.here(table.source)) / (table.path or "."), f'table "{name}"')

    @contextlib.contextmanager
    def connected(self, name: str, table: "Table") -> "Iterator[Reader]":
        """List the files of one table; see `Landed`."""
        self.needed()
        reader = Reader(self, name, table)
        with contextlib.closing(reader.apart):
            yield reader
        reader.told()

    def examined(self, name: str) -> Iterator[Looked]:
        """Look whether the folder is there, and the library."""
        self.needed()
        folder = Path(self.here(name))
        there = folder.is_dir()
        mend = "is there" if there else "is no folder: put the files there, or correct the address"
        yield Looked("connection", there, f"{folder.as_posix()} {mend}")
        yield Looked("permission", True, "files are only read")


class Reader:
    """The files of one table; see `Connection`."""

    def __init__(self, source: Media, name: str, table: "Table") -> None:
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
        self.sidecars = Sidecars(self.place, items, source.tags, self.tags, self.whose)
        self.items = [one for one in items if not self.sidecars.is_one(one.path)]
        self.manifest = Manifest(table.source, name)
        self.apart = Apart(source, self.place, frozenset(self.columns))
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
        for item in self.items:
            if wanted.after is not None and item.path <= wanted.after[0]:
                continue
            old = wanted.since is not None and item.modified < wanted.since
            if old and self.manifest.knows(item):
                continue
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

    def told(self) -> None:
        """Say what cannot be used, and write the manifest, when all files were looked at."""
        if not self.whole:
            return
        for line in [*self.manifest.write(self.there, self.full), *self.lost]:
            progress("data", f"{self.name}: {line}")

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
            with self.place.opened(item) as stream:
                self._recognise(stream, item, row)
            row |= self.apart.look(item)
            row |= self.sidecars.of(item.path)
        except (Unusable, Unclear) as error:
            row["state"] = str(error)
        except OSError as error:
            row["state"] = f"cannot be read ({error.strerror or type(error).__name__})"
        return row

    def _recognise(self, stream: BinaryIO, item: Item, row: dict[str, Any]) -> None:
        head = stream.read(HEAD)
        found = type_of(head)
        named = any(promises(item.path, kind) for kind in self.source.kinds)
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
        if item.size > self.source.most_megabytes * 10**6:
            raise Unusable(f"larger than most_megabytes ({self.source.most_megabytes})")
