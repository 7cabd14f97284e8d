"""An XML document as rows of text: each element at a path is one, however large the document is."""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import Table
from mlops_kit.data.sources import records, xml_parsing
from mlops_kit.data.sources.xml_lists import array_of
from mlops_kit.data.sources.xml_parsing import PARTED

if TYPE_CHECKING:
    import polars

TAG = re.compile(rb"""<(?:"[^"]*"|'[^']*'|[^>"'])*>""")
NIL = f"http://www.w3.org/2001/XMLSchema-instance{PARTED}nil"
XSI = f"http://www.w3.org/2001/XMLSchema-instance{PARTED}"
MIXED = "has elements and text inside, which is no single value"
SEVERAL = (
    "stands several times in one record: declare a list, such as `type: list<string>`, or make of "
    "it a table of its own with its own `records`"
)
Values = dict[str, str | None]


class Record(NamedTuple):
    """An element at the path: its line, where its tags stand in UTF-8, its values by name."""

    line: int
    begin: int
    end: int
    values: Values


def batches(file: Path, table: Table, asked: str) -> "Iterator[polars.DataFrame]":
    """Read the declared columns of the elements as text, some rows at a time.

    A column is an attribute or an element inside, by its name without a namespace; `customer/city`
    is one further inside, and the name of the element itself stands for its own text. What is not
    there, or nil, is missing. A value that stands several times is a list where the column is of
    type `list<...>` or `integers`, and refused elsewhere.

    Raises
    ------
    MlopsError
        When the document is broken, declares entities, or a value is no text; the message names
        the line.
    """
    lists = [name for name, one in table.columns.items() if one.kind in ("integers", "list")]
    with xml_parsing.opened(file, table) as stream:
        reader = Reader(file, table, table.columns, lists)
        found = ((one.line, one.values) for one in reader.read(stream))
        texts = dict.fromkeys(table.columns, lambda text: text)
        yield from records.batches(file, texts, asked, found, {})


class Reader:
    """Reads the elements at the path that a table declares.

    Parameters
    ----------
    wanted : collection of str
        Columns of which each value must be one text; of others, the first text is given.
    lists : collection of str
        Columns whose values may stand several times; they become an array of JSON.

    Raises
    ------
    MlopsError
        When no path is declared.
    """

    def __init__(
        self, file: Path, table: Table, wanted: Collection[str], lists: Collection[str] = ()
    ) -> None:
        if table.records is None:
            raise MlopsError(
                f"{file.as_posix()} is XML: declare at its table which element is a row, such as "
                "`records: orders/order`; `uv run mlops data describe` finds it."
            )
        self._file, self._table = file, table
        self._wanted, self._lists = frozenset(wanted), frozenset(lists)
        self._path = table.records.split("/")
        self.unread: dict[str, str] = {}
        self._parser = xml_parsing.parser_of(file)
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._said
        self._open: list[str] = []  # elements that are open around a record
        self._around = False  # whether what is around records was seen
        self._keys: list[str] = []  # of the elements that are open in a record
        self._leaf = self._nil = False
        self._text: list[str] = []
        self._values: Values = {}
        self._several: dict[str, list[str | None]] = {}
        self._begin = self._line = 0
        self._found: list[Record] = []

    def read(self, stream: Any) -> Iterator[Record]:
        """Read a stream of UTF-8 to its end."""
        for _ in xml_parsing.blocks(self._file, stream, self._parser):
            found, self._found = self._found, []
            yield from found
        if not self._around:
            raise MlopsError(
                f"{self._file.as_posix()} has no element {'/'.join(self._path)}, which `records` "
                "of its table in conf/sources.yaml names; `uv run mlops data describe` finds it."
            )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(PARTED)[2]
        if not self._keys:
            self._open.append(local)
            self._around |= self._open == (self._path[:-1] or self._path)
            if self._open != self._path:
                self._check_case()
                return
            self._values, self._several = {}, {}
            self._begin, self._line = self._parser.CurrentByteIndex, self._parser.CurrentLineNumber
            key = prefix = ""
        else:
            above = self._keys[-1]
            if "".join(self._text).strip():
                self._leave_out(above or self._path[-1], MIXED)
            key = f"{above}/{local}" if above else local
            prefix = f"{key}/"
        self._keys.append(key)
        self._leaf, self._nil, self._text = True, False, []
        for attribute, value in attributes.items():
            if attribute.startswith(XSI):
                self._nil |= attribute == NIL and value.strip() in ("true", "1")
            else:
                self._put(prefix + attribute.rpartition(PARTED)[2], value)

    def _check_case(self) -> None:
        here, path = "/".join(self._open), "/".join(self._path)
        if here.casefold() == path.casefold():
            raise MlopsError(
                f"{self._file.as_posix()}, line {self._parser.CurrentLineNumber:,}, has {here} "
                f"where `records` names {path}; write both alike."
            )

    def _end(self, name: str) -> None:
        if not self._keys:
            self._open.pop()
            return
        key = self._keys.pop()
        text = "".join(self._text)
        if self._leaf:
            if key or text.strip():
                self._put(key or self._path[-1], None if self._nil else text)
        elif text.strip():
            self._leave_out(key or self._path[-1], MIXED)
        elif key:
            self._leave_out(key, f"has elements inside; declare one of them, such as {key}/name")
        self._leaf, self._text = False, []
        if not self._keys:
            for name, texts in self._several.items():
                self._values[name] = array_of(texts, self._table.columns[name], self._table)
            end = self._parser.CurrentByteIndex
            self._found.append(Record(self._line, self._begin, end, self._values))
            self._open.pop()

    def _said(self, text: str) -> None:
        if self._keys:
            self._text.append(text)

    def _put(self, key: str, value: str | None) -> None:
        if key in self._lists:
            self._values[key] = None  # its place
            self._several.setdefault(key, []).append(value)
        elif key in self._values:
            self._leave_out(key, SEVERAL)
        else:
            self._values[key] = value

    def _leave_out(self, key: str, why: str) -> None:
        """Refuse a value that is wanted and is no single text; of others only note it."""
        if key in self._wanted:
            raise MlopsError(
                f'{self._file.as_posix()}, line {self._parser.CurrentLineNumber:,}: "{key}" {why}.'
            )
        self.unread.setdefault(key, why)


