"""What conf/sources.yaml may say: where data come from, how files are written, what is promised."""

import codecs
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Union

from pydantic import Field, field_validator, model_validator

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import Section, read_config
from mlops_kit.data.contracts.declared import Promised, check_promises
from mlops_kit.data.sources.base import Asked, Files, Landed
from mlops_kit.data.sources.fetched import Fetched
from mlops_kit.data.sources.registry import kinds
from mlops_kit.data.sources.sample_shop.settings import Sample
from mlops_kit.data.types import MOMENTS, Type, parse

SOURCES_FILE = Path("conf/sources.yaml")
# Tables that the pipeline makes beside the declared ones.
RESERVED_TABLES = ("entities", "rows", "target", "features", "seen", "divided")
# Columns that the pipeline writes beside the features.
PIPELINE = ("id", "time", "group", "y_true", "split", "same_features", "seen_in_training",
            "known_at", "cutoff")  # fmt: skip
# What says how a file is written; only tables of files have it.
OPTIONS = ("format", "delimiter", "quote", "escape", "decimal", "thousands", "encoding", "header",
           "labels", "compression", "records")  # fmt: skip
if TYPE_CHECKING:
    Source = Sample | Files | Fetched | Landed
else:
    Source = Annotated[Union[(Sample, Files, *kinds())], Field(discriminator="kind")]  # noqa: UP007


class At(Section):
    """Known only from a later moment of the row: a reason that is written when a case is closed."""

    at: str
    """Column of the table, a date or a time, that says when."""


class Hashed(Section):
    """A code of other columns: equal rows have the same."""

    hash: list[str] = Field(min_length=1)
    """Columns of the table whose texts, as the file has them, make the code."""


class Column(Section):
    """The contract of one column."""

    type: str
    """`string`, `integer`, `number`, `decimal(p,s)` (p digits, s of them after the point, exact),
    `boolean`, `date`, `timestamp` (no zone, never shifted), `timestamptz` (a moment, kept in UTC),
    `time` (of a day), `binary`, `json` (any value of JSON, kept as its text), `list<string>` or a
    list of another type, `struct<street: string, number: integer>`. `datetime` is older: a moment
    in UTC, kept without its zone; so is `integers`, a list of them."""
    nullable: bool = False
    """May it be empty?"""
    unique: bool = False
    """Must no value stand twice?"""
    minimum: float | None = None
    """Smallest value."""
    maximum: float | None = None
    """Largest value."""
    allowed: list[Any] | None = None
    """The only values that it may have; a marker of missing values among them is a value."""
    pattern: str | None = None
    """Regular expression that each text must match from its start."""
    references: str | None = None
    """`table.column` in which each of its values must stand; a row with another is set aside."""
    format: str | None = None
    """How dates and times are written where the year is not first, as `%d/%m/%Y %H:%M`."""
    years: list[int] = Field([1700, 2200], min_length=2, max_length=2)
    """First and last year that a date or time may have: another one is a slip or a stand-in. With
    a year of two digits (`%y`) they say the century."""
    nulls: list[str | int | float] = []
    """What else means that a value is missing, besides `nulls` of the table."""
    default_nulls: bool = True
    """Do NA, N/A, nan, NULL, ? and - mean that a value is missing? Where not, they are values."""
    made: Literal["row_number"] | Hashed | None = None
    """An id that the file has not: `row_number` counts rows from 1, in the order of the files and
    their lines, so that a file in another order, or with a row less, moves all ids behind it;
    `{hash: [columns]}` is the same for equal rows, which then count as one."""
    known: Literal["in_advance"] | At | None = None
    """From when features may use it: `in_advance` (a timetable), `{at: column}`, or else from the
    table's `time` on.
    """

    @field_validator("type")
    @classmethod
    def _known(cls, value: str) -> str:
        parse(value)
        return value

    @model_validator(mode="after")
    def _fits(self) -> "Column":
        if self.format is not None:
            if self.type not in MOMENTS:
                raise ValueError(f"format is for dates and times, not for {self.type}")
            zoned = "%z" in self.format
            if zoned and self.type == "timestamp":
                raise ValueError("a format with %z reads an offset: the type is timestamptz")
            if not zoned and self.type == "timestamptz":
                raise ValueError("the format of a timestamptz needs %z, the offset")
        return self

    @property
    def parsed(self) -> Type:
        """The type with what is inside of it."""
        return parse(self.type)

    @property
    def kind(self) -> str:
        """The type without what stands in brackets."""
        return self.parsed.name

    @property
    def digits(self) -> tuple[int, int]:
        """Digits of a decimal: in all, and after the point."""
        return self.parsed.digits


