"""What conf/sources.yaml may say, and how each kind of source becomes a table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import Section, read_config
from mlops_kit.core.utc import connect
from mlops_kit.data.delimited import read_csv

if TYPE_CHECKING:
    import polars

SOURCES_FILE = Path("conf/sources.yaml")
FORMATS = {".csv": "csv", ".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"}
# Tables that the pipeline makes beside the declared ones.
RESERVED_TABLES = ("entities", "rows", "target", "features", "seen", "divided")
ColumnType = Literal["string", "integer", "number", "boolean", "date", "datetime", "integers"]


class At(Section):
    """Known only from a later moment of the row: a reason that is written when a case is closed."""

    at: str
    """Column of the table, a date or a datetime, that says when."""


class Column(Section):
    """The contract of one column."""

    type: ColumnType
    """What its values become; `integers` is a list of them."""
    nullable: bool = False
    """May it be empty?"""
    unique: bool = False
    """Must no value stand twice?"""
    minimum: float | None = None
    """Smallest value."""
    maximum: float | None = None
    """Largest value."""
    allowed: list[Any] | None = None
    """The only values that it may have."""
    pattern: str | None = None
    """Regular expression that each text must match from its start."""
    known: Literal["in_advance"] | At | None = None
    """From when features may use it: `in_advance` (a timetable), `{at: column}`, or else from the
    table's `time` on.
    """


class Table(Section):
    """One table: its source, where it stands there, when its facts happened, and its columns."""

    source: str
    """Its source by its name."""
    path: str | None = None
    """File or folder in a source of files."""
    time: str | None = None
    """Column that says when a fact happened: features of a day may use only facts before it."""
    columns: dict[str, Column] = Field(min_length=1)
    """The columns that are read, by name; others are left out."""


class Entity(Section):
    """What one prediction is about: a column of a table that identifies it."""

    table: str
    """A table, by name."""
    column: str
    """The column that identifies it."""


class Sample(Section):
    """The invented shop."""

    kind: Literal["sample"]
    customers: int = Field(5_000, ge=10)
    """Number of customers."""
    products: int = Field(300, ge=20)
    """Number of products."""
    order_lines: int = Field(60_000, ge=100)
    """Number of order lines."""
    seed: int = 7
    """Another number makes another shop."""


class Files(Section):
    """A folder of csv, parquet or JSON-lines files."""

    kind: Literal["files"]
    folder: Path
    """Where the files are."""


class Sources(Section):
    """The whole of conf/sources.yaml."""

    entity: Entity
    """What one prediction is about."""
    sources: dict[str, Annotated[Sample | Files, Field(discriminator="kind")]]
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
            if isinstance(contract.known, At):
                moment = table.columns.get(contract.known.at)
                if moment is None or moment.type not in ("date", "datetime"):
                    raise MlopsError(
                        f'{where}.at is "{contract.known.at}": name a column of the table that is '
                        "a date or a datetime."
                    )
        if isinstance(config.sources[table.source], Files) and table.path is None:
            raise MlopsError(f"{file}: tables.{name} needs a path: a file or folder in its source.")
    entity = config.tables.get(config.entity.table)
    if entity is None or config.entity.column not in entity.columns:
        raise MlopsError(
            f"{file}: entity names {config.entity.table}.{config.entity.column}, "
            "which is not declared under tables."
        )
    return config


def uses_only_sample(config: Sources) -> bool:
    """Whether every table comes from the invented shop, so that no real person is in it."""
    used = {table.source for table in config.tables.values()}
    return all(isinstance(config.sources[name], Sample) for name in used)


def files_of(source: Files, table: str, path: str) -> list[Path]:
    """Files of a table in a fixed order: one file, or every readable file of a folder."""
    place = source.folder / path
    if place.is_file():
        found = [place]
    elif place.is_dir():
        found = sorted(file for file in place.iterdir() if file.suffix in FORMATS)
    else:
        raise MlopsError(
            f'{place.as_posix()} does not exist; table "{table}" of {SOURCES_FILE.as_posix()} '
            "reads it: put the file there or correct the path."
        )
    kinds = {FORMATS.get(file.suffix) for file in found}
    if len(kinds) != 1 or None in kinds:
        raise MlopsError(
            f'{place.as_posix()}: table "{table}" needs files of one kind, ending in '
            f"{', '.join(FORMATS)}."
        )
    return found


def read_files(source: Files, name: str, table: Table) -> "polars.DataFrame":
    """Read the declared columns of a table of files.

    Returns
    -------
    polars.DataFrame
        csv and JSON lines come as text, parquet in its own types; the contract casts them.
    """
    import duckdb

    assert table.path is not None
    found = files_of(source, name, table.path)
    declares = f'table "{name}" of {SOURCES_FILE.as_posix()} declares'
    kind = FORMATS[found[0].suffix]
    if kind == "csv":
        import polars as pl

        return pl.concat(read_csv(file, list(table.columns), declares) for file in found)
    # Any, because DuckDB's stubs know one path only; it reads a list of them.
    files: Any = [file.as_posix() for file in found]
    with connect(threads=None) as connection:
        try:
            if kind == "jsonl":
                text = dict.fromkeys(table.columns, "VARCHAR")
                relation = connection.read_json(files, format="newline_delimited", columns=text)
            else:
                relation = connection.read_parquet(files)
            missing = [column for column in table.columns if column not in relation.columns]
            if missing:
                raise MlopsError(
                    f'{files[0]} has no column "{missing[0]}", which {declares} '
                    f"({len(relation.columns)} columns found); correct the name."
                )
            quoted = ", ".join(f'"{column}"' for column in table.columns)
            return relation.project(quoted).pl()
        except duckdb.Error as error:
            reason = str(error).strip().splitlines()[0]
            raise MlopsError(
                f"{files[0]} cannot be read as {kind} ({reason}); "
                "replace the file with an undamaged one."
            ) from error


def read_tables(config: Sources) -> "dict[str, polars.DataFrame]":
    """Read every declared table from its source, declared columns only, not yet checked."""
    tables: dict[str, polars.DataFrame] = {}
    shops: dict[str, dict[str, polars.DataFrame]] = {}
    for name, table in config.tables.items():
        source = config.sources[table.source]
        if isinstance(source, Files):
            tables[name] = read_files(source, name, table)
            continue
        if table.source not in shops:
            from mlops_kit.data.sources.sample_shop import shop

            shops[table.source] = shop.generate(
                source.customers, source.products, source.order_lines, source.seed
            )
        made = shops[table.source]
        if name not in made or not set(table.columns) <= set(made[name].columns):
            raise MlopsError(
                f"{SOURCES_FILE.as_posix()}: the sample has no such table or column as declared "
                f"under tables.{name}; it makes {', '.join(made)}."
            )
        tables[name] = made[name].select(list(table.columns))
    return tables
