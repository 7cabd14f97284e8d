"""Decode everything a project has stored, and find restricted values in any form inside it.

Searching the bytes would miss them: parquet, SQLite, zip and git compress what they hold. Findings
name a place and a kind, never the value.
"""

import base64
import binascii
import gzip
import hashlib
import html
import io
import re
import sqlite3
import subprocess
import tempfile
import unicodedata
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet

DIRECT = ("full_name", "email", "phone", "dni")
QUASI_IDENTIFIERS = ("birth_date", "city")
# Where the open zone names a person; a whole number there is the source's own identifier.
PERSON_KEYS = ("customer_id", "id", "group")
PHONE_DIGITS = 10  # without the country: the part that nobody leaves out
LONGEST_NAME = 6  # words, such as "María José De la Fuente Sosa"

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
NUMBER = re.compile(r"(?<![\w.])(?:\d{8}|\d{2}\.\d{3}\.\d{3})(?![\w])")
PHONE = re.compile(r"\d(?:[ ()./-]{0,2}\d){9,}")
DIGEST = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})(?![0-9a-f])")
BASE64 = re.compile(r"base64,([A-Za-z0-9+/=\s]{40,})")
WIDE = re.compile(rb"(?:[^\0]\0){6,}|(?:[^\0]\0\0\0){6,}")  # UTF-16 and UTF-32
PHRASES = re.compile(r"[^\w\s.,'-]+")
WORDS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Restricted:
    """What may be found nowhere, normalised, by kind."""

    values: dict[str, frozenset[str]]
    digests: frozenset[str]
    columns: dict[str, tuple[str, ...]]


def plain(text: str) -> str:
    """Fold case and drop accents, so that another spelling of a value is still the value."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def digits(text: str) -> str:
    """Return the digits of a text."""
    return "".join(letter for letter in text if letter.isdecimal())


def joined_words(text: str) -> str:
    """Return the letters of a text, plain, as one word."""
    return "".join(WORDS.findall(plain(text)))


def restricted_values(customers: Path) -> Restricted:
    """Read what must not leave the restricted zone."""
    table = pl.read_parquet(customers)
    normalise = {
        "full_name": joined_words,
        "email": plain,
        "phone": lambda value: digits(value)[-PHONE_DIGITS:],
        "dni": digits,
    }
    raw = {column: table[column].drop_nulls().to_list() for column in DIRECT}
    hashed = {
        hashlib.new(algorithm, value.encode(), usedforsecurity=False).hexdigest()
        for values in raw.values()
        for value in values
        for algorithm in ("md5", "sha1", "sha256")
    }
    return Restricted(
        values={name: frozenset(map(normalise[name], raw[name])) for name in DIRECT},
        digests=frozenset(hashed),
        columns={name: multiset(table[name]) for name in QUASI_IDENTIFIERS},
    )


def multiset(column: pl.Series) -> tuple[str, ...]:
    """Return a column's values as sorted text: equal for any order and type of the same values."""
    return tuple(sorted(map(str, column.to_list())))


def leaks(place: str, content: bytes, restricted: Restricted) -> set[str]:
    """Return `place: kind` for every restricted thing in one file's bytes, however packed."""
    found: set[str] = set()
    for inside, piece in decoded(place, content):
        if isinstance(piece, pl.Series):
            found |= {f"{inside}: {kind}" for kind in kinds_in_column(piece, restricted)}
        else:
            found |= {f"{inside}: {kind}" for kind in kinds_in_text(piece, restricted)}
    return found


def kinds_in_text(text: str, restricted: Restricted) -> Iterator[str]:
    """Name the kinds of restricted values that a text holds."""
    text = plain(html.unescape(urllib.parse.unquote(text)))
    # Also the shorter addresses inside one: a file may be called ana@example.org.parquet.
    addresses = (
        address.rsplit(".", cut)[0]
        for address in EMAIL.findall(text)
        for cut in range(address.count(".") + 1)
    )
    if not restricted.values["email"].isdisjoint(addresses):
        yield "email"
    if not restricted.values["dni"].isdisjoint(map(digits, NUMBER.findall(text))):
        yield "dni"
    if not restricted.digests.isdisjoint(DIGEST.findall(text)):
        yield "a plain hash of a value"
    runs = map(digits, PHONE.findall(text))
    windows = (
        run[start : start + PHONE_DIGITS]
        for run in runs
        for start in range(len(run) - PHONE_DIGITS + 1)
    )
    if not restricted.values["phone"].isdisjoint(windows):
        yield "phone"
    if any(
        "".join(words[start : start + length]) in restricted.values["full_name"]
        for words in map(WORDS.findall, PHRASES.split(text))
        for start in range(len(words))
        for length in range(1, LONGEST_NAME + 1)
    ):
        yield "full_name"