class Table(Asked, Promised):
    """One table: its source, where it stands there, when its facts happened, and its columns.

    What a file is written with is found out or declared, never guessed from a part of it.
    """

    source: str
    """Its source by its name."""
    path: str | None = None
    """File or folder in a source of files; what a table is called in a source of another kind."""
    time: str | None = None
    """Column that says when a fact happened: features of a day may use only facts before it."""
    columns: dict[str, Column] = Field(min_length=1)
    """The columns that are read, by name; others are left out."""
    nulls: list[str | int | float] = []
    """What means that a value is missing, besides a blank, NA, N/A, nan, NULL, ? and -."""
    format: Literal["csv", "jsonl", "json", "xml", "parquet"] | None = None
    """What the files are; otherwise their endings say it."""
    compression: Literal["none", "gzip", "bz2", "xz"] | None = None
    """How the files are packed; otherwise their endings (`.gz`, `.bz2`, `.xz`) say it."""
    encoding: str = "utf-8"
    """How letters are written in csv, JSON and XML: `cp1252`, `latin-1`, `utf-16`."""
    records: str | None = None
    """Where rows stand: in XML the path of the element that is one, such as `orders/order`; in JSON
    that of their array, such as `data/items`, unless the whole document is it."""
    header: bool | list[str] = True
    """Has a csv a line of names? Without one: the names of all its columns in their order, or
    false when `columns` names them all in their order."""
    labels: int = Field(0, ge=0, le=9)
    """Records of a csv under its line of names that tell in words what each is, as surveys have
    them: they are no rows."""
    delimiter: str | None = Field(None, min_length=1, max_length=1)
    """What stands between values of a csv; otherwise found from its header line."""
    quote: str = Field('"', max_length=1)
    """What stands around a value that holds a delimiter or a line break; empty for nothing."""
    escape: str | None = Field(None, min_length=1, max_length=1)
    """What stands before a quote inside a value, such as a backslash; otherwise it is doubled."""
    decimal: Literal[".", ","] | None = None
    """What stands before the fraction of a number; a point where nothing is declared."""
    thousands: Literal[".", ",", " ", "'", "_"] | None = None
    """What stands between groups of three digits; nothing where nothing is declared."""

    @field_validator("encoding")
    @classmethod
    def _readable(cls, value: str) -> str:
        try:
            return codecs.lookup(value).name
        except LookupError:
            raise ValueError(f"{value} is no encoding that Python knows") from None

    @model_validator(mode="after")
    def _differ(self) -> "Table":
        if self.thousands is not None and self.thousands == (self.decimal or "."):
            raise ValueError(
                f'thousands is "{self.thousands}", as decimal is; declare another decimal'
            )
        if self.delimiter is not None and self.delimiter in (self.quote, self.escape, "\n", "\r"):
            raise ValueError("delimiter must differ from quote and escape, and be no line break")
        return self

    @property
    def read_columns(self) -> dict[str, Column]:
        """The columns that its source must have."""
        return {name: one for name, one in self.columns.items() if one.made is None}

    @property
    def file_columns(self) -> list[str] | None:
        """Names of the columns of files without a header line; None where they have one."""
        if isinstance(self.header, list):
            return self.header
        return None if self.header else list(self.read_columns)


class Entity(Section):
    """What one prediction is about: a column of a table that identifies it."""

    table: str
    """A table, by name."""
    column: str
    """The column that identifies it."""


