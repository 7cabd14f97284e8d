"""Objects of a bucket on their way to the restricted zone: each once, a table whole or not at all.

What is complete is kept, so that a read that breaks off goes on; the files of a table change all
at once. An object is known by what the bucket says of its version, and what came by its SHA-256.
"""

import contextlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import progress, sha256_of, write_json
from mlops_kit.core.words import counted
from mlops_kit.data.config import Table
from mlops_kit.data.sources.base import LANDING
from mlops_kit.data.sources.fetched import Fetched
from mlops_kit.data.sources.files import FORMATS, format_of
from mlops_kit.data.storage import stores
from mlops_kit.data.storage.bucket import Object, inside, store_of
from mlops_kit.data.storage.bucket import bring as bring_objects

if TYPE_CHECKING:
    import polars

Clean = Callable[[Path], int]
# Small objects are brought together: so many at most, of so many bytes.
MOST, SMALL = 64, 16 << 20
MOST_TOLD = 40  # lines about what is brought


def bring(source: Fetched, name: str, table: Table, clean: Clean, full: bool = False) -> str:
    """Bring what is new or changed of a table's objects, and say what came.

    Parameters
    ----------
    clean : callable
        Takes out of a file, before it counts as here, the rows of people who must not come back.
    full : bool
        Bring everything again.

    Raises
    ------
    MlopsError
        One sentence, when the bucket refuses or breaks off, or there is no object; what the
        pipeline reads is as before, and the same command goes on.
    """
    return _Bringing(source, name, table, clean).bring(full)


class _Bringing:
    def __init__(self, source: Fetched, name: str, table: Table, clean: Clean) -> None:
        self.name, self.table, self.clean = name, table, clean
        self.store = store_of(source, table.source)
        self.place = source.place(name, table)
        self.coming = self.place.with_name(f"{name}{LANDING}")
        self.said = self.place.with_name(f".{name}.json")
        self._noted = self.coming / ".said.jsonl"
        self.asked = [source.here(table.source), table.path, table.format]

    def bring(self, full: bool) -> str:
        known = self._known(self.said, self.place)
        if full:
            known = {name: one | {"version": None} for name, one in known.items()}
        there = self._listed()
        if not full:
            there_now = {one.name: one.version for one in there}
            if known and {n: one["version"] for n, one in known.items()} == there_now:
                shutil.rmtree(self.coming, ignore_errors=True)
                return f"{self.name}: nothing new from {self.table.source}"
        came = {} if full else self._came()
        if not came:
            shutil.rmtree(self.coming, ignore_errors=True)
        self.coming.mkdir(parents=True, exist_ok=True)
        new = [one for one in there if not _same(known, one)]
        missing = [one for one in new if not _same(came, one)]
        if len(missing) < len(new):
            done = len(new) - len(missing)
            progress(
                "data", f"{self.name}: goes on behind {counted(done, 'file')} of a broken read"
            )
        done, groups = 0, list(_together(missing))
        for place, some in enumerate(groups):
            done += len(some)
            if place % (len(groups) // MOST_TOLD + 1) == 0:
                what = some[0].name if not some[1:] else f"{counted(len(some), 'file')}"
                size = sum(one.size for one in some)
                which = f"{done:,} of {len(missing):,}"
                progress("data", f"{self.name}: {what}, {counted(size, 'byte')} ({which})")
            self._bring(some, came)
        gone = len(known.keys() - {one.name for one in there})
        same = self._put(there, known, came)
        changed = sum(one.name in known for one in new) - same
        fresh = len(new) - changed - same
        counts = f"{fresh:,} new, {changed:,} changed and {gone:,} gone files"
        return f"{self.name}: {counts}, {len(there):,} in all, from {self.table.source}"

    def _known(self, file: Path, folder: Path) -> dict[str, Any]:
        """Return what is known of the objects that are here; nothing of another address."""
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            objects = said["objects"] if said["asked"] == self.asked else {}
        except (OSError, ValueError, KeyError):
            return {}
        return self._here(objects, folder)

    def _here(self, objects: dict[str, Any], folder: Path) -> dict[str, Any]:
        return {name: one for name, one in objects.items() if (folder / name).is_file()}

    def _came(self) -> dict[str, Any]:
        """Return what a read that broke off has noted: a line of each object."""
        asked, objects = None, {}
        with contextlib.suppress(OSError):
            for line in self._noted.read_text(encoding="utf-8").splitlines():
                with contextlib.suppress(ValueError):  # half a line, of a kill
                    said = json.loads(line)
                    if isinstance(said, dict):
                        asked = said["asked"]
                    else:
                        objects[said[0]] = said[1]
        return self._here(objects, self.coming) if asked == self.asked else {}

    def _listed(self) -> list[Object]:
        """List the objects of the table that may be read, in the order of their names."""

        found = stores.answer(
            self.store,
            lambda fs, path: inside(fs, path, str(self.table.path), False),
            stores.PATIENCE,
        )
        objects = [one for one in found if self._is_read(one.name)]
        if not objects:
            others = f"; {len(found):,} others are there" if found else ""
            raise MlopsError(
                f"{self.store.shown} has no object {self.table.path} that table "
                f'"{self.name}" could be read from, nor one in a folder of that name, whose ending '
                f"is {', '.join(FORMATS)}, packed or not{others}: correct `path`, or declare "
                "`format`. Nothing was brought."
            )
        return sorted(objects)

    def _is_read(self, name: str) -> bool:
        plain = name not in ("", ".", "..") and name[0] not in "._"
        known = self.table.format is not None or format_of(Path(name)) is not None
        return plain and known

    def _bring(self, some: list[Object], came: dict[str, Any]) -> None:
        """Bring objects, whole and unchanged, and note each; where one breaks off, the others."""
        for one in some:  # what a killed read left there may be of an older version
            (self.coming / one.name).unlink(missing_ok=True)
        try:
            bring_objects(self.store, [(one, self.coming / one.name) for one in some])
        finally:
            here = [one for one in some if (self.coming / one.name).is_file()]
            looked = {one.name: self._looked(one) for one in here}
            asked = [] if self._noted.exists() else [{"asked": self.asked}]
            with self._noted.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(one) + "\n" for one in (*asked, *looked.items()))
            came |= looked

    def _looked(self, one: Object) -> dict[str, Any]:
        """Take out of an object who must not come back, and return what is noted of it."""
        target = self.coming / one.name
        sha256 = sha256_of(target)
        removed = self.clean(target)
        if removed:
            progress("data", f"{self.name}: stays out of {one.name}: {counted(removed, 'row')}")
        return {"version": one.version, "size": one.size, "sha256": sha256}

    def _put(self, there: list[Object], known: dict[str, Any], came: dict[str, Any]) -> int:
        """Let all files of the table change at once; return how many came again as they were."""
        new = self.place.with_name(f".{self.name}.new.tmp")
        old = self.place.with_name(f".{self.name}.old.tmp")
        for folder in (new, old):
            shutil.rmtree(folder, ignore_errors=True)
        new.mkdir()
        objects, same = {}, 0
        for one in there:
            fresh = came.get(one.name) if not _same(known, one) else None
            objects[one.name] = fresh or known[one.name]
            again = fresh and known.get(one.name, {}).get("sha256") == fresh["sha256"]
            same += bool(again)
            unknown = known.get(one.name, {}).get("version") is None
            kept = self.coming if fresh and (unknown or not again) else self.place
            _linked(kept / one.name, new / one.name)
        if self.place.exists():
            self.place.rename(old)
        new.rename(self.place)
        write_json(self.said, {"asked": self.asked, "objects": objects})
        for folder in (old, self.coming):
            shutil.rmtree(folder, ignore_errors=True)
        return same


