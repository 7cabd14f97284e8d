"""Tables come from a real PostgreSQL as they are, whole or not at all, and once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from databases import MEMBERS, landed, left, place, recorded, snapshot, written
from mlops_kit.core.files import sha256_of
from tracking_server import PostgreSQL


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    one = PostgreSQL()
    yield one
    one.close()


@pytest.fixture
def database(server: PostgreSQL) -> "Iterator[psycopg.Connection[Any]]":
    address = server.uri().replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


def source(server: PostgreSQL, **more: Any) -> dict[str, Any]:
    address = f"postgresql://mlflow@127.0.0.1:{server.port}/mlflow"
    return {"kind": "postgresql", "address": address, "retries": 0, **more}


INCREMENTAL = {"columns": MEMBERS, "cursor": "changed", "key": ["member_id"]}


def members(database: "psycopg.Connection[Any]", count: int = 1000) -> None:
    database.execute(
        "CREATE TABLE members (member_id int PRIMARY KEY, name text, changed timestamp)"
    )
    database.execute(
        "INSERT INTO members SELECT g, 'm' || g, timestamp '2026-01-01' + g * interval '1 minute' "
        "FROM generate_series(1, %s) g",
        [count],
    )


def test_new_and_changed_rows_come_once_and_take_the_place_of_the_old(
    server: PostgreSQL,
    database: "psycopg.Connection[Any]",
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    members(database)
    written(tmp_path, monkeypatch, source(server), {"members": INCREMENTAL}, server.password)
    assert landed()[0].startswith("members: 1,000 rows from db")
    assert recorded()["members"][0]["cursor"] == "2026-01-01T16:40:00"
    before = sha256_of(place("members"))
    assert landed()[0].startswith("members: nothing new from db")
    assert sha256_of(place("members")) == before
    database.execute(
        "UPDATE members SET name = 'new', changed = '2026-02-01' WHERE member_id = 7;"
        "INSERT INTO members VALUES (2000, 'later', '2026-02-02'), (2001, NULL, NULL)"
    )
    # A row without a cursor comes each time.
    assert landed()[0].startswith("members: 2 new and 2 changed rows, 1,002 in all")
    rows = snapshot("members").sort("member_id")
    assert rows["member_id"].to_list() == [*range(1, 1001), 2000, 2001]
    assert rows.filter(member_id=7)["name"].to_list() == ["new"]
    assert left("members") == []
