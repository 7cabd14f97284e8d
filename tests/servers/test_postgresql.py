"""Tables come from a real PostgreSQL as they are, whole or not at all, and once."""

import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, ClassVar

import psycopg
import pytest
from databases import kept, landed, place, snapshot, written
from landing_suite import LandsOnce, refused
from tracking_server import PostgreSQL


class Postgres:
    """The database `mlflow` of a server that is ours."""

    sleeps = "pg_sleep(3) IS NOT NULL"

    def __init__(self, server: PostgreSQL) -> None:
        self.server, self.password = server, server.password

    def source(self, user: str = "mlflow", **more: Any) -> dict[str, Any]:
        """Return an entry in conf/sources.yaml."""
        address = f"postgresql://{user}@127.0.0.1:{self.server.port}/mlflow"
        return {"kind": "postgresql", "address": address, "retries": 0, **more}

    def connection(self) -> "psycopg.Connection[Any]":
        """Connect as the owner."""
        return psycopg.connect(self.server.uri().replace("+psycopg", ""), autocommit=True)

    def run(self, *statements: str) -> None:
        """Run statements as the owner."""
        with self.connection() as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def members(self, count: int) -> None:
        """Make the table `members`."""
        self.run(
            "CREATE TABLE members (member_id int PRIMARY KEY, name text, changed timestamp)",
            "INSERT INTO members SELECT g, 'm' || g || repeat('.', 200), timestamp '2026-01-01' + "
            f"g * interval '1 minute' FROM generate_series(1, {count}) g",
        )

    def _user(self, name: str, *grants: str) -> dict[str, Any]:
        self.run(
            f"DROP ROLE IF EXISTS {name}", f"CREATE ROLE {name} LOGIN PASSWORD '{self.password}'",
            *grants,
        )  # fmt: skip
        return self.source(name)

    def stranger(self) -> dict[str, Any]:
        """Return the entry of who may read nothing."""
        return self._user("stranger")

    def reader(self) -> dict[str, Any]:
        """Return the entry of who may read `members` only."""
        return self._user("reader", "GRANT SELECT ON members TO reader")

    def kill(self) -> None:
        """End the server as a power cut would."""
        self.server.stop()

    def start(self) -> None:
        """Start it again."""
        self.server.start()


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    one = PostgreSQL()
    yield one
    one.close()


@pytest.fixture
def database(server: PostgreSQL) -> Iterator[Postgres]:
    one = Postgres(server)
    yield one
    one.run(
        "DROP SCHEMA public CASCADE",
        "CREATE SCHEMA public",
        "GRANT USAGE ON SCHEMA public TO public",
        "DROP ROLE IF EXISTS stranger, reader",
    )


