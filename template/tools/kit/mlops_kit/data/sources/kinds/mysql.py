"""MySQL and MariaDB: pymysql asks what there is, connectorx reads it."""

import contextlib
import datetime
import functools
import json
import re
import ssl
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import parse_qs, quote, unquote, urlsplit, urlunsplit

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.sources.base import NOT_IN, Landed, Looked
from mlops_kit.data.sources.look import clock, looked
from mlops_kit.data.sources.missing import missing_group
from mlops_kit.data.sources.sql import catalogue
from mlops_kit.data.sources.sql.reader import Reader
from mlops_kit.data.sources.sql.statement import Dialect, Taken, sorted_as_here
from mlops_kit.data.sources.sql.stream import AFTER, DIGITS

if TYPE_CHECKING:
    import polars
    import pyarrow

    from mlops_kit.data.config import Column, Table

SECONDS, PATIENCE = 10, 60  # for a connection, for an answer about the catalogue
BINARY = 63  # the character set of what is no text
UNSIGNED = 32  # among a column's flags
WRITES = re.compile(r"\b(ALL PRIVILEGES|INSERT|UPDATE|DELETE|DROP|ALTER|CREATE)\b")


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _text(text: str) -> str:
    """Write a text so that no mode of the server reads it otherwise."""
    return f"CONVERT(x'{text.encode().hex()}' USING utf8mb4)"


def _moment(text: str, zoned: bool) -> str:
    """Write a time without a zone as it is, and a moment as seconds since 1970."""
    if not zoned:
        return f"'{text}'"
    there = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)
    since = there - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    micro = since // datetime.timedelta(microseconds=1)
    return f"{micro // 1_000_000}.{micro % 1_000_000:06}"


def _at_least(name: str, value: str, zoned: bool) -> str:
    """Compare moments as the seconds that they are: a zone's local time has an hour twice."""
    if not zoned:
        return f"{name} >= {value}"
    return f"({name} >= FROM_UNIXTIME({value} - 7200) AND UNIX_TIMESTAMP({name}) >= {value})"


# As what types of polars are kept, by their names.
SEEDED = {"Int64": "bigint", "Float64": "double", "Date": "date", "List": "json",
          "Datetime": "datetime(6)", "String": "text"}  # fmt: skip
DIALECT = Dialect(_quoted, _text, _moment, at_least=_at_least)