def kinds_in_column(column: pl.Series, restricted: Restricted) -> Iterator[str]:
    """Name what is restricted about a column: its name, its values, or all of them together."""
    if column.name.casefold() in (*DIRECT, *QUASI_IDENTIFIERS):
        yield f"a column named {column.name}"
    if column.name.casefold() in PERSON_KEYS and column.dtype.is_integer():
        yield f"whole numbers in {column.name}"
    for name, values in restricted.columns.items():
        if len(column) == len(values) and multiset(column) == values:
            yield f"the values of {name}"
    if column.dtype.is_float():
        column = column.filter(column.is_finite() & (column % 1 == 0)).cast(pl.Int64, strict=False)
    # A value on a line of its own: no phrase reaches from one value into the next.
    yield from kinds_in_text(
        "\n|".join(set(map(str, column.drop_nulls().unique().to_list()))), restricted
    )


def decoded(place: str, content: bytes) -> Iterator[tuple[str, str | pl.Series]]:
    """Unpack bytes into texts and columns, with the place where each was found."""
    if content[:4] == b"PAR1":
        file = pyarrow.parquet.ParquetFile(io.BytesIO(content))
        for key, value in (file.schema_arrow.metadata or {}).items():
            yield f"{place} metadata", f"{key.decode()} {value.decode(errors='replace')}"
        for column in pl.read_parquet(io.BytesIO(content)).get_columns():
            yield f"{place} column {column.name}", flat(column)
    elif content.startswith(b"SQLite format 3\0"):
        yield from rows_of_database(place, content)
    elif content.startswith(b"PK\3\4"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield place, name
                yield from decoded(f"{place} member {name}", archive.read(name))
    elif content.startswith(b"\x93NUMPY") and (array := text_array(content)) is not None:
        yield place, array
    elif content.startswith(b"\x1f\x8b"):
        yield from decoded(f"{place} gunzipped", gzip.decompress(content))
    elif unpacked := inflated(content):
        yield from decoded(f"{place} inflated", unpacked)
    else:
        yield from texts_of(place, content)


def flat(column: pl.Series) -> pl.Series:
    """Return a column of lists as one of their elements."""
    while isinstance(column.dtype, pl.List):
        column = column.explode(empty_as_null=True)
    return column


def text_array(content: bytes) -> pl.Series | None:
    """Return the texts of a NumPy file, or None when it holds numbers or pickled objects."""
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except ValueError:
        return None
    return pl.Series("", array.astype(str).ravel().tolist()) if array.dtype.kind in "US" else None


def rows_of_database(place: str, content: bytes) -> Iterator[tuple[str, str | pl.Series]]:
    """Return every value of every table, and what a deleted row may have left in free pages."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "copy.db"
        copy.write_bytes(content)
        connection = sqlite3.connect(copy)
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            cursor = connection.execute(f'SELECT * FROM "{table}"')
            for row in cursor:
                for (column, *_), value in zip(cursor.description, row, strict=True):
                    where = f"{place} table {table}.{column}"
                    if isinstance(value, bytes):
                        yield from decoded(where, value)
                    elif value is not None:
                        yield where, str(value)
        connection.close()
    yield from texts_of(place, content)


def texts_of(place: str, content: bytes) -> Iterator[tuple[str, str]]:
    """Read bytes as text, also as wide characters and with embedded base64."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("utf-8", "replace") + "\n|" + content.decode("latin-1")
    yield place, text
    for wide in WIDE.findall(content):
        yield place, wide.replace(b"\0", b"").decode("latin-1")
    for packed in BASE64.findall(text):
        try:
            content = base64.b64decode(packed)
        except binascii.Error:  # prose about base64, with a comma behind it
            continue
        for inside, piece in decoded(f"{place} base64", content):
            if isinstance(piece, str):
                yield inside, piece


def inflated(content: bytes) -> bytes:
    """Return what a zlib stream holds, or nothing when the bytes are none."""
    if content[:1] != b"\x78":
        return b""
    try:
        return zlib.decompress(content)
    except zlib.error:
        return b""


def contents_of(folders: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Return every file below the folders (a folder may also be one file)."""
    for folder in folders:
        for path in [folder] if folder.is_file() else sorted(folder.rglob("*")):
            if path.is_file():
                yield path.as_posix(), path.read_bytes()


def git_objects(repository: Path) -> Iterator[tuple[str, bytes]]:
    """Return every object of a git repository, reachable or not: commits, trees and files."""
    listed = subprocess.run(
        ["git", "cat-file", "--batch", "--batch-all-objects"],
        cwd=repository,
        capture_output=True,
        check=True,
    ).stdout
    position = 0
    while position < len(listed):
        end = listed.index(b"\n", position)
        name, kind, size = listed[position:end].decode().split()
        position = end + 1 + int(size) + 1
        yield f"git {kind} {name[:10]}", listed[end + 1 : position - 1]


def leaks_in(contents: Iterable[tuple[str, bytes]], restricted: Restricted) -> tuple[set[str], int]:
    """Return the leaks in many files, and how many different files were decoded."""
    found: set[str] = set()
    seen: set[bytes] = set()
    for place, content in contents:
        digest = hashlib.sha256(content).digest()
        if digest not in seen:
            seen.add(digest)
            found |= leaks(place, content, restricted)
    return found, len(seen)