class TestPostgresql(LandsOnce):
    """Real."""

    kind = "postgresql"
    odd: ClassVar = {
        "grid": ("int4[]", "{{1,2},{3,4}}"),
        "tags": ("text[]", '{{a,"b c"}}'),
        "until": ("date", "infinity"),
        "nobody": ("numeric(12,2)", "NaN"),
    }

    def test_an_array_of_several_dimensions_is_refused_by_its_name(self) -> None:
        self.database.run(
            "CREATE TABLE typed (id int, x int4[])", "INSERT INTO typed VALUES (1, '{{1,2}}')"
        )
        table = {"columns": {"id": {"type": "integer"}, "x": {"type": "integers"}}}
        written(self.folder, self.patch, self.database.source(retries=3), {"typed": table},
                self.database.password)  # fmt: skip
        said = refused()
        assert said.startswith('"x" of typed of db holds an array of several dimensions')
        assert "tried" not in said, "trying again does not help"

    def test_every_type_arrives_as_it_is(self) -> None:
        self.database.run(TYPED, VALUES, "INSERT INTO typed (id) VALUES (2)")
        columns = {name: {"type": "string", "nullable": True} for name in EXPECTED}
        as_they_are = {
            name: {**columns[name], "type": DECLARED.get(name, "integer")} for name in EXPECTED
        }
        for declared in (as_they_are, columns):
            written(
                self.folder, self.patch, self.database.source(), {"typed": {"columns": declared}},
                self.database.password,
            )  # fmt: skip
            landed(full=True)
            first, second = snapshot("typed").sort("id").rows(named=True)
            assert second == dict.fromkeys(EXPECTED) | {"id": second["id"]}
            for name, value in (EXPECTED if declared is as_they_are else {}).items():
                assert (name, first[name]) == (name, value)
        for name, text in TEXTS.items():
            assert (name, first[name]) == (name, text)

    def test_arrays_rows_and_json_keep_the_types_that_a_contract_gives_them(self) -> None:
        self.database.run("DROP TYPE IF EXISTS home CASCADE", *NESTED)
        columns = {"id": {"type": "integer"}} | {
            name: {"type": kind, "nullable": True} for name, kind in OF_CONTRACT.items()
        }
        written(self.folder, self.patch, self.database.source(), {"typed": {"columns": columns}},
                self.database.password)  # fmt: skip
        landed()
        assert sorted(kept("typed"), key=lambda row: row["id"]) == [
            {"id": 1, **OF_ROW},
            {"id": 2, **dict.fromkeys(OF_ROW)},
        ]

    def test_what_cannot_be_taken_exactly_is_refused_and_comes_as_text_if_declared_so(self) -> None:
        for kind, value, says in (
            ("timestamp", "infinity", "infinity, or a day that no calendar has"),
            ("date", "-infinity", "infinity, or a day that no calendar has"),
            ("timestamptz", "infinity", "infinity, or a day that no calendar has"),
            ("numeric(12,2)", "NaN", "a number that is NaN, which no decimal can be"),
            ("numeric(30,12)", "NaN", "holds a value that is no decimal"),
        ):
            self.database.run(
                "DROP TABLE IF EXISTS typed", f"CREATE TABLE typed (id int, x {kind})",
                f"INSERT INTO typed VALUES (1, '{value}')",
            )  # fmt: skip
            for declared in ("datetime", "string"):
                table = {"columns": {"id": {"type": "integer"}, "x": {"type": declared}}}
                written(self.folder, self.patch, self.database.source(), {"typed": table},
                        self.database.password)  # fmt: skip
                if declared == "string":
                    landed()
                    assert snapshot("typed")["x"].to_list() == [value]
                else:
                    said = refused()
                    assert says in said and "declare its type as string" in said
                    assert not place("typed").exists()
            place("typed").unlink()


