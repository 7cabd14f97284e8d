"""A file or a folder as one table: everything that all of its rows show."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import scratch_beside
from mlops_kit.core.words import counted
from mlops_kit.data.config import RESERVED_TABLES, Column, Table
from mlops_kit.data.describing import column as columns
from mlops_kit.data.describing.column import Seen
from mlops_kit.data.describing.kept import keep, kept
from mlops_kit.data.describing.written import Written, texts, written
from mlops_kit.data.dialect import NO_NAME, without_place
from mlops_kit.data.sources.missing import no_column
from mlops_kit.data.values.cast import cast
from mlops_kit.data.values.missing import missing
from mlops_kit.data.values.ways import WAYS, Numbers, Way

KEY = re.compile(
    r"(?:^|[_\s.-])(?:id|key|code|codigo|uuid|guid|number|numero|no|nr|nro|num|ref)$", re.I
)
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# What programs call the number of a row, where they give it a name.
COUNTER = re.compile(
    rf"{NO_NAME}|unnamed\W.*|index|x1?|v1|#|obs|row\W?(?:names?|id|num(?:ber)?|no)?", re.I
)
MOST_ODD = 3  # rows that are no data among the data
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
        _settle_numbers(made)
        _tell_odd_rows(made, file)
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


def _tell_odd_rows(made: Described, file: Path) -> None:
    """Say of columns of numbers which rows hold texts; once, if they are the same in several."""
    odd = [one for one in made.read.values() if one.odd_rows]
    rows: dict[str, tuple[int, ...]] = {}
    for name, values in kept(file, [one.name for one in odd]):
        table = made.table.model_copy(update={"decimal": made.table.decimal or "."})
        number = cast(values, Column(type="number"), table)
        texts = number.is_null() & ~missing(values, Column(type="string"), table)
        rows[name] = tuple(texts.arg_true().head(MOST_ODD + 1).to_list())
    alike = Counter(places for places in rows.values() if len(places) <= MOST_ODD)
    for one in odd:
        if alike[rows[one.name]] < 2:
            one.notes.append(
                f"all but {counted(one.odd_rows, 'row')} of {one.rows:,} hold numbers: taken as "
                f"text; --set '{one.name}.type=number' sets the others aside"
            )
    for places, count in alike.items():
        if count == 1:
            continue
        names = [name for name, there in rows.items() if there == places]
        which = ", ".join(f"{place + 1:,}" for place in places)
        shown = ", ".join(names[:3]) + (f" and {count - 3} more" if count > 3 else "")
        made.notes.append(
            f"row {which} holds texts where all others of {shown} hold numbers, as a second "
            f"header, units or a total would: --set '{names[0]}.type=number' and so on sets it "
            "aside, and --set labels=1 passes over a first one"
        )


def _settle_numbers(made: Described) -> None:
    """Choose the one way in which a table writes numbers, or ask.

    A way counts if it fits every column of numbers. Two that give other values are two readings.
    """
    marked = {name: one for name, one in made.columns.items() if one.ways}
    if not marked or {"decimal", "thousands"} & made.table.model_fields_set:
        return
    common = [way for way in WAYS if all(way in one.ways for one in marked.values())]
    if not common:
        votes = Counter(next(iter(one.ways)) for one in marked.values())
        way = votes.most_common(1)[0][0]
        odd = [name for name, one in marked.items() if way not in one.ways]
        for name in odd:
            one = made.columns[name]
            one.type, one.evidence = "string", f"numbers, but not with {_said(way)} as others are"
            one.questions.append(
                f"its numbers are written otherwise than those of {len(marked) - len(odd)} other "
                f"columns, and a table has one way: mend the file, or `--set {name}.type=string`"
            )
        common = [way]
    readings: dict[tuple[bytes, ...], Way] = {}  # the usual way of each
    for way in common:
        values = (one.ways[way].digest for one in marked.values() if way in one.ways)
        readings.setdefault(tuple(values), way)
    different = list(readings.values())
    if len(different) > 1:
        which = [name for name, one in marked.items()
                 if len(one.ways) > 1 and not _alike(one.ways, different)]  # fmt: skip
        ways = " or ".join(_asked(way) for way in different)
        shown = ", ".join(which[:3]) + (f" and {len(which) - 3} more" if which[3:] else "")
        made.questions.append(f"the numbers of {shown} have {len(different)} readings: {ways}")
        for name in which:
            made.columns[name].type = "number"
            made.columns[name].evidence = "numbers, whose marks have two readings"
        made.written.options["choices"] = [_declared(way) for way in different]
        return
    way = common[0]
    # The run reads each file for itself: what one file tells does not help it with another.
    if way != (".", None) or len(made.files) > 1:
        made.written.options.update(_declared(way))
        made.written.said.append(f"every number fits {_said(way)}, and no other reading does")
        made.table = made.table.model_copy(update=_declared(way))
        for one in marked.values():
            if way in one.ways:
                columns.settle(one, way)


def _alike(ways: Mapping[Way, Numbers], chosen: list[Way]) -> bool:
    return len({ways[way].digest for way in chosen if way in ways}) == 1


def _declared(way: Way) -> dict[str, str]:
    decimal, thousands = way
    return {"decimal": decimal} | ({"thousands": thousands} if thousands else {})


def _said(way: Way) -> str:
    return (
        "a decimal "
        + {".": "point", ",": "comma"}[way[0]]
        + (f" and {way[1]!r} between thousands" if way[1] else "")
    )


def _asked(way: Way) -> str:
    return " ".join(f"`--set '{key}={value}'`" for key, value in _declared(way).items())


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
