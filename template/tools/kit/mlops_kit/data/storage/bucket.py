"""Objects of a bucket: which there are, in which version, and each brought whole and unchanged."""

import contextlib
import datetime
import errno
import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from mlops_kit.core.errors import MlopsError, used_up
from mlops_kit.core.words import counted
from mlops_kit.data.sources.base import Looked
from mlops_kit.data.storage import stores
from mlops_kit.data.storage.refusals import NO_PLACE, Store, chain

# What buckets call the version of an object: S3 and Azure, Google.
VERSIONS = ("ETag", "etag", "generation", "VersionId", "LastModified", "last_modified", "updated")
WRITTEN = ("LastModified", "last_modified", "updated")
AT_ONCE = 8


class Object(NamedTuple):
    """An object of a bucket.

    Attributes
    ----------
    name : str
        The last part of its path.
    path : str
        Bucket and key.
    size : int
        Bytes.
    version : str
        What tells its version.
    modified : datetime.datetime
        When it was last written, in UTC; of a listing, as other answers say it in whole seconds.
    """

    name: str
    path: str
    size: int
    version: str
    modified: datetime.datetime


def store_of(source: Any, name: str) -> Store:
    """Return the bucket of a source, by the source's own name, with its credentials."""
    store = Store(f'The bucket of source "{name}"', source.here(name), dict(source.options), False,
                  f"sources.{name} of conf/sources.yaml")  # fmt: skip
    return stores.signed(store, source.user, source.secret(name))


def inside(fs: Any, path: str, below: str, deep: bool) -> list[Object]:
    """List an object, or those of a folder of the bucket: only in it, or `deep` below it too.

    Raises
    ------
    FileNotFoundError
        When there is no such bucket; of a folder that is not there, nothing is listed.
    """
    inner = getattr(fs, "fs", fs)
    inner.invalidate_cache()
    below = "" if below == "." else below.strip("/")
    place = fs.join(path, below).rstrip("/") if below else path.rstrip("/")
    try:
        found = [inner.info(place)]
        if found[0]["type"] == "directory":
            found = inner.find(place, detail=True).values() if deep else inner.ls(place, True)
            found = [one for one in found if not one["name"].endswith("/")]
    except FileNotFoundError as error:
        if _says_no_bucket(error) or not inner.exists(path.split("/")[0]):
            raise FileNotFoundError(f"no such bucket: {error}") from error
        return []
    return [as_object(one) for one in found if one["type"] != "directory"]


def as_object(found: dict[str, Any]) -> Object:
    """Take what matters of an object from what a library says of it."""
    path = str(found["name"])
    version = next((str(found[key]) for key in VERSIONS if found.get(key)), "").strip('"')
    written = next((found[key] for key in WRITTEN if found.get(key)), None)
    if isinstance(written, str):
        written = datetime.datetime.fromisoformat(written)
    modified = written or datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return Object(PurePosixPath(path).name, path, int(found.get("size") or 0), version, modified)


def bring(store: Store, wanted: Iterable[tuple[Object, Path]]) -> None:
    """Bring objects into files, some at once; each stands there only when it is whole.

    Raises
    ------
    MlopsError
        One sentence, when the bucket refuses or breaks off, an object has changed since it was
        listed, or the disk is full; what came before is kept.
    """

    def work(fs: Any, _: str) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            coming = [pool.submit(_one, fs, store, one, file) for one, file in wanted]
            try:
                for each in as_completed(coming):
                    each.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    stores.answer(store, work)


def _one(fs: Any, store: Store, one: Object, target: Path) -> None:
    beside = target.with_name(f".coming.{os.getpid()}.{target.name}")
    now: Object | None = None
    try:
        with contextlib.suppress(FileNotFoundError):
            fs.get_file(one.path, str(beside))
            getattr(fs, "fs", fs).invalidate_cache()
            now = as_object(fs.info(one.path) | {"name": one.path})
        size = beside.stat().st_size if beside.exists() else 0
        if now is None or size != one.size or (now.size, now.version) != (one.size, one.version):
            why = (
                "broke off"
                if now and now.version == one.version
                else ("was changed while it was read" if now else "is gone since it was listed")
            )
            raise MlopsError(
                f"{store.shown}: {one.path} {why} ({size:,} of {counted(one.size, 'byte')} came); "
                "what the pipeline reads is as before, and the same command goes on."
            )
        os.replace(beside, target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise MlopsError(f"{target.parent.as_posix()}: {used_up(error)}") from error
        raise
    finally:
        beside.unlink(missing_ok=True)


def looked(source: Any, name: str) -> Iterator[Looked]:
    """Look whether the bucket answers, for `mlops sources test`."""
    try:
        store = store_of(source, name)
        stores.probe(store, write=False)
    except MlopsError as error:
        yield Looked("connection", False, str(error))
        return
    yield Looked("connection", True, f"{store.shown} answers")
    yield Looked("permission", True, "it is only read; whether this user may write is not tried")


def _says_no_bucket(error: BaseException) -> bool:
    return re.search(NO_PLACE, " | ".join(chain(error)), re.IGNORECASE) is not None