def with_texts(
    file: Path, stream: Any, table: Table, columns: Collection[str]
) -> Iterator[tuple[str, Values]]:
    """Read a stream of UTF-8 whole: each record with the white space before it, and the rest.

    Returns
    -------
    iterator of str and dict
        Texts that make up the document; values only of records.
    """
    reader = Reader(file, table, columns)
    if "/" not in (table.records or ""):
        raise MlopsError(
            f"{file.as_posix()} is one record as a whole, and nothing can be taken out of it: "
            "remove the file if it must go."
        )
    heard = _Heard(stream)
    before = 0
    for one in reader.read(heard):
        begin = one.begin - before
        last = TAG.match(heard.bytes, begin)
        if last is not None and not last[0].endswith(b"/>"):
            last = TAG.match(heard.bytes, one.end - before)
        assert last is not None
        around = heard.bytes[:begin].rstrip()
        yield around.decode(), {}
        yield heard.bytes[len(around) : last.end()].decode(), one.values
        del heard.bytes[: last.end()]
        before += last.end()
    yield heard.bytes.decode(), {}


class _Heard:
    """A stream that keeps what was read of it."""

    def __init__(self, stream: Any) -> None:
        self._stream, self.bytes = stream, bytearray()

    def read(self, size: int) -> bytes:
        """Read some bytes."""
        block = self._stream.read(size)
        self.bytes += block
        return block


def paths_in(file: Path, table: Table) -> list[str]:
    """Return the paths of elements that may be rows: they stand several times, nothing above does.

    Raises
    ------
    MlopsError
        When the document is broken or declares entities.
    """
    often: Counter[str] = Counter()
    inside: set[str] = set()
    above: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(PARTED)[2]
        path = f"{above[-1]}/{local}" if above else local
        above.append(path)
        often[path] += 1
        if attributes:
            inside.add(path)
        if len(above) > 1:
            inside.add(above[-2])

    parser = xml_parsing.parser_of(file)
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: above.pop()
    with xml_parsing.opened(file, table) as stream:
        for _ in xml_parsing.blocks(file, stream, parser):
            pass
    rows = [path for path, count in often.items() if count > 1 and path in inside]
    return [
        path for path in rows if all(often[up] == 1 for up in often if path.startswith(f"{up}/"))
    ]


def names_in(file: Path, table: Table) -> tuple[list[str], dict[str, str]]:
    """Return every name of the elements, in the order in which they come, and which cannot be read.

    Raises
    ------
    MlopsError
        As `batches`.
    """
    names: dict[str, None] = {}
    with xml_parsing.opened(file, table) as stream:
        reader = Reader(file, table, ())
        for one in reader.read(stream):
            names.update(dict.fromkeys(one.values))
    return list(names), {name: why for name, why in reader.unread.items() if name in names}