NESTED = (
    "CREATE TYPE home AS (street text, number int8, since date)",
    """
CREATE TABLE typed (id int8, at time, photo bytea, doc jsonb, old json, tags text[],
    prices numeric(38,10)[], grid int4[], moments timestamptz[], days date[], home home,
    homes home[], hours time[], parts bytea[])
""",
    """
INSERT INTO typed VALUES (1, '23:59:59.999999', '\\x00ff', '{"a": [1, 2.50, null]}', '[1,  2]',
    '{a,"b,c",NULL,"\U0001f600",""}', '{1234567890123456789012345678.0123456789,-0.5}',
    '{{1,2},{3,NULL}}', '{1960-01-01 00:00:00.000001+03}', '{1815-12-10}',
    ROW('Calle "Mayor", 3', 9007199254740993, NULL), ARRAY[ROW('x', 1, '2026-02-28')::home, NULL],
    '{12:30}', ARRAY['\\x00ff'::bytea])
""",
    "INSERT INTO typed (id) VALUES (2)",
)
OF_HOME = "struct<street: string, number: integer, since: date>"
OF_CONTRACT = {
    "at": "time", "photo": "binary", "doc": "struct<a: list<decimal(4,2)>>", "old": "json",
    "tags": "list<string>", "prices": "list<decimal(38,10)>", "grid": "list<list<integer>>",
    "moments": "list<timestamptz>", "days": "list<date>", "home": OF_HOME,
    "homes": f"list<{OF_HOME}>", "hours": "list<time>", "parts": "list<binary>",
}  # fmt: skip
OF_ROW: dict[str, Any] = {
    "at": datetime.time(23, 59, 59, 999999),
    "photo": b"\x00\xff",
    "doc": {"a": [Decimal("1.00"), Decimal("2.50"), None]},
    "old": "[1,  2]",
    "tags": ["a", "b,c", None, "\U0001f600", ""],
    "prices": [Decimal("1234567890123456789012345678.0123456789"), Decimal("-0.5")],
    "grid": [[1, 2], [3, None]],
    "moments": [datetime.datetime(1959, 12, 31, 21, 0, 0, 1, tzinfo=datetime.UTC)],
    "days": [datetime.date(1815, 12, 10)],
    "home": {"street": 'Calle "Mayor", 3', "number": 2**53 + 1, "since": None},
    "homes": [{"street": "x", "number": 1, "since": datetime.date(2026, 2, 28)}, None],
    "hours": [datetime.time(12, 30)],
    "parts": [b"\x00\xff"],
}
LONG = "\U0001f600 long " * 1_000_000
TYPED = """
CREATE TABLE typed (id int8, i2 int2, i4 int4, f4 float4, f8 float8, n12 numeric(12,2),
    n38 numeric(38,10), n28 numeric(28,10), n0 numeric(38,0), small numeric(20,15), n numeric,
    b bool, t text, e text, v varchar(9), c char(4), long text, d date, old date, ts timestamp,
    tz timestamptz, ti time, tt timetz, iv interval, u uuid, j json, jb jsonb, by bytea,
    ia int4[], ta text[], m money, bc timestamp)
"""
VALUES = """
INSERT INTO typed VALUES (1, -32768, 2147483647, 1.1, 0.1::float8 + 0.2, -9999999999.99,
    1234567890123456789012345678.0123456789, 123456789012345678.0123456789,
    12345678901234567890123456789012345678, 12345.123456789012345, 0.12345678901234567890123, true,
    '\U0001f600 \u00e9', '', 'v', 'ab', repeat('\U0001f600 long ', 1000000), '2026-02-28',
    '1583-01-02', '1960-01-01 00:00:00.000001', '1960-01-01 00:00:00.000001+03',
    '23:59:59.999999', '12:00:00+03', '1 day 2 hours', '0a000000-0000-0000-0000-000000000001',
    '{"a":  1}', '{"b": 2}', '\\x00ff', '{1,NULL,3}', '{a,"b,c",NULL}', 12.5,
    '0044-03-15 12:00:00 BC')
"""
U = datetime.UTC
EXPECTED = {
    "id": 1, "i2": -32768, "i4": 2147483647, "f4": 1.100000023841858, "f8": 0.30000000000000004,
    "n12": Decimal("-9999999999.99"), "n38": Decimal("1234567890123456789012345678.0123456789"),
    "n28": Decimal("123456789012345678.0123456789"),
    "n0": Decimal("12345678901234567890123456789012345678"),
    "small": Decimal("12345.123456789012345"), "n": "0.12345678901234567890123", "b": True,
    "t": "\U0001f600 \u00e9", "e": "", "v": "v", "c": "ab  ", "long": LONG,
    "d": datetime.date(2026, 2, 28), "old": datetime.date(1583, 1, 2),
    "ts": datetime.datetime(1960, 1, 1, 0, 0, 0, 1),
    "tz": datetime.datetime(1959, 12, 31, 21, 0, 0, 1, tzinfo=U),
    "ti": datetime.time(23, 59, 59, 999999), "tt": "12:00:00+03", "iv": "1 day 02:00:00",
    "u": "0a000000-0000-0000-0000-000000000001", "j": '{"a":  1}', "jb": '{"b": 2}',
    "by": b"\x00\xff", "ia": [1, None, 3], "ta": ["a", "b,c", None], "m": "$12.50",
}  # fmt: skip
# What is declared matters where it is text, only.
DECLARED: dict[str, str] = {}
TEXTS = {
    "i2": "-32768", "f8": "0.30000000000000004", "n12": "-9999999999.99",
    "n38": "1234567890123456789012345678.0123456789", "b": "true", "old": "1583-01-02",
    "ts": "1960-01-01 00:00:00.000001", "tz": "1959-12-31 21:00:00.000001+00",
    "by": "\\x00ff", "ia": "{1,NULL,3}",
}  # fmt: skip
