"""DB2 by ibm_db, which brings IBM's client with it."""

import contextlib
import functools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

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
    lambda text, zoned: f"TIMESTAMP '{text}'",
    "FETCH FIRST {rows} ROWS ONLY",
    day=lambda text: f"DATE '{text}'",
)
MAY_WRITE = """
SELECT RTRIM(TABSCHEMA) || '.' || TABNAME FROM SYSCAT.TABAUTH WHERE GRANTEE IN (USER, 'PUBLIC')
AND ('Y' IN (INSERTAUTH, UPDATEAUTH, DELETEAUTH) OR 'G' IN (INSERTAUTH, UPDATEAUTH, DELETEAUTH))
FETCH FIRST 1 ROWS ONLY
"""
CLOCK = """
SELECT (DAYS(CURRENT TIMESTAMP - CURRENT TIMEZONE) - DAYS('1970-01-01')) * 86400
+ MIDNIGHT_SECONDS(CURRENT TIMESTAMP - CURRENT TIMEZONE) FROM SYSIBM.SYSDUMMY1
"""


class Db2(Landed):
    """A DB2 database; parameters of its address are keywords of IBM's client, as `Security=SSL`."""

    kind: Literal["db2"]  # type: ignore[assignment]

    schemes: ClassVar[tuple[str, ...]] = ("db2",)
    group: ClassVar[str] = "db2"

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
        """Open a connection."""
        try:
            import ibm_db_dbi
        except ImportError:
            raise missing_group(self.kind, self.group) from None
        place = urlsplit(self.here(source))
        words = {
            "DATABASE": unquote(place.path.lstrip("/")), "HOSTNAME": place.hostname or "localhost",
            "PORT": str(place.port or 50000), "PROTOCOL": "TCPIP",
            "UID": unquote(place.username or ""), "PWD": self.secret(source) or "",
            "ConnectTimeout": str(SECONDS), **dict(parse_qsl(place.query)),
        }  # fmt: skip
        if odd := next((name for name, word in words.items() if ";" in word), None):
            raise MlopsError(f"{self.shown(source)}: IBM's client takes no semicolon in {odd}.")
        joined = "".join(f"{name}={word};" for name, word in words.items())
        with catalogue.refusing(ibm_db_dbi.Error, self.refusal, source):
            connection = ibm_db_dbi.connect(joined, "", "")
            try:
                yield connection
            finally:
                with contextlib.suppress(ibm_db_dbi.Error):
                    connection.close()

    def refusal(self, source: str, error: Exception) -> MlopsError:
        """Make a sentence of what ibm_db raised."""
        code = re.search(r"\bSQL(\d{4,5})N?\b", str(error))
        return self.sentence(source, CODES.get(code[1]) if code else None, str(error))

    def names(self, table: "Table") -> list[str]:
        """Name all columns that a table has there; see `Landed`."""
        with self.opened(table.source) as connection:
            return catalogue.names(connection, table, DIALECT)

    def examined(self, name: str) -> Iterator[Looked]:
        """Look at the connection, the permission and the clock; see `Landed`."""
        with self.opened(name) as connection:
            yield Looked("connection", True, f"{self.shown(name)} answers")
            cursor = connection.cursor()
            cursor.execute(MAY_WRITE)
            row = cursor.fetchone()
            yield from looked(None if not row else str(row[0]))
            cursor.execute(CLOCK)
            yield clock(float(cursor.fetchone()[0]))


def _lacks(error: Exception) -> bool:
    return "SQL0206N" in str(error)  # the column is not valid where it is used


def taken(name: str, one: Any, column: "Column | None") -> Taken:
    """Choose how a column is asked for, so that nothing of it is lost.

    Parameters
    ----------
    one : list
        Its entry of the cursor's description: name, type, sizes, precision, scale.
    """
    import ibm_db_dbi
    import pyarrow as pa

    own, kind, precision, scale = folded(name), one[1], one[4], one[5]
    as_text = Taken(name, f"VARCHAR({own})", pa.string())
    if kind in (ibm_db_dbi.STRING, ibm_db_dbi.TEXT):
        return Taken(name, own, pa.string())
    if kind == ibm_db_dbi.XML:
        return Taken(name, f"XMLSERIALIZE({own} AS CLOB(2G))", pa.string())
    if kind == ibm_db_dbi.BINARY:
        return Taken(name, own, pa.binary())
    if column is not None and column.type == "string":
        return as_text
    if kind == ibm_db_dbi.DECIMAL and 0 <= scale <= precision <= 31:
        return Taken(name, own, pa.decimal128(precision, scale))
    # A timestamp may have twelve digits after the second; Python's has six.
    if kind == ibm_db_dbi.DATETIME and scale > 6:
        return as_text
    plain = (
        (ibm_db_dbi.NUMBER, pa.int64()), (ibm_db_dbi.BIGINT, pa.int64()),
        (ibm_db_dbi.FLOAT, pa.float64()), (ibm_db_dbi.DATE, pa.date32()),
        (ibm_db_dbi.TIME, pa.time64("us")), (ibm_db_dbi.DATETIME, pa.timestamp("us")),
        (ibm_db_dbi.BOOLEAN, pa.bool_()),
    )  # fmt: skip
    return next((Taken(name, own, type_) for its, type_ in plain if its == kind), as_text)


# By DB2's own numbers, and what to do.
CODES = {
    "30082": NOT_IN,
    "1060": "does not let this user in: ask for CONNECT on this database",
    "1013": "has no such database: correct the last part of its address",
    "0204": "has no such table: correct `path` or `query`",
    "0551": "does not permit it: ask for SELECT on this table",
    "0206": "has no such column: correct `query`, `key` or `cursor`",
    "0104": "cannot read the statement: correct `path` or `query`",
}


SOURCE = Db2