class Sources(Section):
    """The whole of conf/sources.yaml."""

    OTHER_KINDS: ClassVar[str] = (
        "; others come by the answer data_sources, as in `copier-mlops update -d "
        "'data_sources=[sample, postgresql]'`"
    )

    entity: Entity
    """What one prediction is about."""
    sources: dict[str, Source]
    """Where data come from, by name."""
    tables: dict[str, Table] = Field(min_length=1)
    """The tables and what each promises, by name."""


def load_sources(path: Path = SOURCES_FILE) -> Sources:
    """Read conf/sources.yaml and check that its parts name each other rightly."""
    config = read_config(path, Sources)
    file = path.as_posix()
    for name, table in config.tables.items():
        if name in RESERVED_TABLES:
            raise MlopsError(
                f"{file}: a table may not be called {name}, a name that the pipeline uses itself; "
                "choose another under tables."
            )
        if table.source not in config.sources:
            known = ", ".join(config.sources)
            raise MlopsError(
                f'{file}: tables.{name}.source is "{table.source}"; known sources: {known}.'
            )
        if table.time is not None and table.time not in table.columns:
            raise MlopsError(f'{file}: tables.{name}.time is "{table.time}", not a column of it.')
        for column, contract in table.columns.items():
            where = f"{file}: tables.{name}.columns.{column}.known"
            if contract.known == "in_advance" and table.time is None:
                raise MlopsError(f"{where}: the table names no `time` to be in advance of; add it.")
            if contract.made is not None:
                _check_made(f"{file}: tables.{name}.columns.{column}.made", contract, table)
            if isinstance(contract.known, At):
                moment = table.columns.get(contract.known.at)
                if moment is None or moment.type not in MOMENTS:
                    raise MlopsError(
                        f'{where}.at is "{contract.known.at}": name a column of the table that is '
                        "a date or a time."
                    )
        landed = isinstance(source := config.sources[table.source], Landed)
        if isinstance(source, Files) and table.path is None and not (landed and table.query):
            raise MlopsError(f"{file}: tables.{name} needs a path: a file or folder in its source.")
        _check_asked(f"{file}: tables.{name}", table, landed)
        options = [key for key in OPTIONS if key in table.model_fields_set]
        if options and (landed or not isinstance(source, Files)):
            raise MlopsError(
                f"{file}: tables.{name}.{options[0]} says how a file is written, and "
                f"{table.source} is no source of files; take it out."
            )
        if not table.read_columns:
            raise MlopsError(f"{file}: tables.{name} reads no column of its source; declare one.")
        listed = table.file_columns or list(table.columns)
        if missing := next((one for one in table.read_columns if one not in listed), None):
            raise MlopsError(f'{file}: tables.{name}.header does not list the column "{missing}".')
    entity = config.tables.get(config.entity.table)
    if entity is None or config.entity.column not in entity.columns:
        raise MlopsError(
            f"{file}: entity names {config.entity.table}.{config.entity.column}, "
            "which is not declared under tables."
        )
    check_promises(file, config)
    return config


def _check_asked(where: str, table: Table, landed: bool) -> None:
    """Refuse what only a source that is landed is asked, and what does not fit together."""
    asked = [key for key in ("query", "cursor", "key") if key in table.model_fields_set]
    if asked and not landed:
        raise MlopsError(f"{where}.{asked[0]} means nothing in {table.source}; take it out.")
    if table.query is not None and table.path is not None:
        raise MlopsError(f"{where} has a path and a query: leave one of them out.")
    if table.cursor is not None and not table.key:
        raise MlopsError(f"{where}.cursor needs a `key`: columns that say which row has changed.")


def _check_made(where: str, column: Column, table: Table) -> None:
    """Refuse an id that cannot be made."""
    wanted = "string" if isinstance(column.made, Hashed) else "integer"
    if column.type != wanted:
        raise MlopsError(f"{where}: what is made so is of type {wanted}, not {column.type}.")
    for one in column.made.hash if isinstance(column.made, Hashed) else ():
        if one not in table.read_columns:
            raise MlopsError(f'{where}.hash names "{one}", no column that is read; declare it.')


def uses_only_sample(config: Sources) -> bool:
    """Whether every table comes from the invented shop, so that no real person is in it."""
    used = {table.source for table in config.tables.values()}
    return all(isinstance(config.sources[name], Sample) for name in used)
