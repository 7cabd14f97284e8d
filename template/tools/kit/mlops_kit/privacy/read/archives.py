"""Readers of what holds other files or rows, with the standard library: zip, gzip, PNG, SQLite."""

import gzip
import re
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath

from mlops_kit.privacy.read.media_tags import exif_of
from mlops_kit.privacy.read.open_file import (
    MAX_WHOLE,
    Column,
    Opened,
    Piece,
    Text,
    Unreadable,
    pieces_of_bytes,
    whole,
)

MAX_UNPACKED = 4 * MAX_WHOLE
ENCRYPTED = 0x1
OFFICE = ("[content_types].xml", "mimetype")
ROWS_AT_ONCE = 50_000
PRINTABLE = re.compile(r"[^\0-\x1f\x7f\ufffd]{6,}")


def zipped(opened: Opened) -> Iterator[Piece]:
    """Read every member, its name and the comments; a member's own size is never believed."""
    with zipfile.ZipFile(opened.stream) as archive:
        members = archive.infolist()
        names = [member.filename for member in members]
        if any(name.lower() in OFFICE for name in names):
            raise Unreadable(opened.place, "is an office document; export it as csv or text")
        comments = [archive.comment, *(member.comment for member in members)]
        said = [text.decode("utf-8", "replace") for text in comments if text]
        yield Text(f"{opened.place}: names", "\n".join([*names, *said]))
        unpacked = 0
        for member in members:
            if member.flag_bits & ENCRYPTED:
                raise Unreadable(opened.place, "is locked with a password; store it unlocked")
            with archive.open(member) as stream:
                content = stream.read(MAX_WHOLE + 1)
            unpacked += len(content)
            if len(content) > MAX_WHOLE or unpacked > MAX_UNPACKED:
                raise Unreadable(opened.place, "unpacks to more than is read; store less in it")
            place = f"{opened.place}: {member.filename}"
            name = PurePosixPath(member.filename).name
            yield from pieces_of_bytes(content, place, name, opened.depth + 1)


def gzipped(opened: Opened) -> Iterator[Piece]:
    """Read what was compressed, and the name that the file had before."""
    head = opened.stream.read(512)
    opened.stream.seek(0)
    if head[3:4] == b"\x08":
        yield Text(f"{opened.place}: name", head[10:].split(b"\0")[0].decode("latin-1"))
    with gzip.GzipFile(fileobj=opened.stream) as stream:
        content = stream.read(MAX_WHOLE + 1)
    if len(content) > MAX_WHOLE:
        raise Unreadable(opened.place, f"unpacks to more than {MAX_WHOLE // 2**20} MB; unpack it")
    name = opened.name.removesuffix(".gz")
    yield from pieces_of_bytes(content, opened.place, name, opened.depth + 1)


def png(opened: Opened) -> Iterator[Piece]:
    """Read a PNG's text chunks; pixels hold what no rule can see, and are not read."""
    content, position, kind = whole(opened), 8, b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", content, position)
        data = content[position + 8 : position + 8 + length]
        (checksum,) = struct.unpack_from(">I", content, position + 8 + length)
        if zlib.crc32(kind + data) != checksum:
            raise Unreadable(opened.place, "is a damaged png file; mend or remove it")
        position += 12 + length
        if kind == b"tEXt":
            yield Text(opened.place, data.replace(b"\0", b": ", 1).decode("latin-1"))
        elif kind == b"zTXt":
            key, _, packed = data.partition(b"\0")
            yield Text(opened.place, f"{key.decode('latin-1')}: {_inflated(packed[1:])}")
        elif kind == b"iTXt":
            key, _, rest = data.partition(b"\0")
            _, _, packed = rest[2:].split(b"\0", 2)
            said = _inflated(packed) if rest[:1] == b"\1" else packed.decode("utf-8", "replace")
            yield Text(opened.place, f"{key.decode('latin-1')}: {said}")
        elif kind == b"eXIf":
            yield from exif_of(data, opened.place)
    if content[position:].strip(b"\0"):
        raise Unreadable(opened.place, "holds something after the picture; save it again")


def _inflated(packed: bytes) -> str:
    return zlib.decompressobj().decompress(packed, MAX_WHOLE).decode("utf-8", "replace")


def sqlite(opened: Opened) -> Iterator[Piece]:
    """Read every table, the schema, and what deleted rows left in the file."""
    content = bytearray(whole(opened))
    content[18:20] = b"\1\1"  # read as if closed: a copy in memory has no write-ahead log
    connection = sqlite3.connect(":memory:")
    try:
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        connection.deserialize(bytes(content))
        listed = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        yield Text(f"{opened.place}: schema", "\n".join(str(sql) for *_, sql in listed if sql))
        for name in (name for kind, name, _ in listed if kind == "table"):
            quoted = name.replace('"', '""')
            cursor = connection.execute(f'SELECT * FROM "{quoted}"')  # noqa: S608
            yield from _rows(cursor, f"{opened.place}: table {name}", opened.depth)
        before = _strings(bytes(content))
        connection.execute("VACUUM")
        left = before - _strings(connection.serialize())
        yield Text(f"{opened.place}: deleted rows (run VACUUM)", "\n".join(sorted(left)))
    finally:
        connection.close()


def _rows(cursor: sqlite3.Cursor, place: str, depth: int) -> Iterator[Piece]:
    first = 1
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        for (column, *_), values in zip(cursor.description, zip(*rows, strict=True), strict=True):
            where = f"{place}, column {column}"
            for value in values:
                if isinstance(value, bytes):
                    yield from pieces_of_bytes(value, where, "", depth + 1)
            texts = [
                None if value is None or isinstance(value, bytes) else str(value)
                for value in values
            ]
            yield Column(where, column, texts, first)
        first += len(rows)


def _strings(content: bytes) -> set[str]:
    """Return the printable runs of a database; the next record's first byte is parted."""
    runs = PRINTABLE.findall(content.decode("utf-8", "replace"))
    return {re.sub(r"(?<=[A-Za-z])(?=[^A-Za-z\s]$)", " ", run) for run in runs}
