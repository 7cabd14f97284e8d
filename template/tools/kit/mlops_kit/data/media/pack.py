"""`mlops data pack`: copies of small files in a few parquet files, with nothing but what they show.

A training of one's own that reads pixels or samples reads a few large files faster than many small
ones, and a remote takes them faster. A copy is made of decoded pixels or samples, so that no tag
can be in it, and is looked at once more before it is written.
"""

import shutil
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import progress
from mlops_kit.core.words import counted
from mlops_kit.core.zones import OPEN_ZONE
from mlops_kit.data.config import SOURCES_FILE, Sources, Table, load_sources
from mlops_kit.data.media.apart import Apart, Unusable
from mlops_kit.data.media.manifest import Manifest
from mlops_kit.data.media.source import CONTENT, Media
from mlops_kit.room import raw_zone, rooms

if TYPE_CHECKING:
    import polars

PACKED = OPEN_ZONE / "files"
# The parts that a bare copy is made of; any other part could say something.
PNG, WAV = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}, {b"fmt ", b"data"}
SHOWN = ("width", "height", "seconds")


class Packed(NamedTuple):
    """What was packed: files, shards, their bytes, and by reason what was not."""

    files: int
    shards: int
    bytes: int
    left: dict[str, int]


def pack(name: str, shard: int, most: int, reason: str | None) -> Packed:
    """Write copies of the files of a table to `data/open/files/<table>`, whole or not at all.

    Parameters
    ----------
    name : str
        The table; its `path` is the entity, by whose id of the open zone each copy is called.
    shard : int
        Bytes from which on another parquet file is begun.
    most : int
        Bytes of a copy above which it is left out, and counted.
    reason : str or None
        Why what the files show may be seen in the open zone: no rule can judge that. Needed where
        values as they came have a zone of their own, and kept in each file.

    Raises
    ------
    MlopsError
        When the table is none of files, nobody vouches for what they show, a file has changed
        since it was read, or a copy would say more than it shows.
    """
    sources = load_sources()
    table, source = _table(sources, name)
    if not (reason or "").strip() and raw_zone() != Path("data"):
        raise MlopsError(
            "A copy says nothing besides what it shows, and no rule can judge that: say with "
            "--reason why everybody who reads data/open may see it, and who decided so."
        )
    ids = _ids(sources, name)
    target = PACKED / name
    beside = target.with_name(f".{name}.tmp")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        copies = _copies(source, name, table, ids)
        found = _write(copies, beside, source.packed, (shard, most), reason)
        shutil.rmtree(target, ignore_errors=True)
        beside.rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return found


def _table(sources: Sources, name: str) -> tuple[Table, Media]:
    table = sources.tables.get(name)
    source = None if table is None else sources.sources[table.source]
    if table is None or not isinstance(source, Media) or not source.packed:
        fit = [each for each, one in sources.tables.items()
               if isinstance(it := sources.sources[one.source], Media) and it.packed]  # fmt: skip
        raise MlopsError(
            f"{name} is no table of pictures or audio, which can be packed; those of "
            f"{SOURCES_FILE.as_posix()} are: {', '.join(fit) or 'none'}."
        )
    if (sources.entity.table, sources.entity.column) != (name, "path"):
        raise MlopsError(
            f"Copies are called by the id of their row, and the entity of "
            f"{SOURCES_FILE.as_posix()} is not {name}.path: make it the entity to pack them."
        )
    return table, source


def _ids(sources: Sources, name: str) -> "polars.DataFrame":
    """Return the files whose rows are in the open zone, in the order of their ids there."""
    import polars as pl

    there = OPEN_ZONE / f"tables/{name}.parquet"
    place = there if raw_zone() == Path("data") else raw_zone() / f"tables/{name}.parquet"
    for one in (place, there):
        if not one.is_file():
            raise MlopsError(f"{one.as_posix()} does not exist; run `uv run mlops run` first.")
    paths = pl.read_parquet(place, columns=["path"])["path"]
    made = next((one for room in rooms() if (one := room.open_ids(sources))), None)
    ids = paths if made is None else made.made(paths)
    known = pl.read_parquet(there, columns=["path"])["path"]
    return pl.DataFrame({"path": paths, "id": ids}).filter(ids.is_in(known.implode())).sort("id")


