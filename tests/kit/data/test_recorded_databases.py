"""Oracle and DB2 against recorded cursors, and their real drivers against a closed port.

Stub: no Oracle and no DB2 server was run, and none of AlloyDB. What the servers say is from their
manuals; the drivers are the real ones.
"""

import datetime
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ibm_db_dbi
import oracledb
import pyarrow as pa
import pytest
from databases import VARIABLE, landed, left, place, snapshot, written
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import Table
from mlops_kit.data.sources.base import Broken, Wanted
from mlops_kit.data.sources.kinds import db2, oracle
from mlops_kit.data.sources.registry import kinds
from mlops_kit.data.sources.sql.cursor import folded
from mlops_kit.data.sources.sql.statement import select

U = datetime.UTC
DAY = datetime.datetime(2026, 1, 1)
COLUMNS = {
    "id": {"type": "integer"},
    "price": {"type": "decimal(30,10)"},
    "changed": {"type": "timestamp", "nullable": True},
    "note": {"type": "string", "nullable": True},
}
PAYS = Decimal("12345678901234567890.0123456789")
RECORDED = [(n, PAYS, DAY + n * datetime.timedelta(minutes=1), f"\U0001f600 {n}") for n in range(7)]
DESCRIBED = {
    "oracle": [
        ("ID", oracledb.DB_TYPE_NUMBER, 11, None, 10, 0, False),
        ("PRICE", oracledb.DB_TYPE_NUMBER, 32, None, 30, 10, False),
        ("CHANGED", oracledb.DB_TYPE_TIMESTAMP, 23, 11, 0, 6, True),
        ("NOTE", oracledb.DB_TYPE_VARCHAR, 100, 400, None, None, True),
    ],
    "db2": [
        ["ID", ibm_db_dbi.NUMBER, 11, 11, 10, 0, False],
        ["PRICE", ibm_db_dbi.DECIMAL, 32, 32, 30, 10, False],
        ["CHANGED", ibm_db_dbi.DATETIME, 26, 26, 26, 6, True],
        ["NOTE", ibm_db_dbi.STRING, 100, 100, 100, 0, True],
    ],
}
MODULES = {"oracle": oracle, "db2": db2}
DRIVERS = {"oracle": oracledb, "db2": ibm_db_dbi}


class Cursor:
    """What a cursor of a driver gave once: its description, and its rows page by page."""

    def __init__(self, kind: str, told: list[str], breaks: Exception | None = None) -> None:
        self.kind, self.told, self.breaks = kind, told, breaks
        self.rows: Iterator[tuple[Any, ...]] = iter(())
        self.description, self.arraysize = DESCRIBED[kind], 1

    def __enter__(self) -> "Cursor":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close nothing."""

    def execute(self, statement: str) -> "Cursor":
        self.told.append(statement)
        behind = statement.partition('"ID" > ')[2].partition(")")[0]
        chosen = [row for row in RECORDED if row[0] > int(behind or -1)]
        self.rows = iter([(row[2],) for row in RECORDED[-1:]] if "max(" in statement else chosen)
        return self

    def fetchone(self) -> Any:
        return next(self.rows, None)

    def fetchmany(self, count: int) -> list[tuple[Any, ...]]:
        page = [row for _, row in zip(range(count), self.rows, strict=False)]
        if self.breaks is not None and page and page[0][0] > 2:
            error, self.breaks = self.breaks, None
            raise error
        return page


class Recorded:
    """An open connection that gives recorded cursors."""

    def __init__(self, kind: str, breaks: Exception | None = None) -> None:
        self.kind, self.told, self.breaks = kind, [], breaks

    def __enter__(self) -> "Recorded":
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing."""

    def close(self) -> None:
        """Close nothing."""

    def cursor(self) -> Cursor:
        breaks, self.breaks = (self.breaks, None) if len(self.told) > 1 else (None, self.breaks)
        return Cursor(self.kind, self.told, breaks)


