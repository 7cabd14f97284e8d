"""Reading csv as RFC 4180 says: quotes are `"`, one inside is `""`, all through the file.

Nothing is guessed from the first rows. The delimiter is the one with which the header names the
declared columns.
"""

import csv
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import MlopsError

if TYPE_CHECKING:
    import duckdb
    import polars

DELIMITERS = (",", ";", "\t", "|")
HEADER_WITHIN = 50  # lines, of titles and notes that stand above the header
ADVICE = (
    'a value with the delimiter, a line end or a quote stands in double quotes ("), and a quote '
    'inside is written twice ("")'
)


class Layout(NamedTuple):
    """How a csv file is written: its delimiter, the lines above its header, and the header."""

    delimiter: str
    skipped: int
    header: list[str]

    @property
    def dialect(self) -> dict[str, Any]:
        """The same for Python's csv module, which then refuses what is not RFC 4180."""
        return {"delimiter": self.delimiter, "quotechar": '"', "doublequote": True, "strict": True}


def layout_of(file: Path, columns: Sequence[str], table: str = "") -> Layout:
    """Find the header, and the delimiter with which it names all of `columns`.

    Raises
    ------
    MlopsError
        When no line near the top does, or a column stands twice in it, or the text is not UTF-8.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            lines = list(itertools.islice(stream, HEADER_WITHIN))
    except UnicodeDecodeError as error:
        raise MlopsError(
            f"{file.as_posix()} is not text in UTF-8; save it as csv in UTF-8."
        ) from error
    nearest = Layout(",", 0, [])
    for skipped in range(len(lines)):
        for delimiter in DELIMITERS:
            found = Layout(delimiter, skipped, _record(lines[skipped:], delimiter))
            known = set(columns) & set(found.header)
            if len(known) == len(set(columns)):
                twice = [name for name in columns if found.header.count(name) > 1]
                if twice:
                    raise MlopsError(
                        f'{file.as_posix()} has the column "{twice[0]}" more than once; '
                        "rename or remove one."
                    )
                return found
            if (len(known), len(found.header) * (not skipped)) > (
                len(set(columns) & set(nearest.header)),
                len(nearest.header),
            ):
                nearest = found
    missing = next(name for name in columns if name not in nearest.header)
    declared = f', which table "{table}" of conf/sources.yaml declares' if table else ""
    raise MlopsError(
        f'{file.as_posix()} has no column "{missing}"{declared} ({len(nearest.header)} columns '
        "found); correct the name, or give the file a header line."
    )


def _record(lines: list[str], delimiter: str) -> list[str]:
    try:
        return next(csv.reader(lines, delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def read_csv(
    connection: "duckdb.DuckDBPyConnection", file: Path, columns: Sequence[str], table: str
) -> "polars.DataFrame":
    """Read columns of a csv file as text; an empty value, quoted or not, is missing.

    Raises
    ------
    MlopsError
        When the file is not what it should be; nothing is left out instead.
    duckdb.Error
        When a line has another number of values, or a quote in the wrong place.
    """
    layout = layout_of(file, columns, table)
    relation = connection.read_csv(
        file.as_posix(),
        header=True,
        auto_detect=False,
        delimiter=layout.delimiter,
        quotechar='"',
        escapechar='"',
        comment="",  # DuckDB would take a first value that begins with # for a remark
        skiprows=layout.skipped,
        parallel=False,
        columns={f"c{place}": "VARCHAR" for place in range(len(layout.header))},  # type: ignore[arg-type]
    )
    chosen = ", ".join(f"c{layout.header.index(name)} AS {_identifier(name)}" for name in columns)
    frame = relation.project(chosen).pl()
    _check_complete(file, layout, frame.height)
    return frame


def _check_complete(file: Path, layout: Layout, rows: int) -> None:
    """Refuse a quote that is never closed: DuckDB drops the rows behind it without a word."""
    if not _has_quotes(file):
        return
    csv.field_size_limit(sys.maxsize)
    one = len(layout.header) == 1  # there, an empty line is a missing value
    with file.open(encoding="utf-8-sig", newline="") as stream:
        lines = itertools.islice(stream, layout.skipped, None)
        reader = csv.reader(lines, **layout.dialect)
        try:
            next(reader)
            found = sum(1 for record in reader if record or one)
        except csv.Error as error:
            raise MlopsError(
                f"{file.as_posix()} cannot be read as csv (line {reader.line_num:,}: {error}): "
                f"{ADVICE}."
            ) from error
    if found != rows:
        raise MlopsError(
            f"{file.as_posix()} cannot be read as csv: its quotes give {found:,} or {rows:,} rows; "
            f"{ADVICE}."
        )


def _has_quotes(file: Path) -> bool:
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            if b'"' in block:
                return True
    return False


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
