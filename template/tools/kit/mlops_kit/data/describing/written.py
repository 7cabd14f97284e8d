"""How a file is written, found from all of it: what has two readings is asked, never chosen."""

import codecs
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.words import counted
from mlops_kit.data import delimited
from mlops_kit.data.config import Files, Table
from mlops_kit.data.describing.header import check_header, contrasts
from mlops_kit.data.dialect import Dialect, check_quotes, dialect_of
from mlops_kit.data.opened import (
    MAGIC,
    PACKED,
    UTF_16,
    byte_lines,
    compression_of,
    open_packed,
    open_utf8,
)
from mlops_kit.data.sources import documents, files, json_lines, parquet

BLOCK = 2**22
LOOKED_AT = 100  # lines in which the header line must stand
QUOTINGS = ({}, {"escape": "\\"}, {"quote": ""}, {"quote": "'"})


class Written(NamedTuple):
    """How the files of a table are written.

    Attributes
    ----------
    options : dict
        Options of the table that must be declared, by name.
    said : list of str
        Evidence, a sentence each.
    names : list of str
        Columns that can be read by their names, in the order of the file.
    unread : dict of str to str
        Columns that cannot be, and why.
    header : dict of str to str
        What the header line of a csv calls its columns.
    """

    options: dict[str, Any]
    said: list[str]
    names: list[str]
    unread: dict[str, str]
    header: dict[str, str]


def written(
    place: Path, given: dict[str, Any], thoroughly: bool = False
) -> tuple[Table, files.Found, Written]:
    """Find how a file, or all files of a folder, are written.

    Parameters
    ----------
    given : dict
        Options of the table that a person has declared.
    thoroughly : bool
        Whether a csv is read to its end to see that its records have equally many cells.

    Raises
    ------
    MlopsError
        When there is no such file, or it may be read in two ways; the message names both.
    """
    stub = {"source": "mine", "path": place.name, "columns": {"x": {"type": "string"}}}
    options: dict[str, Any] = dict(given)
    table = Table.model_validate(stub | options)
    found = files.find(Files(kind="files", folder=place.parent), place.stem, table)
    if found.format == "parquet":
        return table, found, _named(options, [], parquet.schema(found.files[0]).names)
    packed = {_packed(file) for file in found.files}
    if "compression" not in options and packed != {compression_of(f) for f in found.files}:
        options["compression"] = packed.pop()
    said = []
    if "encoding" not in options and found.format != "xml":
        encodings = {_encoding(file, options.get("compression")) for file in found.files}
        if encodings != {"utf-8"}:
            options["encoding"] = encodings.pop()
            said.append(f"each file begins with the mark of {options['encoding']}")
    table = Table.model_validate(stub | options)
    if found.format == "jsonl":
        names, unread = documents.json_columns(found.files, json_lines.objects_in, table)
        how = _named(options, said, names)
        how.unread.update(unread)
        return table, found, how
    if found.format in ("json", "xml"):
        rows = documents.look(found.files, found.format, table)
        if rows.records != table.records:
            options["records"] = rows.records
            said.append(f"rows stand at {rows.records} and nowhere else")
        how = _named(options, said, rows.names)
        how.unread.update(rows.unread)
        return Table.model_validate(stub | options), found, how
    header = _csv(found.files, table, options, said, thoroughly)
    return Table.model_validate(stub | options), found, _named(options, said, header, header)


def _named(
    options: dict[str, Any],
    said: list[str],
    names: Iterable[str],
    header: dict[str, str] | None = None,
) -> Written:
    """Keep the names by which a column can be read and selected."""
    unread: dict[str, str] = {}
    kept: dict[str, str] = {}
    for name in names:
        if not name.strip():
            unread["(no name)"] = "it has no name"
        elif other := kept.get(name.casefold()):
            unread[name] = f'SQL takes it for "{other}": rename one of them in the file'
        else:
            kept[name.casefold()] = name
    if not kept:
        raise MlopsError("No column of the file has a name of its own; give it a header line.")
    return Written(options, said, list(kept.values()), unread, header or {})


