"""Tables come from a real MariaDB as they are, whole or not at all, and once."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import polars as pl
import pytest
from landing_suite import LandsOnce
from mariadb_server import NEEDED, MariaDB, programs

pytestmark = pytest.mark.skipif(len(programs()) < 2, reason=NEEDED)


class Maria:
    """The database `shop` of a server that is ours."""

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

    def load(self, name: str, rows: pl.DataFrame) -> None:
        """Make a table of these rows; a list is JSON, as this database has it."""
        kinds: dict[Any, str] = {
            pl.Int64: "bigint", pl.Float64: "double", pl.Date: "date", pl.List: "json",
            pl.Datetime: "datetime(6)", pl.String: "varchar(200)",
        }  # fmt: skip
        columns = ", ".join(
            f"`{one}` {kinds[kind.base_type()]}" for one, kind in rows.schema.items()
        )
        marks = ", ".join(["%s"] * rows.width)
        with closing(self.server.owner()) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE OR REPLACE TABLE `{name}` ({columns})")
            lists = [[json.dumps(one) if isinstance(one, list) else one for one in row]
                     for row in rows.iter_rows()]  # fmt: skip
            cursor.executemany(f"INSERT INTO `{name}` VALUES ({marks})", lists)

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
    one.run("DROP TABLE IF EXISTS members, typed, customers, products, orders, oracle")


class TestMysql(LandsOnce):
    """Real."""

    kind = "mysql"
