"""A file or a folder as one table: everything that all of its rows show."""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import scratch_beside
from mlops_kit.core.words import counted
from mlops_kit.data.config import RESERVED_TABLES, Column, Table
from mlops_kit.data.describing.columns import column as columns
from mlops_kit.data.describing.columns.column import Seen
from mlops_kit.data.describing.columns.numbers import settle_numbers, tell_odd_rows
from mlops_kit.data.describing.kept import keep, kept
from mlops_kit.data.describing.written import Written, texts, written
from mlops_kit.data.dialect import NO_NAME, without_place
from mlops_kit.data.sources.missing import no_column
from mlops_kit.data.values.cast import cast

KEY = re.compile(
    r"(?:^|[_\s.-])(?:id|key|code|codigo|uuid|guid|number|numero|no|nr|nro|num|ref)$", re.I
)
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# What programs call the number of a row, where they give it a name.
COUNTER = re.compile(
    rf"{NO_NAME}|unnamed\W.*|index|x1?|v1|#|obs|row\W?(?:names?|id|num(?:ber)?|no)?", re.I
)
TYPES_OF_KEYS = ("integer", "string")


@dataclass
class Described:
    """A table: its files, how they are written, its columns, and what has to be asked."""

    name: str
    place: Path
    files: list[Path]
    not_read: list[Path]
    written: Written
    table: Table
    rows: int
    columns: dict[str, Seen]
    questions: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def read(self) -> dict[str, Seen]:
        """The columns that are worth reading."""
        return {name: one for name, one in self.columns.items() if not one.left_out}

    @property
    def keys(self) -> list[str]:
        """Columns that identify a row: each of their values stands once."""
        return [
            one.name for one in self.read.values() if one.is_unique and one.type in TYPES_OF_KEYS
        ]

    def asked(self) -> list[str]:
        """All questions, of the table and of its columns."""
        return self.questions + [
            f"{one.name}: {said}" for one in self.columns.values() for said in one.questions
        ]


def table_name(place: Path) -> str:
    """Name a table by its file or folder, in letters that SQL takes."""
    stem = place.name.split(".")[0] if not place.is_dir() else place.name
    name = re.sub(r"\W+", "_", stem.lower(), flags=re.ASCII).strip("_") or "rows_read"
    name = f"t_{name}" if name[0].isdigit() else name
    return f"{name}_table" if name in RESERVED_TABLES else name


@contextmanager
def described(
    place: Path,
    options: dict[str, Any],
    given: Mapping[str, dict[str, Any]],
    scratch: Path,
    wanted: Collection[str],
) -> "Iterator[tuple[Described, Path]]":
    """Read all of a file or folder; give what it shows, and the file of its texts.

    Parameters
    ----------
    options : dict
        What a person declares of the table.
    given : mapping
        What they declare of columns.
    scratch : Path
        Folder for that file, which holds raw values and is removed at the end.
    wanted : collection of str
        Columns that a person names for something: they are read, whatever they look like.

    Raises
    ------
    MlopsError
        When it cannot be read, or may be read in two ways from the first line on.
    """
    table, found, how = written(place, options)
    unknown = [name for name in given if name not in how.names]
    if unknown:
        raise MlopsError(f"--set: {no_column(place.as_posix(), unknown[0], how.names)}.")
    name = table_name(place)
    with scratch_beside(scratch / f"{name}.described") as file:
        try:
            rows = keep(texts(place, table, how.names), file)
        except MlopsError:
            written(place, options, thoroughly=True)  # asks for another way, if one fits
            raise
        if not rows:
            raise MlopsError(f"{place.as_posix()} has no rows; there is nothing to describe.")
        seen = {
            column: columns.look(values, table, dict(given.get(column, {})))
            for column, values in kept(file, how.names)
        }
        made = Described(name, place, found.files, found.not_read, how, table, rows, seen)
        _leave_out_counters(made, file, {*given, *wanted})
        if not made.read:
            raise MlopsError(
                f"{place.as_posix()} has {counted(rows, 'row')} and no value in any of its columns "
                "that can be read; there is nothing to describe."
            )
        if found.format == "csv" and table.quote == '"':
            _ask_about_quotes(made)
        settle_numbers(made)
        tell_odd_rows(made, file)
        _leave_out_twins(made, file)
        _tell_repeated_names(made)
        yield made, file


def _ask_about_quotes(made: Described) -> None:
    """Ask whether single quotes around each value of a column belong to it."""
    for one in made.read.values():
        if "quoted" in one.options and one.evidence != "declared":
            one.questions.append(
                "each value stands between two ': is the mark a quote, or part of the value? "
                f"`--set \"quote='\"` or `--set '{one.name}.type=string'`"
            )


def _leave_out_twins(made: Described, file: Path) -> None:
    """Say of columns that are equal in every row, or the same in every row, that they are."""
    first: dict[int, str] = {}
    for name, one in made.read.items():
        other = first.setdefault(one.digest, name)
        if other != name:
            pair = dict(kept(file, [other, name]))
            if (
                pair[other].equals(pair[name])
                and pair[other].null_count() == pair[name].null_count()
            ):
                one.options["twin"] = other


def _leave_out_counters(made: Described, file: Path, wanted: Collection[str]) -> None:
    """Leave out what programs write before each row: its number, in the order of the file."""
    named = [
        one.name for one in made.read.values()
        if one.type == "integer" and COUNTER.fullmatch(without_place(one.name))
        and one.name not in wanted
    ]  # fmt: skip
    for name, values in kept(file, named):
        numbers = cast(values, Column(type="integer"), made.table)
        # Each file of a folder may begin anew.
        anew = numbers[1:].filter(numbers.diff()[1:] != 1)
        counts = numbers[0] in (0, 1) and not numbers.null_count()
        if counts and len(anew) < len(made.files) and (anew == numbers[0]).all():
            made.columns[name].left_out = "it counts the rows, as some programs write"


def _tell_repeated_names(made: Described) -> None:
    """Say which columns of a csv share a name, or have none, and which of them are equal."""
    by_name: dict[str, list[str]] = {}
    for name in made.columns:
        by_name.setdefault(made.written.header.get(name, name), []).append(name)
    for bare, names in by_name.items():
        if len(names) > 1:
            what = f'names "{bare}" {len(names)} times' if bare else (
                f"has {len(names)} columns without a name")  # fmt: skip
            to = "and" if len(names) == 2 else "to"
            made.notes.append(
                f'the header {what}: read as "{names[0]}" {to} "{names[-1]}", in their order'
                + "".join(
                    f'; "{name}" is equal to "{other}" in every row'
                    for name in names
                    if (other := made.columns[name].options.get("twin")) in names
                )
            )
        elif not bare and not made.columns[names[0]].left_out:
            made.notes.append(f'a column has no name in the header: read as "{names[0]}"')


def is_key_by_name(name: str) -> bool:
    """Whether a name says that the column is there to identify something."""
    return KEY.search(CAMEL.sub("_", without_place(name))) is not None