def _packed(file: Path) -> str:
    with file.open("rb") as stream:
        start = stream.read(8)
    kind = next((kind for mark, kind in MAGIC.items() if start.startswith(mark)), "none")
    if kind not in ("none", *PACKED.values()):
        raise MlopsError(
            f"{file.as_posix()} is packed with {kind}, which is not read: unpack it, and describe "
            "what is in it."
        )
    return kind


def _encoding(file: Path, compression: str | None) -> str:
    """UTF-8 if all of the file is, UTF-16 by its mark; anything else is for a person to say."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines = 1
    windows = False
    with open_packed(file, "rb", compression) as stream:
        if stream.read(2) in UTF_16:
            return "utf-16"
        stream.seek(0)
        while block := stream.read(BLOCK):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                at = lines + block[: error.start].count(b"\n")
                windows = any(0x80 <= byte <= 0x9F for byte in block)
                likely = "cp1252" if windows else "cp1252 or latin-1 (they agree here)"
                raise MlopsError(
                    f"{file.as_posix()}, line {at:,}, is not UTF-8, and bytes do not say what "
                    f"else: in the Americas and West Europe most likely {likely}, elsewhere "
                    "such as cp1250 or cp1251. Say which: --set encoding=cp1252."
                ) from error
            lines += block.count(b"\n")
    return "utf-8"


def _csv(
    places: list[Path], table: Table, options: dict[str, Any], said: list[str], thoroughly: bool
) -> dict[str, str]:
    """Find delimiter, quotes and header line of csv files.

    Returns
    -------
    dict of str to str
        By the name of each column: what the header line calls it.
    """
    first = places[0]
    with open_utf8(first, table.encoding, table.compression) as stream:
        lines = list(islice(byte_lines(stream), LOOKED_AT))
    if not "".join(lines).strip():
        raise MlopsError(f"{first.as_posix()} is empty: there is nothing to describe.")
    stated = delimited.stated(lines[0])
    below = ["\n", *lines[1:]] if stated else lines
    ways = []
    for quoting in [{}] if {"quote", "escape"} & options.keys() else QUOTINGS:
        tried = table.model_copy(update=quoting)
        dialect = dialect_of(tried)
        known = table.delimiter or stated
        delimiters = [known] if known else delimited.DELIMITERS
        likely = [(by, *delimited.shape_of(below, by, dialect)) for by in delimiters]
        likely = [one for one in likely if one[1] > 1]
        all_of_it = thoroughly or len(likely) > 1  # or else whoever reads it next will see
        ways += [(quoting, *one) for one in likely if _fits(places, *one, dialect, all_of_it)]
        if ways:
            break
    # Cells of records may hold another delimiter, as 3,5 does; its header line then has none.
    ways = [way for way in ways if not way[3]] or ways
    if len(ways) > 1:  # under titles, the names stand over numbers by one of them alone
        ways = [way for way in ways if contrasts(lines[way[3] :], way[1], dialect)] or ways
    if len(ways) > 1:
        both = " or ".join(f"--set 'delimiter={way[1]}'" for way in ways)
        raise MlopsError(
            f"{first.as_posix()} has equally many cells in each record by several delimiters: "
            f"say which is meant, {both}."
        )
    if not ways:
        quoting, delimiter, width, above = {}, table.delimiter or ",", 1, int(stated is not None)
        dialect = dialect_of(table)
        several = delimited.shape_of(below, delimiter, dialect)[0] > 1
        if several or not _fits(places, delimiter, 1, 0, dialect):
            raise MlopsError(_no_way(first, table, lines))
    else:
        quoting, delimiter, width, above = ways[0]
    if quoting:
        ((option, mark),) = quoting.items()
        other = "--set 'quote='" if option == "escape" else "--set 'quote=\"'"
        raise MlopsError(
            f'{first.as_posix()}: its quotes (") do not open and close as RFC 4180 asks. All of it '
            f"can be read with --set '{option}={mark}'; say so if that is what it means, "
            f"or {other}."
        )
    options.update({"delimiter": delimiter} if width > 1 and delimiter != "," else {})
    if width > 1:
        said.append(
            f"every record has {counted(width, 'cell')} by the delimiter {delimiter!r}, by no other"
        )
    dialect = dialect_of(Table.model_validate(table.model_dump() | options))
    if dialect.names is not None and isinstance(options.get("header"), list):
        return dict(zip(dialect.names, dialect.names, strict=True))
    header = delimited.header_at(lines, above, delimiter, dialect)
    most = len(delimited.header_at(below, 0, delimiter, dialect).names)
    if above and most > width:
        raise MlopsError(
            f"{first.as_posix()}: its first line has {counted(most, 'cell')} by {delimiter!r} and "
            f"most others have {width:,}: nobody can tell which are missing there; write each line "
            "with as many as the names have."
        )
    if options.get("header") is False:
        options["header"] = [f"c{place}" for place in range(1, width + 1)]
        said.append("no header line, as declared: the names are ours")
        return {name: name for name in options["header"]}
    if "header" not in options:
        if above > (stated is not None) and not contrasts(lines[above:], delimiter, dialect):
            raise MlopsError(
                f"{first.as_posix()}: its first line has another number of cells by {delimiter!r} "
                f"than most others, and nothing tells whether line {above + 1} holds names: say "
                "what is meant by --set delimiter=, --set quote= or --set header=true."
            )
        check_header(first, header.written)
    if above:
        said.append(f"not read: {counted(above, 'line')} above the header line")
    return dict(zip(header.names, header.written, strict=True))


def _fits(
    places: list[Path],
    delimiter: str,
    width: int,
    above: int,
    dialect: Dialect,
    all_of_it: bool = True,
) -> bool:
    """Whether every record of every file has so many cells, and quotes stand where they may."""
    names = tuple(str(place) for place in range(width))
    for file in places:
        with open_utf8(file, dialect.encoding, dialect.compression) as stream:
            start = sum(len(line) for line in islice(byte_lines(stream), above))
        found = delimited.Layout(delimiter, names, start)
        try:
            check_quotes(file, lambda: delimited.opened(file, found, dialect), delimiter, dialect)  # noqa: B023
            for _ in delimited.batches(file, names[:1], found, dialect) if all_of_it else ():
                pass
        except MlopsError:
            return False
    return True


def _no_way(file: Path, table: Table, lines: list[str]) -> str:
    """Say what stands in the way of the likeliest delimiter."""
    shapes = {by: delimited.shape_of(lines, by, dialect_of(table)) for by in delimited.DELIMITERS}
    by = table.delimiter or max(shapes, key=lambda one: shapes[one][0])
    width, above = delimited.shape_of(lines, by, dialect_of(table))
    names = tuple(str(place) for place in range(width))
    start = sum(map(len, lines[:above]))
    try:
        found = delimited.Layout(by, names, start)
        dialect = dialect_of(table)
        check_quotes(file, lambda: delimited.opened(file, found, dialect), by, dialect)
        for _ in delimited.batches(file, names[:1], found, dialect):
            pass
    except MlopsError as error:
        return str(error)
    return f"{file.as_posix()}: no delimiter gives all of its records equally many cells."


def texts(place: Path, table: Table, names: list[str]) -> "Iterator[Any]":
    """Read all named columns, some rows at a time: text, or what a parquet holds."""
    columns = {name: {"type": "string", "nullable": True} for name in names}
    whole = Table.model_validate({**table.model_dump(exclude_unset=True), "columns": columns})
    source = Files(kind="files", folder=place.parent)
    for _, frames in files.read(source, place.stem, whole):
        yield from frames
