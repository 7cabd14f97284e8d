"""Readers of tables as text, JSON and notebooks; standard library only."""

import base64
import binascii
import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice, zip_longest
from typing import Any

from mlops_kit.data.delimited import delimiter_of, stated
from mlops_kit.privacy.read.open_file import (
    BLOCK,
    Column,
    Opened,
    Piece,
    Text,
    Unreadable,
    encoding_of,
    pieces_of_bytes,
    whole_text,
)

ROWS_AT_ONCE = 50_000
SNIFFED = 2_000  # characters: what csv.Sniffer takes grows with their cube
# What may be repeated in a report: a name that a programmer gave. Another may itself be a value.
LABEL = re.compile(r"[^\W\d][\w.$-]{0,39}")
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def label(name: str, otherwise: str) -> str:
    """Return a name that a report may show, or the other one when it might be a value."""
    return name if LABEL.fullmatch(name) and sum(map(str.isdigit, name)) < 5 else otherwise


def table(opened: Opened) -> Iterator[Piece]:
    """Read delimited text, quoted as RFC 4180 asks; the first line under titles names columns."""
    encoding = encoding_of(opened)
    reader = io.TextIOWrapper(opened.stream, encoding=encoding, newline="")
    sample = reader.read(SNIFFED)
    reader.seek(0)
    by, cells = delimiter_of(sample)
    csv.field_size_limit(8 * BLOCK)
    rows = csv.reader(reader, delimiter=by)
    if sample and stated(sample.splitlines()[0]):
        next(rows)
    header, title = next(rows, []), ""
    yield Text(opened.place, "\n".join(header), 0)
    while cells > 1 and len(header) < 2 and (below := next(rows, None)) is not None:
        header, title = below, header[0] if header else title
        yield Text(opened.place, "\n".join(header), 0)
    first = 1
    while chunk := list(islice(rows, ROWS_AT_ONCE)):
        for number, values in enumerate(zip_longest(*chunk), 1):
            name = header[number - 1] if number <= len(header) else ""
            # It may be the name of a single column, whose values hold the delimiter.
            for one in (name, title) if title and number == 1 else (name,):
                place = f"{opened.place}: column {label(one.strip(), str(number))}"
                yield Column(place, one, values, first)
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
