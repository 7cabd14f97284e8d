"""JSON lines as columns of text: each value as it is written, each name exactly."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import NUMBERS, Table
from mlops_kit.data.opened import open_utf8
from mlops_kit.data.sources import records
from mlops_kit.data.values.numbers import GROUPED

if TYPE_CHECKING:
    import polars

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
    return None if record is None else [text_of(record.get(column)) for column in columns]


def names_in(file: Path, table: Table) -> set[str]:
    """Return every name that a line of the file has."""
    with open_utf8(file, table.encoding, table.compression) as stream:
        objects = (_in_line(file, number, line) for number, line in enumerate(stream, 1))
        return {name for record in objects for name in record or ()}


def batches(file: Path, table: Table, asked: str) -> "Iterator[polars.DataFrame]":
    """Read the declared columns of JSON lines as text, some rows at a time.

    Raises
    ------
    MlopsError
        When a line is no JSON object, or no line has a name; the message names it.
    """
    with open_utf8(file, table.encoding, table.compression) as stream:
        lines = ((number, _in_line(file, number, line)) for number, line in enumerate(stream, 1))
        found = ((number, record) for number, record in lines if record is not None)
        yield from of_records(file, table, asked, found)


def of_records(
    file: Path, table: Table, asked: str, found: Iterator[tuple[int, dict[str, Any]]]
) -> "Iterator[polars.DataFrame]":
    """Read the declared columns of objects, each with its line, read as `EXACTLY` says."""

    def check(number: int, column: str, value: Any) -> None:
        _check_reading(file, number, column, value)

    numeric = {name: check for name, one in table.columns.items() if one.kind in NUMBERS}
    return records.batches(file, list(table.columns), asked, found, text_of, numeric)


def _in_line(file: Path, number: int, line: bytes) -> dict[str, Any] | None:
    try:
        return _record(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
    except UnicodeDecodeError as error:
        raise MlopsError(
            f"{file.as_posix()}, line {number:,}, is not UTF-8: name its encoding, such as "
            "`encoding: cp1252`, at its table in conf/sources.yaml."
        ) from error
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, Twice) else "it is no whole JSON object"
        raise MlopsError(
            f"{file.as_posix()}, line {number:,}, cannot be read ({reason}): mend it there."
        ) from error


class Twice(ValueError):
    """A name stands twice in one object."""


def _record(line: str | bytes) -> dict[str, Any] | None:
    if not line.strip():
        return None
    record = json.loads(line.decode() if isinstance(line, bytes) else line, **EXACTLY)
    if not isinstance(record, dict):
        raise ValueError("no object")
    return record


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Twice("a name stands twice in it")
    return found


# How JSON is read: numbers as they are written, each name once.
EXACTLY: dict[str, Any] = {
    "object_pairs_hook": _once,
    "parse_float": Number,
    "parse_int": Number,
    "parse_constant": Number,
}


def text_of(value: Any) -> str | None:
    """Return a value of JSON as it is written; None for null."""
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


def _check_reading(file: Path, number: int, column: str, value: Any) -> None:
    """Refuse a text with a point or comma that may stand between thousands; a number is clear."""
    if isinstance(value, str) and not isinstance(value, Number) and GROUPED.match(value):
        raise MlopsError(
            f'{file.as_posix()}, line {number:,}: "{column}" is a text such as "1.500" or "3,5", '
            "whose point or comma may stand before the fraction or between thousands; write a "
            "number of JSON, without quotes."
        )