@pytest.fixture(params=["oracle", "db2"])
def kind(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    entry = {"kind": request.param, "address": f"{request.param}://me@127.0.0.1:1/shop",
             "batch": 3, "retries": 0}  # fmt: skip
    table = {"path": "shop.lines", "columns": COLUMNS, "cursor": "changed", "key": ["id"]}
    written(tmp_path, monkeypatch, entry, {"lines": table}, "a-secret")
    return request.param


def connects(monkeypatch: pytest.MonkeyPatch, kind: str, connection: Recorded) -> None:
    monkeypatch.setattr(DRIVERS[kind], "connect", lambda *_, **__: connection)


def test_rows_come_page_by_page_in_their_types(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Recorded(kind)
    connects(monkeypatch, kind, connection)
    assert landed()[0].startswith("lines: 7 rows from db")
    found = snapshot("lines")
    assert found.rows() == RECORDED
    assert str(found.schema["price"]) == "Decimal(precision=30, scale=10)"
    assert connection.told[-1] == (
        'SELECT "ID" AS "ID", "PRICE" AS "PRICE", "CHANGED" AS "CHANGED", "NOTE" AS "NOTE" '
        'FROM "SHOP"."LINES" ORDER BY "ID"'
    )


def test_a_read_that_breaks_off_goes_on_behind_the_last_key(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broke = DRIVERS[kind].OperationalError("SQL30081N A communication error has been detected.")
    connects(monkeypatch, kind, Recorded(kind, broke))
    with pytest.raises(MlopsError, match="does not answer, or broke off"):
        landed()
    assert left("lines") == ["lines.landing"] and not place("lines").exists()
    connection = Recorded(kind)
    connects(monkeypatch, kind, connection)
    assert landed()[0].startswith("lines: 7 rows from db")
    assert sorted(snapshot("lines").rows()) == RECORDED
    assert '(("ID" > 2)) ORDER BY "ID"' in connection.told[-2]
    assert "WHERE (\"CHANGED\" >= TIMESTAMP '2026-01-01 00:06:00.000000'" in connection.told[-1]


def test_a_closed_port_is_one_sentence_without_the_password(kind: str) -> None:
    with pytest.raises(MlopsError) as told:
        landed()
    assert "does not answer, or broke off" in str(told.value)
    assert "a-secret" not in str(told.value) and "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("ORA-01017", "does not let this user in"), ("ORA-00942", "has no such table"),
        ("ORA-01031", "does not permit it"), ("ORA-00904", "has no such column"),
        ("ORA-12514", "has no such service"), ("ORA-00933", "cannot read the statement"),
        ("DPY-4011", "broke off"), ("ORA-03113", "broke off"),
    ],
)  # fmt: skip
def test_what_oracle_refuses_by_its_codes(code: str, says: str) -> None:
    source = oracle.Oracle.model_validate({"kind": "oracle", "address": "oracle://me@host/shop"})
    raised = oracledb.DatabaseError(SimpleNamespace(full_code=code))
    error = source.refusal("db", raised)
    assert says in str(error) and isinstance(error, Broken) == ("broke off" in says)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("SQL30082N  Security processing failed", "does not let this user in"),
        ("SQL0204N  \"SHOP.ROWS\" is an undefined name.", "has no such table"),
        ("SQL0551N  The statement failed", "does not permit it"),
        ("SQL1013N  The database alias name", "has no such database"),
        ("SQL30081N  A communication error", "broke off"),
    ],
)  # fmt: skip
def test_what_db2_refuses_by_its_numbers(
    said: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "a-secret")
    source = db2.Db2.model_validate(
        {"kind": "db2", "address": "db2://me@host/shop", "password": {"env": VARIABLE}}
    )
    error = source.refusal("db", ibm_db_dbi.OperationalError(f"[IBM] {said} PWD=a-secret;"))
    assert says in str(error) and "a-secret" not in str(error)


def described(kind: Any, precision: int | None = None, scale: int | None = None) -> Any:
    return ("X", kind, None, None, precision, scale, True)


