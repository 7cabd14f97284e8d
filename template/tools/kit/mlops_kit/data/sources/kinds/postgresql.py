"""PostgreSQL, and what speaks its protocol: psycopg asks what there is, connectorx reads it."""

import contextlib
import functools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import quote, urlsplit, urlunsplit

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.sql import literal as text_literal
from mlops_kit.core.sql import quoted
from mlops_kit.data.sources.base import NOT_IN, Landed, Looked
from mlops_kit.data.sources.look import clock, looked
from mlops_kit.data.sources.missing import missing_group
from mlops_kit.data.sources.sql import catalogue
from mlops_kit.data.sources.sql.reader import Reader
from mlops_kit.data.sources.sql.statement import Dialect, Taken
from mlops_kit.data.sources.sql.stream import AFTER, DIGITS
from mlops_kit.data.types import PARTS

if TYPE_CHECKING:
    import polars
    import psycopg

    from mlops_kit.data.config import Column, Table

SECONDS = 10  # for a connection
# The same answer on every machine, and nothing is written by mistake.
SESSION = "-c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=postgres -c extra_float_digits=3"
READ_ONLY = " -c default_transaction_read_only=on"
# As what types of polars are kept, by their names.
SEEDED = {"Int64": "bigint", "Float64": "double precision", "Date": "date", "List": "bigint[]",
          "Datetime": "timestamp", "String": "text"}  # fmt: skip
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
                functools.partial(self.said, table.source),
            )

    def seed(self, source: str, tables: "Mapping[str, polars.DataFrame]") -> None:
        """Make tables that are not there yet, in one transaction; see `Seeded`."""
        with self.opened(source, "") as connection, connection.transaction():
            for name, rows in tables.items():
                columns = ", ".join(
                    f"{quoted(one)} {SEEDED[str(kind.base_type())]}"
                    for one, kind in rows.schema.items()
                )
                connection.execute(f"CREATE TABLE {quoted(name)} ({columns})".encode())
                statement = f"COPY {quoted(name)} FROM STDIN".encode()
                with connection.cursor() as cursor, cursor.copy(statement) as copy:
                    for row in rows.iter_rows():
                        copy.write_row(row)

    @contextlib.contextmanager
    def opened(self, source: str, options: str = READ_ONLY) -> "Iterator[psycopg.Connection[Any]]":
        """Open a connection, a read-only one unless told otherwise."""
        try:
            import psycopg
        except ImportError:
            raise missing_group(self.kind, self.group) from None
        with (
            catalogue.refusing(psycopg.Error, self.refusal, source),
            psycopg.connect(
                _with_scheme(self.here(source)),
                autocommit=True,
                connect_timeout=SECONDS,
                application_name="mlops data ingest",
                password=self.secret(source),
                options=SESSION + options,
            ) as connection,
        ):
            yield connection

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
        return self._sentence(source, getattr(error, "sqlstate", None) or "", str(error))

    def said(self, source: str, said: str) -> MlopsError:
        """Make a sentence of what connectorx says."""
        return self._sentence(source, said.partition("SqlState(E")[2][:5], said)

    def _sentence(self, source: str, state: str, said: str) -> MlopsError:
        return self.sentence(source, _why(state, said.lower()), said.split("DETAIL:")[0])

    def names(self, table: "Table") -> list[str]:
        """Name all columns that a table has there; see `Landed`."""
        with self.opened(table.source) as connection:
            return catalogue.names(connection, table, DIALECT)

    def examined(self, name: str) -> Iterator[Looked]:
        """Look at the connection, the permission and the clock; see `Landed`."""
        with self.opened(name) as connection:
            yield Looked("connection", True, f"{self.shown(name)} answers")
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
    there = catalogue.columns(connection, whose, table, DIALECT, _lacks)
    known = dict(
        connection.execute(
            "SELECT oid::int8, typname FROM pg_type WHERE oid = ANY(%s)",
            [[one.type_code for one in there.values()]],
        ).fetchall()
    )
    for name, one in there.items():
        digits = (one.precision, one.scale)
        yield _taken(name, known[one.type_code], digits, table.columns.get(name))


def _lacks(error: Exception) -> bool:
    return getattr(error, "sqlstate", None) == "42703"  # undefined column


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
    if column is not None and column.kind in ("json", *PARTS):
        written = kind in ("text", "varchar", "bpchar", "json", "jsonb")
        return as_text if written else Taken(name, f"to_json({own})::text", pa.string())
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
    "28": NOT_IN,
    "3D": "has no such database: correct its address",
    "42501": "does not permit it: ask for SELECT on this table",
    "42P07": "has a table of that name already, and nothing was written: name another database",
    "42P01": "has no such table: correct `path` or `query`",
    "3F": "has no such schema: correct `path` or `query`",
    "42": "cannot read the statement: correct `path`, `query`, `key` or `cursor`",
    "22": "cannot take a value: correct the query, or declare the column's type as string",
    "53100": "has no room left on its disk",
}


def _why(state: str, said: str) -> str | None:
    """Find what to do by the state, or by what is said in small letters where there is none."""
    if "fromsql" in said:  # the driver has read it, and cannot make of it what it should
        return STATES["22"]
    if state:
        return next((text for begin, text in STATES.items() if state.startswith(begin)), None)
    if "authentication failed" in said or "no password supplied" in said:
        return STATES["28"]
    if "does not exist" in said and "database" in said:
        return STATES["3D"]
    if ("role" in said and "does not exist" in said) or "pg_hba" in said:
        return STATES["28"]
    return None


SOURCE = Postgresql
