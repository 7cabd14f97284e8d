"""Tables come from a real MariaDB as they are, whole or not at all, and once."""

import datetime
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from databases import kept, landed, place, snapshot, written
from landing_suite import LandsOnce, refused
from mariadb_server import MariaDB

pytestmark = pytest.mark.debian("mariadbd", "mariadb-server-core", "mariadb-client-core")


class Maria:
    """The database `shop` of a server that is ours."""

    sleeps = "SLEEP(3) = 0"

    def __init__(self, server: MariaDB) -> None:
        self.server, self.password = server, server.password

    def source(self, user: str = "owner", **more: Any) -> dict[str, Any]:
        """Return an entry in conf/sources.yaml."""
        address = f"mysql://{user}@127.0.0.1:{self.server.port}/shop"
        return {"kind": "mysql", "address": address, "retries": 0, **more}

    def run(self, *statements: str) -> None:
        """Run statements as the owner."""
        with closing(self.server.owner()) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def members(self, count: int) -> None:
        """Make the table `members`."""
        self.run(
            "CREATE TABLE members (member_id int PRIMARY KEY, name varchar(300), "
            "changed datetime(6))",
            "INSERT INTO members SELECT seq, concat('m', seq, repeat('.', 200)), "
            f"TIMESTAMP '2026-01-01 00:00:00' + INTERVAL seq MINUTE FROM seq_1_to_{count}",
        )

    def _user(self, name: str, *grants: str) -> dict[str, Any]:
        with closing(self.server.administrator()) as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP USER IF EXISTS {name}@'127.0.0.1'")
            cursor.execute(f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY %s", [self.password])
            for grant in grants:
                cursor.execute(grant)
        return self.source(name)

    def stranger(self) -> dict[str, Any]:
        """Return the entry of who may read nothing."""
        return self._user("stranger")

    def reader(self) -> dict[str, Any]:
        """Return the entry of who may read `members` only."""
        return self._user("reader", "GRANT SELECT ON shop.members TO reader@'127.0.0.1'")

    def kill(self) -> None:
        """End the server as a power cut would."""
        self.server.kill()

    def start(self) -> None:
        """Start it again."""
        self.server.start()


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDB]:
    one = MariaDB()
    yield one
    one.close()


@pytest.fixture
def database(server: MariaDB) -> Iterator[Maria]:
    one = Maria(server)
    yield one
    if server.process.poll() is not None:  # a test that failed may have left it so
        server.start()
    one.run("DROP TABLE IF EXISTS members, typed, customers, products, orders, oracle")


class TestMysql(LandsOnce):
    """Real."""

    kind = "mysql"
    lenient = ("SET sql_mode = ''",)
    odd: ClassVar = {
        "never": ("date", "0000-00-00"),
        "nowhen": ("datetime(6)", "0000-00-00 00:00:00.000000"),
        "unset": ("timestamp(6) NULL", "0000-00-00 00:00:00.000000"),
        "hours": ("time", "100:00:00"),
    }

    @pytest.fixture(autouse=True)
    def own(self, server: MariaDB) -> None:
        self.server = server

    def table(self, columns: dict[str, str]) -> None:
        kinds = {name: {"type": kind, "nullable": True} for name, kind in columns.items()}
        written(self.folder, self.patch, self.database.source(), {"typed": {"columns": kinds}},
                self.database.password)  # fmt: skip

    def test_every_type_arrives_as_it_is(self) -> None:
        self.database.run(TYPED, *VALUES, "INSERT INTO typed (id) VALUES (2)")
        self.table(dict.fromkeys(EXPECTED, "integer"))
        landed()
        first, second = snapshot("typed").sort("id").rows(named=True)
        assert second == dict.fromkeys(EXPECTED) | {"id": 2}
        for name, value in EXPECTED.items():
            assert (name, first[name]) == (name, value)
        self.table({"id": "integer"} | dict.fromkeys(TEXTS, "string"))
        landed(full=True)
        first = snapshot("typed").sort("id").row(0, named=True)
        for name, text in TEXTS.items():
            assert (name, first[name]) == (name, text)

    def test_times_bytes_and_json_keep_the_types_that_a_contract_gives_them(self) -> None:
        self.database.run(
            "CREATE TABLE typed (id int, at time(6), photo blob, doc json, tags json, home json)",
            "INSERT INTO typed VALUES (1, '23:59:59.999999', x'00ff', '{\"a\":  1.50}', "
            '\'["a", null, "\U0001f600"]\', \'{"street": "x", "no": 9007199254740993}\')',
            "INSERT INTO typed (id) VALUES (2)",
        )
        kinds = {"at": "time", "photo": "binary", "doc": "json", "tags": "list<string>",
                 "home": "struct<street: string, no: integer>"}  # fmt: skip
        columns = {name: {"type": kind, "nullable": True} for name, kind in kinds.items()}
        table = {"typed": {"columns": {"id": {"type": "integer"}, **columns}}}
        written(self.folder, self.patch, self.database.source(), table, self.database.password)
        landed()
        assert sorted(kept("typed"), key=lambda row: row["id"]) == [
            {
                "id": 1,
                "at": datetime.time(23, 59, 59, 999999),
                "photo": b"\x00\xff",
                "doc": '{"a":  1.50}',
                "tags": ["a", None, "\U0001f600"],
                "home": {"street": "x", "no": 2**53 + 1},
            },
            {"id": 2} | dict.fromkeys(kinds),
        ]

    def test_what_cannot_be_taken_exactly_is_refused_and_comes_as_text_if_declared_so(self) -> None:
        for kind, value in (
            ("date", "0000-00-00"),
            ("datetime(6)", "0000-00-00 00:00:00.000000"),
            ("timestamp(6)", "0000-00-00 00:00:00.000000"),
            ("time", "100:00:00"),
            ("time", "-12:00:00"),
        ):
            self.database.run(
                "SET sql_mode = ''", "DROP TABLE IF EXISTS typed",
                f"CREATE TABLE typed (id int, x {kind} NULL)",
                f"INSERT INTO typed VALUES (1, '{value}')",
            )  # fmt: skip
            self.table({"id": "integer", "x": "datetime"})
            said = refused()
            assert said.startswith('"x" of typed of db holds'), kind
            assert "declare its type as string" in said, kind
            assert not place("typed").exists()
            self.table({"id": "integer", "x": "string"})
            landed()
            assert snapshot("typed")["x"].to_list() == [value]
            place("typed").unlink()

    def test_moments_are_the_same_whatever_zone_the_server_has_and_none_is_skipped(self) -> None:
        # In Madrid half past two came twice that night; the cursor stands on the second one.
        self.database.run(
            "CREATE TABLE typed (id int PRIMARY KEY, x timestamp(6) NULL)",
            "SET time_zone = '+00:00'",
            "INSERT INTO typed VALUES (1, '2025-10-26 00:30:00'), (2, '2025-10-26 01:30:00.5')",
        )
        moments = {"id": {"type": "integer"}, "x": {"type": "timestamptz"}}
        table = {"columns": moments, "cursor": "x", "key": ["id"]}
        with closing(self.server.administrator()) as connection:
            connection.cursor().execute("SET GLOBAL time_zone = '+05:30'")
            written(self.folder, self.patch, self.database.source(), {"typed": table},
                    self.database.password)  # fmt: skip
            landed()
            assert snapshot("typed")["x"].to_list() == [
                datetime.datetime(2025, 10, 26, 0, 30, tzinfo=datetime.UTC),
                datetime.datetime(2025, 10, 26, 1, 30, 0, 500_000, tzinfo=datetime.UTC),
            ]
            self.database.run(
                "SET time_zone = '+00:00'",
                "INSERT INTO typed VALUES (3, '2025-10-26 01:30:00.500001'), "
                "(4, '2025-10-26 01:30:00.499999')",
            )
            assert "1 new and 1 changed rows, 3 in all" in landed()[0]
            assert snapshot("typed")["id"].to_list() == [1, 2, 3]
            connection.cursor().execute("SET GLOBAL time_zone = 'SYSTEM'")


