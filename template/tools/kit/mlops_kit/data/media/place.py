"""Where files of pictures, documents and recordings lie, and what each of them is.

A place is listed once, in the order of names: a folder here, or one of a bucket, whose objects are
brought here before they are looked at.
"""

import datetime
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import progress
from mlops_kit.core.words import counted
from mlops_kit.data.storage import stores
from mlops_kit.data.storage.bucket import Object, bring, inside
from mlops_kit.data.storage.refusals import Store

NOT_TEXT = "its name is no text in UTF-8: rename it"


class Item(NamedTuple):
    """A file of a place.

    Attributes
    ----------
    path : str
        Its name from the place on, with `/` between folders.
    size : int
        Bytes.
    modified : datetime.datetime
        When it was last written, in UTC.
    odd : str
        Why it is not opened at all; empty for a file like any other.
    """

    path: str
    size: int
    modified: datetime.datetime
    odd: str = ""


class Place(Protocol):
    """A folder, or what is like one.

    Attributes
    ----------
    far : bool
        Whether files have to be brought, so that none is that will not be read.
    """

    far: bool

    def items(self) -> list[Item]:
        """List every file below, in the order of paths.

        Raises
        ------
        MlopsError
            When there is no such place, or it cannot be listed.
        """

    def bring(self, items: Iterable[Item]) -> None:
        """Have these files here, as they were when they were listed.

        Raises
        ------
        MlopsError
            When one cannot be had; those that came are kept.
        """

    def file(self, item: Item) -> Path:
        """Return where on this machine a file is, once it was brought."""

    def has_changed(self, item: Item) -> bool:
        """Whether a file that is here is another one than when it was listed."""

    def tidy(self) -> None:
        """Forget what is here of files that are listed no more."""


class Folder:
    """A folder of this machine with everything below it; links are named and not followed."""

    far = False

    def __init__(self, root: Path, whose: str) -> None:
        self.root, self.whose = root, whose

    def items(self) -> list[Item]:
        """List every file below; see `Place`."""
        if not self.root.is_dir():
            raise MlopsError(
                f"{self.root.as_posix()} is no folder, and {self.whose} reads it: put the files "
                "there, or correct its address or the path of the table."
            )
        return sorted(self._below(self.root))

    def bring(self, items: Iterable[Item]) -> None:
        """See `Place`: all are here."""

    def file(self, item: Item) -> Path:
        """See `Place`."""
        return self.root / item.path

    def has_changed(self, item: Item) -> bool:
        """See `Place`."""
        found = self.file(item).stat(follow_symlinks=False)
        return (found.st_size, _written(found)) != (item.size, item.modified)

    def tidy(self) -> None:
        """See `Place`: they are the team's."""

    def _below(self, folder: Path) -> Iterator[Item]:
        try:
            inside = list(os.scandir(folder))
        except OSError as error:
            raise MlopsError(
                f"{folder.as_posix()} cannot be listed ({error.strerror}), and {self.whose} reads "
                "it: give this user the right to."
            ) from error
        for entry in inside:
            if entry.is_dir(follow_symlinks=False):
                yield from self._below(Path(entry.path))
                continue
            path = Path(entry.path).relative_to(self.root).as_posix()
            said = os.fsencode(path).decode("utf-8", "backslashreplace")
            odd = NOT_TEXT if said != path else ""
            if entry.is_symlink():
                odd = "a link: copy the file here"
            elif not entry.is_file():
                odd = "no file"
            found = entry.stat(follow_symlinks=False)
            yield Item(said, found.st_size, _written(found), odd)


class Bucket:
    """A folder of a bucket: each version of an object is brought once, and kept in a folder here.

    A copy is called by a hash of the object's path, version and size: names of objects may be such
    as no disk takes, and may say whose a file is.

    Parameters
    ----------
    below : str
        Folder in the bucket's own; `.` for all of it.
    copies : Path
        Folder of the copies, for this table alone.
    """

    far = True

    def __init__(self, store: Store, below: str, copies: Path, whose: str) -> None:
        self.store, self.below, self.copies, self.whose = store, below, copies, whose
        self.objects: dict[str, Object] = {}

    def items(self) -> list[Item]:
        """List every object below; see `Place`."""

        def listed(fs: object, path: str) -> tuple[int, list[Object]]:
            below = "" if self.below == "." else self.below.strip("/")
            root = "/".join(one for one in (path.strip("/"), below) if one)
            return len(root) + 1, inside(fs, path, self.below, deep=True)

        start, found = stores.answer(self.store, listed)
        self.objects = {one.path[start:]: one for one in found if one.path[start:]}
        return sorted(Item(path, one.size, one.modified) for path, one in self.objects.items())

    def bring(self, items: Iterable[Item]) -> None:
        """Bring what is not here yet; see `Place`."""
        wanted = [(self.objects[item.path], self.file(item)) for item in items]
        missing = [(one, file) for one, file in wanted if not file.exists()]
        if missing:
            self.copies.mkdir(parents=True, exist_ok=True)
            size = sum(one.size for one, _ in missing)
            progress(
                "data",
                f"{self.whose}: brings {counted(len(missing), 'object')}, {counted(size, 'byte')}",
            )
            bring(self.store, missing)

    def file(self, item: Item) -> Path:
        """See `Place`."""
        one = self.objects[item.path]
        known = "\0".join((one.path, one.version, str(one.size)))
        return self.copies / hashlib.sha256(known.encode()).hexdigest()

    def has_changed(self, item: Item) -> bool:
        """See `Place`: a copy is of one version."""
        return False

    def tidy(self) -> None:
        """See `Place`."""
        listed = [Item(path, one.size, one.modified) for path, one in self.objects.items()]
        kept = {self.file(item).name for item in listed}
        for file in self.copies.glob("*"):
            if file.name not in kept:
                file.unlink(missing_ok=True)


def _written(found: os.stat_result) -> datetime.datetime:
    """Return when a file was written, in microseconds, which is what tables keep."""
    return _EPOCH + datetime.timedelta(microseconds=found.st_mtime_ns // 1000)


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
