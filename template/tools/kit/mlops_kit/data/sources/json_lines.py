"""JSON lines as columns of text: each value as it is written, each name exactly."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import from_json
from mlops_kit.data.config import Table
from mlops_kit.data.opened import open_utf8
from mlops_kit.data.sources import records
from mlops_kit.data.sources.inside import Opener
from mlops_kit.data.types import NUMBERS, PARTS
from mlops_kit.data.values.json_text import EXACTLY, Number, Twice, document_of, text_of
from mlops_kit.data.values.numbers import GROUPED

if TYPE_CHECKING:
    import polars


def values_of(line: str | bytes, columns: list[str]) -> list[str | None] | None:
    """Return the values of one line as texts; None for a blank line.

    Raises
    ------
    ValueError
        When the line is no JSON object, or has a name twice.
    """
    record = _record(line)
    return None if record is None else texts_of(record, columns)


def texts_of(record: dict[str, Any], columns: list[str]) -> list[str | None]:
    """Return the values of some columns as texts, wherever in the record they stand.

    Raises
    ------
    ValueError
        As `Opener.opened`.
    """
    found = Opener(columns).opened(record)
    return [text_of(found.get(column)) for column in columns]


def objects_in(file: Path, table: Table) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read the object of each line, with the number of the line.

    Raises
    ------
    MlopsError
        When a line is no JSON object; the message names it.
    """
    with open_utf8(file, table.encoding, table.compression) as stream:
        for number, line in enumerate(stream, 1):
            if (record := _in_line(file, number, line)) is not None:
                yield number, record


def names_of(file: Path, table: Table, found: Iterable[tuple[int, dict[str, Any]]]) -> list[str]:
    """Return every name of some objects; in place of one that holds declared columns, theirs."""
    opener = Opener(table.columns)
    names: dict[str, None] = {}
    for number, record in found:
        names.update(dict.fromkeys(_opened(file, number, record, opener)))
    return [name for name in names if name not in opener.objects or name in table.columns]


def batches(file: Path, table: Table, asked: str) -> "Iterator[polars.DataFrame]":
    """Read the declared columns of JSON lines as text, some rows at a time.

    Raises
    ------
    MlopsError
        When a line is no JSON object, or no line has a name; the message names it.
    """
    yield from of_records(file, table, asked, objects_in(file, table))


def of_records(
    file: Path, table: Table, asked: str, found: Iterator[tuple[int, dict[str, Any]]]
) -> "Iterator[polars.DataFrame]":
    """Read the declared columns of objects, each with its line, read as `EXACTLY` says."""

    def check(number: int, column: str, value: Any) -> None:
        _check_reading(file, number, column, value)

    numeric = {name: check for name, one in table.columns.items() if one.kind in NUMBERS}
    documents = {
        name: document_of for name, one in table.columns.items() if one.kind in ("json", *PARTS)
    }
    columns = dict.fromkeys(table.columns, text_of) | documents
    opener = Opener(columns)
    opened = ((number, _opened(file, number, record, opener)) for number, record in found)
    return records.batches(file, columns, asked, opened, numeric)


def _opened(file: Path, number: int, record: dict[str, Any], opener: Opener) -> dict[str, Any]:
    try:
        return opener.opened(record)
    except ValueError as error:
        raise MlopsError(
            f"{file.as_posix()}, line {number:,}, cannot be read ({error}): mend it there, or "
            "declare the object as a whole (`type: json`)."
        ) from error


def _in_line(file: Path, number: int, line: bytes) -> dict[str, Any] | None:
    try:
        return _record(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
    except UnicodeDecodeError as error:
        raise MlopsError(
            f"{file.as_posix()}, line {number:,}, is not UTF-8: name its encoding, such as "
            "`encoding: cp1252`, at its table in conf/sources.yaml."
        ) from error
    except ValueError as error:
        reason = str(error) if isinstance(error, Twice) else "it is no whole JSON object"
        raise MlopsError(
            f"{file.as_posix()}, line {number:,}, cannot be read ({reason}): mend it there."
        ) from error


def _record(line: str | bytes) -> dict[str, Any] | None:
    if not line.strip():
        return None
    record = from_json(line.decode() if isinstance(line, bytes) else line, **EXACTLY)
    if not isinstance(record, dict):
        raise ValueError("no object")
    return record


def _check_reading(file: Path, number: int, column: str, value: Any) -> None:
    """Refuse a text with a point or comma that may stand between thousands; a number is clear."""
    if isinstance(value, str) and not isinstance(value, Number) and GROUPED.match(value):
        raise MlopsError(
            f'{file.as_posix()}, line {number:,}: "{column}" is a text such as "1.500" or "3,5", '
            "whose point or comma may stand before the fraction or between thousands; write a "
            "number of JSON, without quotes."
        )
