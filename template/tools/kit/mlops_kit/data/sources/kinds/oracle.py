"""Oracle by python-oracledb's thin mode: no client has to be installed."""

import contextlib
import functools
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import unquote, urlsplit

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.sql import literal
from mlops_kit.data.sources.base import NOT_IN, Landed, Looked
from mlops_kit.data.sources.look import clock, looked
from mlops_kit.data.sources.missing import missing_group
from mlops_kit.data.sources.sql import catalogue
from mlops_kit.data.sources.sql.cursor import Paged, folded
from mlops_kit.data.sources.sql.statement import Dialect, Taken

if TYPE_CHECKING:
    from mlops_kit.data.config import Column, Table

SECONDS = 10  # for a connection
DIALECT = Dialect(
    folded,
    literal,
    lambda text, zoned: f"TIMESTAMP '{text}{' +00:00' * zoned}'",
    "FETCH FIRST {rows} ROWS ONLY",
    day=lambda text: f"DATE '{text}'",
)
POINT = "'NLS_NUMERIC_CHARACTERS=''. '''"
MAY_WRITE = """
SELECT privilege || ' on ' || table_name FROM all_tab_privs_recd
WHERE privilege IN ('INSERT', 'UPDATE', 'DELETE', 'ALTER') AND ROWNUM = 1
UNION ALL SELECT privilege FROM session_privs
WHERE privilege IN ('CREATE TABLE', 'INSERT ANY TABLE', 'UPDATE ANY TABLE', 'DELETE ANY TABLE')
AND ROWNUM = 1
"""
CLOCK = """
SELECT (CAST(SYS_EXTRACT_UTC(SYSTIMESTAMP) AS DATE) - DATE '1970-01-01') * 86400 FROM dual
"""


class Oracle(Landed):
    """An Oracle database; the last part of its address is the name of a service."""

    kind: Literal["oracle"]  # type: ignore[assignment]

    schemes: ClassVar[tuple[str, ...]] = ("oracle",)
    group: ClassVar[str] = "oracle"

    @contextlib.contextmanager
    def connected(self, name: str, table: "Table") -> Iterator[Paged]:
        """Open a connection for one table; see `Landed`."""
        with self.opened(table.source) as connection:
            whose = f"{name} of {table.source}"
            there = catalogue.columns(connection, whose, table, DIALECT, _lacks)
            yield Paged(
                whose,
                table,
                DIALECT,
                [taken(one, its, table.columns.get(one)) for one, its in there.items()],
                connection.cursor,
                self.batch,
                functools.partial(self.refusal, table.source),
            )

    @contextlib.contextmanager
    def opened(self, source: str) -> Iterator[Any]:
        """Open a connection whose numbers are exact and whose texts come whole."""
        try:
            import oracledb
        except ImportError:
            raise missing_group(self.kind, self.group) from None
        place = urlsplit(self.here(source))
        with (
            catalogue.refusing(oracledb.Error, self.refusal, source),
            oracledb.connect(
                user=unquote(place.username or ""),
                password=self.secret(source),
                host=place.hostname,
                port=place.port or 1521,
                service_name=unquote(place.path.lstrip("/")),
                tcp_connect_timeout=SECONDS,
            ) as connection,
        ):
            connection.outputtypehandler = exactly
            yield connection

    def refusal(self, source: str, error: Exception) -> MlopsError:
        """Make a sentence of what oracledb raised."""
        code = _code(error)
        why = next((text for begin, text in CODES.items() if code.startswith(begin)), None)
        return self.sentence(source, why, str(error))

    def names(self, table: "Table") -> list[str]:
        """Name all columns that a table has there; see `Landed`."""
        with self.opened(table.source) as connection:
            return catalogue.names(connection, table, DIALECT)

    def examined(self, name: str) -> Iterator[Looked]:
        """Look at the connection, the permission and the clock; see `Landed`."""
        with self.opened(name) as connection, connection.cursor() as cursor:
            yield Looked("connection", True, f"{self.shown(name)} answers")
            row = cursor.execute(MAY_WRITE).fetchone()
            yield from looked(None if row is None else f"by {row[0]}")
            yield clock(float(cursor.execute(CLOCK).fetchone()[0]))