def _write(
    copies: "Iterator[dict[str, Any] | str]",
    folder: Path,
    kind: str,
    limits: tuple[int, int],
    reason: str | None,
) -> Packed:
    """Write copies into shards; a text among them is why one is left out."""
    import pyarrow as pa
    import pyarrow.parquet

    schema = pa.schema(
        [("id", pa.string()), ("type", pa.string()), ("width", pa.int64()), ("height", pa.int64()),
         ("seconds", pa.float64()), (CONTENT, pa.binary())],
        metadata={"reason": reason} if reason else None,
    )  # fmt: skip
    shard, most = limits
    left: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    files = size = held = shards = 0

    def flush() -> None:
        nonlocal held, shards
        if rows:
            whole = pa.Table.from_pylist(rows, schema)
            file = folder / f"{shards:06}.parquet"
            pyarrow.parquet.write_table(whole, file, compression="zstd", row_group_size=256)
            rows.clear()
            held, shards = 0, shards + 1

    for row in copies:
        if isinstance(row, str):
            left[row] += 1
            continue
        content = row[CONTENT]
        if len(content) > most:
            left["larger than --most"] += 1
            continue
        check_bare(content, kind)
        rows.append(row)
        files, size, held = files + 1, size + len(content), held + len(content)
        if held >= shard:
            flush()
    flush()
    return Packed(files, shards, size, dict(left))


def _copies(
    source: Media, name: str, table: Table, ids: "polars.DataFrame"
) -> Iterator[dict[str, Any] | str]:
    """Make a copy of each file, one at a time, or say why there is none."""
    source.needed()
    place = source.place_of(name, table)
    items = {item.path: item for item in place.items()}
    known = Manifest(table.source, name)
    told = 0
    for path in ids["path"]:
        if path not in items or not known.knows(items[path]):
            raise MlopsError(
                f"A file of {name} has changed or is gone since it was read: `uv run mlops data "
                "ingest` and `uv run mlops run` bring its row up to date. Nothing was packed."
            )
    small = [items[path] for path in ids["path"] if not source.too_large(items[path])]
    place.bring(small)
    with closing(Apart(source, frozenset([CONTENT]))) as apart:
        for done, (path, identity) in enumerate(ids.iter_rows(), 1):
            try:
                found = apart.look(place.file(items[path]))
            except (Unusable, OSError) as error:
                yield str(error) if isinstance(error, Unusable) else "cannot be read"
                continue
            yield {
                "id": identity,
                "type": source.packed,
                **{fact: found.get(fact) for fact in SHOWN},
                CONTENT: found[CONTENT],
            }
            if done // 1000 > told:
                told = done // 1000
                progress("data", f"{name}: {counted(done, 'file')} of {len(ids):,} packed")


def check_bare(content: bytes, kind: str) -> None:
    """Refuse a copy that has any part besides pixels or samples.

    Raises
    ------
    MlopsError
        Naming the part.
    """
    odd = [one for one in parts_of(content, kind) if one not in (PNG if kind == "png" else WAV)]
    if odd:
        raise MlopsError(
            f"A copy has a part {odd[0]!r}, which may say something about a person: nothing was "
            "packed. Report it, with the version of the library that wrote it."
        )


def parts_of(content: bytes, kind: str) -> Iterator[bytes]:
    """Name the parts of a PNG or WAV, and what is behind the last of them."""
    if kind == "png":
        at, order, after = 8, ">I4s", 4
    else:
        at, order, after = 12, "<4sI", 0
    while at + 8 <= len(content):
        length, name = struct.unpack_from(order, content, at)
        if kind != "png":
            length, name = name, length
        yield name
        at += 8 + length + after + (length % 2 if kind != "png" else 0)
    if at != len(content):
        yield b"rest"
