"""PostgreSQL, and what speaks its protocol: psycopg asks what there is, connectorx reads it."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import quote, urlsplit, urlunsplit

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.sql import literal as text_literal
from mlops_kit.core.sql import quoted
from mlops_kit.data.sources.base import Broken, Landed, Looked
from mlops_kit.data.sources.declared import asked_columns
from mlops_kit.data.sources.look import clock, looked
from mlops_kit.data.sources.missing import missing_column, missing_group
from mlops_kit.data.sources.sql.reader import Reader, without
from mlops_kit.data.sources.sql.statement import (
    Dialect,
    Taken,
    source_of,
)
from mlops_kit.data.sources.sql.stream import AFTER, DIGITS

if TYPE_CHECKING:
    import psycopg

    from mlops_kit.data.config import Column, Table

SECONDS = 10  # for a connection
# The same answer on every machine, and nothing is written by mistake.
SESSION = "-c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=postgres -c extra_float_digits=3"
READ_ONLY = " -c default_transaction_read_only=on"
DIALECT = Dialect(
    quoted,
    text_literal,
    lambda text, zoned: f"'{text}{'+00' * zoned}'::timestamp{'tz' * zoned}",
)


class Postgresql(Landed):
    """A PostgreSQL database."""

    kind: Literal["postgresql"]  # type: ignore[assignment]

    schemes: ClassVar[tuple[str, ...]] = ("postgresql", "postgres")
    group: ClassVar[str] = "postgresql"

    @contextlib.contextmanager
    def connected(self, name: str, table: "Table") -> "Iterator[Reader]":
        """Open a connection for one table; see `Landed`."""
        with self.opened(table.source) as connection:
            whose = f"{name} of {table.source}"

            def one_value(statement: str) -> Any:
                return (connection.execute(statement.encode()).fetchone() or (None,))[0]

            yield Reader(
                whose,
                table,
                DIALECT,
                list(_columns(connection, whose, table)),
                bool(table.key and table.cursor),
                one_value,
                self.whole_address(table.source),
                self.batch,
                lambda said: self.said(table.source, said),
            )

    @contextlib.contextmanager
    def opened(self, source: str) -> "Iterator[psycopg.Connection[Any]]":
        """Open a read-only connection."""
        try:
            import psycopg
        except ImportError:
            raise missing_group(self.kind, self.group) from None
        try:
            connection = psycopg.connect(
                _with_scheme(self.here(source)),
                autocommit=True,
                connect_timeout=SECONDS,
                application_name="mlops data ingest",
                password=self.secret(source),
                options=SESSION + READ_ONLY,
            )
        except psycopg.Error as error:
            raise self.refusal(source, error) from None
        with connection:
            try:
                yield connection
            except psycopg.Error as error:
                raise self.refusal(source, error) from None

    def whole_address(self, source: str) -> str:
        """Return the address with the password, for connectorx alone."""
        place = urlsplit(_with_scheme(self.here(source)))
        host = place.netloc
        if (secret := self.secret(source)) is not None:
            user, _, rest = place.netloc.rpartition("@")
            host = f"{user}:{quote(secret, safe='')}@{rest}"
        own = f"options={quote(SESSION + READ_ONLY)}"
        query = "&".join(filter(None, [place.query, own]))
        return urlunsplit((place.scheme, host, place.path, query, ""))

    def refusal(self, source: str, error: Any) -> MlopsError:
        """Make a sentence of what psycopg raised."""
        state = getattr(error, "sqlstate", None) or ""
        return sentence(self.shown(source), state, without(str(error), self.secret(source)))

    def said(self, source: str, said: str) -> MlopsError:
        """Make a sentence of what connectorx says."""
        said = without(said, self.secret(source))
        return sentence(self.shown(source), said.partition("SqlState(E")[2][:5], said)

    def names(self, table: "Table") -> list[str]:
        """Name all columns that a table has there; see `Landed`."""
        with self.opened(table.source) as connection:
            return _names(connection, table)

    def examined(self, tables: "dict[str, Table]") -> Iterator[Looked]:
        """Look at the connection, the permission, the clock and the tables; see `Landed`."""
        source = next(iter(tables.values())).source
        with self.opened(source) as connection:
            yield Looked("connection", True, f"{self.shown(source)} answers")
            row = connection.execute(MAY_WRITE).fetchone()
            yield from looked(None if row is None else str(row[0]))
            (there,) = connection.execute(CLOCK).fetchone() or (None,)
            yield clock(there)


CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float8"
# A table that this user may change, if there is one.
MAY_WRITE = """
SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
AND n.nspname NOT LIKE 'pg\\_toast%'
AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
ORDER BY 1 LIMIT 1
"""


def _columns(connection: "psycopg.Connection[Any]", whose: str, table: "Table") -> Iterator[Taken]:
    """Ask which types the columns have there."""
    import psycopg

    asked, place = asked_columns(table), source_of(table, DIALECT)
    names = ", ".join(map(quoted, asked))
    try:
        described = _described(connection, f"SELECT {names} FROM {place} LIMIT 0")
    except psycopg.errors.UndefinedColumn:
        there = _names(connection, table)
        raise missing_column(whose, asked, there) from None
    known = dict(
        connection.execute(
            "SELECT oid::int8, typname FROM pg_type WHERE oid = ANY(%s)",
            [[one.type_code for one in described]],
        ).fetchall()
    )
    for one in described:
        digits = (one.precision, one.scale)
        yield _taken(one.name, known[one.type_code], digits, table.columns.get(one.name))


def _names(connection: Any, table: "Table") -> list[str]:
    place = source_of(table, DIALECT)
    return [one.name for one in _described(connection, f"SELECT * FROM {place} LIMIT 0")]


def _described(connection: "psycopg.Connection[Any]", statement: str) -> "list[psycopg.Column]":
    with connection.cursor() as cursor:
        cursor.execute(statement.encode())
        return list(cursor.description or ())


def _taken(
    name: str, kind: str, digits: tuple[int | None, int | None], column: "Column | None"
) -> Taken:
    """Choose how a column is asked for, so that nothing of it is lost."""
    import pyarrow as pa

    own = quoted(name)
    as_text = Taken(name, f"{own}::text", pa.string())
    plain = {
        "int2": pa.int16(), "int4": pa.int32(), "int8": pa.int64(), "float4": pa.float32(),
        "float8": pa.float64(), "bool": pa.bool_(), "text": pa.string(), "varchar": pa.string(),
        "bpchar": pa.string(), "date": pa.date32(), "timestamp": pa.timestamp("us"),
        "timestamptz": pa.timestamp("us", "UTC"), "time": pa.time64("us"), "bytea": pa.binary(),
        "_int2": pa.list_(pa.int16()), "_int4": pa.list_(pa.int32()),
        "_int8": pa.list_(pa.int64()), "_float4": pa.list_(pa.float32()),
        "_float8": pa.list_(pa.float64()), "_bool": pa.list_(pa.bool_()),
        "_text": pa.list_(pa.string()), "_varchar": pa.list_(pa.string()),
    }  # fmt: skip
    declared_text = column is not None and column.type == "string"
    if kind in ("text", "varchar", "bpchar") or (kind in plain and not declared_text):
        return Taken(name, own, plain[kind])
    if kind == "numeric" and not declared_text:
        precision, scale = digits
        if precision is not None and scale is not None and 0 <= scale <= precision <= 38:
            fits = precision <= DIGITS and scale <= AFTER
            return Taken(name, own if fits else f"{own}::text", pa.decimal128(precision, scale))
        if column is not None and column.kind == "decimal":
            return Taken(name, f"{own}::text", pa.decimal128(*column.digits))
    return as_text


def _with_scheme(address: str) -> str:
    return "postgresql" + address[address.index("://") :]


# The beginning of SQLSTATE, by PostgreSQL's appendix A, and what to do.
STATES = {
    "28": "does not let this user in: check the user in its address and its password",
    "3D": "has no such database: correct its address",
    "42501": "does not permit it: ask for SELECT on this table",
    "42P01": "has no such table: correct `path` or `query`",
    "3F": "has no such schema: correct `path` or `query`",
    "42": "cannot read the statement: correct `path`, `query`, `key` or `cursor`",
    "22": "cannot take a value: correct the query, or declare the column's type as string",
    "53100": "has no room left on its disk",
}


def sentence(shown: str, state: str, said: str) -> MlopsError:
    """Say what refuses, why, and what to do; whether trying again may help, its type says."""
    first = said.split(" DETAIL:")[0][:200].rstrip(".")
    why = next((text for begin, text in STATES.items() if state.startswith(begin)), None)
    if why is None and not state:
        lower = said.lower()
        if "authentication failed" in lower or "no password supplied" in lower:
            why = STATES["28"]
        elif "does not exist" in lower and "database" in lower:
            why = STATES["3D"]
        elif "role" in lower and "does not exist" in lower or "pg_hba" in lower:
            why = STATES["28"]
    if why is not None:
        return MlopsError(f"{shown} {why} ({first}).")
    return Broken(f"{shown} does not answer, or broke off ({first})")


SOURCE = Postgresql