@pytest.mark.parametrize(
    ("one", "expression", "type_"),
    [
        (described(oracledb.DB_TYPE_NUMBER, 18, 0), '"X"', pa.int64()),
        (described(oracledb.DB_TYPE_NUMBER, 38, 0), '"X"', pa.decimal128(38, 0)),
        (described(oracledb.DB_TYPE_NUMBER, 0, -127), "TO_CHAR(\"X\", 'TM9'", pa.string()),
        (described(oracledb.DB_TYPE_DATE), '"X"', pa.timestamp("us")),
        (described(oracledb.DB_TYPE_TIMESTAMP, 0, 9), 'TO_CHAR("X"', pa.string()),
        (described(oracledb.DB_TYPE_TIMESTAMP_TZ, 0, 6), "SYS_EXTRACT_UTC(",
         pa.timestamp("us", "UTC")),
        (described(oracledb.DB_TYPE_BLOB), '"X"', pa.binary()),
        (described(oracledb.DB_TYPE_CLOB), '"X"', pa.string()),
        (described(oracledb.DB_TYPE_BINARY_DOUBLE), '"X"', pa.float64()),
        (described(oracledb.DB_TYPE_INTERVAL_DS), 'TO_CHAR("X")', pa.string()),
    ],
)  # fmt: skip
def test_types_of_oracle_are_asked_for_so_that_nothing_is_lost(
    one: Any, expression: str, type_: pa.DataType
) -> None:
    found = oracle.taken("x", one, None)
    assert (found.expression.startswith(expression), found.type) == (True, type_)


@pytest.mark.parametrize(
    ("one", "expression", "type_"),
    [
        (described(ibm_db_dbi.BIGINT, 19, 0), '"X"', pa.int64()),
        (described(ibm_db_dbi.DECIMAL, 31, 10), '"X"', pa.decimal128(31, 10)),
        (described(ibm_db_dbi.DATETIME, 32, 12), 'VARCHAR("X")', pa.string()),
        (described(ibm_db_dbi.DATETIME, 26, 6), '"X"', pa.timestamp("us")),
        (described(ibm_db_dbi.BINARY, 9, 0), '"X"', pa.binary()),
        (described(ibm_db_dbi.XML, 0, 0), "XMLSERIALIZE(", pa.string()),
        (described(ibm_db_dbi.TIME, 8, 0), '"X"', pa.time64("us")),
    ],
)  # fmt: skip
def test_types_of_db2_are_asked_for_so_that_nothing_is_lost(
    one: Any, expression: str, type_: pa.DataType
) -> None:
    found = db2.taken("x", one, None)
    assert (found.expression.startswith(expression), found.type) == (True, type_)


def test_statements_compare_keys_and_cursors_as_each_database_writes_them() -> None:
    table = Table.model_validate(
        {"source": "db", "query": "SELECT * FROM t;", "columns": {"a": {"type": "integer"}},
         "cursor": "at", "key": ["a", "B c"]}
    )  # fmt: skip
    zoned = datetime.datetime(2026, 1, 1, 2, 0, 0, 1, tzinfo=U)
    wanted = Wanted(zoned, (datetime.date(2026, 1, 2), "it's"), 5)
    assert select(table, [], wanted, oracle.DIALECT, True) == (
        'SELECT  FROM (SELECT * FROM t) "ASKED" WHERE '
        '("AT" >= TIMESTAMP \'2026-01-01 02:00:00.000001 +00:00\' OR "AT" IS NULL) AND '
        "((\"A\" > DATE '2026-01-02') OR (\"A\" = DATE '2026-01-02' AND \"B c\" > 'it''s')) "
        'ORDER BY "A", "B c" FETCH FIRST 5 ROWS ONLY'
    )
    assert [folded(name) for name in ("a", "A b", 'x"y')] == ['"A"', '"A b"', '"X""Y"']


def test_alloydb_is_reached_as_postgresql_is() -> None:
    (kind,) = (one for one in kinds() if one.__name__ == "Alloydb")
    source = kind.model_validate({"kind": "alloydb", "address": "postgresql://me@10.0.0.9/shop"})
    assert source.here("db") == "postgresql://me@10.0.0.9/shop"