class Mysql(Landed):
    """A MySQL or MariaDB database."""

    kind: Literal["mysql"]  # type: ignore[assignment]

    schemes: ClassVar[tuple[str, ...]] = ("mysql", "mariadb")
    group: ClassVar[str] = "mysql"

    @contextlib.contextmanager
    def connected(self, name: str, table: "Table") -> Iterator[Reader]:
        """Open a connection for one table; see `Landed`."""
        with self.opened(table.source) as connection:
            whose = f"{name} of {table.source}"
            there = catalogue.columns(connection, whose, table, DIALECT, _lacks, _fields)
            columns = [_taken(one, its, table.columns.get(one), whose)
                       for one, its in there.items()]  # fmt: skip
            yield Reader(
                whose,
                table,
                DIALECT,
                columns,
                sorted_as_here(columns, table),
                lambda statement: _one_row(connection, statement)[0],
                self.whole_address(table.source),
                self.batch,
                functools.partial(self.said, table.source),
            )

    @contextlib.contextmanager
    def opened(self, source: str) -> Iterator[Any]:
        """Open a connection."""
        try:
            import pymysql
        except ImportError:
            raise missing_group(self.kind, self.group) from None
        place = urlsplit(self.here(source))
        options = {name: values[-1] for name, values in parse_qs(place.query).items()}
        with (
            catalogue.refusing(pymysql.MySQLError, self.refusal, source),
            pymysql.connect(
                host=place.hostname or "localhost",
                port=place.port or 3306,
                user=unquote(place.username or ""),
                password=self.secret(source) or "",
                database=unquote(place.path.lstrip("/")),
                charset="utf8mb4",
                connect_timeout=SECONDS,
                read_timeout=PATIENCE,
                init_command="SET time_zone = '+00:00'",
                ssl=_ssl(options),
                autocommit=True,
            ) as connection,
        ):
            yield connection

    def seed(self, source: str, tables: "Mapping[str, polars.DataFrame]") -> None:
        """Make tables that are not there yet; see `Seeded`. A list is JSON, as it is here."""
        made: list[str] = []
        with self.opened(source) as connection, connection.cursor() as cursor:
            try:
                for name, rows in tables.items():
                    columns = ", ".join(
                        f"{_quoted(one)} {SEEDED[str(kind.base_type())]}"
                        for one, kind in rows.schema.items()
                    )
                    cursor.execute(f"CREATE TABLE {_quoted(name)} ({columns})")
                    made.append(name)
                    marks = ", ".join(["%s"] * rows.width)
                    written = ([json.dumps(one) if isinstance(one, list) else one for one in row]
                               for row in rows.iter_rows())  # fmt: skip
                    statement = f"INSERT INTO {_quoted(name)} VALUES ({marks})"
                    cursor.executemany(statement, written)
            except BaseException:
                for name in made:
                    cursor.execute(f"DROP TABLE {_quoted(name)}")
                raise

    def whole_address(self, source: str) -> str:
        """Return the address with the password, for connectorx alone."""
        place = urlsplit(self.here(source))
        host = place.netloc
        if (secret := self.secret(source)) is not None:
            user, _, rest = place.netloc.rpartition("@")
            host = f"{user}:{quote(secret, safe='')}@{rest}"
        return urlunsplit(("mysql", host, place.path, place.query, ""))

    def refusal(self, source: str, error: Any) -> MlopsError:
        """Make a sentence of what pymysql raised."""
        code, said = (error.args[0], error.args[-1]) if error.args else (0, error)
        return self.sentence(source, CODES.get(code), str(said))

    def said(self, source: str, said: str) -> MlopsError:
        """Make a sentence of what connectorx says."""
        code = re.search(r"ERROR (\d{4})", said)
        return self.sentence(source, CODES.get(int(code[1])) if code else None, said)

    def names(self, table: "Table") -> list[str]:
        """Name all columns that a table has there; see `Landed`."""
        with self.opened(table.source) as connection:
            return catalogue.names(connection, table, DIALECT)

    def examined(self, name: str) -> Iterator[Looked]:
        """Look at the connection, the permission and the clock; see `Landed`."""
        with self.opened(name) as connection:
            yield Looked("connection", True, f"{self.shown(name)} answers")
            with connection.cursor() as cursor:
                cursor.execute("SHOW GRANTS")
                grants = [str(row[0]) for row in cursor.fetchall()]
            may = [found[1] for one in grants if (found := WRITES.search(one.partition(" ON ")[0]))]
            yield from looked(f"by {may[0]}" if may else None)
            (seconds,) = _one_row(connection, "SELECT UNIX_TIMESTAMP(NOW(6))")
            yield clock(float(seconds))


def _ssl(options: dict[str, str]) -> ssl.SSLContext | None:
    """Return how TLS is spoken, if the address asks for it in the words of connectorx."""
    if options.get("require_ssl") != "true":
        return None
    context = ssl.create_default_context()
    if options.get("verify_ca") == "false" or options.get("verify_identity") == "false":
        context.check_hostname = False
    if options.get("verify_ca") == "false":
        context.verify_mode = ssl.CERT_NONE
    return context


def _one_row(connection: Any, statement: str) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone() or (None,)


def _lacks(error: Exception) -> bool:
    return error.args[:1] == (1054,)  # unknown column


def _fields(cursor: Any) -> Any:
    """Not in `description`: whether a number has a sign, and a text a character set."""
    return cursor._result.fields


