"""Reading csv as RFC 4180 writes it, or as its table declares: nothing is guessed from a part.

Only the delimiter is found out where none is declared, and only from the header line, which must
name the columns that are asked for. What does not fit is refused, never dropped or changed.
"""

import contextlib
import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.words import counted
from mlops_kit.data.dialect import RFC_4180, Dialect, check_quotes, own_names, without_place
from mlops_kit.data.opened import byte_lines, open_utf8

if TYPE_CHECKING:
    import polars

DELIMITERS = (",", ";", "\t", "|")
MOST_BEFORE = 100  # lines of explanation that may stand before the header line
BLOCK = 2**22  # bytes that are read at once; a record must fit
BYTE_ORDER_MARK = "\xef\xbb\xbf"  # of UTF-8, each byte as one character
STATED = re.compile(rf"(?:{BYTE_ORDER_MARK}|\ufeff)?\"?sep=(.)\"?\r?\n?", re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """How a csv is laid out: its delimiter, its columns, and the byte where the records begin.

    The byte counts in UTF-8, unpacked. `written` is what the header line calls the columns.
    """

    delimiter: str
    names: tuple[str, ...]
    start: int
    written: tuple[str, ...] = ()


def layout(
    file: Path, columns: Sequence[str], asked: str = "is asked for", dialect: Dialect = RFC_4180
) -> Layout:
    """Find the header line, which holds all of these columns, and the delimiter that shows them.

    Parameters
    ----------
    asked : str
        Who asks for the columns, for a message.

    Raises
    ------
    MlopsError
        When no line near the beginning names all columns, or when the file is not quoted as its
        dialect asks.
    """
    with open_utf8(file, dialect.encoding, dialect.compression) as stream:
        lines = list(islice(byte_lines(stream), MOST_BEFORE))
    if dialect.names is not None:
        found = _without_header(file, lines, dialect)
    else:
        found = _with_header(file, lines, columns, asked, dialect)
    check_quotes(file, lambda: opened(file, found, dialect), found.delimiter, dialect)
    return found


@contextlib.contextmanager
def opened(file: Path, found: Layout, dialect: Dialect = RFC_4180) -> Iterator[Any]:
    """Open a csv as a stream of UTF-8 that begins with the first record."""
    with open_utf8(file, dialect.encoding, dialect.compression) as stream:
        stream.read(found.start)
        yield stream


def batches(
    file: Path, columns: Sequence[str], found: Layout, dialect: Dialect = RFC_4180
) -> "Iterator[polars.DataFrame]":
    """Read columns of a csv as text, some rows at a time; an empty cell is null.

    Raises
    ------
    MlopsError
        When a record has more or fewer cells than there are columns.
    """
    import polars as pl
    import pyarrow
    from pyarrow import csv as arrow

    # Numbers, because Arrow takes a name of several lines for several.
    names = [str(place) for place in range(len(found.names))]
    chosen = [str(found.names.index(column)) for column in columns]
    uneven: list[Any] = []

    def refuse(row: Any) -> str:
        uneven.append(row)
        return "error"

    yield pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    with opened(file, found, dialect) as stream:
        if not any(block.strip(b"\r\n") for block in iter(lambda: stream.read(BLOCK), b"")):
            if len(names) == 1:  # of one column, an empty line is a record with nothing in it
                with opened(file, found, dialect) as lines:
                    rows = sum(1 for _ in byte_lines(lines))
                yield pl.DataFrame({columns[0]: pl.repeat(None, rows, dtype=pl.String, eager=True)})
            return  # refused by Arrow
    with opened(file, found, dialect) as stream:
        try:
            reader = arrow.open_csv(
                stream,
                arrow.ReadOptions(column_names=names, block_size=BLOCK),
                arrow.ParseOptions(
                    delimiter=found.delimiter,
                    quote_char=dialect.quote or False,
                    double_quote=True,
                    escape_char=dialect.escape or False,
                    newlines_in_values=True,
                    ignore_empty_lines=len(names) > 1,
                    invalid_row_handler=refuse,
                ),
                arrow.ConvertOptions(
                    column_types=dict.fromkeys(chosen, pyarrow.string()),
                    include_columns=chosen,
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
            for batch in reader:
                table = pyarrow.Table.from_batches([batch])
                yield pl.DataFrame(pl.from_arrow(table.rename_columns(list(columns))))
        except pyarrow.ArrowException as error:
            raise _unreadable(file, found, dialect, uneven, error) from error


def stated(line: str) -> str | None:
    """Return the delimiter that a first line such as `sep=;` states, as spreadsheets write it."""
    return found[1] if (found := STATED.fullmatch(line)) else None


def delimiter_of(sample: str) -> tuple[str, int]:
    """Return the delimiter by which most records have equally many cells, and how many these are.

    For text of unknown columns; `,` and 1 when nothing speaks for another.
    """
    lines = sample.splitlines(keepends=True)
    best, cells, most = ",", 1, 0.0
    said = stated(lines[0]) if lines else None
    for by in (said,) if said else DELIMITERS:
        widths = [len(record) for record in _records(lines, by)]
        widths = widths[:-1] if len(widths) > 2 else widths  # the last one may be cut
        ((width, count),) = Counter(widths).most_common(1) or [(0, 0)]
        if width > 1 and count / len(widths) > most:
            best, cells, most = by, width, count / len(widths)
    return best, cells


def header_at(lines: list[str], above: int, delimiter: str, dialect: Dialect) -> Layout:
    """Take the record behind `above` lines, each byte of them a character, for the names.

    A name that stands there several times, or none, becomes one of its own: see `own_names`.
    Records of labels under it are passed over.
    """
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(_unmarked(lines)[above:], **dialect.parameters(delimiter))
    names = next(reader, [])
    for _ in range(dialect.labels):
        next(reader, None)
    start = sum(map(len, lines[: above + reader.line_num]))
    shown = tuple(name.encode("latin-1").decode("utf-8", "replace").strip() for name in names)
    return Layout(delimiter, own_names(shown), start, shown)


def shape_of(lines: list[str], delimiter: str, dialect: Dialect) -> tuple[int, int]:
    """Return the cells of most records, and the lines above the first record that has so many."""
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(_unmarked(lines), **dialect.parameters(delimiter))
    widths, before = [], 0
    with contextlib.suppress(csv.Error):
        for record in reader:
            widths += [(len(record), before)] if record else []
            before = reader.line_num
    widths = widths[:-1] if len(widths) > 2 else widths  # the last one may be cut
    if not widths:
        return 0, 0
    width = Counter(one for one, _ in widths).most_common(1)[0][0]
    return width, next(at for one, at in widths if one == width)


def _unmarked(lines: list[str]) -> list[str]:
    return [line.removeprefix(BYTE_ORDER_MARK) if not at else line for at, line in enumerate(lines)]


def _unreadable(
    file: Path, found: Layout, dialect: Dialect, uneven: list[Any], error: Exception
) -> MlopsError:
    if uneven:
        with opened(file, found, dialect) as stream:
            reader = csv.reader(byte_lines(stream), **dialect.parameters(found.delimiter))
            widths = (len(record) for record in reader if record)
            odd = ((at, one) for at, one in enumerate(widths, 1) if one != len(found.names))
            at, width = next(odd, (0, uneven[0].actual_columns))
        mend = 'put a value that holds a delimiter or a line break between quotes (")'
        if width < len(found.names):
            mend = "write cells that are empty at its end as such, too, or " + mend
        reason = (
            f"record {at:,} has {counted(width, 'cell')}, and the file names "
            f"{counted(len(found.names), 'column')}, delimiter {found.delimiter!r}): {mend}"
        )
    elif "UTF8" in str(error):
        reason = (
            "it is not UTF-8): name its encoding, such as `encoding: cp1252` or `latin-1`, at its "
            "table in conf/sources.yaml, or write UTF-8"
        )
    elif "straddl" in str(error):
        reason = f"a record has more than {BLOCK // 2**20} MB): leave such a value out of the file"
    else:
        # Only what comes before the third colon: then it shows the record itself.
        reason = ":".join(str(error).splitlines()[0].split(":")[:2]) + "): mend it there"
    return MlopsError(f"{file.as_posix()} cannot be read as csv ({reason}.")


def _with_header(
    file: Path, lines: list[str], columns: Sequence[str], asked: str, dialect: Dialect
) -> Layout:
    delimiters = (dialect.delimiter,) if dialect.delimiter else DELIMITERS
    found = None
    for above in range(len(lines)):
        layouts = [header_at(lines, above, by, dialect) for by in delimiters]
        found = next((one for one in layouts if set(columns) <= set(one.names)), None)
        if found is not None:
            break
    if found is None:
        names = max((header_at(lines, 0, by, dialect).names for by in delimiters), key=len)
        if any("\ufffd" in name for name in names):
            raise MlopsError(
                f"{file.as_posix()} is not UTF-8: name its encoding, such as `encoding: cp1252`, "
                "at its table in conf/sources.yaml."
            )
        missing = next((name for name in columns if name not in names), columns[0])
        other = [name for name in names if name.casefold() == missing.casefold()]
        mend = f'it has "{other[0]}": write it alike' if other else "correct the name"
        if alike := [name for name in names if without_place(name) == without_place(missing)]:
            listed = ", ".join(f'"{name}"' for name in alike)
            raise MlopsError(
                f'{file.as_posix()} has no column "{missing}", which {asked}: it has {listed}: '
                "name the one that is meant."
            )
        raise MlopsError(
            f'{file.as_posix()} has no column "{missing}", which {asked} '
            f"({counted(len(names), 'column')} found); {mend}, or give the file a header line, or "
            "declare `header: false` at its table."
        )
    return found


def _without_header(file: Path, lines: list[str], dialect: Dialect) -> Layout:
    names = dialect.names or ()
    if dialect.labels:
        raise MlopsError(
            f"{file.as_posix()}: `labels` stand under a header line, and its table declares that "
            "it has none: take one of both out."
        )
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise MlopsError(
            f'{file.as_posix()}: `header` of its table names "{twice}" twice; give each column a '
            "name of its own."
        )
    if lines and stated(lines[0]):
        raise MlopsError(
            f"{file.as_posix()} begins with a line that states its delimiter (sep=), and its table "
            "declares that it has no header line: take that line out, or `header`."
        )
    delimiters = (dialect.delimiter,) if dialect.delimiter else DELIMITERS
    first = {by: header_at(lines, 0, by, dialect).names for by in delimiters}
    fitting = [by for by in delimiters if len(first[by]) == len(names)]
    empty = not "".join(lines).removeprefix(BYTE_ORDER_MARK).strip("\r\n")
    if empty or len(names) == 1:
        fitting = [dialect.delimiter or ","]
    if len(fitting) != 1:
        raise MlopsError(
            f"{file.as_posix()} has no header line as its table declares, and its first record "
            f"does not show {counted(len(names), 'cell')} by one delimiter alone; declare "
            "`delimiter`, or list all columns under `header`."
        )
    if lines and first.get(fitting[0]) == names:
        raise MlopsError(
            f"{file.as_posix()} begins with a line of the names themselves, and its table declares "
            "that it has no header line; take `header` out of conf/sources.yaml."
        )
    start = len(BYTE_ORDER_MARK) if lines and lines[0].startswith(BYTE_ORDER_MARK) else 0
    return Layout(fitting[0], names, start)


def _records(lines: list[str], delimiter: str) -> list[list[str]]:
    csv.field_size_limit(sys.maxsize)
    return [record for record in csv.reader(lines, delimiter=delimiter) if record]
