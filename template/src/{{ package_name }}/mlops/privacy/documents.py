"""Readers of tables as text, JSON, notebooks, HTML and XML; standard library only."""

import base64
import binascii
import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from html.parser import HTMLParser
from itertools import islice, zip_longest
from typing import Any
from xml.etree import ElementTree

from .formats import (
    BLOCK,
    Column,
    Opened,
    Piece,
    Text,
    Unreadable,
    encoding_of,
    pieces_of_bytes,
    whole,
    whole_text,
)

ROWS_AT_ONCE = 50_000
# What may be repeated in a report: a name that a programmer gave. Another may itself be a value.
LABEL = re.compile(r"[^\W\d][\w.$-]{0,39}")
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
DATA_ADDRESS = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=-]+)*;base64,([A-Za-z0-9+/=\s]+)")
# Tags inside a line of text: what they part is read as one word.
INLINE = frozenset("a abbr b bdi code em font i kbd mark q s small span strong sub sup u wbr".split())


def label(name: str, otherwise: str) -> str:
    """Return a name that a report may show, or the other one when it might be a value."""
    return name if LABEL.fullmatch(name) and sum(map(str.isdigit, name)) < 5 else otherwise


def table(opened: Opened) -> Iterator[Piece]:
    """Read delimited text in any usual dialect; the first line names the columns."""
    encoding = encoding_of(opened)
    reader = io.TextIOWrapper(opened.stream, encoding=encoding, newline="")
    sample = reader.read(BLOCK // 16)
    reader.seek(0)
    try:
        dialect: type[csv.Dialect] = csv.Sniffer().sniff(sample, delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel_tab if "\t" in sample.partition("\n")[0] else csv.excel
    csv.field_size_limit(8 * BLOCK)
    rows = csv.reader(reader, dialect)
    header = next(rows, [])
    yield Text(opened.place, "\n".join(header), 0)
    first = 1
    while chunk := list(islice(rows, ROWS_AT_ONCE)):
        for number, values in enumerate(zip_longest(*chunk), 1):
            name = header[number - 1] if number <= len(header) else ""
            place = f"{opened.place}: column {label(name.strip(), str(number))}"
            yield Column(place, name, values, first)
        first += len(chunk)
    reader.detach()


class Pairs(list[tuple[str, Any]]):
    """A JSON object with every pair: a dictionary would forget a key that comes twice."""


def parsed(text: str) -> Any:
    """Parse JSON without losing repeated keys; a number stays as it is written."""
    return json.loads(text, object_pairs_hook=Pairs, parse_float=str, parse_int=str)


def leaves(value: Any, path: str, keys: set[str]) -> Iterator[tuple[str, str]]:
    """Return each value of a document with its path; collect the keys, which may be values too."""
    if isinstance(value, Pairs):
        for key, inner in value:
            keys.add(key)
            shown = label(key, "*")
            yield from leaves(inner, f"{path}.{shown}" if path else shown, keys)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, f"{path}[]", keys)
    elif isinstance(value, str):
        yield path, value


def by_path(place: str, documents: Iterable[Any], first_row: int = 1) -> Iterator[Piece]:
    """Return documents as one column per path, and their keys as text."""
    found: dict[str, tuple[list[int], list[str]]] = {}
    keys: set[str] = set()
    count = 0
    for count, document in enumerate(documents, 1):
        for path, value in leaves(document, "", keys):
            rows, values = found.setdefault(path, ([], []))
            rows.append(count)
            values.append(value)
    yield Text(f"{place}: keys", "\n".join(sorted(keys)), 0)
    for path, (rows, values) in found.items():
        where = f"{place}: {path}" if path else place
        if count > 1 and len(set(rows)) == len(rows):
            aligned: list[str | None] = [None] * count
            for row, value in zip(rows, values, strict=True):
                aligned[row - 1] = value
            yield Column(where, path, aligned, first_row)
        else:
            yield Column(where, path, values, 0)


def json_document(opened: Opened) -> Iterator[Piece]:
    """Read a JSON text; a list of records becomes columns."""
    document = parsed(whole_text(opened))
    rows = document if isinstance(document, list) and not isinstance(document, Pairs) else None
    yield from by_path(opened.place, [document] if rows is None else rows)


def json_or_nothing(opened: Opened, encoding: str) -> Iterator[Piece] | None:
    """Read a text without the name of JSON as JSON if it is JSON, else rewind and return None."""
    content = opened.stream.read()
    opened.stream.seek(0)
    try:
        document = parsed(content.decode(encoding))
    except ValueError:
        return None
    return by_path(opened.place, [document])


def json_lines(opened: Opened) -> Iterator[Piece]:
    """Read one JSON document per line."""
    reader = io.TextIOWrapper(opened.stream, encoding=encoding_of(opened))
    first = 1
    while lines := list(islice(reader, ROWS_AT_ONCE)):
        yield from by_path(opened.place, (parsed(x) for x in lines if x.strip()), first)
        first += len(lines)
    reader.detach()


def notebook(opened: Opened) -> Iterator[Piece]:
    """Read a notebook: sources, outputs of every kind, attachments, and all metadata."""
    document = parsed(whole_text(opened))
    if not isinstance(document, Pairs):
        raise Unreadable(opened.place, "is no notebook; mend or remove it")
    rest = Pairs((key, value) for key, value in document if key != "cells")
    yield from by_path(f"{opened.place}: metadata", [rest])
    for cells in (value for key, value in document if key == "cells"):
        for number, cell in enumerate(cells, 1):
            place = f"{opened.place}: cell {number}"
            others = Pairs()
            for key, value in cell:
                if key == "source":
                    yield Text(place, _joined(value), 1)
                elif key == "outputs":
                    for index, output in enumerate(value, 1):
                        yield from _output(f"{place}, output {index}", output, opened.depth)
                elif key == "attachments":
                    for name, bundle in value:
                        yield Text(f"{place}, attachment", name)
                        yield from _bundle(f"{place}, attachment", bundle, opened.depth)
                else:
                    others.append((key, value))
            yield from by_path(f"{place}, metadata", [others])


def _output(place: str, output: Pairs, depth: int) -> Iterator[Piece]:
    others = Pairs()
    for key, value in output:
        if key == "data":
            yield from _bundle(place, value, depth)
        elif key in ("text", "traceback"):
            yield Text(place, ANSI.sub("", _joined(value, "\n" if key == "traceback" else "")), 1)
        else:
            others.append((key, value))
    yield from by_path(place, [others])


def _bundle(place: str, bundle: Pairs, depth: int) -> Iterator[Piece]:
    for kind, value in bundle:
        if isinstance(value, Pairs) or "json" in kind:
            yield from by_path(place, [value])
        elif kind.startswith("text/") or "xml" in kind or "javascript" in kind:
            suffix = {"text/html": ".html", "image/svg+xml": ".svg"}.get(kind, ".txt")
            content = ANSI.sub("", _joined(value)).encode()
            yield from pieces_of_bytes(content, place, f"output{suffix}", depth + 1)
        else:
            try:
                content = base64.b64decode(_joined(value), validate=False)
            except binascii.Error as error:
                raise Unreadable(place, "holds damaged base64; run the notebook again") from error
            yield from pieces_of_bytes(content, place, "output", depth + 1)


def _joined(value: str | list[str], between: str = "") -> str:
    return value if isinstance(value, str) else between.join(value)


class _Page(HTMLParser):
    """Text of a page on the lines where it stands, cells with the heading of their column."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.line = 1
        self.headings: list[str] = []
        self.row: list[tuple[str, list[str]]] | None = None

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        """Part words at a block, open rows and cells, keep what attributes say."""
        if tag == "table":
            self.headings = []
        elif tag == "tr":
            self._close_row()
            self.row = []
        elif tag in ("td", "th") and self.row is not None:
            self.row.append((tag, []))
        elif tag not in INLINE:
            self.handle_data("\t")
        for name, value in attrs:
            if value and name not in ("class", "style", "id", "rel"):
                self._write(f"\t{value}\t")

    def handle_endtag(self, tag: str) -> None:
        """Close rows, and part what stands in different blocks."""
        if tag in ("tr", "table"):
            self._close_row()
        elif tag not in INLINE:
            self.handle_data("\t")

    def handle_data(self, data: str) -> None:
        """Keep text, of the page or of a cell."""
        if self.row:
            self.row[-1][1].append(data)
        else:
            self._write(data)

    def handle_comment(self, data: str) -> None:
        """Keep what a comment says: everybody can read it."""
        self._write(f"\t{data}\t")

    def handle_decl(self, decl: str) -> None:
        """Keep declarations."""
        self._write(f"\t{decl}\t")

    handle_pi = unknown_decl = handle_decl

    def text(self) -> str:
        """Return all that was kept."""
        self._close_row()
        return "".join(self.parts)

    def _write(self, text: str) -> None:
        behind = self.getpos()[0] - self.line
        self.parts.append("\n" * behind + text)
        self.line += max(behind, 0) + text.count("\n")

    def _close_row(self) -> None:
        row, self.row = self.row, None
        cells = [" ".join("".join(parts).split()) for _, parts in row or []]
        if row and all(tag == "th" for tag, _ in row):
            self.headings = cells
            self._write("\t".join(cells) + "\t")
        elif row:
            named = zip_longest(self.headings[: len(cells)], cells, fillvalue="")
            self._write("\t".join(f"{name}: {x}" if name else x for name, x in named) + "\t")


def html_page(opened: Opened) -> Iterator[Piece]:
    """Read a page as a person would see it, with attributes, comments and embedded files."""
    text = whole_text(opened)
    for kind, packed in DATA_ADDRESS.findall(text):
        content = base64.b64decode(packed)
        name = {"text/html": "it.html", "image/svg+xml": "it.svg"}.get(kind, "it")
        yield from pieces_of_bytes(content, f"{opened.place}: embedded", name, opened.depth + 1)
    page = _Page()
    page.feed(DATA_ADDRESS.sub("", text))
    page.close()
    yield Text(opened.place, page.text(), 1)


def xml_document(opened: Opened) -> Iterator[Piece]:
    """Read XML as one column per path, with attributes, comments and instructions."""
    content = whole(opened)
    if b"<!ENTITY" in content:
        raise Unreadable(opened.place, "declares entities of its own; remove them")
    builder = ElementTree.TreeBuilder(insert_comments=True, insert_pis=True)
    parser = ElementTree.XMLParser(target=builder)
    parser.feed(content)
    found: dict[str, list[str]] = {}
    _xml_leaves(parser.close(), "", found)
    for path, values in found.items():
        yield Column(f"{opened.place}: {path}", path, values, 0)


def _xml_leaves(element: Any, path: str, found: dict[str, list[str]]) -> None:
    tag = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else "comment"
    here = f"{path}.{label(tag, '*')}" if path else label(tag, "*")
    for name, value in element.attrib.items():
        found.setdefault(f"{here}@{label(name.rpartition('}')[2], '*')}", []).append(value)
    tails = [child.tail for child in element if child.tail and child.tail.strip()]
    own = element.text if element.text and element.text.strip() else ""
    if own or tails:  # the words of a sentence may stand in several elements
        joined = "".join(element.itertext()) if len(element) and tag != "comment" else own
        found.setdefault(here, []).append(joined)
    for child in element:
        _xml_leaves(child, here, found)
