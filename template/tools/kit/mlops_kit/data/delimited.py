"""Reading csv as RFC 4180 writes it: `"` around a value, `""` inside it, nothing guessed.

Only the delimiter is found out, and only from the header line, which must name the columns that are
asked for. What does not fit is refused, never dropped or changed.
"""

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.core.errors import MlopsError

if TYPE_CHECKING:
    import polars

DELIMITERS = (",", ";", "\t", "|")
MOST_BEFORE = 100  # lines of explanation that may stand before the header line
BLOCK = 2**24  # bytes that are read at once; a record must fit
BYTE_ORDER_MARK = "\xef\xbb\xbf"  # of UTF-8, each byte as one character


@dataclass(frozen=True)
class Layout:
    """How a csv is laid out: its delimiter, its header, and the byte where the records begin."""

    delimiter: str
    names: tuple[str, ...]
    start: int


def layout(file: Path, columns: Sequence[str], asked: str = "is asked for") -> Layout:
    """Find the header line, which holds all of these columns, and the delimiter that shows them.

    Parameters
    ----------
    asked : str
        Who asks for the columns, for a message.

    Raises
    ------
    MlopsError
        When no line near the beginning names all columns, or one of them twice, or when the file
        is not quoted as RFC 4180 asks.
    """
    lines = list(islice(_lines(file), MOST_BEFORE))
    found = None
    for above in range(len(lines)):
        layouts = [_header(lines, above, by) for by in DELIMITERS]
        found = next((one for one in layouts if set(columns) <= set(one.names)), None)
        if found is not None:
            break
    if found is None:
        names = max((_header(lines, 0, by).names for by in DELIMITERS), key=len)
        missing = next((name for name in columns if name not in names), columns[0])
        raise MlopsError(
            f'{file.as_posix()} has no column "{missing}", which {asked} '
            f"({len(names)} columns found); correct the name, or give the file a header line."
        )
    if twice := next((name for name in columns if found.names.count(name) > 1), None):
        raise MlopsError(
            f'{file.as_posix()} has two columns "{twice}"; rename one of them in its header line.'
        )
    _check_quotes(file, found)
    return found


def read_csv(file: Path, columns: Sequence[str], asked: str = "is asked for") -> "polars.DataFrame":
    """Read columns of a csv as text; an empty cell is null.

    Raises
    ------
    MlopsError
        As layout(), and when a record has more or fewer cells than the header line.
    """
    import polars as pl
    import pyarrow
    from pyarrow import csv as arrow

    found = layout(file, columns, asked)
    # Numbers, because names of columns that nobody asks for may come twice.
    names = [str(place) for place in range(len(found.names))]
    chosen = [str(found.names.index(column)) for column in columns]
    with file.open("rb") as stream:
        stream.seek(found.start)
        if not any(block.strip(b"\r\n") for block in iter(lambda: stream.read(BLOCK), b"")):
            return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))  # refused by Arrow
        stream.seek(found.start)
        try:
            table = arrow.read_csv(
                stream,
                arrow.ReadOptions(column_names=names, block_size=BLOCK),
                arrow.ParseOptions(
                    delimiter=found.delimiter,
                    quote_char='"',
                    double_quote=True,
                    escape_char=False,
                    newlines_in_values=True,
                ),
                arrow.ConvertOptions(
                    column_types=dict.fromkeys(chosen, pyarrow.string()),
                    include_columns=chosen,
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
        except pyarrow.ArrowException as error:
            # Only what comes before the third colon: then it shows the record itself.
            reason = ":".join(str(error).splitlines()[0].split(":")[:2])
            raise MlopsError(
                f"{file.as_posix()} cannot be read as csv ({reason}, delimiter "
                f"{found.delimiter!r}): write UTF-8, and each record with the cells of the header "
                'line; put a value that holds a delimiter or a line break between quotes (").'
            ) from error
    return pl.DataFrame(pl.from_arrow(table.rename_columns(list(columns))))


def delimiter_of(sample: str) -> str:
    """Return the delimiter by which most records of a text have as many cells as the first.

    For text of unknown columns; `,` when nothing speaks for another.
    """
    best, most = ",", 0.0
    for by in DELIMITERS:
        widths = [len(record) for record in _records(sample.splitlines(keepends=True), by)]
        widths = widths[:-1] if len(widths) > 2 else widths  # the last one may be cut
        if widths and widths[0] > 1:
            share = sum(width == widths[0] for width in widths) / len(widths)
            best, most = (by, share) if share > most else (best, most)
    return best


def _lines(file: Path) -> Iterator[str]:
    """Return lines of which each character is one byte, so that their lengths give positions."""
    with file.open("rb") as stream:
        yield from io.TextIOWrapper(stream, encoding="latin-1", newline="")


def _header(lines: list[str], above: int, delimiter: str) -> Layout:
    marked = [
        line.removeprefix(BYTE_ORDER_MARK) if not at else line for at, line in enumerate(lines)
    ]
    reader = csv.reader(marked[above:], delimiter=delimiter)
    names = next(reader, [])
    start = sum(map(len, lines[: above + reader.line_num]))
    shown = (name.encode("latin-1").decode("utf-8", "replace").strip() for name in names)
    return Layout(delimiter, tuple(shown), start)


def _check_quotes(file: Path, found: Layout) -> None:
    """Refuse what readers take in different ways: text after a closing quote, or none closing."""
    with file.open("rb") as stream:
        if not any(b'"' in block for block in iter(lambda: stream.read(BLOCK), b"")):
            return
        stream.seek(found.start)
        lines = io.TextIOWrapper(stream, encoding="latin-1", newline="")
        reader = csv.reader(lines, delimiter=found.delimiter, strict=True)
        csv.field_size_limit(sys.maxsize)
        try:
            for _ in reader:
                pass
        except csv.Error as error:
            raise MlopsError(
                f"{file.as_posix()} cannot be read as csv (a quote before line "
                f"{reader.line_num:,} of the records is not closed, or text follows it): write a "
                'quote inside of a value twice (""), as RFC 4180 asks, not with a backslash.'
            ) from error


def _records(lines: list[str], delimiter: str) -> list[list[str]]:
    csv.field_size_limit(sys.maxsize)
    return [record for record in csv.reader(lines, delimiter=delimiter) if record]
