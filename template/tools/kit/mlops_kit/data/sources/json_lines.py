"""JSON lines as columns of text: each value as it is written, each name exactly."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import NUMBERS, Table
from mlops_kit.data.opened import open_utf8
from mlops_kit.data.values.numbers import GROUPED

if TYPE_CHECKING:
    import polars

BATCH = 65_536
LITERALS = {True: "true", False: "false", None: None}


class Number(str):
    """A number as it is written."""


def values_of(line: str | bytes, columns: list[str]) -> list[str | None] | None:
    """Return the values of one line as texts; None for a blank line.

    Raises
    ------
    ValueError
        When the line is no JSON object, or has a name twice.
    """
    record = _record(line)
    return None if record is None else [_text(record.get(column)) for column in columns]


def names_in(file: Path, table: Table) -> set[str]:
    """Return every name that a line of the file has."""
    with open_utf8(file, table.encoding, table.compression) as stream:
        records = (_in_line(file, number, line) for number, line in enumerate(stream, 1))
        return {name for record in records for name in record or ()}


def batches(file: Path, table: Table, asked: str) -> "Iterator[polars.DataFrame]":
    """Read the declared columns of JSON lines as text, some rows at a time.

    A name that a line does not have is a missing value there, but a name that no line has, or one
    of another case, is refused.

    Raises
    ------
    MlopsError
        As said, or when a line is no JSON object; the message names it.
    """
    import polars as pl

    columns = list(table.columns)
    schema = dict.fromkeys(columns, pl.String)
    numeric = [(at, name) for at, name in enumerate(columns) if table.columns[name].kind in NUMBERS]
    seen: set[str] = set()
    lines = 0
    with open_utf8(file, table.encoding, table.compression) as stream:
        rest = enumerate(stream, 1)
        while some := list(islice(rest, BATCH)):
            rows = []
            for number, line in some:
                record = _in_line(file, number, line)
                if record is None:
                    continue
                if not seen.issuperset(record):
                    _check_case(file, number, record, columns)
                    seen |= record.keys()
                found = [record.get(column) for column in columns]
                for at, name in numeric:
                    _check_reading(file, number, name, found[at])
                rows.append([_text(value) for value in found])
            lines += len(rows)
            yield pl.DataFrame(rows, schema=schema, orient="row")
    if not lines:
        yield pl.DataFrame(schema=schema)
    elif missing := [column for column in columns if column not in seen]:
        raise MlopsError(
            f'{file.as_posix()} has no "{missing[0]}" in any line, which {asked}; correct the name.'
        )


def _in_line(file: Path, number: int, line: bytes) -> dict[str, Any] | None:
    try:
        return _record(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
    except UnicodeDecodeError as error:
        raise MlopsError(
            f"{file.as_posix()}, line {number:,}, is not UTF-8: name its encoding, such as "
            "`encoding: cp1252`, at its table in conf/sources.yaml."
        ) from error
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, _Twice) else "it is no whole JSON object"
        raise MlopsError(
            f"{file.as_posix()}, line {number:,}, cannot be read ({reason}): mend it there."
        ) from error


class _Twice(ValueError):
    """A name stands twice in one object."""


def _record(line: str | bytes) -> dict[str, Any] | None:
    if not line.strip():
        return None
    text = line.decode() if isinstance(line, bytes) else line
    record = json.loads(
        text, object_pairs_hook=_once, parse_float=Number, parse_int=Number, parse_constant=Number
    )
    if not isinstance(record, dict):
        raise ValueError("no object")
    return record


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Twice("a name stands twice in it")
    return found


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, dict | list):
        return _compact(value)
    return LITERALS[value]


def _compact(value: Any) -> str:
    """Write a list or an object as JSON, numbers as they were."""
    if isinstance(value, dict):
        inside = ", ".join(f"{json.dumps(key)}: {_compact(one)}" for key, one in value.items())
        return "{" + inside + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_compact, value))}]"
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def _check_case(file: Path, number: int, record: dict[str, Any], columns: list[str]) -> None:
    folded = {name.casefold(): name for name in record}
    for column in columns:
        if column not in record and (other := folded.get(column.casefold())):
            if other in columns:
                continue
            raise MlopsError(
                f'{file.as_posix()}, line {number:,}, has "{other}" where "{column}" is declared; '
                "write both alike."
            )


def _check_reading(file: Path, number: int, column: str, value: Any) -> None:
    """Refuse a text with a point or comma that may stand between thousands; a number is clear."""
    if isinstance(value, str) and not isinstance(value, Number) and GROUPED.match(value):
        raise MlopsError(
            f'{file.as_posix()}, line {number:,}: "{column}" is a text such as "1.500" or "3,5", '
            "whose point or comma may stand before the fraction or between thousands; write a "
            "number of JSON, without quotes."
        )
