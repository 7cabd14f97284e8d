"""Which files a table is made of, and their rows by the names of their columns."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.words import counted
from mlops_kit.data import delimited
from mlops_kit.data.config import SOURCES_FILE, Files, Table
from mlops_kit.data.dialect import dialect_of, without_place
from mlops_kit.data.opened import PACKED
from mlops_kit.data.sources import json_array, json_lines, parquet, xml_records

if TYPE_CHECKING:
    import polars

FORMATS = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), "csv"),
    **dict.fromkeys((".jsonl", ".ndjson"), "jsonl"),
    ".parquet": "parquet",
    ".json": "json",
    ".xml": "xml",
}
# Endings of what often stands beside data: it is data only where there is none of another ending.
BESIDE = ((".json", ".xml"), (".txt",))
OTHERWISE_PACKED = (".zst", ".zip", ".7z", ".lz4", ".tar", ".tgz")  # which is not read
OF_CSV = ("delimiter", "quote", "escape", "header", "labels")
OF_NUMBERS = ("decimal", "thousands")
# Options that mean nothing for a format, which would be declared in vain.
IN_VAIN = {
    "csv": ("records",),
    "jsonl": ("records", *OF_CSV, *OF_NUMBERS),
    "json": (*OF_CSV, *OF_NUMBERS),
    "xml": OF_CSV,
    "parquet": ("records", *OF_CSV, *OF_NUMBERS, "encoding", "compression"),
}
# Formats whose rows bring their names with them.
OBJECTS = {"jsonl": json_lines.objects_in, "json": json_array.objects_in}
NAMED = {"jsonl": json_lines.batches, "json": json_array.batches, "xml": xml_records.batches}


class Found(NamedTuple):
    """The files of a table in the order of their names, their format, and what is not read."""

    files: list[Path]
    format: str
    not_read: list[Path]


def find(source: Files, name: str, table: Table) -> Found:
    """Find the files of a table: one file, or every file of a folder that has its format.

    A path that exists is that file, whatever characters are in its name.

    Raises
    ------
    MlopsError
        When there is none, they have several formats, or the same stands there twice.
    """
    place = source.place(name, table)
    reads = f'table "{name}" of {SOURCES_FILE.as_posix()} reads it'
    if place.is_file():
        kind = table.format or format_of(place)
        if kind is None:
            packed = place.suffix.lower() in OTHERWISE_PACKED
            mend = "unpack it" if packed else "declare `format` there, or rename the file"
            raise MlopsError(
                f"{place.as_posix()} has no ending of a known format ({', '.join(FORMATS)}, packed "
                f"by {', '.join(PACKED)} or not), and {reads}: {mend}."
            )
        return _checked(Found([place], kind, []), name, table)
    if not place.is_dir():
        raise MlopsError(f"{place.as_posix()} does not exist; {reads}: {source.absent()}.")
    inside = sorted(place.iterdir())
    formats = {
        file: format_of(file) for file in inside if file.is_file() and not file.name.startswith(".")
    }
    for endings in BESIDE:
        if any(kind and _ending(file) not in endings for file, kind in formats.items()):
            formats = {file: one for file, one in formats.items() if _ending(file) not in endings}
    first_of: dict[str, Path] = {}
    for file, kind in formats.items():
        if kind is not None:
            first_of.setdefault(kind, file)
    if table.format is None and len(first_of) > 1:
        first, second = (file.name for file in list(first_of.values())[:2])
        raise MlopsError(
            f"{place.as_posix()} holds files of several formats, such as {first} and {second}, and "
            f"{reads}: declare `format` there, and the others are not read, or move them away."
        )
    kind = table.format or next(iter(first_of), None)
    files = [file for file, its in formats.items() if its == kind]
    if not files and table.format:  # such as part-00000, beside _SUCCESS
        files = [file for file, its in formats.items() if not its and file.name[0] != "_"]
    if kind is None or not files:
        deeper = next((one for one in sorted(place.rglob("*")) if format_of(one)), None)
        mend = "put the files there or correct the path" if deeper is None else (
            f"{deeper.relative_to(place).as_posix()} lies in a folder inside, and those are not "
            "read: name that folder as the path, or write one table of all (of folders such as "
            "year=2026, DuckDB does: COPY (FROM read_parquet('.../**/*.parquet', hive_partitioning "
            "= true)) TO 'all.parquet')"
        )  # fmt: skip
        raise MlopsError(
            f"{place.as_posix()} holds no file that ends in {', '.join(FORMATS)}, packed or not, "
            f"and {reads}: {mend}."
        )
    by_name: dict[str, Path] = {}
    for file in files:
        bare = file.name.lower().removesuffix(_packing(file)).removesuffix(_ending(file))
        if bare in by_name:
            raise MlopsError(
                f"{place.as_posix()} holds {by_name[bare].name} and {file.name}, which look like "
                f"the same data twice, and {reads}: leave one of them there."
            )
        by_name[bare] = file
    others = sorted(set(inside) - set(files))
    return _checked(Found(files, kind, others), name, table)


def shown(found: Found, table: Table, names: list[str]) -> list[str]:
    """Which of some names are columns of the first file.

    Raises
    ------
    MlopsError
        When the file cannot be read, or a csv has none of them.
    """
    file = found.files[0]
    if found.format == "parquet":
        columns = set(parquet.schema(file).names)
    elif objects_in := OBJECTS.get(found.format):
        columns = set(json_lines.names_of(file, table, objects_in(file, table)))
    elif found.format == "xml":
        columns = set(xml_records.names_in(file, table)[0])
    else:
        columns = set()
        for name in names:
            with contextlib.suppress(MlopsError):
                columns |= set(delimited.layout(file, [name], dialect=dialect_of(table)).names)
                break
        else:
            delimited.layout(file, names[:1], dialect=dialect_of(table))
        bare = [without_place(name) for name in columns - set(names)]
        if twice := [name for name in names if name in bare]:
            delimited.layout(file, twice, dialect=dialect_of(table))  # says what to do
    return [name for name in names if name in columns]


def read(
    source: Files, name: str, table: Table
) -> "Iterator[tuple[Path, Iterator[polars.DataFrame]]]":
    """Read the declared columns of a table by their names, file by file, some rows at a time.

    Returns
    -------
    iterator of Path and iterator of polars.DataFrame
        Text, or of parquet its own types; the contract casts them.

    Raises
    ------
    MlopsError
        When a file lacks a column, is damaged, or has other columns than the first one.
    """
    found = find(source, name, table)
    asked = f'table "{name}" of {SOURCES_FILE.as_posix()} declares'
    columns = list(table.columns)
    if found.format in NAMED:
        return ((file, NAMED[found.format](file, table, asked)) for file in found.files)
    if found.format == "csv":
        dialect = dialect_of(table)
        layouts = {file: delimited.layout(file, columns, asked, dialect) for file in found.files}
        _check_same({file: one.names for file, one in layouts.items()})
        return (
            (file, delimited.batches(file, columns, one, dialect)) for file, one in layouts.items()
        )
    schemas = {file: parquet.schema(file).names for file in found.files}
    for file, names in schemas.items():
        _check_columns(file, columns, names, asked)
    _check_same({file: tuple(names) for file, names in schemas.items()})
    return ((file, parquet.batches(file, columns)) for file in found.files)


def _ending(file: Path) -> str:
    """The ending that says the format, in lower case and without that of the packing."""
    name = file.name.lower().removesuffix(_packing(file))
    return Path(name).suffix


def _packing(file: Path) -> str:
    suffix = file.suffix.lower()
    return suffix if suffix in PACKED else ""


def format_of(file: Path) -> str | None:
    """Return what a file is by the ending of its name, packed or not."""
    return FORMATS.get(_ending(file))


def _checked(found: Found, name: str, table: Table) -> Found:
    vain = [key for key in IN_VAIN[found.format] if key in table.model_fields_set]
    if vain:
        raise MlopsError(
            f"{SOURCES_FILE.as_posix()}: tables.{name}.{vain[0]} says nothing about "
            f"{found.format}, which {found.files[0].as_posix()} is; take it out."
        )
    return found


def _check_columns(file: Path, columns: list[str], names: list[str], asked: str) -> None:
    missing = next((column for column in columns if column not in names), None)
    if missing is not None:
        alike = without_place(missing).casefold()
        other = [name for name in names if without_place(name).casefold() == alike]
        mend = f'it has "{other[0]}": write it alike' if other else "correct the name"
        raise MlopsError(
            f'{file.as_posix()} has no column "{missing}", which {asked} '
            f"({counted(len(names), 'column')} found); {mend}."
        )


def _check_same(headers: dict[Path, tuple[str, ...]]) -> None:
    """Refuse files of one table whose columns differ, in whatever order they stand."""
    first, *others = headers
    for file in others:
        ours, theirs = set(headers[first]), set(headers[file])
        if ours != theirs:
            only = next(iter(sorted(theirs - ours) or sorted(ours - theirs)))
            who = "that {1} has not" if only in theirs else "that only {1} has"
            raise MlopsError(
                f"{file.as_posix()} has other columns than {first.name}: the column "
                f'"{only}" is one {who.format(0, first.name)}; give the files of a table the same '
                "columns, or make two tables of them."
            )