def exactly(cursor: Any, column: Any) -> Any:
    """Have numbers as decimals, and long texts and bytes whole, as oracledb asks for it."""
    import oracledb

    kinds = {
        oracledb.DB_TYPE_NUMBER: Decimal,
        oracledb.DB_TYPE_CLOB: oracledb.DB_TYPE_LONG,
        oracledb.DB_TYPE_NCLOB: oracledb.DB_TYPE_LONG_NVARCHAR,
        oracledb.DB_TYPE_BLOB: oracledb.DB_TYPE_LONG_RAW,
    }
    if column.type_code in kinds:
        return cursor.var(kinds[column.type_code], arraysize=cursor.arraysize)
    return None


def _code(error: Exception) -> str:
    return getattr(error.args[0], "full_code", "") if error.args else ""


def _lacks(error: Exception) -> bool:
    return _code(error) == "ORA-00904"  # invalid identifier


def taken(name: str, one: Any, column: "Column | None") -> Taken:
    """Choose how a column is asked for, so that nothing of it is lost.

    Parameters
    ----------
    one : tuple
        Its entry of the cursor's description: name, type, sizes, precision, scale.
    """
    import oracledb
    import pyarrow as pa

    own, kind, precision, scale = folded(name), one[1], one[4], one[5]
    text = column is not None and column.type == "string"
    if kind in (oracledb.DB_TYPE_RAW, oracledb.DB_TYPE_LONG_RAW, oracledb.DB_TYPE_BLOB):
        return Taken(name, own, pa.binary())
    if kind == oracledb.DB_TYPE_NUMBER:
        known = bool(precision) and 0 <= (scale or 0) <= precision <= 38
        if text or not known:
            return Taken(name, f"TO_CHAR({own}, 'TM9', {POINT})", pa.string())
        if not scale and precision <= 18:
            return Taken(name, own, pa.int64())
        return Taken(name, own, pa.decimal128(precision, scale or 0))
    if kind == oracledb.DB_TYPE_DATE:  # it has a time of day
        form = f"TO_CHAR({own}, 'YYYY-MM-DD HH24:MI:SS')"
        return Taken(name, form, pa.string()) if text else Taken(name, own, pa.timestamp("us"))
    if kind == oracledb.DB_TYPE_TIMESTAMP:
        form = f"TO_CHAR({own}, 'YYYY-MM-DD HH24:MI:SS.FF')"
        # Python's times end with microseconds.
        if text or (scale or 0) > 6:
            return Taken(name, form, pa.string())
        return Taken(name, own, pa.timestamp("us"))
    if kind in (oracledb.DB_TYPE_TIMESTAMP_TZ, oracledb.DB_TYPE_TIMESTAMP_LTZ):
        moment = f"SYS_EXTRACT_UTC(CAST({own} AS TIMESTAMP WITH TIME ZONE))"
        if text or (scale or 0) > 6:
            return Taken(name, f"TO_CHAR({moment}, 'YYYY-MM-DD\"T\"HH24:MI:SS.FF') || '+00:00'",
                         pa.string())  # fmt: skip
        return Taken(name, moment, pa.timestamp("us", "UTC"))
    plain = {
        oracledb.DB_TYPE_BINARY_DOUBLE: pa.float64(),
        oracledb.DB_TYPE_BINARY_FLOAT: pa.float32(),
        oracledb.DB_TYPE_BOOLEAN: pa.bool_(),
    }
    if kind in plain and not text:
        return Taken(name, own, plain[kind])
    if kind == oracledb.DB_TYPE_JSON:
        return Taken(name, f"JSON_SERIALIZE({own} RETURNING CLOB)", pa.string())
    texts = (oracledb.DB_TYPE_VARCHAR, oracledb.DB_TYPE_NVARCHAR, oracledb.DB_TYPE_CHAR,
             oracledb.DB_TYPE_NCHAR, oracledb.DB_TYPE_CLOB, oracledb.DB_TYPE_NCLOB,
             oracledb.DB_TYPE_LONG)  # fmt: skip
    return Taken(name, own if kind in texts else f"TO_CHAR({own})", pa.string())


# By Oracle's own codes, and what to do.
CODES = {
    "ORA-01017": NOT_IN,
    "ORA-28000": "does not let this user in: the account is locked",
    "ORA-01045": "does not let this user in: ask for CREATE SESSION",
    "ORA-00942": "has no such table, or does not permit it: correct `path` or `query`, or ask for "
    "SELECT on it",
    "ORA-01031": "does not permit it: ask for SELECT on this table",
    "ORA-00904": "has no such column: correct `query`, `key` or `cursor`",
    "ORA-12514": "has no such service: correct the last part of its address",
    "DPY-6001": "has no such service: correct the last part of its address",
    "ORA-009": "cannot read the statement: correct `path` or `query`",
}


SOURCE = Oracle
