"""A folder of pictures, documents or recordings as a table: a row for each file, broken ones too.

The folder is one of this machine or of a bucket (`media/place.py`).

Facts are read from the content, tags from what stands beside a file, and what a kind prepares (a
picture's scaled pixels, say) by the one function that training and prediction share. Each file is
looked at alone: memory holds one, and a batch of what was read.
"""

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from pydantic import Field, field_validator, model_validator

from mlops_kit.data.media.place import Bucket, Folder, Item, Place
from mlops_kit.data.media.reader import COMMON, Reader
from mlops_kit.data.media.undeclared import split, tags_of
from mlops_kit.data.sources.base import Landed, Looked
from mlops_kit.data.sources.missing import missing_group
from mlops_kit.data.sources.stored import Stored, bucket_of
from mlops_kit.data.storage.bucket import looked, store_of

if TYPE_CHECKING:
    from mlops_kit.data.config import Table

# Asks `look` for a copy of a file that holds nothing but what is seen or heard.
CONTENT = "content"

# What a fact is to a contract, where that has another name for it.
TYPES = {"int64": "integer", "double": "number", "bool": "boolean"}


class Media(Stored, Landed):
    """A folder of files of one kind; `path` of a table is a folder inside, or `.` for all."""

    address: str | dict[str, str]
    """Folder of the files, or of a bucket (`s3://`, `gs://`, `azure://` or `az://`); or one for
    each environment by its name."""
    batch: int = Field(512, ge=1)
    """Files that are brought, and told of, at once."""
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
        if isinstance(given, dict):
            return {name: _place(one) for name, one in given.items()}
        return _place(given)

    @model_validator(mode="after")
    def _signed(self) -> "Media":
        every = self.address.values() if isinstance(self.address, dict) else [self.address]
        used = [name for name in ("user", "password", "options") if getattr(self, name)]
        if used and not any("://" in one for one in every):
            raise ValueError(f"{used[0]} is for a bucket, and the address is a folder: take it out")
        return self

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
        left = {"address", "batch", "folder", "memory_megabytes", "options", "password", "patience",
                "retries", "side", "user"}  # fmt: skip
        return self.model_dump(mode="json", exclude=left)

    def beside(self, name: str) -> str:
        """Say that files stay where they are; see `Landed`."""
        where, brought = self.here(name), ""
        if "://" in where:
            brought = " All copies of its files here were removed; what is read again comes again."
        return (
            f"{where} was not changed: remove the person's files from it, then "
            f"`uv run mlops data ingest --full` takes their names out of the manifest.{brought}"
        )

    def forget(self, name: str, table: "Table") -> None:
        """Remove the copies of objects; see `Landed`."""
        shutil.rmtree(self.copies(name, table), ignore_errors=True)

    def asked(self, table: "Table") -> list[Any]:
        """Return what a snapshot depends on; see `Landed`."""
        return [*super().asked(table), self.prepared()]

    def place_of(self, name: str, table: "Table") -> Place:
        """Return where the files of a table are."""
        address, below, whose = self.here(table.source), table.path or ".", f'table "{name}"'
        if "://" not in address:
            return Folder(Path(address) / below, whose)
        return Bucket(store_of(self, table.source), below, self.copies(name, table), whose)

    def copies(self, name: str, table: "Table") -> Path:
        """Return where copies of the files of a table are kept, if they are in a bucket."""
        return self.place(name, table).with_suffix(".files")

    def found(self, name: str, table: "Table") -> tuple[int, dict[str, Any], dict[str, str]]:
        """Look which files of an address are of this kind; see `OfFiles` of landing/described.py.

        None where more of them are tables.
        """
        place = self.place_of(name, table)
        ours, tables = split(place, self.kinds)
        if not ours or len(tables) > len(ours):
            return 0, {}, {}
        settings, tags = tags_of(place, ours, tables)
        columns = {**COMMON, **self.facts} | dict.fromkeys(tags, "string")
        return len(ours), settings, {one: TYPES.get(kind, kind) for one, kind in columns.items()}

    def too_large(self, item: Item) -> bool:
        """Whether a file is larger than may be."""
        return item.size > self.most_megabytes * 10**6

    @contextlib.contextmanager
    def connected(self, name: str, table: "Table") -> Iterator[Reader]:
        """List the files of one table; see `Landed`."""
        self.needed()
        reader = Reader(self, name, table)
        with contextlib.closing(reader.apart):
            yield reader
        reader.told()

    def examined(self, name: str) -> Iterator[Looked]:
        """Look whether the folder is there, or the bucket answers, and the library."""
        self.needed()
        if "://" in self.here(name):
            yield from looked(self, name)
            return
        folder = Path(self.here(name))
        there = folder.is_dir()
        mend = "is there" if there else "is no folder: put the files there, or correct the address"
        yield Looked("connection", there, f"{folder.as_posix()} {mend}")
        yield Looked("permission", True, "files are only read")


def _place(given: Any) -> str:
    """Check an address: a folder, or a bucket."""
    if not isinstance(given, str) or not given:
        raise ValueError("an address of this kind is a folder, or a bucket")
    return bucket_of(given) if "://" in given else given
