"""Where files of pictures, documents and recordings lie, and what each of them is.

A place is listed once, in the order of names, and gives each file as a stream: a folder here; a
bucket is another class with the same two methods.
"""

import datetime
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from mlops_kit.core.errors import MlopsError

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
    """A folder, or what is like one."""

    def items(self) -> list[Item]:
        """List every file below, in the order of paths.

        Raises
        ------
        MlopsError
            When there is no such place, or it cannot be listed.
        """

    def opened(self, item: Item) -> BinaryIO:
        """Open a file to read it, from any position.

        Raises
        ------
        OSError
            When it cannot be.
        """


class Folder:
    """A folder of this machine with everything below it; links are named and not followed."""

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

    def opened(self, item: Item) -> BinaryIO:
        """Open a file; see `Place`."""
        return (self.root / item.path).open("rb")

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
            # In microseconds, which is what tables keep.
            written = _EPOCH + datetime.timedelta(microseconds=found.st_mtime_ns // 1000)
            yield Item(said, found.st_size, written, odd)


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
