"""Rows that bring their names with them, as columns of text: what JSON and XML have in common."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError

if TYPE_CHECKING:
    import polars

BATCH = 65_536
Check = Callable[[int, str, Any], None]


def batches(
    file: Path,
    texts: Mapping[str, Callable[[Any], str | None]],
    asked: str,
    records: Iterator[tuple[int, Mapping[str, Any]]],
    checks: Mapping[str, Check],
) -> "Iterator[polars.DataFrame]":
    """Read the declared columns of records as text, some rows at a time.

    A name that a record does not have is a missing value there, but a name that no record has, or
    one of another case, is refused.

    Parameters
    ----------
    texts : mapping
        By declared column, what gives a value as it is written.
    asked : str
        Who declares the columns, for messages.
    records : iterator
        The line where each stands, and its values by their names.
    checks : mapping
        By column, what refuses a value; it is told the line, the column and the value.

    Raises
    ------
    MlopsError
        As said; the message names the line.
    """
    import polars as pl

    columns = list(texts)
    schema = dict.fromkeys(columns, pl.String)
    checked = [(at, name, checks[name]) for at, name in enumerate(columns) if name in checks]
    writers = list(texts.values())
    seen: set[str] = set()
    count = 0
    while some := list(islice(records, BATCH)):
        rows = []
        for number, record in some:
            if not seen.issuperset(record):
                _check_case(file, number, record, columns)
                seen |= record.keys()
            found = [record.get(column) for column in columns]
            for at, name, check in checked:
                check(number, name, found[at])
            rows.append([text(value) for text, value in zip(writers, found, strict=True)])
        count += len(rows)
        try:
            yield pl.DataFrame(rows, schema=schema, orient="row")
        except UnicodeEncodeError:
            raise _halved(file, [number for number, _ in some], rows, columns) from None
    if not count:
        yield pl.DataFrame(schema=schema)
    elif missing := [column for column in columns if column not in seen]:
        raise MlopsError(
            f'{file.as_posix()} has no "{missing[0]}" in any line, which {asked}; correct the name.'
        )


def _halved(
    file: Path, numbers: list[int], rows: list[list[str | None]], columns: list[str]
) -> MlopsError:
    """Name the first value that holds half of a letter, as JSON can write it: `\\ud83d` alone."""
    places = ((number, name, value) for number, row in zip(numbers, rows, strict=True)
              for name, value in zip(columns, row, strict=True) if value is not None)  # fmt: skip
    number, name = next((number, name) for number, name, value in places
                        if any("\ud800" <= letter <= "\udfff" for letter in value))  # fmt: skip
    return MlopsError(
        f'{file.as_posix()}, line {number:,}: "{name}" holds half of a letter (a lone surrogate), '
        "which no text can; mend it there."
    )


def _check_case(file: Path, number: int, record: Mapping[str, Any], columns: list[str]) -> None:
    folded = {name.casefold(): name for name in record}
    for column in columns:
        if column not in record and (other := folded.get(column.casefold())):
            if other in columns:
                continue
            raise MlopsError(
                f'{file.as_posix()}, line {number:,}, has "{other}" where "{column}" is declared; '
                "write both alike."
            )