def _taken(name: str, one: Any, column: "Column | None", whose: str) -> Taken:
    """Choose how a column is asked for, so that nothing of it is lost."""
    import pyarrow as pa
    from pymysql.constants import FIELD_TYPE as KIND

    own = _quoted(name)
    plain = _plain(one)
    binary = one.charsetnr == BINARY
    texts = (KIND.VARCHAR, KIND.VAR_STRING, KIND.STRING, KIND.BLOB, KIND.TINY_BLOB,
             KIND.MEDIUM_BLOB, KIND.LONG_BLOB, KIND.ENUM, KIND.SET, KIND.JSON)  # fmt: skip
    if one.type_code == KIND.GEOMETRY:
        raise MlopsError(
            f'"{name}" of {whose} is a geometry: write a query with ST_AsText, or leave it out.'
        )
    if binary and one.type_code == KIND.JSON:  # as MySQL says of JSON, which MariaDB has as text
        return Taken(name, f"CONVERT({own} USING utf8mb4)", pa.string())
    if one.type_code in texts:
        return Taken(name, own, pa.binary() if binary else pa.string())
    if column is not None and column.type == "string":
        return Taken(name, f"CAST({own} AS CHAR)", pa.string())
    if one.type_code == KIND.BIT:
        return Taken(name, f"CAST({own} AS UNSIGNED)", pa.uint64())
    if one.type_code == KIND.TIMESTAMP:
        # Its internal value, whatever zone the session has.
        exact = f"CAST(UNIX_TIMESTAMP({own}) * 1000000 AS SIGNED)"
        return Taken(name, exact, pa.timestamp("us", "UTC"))
    if one.type_code in (KIND.DECIMAL, KIND.NEWDECIMAL):
        signs = (one.scale > 0) + (not one.flags & UNSIGNED)
        precision = one.length - signs
        if precision > 38:
            return Taken(name, f"CAST({own} AS CHAR)", pa.string())
        fits = precision <= DIGITS and one.scale <= AFTER
        exact = own if fits else f"CAST({own} AS CHAR)"
        return Taken(name, exact, pa.decimal128(precision, one.scale))
    return Taken(name, own, plain) if plain else Taken(
        name, f"CAST({own} AS CHAR)", pa.string())  # fmt: skip


def _plain(one: Any) -> "pyarrow.DataType | None":
    """Return the type of numbers, dates and times."""
    import pyarrow as pa
    from pymysql.constants import FIELD_TYPE as KIND

    signed = not one.flags & UNSIGNED
    return {
        KIND.TINY: pa.int8() if signed else pa.uint8(),
        KIND.SHORT: pa.int16() if signed else pa.uint16(),
        KIND.INT24: pa.int32() if signed else pa.uint32(),
        KIND.LONG: pa.int32() if signed else pa.uint32(),
        KIND.LONGLONG: pa.int64() if signed else pa.uint64(),
        KIND.YEAR: pa.int16(),
        KIND.FLOAT: pa.float32(),
        KIND.DOUBLE: pa.float64(),
        KIND.DATE: pa.date32(),
        KIND.NEWDATE: pa.date32(),
        KIND.DATETIME: pa.timestamp("us"),
        KIND.TIME: pa.time64("us"),
    }.get(one.type_code)


# By the server's own numbers of errors, and what to do.
CODES = {
    1050: "has a table of that name already, and nothing was written: name another database",
    1044: "does not permit it: ask for SELECT on this database",
    1045: NOT_IN,
    1049: "has no such database: correct its address",
    1142: "does not permit it: ask for SELECT on this table",
    1143: "does not permit it: ask for SELECT on these columns",
    1146: "has no such table: correct `path` or `query`",
    1054: "has no such column: correct `query`, `key` or `cursor`",
    1064: "cannot read the statement: correct `path` or `query`",
    1130: "does not let this machine in: ask whoever keeps it",
    1698: NOT_IN,
}


SOURCE = Mysql
