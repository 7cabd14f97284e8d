"""What is profiled: a table of the open zone or a file, as one view of typed columns."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import Settings
from mlops_kit.core.sql import literal
from mlops_kit.core.team import project_folder
from mlops_kit.core.utc import connect
from mlops_kit.core.zones import OPEN_ZONE, open_table
from mlops_kit.data.config import load_sources
from mlops_kit.data.describing.written import texts, written
from mlops_kit.data.ingest import ENTITIES
from mlops_kit.data.parquet import Growing
from mlops_kit.data.profiling.typed import typed
from mlops_kit.data.sources.files import FORMATS, format_of
from mlops_kit.room import raw_zone

if TYPE_CHECKING:
    import duckdb

FEATURES = "features"
OUTCOME, SPLIT = "y_true", "split"
# Columns of the features that say which row it is.
OF_THE_ROW = ("id", "time", "group", SPLIT)
MOST_IN_ALL = 500
# What DuckDB may hold before it writes to the scratch folder.
MEMORY = "768MB"
NUMBER = "_number_of_row"

KINDS = {
    "number": ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT",
               "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL"),
    "boolean": ("BOOLEAN",),
    "time": ("DATE", "TIMESTAMP"),
    "text": ("VARCHAR", "ENUM", "UUID", "JSON"),
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """A column: its name, its type as DuckDB says it, and what kind of values it holds."""

    name: str
    at: str
    """Its name in the view."""
    type: str
    kind: str
    """number, boolean, time, text or other."""

    @property
    def is_float(self) -> bool:
        """Whether it may hold NaN and infinite numbers."""
        return self.type in ("FLOAT", "DOUBLE")

    @property
    def value(self) -> str:
        """Its values for SQL: finite numbers, times as seconds, and anything else as it is."""
        if self.kind == "number":
            number = f"CAST({self.at} AS DOUBLE)"
            return f"CASE WHEN isfinite({self.at}) THEN {number} END" if self.is_float else number
        return f"epoch({self.at})" if self.kind == "time" else self.at


@dataclass(frozen=True)
class Asked:
    """What a person asks for."""

    subject: str
    target: str | None = None
    columns: Sequence[str] = ()
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Opened:
    """A table that can be asked: the views `source` and, with the number of each row, `numbered`.

    `restricted` says whether its values must not be shown in the open.
    """

    name: str
    place: Path
    connection: "duckdb.DuckDBPyConnection"
    rows: int
    columns: list[Column]
    target: Column | None
    split: Column | None
    """Which rows are for training, where that is known."""
    set_aside: list[Column]
    """Columns that say which row it is."""
    restricted: bool
    notes: list[str] = field(default_factory=list)

    def column(self, name: str) -> Column:
        """Return a column by its name."""
        return next(one for one in self.columns if one.name == name)

    def ask(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self.connection.execute(sql, list(parameters)).fetchall()


def names_of_open_tables() -> list[str]:
    """Name the tables of the open zone that are there, the features first."""
    names = [FEATURES, *(load_sources().tables if project_folder() else ()), ENTITIES]
    return [name for name in dict.fromkeys(names) if open_table(name).is_file()]


def is_restricted(place: Path) -> bool:
    """Tell whether a file may hold values of persons: it never passed into the open zone."""
    inside = OPEN_ZONE.resolve() in place.resolve().parents
    return not inside and raw_zone() != Path("data")


@contextmanager
def opened(asked: Asked, settings: Settings | None) -> Iterator[Opened]:
    """Open a table of the open zone by its name, or a file.

    Raises
    ------
    MlopsError
        When there is no such table or file, it cannot be read, has no row, or too many columns.
    """
    import duckdb

    place = _found(asked.subject)
    scratch = raw_zone() if project_folder() else None
    if scratch is not None:
        scratch.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory(prefix=".profile.", suffix=".tmp", dir=scratch) as folder,
        connect(settings.data.threads if settings else 1, spill=Path(folder)) as connection,
    ):
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute("SET preserve_insertion_order = true")
        file, names, notes = place, None, []
        if format_of(place) != "parquet":
            file, names, notes = _as_parquet(place, asked, Path(folder), connection)
        try:
            yield _view(asked, place, file, names, notes, connection)
        except (duckdb.IOException, duckdb.InvalidInputException) as error:
            if "disk" in str(error) or "space" in str(error):
                raise  # told by the command line
            said = str(error).splitlines()[0]
            raise MlopsError(
                f"{place.as_posix()} cannot be read: {said} Replace it by a whole file."
            ) from error


def _found(subject: str) -> Path:
    place = open_table(subject)
    if "/" not in subject and place.is_file():
        return place
    file = Path(subject)
    if file.is_file():
        if format_of(file) is None:
            raise MlopsError(
                f"{file.as_posix()} is no table that can be read here: give a csv, parquet, "
                f"JSON or XML file ({', '.join(FORMATS)}, packed or not)."
            )
        return file
    if file.is_dir():
        raise MlopsError(f"{file.as_posix()} is a folder: name one of its files.")
    there = ", ".join(names_of_open_tables())
    hint = f"the tables of the open zone are: {there}" if there else (
        "the open zone holds no table yet: first `uv run mlops run`"
    )  # fmt: skip
    raise MlopsError(f'There is no table or file "{subject}" here; {hint}.')


def _as_parquet(
    place: Path, asked: Asked, folder: Path, connection: "duckdb.DuckDBPyConnection"
) -> tuple[Path, list[str], list[str]]:
    """Read texts as the pipeline does, and write them typed; return also names and notes."""
    import polars as pl

    if not place.stat().st_size:
        raise MlopsError(f"{place.as_posix()} is empty: there is nothing to profile.")
    table, _, how = written(place, dict(asked.options))
    _refuse_many(place, how.names, asked)
    names = [name for name in how.names if not asked.columns or name in asked.columns]
    _check_names(place, names, asked)
    notes = [f"{name} is not read: {why}" for name, why in how.unread.items()]
    raw = folder / "texts.parquet"
    with Growing(raw, compression="lz4") as out:
        for frame in texts(place, table, names):
            short = frame.rename({name: f"c{at}" for at, name in enumerate(names)})
            out.add(short.to_arrow(compat_level=pl.CompatLevel.oldest()))
    if not out.rows:
        raise MlopsError(f"{place.as_posix()} has no rows: there is nothing to profile.")
    file = folder / "typed.parquet"
    notes += typed(connection, raw, names, file)
    raw.unlink()
    return file, names, notes


def _view(
    asked: Asked,
    place: Path,
    file: Path,
    names: list[str] | None,
    notes: list[str],
    connection: "duckdb.DuckDBPyConnection",
) -> Opened:
    import pyarrow
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(file)
    except (pyarrow.ArrowException, OSError) as error:
        raise MlopsError(
            f"{place.as_posix()} is no whole parquet file: replace it by a whole one."
        ) from error
    everything = names if names is not None else list(schema.names)
    _refuse_many(place, everything, asked)
    wanted = [name for name in everything if not asked.columns or name in asked.columns]
    _check_names(place, wanted, asked)
    aliases = ", ".join(f"c{at}" for at in range(len(everything)))
    read = f"read_parquet({literal(file.as_posix())}, file_row_number = true)"
    connection.execute(
        f"CREATE TEMP VIEW numbered AS SELECT * FROM {read} AS t ({aliases}, {NUMBER})"
    )
    connection.execute(f"CREATE TEMP VIEW source AS SELECT * EXCLUDE ({NUMBER}) FROM numbered")
    types = dict(row[:2] for row in connection.execute("DESCRIBE source").fetchall())
    columns = [
        Column(name, f"c{at}", types[f"c{at}"], _kind(types[f"c{at}"]))
        for at, name in enumerate(everything)
        if name in wanted
    ]
    ((rows,),) = connection.execute("SELECT count(*) FROM source").fetchall()
    if not rows:
        raise MlopsError(f"{place.as_posix()} has no rows: there is nothing to profile.")
    by_name = {one.name: one for one in columns}
    is_features = place == open_table(FEATURES)
    target = asked.target or (OUTCOME if is_features else None)
    if target is not None and target not in by_name:
        raise MlopsError(
            f'{place.as_posix()} has no column "{target}", which --target names; its columns: '
            f"{', '.join(by_name)}."[:500]
        )
    aside = [by_name[name] for name in OF_THE_ROW if is_features and name in by_name]
    name = asked.subject if place == open_table(asked.subject) else place.name
    return Opened(
        name=name,
        place=place,
        connection=connection,
        rows=rows,
        columns=columns,
        target=by_name[target] if target else None,
        split=by_name.get(SPLIT) if is_features else None,
        set_aside=aside,
        restricted=is_restricted(place),
        notes=notes,
    )


def _kind(name: str) -> str:
    bare = name.split("(")[0]
    if bare.endswith("]"):
        return "other"
    return next(
        (kind for kind, types in KINDS.items()
         if bare in types or (kind == "time" and bare.startswith("TIMESTAMP"))), "other"
    )  # fmt: skip


def _refuse_many(place: Path, names: Sequence[str], asked: Asked) -> None:
    if len(names) > MOST_IN_ALL and not asked.columns:
        raise MlopsError(
            f"{place.as_posix()} has {len(names):,} columns, and a profile looks at no more than "
            f"{MOST_IN_ALL:,}: choose some with --columns a,b,c."
        )


def _check_names(place: Path, names: Sequence[str], asked: Asked) -> None:
    for name in asked.columns:
        if name not in names:
            raise MlopsError(f'{place.as_posix()} has no column "{name}", which --columns names.')
    if twice := next((name for name in names if list(names).count(name) > 1), None):
        raise MlopsError(f'{place.as_posix()} has two columns "{twice}": rename one of them.')