LONG = "\U0001f600 long " * 1_000_000
TYPED = """
CREATE TABLE typed (id int, yes tinyint(1), t8 tinyint, u8 tinyint unsigned, i16 smallint,
    i24 mediumint, u32 int unsigned, i64 bigint, u64 bigint unsigned, f float, d double,
    n12 decimal(12,2), n38 decimal(38,10), n65 decimal(65,30), small decimal(20,15), v varchar(20),
    e varchar(9), c char(4), x longtext, bi varbinary(10), bl blob, b1 bit(1), b8 bit(8), da date,
    dt datetime(6), ts timestamp(6) NULL, ti time(6), y year, j json, en enum('a','b'),
    se set('a','b'), u uuid) CHARACTER SET utf8mb4
"""
VALUES = (
    "SET time_zone = '+00:00'",
    """
INSERT INTO typed VALUES (1, 5, -128, 255, -32768, -8388608, 4294967295, -9223372036854775808,
    18446744073709551615, 1.1, 0.1e0 + 0.2e0, -9999999999.99,
    1234567890123456789012345678.0123456789, 12345678901234567890123456789012345.5,
    12345.123456789012345, '\U0001f600 \u00e9', '', 'ab', repeat('\U0001f600 long ', 1000000),
    x'00ff', x'ff00', b'1', b'11', '1583-01-02', '1960-01-01 00:00:00.000001',
    '1999-01-01 00:00:00.000001', '23:59:59.999999', 1999, '{"a":  1}', 'b', 'a,b',
    '0a000000-0000-0000-0000-000000000001')
""",
)
EXPECTED = {
    "id": 1, "yes": 5, "t8": -128, "u8": 255, "i16": -32768, "i24": -8388608, "u32": 4294967295,
    "i64": -(2**63), "u64": 2**64 - 1, "f": 1.100000023841858, "d": 0.30000000000000004,
    "n12": Decimal("-9999999999.99"), "n38": Decimal("1234567890123456789012345678.0123456789"),
    "n65": "12345678901234567890123456789012345.500000000000000000000000000000",
    "small": Decimal("12345.123456789012345"), "v": "\U0001f600 \u00e9", "e": "", "c": "ab",
    "x": LONG, "bi": b"\x00\xff", "bl": b"\xff\x00", "b1": 1, "b8": 3,
    "da": datetime.date(1583, 1, 2), "dt": datetime.datetime(1960, 1, 1, 0, 0, 0, 1),
    "ts": datetime.datetime(1999, 1, 1, 0, 0, 0, 1, tzinfo=datetime.UTC),
    "ti": datetime.time(23, 59, 59, 999999), "y": 1999, "j": '{"a":  1}', "en": "b", "se": "a,b",
    "u": "0a000000-0000-0000-0000-000000000001",
}  # fmt: skip
TEXTS = {
    "t8": "-128", "u64": "18446744073709551615", "n12": "-9999999999.99",
    "n38": "1234567890123456789012345678.0123456789", "da": "1583-01-02",
    "dt": "1960-01-01 00:00:00.000001", "ti": "23:59:59.999999", "y": "1999",
}  # fmt: skip
