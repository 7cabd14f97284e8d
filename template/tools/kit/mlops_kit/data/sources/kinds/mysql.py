"""MySQL and MariaDB: pymysql asks what there is, connectorx reads it."""

import contextlib
import datetime
import re
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import parse_qs, quote, unquote, urlsplit, urlunsplit

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.sources.base import Broken, Landed, Looked
from mlops_kit.data.sources.declared import asked_columns
from mlops_kit.data.sources.look import clock, looked
from mlops_kit.data.sources.missing import missing_column, missing_group
from mlops_kit.data.sources.sql.reader import Reader, without
from mlops_kit.data.sources.sql.statement import Dialect, Taken, source_of
from mlops_kit.data.sources.sql.stream import AFTER, DIGITS

if TYPE_CHECKING:
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
            columns = list(_columns(connection, whose, table))
            # Texts are sorted as people read them, so that two of them may be equal there, and
            # moments are compared in local time, which has an hour twice.
            kinds = {str(one.type) for one in columns if one.name in table.key}
            doubtful = kinds & {"string", "timestamp[us, tz=UTC]"}
            ordered = bool(table.cursor and table.key) and not doubtful
            yield Reader(
                whose,
                table,
                DIALECT,
                columns,
                ordered,
                lambda statement: _one_row(connection, statement)[0],
                self.whole_address(table.source),
                self.batch,
                lambda said: self.said(table.source, said),
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
        try:
            connection = pymysql.connect(
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
            )
        except pymysql.MySQLError as error:
            raise self.refusal(source, error) from None
        try:
            yield connection
        except pymysql.MySQLError as error:
            raise self.refusal(source, error) from None
        finally:
            with contextlib.suppress(pymysql.MySQLError, OSError):
                connection.close()

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
        code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        said = str(error.args[-1]) if error.args else str(error)
        return sentence(self.shown(source), code, without(said, self.secret(source)))

    def said(self, source: str, said: str) -> MlopsError:
        """Make a sentence of what connectorx says."""
        said = without(said, self.secret(source))
        if "Couldn't convert the value" in said:
            return MlopsError(
                f"A date or time of {self.shown(source)} is none, such as 0000-00-00, or a time "
                "beyond a day: declare its type as string in conf/sources.yaml, and it comes as "
                "text."
            )
        code = re.search(r"ERROR (\d{4})", said)
        return sentence(self.shown(source), int(code[1]) if code else 0, said)

    def names(self, table: "Table") -> list[str]:
        """Name all columns that a table has there; see `Landed`."""
        with self.opened(table.source) as connection:
            return _names(connection, table)

    def examined(self, tables: "dict[str, Table]") -> Iterator[Looked]:
        """Look at the connection, the permission and the clock; see `Landed`."""
        source = next(iter(tables.values())).source
        with self.opened(source) as connection:
            yield Looked("connection", True, f"{self.shown(source)} answers")
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


def _columns(connection: Any, whose: str, table: "Table") -> Iterator[Taken]:
    """Ask which types the columns have there."""
    import pymysql

    asked, place = asked_columns(table), source_of(table, DIALECT)
    names = ", ".join(map(_quoted, asked))
    try:
        described = _described(connection, f"SELECT {names} FROM {place} LIMIT 0")
    except pymysql.MySQLError as error:
        if error.args[0] != 1054:  # unknown column
            raise
        there = _names(connection, table)
        raise missing_column(whose, asked, there) from None
    for one in described:
        yield _taken(one, table.columns.get(one.name), whose)


def _names(connection: Any, table: "Table") -> list[str]:
    place = source_of(table, DIALECT)
    return [one.name for one in _described(connection, f"SELECT * FROM {place} LIMIT 0")]


def _described(connection: Any, statement: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        # Not in `description`: whether a number has a sign, and a text a character set.
        return list(cursor._result.fields)


def _taken(one: Any, column: "Column | None", whose: str) -> Taken:
    """Choose how a column is asked for, so that nothing of it is lost."""
    import pyarrow as pa
    from pymysql.constants import FIELD_TYPE as KIND

    own = _quoted(one.name)
    plain = _plain(one)
    binary = one.charsetnr == BINARY
    texts = (KIND.VARCHAR, KIND.VAR_STRING, KIND.STRING, KIND.BLOB, KIND.TINY_BLOB,
             KIND.MEDIUM_BLOB, KIND.LONG_BLOB, KIND.ENUM, KIND.SET, KIND.JSON)  # fmt: skip
    if one.type_code == KIND.GEOMETRY:
        raise MlopsError(
            f'"{one.name}" of {whose} is a geometry: write a query with ST_AsText, or leave it out.'
        )
    if one.type_code in texts:
        return Taken(one.name, own, pa.binary() if binary else pa.string())
    if column is not None and column.type == "string":
        return Taken(one.name, f"CAST({own} AS CHAR)", pa.string())
    if one.type_code == KIND.BIT:
        return Taken(one.name, f"CAST({own} AS UNSIGNED)", pa.uint64())
    if one.type_code == KIND.TIMESTAMP:
        # Its internal value, whatever zone the session has.
        exact = f"CAST(UNIX_TIMESTAMP({own}) * 1000000 AS SIGNED)"
        return Taken(one.name, exact, pa.timestamp("us", "UTC"))
    if one.type_code in (KIND.DECIMAL, KIND.NEWDECIMAL):
        signs = (one.scale > 0) + (not one.flags & UNSIGNED)
        precision = one.length - signs
        if precision > 38:
            return Taken(one.name, f"CAST({own} AS CHAR)", pa.string())
        fits = precision <= DIGITS and one.scale <= AFTER
        exact = own if fits else f"CAST({own} AS CHAR)"
        return Taken(one.name, exact, pa.decimal128(precision, one.scale))
    return Taken(one.name, own, plain) if plain else Taken(
        one.name, f"CAST({own} AS CHAR)", pa.string())  # fmt: skip


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
    1044: "does not permit it: ask for SELECT on this database",
    1045: "does not let this user in: check the user in its address and its password",
    1049: "has no such database: correct its address",
    1142: "does not permit it: ask for SELECT on this table",
    1143: "does not permit it: ask for SELECT on these columns",
    1146: "has no such table: correct `path` or `query`",
    1054: "has no such column: correct `query`, `key` or `cursor`",
    1064: "cannot read the statement: correct `path` or `query`",
    1130: "does not let this machine in: ask whoever keeps it",
    1698: "does not let this user in: check the user in its address and its password",
}


def sentence(shown: str, code: int, said: str) -> MlopsError:
    """Say what refuses, why, and what to do; whether trying again may help, its type says."""
    first = said[:200].rstrip(".")
    if why := CODES.get(code):
        return MlopsError(f"{shown} {why} ({first}).")
    return Broken(f"{shown} does not answer, or broke off ({first})")


SOURCE = Mysql