def put(source: Fetched, name: str, tables: "Mapping[str, polars.DataFrame]") -> None:
    """Write tables as parquet into a bucket, all of them or none, and over nothing.

    Raises
    ------
    MlopsError
        When one is there already, or the bucket refuses.
    """
    store = store_of(source, name)

    def write(fs: Any, path: str) -> None:
        targets = {table: fs.join(path, f"{table}.parquet") for table in tables}
        if there := [one for one in targets.values() if fs.exists(one)]:
            raise MlopsError(
                f"{store.shown} has {there[0]} already, and nothing was written: name another "
                "folder of it."
            )
        written: list[str] = []
        try:
            for table, target in targets.items():
                buffer = io.BytesIO()
                tables[table].write_parquet(buffer)
                written.append(target)
                fs.pipe_file(target, buffer.getvalue())
        except BaseException:
            for target in written:
                with contextlib.suppress(Exception):
                    fs.rm_file(target)
            raise

    stores.answer(store, write)


def coming(source: Fetched, name: str, table: Table) -> Iterator[Path]:
    """Return what lies here of a read that broke off."""
    folder = source.place(name, table).with_name(f"{name}{LANDING}")
    yield from (one for one in sorted(folder.glob("*")) if one.name[0] != ".")


def _same(known: dict[str, Any], one: Object) -> bool:
    said = known.get(one.name, {})
    return (said.get("version"), said.get("size")) == (one.version, one.size)


def _linked(file: Path, target: Path) -> None:
    """Let a file stand under another name too; copied where a disk has no links."""
    try:
        os.link(file, target)
    except OSError:
        shutil.copy2(file, target)


def _together(objects: Iterable[Object]) -> Iterator[list[Object]]:
    """Group objects that follow each other, as long as they are few and small."""
    some: list[Object] = []
    for one in objects:
        size = sum(each.size for each in some) + one.size
        if some and (len(some) == MOST or size > SMALL):
            yield some
            some = []
        some.append(one)
    if some:
        yield some
